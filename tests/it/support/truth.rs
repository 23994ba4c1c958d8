//! The independent truth: who should have what in Braze, from the scenario's files by plain sets.
//! It shares nothing with the program, not even a CSV crate.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::cdnow::Files;

/// What a profile holds of ours: `amplitude_cohorts: Lapsed`, `is_lapsed: true`.
pub(crate) type Facts = BTreeSet<String>;
/// Who holds what; people with nothing of ours are left out.
pub(crate) type Profiles = BTreeMap<String, Facts>;

/// Where one cohort goes.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// A label in an array attribute.
    Array { attribute: String, label: String },
    /// A true or false attribute.
    Flag { attribute: String },
    /// A cohort that is imported under this id.
    Import { id: String },
}

impl To {
    /// The attribute it writes, or the imported cohort: what is billed once a person.
    pub(crate) fn attribute(&self) -> &str {
        match self {
            Self::Array { attribute, .. } | Self::Flag { attribute } => attribute,
            Self::Import { id } => id,
        }
    }

    fn fact(&self) -> String {
        match self {
            Self::Array { attribute, label } => format!("{attribute}: {label}"),
            Self::Flag { attribute } => format!("{attribute}: true"),
            Self::Import { id } => member(id),
        }
    }
}

/// The rows of a CSV file, its head included.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => cell.push(letter),
        }
    }
    assert!(
        row.is_empty() && cell.is_empty() && !quoted,
        "a CSV file ends with a line end"
    );
    rows
}

/// The user ids of a cohort's download file.
pub(crate) fn user_ids(csv: &str) -> HashSet<String> {
    let mut rows = rows(csv).into_iter();
    let column = rows
        .next()
        .unwrap()
        .iter()
        .position(|name| name == "user_id")
        .unwrap();
    rows.map(|row| row[column].clone())
        .filter(|id| !id.is_empty())
        .collect()
}

/// The external ids that Braze knows.
pub(crate) fn known(files: &Files) -> HashSet<String> {
    let users = files["braze/users.jsonl"]
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    users
        .filter_map(|user| Some(user.get("external_id")?.as_str()?.to_owned()))
        .collect()
}

/// What the profiles should hold, given the people of each target and whom Braze knows.
pub(crate) fn expected<'a>(
    wanted: impl IntoIterator<Item = (&'a To, HashSet<String>)>,
    known: &HashSet<String>,
) -> Profiles {
    let mut profiles = Profiles::new();
    for (to, people) in wanted {
        for person in people.intersection(known) {
            profiles
                .entry(person.clone())
                .or_default()
                .insert(to.fact());
        }
    }
    profiles
}

/// What the profiles do hold, from the values of each attribute. A flag that is false says nothing, and so does an
/// empty array; any other value is a fact of its own, which nobody expects.
pub(crate) fn found(attributes: &BTreeMap<String, BTreeMap<String, Value>>) -> Profiles {
    let mut profiles = Profiles::new();
    for (attribute, values) in attributes {
        for (person, value) in values {
            let facts = match value {
                Value::Bool(false) => Vec::new(),
                Value::Array(labels) => labels.iter().map(label).collect(),
                other => vec![label(other)],
            };
            let distinct = facts.iter().collect::<HashSet<_>>().len();
            assert_eq!(
                distinct,
                facts.len(),
                "a label twice in {attribute}: {facts:?}"
            );
            for fact in facts {
                profiles
                    .entry(person.clone())
                    .or_default()
                    .insert(format!("{attribute}: {fact}"));
            }
        }
    }
    profiles
}

/// Adds who is in an imported cohort. One without an external id stands for itself.
pub(crate) fn found_members(profiles: &mut Profiles, id: &str, members: &[Value]) {
    for who in members {
        let person = who["external_id"]
            .as_str()
            .map_or_else(|| who.to_string(), str::to_owned);
        let new = profiles.entry(person).or_default().insert(member(id));
        assert!(new, "a member twice in {id}: {who}");
    }
}

/// A value as a fact.
pub(crate) fn fact(attribute: &str, value: &Value) -> String {
    format!("{attribute}: {}", label(value))
}

fn member(id: &str) -> String {
    format!("in {id}")
}

fn label(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Fails with a few examples where two worlds differ.
#[track_caller]
pub(crate) fn assert_same(found: &Profiles, expected: &Profiles, when: &str) {
    let none = Facts::new();
    let people: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let mut differences = Vec::new();
    for person in people {
        let (has, wants) = (
            found.get(person).unwrap_or(&none),
            expected.get(person).unwrap_or(&none),
        );
        let lost: Vec<&String> = wants.difference(has).collect();
        let left: Vec<&String> = has.difference(wants).collect();
        if !lost.is_empty() || !left.is_empty() {
            differences.push(format!("{person}: lost {lost:?}, left behind {left:?}"));
        }
    }
    let count = differences.len();
    differences.truncate(8);
    assert!(
        count == 0,
        "{when}: {count} profiles differ\n{}",
        differences.join("\n")
    );
}

#[test]
fn quotes_commas_and_line_ends_are_read() {
    let text = "\"a\",\"user_id\"\r\n1,\"x, \"\"y\"\"\nz\"\n\"2\",\n";
    assert_eq!(
        rows(text),
        [
            vec!["a", "user_id"],
            vec!["1", "x, \"y\"\nz"],
            vec!["2", ""]
        ]
    );
    assert_eq!(user_ids(text), HashSet::from(["x, \"y\"\nz".to_owned()]));
}

#[test]
fn people_whom_braze_does_not_know_are_expected_nowhere() {
    let flag = To::Flag {
        attribute: "lapsed".into(),
    };
    let array = To::Array {
        attribute: "cohorts".into(),
        label: "Lapsed".into(),
    };
    let people = || HashSet::from(["a".to_owned(), "b".to_owned()]);
    let profiles = expected(
        [(&flag, people()), (&array, people())],
        &HashSet::from(["a".to_owned()]),
    );
    assert_eq!(profiles.len(), 1);
    assert_eq!(
        profiles["a"],
        Facts::from(["cohorts: Lapsed".to_owned(), "lapsed: true".to_owned()])
    );

    let values = |json: Value| serde_json::from_value::<BTreeMap<String, Value>>(json).unwrap();
    let attributes = BTreeMap::from([
        (
            "cohorts".to_owned(),
            values(serde_json::json!({"a": ["Lapsed"], "c": []})),
        ),
        (
            "lapsed".to_owned(),
            values(serde_json::json!({"a": true, "c": false})),
        ),
    ]);
    assert_same(&found(&attributes), &profiles, "a world as it should be");
}
