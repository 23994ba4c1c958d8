//! Cohorts that partners import: keys, shapes, whom they reach, what they cost, one request a cohort at a time.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Hands,
    client::{Answer, Sandbox},
    fresh, scenario, serving, write,
};
use crate::sandbox::{Contract, Limits};

const NAME: &str = "/partners/acme/cohorts";
const USERS: &str = "/partners/acme/cohorts/users";

/// Sends a partner's body, to which the keys are added; no header speaks of a key.
async fn send(sandbox: &Sandbox, path: &str, mut body: Value) -> Answer {
    for (key, value) in [("partner_api_key", "p-key"), ("client_secret", "c-secret")] {
        if body.get(key).is_none() {
            body[key] = json!(value);
        }
    }
    let json = ["content-type: application/json"];
    let body = body.to_string();
    sandbox.send("POST", path, &json, &body).await.unwrap()
}

async fn change(sandbox: &Sandbox, cohort: &str, changes: Value) {
    let body = json!({"cohort_id": cohort, "cohort_changes": changes});
    let answer = send(sandbox, USERS, body).await;
    assert_eq!(
        (answer.status, answer.json()),
        (201, json!({"message": "success"}))
    );
}

async fn members(sandbox: &Sandbox, cohort: &str) -> Value {
    let path = format!("braze/cohorts/{cohort}/members");
    sandbox.own("GET", &path, "").await.json()["members"].take()
}

async fn cohorts(sandbox: &Sandbox) -> Value {
    sandbox.own("GET", "braze/cohorts", "").await.json()["cohorts"].take()
}

/// Besides the three of the scenario: one with an alias alone, one with an external id and a device, two on one device.
async fn crowd(change: impl FnOnce(&mut crate::sandbox::Options)) -> Sandbox {
    let scenario = scenario();
    let people = [
        json!({"external_id": "ann", "braze_id": "a1"}),
        json!({"external_id": "bob", "braze_id": "b1",
               "user_aliases": [{"alias_name": "B", "alias_label": "crm"}]}),
        json!({"braze_id": "c1", "devices": [{"device_id": "phone"}, {"device_id": "tablet"}]}),
        json!({"braze_id": "d1", "user_aliases": [{"alias_name": "D", "alias_label": "crm"}]}),
        json!({"external_id": "eve", "braze_id": "e1", "devices": [{"device_id": "known"}, {"device_id": "shared"}]}),
        json!({"braze_id": "f1", "devices": [{"device_id": "shared"}]}),
    ];
    let lines: Vec<String> = people.iter().map(Value::to_string).collect();
    write(scenario.path(), "braze/users.jsonl", &lines.join("\n"));
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    change(&mut options);
    serving(options).await
}

#[tokio::test]
async fn refuses_keys_with_the_documented_texts() {
    let sandbox = crowd(|_| ()).await;
    let body = json!({"cohort_id": "c", "cohort_changes": []});
    for (key, value, text) in [
        (
            "partner_api_key",
            json!("a bad one"),
            "Invalid Partner API key",
        ),
        ("partner_api_key", json!(null), "Invalid Partner API key"),
        ("client_secret", json!("bad"), "Invalid client secret"),
        ("client_secret", json!(""), "Invalid client secret"),
        (
            "client_secret",
            json!("s-no-partner"),
            "Partner not enabled for client with client secret: s-no-partner",
        ),
    ] {
        for path in [NAME, USERS] {
            let mut body = body.clone();
            body[key] = value.clone();
            let answer = send(&sandbox, path, body).await;
            assert_eq!(
                (answer.status, answer.json()),
                (401, json!({"message": text}))
            );
        }
    }
    let plain = sandbox.send("POST", USERS, &[], &body.to_string()).await;
    assert_eq!(plain.unwrap().status, 415);
    let json = ["content-type: application/json"];
    let torn = sandbox.send("POST", USERS, &json, "{").await.unwrap();
    assert_eq!((torn.status, torn.json()["error"].is_string()), (400, true));
    assert_eq!(cohorts(&sandbox).await, json!([]));
}

#[tokio::test]
async fn refuses_bodies_with_the_documented_texts() {
    const ID: &str = "`cohort_id` must be a valid string";
    const CHANGES: &str = "`cohort_changes` must be an array of objects each with key `user_ids` and/or `device_ids` \
                           mapping to an array of strings, or an `aliases` object";
    let sandbox = crowd(|_| ()).await;
    let made = "2026-01-01T00:00:00Z";
    let refused = async |path: &str, body: Value, text: &str| {
        let answer = send(&sandbox, path, body.clone()).await;
        let expected = (400, json!({"message": text}));
        assert_eq!((answer.status, answer.json()), expected, "{body}");
    };
    for id in [json!(null), json!(7), json!("")] {
        let body = json!({"cohort_id": id, "name": "n", "created_at": made, "cohort_changes": []});
        refused(NAME, body.clone(), ID).await;
        refused(USERS, body, ID).await;
    }
    for name in [json!(null), json!(""), json!(["n"])] {
        let body = json!({"cohort_id": "c", "name": name, "created_at": made});
        refused(NAME, body, "`name` must be a non-empty string").await;
    }
    for time in [
        json!(null),
        json!(1_767_225_600),
        json!("2026-01-01"),
        json!("yesterday"),
        json!("2026-01-01T00:00:00"),
    ] {
        let body = json!({"cohort_id": "c", "name": "n", "created_at": time});
        let text = "`created_at` must be a valid time as an ISO-8601 string";
        refused(NAME, body, text).await;
    }
    for changes in [
        json!(null),
        json!({"user_ids": ["ann"]}),
        json!(["ann"]),
        json!([{}]),
        json!([{"should_remove": true}]),
        json!([{"user_ids": "ann"}]),
        json!([{"user_ids": [7]}]),
        json!([{"user_ids": ["ann"]}, {"device_ids": null}]),
        json!([{"aliases": ["D"]}]),
        json!([{"aliases": [{"alias_name": "D"}]}]),
        json!([{"user_ids": ["ann"], "should_remove": "yes"}]),
    ] {
        let body = json!({"cohort_id": "c", "cohort_changes": changes});
        refused(USERS, body, CHANGES).await;
    }
    // All three kinds and all changes together.
    let ids: Vec<String> = (0..999).map(|number| number.to_string()).collect();
    let alias = json!([{"alias_name": "D", "alias_label": "crm"}]);
    let many = json!([{"user_ids": ids}, {"device_ids": ["phone"], "aliases": alias, "should_remove": true}]);
    let text = "Only 1,000 `user_ids`, `device_ids`, and `aliases` are allowed per request";
    refused(
        USERS,
        json!({"cohort_id": "c", "cohort_changes": many}),
        text,
    )
    .await;
    assert_eq!(cohorts(&sandbox).await, json!([]), "nothing was half done");
    let full = json!([{"user_ids": ids}, {"aliases": alias}]);
    change(&sandbox, "c", full).await;
    assert_eq!(members(&sandbox, "c").await, json!([{"alias": alias[0]}]));
    let stats = sandbox.stats().await;
    assert_eq!(
        stats["rejected"]["POST /partners/{partner}/cohorts/users 400"],
        15
    );
    assert_eq!(
        stats["requests"]["POST /partners/{partner}/cohorts/users"],
        16
    );
}

#[tokio::test]
async fn reaches_whom_it_may_and_creates_nobody() {
    let sandbox = crowd(|_| ()).await;
    let crm = |name: &str| json!({"alias_name": name, "alias_label": "crm"});
    let everybody = json!({
        "user_ids": ["ann", "stranger", "D"],
        "device_ids": ["phone", "tablet", "known", "shared", "stranger"],
        "aliases": [crm("B"), crm("D"), crm("b"), crm("stranger")],
    });
    change(&sandbox, "c", json!([everybody])).await;
    let expected = json!([
        {"external_id": "ann"}, {"external_id": "bob"}, {"device_id": "phone"}, {"alias": crm("D")},
        {"device_id": "shared"},
    ]);
    assert_eq!(members(&sandbox, "c").await, expected);
    let stats = sandbox.stats().await;
    assert_eq!(stats["users"], 6);
    // Ann, phone, tablet, shared, B, D: an assignment each, though two are of one person.
    assert_eq!(
        (&stats["data_points"], &stats["objects"]),
        (&json!(6), &json!(0))
    );
    change(&sandbox, "c", json!([{"user_ids": ["eve"]}])).await;
    // An identified person's device is ignored to remove as well, and costs nothing.
    let taken =
        json!({"device_ids": ["known", "tablet"], "aliases": [crm("D")], "should_remove": true});
    change(&sandbox, "c", json!([taken])).await;
    let expected = json!([
        {"external_id": "ann"}, {"external_id": "bob"}, {"external_id": "eve"}, {"device_id": "shared"},
    ]);
    assert_eq!(members(&sandbox, "c").await, expected);
    assert_eq!(sandbox.stats().await["data_points"], 9);
}

#[tokio::test]
async fn changes_are_made_in_their_order_and_repeats_cost() {
    let sandbox = crowd(|_| ()).await;
    let add = json!({"user_ids": ["ann"]});
    let remove = json!({"user_ids": ["ann"], "should_remove": true});
    for (changes, left) in [
        (json!([add, remove]), 0),
        (json!([remove, add]), 1),
        (json!([add, add]), 1),
        (json!([{"user_ids": ["ann"], "should_remove": false}]), 1),
        (json!([remove]), 0),
        (json!([remove]), 0),
    ] {
        change(&sandbox, "c", changes.clone()).await;
        assert_eq!(cohorts(&sandbox).await[0]["size"], left, "{changes}");
    }
    assert_eq!(sandbox.stats().await["data_points"], 9);
}

#[tokio::test]
async fn names_and_renames() {
    let sandbox = crowd(|_| ()).await;
    // A test of the connection makes nothing; whoever is listed makes a cohort under its id, strangers too.
    change(&sandbox, "acme/production/vip", json!([])).await;
    change(&sandbox, "acme/production/vip", json!([{"user_ids": []}])).await;
    assert_eq!(cohorts(&sandbox).await, json!([]));
    change(
        &sandbox,
        "acme/production/vip",
        json!([{"user_ids": ["ann"]}]),
    )
    .await;
    change(&sandbox, "strangers", json!([{"user_ids": ["stranger"]}])).await;
    let listed = |name: &str| {
        json!([
            {"id": "acme/production/vip", "name": name, "size": 1},
            {"id": "strangers", "name": "strangers", "size": 0},
        ])
    };
    assert_eq!(cohorts(&sandbox).await, listed("acme/production/vip"));
    for name in ["VIP", "Very important"] {
        let body = json!({
            "cohort_id": "acme/production/vip", "name": name, "created_at": "2021-01-21T19:20:30+05:00",
        });
        let answer = send(&sandbox, NAME, body).await;
        assert_eq!(
            (answer.status, answer.json()),
            (201, json!({"message": "success"}))
        );
        assert_eq!(cohorts(&sandbox).await, listed(name));
    }
    assert_eq!(
        members(&sandbox, "acme%2Fproduction%2Fvip").await,
        json!([{"external_id": "ann"}])
    );
    let missing = sandbox
        .own("GET", "braze/cohorts/nothing/members", "")
        .await;
    assert_eq!(missing.status, 404);
    // Another partner's cohort of that id is another.
    let body = json!({"cohort_id": "strangers", "cohort_changes": [{"user_ids": ["bob"]}]});
    send(&sandbox, "/partners/other/cohorts/users", body).await;
    assert_eq!(members(&sandbox, "strangers").await, json!([]));
    let other = sandbox.own("GET", "braze/cohorts/strangers/members?partner=other", "");
    assert_eq!(
        other.await.json()["members"],
        json!([{"external_id": "bob"}])
    );
}

/// The latency is the time in which they meet: it is waited for here, and by nobody else.
#[tokio::test]
async fn one_request_a_cohort_at_a_time() {
    let sandbox = crowd(|options| options.latency = Duration::from_millis(400)).await;
    let users = |cohort: &str, id: &str| {
        send(
            &sandbox,
            USERS,
            json!({"cohort_id": cohort, "cohort_changes": [{"user_ids": [id]}]}),
        )
    };
    let name = json!({"cohort_id": "c", "name": "n", "created_at": "2026-01-01T00:00:00Z"});
    let wrong = json!({"cohort_id": "c", "cohort_changes": [], "client_secret": "bad"});
    let (first, second, named, other, wrong) = futures_util::join!(
        users("c", "ann"),
        users("c", "bob"),
        send(&sandbox, NAME, name),
        users("d", "ann"),
        send(&sandbox, USERS, wrong),
    );
    let mut three = [first.status, second.status, named.status];
    three.sort_unstable();
    assert_eq!(three, [201, 423, 423]);
    assert_eq!((other.status, wrong.status), (201, 401));
    let refused = [&first, &second, &named]
        .into_iter()
        .find(|answer| answer.status == 423);
    assert_eq!(
        refused.unwrap().json(),
        json!({"message": "Resource locked"})
    );
    // One after another, as fast as can be.
    for id in ["ann", "bob"] {
        assert_eq!(users("c", id).await.status, 201);
    }
}

#[tokio::test]
async fn a_cohort_is_locked_by_fault() {
    let sandbox = crowd(|_| ()).await;
    let fault = async |spec: &str| {
        sandbox
            .own("POST", "faults", &json!({"spec": spec}).to_string())
            .await;
    };
    let body = json!({"cohort_id": "c", "cohort_changes": [{"user_ids": ["ann"]}]});
    fault("423:1").await;
    let answer = send(&sandbox, USERS, body.clone()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (423, json!({"message": "Resource locked"}))
    );
    assert_eq!(cohorts(&sandbox).await, json!([]), "not processed");
    assert_eq!(
        sandbox.track(json!([{"external_id": "ann"}])).await.status,
        201,
        "no other endpoint has it"
    );
    assert_eq!(sandbox.amplitude("/api/3/cohorts").await.status, 200);
    fault("").await;
    assert_eq!(send(&sandbox, USERS, body).await.status, 201);
}

#[tokio::test]
async fn both_endpoints_share_a_quarter_million_an_hour() {
    for contract in [Contract::DataPoints, Contract::Mau] {
        let sandbox = crowd(|options| {
            options.limits = Limits::Real;
            options.contract = contract;
        })
        .await;
        let reset = match contract {
            Contract::DataPoints => "1767229200",
            Contract::Mau => "3600",
        };
        for (path, left) in [(NAME, "249999"), (USERS, "249998")] {
            let body = json!({
                "cohort_id": "c", "name": "n", "created_at": "2026-01-01T00:00:00Z", "cohort_changes": [],
            });
            let answer = send(&sandbox, path, body).await;
            let header = |name: &str| answer.header(name);
            assert_eq!(header("x-ratelimit-limit"), Some("250000"));
            assert_eq!(header("x-ratelimit-remaining"), Some(left));
            assert_eq!(header("x-ratelimit-reset"), Some(reset));
        }
        // The list of segments has a quarter million of its own.
        let bearer = ["authorization: Bearer key"];
        let list = sandbox.send("GET", "/segments/list", &bearer, "").await;
        assert_eq!(
            list.unwrap().header("x-ratelimit-remaining"),
            Some("249999")
        );
    }
}

#[tokio::test]
async fn cohorts_survive_restarts_and_snapshots_and_hold_no_key() {
    let (dir, first) = (tempfile::tempdir().unwrap(), scenario());
    let open = async || {
        let mut options = Hands::new().options();
        options.scenario = Some(first.path().to_owned());
        options.world = Some(dir.path().to_owned());
        serving(options).await
    };
    let sandbox = open().await;
    change(&sandbox, "c", json!([{"user_ids": ["ann", "bob"]}])).await;
    change(
        &sandbox,
        "c",
        json!([{"device_ids": ["phone"]}, {"user_ids": ["bob"], "should_remove": true}]),
    )
    .await;
    let name = json!({"cohort_id": "c", "name": "N", "created_at": "2026-01-01T00:00:00Z"});
    send(&sandbox, NAME, name).await;
    let told = async |sandbox: &Sandbox| (cohorts(sandbox).await, members(sandbox, "c").await);
    let expected = (
        json!([{"id": "c", "name": "N", "size": 2}]),
        json!([{"external_id": "ann"}, {"device_id": "phone"}]),
    );
    assert_eq!(told(&sandbox).await, expected);
    sandbox.running.stop().await;
    let log = std::fs::read(dir.path().join("log.1")).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("cohort_changes") && !log.contains("p-key") && !log.contains("c-secret"));
    let sandbox = open().await;
    assert_eq!(told(&sandbox).await, expected, "replayed");
    // A log that has grown: the cohorts are in the snapshot, and go on from there.
    let padding = "x".repeat(250);
    let objects: Vec<Value> = (0..75)
        .map(|person| json!({"external_id": format!("p{person}"), "padding": padding}))
        .collect();
    for _ in 0..60 {
        sandbox.track(json!(objects)).await;
    }
    change(&sandbox, "c", json!([{"user_ids": ["p74"]}])).await;
    sandbox.running.stop().await;
    open().await.running.stop().await;
    assert!(dir.path().join("imported.2.json").exists() && !dir.path().join("log.1").exists());
    let sandbox = open().await;
    change(
        &sandbox,
        "c",
        json!([{"device_ids": ["phone"], "should_remove": true}]),
    )
    .await;
    assert_eq!(
        members(&sandbox, "c").await,
        json!([{"external_id": "ann"}, {"external_id": "p74"}])
    );
}

/// Who was anonymous when taken in stays in when identified, under the new name.
#[tokio::test]
async fn a_member_has_one_name() {
    let sandbox = fresh(|_| ()).await;
    change(
        &sandbox,
        "c",
        json!([{"device_ids": ["phone"]}, {"user_ids": ["ann"]}]),
    )
    .await;
    let alias = json!({"alias_name": "A", "alias_label": "crm"});
    let body =
        json!({"user_aliases": [{"external_id": "ann", "alias_name": "A", "alias_label": "crm"}]});
    sandbox.braze("/users/alias/new", &body).await;
    change(&sandbox, "c", json!([{"aliases": [alias]}])).await;
    assert_eq!(
        members(&sandbox, "c").await,
        json!([{"external_id": "ann"}, {"device_id": "phone"}])
    );
}
