//! `POST /users/export/ids` as its page has it: who may, how many, which fields, how often.

use serde_json::{Value, json};

use super::{Hands, fresh, scenario, serving, write};
use crate::sandbox::Limits;

const PATH: &str = "/users/export/ids";
const MOST: &str = "The max number of external_ids and aliases per request was exceeded";

#[tokio::test]
async fn fifty_people_of_those_who_may_ask() {
    let sandbox = fresh(|_| ()).await;
    let body = json!({"external_ids": ["ann"], "fields_to_export": ["external_id"]}).to_string();
    for (key, status, message) in [
        ("no-users.export.ids", 403, "Access Denied"),
        ("no-users.track", 201, "success"),
        ("bad", 401, "Invalid API Key"),
    ] {
        let bearer = format!("authorization: Bearer {key}");
        let headers = [&*bearer, "content-type: application/json"];
        let answer = sandbox.send("POST", PATH, &headers, &body).await.unwrap();
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (status, Some(message))
        );
    }
    let ids = |count: usize| {
        (0..count)
            .map(|number| format!("x{number}"))
            .collect::<Vec<_>>()
    };
    let alias = |name: &str| json!({"alias_name": name, "alias_label": "crm"});
    let aliases = |count| vec![alias("nobody"); count];
    for (external, alias, status) in [
        (50, 0, 201),
        (51, 0, 400),
        (0, 51, 400),
        (25, 25, 201),
        (26, 25, 400),
    ] {
        let body = json!({"external_ids": ids(external), "user_aliases": aliases(alias), "device_id": "phone"});
        let answer = sandbox.braze(PATH, &body).await;
        assert_eq!(answer.status, status, "{external} and {alias}");
        if status == 400 {
            assert_eq!(answer.json(), json!({"message": MOST}));
        } else {
            assert_eq!(answer.json()["users"][0]["braze_id"], "c1");
        }
    }
    let body = json!({
        "external_ids": ["bob", "nobody", "bob"], "user_aliases": [alias("B"), alias("b")], "device_id": "none",
        "fields_to_export": ["external_id", "user_aliases"],
    });
    let expected = json!({
        "message": "success", "users": [{"external_id": "bob", "user_aliases": [alias("B")]}],
        "invalid_user_ids": ["nobody", alias("b"), "none"],
    });
    assert_eq!(sandbox.braze(PATH, &body).await.json(), expected);
}

#[tokio::test]
async fn fields_as_listed_and_nothing_empty() {
    let scenario = scenario();
    let person = json!({
        "external_id": "eve", "first_name": "Eve", "last_name": null, "email": "eve@x.org", "user_aliases": [],
        "country": "DE", "push_subscribe": "subscribed", "created_at": "2020-07-10 15:00:00.000 UTC",
        "custom_attributes": {"a": null, "b": [], "c": {}, "d": "", "e": 0, "f": false, "g": {"h": null}},
        "custom_events": [
            {"name": "Old", "first": "2020-01-01T00:00:00.000Z", "last": "2025-01-01T00:00:00.000Z", "count": 9},
            {"name": "New", "first": "2020-01-01T00:00:00.000Z", "last": "2025-12-31T00:00:00.000Z", "count": 3},
        ],
    });
    write(scenario.path(), "braze/users.jsonl", &person.to_string());
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let export = async |fields: Value| {
        let body = json!({"external_ids": ["eve"], "fields_to_export": fields});
        let answer = sandbox.braze(PATH, &body).await;
        let users = answer.json()["users"].take();
        (answer.status, users.get(0).cloned().unwrap_or_default())
    };
    let values = json!({"d": "", "e": 0, "f": false, "g": {"h": null}});
    assert_eq!(
        export(json!([
            "custom_attributes",
            "last_name",
            "user_aliases",
            "phone"
        ]))
        .await,
        (201, json!({"custom_attributes": values}))
    );
    assert_eq!(
        export(json!(["country", "custom_events"])).await,
        (
            201,
            json!({"country": "DE", "custom_events": [person["custom_events"][1]]})
        )
    );
    for wrong in [
        json!(["created_from"]),
        json!(["cohorts"]),
        json!(["Email"]),
        json!([7]),
        json!("email"),
    ] {
        assert_eq!(export(wrong.clone()).await.0, 400, "{wrong}");
    }
}

/// 250 a minute for who asks for campaigns or names nothing; headers on every answer, refusals included.
#[tokio::test]
async fn two_hundred_and_fifty_a_minute() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    let sandbox = serving(options).await;
    let bodies = [
        json!({"external_ids": ["ann"]}),
        json!({"external_ids": ["ann"], "fields_to_export": ["email", "canvases_received"]}),
        json!({}),
    ];
    for number in 0..250 {
        let answer = sandbox.braze(PATH, &bodies[number % 3]).await;
        assert_eq!(answer.status, if number % 3 == 2 { 400 } else { 201 });
        let left = (249 - number).to_string();
        let header = |name: &str| answer.header(name).map(str::to_owned);
        assert_eq!(header("x-ratelimit-limit").as_deref(), Some("250"));
        assert_eq!(header("x-ratelimit-remaining"), Some(left));
        assert_eq!(header("x-ratelimit-reset").as_deref(), Some("1767225660"));
    }
    let over = sandbox.braze(PATH, &bodies[0]).await;
    assert_eq!(
        (over.status, over.json()),
        (429, json!({"message": "Rate Limited"}))
    );
    assert_eq!(over.header("x-ratelimit-remaining"), Some("0"));
    hands.forward(60);
    assert_eq!(sandbox.braze(PATH, &bodies[0]).await.status, 201);
}
