//! Makes a sandbox scenario out of the CDNOW orders, as of a day: the same arguments give the same bytes.
//! It shares nothing with the program; what it makes is what a real shop's audience was on that day.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _, Unit};
use md5::{Digest as _, Md5};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

/// The day before.
pub(crate) const JUNE: &str = "1997-06-30";
/// The day after: the same shop a month later.
pub(crate) const JULY: &str = "1997-07-31";

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ask {
    /// Orders after this day have not happened yet.
    pub(crate) as_of: Date,
    /// The first so many customers.
    pub(crate) customers: u64,
    /// How many days of events, the last included.
    pub(crate) event_days: i64,
    /// Moves every date by whole days, so that `as_of` becomes this day.
    pub(crate) as_if: Option<Date>,
}

impl Ask {
    /// Everything there is on a day, with two days of events.
    pub(crate) fn day(as_of: &str) -> Self {
        Self {
            as_of: as_of.parse().unwrap(),
            customers: 1_000_000_000,
            event_days: 2,
            as_if: None,
        }
    }

    /// Only the first `customers` customers.
    pub(crate) fn customers(self, customers: u64) -> Self {
        Self { customers, ..self }
    }
}

/// The files of a scenario by their path in it.
pub(crate) type Files = BTreeMap<String, String>;

/// A scenario that lies on disk.
pub(crate) struct Scenario {
    /// Where it lies.
    pub(crate) dir: PathBuf,
    /// What it holds.
    pub(crate) files: Files,
}

impl Scenario {
    /// The download file of a cohort.
    pub(crate) fn cohort(&self, id: &str) -> &str {
        &self.files[&format!("amplitude/cohorts/{id}.csv")]
    }
}

/// Makes a scenario once a process, and keeps it among the build's temporary files.
pub(crate) fn scenario(ask: &Ask) -> &'static Scenario {
    static MADE: OnceLock<Mutex<BTreeMap<Ask, &'static Scenario>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry(ask.clone()).or_insert_with(|| {
        let files = make(ask);
        let name = format!(
            "{}-{}-{}-{}",
            ask.as_of,
            ask.customers,
            ask.event_days,
            ask.as_if.map(|day| day.to_string()).unwrap_or_default()
        );
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cdnow")
            .join(name);
        write(&files, &dir);
        Box::leak(Box::new(Scenario { dir, files }))
    })
}

/// Writes files below a folder; each appears whole or not at all, so two test runs may write the same.
pub(crate) fn write(files: &Files, dir: &Path) {
    for (path, text) in files {
        let path = dir.join(path);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        let draft = tempfile::NamedTempFile::new_in(parent).unwrap();
        fs::write(draft.path(), text).unwrap();
        draft.persist(path).unwrap();
    }
}

/// One order: the day, how many CDs, how many cents.
struct Order {
    day: Date,
    quantity: i64,
    cents: i64,
}

/// One customer as of the day.
struct Person {
    number: u64,
    user_id: String,
    amplitude_id: u64,
    device_id: Uuid,
    orders: usize,
    cds: i64,
    cents: i64,
    first: Date,
    last: Date,
    tier: &'static str,
}

/// A cohort: id, name, who is in it.
type Cohort = (&'static str, &'static str, fn(&Person, Date) -> bool);

const COHORTS: [Cohort; 7] = [
    ("act30d1", "Active 30d", |person, day| {
        within(person, day, 30)
    }),
    ("act90d1", "Active 90d", |person, day| {
        within(person, day, 90)
    }),
    ("repeat1", "Repeat buyers", |person, _| person.orders >= 2),
    ("bigspnd", "Big spenders", |person, _| {
        person.cents >= 20_000
    }),
    ("lapsed1", "Lapsed", |person, day| !within(person, day, 90)),
    ("visit01", "Visitors", |person, day| within(person, day, 7)), // and 150 anonymous devices
    ("nobody1", "Nobody yet", |_, _| false),
];

/// Anonymous devices in Visitors.
const ANONYMOUS: u64 = 150;

/// The files of a scenario.
pub(crate) fn make(ask: &Ask) -> Files {
    let shift = ask.as_if.map_or(Span::new(), |day| {
        day.since((Unit::Day, ask.as_of)).unwrap()
    });
    let by_customer = orders(ask, shift);
    let day = ask.as_of + shift;
    let people: Vec<Person> = by_customer
        .iter()
        .map(|(number, orders)| person(*number, orders))
        .collect();

    let mut files = Files::new();
    amplitude_cohorts(&mut files, &people, day);
    files.insert("amplitude/profiles.jsonl".into(), profiles(&people, day));
    events(&mut files, &people, &by_customer, day, ask.event_days);
    files.insert("braze/users.jsonl".into(), braze_users(&people));
    files.insert("braze/segments.json".into(), braze_segments());
    files
}

fn orders(ask: &Ask, shift: Span) -> BTreeMap<u64, Vec<Order>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/CDNOW_master.txt");
    let mut seen: BTreeMap<u64, Vec<Order>> = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines().skip(1) {
        let [customer, day, quantity, value] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            panic!("four columns wanted: {line}")
        };
        let day = Date::strptime("%Y%m%d", day).unwrap();
        let customer: u64 = customer.parse().unwrap();
        if day <= ask.as_of && customer <= ask.customers {
            let (dollars, cents) = value.split_once('.').unwrap();
            assert_eq!(cents.len(), 2, "whole cents wanted: {line}");
            let cents = dollars.parse::<i64>().unwrap() * 100 + cents.parse::<i64>().unwrap();
            let order = Order {
                day: day + shift,
                quantity: quantity.parse().unwrap(),
                cents,
            };
            seen.entry(customer).or_default().push(order);
        }
    }
    seen
}

fn person(number: u64, orders: &[Order]) -> Person {
    let cents = orders.iter().map(|order| order.cents).sum();
    let mut days: Vec<Date> = orders.iter().map(|order| order.day).collect();
    days.sort_unstable();
    days.dedup();
    Person {
        number,
        user_id: format!("cdnow-{number:05}"),
        amplitude_id: 100_000_000_000 + number,
        device_id: named(&format!("device-{number}")),
        orders: days.len(),
        cds: orders.iter().map(|order| order.quantity).sum(),
        cents,
        first: days[0],
        last: days[days.len() - 1],
        tier: match cents {
            30_000.. => "gold",
            10_000.. => "silver",
            _ => "bronze",
        },
    }
}

fn within(person: &Person, day: Date, days: i32) -> bool {
    day.since((Unit::Day, person.last)).unwrap().get_days() <= days
}

fn amplitude_cohorts(files: &mut Files, people: &[Person], day: Date) {
    let stamp = six_o_clock(day);
    let mut listed = Vec::new();
    for (id, name, rule) in COHORTS {
        let mut members: Vec<&Person> = people.iter().filter(|person| rule(person, day)).collect();
        members.sort_by_cached_key(|person| small(person.amplitude_id, id, 1 << 61));
        let anonymous = if id == "visit01" { ANONYMOUS } else { 0 };
        files.insert(
            format!("amplitude/cohorts/{id}.csv"),
            download(&members, anonymous),
        );
        let sync = json!([{
            "target": "braze", "frequency": "daily",
            "last_successful": format!("{day}T05:00:00.000000+00:00"),
            "last_failure": null, "params": {"user_id": "external_id"}}]);
        listed.push(json!({
            "appId": 153_957, "archived": false, "definition": {"version": 3}, "description": "",
            "finished": true, "id": id, "name": name, "owners": ["growth@example.com"], "viewers": [],
            "published": true, "size": members.len() as u64 + anonymous, "type": "redshift",
            "lastMod": stamp - 86_400, "createdAt": 850_000_000, "lastComputed": stamp, "hidden": false,
            "metadata": null, "view_count": null, "popularity": null, "last_viewed": null, "chart_id": null,
            "edit_id": null, "is_predictive": false, "is_official_content": false, "location_id": null,
            "shortcut_ids": [], "syncMetadata": if id == "lapsed1" { sync } else { json!([]) }}));
    }
    files.insert(
        "amplitude/cohorts.json".into(),
        indented(&json!({"cohorts": listed})),
    );
}

fn download(members: &[&Person], anonymous: u64) -> String {
    let mut text = concat!(
        r#""amplitude_id","user_id","device_id","tier","#,
        r#""lifetime_orders","lifetime_revenue","last_order_date""#,
        "\n"
    )
    .to_owned();
    for person in members {
        let Person {
            amplitude_id,
            user_id,
            device_id,
            tier,
            orders,
            last,
            ..
        } = person;
        let revenue = money(person.cents);
        writeln!(
            text,
            r#""{amplitude_id}","{user_id}","{device_id}","{tier}","{orders}","{revenue}","{last}""#
        )
        .unwrap();
    }
    for number in 1..=anonymous {
        let (id, device) = (200_000_000_000 + number, named(&format!("anon-{number}")));
        writeln!(text, r#""{id}","","{device}","","","","""#).unwrap();
    }
    text
}

fn profiles(people: &[Person], day: Date) -> String {
    const SHELF: [&str; 8] = [
        "jazz",
        "rock",
        "classical",
        "folk",
        "soundtrack",
        "blues",
        "country",
        "world",
    ];
    let stamp = six_o_clock(day);
    let mut text = String::new();
    for person in people {
        let start = small(person.number, "rec", SHELF.len() as u64) as usize;
        let items: Vec<&str> = (0..3)
            .map(|step| SHELF[(start + step) % SHELF.len()])
            .collect();
        let member: Vec<&str> = COHORTS
            .iter()
            .filter(|(_, _, rule)| rule(person, day))
            .map(|(id, _, _)| *id)
            .collect();
        line(
            &mut text,
            &json!({
                "user_id": person.user_id, "device_id": person.device_id.to_string(),
                "amp_props": {"tier": person.tier, "lifetime_orders": person.orders,
                              "lifetime_revenue": dollars(person.cents), "last_order_date": person.last.to_string()},
                "computations": {"comp_ltv": money(person.cents), "comp_cds": person.cds.to_string()},
                "recommendations": [{"rec_id": "genres", "child_rec_id": "genres", "items": items,
                                     "is_control": small(person.number, "ctl", 20) == 0,
                                     "recommendation_source": "model", "last_updated": stamp}],
                "cohort_ids": member}),
        );
    }
    text
}

fn events(
    files: &mut Files,
    people: &[Person],
    by_customer: &BTreeMap<u64, Vec<Order>>,
    day: Date,
    event_days: i64,
) {
    let first = day - (event_days - 1).days();
    let mut by_day: BTreeMap<Date, Vec<(DateTime, String, Value)>> = BTreeMap::new();
    for (person, orders) in people.iter().zip(by_customer.values()) {
        for (index, order) in orders
            .iter()
            .enumerate()
            .filter(|(_, order)| (first..=day).contains(&order.day))
        {
            let seconds = small(person.number, &format!("t{index}"), 86_400);
            let at = order.day.to_datetime(Time::midnight()) + seconds.cast_signed().seconds();
            let key = format!("order-{}-{index}", person.number);
            let time = at.strftime("%Y-%m-%d %H:%M:%S.000000").to_string();
            let event = json!({
                "$insert_id": key, "uuid": named(&key).to_string(), "app": 153_957,
                "amplitude_id": person.amplitude_id, "user_id": person.user_id,
                "device_id": person.device_id.to_string(), "event_type": "Order Completed",
                "event_time": time, "client_event_time": time, "client_upload_time": time,
                "server_received_time": time, "server_upload_time": time, "processed_time": time,
                "event_properties":
                    {"quantity": order.quantity, "revenue": dollars(order.cents), "currency": "USD"},
                "user_properties": {"tier": person.tier}, "groups": {}, "group_properties": {},
                "event_id": index, "session_id": -1, "platform": "Web", "country": "United States",
                "library": "http/2.0", "sample_rate": null});
            by_day.entry(order.day).or_default().push((at, key, event));
        }
    }
    for (day, mut events) in by_day {
        events.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut text = String::new();
        for (_, _, event) in &events {
            line(&mut text, event);
        }
        files.insert(format!("amplitude/events/{day}.jsonl"), text);
    }
}

fn braze_users(people: &[Person]) -> String {
    let mut text = String::new();
    // One in seventeen was never seen by Braze.
    for person in people
        .iter()
        .filter(|person| !person.number.is_multiple_of(17))
    {
        let alias =
            json!([{"alias_name": person.amplitude_id.to_string(), "alias_label": "amplitude_id"}]);
        line(
            &mut text,
            &json!({
                "external_id": person.user_id, "braze_id": braze_id(&person.user_id),
                "created_at": format!("{}T00:00:00.000Z", person.first),
                "user_aliases": if person.number.is_multiple_of(5) { alias } else { json!([]) },
                "email": format!("{}@example.com", person.user_id), "country": "US",
                "custom_attributes": {}}),
        );
    }
    for number in 1..=200 {
        let name = format!("anon-{number}");
        line(
            &mut text,
            &json!({
                "braze_id": braze_id(&name), "created_at": "1997-01-01T00:00:00.000Z", "user_aliases": [],
                "devices": [{"model": "Web", "os": "Windows", "device_id": named(&name).to_string()}],
                "custom_attributes": {}}),
        );
    }
    text
}

fn braze_segments() -> String {
    indented(&json!({"segments": [
        {"id": "5e9a2c00-0000-4000-8000-000000000001", "name": "All users", "analytics_tracking_enabled": true,
         "tags": [], "created_at": "1997-01-01T00:00:00Z", "updated_at": "1997-01-01T00:00:00Z",
         "description": "All users", "text_description": "", "teams": []},
        {"id": "5e9a2c00-0000-4000-8000-000000000002", "name": "Lapsed buyers", "analytics_tracking_enabled": true,
         "tags": ["winback"], "created_at": "1997-02-01T00:00:00Z", "updated_at": "1997-03-01T00:00:00Z",
         "description": "Amplitude Cohorts includes Lapsed", "text_description": "Winback audience", "teams": []},
    ]}))
}

/// Six in the morning in UTC, as Unix seconds: when everything was computed.
fn six_o_clock(day: Date) -> i64 {
    day.at(6, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp()
        .as_second()
}

/// A repeatable number below `modulo`.
fn small(number: u64, salt: &str, modulo: u64) -> u64 {
    let digest = Sha256::digest(format!("{salt}:{number}"));
    u64::from_be_bytes(digest[..8].try_into().unwrap()) % modulo
}

/// The version 5 UUID of a name; the namespace is the one for URLs.
fn named(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

fn braze_id(name: &str) -> String {
    let mut hex = String::new();
    for byte in &Md5::digest(name)[..12] {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn dollars(cents: i64) -> f64 {
    cents as f64 / 100.0
}

/// One line, with a blank after each comma and colon.
fn line(text: &mut String, value: &Value) {
    let mut bytes = Vec::new();
    value
        .serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes, Spaced,
        ))
        .unwrap();
    text.push_str(&String::from_utf8(bytes).unwrap());
    text.push('\n');
}

/// Indented by one blank a level.
fn indented(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    value
        .serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes, formatter,
        ))
        .unwrap();
    String::from_utf8(bytes).unwrap() + "\n"
}

/// JSON as the vendors' examples print it: `{"a": 1, "b": [2, 3]}`.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
    ) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}
