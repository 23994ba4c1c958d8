//! Aliases: made, moved, written to, found.

use serde_json::{Value, json};

use super::{client::Sandbox, fresh};
use crate::sandbox::{Contract, Limits};

const NEW: &str = "/users/alias/new";
const UPDATE: &str = "/users/alias/update";

fn crm(name: &str) -> Value {
    json!({"alias_name": name, "alias_label": "crm"})
}

async fn made(sandbox: &Sandbox, items: Value, processed: u64) {
    let answer = sandbox.braze(NEW, &json!({"user_aliases": items})).await;
    let expected = json!({"aliases_processed": processed, "message": "success"});
    assert_eq!((answer.status, answer.json()), (201, expected), "{items}");
}

/// Whoever an export finds under an alias: external id, or none.
async fn found(sandbox: &Sandbox, alias: &Value) -> Option<Value> {
    let body = json!({"user_aliases": [alias], "fields_to_export": ["external_id", "braze_id", "user_aliases"]});
    let mut answer = sandbox.braze("/users/export/ids", &body).await.json();
    let mut users = answer["users"].as_array_mut().unwrap().drain(..);
    let user = users.next()?;
    assert!(users.next().is_none(), "an alias is one person's");
    Some(user["external_id"].clone())
}

#[tokio::test]
async fn makes_aliases_as_documented() {
    let sandbox = fresh(|_| ()).await;
    let of = |id: &str, name: &str, label: &str| json!({"external_id": id, "alias_name": name, "alias_label": label});
    made(
        &sandbox,
        json!([of("ann", "A", "crm"), of("ann", "a", "shop")]),
        2,
    )
    .await;
    assert_eq!(found(&sandbox, &crm("A")).await, Some(json!("ann")));
    let users = async || sandbox.stats().await["users"].clone();
    // Nobody of that external id: nothing is added, and nobody made.
    made(&sandbox, json!([of("stranger", "S", "crm")]), 1).await;
    assert_eq!(
        (found(&sandbox, &crm("S")).await, users().await),
        (None, json!(3))
    );
    // A pair in use stays where it is; so does a person's name under a label.
    made(
        &sandbox,
        json!([of("ann", "B", "crm"), crm("B"), of("bob", "B2", "crm")]),
        3,
    )
    .await;
    assert_eq!(found(&sandbox, &crm("B")).await, Some(json!("bob")));
    assert_eq!(
        (found(&sandbox, &crm("B2")).await, users().await),
        (None, json!(3))
    );
    // Without an external id: a profile of its own. Case matters.
    made(&sandbox, json!([crm("b"), crm("b")]), 2).await;
    assert_eq!(found(&sandbox, &crm("b")).await, Some(Value::Null));
    assert_eq!(users().await, 4);
    let stats = sandbox.stats().await;
    assert_eq!(
        (&stats["data_points"], &stats["objects"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn moves_aliases_as_documented() {
    let sandbox = fresh(|_| ()).await;
    made(&sandbox, json!([crm("x"), crm("y")]), 2).await;
    let update = |old: &str, new: &str| json!({"alias_label": "crm", "old_alias_name": old, "new_alias_name": new});
    let moved = async |items: Value| {
        let answer = sandbox
            .braze(UPDATE, &json!({"alias_updates": items}))
            .await;
        assert_eq!(answer.status, 201);
        answer.json()
    };
    let two = moved(json!([update("B", "B2"), update("nobody", "n")])).await;
    assert_eq!(two, json!({"aliases_processed": 2, "message": "success"}));
    assert_eq!(found(&sandbox, &crm("B")).await, None);
    assert_eq!(found(&sandbox, &crm("B2")).await, Some(json!("bob")));
    assert_eq!(found(&sandbox, &crm("n")).await, None);
    // Somebody else's name is not taken.
    moved(json!([update("x", "y")])).await;
    assert!(found(&sandbox, &crm("x")).await.is_some());
    // No order is promised: who sends a chain gets the other one.
    moved(json!([update("x", "1"), update("1", "2")])).await;
    assert!(
        found(&sandbox, &crm("1")).await.is_some() && found(&sandbox, &crm("2")).await.is_none()
    );
}

#[tokio::test]
async fn refuses_keys_and_items() {
    let sandbox = fresh(|_| ()).await;
    for (path, permission) in [
        (NEW, "no-users.alias.new"),
        (UPDATE, "no-users.alias.update"),
    ] {
        let bearer = format!("authorization: Bearer {permission}");
        let json = "content-type: application/json";
        let answer = sandbox
            .send("POST", path, &[&bearer, json], "{}")
            .await
            .unwrap();
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (403, Some("Access Denied"))
        );
        assert_eq!(
            sandbox
                .send("POST", path, &[json], "{}")
                .await
                .unwrap()
                .status,
            401
        );
        assert_eq!(sandbox.braze(path, &json!({})).await.status, 400);
    }
    let many: Vec<Value> = (0..51).map(|number| crm(&number.to_string())).collect();
    let over = sandbox.braze(NEW, &json!({"user_aliases": many})).await;
    assert_eq!(
        (over.status, over.json()),
        (
            400,
            json!({"message": "The max number of ids per request was exceeded"})
        )
    );
    assert_eq!(found(&sandbox, &crm("0")).await, None);
    made(&sandbox, json!(many[..50]), 50).await;
    let long = "x".repeat(237);
    let bad = [
        json!({"alias_name": "n"}),
        json!({"alias_name": "", "alias_label": "crm"}),
        json!({"alias_name": long, "alias_label": "crm"}),
        json!({"external_id": "blacklisted-1", "alias_name": "n", "alias_label": "crm"}),
        json!("n"),
    ];
    let mut items = bad.to_vec();
    items.push(crm("good"));
    let answer = sandbox.braze(NEW, &json!({"user_aliases": items})).await;
    let said = answer.json();
    assert_eq!(
        (answer.status, &said["aliases_processed"]),
        (201, &json!(1))
    );
    let errors = said["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 5);
    assert_eq!(
        (&errors[4]["input_array"], &errors[4]["index"]),
        (&json!("user_aliases"), &json!(4))
    );
    assert!(found(&sandbox, &crm("good")).await.is_some());
    let none = sandbox.braze(NEW, &json!({"user_aliases": bad})).await;
    assert_eq!(
        (none.status, none.json()["errors"].as_array().unwrap().len()),
        (400, 5)
    );
    let update = json!({"alias_updates": [{"alias_label": "crm", "old_alias_name": "B"}]});
    assert_eq!(sandbox.braze(UPDATE, &update).await.status, 400);
}

/// braze.md 6.3 and the note of 26.11: update-only unless told otherwise, in all three arrays.
#[tokio::test]
async fn writes_by_alias_create_only_when_told() {
    let sandbox = fresh(|_| ()).await;
    let time = "2025-12-31T00:00:00Z";
    let object = |array: &str| match array {
        "attributes" => json!({"plan": "gold"}),
        "events" => json!({"name": "Order", "time": time}),
        _ => json!({"product_id": "p", "currency": "USD", "price": 1, "time": time}),
    };
    for array in ["attributes", "events", "purchases"] {
        for (flag, there) in [(None, false), (Some(true), false), (Some(false), true)] {
            let mut sent = object(array);
            sent["user_alias"] = crm(array);
            if let Some(flag) = flag {
                sent["_update_existing_only"] = json!(flag);
            }
            let answer = sandbox.braze("/users/track", &json!({array: [sent]})).await;
            let counter = format!("{array}_processed");
            assert_eq!((answer.status, &answer.json()[&counter]), (201, &json!(1)));
            assert_eq!(
                found(&sandbox, &crm(array)).await.is_some(),
                there,
                "{array} {flag:?}"
            );
            let points = u64::from(there);
            let stats = sandbox.stats().await;
            assert_eq!(stats["data_points"], points, "{array} {flag:?}");
        }
        sandbox.own("POST", "stats/reset", "").await;
    }
    let both = json!({"external_id": "ann", "user_alias": crm("A"), "plan": "gold"});
    let answer = sandbox
        .track(json!([both, {"user_alias": crm("B"), "plan": "gold"}]))
        .await;
    let said = answer.json();
    assert_eq!(
        (
            said["attributes_processed"].as_u64(),
            &said["errors"][0]["index"]
        ),
        (Some(1), &json!(0))
    );
    assert_eq!(
        sandbox.user("bob").await["custom_attributes"]["plan"],
        "gold"
    );
}

#[tokio::test]
async fn both_endpoints_share_twenty_thousand_a_minute() {
    for (contract, reset) in [(Contract::DataPoints, "1767225660"), (Contract::Mau, "60")] {
        let sandbox = fresh(|options| {
            options.limits = Limits::Real;
            options.contract = contract;
        })
        .await;
        for (path, left) in [(NEW, "19999"), (UPDATE, "19998")] {
            let answer = sandbox
                .braze(path, &json!({"user_aliases": [crm("n")]}))
                .await;
            assert_eq!(answer.header("x-ratelimit-limit"), Some("20000"));
            assert_eq!(answer.header("x-ratelimit-remaining"), Some(left));
            assert_eq!(answer.header("x-ratelimit-reset"), Some(reset));
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_aliases() {
    let (dir, first) = (tempfile::tempdir().unwrap(), super::scenario());
    let open = async || {
        let mut options = super::Hands::new().options();
        options.scenario = Some(first.path().to_owned());
        options.world = Some(dir.path().to_owned());
        super::serving(options).await
    };
    let sandbox = open().await;
    made(
        &sandbox,
        json!([crm("n"), {"external_id": "ann", "alias_name": "A", "alias_label": "crm"}]),
        2,
    )
    .await;
    let update = json!({"alias_label": "crm", "old_alias_name": "A", "new_alias_name": "A2"});
    sandbox
        .braze(UPDATE, &json!({"alias_updates": [update]}))
        .await;
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(found(&sandbox, &crm("n")).await, Some(Value::Null));
    assert_eq!(found(&sandbox, &crm("A2")).await, Some(json!("ann")));
    assert_eq!(found(&sandbox, &crm("A")).await, None);
}
