//! The shop's orders as an event stream: when it is, what is due by the shop's own files, what Braze took, and what the
//! state says. It shares nothing with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::binary::{Run, Running};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Plan, Project, yaml};
use crate::support::world::World;

/// The stream of these tests.
pub(super) const ORDERS: &str = "sync.orders";

/// The clock of commands: how far it is ahead of this machine's, so that it is the same time of day whenever a test runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    noon: SignedDuration,
    /// The day before the one that it is.
    pub(super) yesterday: Date,
}

impl Clock {
    /// Noon of tomorrow.
    #[expect(clippy::disallowed_methods, reason = "the program reads the clock too")]
    pub(super) fn noon() -> Self {
        let now = Timestamp::now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let noon = today.tomorrow().unwrap().at(12, 0, 0, 0);
        let noon = noon.to_zoned(TimeZone::UTC).unwrap().timestamp();
        Self {
            noon: noon.duration_since(now),
            yesterday: today,
        }
    }

    /// How far ahead it is so many hours after noon.
    pub(super) fn ahead(&self, hours: i64) -> String {
        let ahead = self.noon + SignedDuration::from_hours(hours);
        format!("{}s", ahead.as_secs())
    }

    /// Starts a sandbox in whose world everything that commands will read is there long before.
    pub(super) fn world(&self, scenario: &Path, more: &[&str]) -> World {
        let ahead = format!("--clock-offset={}", self.ahead(60 * 24));
        World::with(scenario, &[&[ahead.as_str()], more].concat())
    }
}

/// An order: whose, when, how many cents, how many pieces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) person: String,
    pub(super) at: Timestamp,
    pub(super) cents: i64,
    pub(super) pieces: i64,
}

impl Order {
    /// Reads a purchase that Braze took.
    #[track_caller]
    pub(super) fn bought(purchase: &Value) -> Self {
        let alias = &purchase["user_alias"]["alias_name"];
        let person = purchase["external_id"].as_str().or(alias.as_str());
        let price = purchase["price"].as_f64().unwrap() * 100.0;
        let whole = price.round();
        assert!((price - whole).abs() < 1e-6, "no whole cents: {purchase}");
        let quantity = purchase["quantity"].as_i64().unwrap_or(1);
        assert!((1..=100).contains(&quantity), "{purchase}");
        let units = purchase["properties"]["units"].as_i64();
        Self {
            person: person.unwrap().to_owned(),
            at: purchase["time"].as_str().unwrap().parse().unwrap(),
            cents: whole as i64 * quantity,
            pieces: units.unwrap_or(quantity),
        }
    }

    fn exported(line: &Value) -> Self {
        let properties = &line["event_properties"];
        let revenue = properties["revenue"].as_f64().unwrap();
        Self {
            person: line["user_id"].as_str().unwrap().to_owned(),
            at: moment(line["event_time"].as_str().unwrap()),
            cents: (revenue * 100.0).round() as i64,
            pieces: properties["quantity"].as_i64().unwrap(),
        }
    }
}

/// Reads a time of an export.
pub(super) fn moment(text: &str) -> Timestamp {
    format!("{}Z", text.replace(' ', "T")).parse().unwrap()
}

/// The orders of a scenario, each by the id that Syncform knows its event by.
pub(super) fn orders(scenario: &Scenario) -> BTreeMap<String, Order> {
    let mut orders = BTreeMap::new();
    let of = |path: &&String| path.starts_with("amplitude/events/");
    for path in scenario.files.keys().filter(of) {
        for line in scenario.files[path].lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let id = id(&["insert", &text("device_id"), &text("$insert_id")]);
            let known = orders.insert(id, Order::exported(&line));
            assert_eq!(known, None, "two orders with one id");
        }
    }
    orders
}

/// The id of an event, of what names it.
fn id(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let bytes = digest.finalize();
    let first: [u8; 16] = bytes[..16].try_into().unwrap();
    format!("{:032x}", u128::from_be_bytes(first))
}

/// How often each of these is there.
pub(super) fn counted<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

/// The configuration of a stream of orders; `more` are further keys of it.
pub(super) fn configured(start: Date, objects_per_request: usize, more: &str) -> String {
    let app = "app_id: 11111111-1111-4111-8111-111111111111, objects_per_request";
    yaml(OPEN, objects_per_request, &[]).replace("objects_per_request", app)
        + &format!(
            "  orders:\n    kind: event_stream\n    from: export\n    start_at: {start}T00:00:00Z\n    \
             events: [Order Completed]\n    as: purchase\n    \
             purchase: {{product_id: {{value: cds}}, revenue: revenue, currency: currency, quantity: quantity}}\n    \
             properties: {{user: [tier]}}\n    cadence: hourly\n{more}"
        )
}

/// A world with some people of the shop, in which nothing has happened yet.
pub(super) fn quiet(clock: &Clock) -> World {
    let ask = Ask::day(JUNE).customers(50);
    let scenario = cdnow::scenario(&Ask {
        event_days: 0,
        ..ask
    });
    clock.world(&scenario.dir, &[])
}

/// An event of the first customer as the Export API writes it, with its number, when it was and what else is in it.
pub(super) fn event(number: u64, at: Timestamp, changes: &Value) -> String {
    let time = at.strftime("%Y-%m-%d %H:%M:%S.000000").to_string();
    let mut event = json!({
        "$insert_id": format!("event-{number}"), "uuid": null, "amplitude_id": 100_000_000_001_u64,
        "user_id": "cdnow-00001", "device_id": "device-1", "event_type": "Page Viewed", "event_time": time,
        "server_upload_time": time, "event_properties": {"number": number}, "user_properties": {}});
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event.to_string() + "\n"
}

/// A moment of a day: so many minutes after its beginning.
pub(super) fn at(day: Date, minutes: i64) -> Timestamp {
    let start = day.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    (start + minutes.minutes()).timestamp()
}

/// A configuration with these syncs, each a name and the keys of an event stream but for where it is read.
pub(super) fn streams(syncs: &[(&str, &str)]) -> String {
    let top = configured(Date::MIN, 75, "");
    let (top, _) = top.split_once("  orders:").unwrap();
    let stream = |(name, keys): &(&str, &str)| {
        format!("  {name}: {{kind: event_stream, from: export, {keys}}}\n")
    };
    top.to_owned() + &syncs.iter().map(stream).collect::<String>()
}

/// A project in a world, by a clock.
pub(super) struct Shop {
    pub(super) clock: Clock,
    pub(super) world: World,
    pub(super) project: Project,
}

impl Shop {
    /// A project with this configuration.
    pub(super) fn new(clock: Clock, world: World, text: &str) -> Self {
        let project = Project::written(vec![], text);
        Self {
            clock,
            world,
            project,
        }
    }

    /// The numbers of the events that Braze took, by the name it took them under, in the order of the numbers.
    #[track_caller]
    pub(super) fn numbers(&self) -> BTreeMap<String, Vec<u64>> {
        let mut numbers = BTreeMap::<String, Vec<u64>>::new();
        for event in self.world.happened().0 {
            let number = event["properties"]["number"].as_u64().unwrap();
            let name = event["name"].as_str().unwrap().to_owned();
            numbers.entry(name).or_default().push(number);
        }
        numbers.values_mut().for_each(|of| of.sort_unstable());
        numbers
    }

    /// Runs a command so many hours after noon.
    #[track_caller]
    pub(super) fn run(&self, hours: i64, words: &[&str]) -> Run {
        self.start(hours, words).finish()
    }

    /// Starts a command so many hours after noon.
    pub(super) fn start(&self, hours: i64, words: &[&str]) -> Running {
        let ahead = self.clock.ahead(hours);
        self.project.start_later(&self.world, &ahead, words)
    }

    /// An apply that asks nobody.
    #[track_caller]
    pub(super) fn apply(&self, hours: i64) -> Run {
        self.run(hours, &["apply", "--auto-approve"])
    }

    /// Plans so many hours after noon, and checks that everything found is accounted for.
    #[track_caller]
    pub(super) fn plan(&self, hours: i64) -> Plan {
        let ahead = self.clock.ahead(hours);
        let plan = self.project.plan_later(&self.world, &ahead);
        for resource in plan.json["resources"].as_array().unwrap() {
            assert_adds_up(resource);
        }
        plan
    }

    /// What a plan says of the orders.
    #[track_caller]
    pub(super) fn log(&self, hours: i64) -> Value {
        self.plan(hours).resource(ORDERS)["log"].clone()
    }

    /// Fails unless a plan finds nothing to do, and asks nobody to find out.
    #[track_caller]
    pub(super) fn assert_settled(&self, hours: i64, when: &str) {
        let before = self.world.stats();
        let plan = self.plan(hours);
        plan.assert_empty(when);
        let after = self.world.stats();
        assert_eq!(
            after.exports(),
            before.exports(),
            "{when}: an hour was read again"
        );
        assert_eq!(after.writes(), before.writes(), "{when}: a plan wrote");
    }

    /// The purchases that Braze took, in order.
    #[track_caller]
    pub(super) fn bought(&self) -> Vec<Order> {
        let (_, purchases) = self.world.happened();
        purchases.iter().map(Order::bought).collect()
    }

    /// What the state says of the orders.
    #[track_caller]
    pub(super) fn recorded(&self) -> Recorded {
        Recorded::of(&self.project.state(&self.world))
    }
}

/// Fails unless what a plan says of a log adds up.
#[track_caller]
pub(super) fn assert_adds_up(resource: &Value) {
    let log = &resource["log"];
    let figure = |name: &str| log[name].as_u64().unwrap();
    let skipped = log["skipped"].as_object().unwrap().values();
    let skipped: u64 = skipped.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(
        figure("found"),
        figure("sent") - figure("released") + figure("filtered") + skipped + figure("sent_before"),
        "{resource:#}"
    );
}

/// What the state says of the orders.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Ids that are never sent again, parked ones left out.
    pub(super) done: BTreeSet<String>,
    /// Ids of parked events and the batches they were in.
    pub(super) parked: BTreeMap<String, String>,
    /// Events acknowledged in all, as they were counted.
    pub(super) acknowledged: u64,
    pub(super) maybe_double: u64,
    pub(super) cursor: Value,
}

impl Recorded {
    /// Batches of parked events.
    pub(super) fn batches(&self) -> BTreeSet<&String> {
        self.parked.values().collect()
    }

    #[track_caller]
    fn of(state: &Path) -> Self {
        let manifest = fs::read(state.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["pending"], Value::Null, "a run is pending");
        let log = &manifest["resources"][ORDERS]["log"];
        let column = |of: &str, name: &str| match log[of]["blob"].as_str() {
            Some(blob) => column(&state.join("blobs").join(format!("{blob}.parquet")), name),
            None => vec![],
        };
        let ids = column("parked", "event_id");
        let count = ids.len();
        let parked: BTreeMap<String, String> =
            ids.into_iter().zip(column("parked", "batch")).collect();
        assert_eq!(parked.len(), count, "parked twice");
        assert_eq!(log["parked"]["events"].as_u64().unwrap_or(0), count as u64);
        let ids = column("seen", "event_id");
        let mut done: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(done.len(), ids.len(), "remembered twice");
        for id in parked.keys() {
            assert!(done.remove(id), "parked, and not remembered");
        }
        let recorded = Self {
            done,
            parked,
            acknowledged: log["acknowledged"].as_u64().unwrap(),
            maybe_double: log["maybe_double"].as_u64().unwrap(),
            cursor: log["cursor"].clone(),
        };
        let batches = log["parked"]["batches"].as_u64().unwrap_or(0);
        assert_eq!(recorded.batches().len() as u64, batches);
        recorded
    }
}

/// One column of a Parquet file.
#[track_caller]
fn column(path: &Path, name: &str) -> Vec<String> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let cell = |row: parquet::record::Row| {
        let mut columns = row.get_column_iter();
        let (_, field) = columns.find(|(column, _)| *column == name).unwrap();
        match field {
            Field::Str(text) => text.clone(),
            other => panic!("no text in `{name}`: {other}"),
        }
    };
    rows.map(|row| cell(row.unwrap())).collect()
}

/// The hour of a day and a number, as cursors and plans write it.
pub(super) fn hour(day: Date, hour: i64) -> String {
    let at = day.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap() + hour.hours();
    at.strftime("%Y%m%dT%H").to_string()
}
