//! Worlds that are kept: through restarts, kills, second processes, and a log that has grown.

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};

use super::{Hands, client::Sandbox, scenario, serving, write};
use crate::sandbox::{Error, load_scenario_into, start};

async fn open(world: &Path, scenario: Option<&Path>) -> Sandbox {
    let mut options = Hands::new().options();
    options.world = Some(world.to_owned());
    options.scenario = scenario.map(Path::to_owned);
    serving(options).await
}

#[tokio::test]
async fn a_restart_keeps_the_world() {
    let (dir, first) = (tempfile::tempdir().unwrap(), scenario());
    let sandbox = open(dir.path(), Some(first.path())).await;
    let id = sandbox.running.world().to_owned();
    sandbox.track(json!([{"external_id": "ann", "tags": {"add": ["c"]}}, {"external_id": "new", "plan": "gold"}])).await;
    sandbox.request("first").await;
    let event = json!({"external_id": "ann", "name": "Order", "time": "2025-12-31T00:00:00Z"});
    sandbox
        .braze("/users/track", &json!({"events": [event]}))
        .await;
    sandbox
        .own("PUT", "braze/users/bob", &json!({"vip": true}).to_string())
        .await;
    sandbox
        .own(
            "PUT",
            "braze/segments",
            &json!({"segments": [{"id": "s9", "name": "Nine"}]}).to_string(),
        )
        .await;
    sandbox
        .own(
            "PUT",
            "amplitude/cohorts/third",
            &json!({"name": "Third"}).to_string(),
        )
        .await;
    sandbox
        .own(
            "PUT",
            "amplitude/cohorts/third/members",
            "amplitude_id,user_id\n1,ann\n",
        )
        .await;
    let told = async |sandbox: &Sandbox| {
        let mut told = Vec::new();
        for id in ["ann", "bob", "new"] {
            told.push(sandbox.user(id).await);
        }
        told.push(sandbox.own("GET", "braze/events", "").await.json());
        told.push(sandbox.amplitude("/api/3/cohorts").await.json());
        told.push(sandbox.amplitude("/api/3/cohorts/usage").await.json());
        told
    };
    let before = told(&sandbox).await;
    assert_eq!(before[5]["rest_download"]["usage"], 1);
    sandbox.running.stop().await;
    // The scenario is not loaded again.
    let sandbox = open(dir.path(), Some(first.path())).await;
    assert_eq!(sandbox.running.world(), id);
    assert_eq!(told(&sandbox).await, before);
    let file = sandbox.request("third").await;
    let file = sandbox
        .amplitude(&format!("/api/5/cohorts/request/{file}/file"))
        .await;
    assert_eq!(
        file.inflated(),
        "\"amplitude_id\",\"user_id\"\n\"1\",\"ann\"\n"
    );
}

#[tokio::test]
async fn a_torn_tail_is_forgotten() {
    let (dir, first) = (tempfile::tempdir().unwrap(), scenario());
    let sandbox = open(dir.path(), Some(first.path())).await;
    sandbox
        .track(json!([{"external_id": "ann", "tags": {"add": ["c"]}}]))
        .await;
    sandbox.running.stop().await;
    let mut log = fs::File::options()
        .append(true)
        .open(dir.path().join("log.1"))
        .unwrap();
    log.write_all(&[200, 0, 0, 0, 1, 2, 3, 4, 1, 0]).unwrap();
    drop(log);
    for added in ["d", "e"] {
        let sandbox = open(dir.path(), None).await;
        sandbox
            .track(json!([{"external_id": "ann", "tags": {"add": [added]}}]))
            .await;
        sandbox.running.stop().await;
    }
    let sandbox = open(dir.path(), None).await;
    assert_eq!(
        sandbox.user("ann").await["custom_attributes"]["tags"],
        json!(["a", "b", "c", "d", "e"])
    );
}

#[tokio::test]
async fn a_long_log_becomes_a_snapshot() {
    let (dir, first) = (tempfile::tempdir().unwrap(), scenario());
    let sandbox = open(dir.path(), Some(first.path())).await;
    let id = sandbox.running.world().to_owned();
    let padding = "x".repeat(250);
    for round in 0..60 {
        let objects: Vec<Value> =
            (0..75).map(|person| json!({"external_id": format!("p{person}"), "round": round, "padding": padding})).collect();
        assert_eq!(sandbox.track(json!(objects)).await.status, 201);
    }
    let event = json!({"external_id": "ann", "name": "Order", "time": "2025-12-31T00:00:00Z"});
    sandbox
        .braze("/users/track", &json!({"events": [event]}))
        .await;
    sandbox.request("first").await;
    sandbox.running.stop().await;
    assert!(fs::metadata(dir.path().join("log.1")).unwrap().len() > 1 << 20);
    // A kill between the snapshot's files and the manifest left these.
    write(dir.path(), "profiles.2.jsonl", "garbage");
    write(dir.path(), "amplitude.new", "garbage");
    let sandbox = open(dir.path(), None).await;
    assert_eq!(fs::metadata(dir.path().join("log.2")).unwrap().len(), 0);
    assert!(!dir.path().join("log.1").exists() && !dir.path().join("amplitude.new").exists());
    assert_eq!(sandbox.running.world(), id);
    sandbox.running.stop().await;
    let sandbox = open(dir.path(), None).await;
    assert_eq!(sandbox.user("p74").await["custom_attributes"]["round"], 59);
    assert_eq!(
        sandbox.own("GET", "braze/events", "").await.json()["events"],
        json!([event])
    );
    assert_eq!(
        sandbox.amplitude("/api/3/cohorts/usage").await.json()["rest_download"]["usage"],
        1
    );
    assert_eq!(sandbox.stats().await["users"], 78);
}

#[tokio::test]
async fn one_process_a_world() {
    let (dir, first) = (tempfile::tempdir().unwrap(), scenario());
    let sandbox = open(dir.path(), Some(first.path())).await;
    let mut options = Hands::new().options();
    options.world = Some(dir.path().to_owned());
    let second = start("127.0.0.1:0".parse().unwrap(), options).await;
    assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}");
    sandbox.running.stop().await;
    open(dir.path(), None).await;
}

#[tokio::test]
async fn a_scenario_replaces_one_side() {
    let (dir, first, second) = (tempfile::tempdir().unwrap(), scenario(), scenario());
    let sandbox = open(dir.path(), Some(first.path())).await;
    sandbox
        .track(json!([{"external_id": "ann", "plan": "gold"}]))
        .await;
    write(
        second.path(),
        "amplitude/cohorts/first.csv",
        "amplitude_id,user_id\n7,zoe\n",
    );
    write(second.path(), "braze/users.jsonl", "");
    let body = json!({"dir": second.path()}).to_string();
    let computed = async |sandbox: &Sandbox| {
        let list = sandbox.amplitude("/api/3/cohorts").await.json();
        (
            list["cohorts"][0]["lastComputed"].clone(),
            list["cohorts"][1]["lastComputed"].clone(),
        )
    };
    assert_eq!(
        sandbox.own("POST", "scenario", &body).await.json(),
        json!({"cohorts": 3})
    );
    // Other members under the same time: the time moves. The same members: it does not.
    assert_eq!(computed(&sandbox).await, (json!(1001), json!(1000)));
    assert_eq!(
        sandbox.user("ann").await["custom_attributes"]["plan"],
        "gold"
    );
    assert_eq!(
        sandbox
            .own("POST", "scenario", "{\"dir\": \"/nowhere\"}")
            .await
            .status,
        400
    );
    sandbox.running.stop().await;
    let loaded = load_scenario_into(dir.path(), first.path()).unwrap();
    assert_eq!((loaded.cohorts, loaded.new), (3, false));
    let sandbox = open(dir.path(), None).await;
    assert_eq!(
        sandbox.user("ann").await["custom_attributes"]["plan"],
        "gold"
    );
    let id = sandbox.request("first").await;
    let file = sandbox
        .amplitude(&format!("/api/5/cohorts/request/{id}/file"))
        .await;
    assert!(file.inflated().contains("ann"));
    let other = tempfile::tempdir().unwrap();
    assert!(load_scenario_into(other.path(), first.path()).unwrap().new);
    assert!(load_scenario_into(other.path(), other.path()).is_err());
    // A world sweeps its directory: nobody's else.
    assert!(load_scenario_into(first.path(), second.path()).is_err());
    assert!(load_scenario_into(&first.path().join("amplitude"), second.path()).is_err());
    assert!(first.path().join("amplitude/cohorts/first.csv").exists());
}
