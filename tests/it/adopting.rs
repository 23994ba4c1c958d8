//! `import` where there is no configuration: keys from the environment alone, the same bytes each time, what is missing named.

use std::fs;

use tempfile::TempDir;

use crate::support::binary::{run, syncform};
use crate::support::source::root;
use crate::support::world::World;

const KEYS: [&str; 3] = ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"];

#[test]
fn what_runs_becomes_a_configuration_of_its_own() {
    let world = World::start(&root().join("tests/golden/cohort/scenario"));
    let sync = serde_json::json!({"syncMetadata": [{"target": "braze", "frequency": "hourly",
        "last_successful": "2026-01-01T00:00:00Z", "last_failure": null, "params": {}}]});
    world.put_cohort("power", &sync);
    let directory = TempDir::new().unwrap();
    let sandbox = format!("--sandbox={}", world.url());
    let import = |more: &[&str]| {
        let words = ["import"].into_iter().chain(more.iter().copied());
        let mut command = syncform(words.chain([sandbox.as_str()]));
        command.current_dir(directory.path());
        command.env("AMPLITUDE_API_KEY", "planted-key");
        run(command)
    };
    let first = import(&[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert_eq!(first.stdout, import(&[]).stdout);
    assert!(!first.stdout.contains("planted"), "{}", first.stdout);
    for key in KEYS {
        assert!(
            first.stdout.contains(&format!("${{{key}}}")),
            "{}",
            first.stdout
        );
    }
    let written = import(&["--write", "syncform.yaml"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let path = directory.path().join("syncform.yaml");
    assert_eq!(fs::read_to_string(&path).unwrap(), first.stdout);
    assert_eq!(import(&["--write", "syncform.yaml"]).code, Some(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), first.stdout);
    let mut command = syncform(["validate", &sandbox]);
    command.current_dir(directory.path());
    let validated = run(command);
    assert_eq!(
        validated.code,
        Some(0),
        "{}{}",
        validated.stdout,
        validated.stderr
    );
}

#[test]
fn variables_that_are_missing_are_named() {
    let directory = TempDir::new().unwrap();
    let mut command = syncform(["import"]);
    command.current_dir(directory.path());
    for key in KEYS
        .into_iter()
        .chain(["BRAZE_INSTANCE", "BRAZE_REST_ENDPOINT"])
    {
        command.env_remove(key);
    }
    let run = run(command);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    for key in KEYS.into_iter().chain(["BRAZE_INSTANCE"]) {
        assert!(run.stderr.contains(key), "{key}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("environment.yaml"), "{}", run.stderr);
}
