//! People who go: deleted, merged into others, deleted behind everybody's back.

use serde_json::{Value, json};

use super::{client::Sandbox, fresh};
use crate::sandbox::Limits;

const DELETE: &str = "/users/delete";
const MERGE: &str = "/users/merge";

/// Who of these an export finds, by external id.
async fn found(sandbox: &Sandbox, ids: &[&str]) -> Vec<Value> {
    let body = json!({"external_ids": ids, "fields_to_export": ["external_id"]});
    let answer = sandbox.braze("/users/export/ids", &body).await.json();
    let users = answer["users"].as_array().unwrap();
    users
        .iter()
        .map(|user| user["external_id"].clone())
        .collect()
}

async fn deleted(sandbox: &Sandbox, body: Value, count: u64) {
    let answer = sandbox.braze(DELETE, &body).await;
    let expected = json!({"deleted": count, "message": "success"});
    assert_eq!((answer.status, answer.json()), (200, expected), "{body}");
}

async fn merged(sandbox: &Sandbox, pairs: &[(Value, Value)]) {
    let updates: Vec<Value> = pairs
        .iter()
        .map(|(from, to)| json!({"identifier_to_merge": from, "identifier_to_keep": to}))
        .collect();
    let answer = sandbox
        .braze(MERGE, &json!({"merge_updates": updates}))
        .await;
    assert_eq!(
        (answer.status, answer.json()),
        (202, json!({"message": "success"}))
    );
}

fn id(id: &str) -> Value {
    json!({"external_id": id})
}

#[tokio::test]
async fn deletes_by_each_identifier() {
    let sandbox = fresh(|_| ()).await;
    let users = async || sandbox.stats().await["users"].as_u64();
    deleted(
        &sandbox,
        json!({"external_ids": ["ann", "ann", "nobody"]}),
        1,
    )
    .await;
    assert_eq!(found(&sandbox, &["ann", "bob"]).await, [json!("bob")]);
    assert_eq!(users().await, Some(2));
    let alias = json!({"alias_name": "B", "alias_label": "crm"});
    deleted(&sandbox, json!({"user_aliases": [alias]}), 1).await;
    deleted(&sandbox, json!({"braze_ids": ["c1", "c1", "x"]}), 1).await;
    assert_eq!(
        (found(&sandbox, &["bob"]).await.len(), users().await),
        (0, Some(0))
    );
    deleted(&sandbox, json!({"external_ids": ["bob"]}), 0).await;
    // Whoever comes again is somebody new, and nobody else's identifiers find them.
    sandbox
        .track(json!([{"external_id": "bob", "plan": "gold"}]))
        .await;
    let bob = sandbox.user("bob").await;
    assert_eq!(bob["custom_attributes"], json!({"plan": "gold"}));
    assert!(bob["email"].is_null() && bob["braze_id"] != "b1");
    let shared = json!({"email_address": "shared@x.org", "fields_to_export": ["email"]});
    let shared = sandbox.braze("/users/export/ids", &shared).await.json();
    assert_eq!(shared["users"], json!([]));
    assert_eq!(
        sandbox.stats().await["data_points"],
        1,
        "to delete costs nothing"
    );
}

#[tokio::test]
async fn an_email_says_which_of_several() {
    let sandbox = fresh(|_| ()).await;
    let by = |words: &[&str]| json!({"email_addresses": [{"email": "shared@x.org", "prioritization": words}]});
    deleted(&sandbox, by(&["identified"]), 0).await;
    deleted(&sandbox, by(&["unidentified", "most_recently_updated"]), 0).await;
    sandbox
        .track(json!([{"external_id": "ann", "plan": "gold"}]))
        .await;
    deleted(&sandbox, by(&["identified", "most_recently_updated"]), 1).await;
    assert_eq!(found(&sandbox, &["ann", "bob"]).await, [json!("bob")]);
    for wrong in [
        by(&["identified", "unidentified"]),
        by(&["newest"]),
        json!({"email_addresses": ["e@x.org"]}),
    ] {
        assert_eq!(sandbox.braze(DELETE, &wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn who_is_deleted_is_no_member_any_more() {
    let sandbox = fresh(|_| ()).await;
    let told = json!({
        "partner_api_key": "key", "client_secret": "secret", "cohort_id": "c",
        "cohort_changes": [{"user_ids": ["ann", "bob"]}],
    });
    sandbox
        .braze("/partners/amplitude/cohorts/users", &told)
        .await;
    let members = async || {
        sandbox
            .own("GET", "braze/cohorts/c/members", "")
            .await
            .json()["members"]
            .clone()
    };
    assert_eq!(members().await, json!([id("ann"), id("bob")]));
    assert_eq!(
        sandbox.own("DELETE", "braze/users/ann", "").await.status,
        200
    );
    assert_eq!(
        sandbox.own("DELETE", "braze/users/ann", "").await.status,
        404
    );
    assert_eq!(members().await, json!([id("bob")]));
    sandbox
        .track(json!([{"external_id": "ann", "plan": "gold"}]))
        .await;
    assert_eq!(
        members().await,
        json!([id("bob")]),
        "a person who comes again is another one"
    );
    merged(&sandbox, &[(id("bob"), id("ann"))]).await;
    assert_eq!(members().await, json!([]));
}

#[tokio::test]
async fn who_stays_gets_what_they_lack() {
    let sandbox = fresh(|_| ()).await;
    let time = |day: u8| format!("2025-12-{day:02}T00:00:00Z");
    let event =
        |id: &str, name: &str, day| json!({"external_id": id, "name": name, "time": time(day)});
    sandbox
        .braze("/users/track", &json!({
            "attributes": [
                {"external_id": "ann", "first_name": "Ann", "plan": "gold"},
                {"external_id": "bob", "plan": "free", "home_city": "Bonn"},
            ],
            "events": [event("ann", "Order", 1), event("bob", "Order", 5), event("ann", "Visit", 2)],
        }))
        .await;
    merged(&sandbox, &[(id("ann"), id("bob"))]).await;
    assert_eq!(found(&sandbox, &["ann", "bob"]).await, [json!("bob")]);
    let bob = sandbox.user("bob").await;
    assert_eq!(
        bob["custom_attributes"],
        json!({"plan": "free", "tags": ["a", "b"]})
    );
    assert_eq!(
        (&bob["first_name"], &bob["home_city"]),
        (&json!("Ann"), &json!("Bonn"))
    );
    assert_eq!(bob["custom_events"][0]["count"], 2);
    let day = |which: &str| bob["custom_events"][0][which].as_str().unwrap()[..10].to_owned();
    assert_eq!(
        (day("first"), day("last")),
        ("2025-12-01".to_owned(), "2025-12-05".to_owned())
    );
    assert_eq!(bob["custom_events"][1]["name"], "Visit");
    assert_eq!(bob["braze_id"], "b1");
}

#[tokio::test]
async fn merges_of_strangers_change_nothing() {
    let sandbox = fresh(|_| ()).await;
    let before = (sandbox.user("ann").await, sandbox.user("bob").await);
    let alias = json!({"user_alias": {"alias_name": "nobody", "alias_label": "crm"}});
    let email = json!({"email": "shared@x.org", "prioritization": ["identified"]});
    merged(
        &sandbox,
        &[
            (id("nobody"), id("ann")),
            (id("ann"), id("nobody")),
            (id("ann"), id("ann")),
            (alias, id("bob")),
            (email, id("bob")),
        ],
    )
    .await;
    assert_eq!(
        (sandbox.user("ann").await, sandbox.user("bob").await),
        before
    );
    // No order is promised: who sends a chain gets the other one.
    let bob = json!({"user_alias": {"alias_name": "B", "alias_label": "crm"}});
    sandbox.track(json!([{"external_id": "cay"}])).await;
    merged(&sandbox, &[(id("cay"), id("ann")), (id("ann"), bob)]).await;
    assert_eq!(
        found(&sandbox, &["ann", "bob", "cay"]).await,
        [json!("bob"), json!("cay")]
    );
}

#[tokio::test]
async fn refuses_what_is_documented_to_be_refused() {
    let sandbox = fresh(|options| options.limits = Limits::Real).await;
    for (path, permission) in [(DELETE, "no-users.delete"), (MERGE, "no-users.merge")] {
        let bearer = format!("authorization: Bearer {permission}");
        let headers = [bearer.as_str(), "content-type: application/json"];
        let answer = sandbox.send("POST", path, &headers, "{}").await.unwrap();
        assert_eq!(answer.status, 403);
    }
    let many = vec!["ann"; 51];
    for wrong in [
        json!({}),
        json!({"external_ids": many}),
        json!({"external_ids": ["ann"], "braze_ids": ["a1"]}),
        json!({"external_ids": "ann"}),
        json!({"external_ids": [7]}),
        json!({"user_aliases": [{"alias_name": "B"}]}),
    ] {
        assert_eq!(sandbox.braze(DELETE, &wrong).await.status, 400, "{wrong}");
    }
    let pair = json!({"identifier_to_merge": id("ann"), "identifier_to_keep": id("bob")});
    let spare = json!({"identifier_to_merge": id("ann"), "identifier_to_keep": id("bob"), "x": 1});
    let email =
        json!({"identifier_to_merge": {"email": "shared@x.org"}, "identifier_to_keep": id("bob")});
    for (wrong, text) in [
        (json!(null), "'merge_updates' must be an array of objects"),
        (
            json!(vec![pair; 51]),
            "a single request may not contain more than 50 merge updates",
        ),
        (json!([spare]), "'merge_updates' must only have"),
        (json!([email]), "identifiers must be objects with"),
    ] {
        let answer = sandbox.braze(MERGE, &json!({"merge_updates": wrong})).await;
        let said = answer.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(answer.status == 400 && said.starts_with(text), "{said}");
    }
    assert_eq!(found(&sandbox, &["ann", "bob"]).await.len(), 2);
    // Both share the limit of aliases.
    let answer = sandbox
        .braze(DELETE, &json!({"external_ids": ["nobody"]}))
        .await;
    assert_eq!(answer.header("x-ratelimit-limit"), Some("20000"));
    let answer = sandbox.braze(MERGE, &json!({"merge_updates": []})).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("19988"));
}

#[tokio::test]
async fn a_restart_knows_who_is_gone() {
    let (dir, first) = (tempfile::tempdir().unwrap(), super::scenario());
    let open = async || {
        let mut options = super::Hands::new().options();
        options.scenario = Some(first.path().to_owned());
        options.world = Some(dir.path().to_owned());
        super::serving(options).await
    };
    let sandbox = open().await;
    sandbox
        .track(json!([{"external_id": "cay", "plan": "x"}, {"external_id": "dee"}]))
        .await;
    merged(&sandbox, &[(id("cay"), id("dee"))]).await;
    deleted(&sandbox, json!({"braze_ids": ["c1"]}), 1).await;
    sandbox.own("DELETE", "braze/users/ann", "").await;
    let told = json!({
        "partner_api_key": "key", "client_secret": "secret", "cohort_id": "c",
        "cohort_changes": [{"user_ids": ["ann", "bob", "dee"]}],
    });
    sandbox
        .braze("/partners/amplitude/cohorts/users", &told)
        .await;
    let long = "x".repeat(1 << 20);
    // Twice: once from the log, once from a snapshot, which a long log becomes.
    for _ in 0..2 {
        sandbox
            .track(json!([{"external_id": "bob", "note": long}]))
            .await;
    }
    sandbox.running.stop().await;
    for _ in 0..3 {
        let sandbox = open().await;
        let everybody = ["ann", "bob", "cay", "dee"];
        assert_eq!(
            found(&sandbox, &everybody).await,
            [json!("bob"), json!("dee")]
        );
        assert_eq!(
            sandbox.user("dee").await["custom_attributes"],
            json!({"plan": "x"})
        );
        let members = sandbox
            .own("GET", "braze/cohorts/c/members", "")
            .await
            .json();
        assert_eq!(members["members"], json!([id("bob"), id("dee")]));
        assert_eq!(sandbox.stats().await["users"], 2);
        sandbox.running.stop().await;
    }
}
