//! The sandbox through real HTTP, with a clock turned by hand. No test sleeps, or knows a type of the services.

mod aliases;
mod amplitude;
mod braze;
mod client;
mod currents;
mod departures;
mod developer;
mod events;
mod exports;
mod faults;
mod happenings;
mod ingestion;
mod partners;
mod profiles;
mod segments;
mod statics;
mod syncs;
mod values;
mod world;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use client::Sandbox;

use super::{Options, start};

/// The first second of a month, a minute, a window.
const BEGIN: i64 = 1_767_225_600;

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(BEGIN)))
    }

    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn options(&self) -> Options {
        let hands = self.clone();
        Options::new(Arc::new(move || {
            Timestamp::from_second(hands.0.load(Ordering::SeqCst)).unwrap()
        }))
    }
}

/// Three cohorts and three people.
fn scenario() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let cohort = |id: &str, published: bool, size: u64| {
        json!({
            "id": id, "name": id.to_uppercase(), "published": published, "size": size, "lastComputed": 1000,
            "syncMetadata": [{"target": "braze"}],
        })
    };
    let cohorts = json!({"cohorts": [cohort("first", true, 2), cohort("second", true, 0), cohort("secret", false, 1)]});
    write(dir.path(), "amplitude/cohorts.json", &cohorts.to_string());
    let file = "\"amplitude_id\",\"user_id\",\"tier\"\n\"1\",\"ann\",\"gold\"\n\"2\",\"\",\"\"\n";
    write(dir.path(), "amplitude/cohorts/first.csv", file);
    let people = [
        json!({"external_id": "ann", "braze_id": "a1", "email": "shared@x.org", "custom_attributes": {"tags": ["a", "b"]}}),
        json!({"external_id": "bob", "braze_id": "b1", "email": "shared@x.org",
               "user_aliases": [{"alias_name": "B", "alias_label": "crm"}], "custom_attributes": {}}),
        json!({"braze_id": "c1", "devices": [{"device_id": "phone"}]}),
    ];
    let lines: Vec<String> = people.iter().map(Value::to_string).collect();
    write(dir.path(), "braze/users.jsonl", &lines.join("\n"));
    let segments = json!({"segments": [
        {"id": "s2", "name": "New", "tags": [], "created_at": "2026-01-01"},
        {"id": "s1", "name": "Old", "tags": ["x"], "created_at": "2025-01-01", "description": "filters"},
        {"id": "s0", "name": "Gone", "archived": true, "created_at": "2024-01-01"},
    ]});
    write(dir.path(), "braze/segments.json", &segments.to_string());
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn serving(options: Options) -> Sandbox {
    Sandbox::of(
        start("127.0.0.1:0".parse().unwrap(), options)
            .await
            .unwrap(),
    )
}

/// A sandbox whose world is kept in a directory, from a scenario where there is one.
async fn kept(world: &Path, scenario: Option<&Path>) -> Sandbox {
    let mut options = Hands::new().options();
    options.world = Some(world.to_owned());
    options.scenario = scenario.map(Path::to_owned);
    serving(options).await
}

async fn fresh(change: impl FnOnce(&mut Options)) -> Sandbox {
    let scenario = scenario();
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    change(&mut options);
    serving(options).await
}
