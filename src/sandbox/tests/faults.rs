//! What goes wrong on purpose, on the wire.

use std::time::Duration;

use serde_json::{Value, json};

use super::{client::Sandbox, fresh};

async fn fault(sandbox: &Sandbox, spec: &str) {
    let set = sandbox
        .own("POST", "faults", &json!({"spec": spec}).to_string())
        .await;
    assert_eq!(set.status, 200, "{set:?}");
}

async fn tags(sandbox: &Sandbox) -> Value {
    sandbox.user("ann").await["custom_attributes"]["tags"].clone()
}

#[tokio::test]
async fn each_fault_on_the_wire() {
    let sandbox = fresh(|options| options.slow = Duration::from_millis(1)).await;
    let write = json!({"attributes": [{"external_id": "ann", "tags": {"add": ["new"]}}]});
    let untouched = json!(["a", "b"]);
    for (spec, status) in [
        ("401:1", Some(401)),
        ("403:1", Some(403)),
        ("429:1", Some(429)),
        ("500:1", Some(500)),
        ("503:1", Some(503)),
        ("garbage:1", Some(200)),
        ("drop:1", None),
    ] {
        fault(&sandbox, spec).await;
        let answer = sandbox.try_braze("/users/track", &write).await;
        assert_eq!(
            answer.as_ref().map(|answer| answer.status),
            status,
            "{spec}"
        );
        assert_eq!(tags(&sandbox).await, untouched, "{spec} is not processed");
        match (spec, answer) {
            ("401:1", Some(answer)) => assert_eq!(answer.json()["message"], "Invalid API Key"),
            ("403:1", Some(answer)) => assert_eq!(answer.json()["message"], "Access Denied"),
            ("429:1", Some(answer)) => {
                assert_eq!(answer.json()["message"], "Rate Limited");
                assert_eq!(
                    answer.header("x-ratelimit-reset"),
                    Some("1767225600"),
                    "nothing to wait for"
                );
            }
            ("garbage:1", Some(answer)) => assert_eq!(answer.json(), Value::Null),
            _ => {}
        }
    }
    for status in [401, 403] {
        fault(&sandbox, &format!("{status}:1@/api/3/cohorts")).await;
        let answer = sandbox.amplitude("/api/3/cohorts").await;
        assert_eq!(answer.json()["error"]["http_code"], status);
        assert_eq!(
            answer.header("date"),
            Some("Thu, 01 Jan 2026 00:00:00 GMT"),
            "by the sandbox's own clock"
        );
    }
    fault(&sandbox, "429:1").await;
    assert_eq!(
        sandbox.amplitude("/api/3/cohorts").await.json()["error"]["http_code"],
        429
    );
    fault(&sandbox, "slow:1").await;
    assert_eq!(sandbox.braze("/users/track", &write).await.status, 201);
    sandbox
        .own(
            "PUT",
            "braze/users/ann",
            &json!({"tags": untouched}).to_string(),
        )
        .await;
    fault(&sandbox, "drop_after:1@/users/track").await;
    assert!(sandbox.try_braze("/users/track", &write).await.is_none());
    assert_eq!(
        tags(&sandbox).await,
        json!(["a", "b", "new"]),
        "processed, the answer lost"
    );
    assert_eq!(
        sandbox.amplitude("/api/3/cohorts").await.status,
        200,
        "another path"
    );
    assert_eq!(
        sandbox
            .own("POST", "faults", "{\"spec\": \"oops\"}")
            .await
            .status,
        400
    );
    fault(&sandbox, "").await;
    assert_eq!(sandbox.braze("/users/track", &write).await.status, 201);
}
