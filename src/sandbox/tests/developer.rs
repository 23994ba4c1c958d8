//! The Developer API: tokens, types, destinations.

use serde_json::{Value, json};

use super::{Hands, client::Answer, client::Sandbox, fresh, kept, scenario, serving, write};

const ALL: &str = "/v1/projects/153957/destinations";
const TOKEN: &str = "PAT=amp_somebody";

async fn ask(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> Answer {
    with(sandbox, method, path, TOKEN, &[], body).await
}

async fn with(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    token: &str,
    more: &[&str],
    body: &Value,
) -> Answer {
    let bearer = format!("authorization: Bearer {token}");
    let headers = [&[bearer.as_str()], more].concat();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    sandbox.send(method, path, &headers, &body).await.unwrap()
}

fn stream(name: &str) -> Value {
    json!({
        "partner": "braze", "display_name": name, "kind": ["event"],
        "config": {"rest_endpoint": "https://rest.example.com", "rest_api_key": "key-1"},
        "event_filter": {"events": ["Order"]}, "property_mappings": {"user_id": "external_id"},
    })
}

/// Status, content type, code, and the fields of a refusal.
fn refusal(answer: &Answer) -> (u16, String, Vec<String>) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let body = answer.json();
    assert_eq!(body["status"], answer.status);
    assert_eq!(body["retryable"], answer.status == 429);
    let errors = body["validation_errors"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let fields = errors
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned());
    (
        answer.status,
        body["error_code"].as_str().unwrap().to_owned(),
        fields.collect(),
    )
}

#[tokio::test]
async fn tokens_say_who_asks() {
    let sandbox = fresh(|_| ()).await;
    let health = sandbox.send("GET", "/health", &[], "").await.unwrap();
    assert_eq!(health.json(), json!({"status": "ok"}));
    let context = ask(&sandbox, "GET", "/v1/context", &Value::Null)
        .await
        .json();
    assert_eq!(context["data"]["principal"]["auth_type"], "pat");
    let readonly = with(
        &sandbox,
        "GET",
        "/v1/context",
        "readonly",
        &[],
        &Value::Null,
    )
    .await;
    let principal = readonly.json()["data"]["principal"].clone();
    assert_eq!(principal["auth_type"], "oauth");
    assert_eq!(
        principal["scopes"],
        json!(["projects:read", "destinations:read"])
    );
    for (token, status, code) in [
        ("bad", 401, "invalid_api_key"),
        ("PAT=xyz", 401, "invalid_api_key"),
        ("early", 403, "operation_not_enabled"),
        ("readonly", 403, "insufficient_scope"),
        ("no-destinations:write", 403, "insufficient_scope"),
    ] {
        let answer = with(&sandbox, "POST", ALL, token, &[], &stream("a")).await;
        assert_eq!(
            refusal(&answer),
            (status, code.to_owned(), vec![]),
            "{token}"
        );
    }
    let read = with(&sandbox, "GET", ALL, "readonly", &[], &Value::Null).await;
    assert_eq!(read.status, 200);
    let lacking = with(
        &sandbox,
        "GET",
        ALL,
        "no-destinations:read",
        &[],
        &Value::Null,
    )
    .await;
    assert_eq!(refusal(&lacking).1, "insufficient_scope");
    let keys = sandbox.amplitude(ALL).await;
    assert_eq!(refusal(&keys).0, 401);
    for path in [
        "/v1/projects/7/destinations",
        "/v1/destination-types/nobody",
        "/v1/nothing",
    ] {
        let answer = ask(&sandbox, "GET", path, &Value::Null).await;
        assert_eq!(
            refusal(&answer),
            (404, "not_found".to_owned(), vec![]),
            "{path}"
        );
    }
    let deleted = ask(&sandbox, "DELETE", &format!("{ALL}/1"), &Value::Null).await;
    assert_eq!(refusal(&deleted).0, 404);
}

#[tokio::test]
async fn types_name_their_parameters() {
    let sandbox = fresh(|_| ()).await;
    let all = ask(
        &sandbox,
        "GET",
        "/v1/destination-types?limit=2",
        &Value::Null,
    )
    .await
    .json();
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    assert_eq!(all["pagination"]["has_more"], true);
    let braze = ask(&sandbox, "GET", "/v1/destination-types/braze", &Value::Null)
        .await
        .json();
    assert_eq!(braze["data"], all["data"][0]);
    assert_eq!(
        braze["data"]["types"],
        json!(["event", "identify", "cohort"])
    );
    let parameters = braze["data"]["parameters"].as_array().unwrap().clone();
    let hidden = parameters
        .iter()
        .filter(|parameter| parameter["write_only"] == true);
    let hidden: Vec<&Value> = hidden.map(|parameter| &parameter["id"]).collect();
    assert_eq!(hidden, ["rest_api_key", "data_import_key"]);
    assert_eq!(parameters[6]["enum_values"][0], "external_id");
}

#[tokio::test]
async fn a_destination_is_made_and_read() {
    let sandbox = fresh(|_| ()).await;
    let dry = ask(
        &sandbox,
        "POST",
        &format!("{ALL}?dry_run=true"),
        &stream("Ours"),
    )
    .await;
    assert_eq!(dry.status, 200);
    let plan = dry.json()["plan"].clone();
    assert_eq!(
        (&plan["action"], &plan["dry_run"]),
        (&json!("create"), &json!(true))
    );
    assert_eq!(
        plan["diff"]["display_name"],
        json!({"from": null, "to": "Ours"})
    );
    assert_eq!(
        plan["diff"]["config.rest_api_key"],
        json!({"from": null, "to": "********"})
    );
    let made = ask(&sandbox, "POST", ALL, &stream("Ours")).await;
    assert_eq!(made.status, 201);
    assert!(made.json()["plan"].is_null());
    let made = made.json()["data"].clone();
    assert_eq!(made, dry.json()["data"], "a dry run made nothing");
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({
            "id": id, "object": "destination", "project_id": "153957", "partner": "braze", "display_name": "Ours",
            "kind": ["event"], "config": {"rest_endpoint": "https://rest.example.com"},
            "credential_status": "connected", "version": 1, "enabled": true, "paused": false,
            "event_filter": {"events": ["Order"]}, "property_mappings": {"user_id": "external_id"},
            "send_events": true, "send_users": false, "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z", "created_by": "sandbox@example.com",
            "updated_by": "sandbox@example.com",
        })
    );
    let one = format!("{ALL}/{id}");
    assert_eq!(
        ask(&sandbox, "GET", &one, &Value::Null).await.json()["data"],
        made
    );
    assert_eq!(
        ask(&sandbox, "GET", &format!("{ALL}/other"), &Value::Null)
            .await
            .status,
        404
    );
    // The name is no key.
    let again = ask(
        &sandbox,
        "POST",
        &format!("{ALL}?dry_run=true"),
        &stream("Ours"),
    )
    .await
    .json();
    assert_eq!(again["plan"]["warnings"].as_array().unwrap().len(), 1);
    assert_ne!(
        ask(&sandbox, "POST", ALL, &stream("Ours")).await.json()["data"]["id"],
        id
    );
}

#[tokio::test]
async fn a_destination_is_changed_in_part() {
    let hands = Hands::new();
    let sandbox = serving(hands.options()).await;
    let made = ask(&sandbox, "POST", ALL, &stream("Ours")).await.json()["data"].clone();
    let one = format!("{ALL}/{}", made["id"].as_str().unwrap());
    hands.forward(60);
    let change = json!({
        "enabled": false, "config": {"rest_api_key": "key-2", "app_id": "a"}, "event_filter": null,
    });
    let dry = ask(&sandbox, "PATCH", &format!("{one}?dry_run=true"), &change)
        .await
        .json();
    assert_eq!(dry["plan"]["action"], "update");
    assert_eq!(
        dry["plan"]["diff"],
        json!({
            "enabled": {"from": true, "to": false},
            "event_filter": {"from": {"events": ["Order"]}, "to": null},
            "config.rest_api_key": {"from": "********", "to": "********"},
            "config.app_id": {"from": null, "to": "a"},
        })
    );
    assert_eq!(
        ask(&sandbox, "GET", &one, &Value::Null).await.json()["data"],
        made
    );
    let stale = with(&sandbox, "PATCH", &one, TOKEN, &["if-match: 2"], &change).await;
    assert_eq!(
        refusal(&stale),
        (412, "precondition_failed".to_owned(), vec![])
    );
    let odd = with(
        &sandbox,
        "PATCH",
        &one,
        TOKEN,
        &["if-match: \"1\""],
        &change,
    )
    .await;
    assert_eq!(refusal(&odd).0, 400);
    let changed = with(&sandbox, "PATCH", &one, TOKEN, &["if-match: 1"], &change).await;
    let changed = changed.json()["data"].clone();
    assert_eq!(changed, dry["data"]);
    assert_eq!(
        (&changed["version"], &changed["updated_at"]),
        (&json!(2), &json!("2026-01-01T00:01:00Z"))
    );
    assert_eq!(
        changed["config"],
        json!({"rest_endpoint": "https://rest.example.com", "app_id": "a"})
    );
    let received = sandbox
        .own("GET", "amplitude/destinations", "")
        .await
        .json();
    assert_eq!(
        received["destinations"][0]["config"]["rest_api_key"],
        "key-2"
    );

    let same = ask(&sandbox, "PATCH", &one, &change).await.json();
    assert_eq!(same["data"]["version"], 2);
    let same = ask(&sandbox, "PATCH", &format!("{one}?dry_run=true"), &change)
        .await
        .json();
    assert_eq!(
        (&same["plan"]["action"], &same["plan"]["diff"]),
        (&json!("noop"), &json!({}))
    );
    let without = ask(
        &sandbox,
        "PATCH",
        &one,
        &json!({"config": {"app_id": null}}),
    )
    .await
    .json();
    assert_eq!(
        without["data"]["config"],
        json!({"rest_endpoint": "https://rest.example.com"})
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once() {
    let sandbox = fresh(|_| ()).await;
    let shapes = json!({
        "partner": "braze", "kind": ["person"], "event_filter": {"events": []}, "enabled": "yes",
        "property_mappings": [], "dry_run": true, "version": 1,
    });
    let answer = ask(&sandbox, "POST", ALL, &shapes).await;
    let (status, code, mut fields) = refusal(&answer);
    fields.sort();
    assert_eq!((status, code.as_str()), (400, "validation_failed"));
    let wrong = [
        "display_name",
        "dry_run",
        "enabled",
        "event_filter",
        "kind",
        "property_mappings",
        "version",
    ];
    assert_eq!(fields, wrong);
    let changed = |name: &str, value: Value| {
        let mut body = stream("a");
        body[name] = value;
        body
    };
    for (body, fields) in [
        (changed("partner", json!("nobody")), vec!["partner"]),
        (changed("kind", json!(["event", "cohort"])), vec!["kind"]),
        (
            changed("kind", json!(["warehouse_export"])),
            vec!["kind", "event_filter", "property_mappings"],
        ),
        (
            changed(
                "config",
                json!({"restEndpoint": "x", "rest_api_key": 1, "identifier": "phone"}),
            ),
            vec![
                "config.restEndpoint",
                "config.rest_api_key",
                "config.identifier",
                "config.rest_endpoint",
            ],
        ),
    ] {
        let answer = ask(&sandbox, "POST", ALL, &body).await;
        let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(refusal(&answer), (422, "not_in_schema".to_owned(), fields));
    }
    let mut body = stream("a");
    body.as_object_mut().unwrap().shift_remove("kind");
    assert_eq!(
        refusal(&ask(&sandbox, "POST", ALL, &body).await).2,
        ["kind"]
    );
    let inferred = json!({
        "partner": "cohort_webhook", "display_name": "Hook", "config": {"webhook_url": "https://example.com"},
    });
    let made = ask(&sandbox, "POST", ALL, &inferred).await.json()["data"].clone();
    assert_eq!(
        (&made["kind"], &made["event_filter"], made.get("paused")),
        (&json!(["cohort"]), &Value::Null, None)
    );
    let one = format!("{ALL}/{}", made["id"].as_str().unwrap());
    for body in [
        json!({"send_events": true}),
        json!({"kind": ["event"]}),
        json!({"config": {"webhook_url": null}}),
    ] {
        assert_eq!(
            refusal(&ask(&sandbox, "PATCH", &one, &body).await).0,
            422,
            "{body}"
        );
    }
    assert_eq!(
        refusal(&ask(&sandbox, "PATCH", &one, &json!({"partner": "braze"})).await).0,
        400
    );
    assert_eq!(
        refusal(&ask(&sandbox, "POST", ALL, &json!([])).await).0,
        400
    );
    assert_eq!(
        refusal(&ask(&sandbox, "POST", &format!("{one}/test"), &Value::Null).await).1,
        "unsupported_destination_kind"
    );
}

#[tokio::test]
async fn a_wrong_secret_fails_the_test() {
    let sandbox = fresh(|_| ()).await;
    let mut body = stream("a");
    body["config"]["rest_api_key"] = json!("wrong-key");
    let made = ask(&sandbox, "POST", ALL, &body).await.json()["data"].clone();
    assert_eq!(made["credential_status"], "disconnected");
    let one = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let tested = async || ask(&sandbox, "POST", &format!("{one}/test"), &Value::Null).await;
    let failed = tested().await.json()["data"].clone();
    assert_eq!(
        (&failed["ok"], &failed["example_payload"]["event_type"]),
        (&json!(false), &json!("Order"))
    );
    let right = json!({"config": {"rest_api_key": "right"}});
    let changed = ask(&sandbox, "PATCH", &one, &right).await.json();
    assert_eq!(changed["data"]["credential_status"], "connected");
    assert_eq!(tested().await.json()["data"]["ok"], true);
    let readonly = with(
        &sandbox,
        "POST",
        &format!("{one}/test"),
        "readonly",
        &[],
        &Value::Null,
    )
    .await;
    assert_eq!(readonly.status, 403);
}

#[tokio::test]
async fn lists_go_page_by_page() {
    let sandbox = fresh(|_| ()).await;
    for number in 0..120 {
        let body = json!({
            "partner": if number % 2 == 0 { "braze" } else { "webhook" }, "display_name": format!("Number {number}"),
            "kind": ["event"], "enabled": number % 3 == 0, "project_id": "153957",
        });
        let put = sandbox
            .own(
                "PUT",
                &format!("amplitude/destinations/d{number}"),
                &body.to_string(),
            )
            .await;
        assert_eq!(put.status, 200);
    }
    let list =
        async |query: &str| ask(&sandbox, "GET", &format!("{ALL}?{query}"), &Value::Null).await;
    let (mut names, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = list(&query).await.json();
        let data = page["data"].as_array().unwrap();
        names.extend(
            data.iter()
                .map(|known| known["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(cursor) = page["pagination"]["next_cursor"].as_str() else {
            assert_eq!(page["pagination"]["has_more"], false);
            break;
        };
        query = format!("cursor={cursor}");
    }
    let wanted: Vec<String> = (0..120).map(|number| format!("d{number}")).collect();
    assert_eq!((names, pages), (wanted, 3));
    let count = async |query: &str| list(query).await.json()["data"].as_array().unwrap().len();
    assert_eq!(count("limit=200").await, 120);
    assert_eq!(count("limit=200&partner=webhook&enabled=true").await, 20);
    assert_eq!(count("limit=200&q=number%2011").await, 11);
    assert_eq!(count("limit=200&kind=cohort").await, 0);
    let foreign = list("partner=braze").await.json()["pagination"]["next_cursor"].clone();
    let foreign = format!("cursor={}", foreign.as_str().unwrap());
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "enabled=1",
        "kind=person",
        "cursor=zz",
        &foreign,
    ] {
        assert_eq!(refusal(&list(query).await).0, 400, "{query}");
    }
}

#[tokio::test]
async fn faults_are_problems_too() {
    let sandbox = fresh(|options| options.faults = "429:1@/v1".parse().unwrap()).await;
    let answer = ask(&sandbox, "GET", ALL, &Value::Null).await;
    assert_eq!(
        refusal(&answer),
        (429, "rate_limit_exceeded".to_owned(), vec![])
    );
    assert_eq!(answer.json()["retry_after_seconds"], 1);
    assert_eq!(sandbox.amplitude("/api/3/cohorts").await.status, 200);
}

#[tokio::test]
async fn a_world_keeps_destinations() {
    let (dir, scenario) = (tempfile::tempdir().unwrap(), scenario());
    let known = json!({"destinations": [{
        "id": "77", "partner": "braze", "display_name": "Old", "kind": ["cohort"], "version": 4,
        "config": {"rest_endpoint": "x"},
    }]});
    write(
        scenario.path(),
        "amplitude/destinations.json",
        &known.to_string(),
    );
    let open = async || kept(dir.path(), Some(scenario.path())).await;
    let sandbox = open().await;
    let put = json!({"display_name": "Renamed", "config": {"app_id": "b"}}).to_string();
    sandbox.own("PUT", "amplitude/destinations/77", &put).await;
    let made = ask(&sandbox, "POST", ALL, &stream("New")).await.json()["data"].clone();
    let before = ask(&sandbox, "GET", ALL, &Value::Null).await.json();
    assert_eq!(before["data"][1], made);
    let old = &before["data"][0];
    assert_eq!(
        (&old["version"], &old["config"]),
        (&json!(5), &json!({"rest_endpoint": "x", "app_id": "b"}))
    );
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(ask(&sandbox, "GET", ALL, &Value::Null).await.json(), before);
    assert_eq!(
        sandbox
            .own("PUT", "amplitude/destinations/new", "{}")
            .await
            .status,
        400
    );
    // Another scenario with destinations replaces them, one without leaves them.
    std::fs::remove_file(scenario.path().join("amplitude/destinations.json")).unwrap();
    let load = json!({"dir": scenario.path()}).to_string();
    sandbox.own("POST", "scenario", &load).await;
    assert_eq!(ask(&sandbox, "GET", ALL, &Value::Null).await.json(), before);
    write(
        scenario.path(),
        "amplitude/destinations.json",
        "{\"destinations\": []}",
    );
    sandbox.own("POST", "scenario", &load).await;
    assert_eq!(
        ask(&sandbox, "GET", ALL, &Value::Null).await.json()["data"],
        json!([])
    );
}
