//! Static cohorts: upload and membership.

use serde_json::{Value, json};

use super::{Hands, client::Answer, client::Sandbox, fresh, kept, scenario, serving, write};

async fn post(sandbox: &Sandbox, path: &str, body: &Value) -> Answer {
    let headers = [
        "authorization: Basic a2V5OnNlY3JldA==",
        "content-type: application/json",
    ];
    let path = format!("/api/3/cohorts/{path}");
    sandbox
        .send("POST", &path, &headers, &body.to_string())
        .await
        .unwrap()
}

fn upload(ids: &[&str]) -> Value {
    json!({
        "name": "VIP", "app_id": 153_957, "id_type": "BY_USER_ID", "ids": ids, "owner": "o@example.com",
        "published": true,
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn membership(cohort: &str, entries: &[(&str, &str, &[&str])]) -> Value {
    let entries = entries.iter().map(
        |(operation, id_type, ids)| json!({"operation": operation, "id_type": id_type, "ids": ids}),
    );
    json!({"cohort_id": cohort, "memberships": entries.collect::<Vec<_>>()})
}

async fn know(sandbox: &Sandbox, ids: &[&str]) {
    let body = json!({"user_ids": ids}).to_string();
    assert_eq!(
        sandbox.own("PUT", "amplitude/known", &body).await.status,
        200
    );
}

async fn members(sandbox: &Sandbox, cohort: &str) -> Value {
    sandbox
        .own("GET", &format!("amplitude/cohorts/{cohort}/members"), "")
        .await
        .json()["members"]
        .clone()
}

async fn made(sandbox: &Sandbox, ids: &[&str]) -> String {
    let answer = post(sandbox, "upload", &upload(ids)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["cohortId"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["error"]["metadata"].clone())
}

#[tokio::test]
async fn an_upload_makes_a_cohort_like_any_other() {
    let sandbox = fresh(|_| ()).await;
    know(&sandbox, &["bob"]).await;
    let answer = post(
        &sandbox,
        "upload",
        &upload(&["ann", "nobody", "bob", "ann"]),
    )
    .await;
    let body = answer.json();
    assert_eq!(
        body["metadata"],
        json!({"matched": 3, "totals": 2, "invalid_ids_sample": ["nobody"]})
    );
    let id = body["cohortId"].as_str().unwrap().to_owned();
    let mut cohort = body["cohortsById"][&id].clone();
    for (name, value) in [
        ("type", json!("manual_upload")),
        ("size", json!(2)),
        ("owners", json!(["o@example.com"])),
        ("lastMod", json!(super::BEGIN)),
        ("createdAt", json!(super::BEGIN)),
        ("lastComputed", json!(super::BEGIN)),
        ("description", Value::Null),
        ("appId", json!(153_957)),
    ] {
        assert_eq!(cohort[name], value, "{name}");
    }
    assert_eq!(
        (
            &cohort["definition"]["countGroup"],
            &cohort["definition"]["andClauses"]
        ),
        (&json!("User"), &json!([]))
    );
    assert!(cohort.get("viewers").is_none() && cohort.get("syncMetadata").is_none());
    let listed = sandbox.amplitude("/api/3/cohorts").await.json()["cohorts"][2].clone();
    cohort["viewers"] = json!([]);
    assert_eq!(listed, cohort);
    let request = sandbox.request(&id).await;
    let file = sandbox
        .amplitude(&format!("/api/5/cohorts/request/{request}/file"))
        .await;
    assert!(
        file.inflated()
            .starts_with("\"amplitude_id\",\"user_id\"\n\"1\",\"ann\"\n"),
        "{}",
        file.inflated()
    );
    assert_eq!(members(&sandbox, &id).await, json!(["ann", "bob"]));
    // No key of its own: the same again is another one.
    assert_ne!(made(&sandbox, &["ann"]).await, id);
}

#[tokio::test]
async fn an_upload_is_checked() {
    let sandbox = fresh(|_| ()).await;
    let good = upload(&["ann"]);
    let many: Vec<&str> = vec!["ann"; 100_001];
    for (body, status) in [
        (with(good.clone(), "ids", json!([])), 400),
        (with(good.clone(), "ids", json!(["nobody"])), 400),
        (with(good.clone(), "ids", json!([1])), 400),
        (with(good.clone(), "ids", json!(many)), 400),
        (with(good.clone(), "id_type", json!("BY_NAME")), 400),
        (with(good.clone(), "owner", Value::Null), 400),
        (with(good.clone(), "published", Value::Null), 400),
        (with(good.clone(), "name", json!("")), 400),
        (with(good.clone(), "cg", json!("company")), 400),
        (with(good.clone(), "app_id", json!("soon")), 400),
        (with(good.clone(), "app_id", json!(7)), 403),
        (with(good.clone(), "existing_cohort_id", json!("gone")), 404),
        (
            with(good.clone(), "existing_cohort_id", json!("first")),
            400,
        ),
        (json!([]), 400),
    ] {
        assert_eq!(post(&sandbox, "upload", &body).await.status, status);
    }
    let strict = with(upload(&["ann", "nobody"]), "skip_invalid_ids", json!(false));
    let (status, metadata) = error(&post(&sandbox, "upload", &strict).await);
    assert_eq!(
        (status, &metadata["invalid_ids_sample"]),
        (400, &json!(["nobody"]))
    );
    let checked = post(
        &sandbox,
        "upload",
        &with(good.clone(), "skip_save", json!(true)),
    )
    .await;
    assert_eq!(
        checked.json(),
        json!({"metadata": {"matched": 1, "totals": 1, "invalid_ids_sample": []}})
    );
    let list = sandbox.amplitude("/api/3/cohorts").await.json();
    assert_eq!(list["cohorts"].as_array().unwrap().len(), 2);
    let refused = sandbox
        .send("POST", "/api/3/cohorts/upload", &[], &good.to_string())
        .await
        .unwrap();
    assert_eq!(
        (refused.status, &refused.json()["error"]["http_code"]),
        (401, &json!(401))
    );
}

#[tokio::test]
async fn an_upload_replaces_and_nobody_is_forgotten() {
    let sandbox = fresh(|_| ()).await;
    let id = made(&sandbox, &["ann"]).await;
    // Only a static cohort knows them: whoever leaves it stays a user.
    let own = "amplitude_id,user_id,tier\n50,only,gold\n1,ann,\n";
    let path = format!("amplitude/cohorts/{id}/members");
    sandbox.own("PUT", &path, own).await;
    let replace = |ids: &[&str]| with(upload(ids), "existing_cohort_id", json!(id.clone()));
    let answer = post(
        &sandbox,
        "upload",
        &with(replace(&["ann"]), "name", json!("Other")),
    )
    .await;
    let cohort = answer.json()["cohortsById"][&id].clone();
    assert_eq!(
        (&cohort["name"], &cohort["size"]),
        (&json!("VIP"), &json!(1))
    );
    assert_eq!(members(&sandbox, &id).await, json!(["ann"]));
    assert_eq!(
        post(&sandbox, "upload", &replace(&["only"])).await.status,
        200
    );
    assert_eq!(members(&sandbox, &id).await, json!(["only"]));
    let by_number = with(
        with(replace(&["50", "2", "x"]), "id_type", json!("BY_AMP_ID")),
        "published",
        json!(false),
    );
    let answer = post(&sandbox, "upload", &by_number).await.json();
    assert_eq!(
        answer["metadata"],
        json!({"matched": 2, "totals": 2, "invalid_ids_sample": ["x"]})
    );
    assert_eq!(
        (
            answer["cohortsById"][&id]["size"].clone(),
            members(&sandbox, &id).await
        ),
        (json!(2), json!(["only"]))
    );
}

#[tokio::test]
async fn membership_adds_and_removes() {
    let sandbox = fresh(|_| ()).await;
    know(&sandbox, &["bob", "cy", "dee"]).await;
    let id = made(&sandbox, &["ann", "bob"]).await;
    let before = sandbox.amplitude("/api/3/cohorts").await.json()["cohorts"][2].clone();
    let body = membership(
        &id,
        &[
            ("ADD", "BY_NAME", &["cy", "nobody", "ann"]),
            ("REMOVE", "BY_NAME", &["bob", "dee"]),
        ],
    );
    let answer = post(&sandbox, "membership", &body).await;
    assert_eq!(
        answer.json(),
        json!({"cohort_id": id, "memberships_result": [
            {"skipped_ids": ["nobody"], "id_type": "BY_NAME", "operation": "ADD"},
            {"skipped_ids": [], "id_type": "BY_NAME", "operation": "REMOVE"},
        ]})
    );
    assert_eq!(members(&sandbox, &id).await, json!(["ann", "cy"]));
    let after = sandbox.amplitude("/api/3/cohorts").await.json()["cohorts"][2].clone();
    assert!(after["lastComputed"].as_i64() > before["lastComputed"].as_i64());
    assert_eq!(
        (&after["size"], &after["createdAt"]),
        (&json!(2), &before["createdAt"])
    );
    // Nothing new: not computed again. Nobody was made.
    assert_eq!(
        post(
            &sandbox,
            "membership",
            &membership(&id, &[("ADD", "BY_ID", &["1"])])
        )
        .await
        .status,
        200
    );
    assert_eq!(
        sandbox.amplitude("/api/3/cohorts").await.json()["cohorts"][2],
        after
    );
    let strict = with(
        membership(&id, &[("ADD", "BY_NAME", &["dee", "nobody"])]),
        "skip_invalid_ids",
        json!(false),
    );
    let (status, metadata) = error(&post(&sandbox, "membership", &strict).await);
    assert_eq!((status, &metadata["cohort_id"]), (400, &json!(id)));
    assert_eq!(
        metadata["memberships_result"][0]["skipped_ids"],
        json!(["nobody"])
    );
    assert_eq!(members(&sandbox, &id).await, json!(["ann", "cy"]));
    let last = membership(
        &id,
        &[
            ("ADD", "BY_NAME", &["dee"]),
            ("REMOVE", "BY_ID", &["1"]),
            ("REMOVE", "BY_NAME", &["dee", "cy"]),
        ],
    );
    assert_eq!(post(&sandbox, "membership", &last).await.status, 200);
    assert_eq!(members(&sandbox, &id).await, json!([]));
}

#[tokio::test]
async fn membership_is_checked() {
    let sandbox = fresh(|_| ()).await;
    let id = made(&sandbox, &["ann"]).await;
    let good = membership(&id, &[("ADD", "BY_NAME", &["ann"])]);
    let many = vec!["ann"; 50_001];
    for (body, status) in [
        (membership("first", &[("ADD", "BY_NAME", &["ann"])]), 400),
        (membership("gone", &[("ADD", "BY_NAME", &["ann"])]), 404),
        (membership(&id, &[]), 400),
        (membership(&id, &[("ADD", "BY_NAME", &[])]), 400),
        (membership(&id, &[("ADD", "BY_NAME", &["nobody"])]), 400),
        (membership(&id, &[("ADD", "BY_AMP_ID", &["1"])]), 400),
        (membership(&id, &[("SET", "BY_NAME", &["ann"])]), 400),
        (
            membership(
                &id,
                &[("ADD", "BY_NAME", &many), ("REMOVE", "BY_NAME", &many)],
            ),
            400,
        ),
        (with(good.clone(), "count_group", json!("company")), 400),
        (with(good.clone(), "skip_invalid_ids", json!("no")), 400),
        (with(good.clone(), "count_group", json!("User")), 200),
    ] {
        assert_eq!(
            post(&sandbox, "membership", &body).await.status,
            status,
            "{:?}",
            body["memberships"][0]["id_type"]
        );
    }
}

#[tokio::test]
async fn one_request_a_cohort() {
    let sandbox = fresh(|options| options.latency = std::time::Duration::from_millis(200)).await;
    let (id, other) = (
        made(&sandbox, &["ann"]).await,
        made(&sandbox, &["ann"]).await,
    );
    let add = |id: &str| membership(id, &[("ADD", "BY_NAME", &["ann"])]);
    let replace = with(upload(&["ann"]), "existing_cohort_id", json!(id));
    let bodies = [add(&id), add(&other)];
    let (one, same, apart) = tokio::join!(
        post(&sandbox, "membership", &bodies[0]),
        post(&sandbox, "upload", &replace),
        post(&sandbox, "membership", &bodies[1]),
    );
    let mut statuses = [one.status, same.status];
    statuses.sort_unstable();
    assert_eq!((statuses, apart.status), ([200, 429], 200));
    assert_eq!(post(&sandbox, "upload", &replace).await.status, 200);
}

#[tokio::test]
async fn amplitude_knows_whom_it_has_seen() {
    let scenario = scenario();
    write(
        scenario.path(),
        "amplitude/profiles.jsonl",
        "{\"user_id\": \"profiled\"}\n",
    );
    let event = json!({"event_type": "Order", "user_id": "exported", "amplitude_id": 77, "server_upload_time": "2026-01-01 00:00:00"});
    write(
        scenario.path(),
        "amplitude/events/a.jsonl",
        &format!("{event}\n"),
    );
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let everybody = ["ann", "profiled", "exported", "ingested", "later"];
    let unknown = async || {
        let checked = with(upload(&everybody), "skip_save", json!(true));
        post(&sandbox, "upload", &checked).await.json()["metadata"]["invalid_ids_sample"].clone()
    };
    assert_eq!(unknown().await, json!(["ingested", "later"]));
    let event = json!({"user_id": "ingested", "event_type": "Order", "insert_id": "1"});
    let body = json!({"api_key": "k", "events": [event]});
    assert_eq!(sandbox.ingest("/2/httpapi", &body).await.status, 200);
    assert_eq!(unknown().await, json!(["later"]));
    let later = json!({"user_id": "later", "event_type": "Order", "server_upload_time": "2026-01-01 01:00:00"});
    sandbox
        .own("POST", "amplitude/events", &later.to_string())
        .await;
    assert_eq!(unknown().await, json!([]));
    let by_number = with(
        with(
            upload(&["77", "1", "2", "3"]),
            "id_type",
            json!("BY_AMP_ID"),
        ),
        "skip_save",
        json!(true),
    );
    assert_eq!(
        post(&sandbox, "upload", &by_number).await.json()["metadata"]["invalid_ids_sample"],
        json!(["3"])
    );
    // Whom only a file named is gone with it.
    sandbox
        .own(
            "PUT",
            "amplitude/cohorts/first/members",
            "amplitude_id,user_id\n9,zoe\n",
        )
        .await;
    assert_eq!(unknown().await, json!(["ann"]));
}

#[tokio::test]
async fn a_world_keeps_static_cohorts() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let open = async || kept(dir.path(), Some(scenario.path())).await;
    let sandbox = open().await;
    know(&sandbox, &["bob"]).await;
    let id = made(&sandbox, &["ann", "bob"]).await;
    let remove = membership(&id, &[("REMOVE", "BY_NAME", &["ann"])]);
    post(&sandbox, "membership", &remove).await;
    let before = sandbox.amplitude("/api/3/cohorts").await.json();
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(sandbox.amplitude("/api/3/cohorts").await.json(), before);
    assert_eq!(members(&sandbox, &id).await, json!(["bob"]));
    // Another day of the scenario: what clients made stays.
    sandbox
        .own(
            "POST",
            "scenario",
            &json!({"dir": scenario.path()}).to_string(),
        )
        .await;
    assert_eq!(members(&sandbox, &id).await, json!(["bob"]));
    let add = membership(&id, &[("ADD", "BY_NAME", &["ann"])]);
    assert_eq!(post(&sandbox, "membership", &add).await.status, 200);
    assert_eq!(members(&sandbox, &id).await, json!(["ann", "bob"]));
}
