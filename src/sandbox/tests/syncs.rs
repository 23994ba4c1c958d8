//! What Amplitude tells of its own syncs: metadata of cohorts, delivery figures of streams.

use serde_json::{Value, json};

use super::{Hands, client::Sandbox, fresh, kept, scenario, serving, write};
use crate::sandbox::Limits;

const METRICS: &str = "/api/2/event-streaming/delivery-metrics-summary";

async fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let list = sandbox
        .amplitude("/api/3/cohorts?includeSyncInfo=true")
        .await;
    list.json()["cohorts"].as_array().unwrap().clone()
}

async fn put(sandbox: &Sandbox, path: &str, body: &Value) {
    let answer = sandbox.own("PUT", path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn sync_information_can_be_off_for_everybody() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let open = async || kept(dir.path(), Some(scenario.path())).await;
    let sandbox = open().await;
    assert_eq!(
        listed(&sandbox).await[0]["syncMetadata"],
        json!([{"target": "braze"}])
    );
    put(&sandbox, "amplitude/settings", &json!({"sync_info": false})).await;
    assert!(listed(&sandbox).await[0].get("syncMetadata").is_none());
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert!(listed(&sandbox).await[0].get("syncMetadata").is_none());
    put(&sandbox, "amplitude/settings", &json!({"sync_info": true})).await;
    assert_eq!(
        listed(&sandbox).await[0]["syncMetadata"],
        json!([{"target": "braze"}])
    );
    assert_eq!(
        sandbox.own("PUT", "amplitude/settings", "{}").await.status,
        400
    );
    write(
        scenario.path(),
        "amplitude/cohorts.json",
        "{\"sync_info\": false, \"cohorts\": [{\"id\": \"x\", \"published\": true}]}",
    );
    sandbox
        .own(
            "POST",
            "scenario",
            &json!({"dir": scenario.path()}).to_string(),
        )
        .await;
    assert!(listed(&sandbox).await[0].get("syncMetadata").is_none());
}

#[tokio::test]
async fn a_cohort_is_changed_in_part_and_removed() {
    let sandbox = fresh(|_| ()).await;
    let before = listed(&sandbox).await[0].clone();
    put(
        &sandbox,
        "amplitude/cohorts/first",
        &json!({"archived": true, "syncMetadata": null}),
    )
    .await;
    let after = listed(&sandbox).await[0].clone();
    assert_eq!(
        (&after["archived"], &after["syncMetadata"], &after["size"]),
        (&json!(true), &json!([]), &before["size"])
    );
    put(
        &sandbox,
        "amplitude/cohorts/first",
        &json!({"syncMetadata": [{"target": "s3"}]}),
    )
    .await;
    assert_eq!(listed(&sandbox).await[0]["syncMetadata"][0]["target"], "s3");
    assert_eq!(
        sandbox
            .own("DELETE", "amplitude/cohorts/first", "")
            .await
            .status,
        200
    );
    assert_eq!(
        sandbox
            .own("DELETE", "amplitude/cohorts/first", "")
            .await
            .status,
        404
    );
    assert_eq!(
        sandbox
            .own("GET", "amplitude/cohorts/first/members", "")
            .await
            .status,
        404
    );
    assert_eq!(listed(&sandbox).await[0]["id"], "second");
    assert_eq!(
        sandbox
            .own("GET", "amplitude/cohorts/second/members", "")
            .await
            .json(),
        json!({"members": []})
    );
}

#[tokio::test]
async fn figures_of_a_stream() {
    let scenario = scenario();
    let figures = json!({"30001625": {"eventsDelivered": 90, "eventsNotDelivered": 10, "successAfterRetry": 5}});
    write(
        scenario.path(),
        "amplitude/deliveries.json",
        &figures.to_string(),
    );
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let path = format!("{METRICS}?sync_id=30001625");
    let shown = async |query: &str| sandbox.amplitude(&format!("{path}&{query}")).await;
    assert_eq!(
        shown("time_period=ONE_HOUR").await.json(),
        json!({
            "timePeriod": "ONE_HOUR", "eventsDelivered": 90, "eventsNotDelivered": 10, "deliveryRate": 0.9,
            "latencyInSeconds": 0.0, "timePeriodStart": "2025-12-31 23:00:00.000000",
            "timePeriodEnd": "2026-01-01 00:00:00.000000", "successOnFirstAttempt": 85, "successAfterRetry": 5,
            "eventsExpired": 10, "eventsDiscarded": 0,
        })
    );
    put(
        &sandbox,
        "amplitude/deliveries/30001625",
        &json!({"deliveryRate": 0.5, "latencyInSeconds": 5.5}),
    )
    .await;
    let custom =
        shown("time_period=CUSTOM&start=2025-12-01T07:00:00%2B01:00&end=2025-12-02T00:00:00Z")
            .await
            .json();
    assert_eq!(
        (&custom["deliveryRate"], &custom["latencyInSeconds"]),
        (&json!(0.5), &json!(5.5))
    );
    assert_eq!(
        (&custom["eventsDelivered"], &custom["timePeriodStart"]),
        (&json!(90), &json!("2025-12-01 06:00:00.000000"))
    );
    for (query, status) in [
        ("", 400),
        ("time_period=NOW", 400),
        ("time_period=CUSTOM", 400),
        (
            "time_period=CUSTOM&start=2025-12-02T00:00:00Z&end=2025-12-01T00:00:00Z",
            400,
        ),
        (
            "time_period=CUSTOM&start=2025-01-02T00:00:00Z&end=2025-12-01T00:00:00Z",
            500,
        ),
    ] {
        assert_eq!(shown(query).await.status, status, "{query}");
    }
    let of = async |id: &str| {
        sandbox
            .amplitude(&format!("{METRICS}?sync_id={id}&time_period=ONE_DAY"))
            .await
            .status
    };
    assert_eq!((of("7").await, of("abc").await), (403, 400));
    assert_eq!(
        sandbox.send("GET", &path, &[], "").await.unwrap().status,
        401
    );
}

#[tokio::test]
async fn twelve_looks_a_minute() {
    let sandbox = fresh(|options| options.limits = Limits::Real).await;
    put(
        &sandbox,
        "amplitude/deliveries/1",
        &json!({"eventsDelivered": 1}),
    )
    .await;
    let path = format!("{METRICS}?sync_id=1&time_period=ONE_DAY");
    for _ in 0..12 {
        assert_eq!(sandbox.amplitude(&path).await.status, 200);
    }
    assert_eq!(sandbox.amplitude(&path).await.status, 429);
}
