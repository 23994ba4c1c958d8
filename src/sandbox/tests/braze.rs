//! Braze's side: bodies, identifiers, who is created, exports, limits.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Hands, fresh, scenario, serving, write};
use crate::sandbox::{Contract, Limits};

const JSON: &str = "content-type: application/json";
const BEARER: &str = "authorization: bearer key";

#[tokio::test]
async fn refuses_bodies_and_keys() {
    let sandbox = fresh(|_| ()).await;
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(4 << 20));
    let many = json!({"attributes": vec![json!({"external_id": "a"}); 76]}).to_string();
    let cases: [(&[&str], &str, u16, &str, &str); 8] = [
        (
            &[BEARER, JSON],
            "{,}",
            400,
            "error",
            "Error while parsing request body. Please check your syntax.",
        ),
        (&[BEARER], "{}", 415, "message", "Unsupported Media Type"),
        (&[JSON], "{}", 401, "message", "Invalid API Key"),
        (
            &[JSON, "authorization: Bearer bad"],
            "{}",
            401,
            "message",
            "Invalid API Key",
        ),
        (
            &[JSON, "authorization: Bearer no-users.track"],
            "{}",
            403,
            "message",
            "Access Denied",
        ),
        (
            &[BEARER, JSON],
            &large,
            413,
            "message",
            "Request Entity Too Large",
        ),
        (
            &[BEARER, JSON],
            &many,
            400,
            "message",
            "Max Input Length Exceeded",
        ),
        (
            &[BEARER, JSON],
            "{}",
            400,
            "message",
            "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.",
        ),
    ];
    for (headers, body, status, key, text) in cases {
        let answer = sandbox
            .send("POST", "/users/track", headers, body)
            .await
            .unwrap();
        assert_eq!(
            (answer.status, answer.json()[key].as_str()),
            (status, Some(text))
        );
    }
    assert_eq!(
        sandbox
            .send("GET", "/users/track", &[BEARER], "")
            .await
            .unwrap()
            .status,
        404
    );
    assert_eq!(
        sandbox
            .send("POST", "/users/track/", &[BEARER], "")
            .await
            .unwrap()
            .json()["message"],
        "Not Found"
    );
}

#[tokio::test]
async fn answers_for_each_object() {
    let sandbox = fresh(|_| ()).await;
    let event = json!({"external_id": "ann", "name": "Order", "time": "2025-12-31T00:00:00Z"});
    let body = json!({
        "attributes": [{"external_id": "ann", "plan": "gold"}, {"external_id": "x".repeat(988)}],
        "events": [event, {"external_id": "ann"}],
        "purchases": [{"external_id": "ann", "product_id": "p", "currency": "USD", "price": 1, "quantity": 0, "time": "2026-01-01"}],
    });
    let answer = sandbox.braze("/users/track", &body).await;
    assert_eq!(answer.status, 201);
    let expected = json!({
        "message": "success", "attributes_processed": 1, "events_processed": 1,
        "errors": [
            {"type": "'external_id' must be fewer than 988 bytes", "input_array": "attributes", "index": 1},
            {"type": "'name' is required", "input_array": "events", "index": 1},
            {"type": "'quantity' is not valid", "input_array": "purchases", "index": 0},
        ],
    });
    assert_eq!(answer.json(), expected);
    let answer = sandbox.track(json!([{"plan": "gold"}])).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"][0]["index"], 0);
    assert_eq!(
        sandbox.own("GET", "braze/events", "").await.json(),
        json!({"events": [event], "purchases": []})
    );
    let stats = sandbox.stats().await;
    assert_eq!(
        (&stats["objects"], &stats["data_points"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(stats["requests"]["POST /users/track"], 2);
    assert_eq!(stats["rejected"]["POST /users/track 400"], 1);
    sandbox.own("POST", "stats/reset", "").await;
    assert_eq!(sandbox.stats().await["objects"], 0);
}

/// braze.md 7.7: clients see sentences more often than codes, and have to know both.
#[tokio::test]
async fn says_what_is_wrong_by_sentence_or_code() {
    let objects = json!([
        {"external_id": "x".repeat(988)},
        {"external_id": "blacklisted-7", "plan": "gold"},
        {"external_id": "ann", "email": "nowhere"},
        {"email": "nowhere", "plan": "gold"},
        {"external_id": "ann", "email_subscribe": "yes"},
        {"external_id": "ann", "braze_id": "a1"},
        {"plan": "gold"},
        {"external_id": "ann", "plan": "gold"},
    ]);
    let sentences = [
        "'external_id' must be fewer than 988 bytes",
        "provided external_id is blacklisted and disallowed",
        "The value provided for the 'email' field is not a valid email.",
        "The value provided for the 'email' field is not a valid email.",
        "BAD_EMAIL_SUBSCRIPTION_STATE",
        "only one of 'external_id', 'braze_id' and 'user_alias' may be provided",
        "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required",
    ];
    let mut codes = sentences;
    codes[..4].copy_from_slice(&[
        "EXTERNAL_USER_ID_TOO_LARGE",
        "BLACKLISTED_EXTERNAL_USER_ID",
        "EMAIL_BAD_FORMAT",
        "EMAIL_BAD_FORMAT",
    ]);
    for (error_codes, texts) in [(false, sentences), (true, codes)] {
        let sandbox = fresh(|options| options.error_codes = error_codes).await;
        let errors: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| json!({"type": text, "input_array": "attributes", "index": index}))
            .collect();
        let answer = sandbox.track(objects.clone()).await;
        let expected = json!({"message": "success", "attributes_processed": 1, "errors": errors});
        assert_eq!((answer.status, answer.json()), (201, expected));
        // None is good: the whole call is refused, with the same elements.
        let mut bad = objects.clone();
        bad.as_array_mut().unwrap().pop();
        let answer = sandbox.track(bad).await;
        let expected = json!({
            "message": "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.",
            "errors": errors,
        });
        assert_eq!((answer.status, answer.json()), (400, expected));
    }
}

/// braze.md 6.3, as far as `/users/track` goes.
#[tokio::test]
async fn the_creation_matrix() {
    let sandbox = fresh(|_| ()).await;
    let alias = |name: &str| json!({"alias_name": name, "alias_label": "crm"});
    let cases = [
        ("external id", json!({"external_id": "new1"}), 1),
        ("external id again", json!({"external_id": "new1"}), 0),
        (
            "external id, update only",
            json!({"external_id": "new2", "_update_existing_only": true}),
            0,
        ),
        ("alias", json!({"user_alias": alias("new")}), 0),
        (
            "alias, told to create",
            json!({"user_alias": alias("new"), "_update_existing_only": false}),
            1,
        ),
        ("email", json!({"email": "new@x.org"}), 1),
        ("email again, in capitals", json!({"email": "NEW@x.org"}), 0),
        ("phone", json!({"phone": "+491234"}), 1),
        ("braze id", json!({"braze_id": "unknown"}), 0),
        (
            "external id with a known email: a second profile",
            json!({"external_id": "new3", "email": "new@x.org"}),
            1,
        ),
    ];
    for (name, mut object, created) in cases {
        let before = sandbox.stats().await;
        object["plan"] = json!("gold");
        let answer = sandbox.track(json!([object])).await;
        assert_eq!(
            (
                answer.status,
                answer.json()["attributes_processed"].as_u64()
            ),
            (201, Some(1)),
            "{name}"
        );
        let after = sandbox.stats().await;
        let grown = |key: &str| after[key].as_u64().unwrap() - before[key].as_u64().unwrap();
        assert_eq!(grown("users"), created, "{name}");
        assert_eq!(
            grown("data_points") == 0,
            created == 0 && !name.contains("again"),
            "{name}"
        );
    }
    sandbox
        .track(json!([{"user_alias": alias("B"), "plan": "by alias"}]))
        .await;
    assert_eq!(
        sandbox.user("bob").await["custom_attributes"]["plan"],
        "by alias"
    );
    // Shared: the one written last among those with an external id.
    sandbox
        .track(json!([{"email": "shared@x.org", "plan": "by email"}]))
        .await;
    assert_eq!(
        sandbox.user("bob").await["custom_attributes"]["plan"],
        "by email"
    );
    assert_eq!(
        sandbox.user("ann").await["custom_attributes"].get("plan"),
        None
    );
}

#[tokio::test]
async fn arrays_keep_what_scenario_and_writes_left() {
    let sandbox = fresh(|_| ()).await;
    sandbox.track(json!([{"external_id": "ann", "tags": {"add": ["c", "a"], "remove": ["b"]}}, {"external_id": "bob", "tags": {"remove": ["z"]}}])).await;
    let values = sandbox.own("GET", "braze/attributes/tags", "").await.json();
    assert_eq!(values, json!({"values": {"ann": ["c", "a"]}}));
    assert_eq!(sandbox.stats().await["data_points"], 2);
    sandbox
        .own(
            "PUT",
            "braze/users/ann",
            &json!({"tags": ["z"], "email": "A@b.org"}).to_string(),
        )
        .await;
    let ann = sandbox.user("ann").await;
    assert_eq!(
        (&ann["custom_attributes"]["tags"], &ann["email"]),
        (&json!(["z"]), &json!("a@b.org"))
    );
    sandbox
        .own(
            "PUT",
            "braze/users/new",
            &json!({"custom_attributes": {"email": "kept apart"}}).to_string(),
        )
        .await;
    assert_eq!(
        sandbox.user("new").await["custom_attributes"]["email"],
        "kept apart"
    );
    assert_eq!(
        sandbox.own("GET", "braze/users/nobody", "").await.status,
        404
    );
}

#[tokio::test]
async fn exports_people() {
    let sandbox = fresh(|_| ()).await;
    let export = async |body: Value| sandbox.braze("/users/export/ids", &body).await;
    let body = json!({
        "external_ids": ["ann", "nobody"], "user_aliases": [{"alias_name": "B", "alias_label": "crm"}],
        "fields_to_export": ["external_id", "custom_attributes"],
    });
    let expected = json!({
        "message": "success",
        "users": [{"external_id": "ann", "custom_attributes": {"tags": ["a", "b"]}}, {"external_id": "bob"}],
        "invalid_user_ids": ["nobody"],
    });
    assert_eq!(export(body).await.json(), expected);
    let both = export(json!({"email_address": "SHARED@x.org", "fields_to_export": ["braze_id"]}))
        .await
        .json();
    assert_eq!(
        both["users"],
        json!([{"braze_id": "a1"}, {"braze_id": "b1"}])
    );
    let device = export(json!({"device_id": "phone"})).await.json();
    assert_eq!(device["users"][0]["braze_id"], "c1");
    assert!(device.get("invalid_user_ids").is_none());
    let ids: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    assert_eq!(export(json!({"external_ids": ids})).await.status, 400);
    assert_eq!(export(json!({"external_ids": ids[..50]})).await.status, 201);
    assert_eq!(export(json!({})).await.status, 400);
    assert_eq!(
        export(json!({"external_ids": ["ann"], "fields_to_export": ["custom_attribute"]}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn exports_see_writes_after_the_lag() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.lag = Duration::from_secs(10);
    let sandbox = serving(options).await;
    sandbox
        .track(
            json!([{"external_id": "ann", "tags": {"add": ["c"]}}, {"external_id": "new", "x": 1}]),
        )
        .await;
    let body = json!({"external_ids": ["ann", "new"], "fields_to_export": ["custom_attributes"]});
    let export = async || sandbox.braze("/users/export/ids", &body).await.json();
    let before = export().await;
    assert_eq!(
        before["users"],
        json!([{"custom_attributes": {"tags": ["a", "b"]}}])
    );
    assert_eq!(before["invalid_user_ids"], json!(["new"]));
    assert_eq!(
        sandbox.user("new").await["custom_attributes"]["x"],
        1,
        "the sandbox's own view has no lag"
    );
    hands.forward(10);
    let after = export().await;
    assert_eq!(
        after["users"],
        json!([{"custom_attributes": {"tags": ["a", "b", "c"]}}, {"custom_attributes": {"x": 1}}])
    );
}

#[tokio::test]
async fn lists_segments_and_attributes() {
    let sandbox = fresh(|_| ()).await;
    let get = async |path: &str| sandbox.send("GET", path, &[BEARER], "").await.unwrap();
    let list = get("/segments/list").await.json();
    let names: Vec<&Value> = list["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| &segment["name"])
        .collect();
    assert_eq!(names, ["Old", "New"]);
    assert_eq!(
        get("/segments/list?page=1").await.json()["segments"],
        json!([])
    );
    assert_eq!(
        get("/segments/details?segment_id=s1").await.json()["description"],
        "filters"
    );
    assert_eq!(get("/segments/details?segment_id=s9").await.status, 400);
    sandbox
        .own(
            "PUT",
            "braze/segments",
            "{\"segments\": [], \"replace\": true}",
        )
        .await;
    assert_eq!(get("/segments/list").await.json()["segments"], json!([]));
    let many: serde_json::Map<String, Value> = (0..60)
        .map(|number| (format!("k{number:02}"), json!(number)))
        .collect();
    let mut object = json!(many);
    object["external_id"] = json!("ann");
    sandbox.track(json!([object])).await;
    let first = get("/custom_attributes").await;
    assert_eq!(first.json()["attributes"].as_array().unwrap().len(), 50);
    let next = first
        .header("link")
        .unwrap()
        .trim_start_matches('<')
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    let second = get(&next).await;
    assert_eq!(second.json()["attributes"].as_array().unwrap().len(), 11);
    // braze.md 14.5: `skip:N` in Base64; a path alone, and only the pages that there are.
    let link =
        |cursor: &str, way: &str| format!("</custom_attributes?cursor={cursor}>; rel=\"{way}\"");
    assert_eq!(first.header("link"), Some(&*link("c2tpcDo1MA==", "next")));
    assert_eq!(second.header("link"), Some(&*link("c2tpcDow", "prev")));
    let escaped = get("/custom_attributes?cursor=c2tpcDo1MA%3D%3D").await;
    assert_eq!(escaped.json(), second.json());
    for cursor in ["50", "c2tpcDo=", "bmV4dDo1MA=="] {
        let refused = get(&format!("/custom_attributes?cursor={cursor}")).await;
        assert_eq!(
            (refused.status, refused.json()),
            (400, json!({"message": "Invalid cursor"}))
        );
    }
}

/// Profiles without an external id come in from a scenario as well: found by each device and each alias, written by alias.
#[tokio::test]
async fn people_without_an_external_id_are_found() {
    let scenario = scenario();
    let people = [
        json!({"braze_id": "d1", "devices": [{"device_id": "phone"}, {"device_id": "tablet", "os": "13"}]}),
        json!({"braze_id": "l1", "user_aliases": [
            {"alias_name": "L", "alias_label": "crm"}, {"alias_name": "1", "alias_label": "amplitude_id"},
        ]}),
    ];
    let lines: Vec<String> = people.iter().map(Value::to_string).collect();
    write(scenario.path(), "braze/users.jsonl", &lines.join("\n"));
    let mut options = Hands::new().options();
    options.scenario = Some(scenario.path().to_owned());
    let sandbox = serving(options).await;
    let found = async |mut body: Value| {
        body["fields_to_export"] = json!(["braze_id", "custom_attributes"]);
        sandbox.braze("/users/export/ids", &body).await.json()["users"].take()
    };
    for device in ["phone", "tablet"] {
        assert_eq!(
            found(json!({"device_id": device})).await,
            json!([{"braze_id": "d1"}])
        );
    }
    let aliases = [("L", "crm"), ("1", "amplitude_id")]
        .map(|(name, label)| json!({"alias_name": name, "alias_label": label}));
    for alias in &aliases {
        let answer = sandbox
            .track(json!([{"user_alias": alias, "plan": "gold"}]))
            .await;
        assert_eq!(answer.status, 201);
        let expected = json!([{"braze_id": "l1", "custom_attributes": {"plan": "gold"}}]);
        assert_eq!(found(json!({"user_aliases": [alias]})).await, expected);
    }
    let unknown = json!({"alias_name": "l", "alias_label": "crm"});
    let body = json!({"user_aliases": [unknown, aliases[0]]});
    let answer = sandbox.braze("/users/export/ids", &body).await.json();
    assert_eq!(answer["invalid_user_ids"], json!([unknown]));
    assert_eq!(sandbox.stats().await["users"], 2);
}

/// 75 objects a request and 40 exports a second, which is for those who name their fields.
#[tokio::test]
async fn the_faster_limit_is_for_those_who_name_fields() {
    let (hands, scenario) = (Hands::new(), scenario());
    let mut options = hands.options();
    options.scenario = Some(scenario.path().to_owned());
    options.limits = Limits::Real;
    let sandbox = serving(options).await;
    let named = json!({"external_ids": ["ann"], "fields_to_export": ["external_id"]});
    let export = async |body: &Value| sandbox.braze("/users/export/ids", body).await;
    for _ in 0..40 {
        assert_eq!(export(&named).await.status, 201);
    }
    assert_eq!(export(&named).await.status, 429);
    let slow = json!({"external_ids": ["ann"], "fields_to_export": ["campaigns_received"]});
    assert_eq!(
        export(&slow).await.header("x-ratelimit-remaining"),
        Some("249")
    );
    hands.forward(1);
    assert_eq!(
        export(&named).await.header("x-ratelimit-remaining"),
        Some("39")
    );
    for (objects, status) in [(75, 201), (76, 400)] {
        let objects = vec![json!({"external_id": "ann", "x": 1}); objects];
        let answer = sandbox.track(json!(objects)).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("x-ratelimit-limit"),
            Some("3000"),
            "a refusal is a request"
        );
    }
}

#[tokio::test]
async fn windows_speak_both_dialects() {
    for contract in [Contract::DataPoints, Contract::Mau] {
        let (hands, scenario) = (Hands::new(), scenario());
        let mut options = hands.options();
        options.scenario = Some(scenario.path().to_owned());
        options.limits = Limits::Real;
        options.contract = contract;
        let sandbox = serving(options).await;
        let body = json!({"external_ids": ["ann"]});
        let mut answers = Vec::new();
        hands.forward(20);
        for _ in 0..251 {
            answers.push(sandbox.braze("/users/export/ids", &body).await);
        }
        let reset = if contract == Contract::Mau {
            "40"
        } else {
            "1767225660"
        };
        assert_eq!(answers[249].status, 201);
        assert_eq!(answers[249].header("x-ratelimit-limit"), Some("250"));
        assert_eq!(answers[249].header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(answers[249].header("x-ratelimit-reset"), Some(reset));
        let over = &answers[250];
        assert_eq!(over.status, 429);
        let (wait, epoch) = (
            over.header("x-ratelimit-retry-after"),
            over.header("x-ratelimit-reset"),
        );
        match contract {
            Contract::Mau => assert_eq!((wait, epoch), (Some("40"), None)),
            Contract::DataPoints => assert_eq!((wait, epoch), (None, Some(reset))),
        }
        hands.forward(40);
        assert_eq!(sandbox.braze("/users/export/ids", &body).await.status, 201);
    }
}
