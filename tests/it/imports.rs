//! Cohorts that a partner imports into a kept sandbox: what was acknowledged is there after a kill, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::http;
use crate::support::world::World;

const PEOPLE: usize = 3_000;
const ID: &str = "acme/production/vip";

fn scenario() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("braze")).unwrap();
    let mut people: Vec<String> = (0..PEOPLE)
        .map(|person| json!({"external_id": person.to_string()}).to_string())
        .collect();
    people.push(json!({"devices": [{"device_id": "phone"}]}).to_string());
    let alias = json!({"alias_name": "n", "alias_label": "amplitude_id"});
    people.push(json!({"user_aliases": [alias]}).to_string());
    std::fs::write(dir.path().join("braze/users.jsonl"), people.join("\n")).unwrap();
    dir
}

fn open(scenario: &Path, kept: &Path) -> World {
    World::with(scenario, &["--world", kept.to_str().unwrap()])
}

fn send(world: &World, path: &str, mut body: Value) -> (u16, Vec<u8>) {
    body["partner_api_key"] = json!("p");
    body["client_secret"] = json!("c");
    body["cohort_id"] = json!(ID);
    let authority = world.url().strip_prefix("http://").unwrap();
    http::ask(authority, "POST", path, body.to_string().as_bytes())
}

fn change(world: &World, changes: &Value) {
    let (status, _) = send(
        world,
        "/partners/acme/cohorts/users",
        json!({"cohort_changes": changes}),
    );
    assert_eq!(status, 201);
}

/// The external ids of the members.
fn members(world: &World) -> BTreeSet<String> {
    let members = world.cohort_members(ID);
    let ids = members
        .iter()
        .filter_map(|member| member["external_id"].as_str());
    ids.map(str::to_owned).collect()
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let (scenario, kept) = (scenario(), tempfile::tempdir().unwrap());
    let mut expected = BTreeSet::new();
    for round in 0..3 {
        // Dropped at the end of each round, which is a kill.
        let world = open(scenario.path(), kept.path());
        assert_eq!(members_of(&world, round), expected, "round {round}");
        for part in 0..5 {
            let ids: Vec<String> = (0..PEOPLE)
                .filter(|person| person % 15 == round * 5 + part)
                .map(|person| person.to_string())
                .collect();
            let (in_, out) = ids.split_at(150);
            change(
                &world,
                &json!([{"user_ids": ids}, {"user_ids": out, "should_remove": true}]),
            );
            expected.extend(in_.iter().cloned());
        }
        if round == 1 {
            let named = json!({"name": "VIP", "created_at": "2026-01-01T00:00:00Z"});
            assert_eq!(send(&world, "/partners/acme/cohorts", named).0, 201);
        }
    }
    let world = open(scenario.path(), kept.path());
    assert_eq!(members(&world), expected);
    let size = expected.len();
    assert_eq!(
        world.cohorts(),
        [json!({"id": ID, "name": "VIP", "size": size})]
    );
    change(
        &world,
        &json!([{"device_ids": ["phone"], "aliases": [{"alias_name": "n", "alias_label": "amplitude_id"}]}]),
    );
    let all = world.cohort_members(ID);
    assert_eq!(all.len(), size + 2);
    assert_eq!(
        all[size..],
        [
            json!({"device_id": "phone"}),
            json!({"alias": {"alias_name": "n", "alias_label": "amplitude_id"}}),
        ]
    );
    assert_eq!(world.stats().data_points, 2);
}

/// Before the first round there is no cohort to ask for.
fn members_of(world: &World, round: usize) -> BTreeSet<String> {
    if round == 0 {
        assert_eq!(world.cohorts(), Vec::<Value>::new());
        return BTreeSet::new();
    }
    members(world)
}
