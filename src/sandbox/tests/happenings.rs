//! Events and purchases in Braze: what each costs, what it leaves on a profile, what is refused.

use serde_json::{Value, json};

use super::{Hands, client::Sandbox, fresh, scenario, serving};

async fn exported(sandbox: &Sandbox, asked: Value) -> Value {
    let mut body = json!({"fields_to_export": ["external_id", "custom_events", "purchases"]});
    let asked = asked.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(asked);
    let answer = sandbox.braze("/users/export/ids", &body).await.json();
    answer["users"].get(0).cloned().unwrap_or_default()
}

#[tokio::test]
async fn each_costs_and_counts_as_billed() {
    let sandbox = fresh(|_| ()).await;
    let event = json!({"external_id": "ann", "name": "Order", "time": "2025-12-30T10:11:12.345Z", "properties": {"a": 1, "b": {"c": [1]}}});
    let later =
        json!({"external_id": "ann", "name": "Order", "time": "2025-12-31T00:00:00.001+01:00"});
    let future = json!({"external_id": "ann", "name": "Visit", "time": "2030-01-01T00:00:00Z"});
    let purchase = json!({"external_id": "ann", "product_id": "p1", "currency": "USD", "price": 9.99, "quantity": 3,
                          "time": "2025-12-30T10:11:12.345Z", "properties": {"color": "red", "size": 7}});
    let body = json!({"events": [event, later, future], "purchases": [purchase]});
    let answer = sandbox.braze("/users/track", &body).await;
    assert_eq!(
        answer.json(),
        json!({"message": "success", "events_processed": 3, "purchases_processed": 1})
    );
    let stats = sandbox.stats().await;
    assert_eq!(
        (&stats["data_points"], &stats["objects"]),
        (&json!(3 + 3 * (1 + 2)), &json!(4))
    );
    assert_eq!(
        sandbox.own("GET", "braze/events", "").await.json(),
        json!({"events": [event, later, future], "purchases": [purchase]}),
        "as sent, in order, one each"
    );
    let first = "2025-12-30T10:11:12.345Z";
    assert_eq!(
        exported(&sandbox, json!({"external_ids": ["ann"]})).await,
        json!({
            "external_id": "ann",
            "custom_events": [
                {"name": "Order", "first": first, "last": "2025-12-30T23:00:00.001Z", "count": 2},
                {"name": "Visit", "first": "2026-01-01T00:00:00.000Z", "last": "2026-01-01T00:00:00.000Z", "count": 1},
            ],
            "purchases": [{"name": "p1", "first": first, "last": first, "count": 3}],
        })
    );
}

#[tokio::test]
async fn what_is_old_is_not_listed() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let event = |name: &str, time: &str| json!({"external_id": "ann", "name": name, "time": time});
    let body = json!({"events": [event("Old", "2025-10-03T00:00:00Z"), event("Older", "2025-10-02T23:59:59Z"),
                                 event("Both", "2020-01-01T00:00:00Z"), event("Both", "2025-12-31T00:00:00Z")]});
    assert_eq!(sandbox.braze("/users/track", &body).await.status, 201);
    let names = async || {
        let user = exported(&sandbox, json!({"external_ids": ["ann"]})).await;
        let events = user["custom_events"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        events
            .iter()
            .map(|event| (event["name"].clone(), event["first"].clone()))
            .collect::<Vec<_>>()
    };
    let old = (json!("Old"), json!("2025-10-03T00:00:00.000Z"));
    let both = (json!("Both"), json!("2020-01-01T00:00:00.000Z"));
    assert_eq!(names().await, [old, both.clone()]);
    hands.forward(1);
    assert_eq!(names().await, [both]);
}

#[tokio::test]
async fn an_alias_is_created_where_it_may_be() {
    let sandbox = fresh(|_| ()).await;
    let event = |update_only: Value| {
        json!({"user_alias": {"alias_name": "n", "alias_label": "amplitude"}, "name": "Order",
               "time": "2025-12-31T00:00:00Z", "_update_existing_only": update_only})
    };
    let asked = json!({"user_aliases": [{"alias_name": "n", "alias_label": "amplitude"}]});
    for (update_only, count) in [
        (Value::Null, Value::Null),
        (json!(true), Value::Null),
        (json!(false), json!(1)),
    ] {
        let answer = sandbox
            .braze(
                "/users/track",
                &json!({"events": [event(update_only.clone())]}),
            )
            .await;
        assert_eq!(
            (answer.status, &answer.json()["events_processed"]),
            (201, &json!(1))
        );
        let user = exported(&sandbox, asked.clone()).await;
        assert_eq!(user["custom_events"][0]["count"], count, "{update_only}");
    }
    assert_eq!(
        sandbox.stats().await["data_points"],
        1,
        "nobody is not billed"
    );
}

#[tokio::test]
async fn properties_beyond_the_limits_refuse_the_object() {
    let sandbox = fresh(|_| ()).await;
    let (fits, long) = ("é".repeat(255), "é".repeat(256));
    let event = |name: &str, properties: Value| json!({"external_id": "ann", "name": name, "time": "2025-12-31T00:00:00Z", "properties": properties});
    let purchase = |properties: Value| json!({"external_id": "ann", "product_id": "p", "currency": "EUR", "price": 1, "time": "2025-12-31T00:00:00Z", "properties": properties});
    let events = [
        event(&fits, json!({fits.clone(): fits})),
        event(&long, json!({})),
        event("n", json!({long.clone(): 1})),
        event("n", json!({"a": long})),
        event("n", json!({"$a": 1})),
        event("n", json!({"time": 1})),
        event("n", json!({"price": 1})),
    ];
    let purchases = [
        purchase(json!({"name": fits})),
        purchase(json!({"price": 1})),
        purchase(json!({"a": [long]})),
    ];
    let answer = sandbox
        .braze(
            "/users/track",
            &json!({"events": events, "purchases": purchases}),
        )
        .await
        .json();
    let errors: Vec<(&str, u64)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["input_array"].as_str().unwrap(),
                error["index"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        errors,
        [
            ("events", 1),
            ("events", 2),
            ("events", 3),
            ("events", 4),
            ("events", 5),
            ("purchases", 1),
            ("purchases", 2)
        ]
    );
    assert_eq!(
        (&answer["events_processed"], &answer["purchases_processed"]),
        (&json!(2), &json!(1))
    );
}
