//! Files of Currents: where they are, what they hold, that they repeat themselves.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use apache_avro::{Reader, types::Value};
use jiff::Timestamp;

use super::scenario;
use crate::sandbox::{Made, Making, external_ids, make_currents};

const UNKNOWN: &str = "users.messages.carrierpigeon.Release";

fn making(out: &Path, events: u64) -> Making {
    Making {
        out: out.to_owned(),
        events,
        seed: 7,
        hours: 24,
        until: "2026-07-14T10:30:00Z".parse().unwrap(),
        people: Vec::new(),
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Paths below a directory, in order.
fn files(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    walk(dir, &mut files);
    let below = |path: &PathBuf| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.iter().map(below).collect();
    names.sort();
    names
}

fn records(path: &Path) -> Vec<HashMap<String, Value>> {
    let reader = Reader::new(BufReader::new(File::open(path).unwrap())).unwrap();
    let flat = |(name, value): (String, Value)| match value {
        Value::Union(_, inner) => (name, *inner),
        other => (name, other),
    };
    let record = |value: Result<Value, apache_avro::Error>| match value.unwrap() {
        Value::Record(fields) => fields.into_iter().map(flat).collect(),
        other => panic!("{other:?}"),
    };
    reader.map(record).collect()
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

#[test]
fn files_lie_in_the_documented_layout() {
    let dir = tempfile::tempdir().unwrap();
    let made = make_currents(&making(dir.path(), 1000)).unwrap();
    let names = files(dir.path());
    assert_eq!(names.len() as u64, made.files);
    let pattern = regex::Regex::new(
        r"^(dataexport\.prod-01\.S3\.integration\.[0-9a-f]{24})/event_type=([\w.]+)/date=(\d{4}-\d\d-\d\d-\d\d)/\d+/prod-01/(dataexport\.prod-01\.S3\.integration\.[0-9a-f]{24})\+\d+\+\d{10}\.avro$",
    )
    .unwrap();
    let (mut types, mut hours) = (BTreeSet::new(), BTreeSet::new());
    for name in &names {
        let parts = pattern.captures(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(parts[1], parts[4]);
        types.insert(parts[2].to_owned());
        hours.insert(parts[3].to_owned());
    }
    assert!(
        types.len() >= 26 && types.contains(UNKNOWN),
        "{}",
        types.len()
    );
    assert_eq!(hours.len(), 24);
    assert_eq!(hours.first().unwrap(), "2026-07-13-10");
    assert_eq!(hours.last().unwrap(), "2026-07-14-09");
}

#[test]
fn every_event_is_there_and_some_twice() {
    let dir = tempfile::tempdir().unwrap();
    let making = Making {
        hours: 5,
        ..making(dir.path(), 4000)
    };
    let made = make_currents(&making).unwrap();
    assert_eq!(made.events, 4000);
    assert!((40..160).contains(&made.repeated), "{made:?}");
    let (mut seen, mut twice) = (HashMap::<String, String>::new(), 0);
    let (mut anonymous, mut nobody, mut words, mut custom) = (0, 0, 0, 0);
    for name in files(dir.path()) {
        let date = name.split("date=").nth(1).unwrap().to_owned();
        let mut here = HashSet::new();
        for record in records(&dir.path().join(&name)) {
            let id = text(record.get("id")).unwrap().to_owned();
            assert!(here.insert(id.clone()), "twice in one file");
            if let Some(before) = seen.insert(id, date.clone()) {
                assert!(before < date, "the second is later: {before} {date}");
                twice += 1;
            }
            let Some(Value::Long(time)) = record.get("time") else {
                panic!("{record:?}");
            };
            assert!(
                Timestamp::from_second(*time).unwrap() < "2026-07-14T10:00:00Z".parse().unwrap()
            );
            let external = text(record.get("external_user_id"));
            anonymous += u64::from(external.is_none());
            nobody += u64::from(external.is_none() && text(record.get("device_id")).is_none());
            words += u64::from(text(record.get("machine_open")) == Some("true"));
            if let Some(properties) = text(record.get("properties")) {
                assert!(properties.parse::<serde_json::Value>().unwrap().is_object());
                custom += 1;
            }
        }
    }
    assert_eq!((seen.len() as u64, twice), (made.events, made.repeated));
    assert!(anonymous > nobody && nobody > 0 && words > 0 && custom > 0);
}

#[test]
fn a_seed_makes_the_same_files() {
    let make = |seed: u64| {
        let dir = tempfile::tempdir().unwrap();
        let made = make_currents(&Making {
            seed,
            ..making(dir.path(), 300)
        })
        .unwrap();
        let read = |name: String| (fs::read(dir.path().join(&name)).unwrap(), name);
        let all: BTreeMap<Vec<u8>, String> = files(dir.path()).into_iter().map(read).collect();
        (made, all)
    };
    assert_eq!(make(7), make(7));
    assert_ne!(make(7), make(8));
}

#[test]
fn events_are_of_people_in_braze() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let people = external_ids(Some(scenario.path()), None).unwrap();
    assert_eq!(people, ["ann", "bob"]);
    assert!(external_ids(None, Some(dir.path())).unwrap().is_empty());
    assert!(external_ids(Some(dir.path()), None).is_err());
    let made = make_currents(&Making {
        people,
        hours: 1,
        ..making(dir.path(), 50)
    })
    .unwrap();
    assert_eq!(
        Made {
            repeated: 0,
            files: 0,
            ..made
        },
        Made {
            events: 50,
            repeated: 0,
            files: 0
        }
    );
    let mut ids = BTreeSet::new();
    for name in files(dir.path()) {
        for record in records(&dir.path().join(name)) {
            ids.extend(text(record.get("external_user_id")).map(str::to_owned));
        }
    }
    assert_eq!(ids, BTreeSet::from(["ann".to_owned(), "bob".to_owned()]));
}
