//! The committed schemas are what the program prints, and every example is valid against them.

use std::fs;

use serde_json::Value;
use similar::TextDiff;

use crate::support::binary::{run, syncform};
use crate::support::source::root;

/// Compares a committed schema with what the program prints; `BLESS=1` writes it anew.
#[track_caller]
fn assert_fresh(name: &str) {
    let path = root().join(format!("schema/{name}.schema.json"));
    let word = if name == "syncform" { "config" } else { name };
    let printed = run(syncform(["schema", word])).exits(0).stdout;
    serde_json::from_str::<Value>(&printed).unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &printed).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let difference = TextDiff::from_lines(&committed, &printed);
    assert!(
        committed == printed,
        "schema/{name}.schema.json is stale; BLESS=1 writes it anew\n{}",
        difference.unified_diff()
    );
}

#[test]
fn the_schema_of_the_configuration_is_fresh() {
    assert_fresh("syncform");
}

#[test]
fn the_schema_of_a_plan_is_fresh() {
    assert_fresh("plan");
}

#[test]
fn the_schema_of_drift_is_fresh() {
    assert_fresh("drift");
}

#[test]
fn the_schema_of_events_is_fresh() {
    assert_fresh("events");
}

#[test]
fn every_example_is_valid() {
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            run(syncform(["validate", "-C", path.to_str().unwrap()])).exits(0);
        } else {
            let alone = tempfile::TempDir::new().unwrap();
            fs::copy(&path, alone.path().join("syncform.yaml")).unwrap();
            run(syncform(["validate", "-C", alone.path().to_str().unwrap()])).exits(0);
        }
    }
}
