//! The example of accounts, in the sandbox.

use std::fs;

use serde_json::{Value, json};

use super::set::KEYS;
use crate::support::binary::{run, syncform};
use crate::support::http;
use crate::support::source::root;
use crate::support::world::World;

/// What the sandbox holds of its one account, secrets and all.
fn held(world: &World) -> Value {
    let authority = world.url().strip_prefix("http://").unwrap();
    let (status, body) = http::ask(authority, "GET", "/_sandbox/amplitude/destinations", b"");
    assert_eq!(status, 200);
    let all: Value = serde_json::from_slice(&body).unwrap();
    let all = all["destinations"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn the_example_runs_in_the_sandbox() {
    let example = root().join("examples/destinations");
    let world = World::start(&example.join("sandbox"));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("syncform.yaml");
    let text = fs::read_to_string(example.join("syncform.yaml")).unwrap();
    fs::write(&place, &text).unwrap();
    let sandbox = format!("--sandbox={}", world.url());
    let runs = |words: &[&str], key: &str| {
        let more = ["-C", folder.path().to_str().unwrap(), &sandbox];
        let mut command = syncform(words.iter().copied().chain(more));
        command.env("BRAZE_STREAM_KEY", key);
        let run = run(command);
        assert!(!run.all().contains(key), "a secret in {run}");
        run
    };
    let settled = |key: &str| {
        let run = runs(&["plan", "--detailed-exitcode"], key).exits(0);
        run.says("Nothing to do.");
    };
    let applied = |version: u64, key: &str| {
        runs(&["apply", "--auto-approve"], key)
            .exits(0)
            .says("done: changed in Amplitude");
        let held = held(&world);
        assert_eq!(held["version"], version, "{held}");
        settled(key);
        held
    };
    let (one, other) = (KEYS[0], KEYS[1]);
    runs(&["doctor"], one).says("rest_api_key (secret, needed)");
    assert_eq!(applied(1, one)["config"]["rest_api_key"], one);
    assert_eq!(applied(2, other)["config"]["rest_api_key"], other);
    let authority = world.url().strip_prefix("http://").unwrap();
    let path = format!(
        "/_sandbox/amplitude/destinations/{}",
        held(&world)["id"].as_str().unwrap()
    );
    http::ask(authority, "PUT", &path, br#"{"send_events": false}"#);
    runs(&["plan"], other)
        .exits(0)
        .says("send_events  false -> true")
        .says("drift: destination.braze-events: send_events was true when it was applied and is false now");
    applied(4, other);
    fs::write(&place, text.replace("Trial Started]", "Trial Ended]")).unwrap();
    let held_now = applied(5, other);
    assert_eq!(
        held_now["event_filter"]["events"],
        json!(["Checkout Completed", "Trial Ended"])
    );
    // Protected: a matter of two applies.
    let removed = "removed: [{address: destination.braze-events}]\n";
    let without =
        |text: &str| format!("{}{removed}", text.split("destinations:\n").next().unwrap());
    fs::write(&place, without(&text)).unwrap();
    runs(&["plan"], other)
        .exits(1)
        .says("is protected and cannot be removed");
    fs::write(&place, text.replace("protect: true", "protect: false")).unwrap();
    runs(&["plan", "--detailed-exitcode"], other)
        .exits(2)
        .says("protect      true -> false");
    applied(6, other);
    fs::write(&place, without(&text)).unwrap();
    assert_eq!(applied(7, other)["enabled"], false);
}
