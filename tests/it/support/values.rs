//! The independent truth of values: what profiles should hold, and what a run must send for it, by plain maps over the
//! scenario's files. It shares nothing with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

use super::cdnow::{self, Ask, Files, Scenario};
use super::truth;
use super::world::World;

/// Values by person and attribute.
pub(crate) type Held = BTreeMap<String, BTreeMap<String, Value>>;
/// The rows of a download by user id: what stands in each column.
pub(crate) type Table = BTreeMap<String, BTreeMap<String, String>>;

/// Reads a download; people without a user id are left out.
pub(crate) fn table(csv: &str) -> Table {
    let mut rows = truth::rows(csv).into_iter();
    let head = rows.next().unwrap();
    let row = |row: Vec<String>| {
        let row: BTreeMap<String, String> = head.iter().cloned().zip(row).collect();
        (row["user_id"].clone(), row)
    };
    rows.map(row).filter(|(id, _)| !id.is_empty()).collect()
}

/// Writes a download.
pub(crate) fn csv(table: &Table, columns: &[&str]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
    let mut text = line(columns.iter().map(|name| quoted(name)).collect());
    for row in table.values() {
        let cell = |name: &&str| quoted(row.get(*name).map_or("", String::as_str));
        text.push_str(&line(columns.iter().map(cell).collect()));
    }
    text
}

/// The lines of a scenario's `profiles.jsonl` by user id.
pub(crate) fn people(files: &Files) -> BTreeMap<String, Value> {
    let lines = files["amplitude/profiles.jsonl"].lines();
    let people = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    people
        .map(|person| (person["user_id"].as_str().unwrap().to_owned(), person))
        .collect()
}

/// A decimal text as a number: whole where it is whole.
pub(crate) fn number(text: &str) -> Value {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().all(|digit| digit == b'0') {
        json!(whole.parse::<i64>().unwrap())
    } else {
        json!(text.parse::<f64>().unwrap())
    }
}

/// What becomes of the value of somebody who is not in the audience any more, or who has none.
#[derive(Clone, Debug)]
pub(crate) enum Lost {
    /// It stays.
    Keep,
    /// It is cleared.
    Clear,
    /// It becomes another.
    Becomes(Value),
}

/// What is wanted of one attribute.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Its name.
    pub(crate) attribute: &'static str,
    /// The audience, each with a value or none.
    pub(crate) people: BTreeMap<String, Option<Value>>,
    /// What becomes of people who left.
    pub(crate) on_leave: Lost,
    /// What becomes of people who have no value any more.
    pub(crate) on_null: Lost,
}

/// An attribute made from each row, kept where the row or the value goes.
pub(crate) fn wanted<T>(
    attribute: &'static str,
    rows: &BTreeMap<String, T>,
    value: impl Fn(&T) -> Option<Value>,
) -> Wanted {
    let people = rows.iter();
    Wanted {
        attribute,
        people: people
            .map(|(person, row)| (person.clone(), value(row)))
            .collect(),
        on_leave: Lost::Keep,
        on_null: Lost::Keep,
    }
}

impl Wanted {
    /// The same, people who leave losing it.
    pub(crate) fn clearing_leavers(self) -> Self {
        Self {
            on_leave: Lost::Clear,
            ..self
        }
    }

    /// The same, lost values being cleared.
    pub(crate) fn clearing_nulls(self) -> Self {
        Self {
            on_null: Lost::Clear,
            ..self
        }
    }
}

/// What is held once all of this is done, given what is held before.
pub(crate) fn after(before: &Held, all: &[Wanted]) -> Held {
    let mut held = before.clone();
    let lose = |held: &mut Held, person: &str, attribute: &str, lost: &Lost| {
        let Some(value) = held.get_mut(person).filter(|of| of.contains_key(attribute)) else {
            return;
        };
        match lost {
            Lost::Keep => {}
            Lost::Clear => drop(value.remove(attribute)),
            Lost::Becomes(other) => drop(value.insert(attribute.to_owned(), other.clone())),
        }
    };
    for one in all {
        let gone = before
            .keys()
            .filter(|person| !one.people.contains_key(*person));
        for person in gone {
            lose(&mut held, person, one.attribute, &one.on_leave);
        }
        for (person, value) in &one.people {
            match value {
                None => lose(&mut held, person, one.attribute, &one.on_null),
                Some(value) => {
                    let of = held.entry(person.clone()).or_default();
                    of.insert(one.attribute.to_owned(), value.clone());
                }
            }
        }
    }
    held.retain(|_, values| !values.is_empty());
    held
}

/// What differs between two times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) cleared: u64,
    /// Data points of sending that.
    pub(crate) points: u64,
    /// Whose values differ.
    pub(crate) people: BTreeSet<String>,
}

/// Data points of a value: one, of objects one a key.
fn points(value: &Value) -> u64 {
    let objects = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    let keys = objects.iter().filter_map(Value::as_object);
    let keys: usize = keys.map(serde_json::Map::len).sum();
    keys.max(1) as u64
}

/// Compares some attributes at two times.
pub(crate) fn compare(before: &Held, after: &Held, attributes: &[&str]) -> Figures {
    let mut figures = Figures::default();
    let none = BTreeMap::new();
    let people: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for person in people {
        let [was, is] = [before, after].map(|held| held.get(person).unwrap_or(&none));
        for attribute in attributes {
            let (was, is) = (was.get(*attribute), is.get(*attribute));
            if was == is {
                continue;
            }
            match (was, is) {
                (None, _) => figures.added += 1,
                (_, None) => figures.cleared += 1,
                _ => figures.changed += 1,
            }
            figures.points += is.map_or(1, points);
            figures.people.insert(person.clone());
        }
    }
    figures
}

/// Rows of a sync of these attributes that come, change and go.
pub(crate) fn rows(before: &Held, after: &Held, attributes: &[&str]) -> [u64; 3] {
    let has = |held: &Held, person: &String| {
        held.get(person)
            .is_some_and(|of| attributes.iter().any(|name| of.contains_key(*name)))
    };
    let mut rows = [0; 3];
    for person in compare(before, after, attributes).people {
        let at = match (has(before, &person), has(after, &person)) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        rows[at] += 1;
    }
    rows
}

/// What Braze holds of these attributes. Labels have no order.
#[track_caller]
pub(crate) fn found(world: &World, attributes: &[&str]) -> Held {
    let mut held = Held::new();
    for attribute in attributes {
        for (person, mut value) in world.attribute(attribute) {
            if let Some(labels) = value.as_array_mut().filter(|_| *attribute == LABELS) {
                labels.sort_by_key(Value::to_string);
            }
            let of = held.entry(person).or_default();
            of.insert((*attribute).to_owned(), value);
        }
    }
    held
}

/// The array that cohort syncs share here.
pub(crate) const LABELS: &str = "cohorts";

/// Fails with a few examples where two worlds differ, in a value or in its type.
#[track_caller]
pub(crate) fn assert_held(found: &Held, wanted: &Held, when: &str) {
    let none = BTreeMap::new();
    let people: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let mut differences = Vec::new();
    for person in people {
        let [has, wants] = [found, wanted].map(|held| held.get(person).unwrap_or(&none));
        if has != wants {
            differences.push(format!("{person}: has {has:?}, wanted {wants:?}"));
        }
    }
    let count = differences.len();
    differences.truncate(5);
    assert!(
        count == 0,
        "{when}: {count} profiles differ\n{}",
        differences.join("\n")
    );
}

/// The download of a scenario's cohort by user id.
pub(crate) fn cohort(scenario: &Scenario, id: &str) -> Table {
    table(scenario.cohort(id))
}

/// The same configuration with all of Amplitude's rates for itself: profiles are asked ten a second then.
pub(crate) fn hurried(text: &str) -> String {
    let (before, after) = ("SECRET_KEY}\"}", "SECRET_KEY}\", use_at_most: 100%}");
    assert!(text.contains(before), "{text}");
    text.replacen(before, after, 1)
}

/// A sync of values beside syncs of memberships; it creates nobody, and clears whatever goes.
#[derive(Clone, Debug)]
pub(crate) struct Valued {
    /// Its entry.
    pub(crate) yaml: &'static str,
    /// What it writes.
    pub(crate) attributes: &'static [&'static str],
    /// What it wants of each person.
    pub(crate) wanted: fn(&Scenario) -> Vec<Wanted>,
}

/// Properties with holes in them, and a computation.
pub(crate) fn properties_and_worth() -> Vec<Valued> {
    let properties = Valued {
        yaml: "  shop: {kind: user_property, audience: {cohort: Active 90d}, seed: send, create_users: false, on_leave: clear, \
               on_null: clear, properties: [tier, {from: lifetime_orders, to: orders, as: integer}, \
               {from: lifetime_revenue, to: ltv, as: number}]}\n",
        attributes: &["tier", "orders", "ltv"],
        wanted: |scenario| {
            let rows = cohort(scenario, "act90d1");
            let tier = |row: &BTreeMap<String, String>| {
                Some(&row["tier"])
                    .filter(|it| !it.is_empty())
                    .map(|it| json!(it))
            };
            vec![
                wanted("tier", &rows, tier),
                wanted("orders", &rows, |row| Some(number(&row["lifetime_orders"]))),
                wanted("ltv", &rows, |row| Some(number(&row["lifetime_revenue"]))),
            ]
        },
    };
    let worth = Valued {
        yaml: "  worth: {kind: computation, audience: {cohort: Big spenders}, seed: send, create_users: false, \
               on_leave: clear, computations: [{id: comp_ltv, to: worth, as: number}]}\n",
        attributes: &["worth"],
        wanted: |scenario| {
            let mut known = people(&scenario.files);
            let big = cohort(scenario, "bigspnd");
            known.retain(|person, _| big.contains_key(person));
            let worth = |person: &Value| person["computations"]["comp_ltv"].as_str().map(number);
            vec![wanted("worth", &known, worth)]
        },
    };
    vec![properties, worth]
}

/// A scenario in which people of the lowest tier have none.
pub(crate) fn with_holes(ask: &Ask) -> &'static Scenario {
    static MADE: OnceLock<Mutex<BTreeMap<Ask, &'static Scenario>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry(ask.clone()).or_insert_with(|| {
        let mut files = cdnow::make(ask);
        for (path, text) in &mut files {
            if path.starts_with("amplitude/cohorts/") {
                *text = text.replace("\"bronze\"", "\"\"");
            }
        }
        let name = format!("holes-{}-{}", ask.as_of, ask.customers);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cdnow")
            .join(name);
        cdnow::write(&files, &dir);
        Box::leak(Box::new(Scenario { dir, files }))
    })
}
