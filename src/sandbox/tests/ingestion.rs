//! HTTP V2 and Batch: who is refused whole, what is taken once, what becomes exportable.

use serde_json::{Value, json};

use super::{Hands, client::Sandbox, fresh, serving};
use crate::sandbox::{Limits, Options};

fn body(events: &Value) -> Value {
    json!({"api_key": "key", "events": events, "options": {"min_id_length": 1}})
}

async fn taken(sandbox: &Sandbox) -> Value {
    sandbox.own("GET", "amplitude/events", "").await.json()["events"].take()
}

#[tokio::test]
async fn refuses_a_request_whole() {
    let sandbox = fresh(|_| ()).await;
    let good = json!({"user_id": "annabel", "event_type": "Open", "time": 1_767_225_500_000_i64});
    let with = |name: &str, value: Value| {
        let mut event = good.clone();
        event[name] = value;
        event
    };
    let deep = (0..41).fold(json!(1), |value, _| json!({"a": value}));
    let cases = [
        (
            json!({"events": []}),
            "Request missing required field",
            json!({"missing_field": "api_key"}),
        ),
        (
            json!({"api_key": "bad", "events": []}),
            "Invalid API key: bad",
            json!({}),
        ),
        (
            json!({"api_key": "key"}),
            "Request missing required field",
            json!({"missing_field": "events"}),
        ),
        (json!([]), "Invalid JSON request body", json!({})),
        (body(&json!([7])), "Invalid event JSON", json!({})),
        (
            body(&json!([
                good,
                with("time", json!("now")),
                with("time", json!(1.5)),
                with("event_type", Value::Null)
            ])),
            "Request missing required field",
            json!({"events_with_invalid_fields": {"time": [1, 2]}, "events_with_missing_fields": {"event_type": [3]}}),
        ),
        (
            body(
                &json!([{"event_type": "Open"}, with("user_id", json!("null")), with("event_properties", deep)]),
            ),
            "Request missing required field",
            json!({"events_with_invalid_fields": {"user_id": [1], "event_properties": [2]},
                   "events_with_missing_fields": {"user_id": [0], "device_id": [0]}}),
        ),
        (
            json!({"api_key": "key", "events": [with("user_id", json!("abcd")), good, with("device_id", json!("1"))]}),
            "Invalid id length for user_id or device_id",
            json!({"events_with_invalid_id_lengths": {"user_id": [0], "device_id": [2]}}),
        ),
    ];
    for (body, error, members) in &cases {
        let answer = sandbox.ingest("/batch", body).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (400, Some(*error)),
            "{body}"
        );
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(answer.json()[name], *value, "{body}");
        }
    }
    let first = sandbox.ingest("/2/httpapi", &cases[5].0).await.json();
    assert_eq!(
        first["events_with_invalid_fields"],
        json!({"time": [1]}),
        "the first only"
    );
    let empty = sandbox.send("POST", "/2/httpapi", &[], "").await.unwrap();
    assert_eq!(empty.json()["error"], "Missing request body");
    assert_eq!(taken(&sandbox).await, json!([]));
    let large = with("event_properties", json!({"text": "x".repeat(1 << 20)}));
    let many = vec![good.clone(); 2001];
    for (path, events, status) in [
        ("/2/httpapi", json!([large]), 413),
        ("/batch", json!([large]), 200),
        ("/batch", json!(many), 413),
    ] {
        let answer = sandbox.ingest(path, &body(&events)).await;
        assert_eq!(answer.status, status);
        if status == 413 {
            assert_eq!(
                answer.json(),
                json!({"code": 413, "error": "Payload too large"})
            );
        }
    }
}

#[tokio::test]
async fn takes_an_event_once_in_seven_days() {
    let (dir, hands) = (tempfile::tempdir().unwrap(), Hands::new());
    let open = async || {
        let mut options = hands.options();
        options.world = Some(dir.path().to_owned());
        serving(options).await
    };
    let event = |device: &str, id: &str| json!({"device_id": device, "user_id": "u1", "event_type": "Open", "insert_id": id});
    let (one, two, other) = (event("d1", "a"), event("d1", "b"), event("d2", "a"));
    let loose = json!({"user_id": "u1", "event_type": "Open"});
    let sandbox = open().await;
    let sent = body(&json!([one, two, one, other, loose, loose]));
    let answer = sandbox.ingest("/batch", &sent).await;
    let length = sent.to_string().len();
    assert_eq!(
        answer.json(),
        json!({"code": 200, "events_ingested": 6, "payload_size_bytes": length, "server_upload_time": 1_767_225_600_000_i64})
    );
    assert_eq!(
        taken(&sandbox).await,
        json!([one, two, other, loose, loose])
    );
    sandbox.running.stop().await;
    let sandbox = open().await;
    assert_eq!(
        sandbox
            .ingest("/2/httpapi", &body(&json!([one])))
            .await
            .json()["events_ingested"],
        1
    );
    assert_eq!(taken(&sandbox).await.as_array().unwrap().len(), 5);
    hands.forward(7 * 24 * 3600);
    sandbox.ingest("/2/httpapi", &body(&json!([one]))).await;
    assert_eq!(
        taken(&sandbox).await.as_array().unwrap().len(),
        6,
        "a week later it is another"
    );
    let answer = sandbox
        .amplitude("/api/2/export?start=20260101T00&end=20260101T00")
        .await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(answer.body)).unwrap();
    let mut text = String::new();
    let mut member = archive.by_index(1).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&mut member), &mut text)
        .unwrap();
    let lines: Vec<Value> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0].as_object().unwrap().len(), 55);
    assert_eq!(lines[0]["server_upload_time"], "2026-01-01 00:00:00.000000");
    assert_eq!(
        (&lines[0]["$insert_id"], &lines[0]["device_id"]),
        (&json!("a"), &json!("d1"))
    );
    assert_eq!(lines[0]["amplitude_id"], lines[3]["amplitude_id"]);
    assert_ne!(lines[3]["uuid"], lines[4]["uuid"]);
    assert!(lines[3]["device_id"].is_string());
}

#[tokio::test]
async fn a_long_log_of_events_becomes_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let open = async || {
        let mut options = Hands::new().options();
        options.world = Some(dir.path().to_owned());
        serving(options).await
    };
    let sandbox = open().await;
    let event = |number: usize| json!({"user_id": "u1", "event_type": "Open", "insert_id": format!("i{number}"), "event_properties": {"text": "x".repeat(600)}});
    for round in 0..2 {
        let events: Vec<Value> = (round * 1000..(round + 1) * 1000).map(event).collect();
        assert_eq!(
            sandbox.ingest("/batch", &body(&json!(events))).await.status,
            200
        );
    }
    sandbox.running.stop().await;
    for _ in 0..2 {
        let sandbox = open().await;
        assert!(dir.path().join("ingested.2.jsonl").exists());
        sandbox
            .ingest("/batch", &body(&json!([event(0), event(1999)])))
            .await;
        let taken = taken(&sandbox).await;
        assert_eq!(
            (taken.as_array().unwrap().len(), &taken[1999]),
            (2000, &event(1999))
        );
        sandbox.running.stop().await;
    }
}

#[tokio::test]
async fn throttles_a_noisy_device() {
    let (hands, limits) = (Hands::new(), |limits| {
        move |options: &mut Options| options.limits = limits
    });
    let mut options = hands.options();
    limits(Limits::Real)(&mut options);
    let sandbox = serving(options).await;
    let event = |device: &str| json!({"device_id": device, "event_type": "Open"});
    let mut events = vec![event("quiet")];
    events.extend(vec![event("noisy"); 901]);
    let answer = sandbox.ingest("/2/httpapi", &body(&json!(events))).await;
    assert_eq!(
        (answer.status, &answer.json()["eps_threshold"]),
        (429, &json!(30))
    );
    assert_eq!(answer.json()["throttled_devices"], json!({"noisy": 31}));
    assert_eq!(
        answer.json()["throttled_events"].as_array().unwrap().len(),
        901
    );
    assert_eq!(taken(&sandbox).await, json!([]), "nothing of it");
    assert_eq!(
        sandbox.ingest("/batch", &body(&json!(events))).await.status,
        200
    );
    assert_eq!(
        sandbox
            .ingest("/2/httpapi", &body(&json!([event("noisy")])))
            .await
            .status,
        429
    );
    hands.forward(30);
    assert_eq!(
        sandbox
            .ingest("/2/httpapi", &body(&json!([event("noisy")])))
            .await
            .status,
        200
    );
    let free = fresh(limits(Limits::Off)).await;
    assert_eq!(
        free.ingest("/2/httpapi", &body(&json!(events)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn faults_speak_as_ingestion_does() {
    let sandbox = fresh(|_| ()).await;
    let event = body(&json!([{"user_id": "u1", "event_type": "Open", "insert_id": "a"}]));
    for (fault, status) in [(401, 400), (403, 403), (429, 429), (500, 500), (503, 503)] {
        sandbox
            .own("POST", "faults", &format!("{{\"spec\": \"{fault}:1\"}}"))
            .await;
        let answer = sandbox.ingest("/batch", &event).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(status))
        );
    }
    assert_eq!(taken(&sandbox).await, json!([]));
    sandbox
        .own("POST", "faults", "{\"spec\": \"drop_after:1\"}")
        .await;
    let headers = ["content-type: application/json"];
    assert!(
        sandbox
            .send("POST", "/batch", &headers, &event.to_string())
            .await
            .is_none()
    );
    sandbox.own("POST", "faults", "{\"spec\": \"\"}").await;
    assert_eq!(sandbox.ingest("/batch", &event).await.status, 200);
    assert_eq!(taken(&sandbox).await.as_array().unwrap().len(), 1, "once");
}
