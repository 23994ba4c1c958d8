//! The scenario maker gives what its documentation says, byte for byte, and the quickstart's copies are fresh.
//! Digests in `tests/data/scenarios.sha256` were taken from an independent maker of the same scenarios.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::cdnow::{self, Ask, Files, JULY, JUNE};
use crate::support::truth;

/// The lines of the recorded digests that belong to one scenario.
fn recorded(name: &str) -> String {
    let prefix = format!("{name}/");
    include_str!("../data/scenarios.sha256")
        .lines()
        .fold(String::new(), |mut text, line| {
            let (digest, path) = line.split_once("  ").unwrap();
            if let Some(path) = path.strip_prefix(&prefix) {
                writeln!(text, "{digest}  {path}").unwrap();
            }
            text
        })
}

fn digests(files: &Files) -> String {
    files
        .iter()
        .fold(String::new(), |mut text, (path, content)| {
            for byte in Sha256::digest(content) {
                write!(text, "{byte:02x}").unwrap();
            }
            writeln!(text, "  {path}").unwrap();
            text
        })
}

/// Sizes as the cohort list tells them and as the files hold them.
fn sizes(files: &Files) -> Vec<(String, u64, u64)> {
    let list: Value = serde_json::from_str(&files["amplitude/cohorts.json"]).unwrap();
    let cohorts = list["cohorts"].as_array().unwrap().iter();
    cohorts
        .map(|cohort| {
            let file = &files[&format!("amplitude/cohorts/{}.csv", cohort["id"].as_str().unwrap())];
            let people = truth::user_ids(file).len() as u64;
            (
                cohort["name"].as_str().unwrap().to_owned(),
                cohort["size"].as_u64().unwrap(),
                people,
            )
        })
        .collect()
}

#[test]
fn june_is_as_documented() {
    let files = &cdnow::scenario(&Ask::day(JUNE)).files;
    let sized: Vec<(String, u64, u64)> = [
        ("Active 30d", 2_386, 2_386),
        ("Active 90d", 5_376, 5_376),
        ("Repeat buyers", 8_020, 8_020),
        ("Big spenders", 1_158, 1_158),
        ("Lapsed", 18_194, 18_194),
        ("Visitors", 1_098, 948), // 150 are anonymous devices
        ("Nobody yet", 0, 0),
    ]
    .map(|(name, size, people)| (name.to_owned(), size, people))
    .into();
    assert_eq!(sizes(files), sized);
    // 23,570 customers less every seventeenth, and 200 devices.
    assert_eq!(
        files["braze/users.jsonl"].lines().count(),
        23_570 - 23_570 / 17 + 200
    );
    assert_eq!(digests(files), recorded("1997-06-30"));
}

#[test]
fn july_is_as_documented() {
    let files = &cdnow::scenario(&Ask::day(JULY)).files;
    let people: Vec<u64> = sizes(files).iter().map(|(_, _, people)| *people).collect();
    assert_eq!(people, [2_180, 4_899, 8_661, 1_375, 18_671, 1_041, 0]);
    assert_eq!(digests(files), recorded("1997-07-31"));
}

#[test]
fn fewer_customers_and_other_dates_are_as_recorded() {
    assert_eq!(
        digests(&cdnow::make(&Ask::day(JUNE).customers(2_000))),
        recorded("1997-06-30-2000")
    );
    let as_if = Some("2026-11-20".parse().unwrap());
    let ask = Ask {
        event_days: 5,
        as_if,
        ..Ask::day(JULY).customers(2_000)
    };
    assert_eq!(digests(&cdnow::make(&ask)), recorded("as-if-2026-11-20"));
}

#[test]
fn the_quickstart_holds_what_the_maker_makes() {
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    assert_folder(
        &quickstart.join("sandbox"),
        &cdnow::make(&Ask::day(JUNE).customers(2_000)),
    );
    let mut amplitude = cdnow::make(&Ask::day(JULY).customers(2_000));
    amplitude.retain(|path, _| path.starts_with("amplitude/"));
    assert_folder(&quickstart.join("next-day"), &amplitude);
}

/// The folder holds these files and no other.
fn assert_folder(dir: &Path, files: &Files) {
    let mut found = Files::new();
    read(dir, dir, &mut found);
    assert_eq!(digests(&found), digests(files), "{}", dir.display());
}

fn read(root: &Path, dir: &Path, files: &mut Files) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}
