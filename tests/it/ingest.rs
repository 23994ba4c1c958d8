//! What becomes of events that are sent to Amplitude: a server answers each request by what is in it, and every event
//! ends in exactly one list.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use syncform::amplitude::{Delivered, Delivery, EVENTS_PER_REQUEST, Ingester, LARGEST_REQUEST};
use syncform::http::{Patience, Scrubber, Sender};
use syncform::model::Secret;

const KEY: &str = "planted-api-key";

/// Says what a request is answered: which one it is, and what it holds.
type Script = Box<dyn Fn(usize, &Value) -> (u16, Value) + Send + Sync>;

#[derive(Clone)]
struct Server {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
}

async fn batch(State(server): State<Server>, body: Bytes) -> (StatusCode, String) {
    let is_large = body.len() > LARGEST_REQUEST;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["api_key"], KEY);
    assert_eq!(body["options"], json!({"min_id_length": 1}));
    let events = body["events"].as_array().unwrap();
    assert!((1..=EVENTS_PER_REQUEST).contains(&events.len()));
    assert!(!is_large || events.len() == 1, "a request is too large");
    let names = events.iter().map(|event| event["insert_id"].as_str());
    let number = {
        let mut seen = server.seen.lock().unwrap();
        seen.push(names.map(|name| name.unwrap().to_owned()).collect());
        seen.len()
    };
    let (status, answer) = (server.script)(number, &body);
    // A text is a page of somebody in between.
    let page = answer.as_str().filter(|text| text.starts_with('<'));
    let answer = page.map_or_else(|| answer.to_string(), str::to_owned);
    (StatusCode::from_u16(status).unwrap(), answer)
}

/// Sends events to a server with this script; returns what became of them and what each request held.
fn deliver(bodies: &[Value], script: Script) -> (Delivered, Vec<Vec<String>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server {
            script: Arc::new(script),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/batch", post(batch))
            .layer(DefaultBodyLimit::disable())
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let (_stop, stop) = tokio::sync::watch::channel(false);
        let sender = Arc::new(Sender::new(Scrubber::default(), stop, Patience::WORK));
        let ingester = Ingester::new(sender, &url, &Secret::new(KEY), 1.0);
        let bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
        let events: Vec<Delivery> = bodies.iter().map(|body| of(body)).collect();
        let done = ingester.deliver(&events).await;
        let all: Vec<usize> = done
            .taken
            .iter()
            .chain(done.refused.iter().map(|(at, _)| at))
            .chain(&done.left)
            .chain(&done.doubted)
            .copied()
            .collect();
        let once: BTreeSet<usize> = all.iter().copied().collect();
        assert_eq!((all.len(), once.len()), (events.len(), events.len()));
        let seen = server.seen.lock().unwrap().clone();
        (done, seen)
    })
}

fn of(body: &str) -> Delivery<'_> {
    let key = "person-";
    let from = body.find(key).unwrap();
    let length = body[from..].find('"').unwrap();
    Delivery {
        key: &body[from..from + length],
        body,
    }
}

fn event(number: usize) -> Value {
    json!({"user_id": format!("person-{number}"), "event_type": "a", "insert_id": format!("{number}")})
}

fn events(count: usize) -> Vec<Value> {
    (0..count).map(event).collect()
}

fn ok() -> (u16, Value) {
    (200, json!({"code": 200, "events_ingested": 1}))
}

/// Where in a request an event is.
fn place(body: &Value, name: &str) -> Option<usize> {
    let events = body["events"].as_array().unwrap();
    events.iter().position(|event| event["insert_id"] == name)
}

#[test]
fn requests_hold_so_many_events_and_bytes() {
    let (done, seen) = deliver(&events(4500), Box::new(|_, _| ok()));
    let sizes: Vec<usize> = seen.iter().map(Vec::len).collect();
    assert_eq!(sizes, [2000, 2000, 500]);
    assert_eq!((done.taken.len(), done.requests), (4500, 3));
    let mut large = events(3);
    for one in &mut large {
        one["x"] = json!("x".repeat(9_000_000));
    }
    let (done, seen) = deliver(&large, Box::new(|_, _| ok()));
    assert_eq!(seen.len(), 2);
    assert_eq!(done.taken, [0, 1, 2]);
    assert_eq!(deliver(&[], Box::new(|_, _| ok())).0, Delivered::default());
}

#[test]
fn what_is_too_large_is_halved() {
    let mut bodies = events(8);
    bodies[5]["x"] = json!("x".repeat(LARGEST_REQUEST));
    let (done, seen) = deliver(
        &bodies,
        Box::new(|_, body| {
            let many = body["events"].as_array().unwrap().len() > 2;
            if many || place(body, "5").is_some() {
                (413, json!({"code": 413, "error": "Payload too large"}))
            } else {
                ok()
            }
        }),
    );
    let reason = "larger than a request may be".to_owned();
    assert_eq!(done.refused, [(5, reason)]);
    assert_eq!(done.taken, [0, 1, 2, 3, 4, 6, 7]);
    assert_eq!((seen.len() as u64, done.stop), (done.requests, None));
}

#[test]
fn a_small_event_is_not_too_large_whatever_is_said() {
    let (done, seen) = deliver(&events(8), Box::new(|_, _| (413, json!("<html>"))));
    assert_eq!((done.refused.len(), done.left.len(), seen.len()), (0, 8, 4));
    let stop = done.stop.unwrap();
    assert!(
        stop.contains("status 413; a request of one event"),
        "{stop}"
    );
}

#[test]
fn somebody_in_between_says_nothing_of_events() {
    for answer in [
        json!("<html>Bad Request</html>"),
        json!({"message": "no"}),
        json!([]),
    ] {
        let (done, seen) = deliver(&events(2000), Box::new(move |_, _| (400, answer.clone())));
        assert_eq!(
            (done.refused.len(), done.left.len(), seen.len()),
            (0, 2000, 1)
        );
        let stop = done.stop.unwrap();
        assert!(stop.contains("look for a proxy"), "{stop}");
    }
}

#[test]
fn what_is_refused_whole_stops_soon_and_refuses_none() {
    let refusal = || (400, json!({"code": 400, "error": "Invalid event JSON"}));
    for (count, most) in [(2, 3), (2000, 600)] {
        let (done, seen) = deliver(&events(count), Box::new(move |_, _| refusal()));
        assert_eq!((done.refused.len(), done.left.len()), (0, count));
        assert!(seen.len() <= most, "{}", seen.len());
        let stop = done.stop.unwrap();
        assert!(
            stop.contains("Invalid event JSON; nothing was taken"),
            "{stop}"
        );
    }
    let (done, _) = deliver(&events(1), Box::new(move |_, _| refusal()));
    assert_eq!((done.refused.len(), done.stop), (1, None));
}

#[test]
fn events_that_are_named_are_refused_and_the_rest_goes() {
    let (done, seen) = deliver(
        &events(10),
        Box::new(|number, body| match number {
            1 => (
                400,
                json!({"code": 400, "error": "Invalid field values on some events",
                "events_with_invalid_fields": {"time": [3]},
                "events_with_missing_fields": {"event_type": [3, 4, 99]}}),
            ),
            2 => {
                let at = place(body, "7").unwrap();
                let error = "Invalid id length for user_id or device_id";
                (
                    400,
                    json!({"code": 400, "error": error, "events_with_invalid_id_lengths": {"user_id": [at]}}),
                )
            }
            3 => (
                400,
                json!({"code": 400, "error": "Events silenced for device_id", "silenced_events": [0]}),
            ),
            _ => ok(),
        }),
    );
    let reasons: Vec<(usize, &str)> = done
        .refused
        .iter()
        .map(|(at, reason)| (*at, reason.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (0, "events of this device are silenced"),
            (3, "invalid time, missing event_type"),
            (4, "missing event_type"),
            (7, "too short: user_id"),
        ]
    );
    assert_eq!((done.taken.len(), seen.len()), (6, 4));
}

#[test]
fn a_refusal_that_names_none_is_taken_apart() {
    let (done, seen) = deliver(
        &events(64),
        Box::new(|_, body| match place(body, "37") {
            Some(_) => (
                400,
                json!({"code": 400, "error": "Invalid event JSON of person-37"}),
            ),
            None => ok(),
        }),
    );
    let reason = "Invalid event JSON of ***".to_owned();
    assert_eq!(done.refused, [(37, reason)]);
    assert_eq!((done.taken.len(), seen.len()), (63, 13));
}

#[test]
fn who_sent_too_much_waits_while_the_others_go() {
    let mut bodies = events(6);
    bodies[4]["device_id"] = json!("noisy");
    let (done, seen) = deliver(
        &bodies,
        Box::new(|number, body| {
            let slow = place(body, "1").filter(|_| number < 4);
            if slow.is_none() && place(body, "4").is_none() {
                return ok();
            }
            let error = "Too many requests for some devices and users";
            let slow: Vec<usize> = slow.into_iter().collect();
            (
                429,
                json!({"code": 429, "error": error, "eps_threshold": 1000,
                "throttled_users": {"person-1": 4000}, "throttled_events": slow,
                "exceeded_daily_quota_devices": {"noisy": 500_200}}),
            )
        }),
    );
    assert_eq!(done.taken, [0, 1, 2, 3, 5]);
    assert_eq!((done.left, done.stop), (vec![4], None));
    assert_eq!(seen[1], ["0", "2", "3", "5"], "the others at once");
    assert!(seen[2..].iter().all(|request| request == &["1"]));
}

#[test]
fn somebody_who_never_may_is_left() {
    let (done, _) = deliver(
        &events(3),
        Box::new(|_, body| match place(body, "1") {
            Some(at) => (429, json!({"code": 429, "throttled_events": [at]})),
            None => ok(),
        }),
    );
    assert_eq!((done.taken, done.left), (vec![0, 2], vec![1]));
    assert_eq!(done.stop, None);
}

#[test]
fn trouble_that_passes_is_sent_again() {
    for status in [500, 502, 503, 504, 408, 429] {
        let (done, seen) = deliver(
            &events(2),
            Box::new(move |number, _| {
                if number < 4 {
                    (status, json!({}))
                } else {
                    ok()
                }
            }),
        );
        assert_eq!((done.taken.len(), seen.len()), (2, 4), "{status}");
        assert!(seen.iter().all(|request| request == &["0", "1"]));
    }
}

#[test]
fn what_does_not_pass_stops_and_tells_what_may_be_there() {
    type Case = (u16, Value, bool, &'static str);
    let table: [Case; 5] = [
        (
            400,
            json!({"code": 400, "error": format!("Invalid API key: {KEY}")}),
            false,
            "amplitude: /batch: status 400 Invalid API key: ***; amplitude.api_key must be of the project, and of the region configured",
        ),
        (
            400,
            json!({"error": "Request missing required field", "missing_field": "api_key"}),
            false,
            "status 400 Request missing required field; amplitude.api_key",
        ),
        (
            403,
            json!({"code": 403, "error": "Forbidden"}),
            false,
            "status 403 Forbidden; amplitude.api_key",
        ),
        (200, json!("<html>"), true, "status 200"),
        (
            500,
            json!({"error": "no person-1"}),
            true,
            "amplitude: POST /batch: status 500 (16 tries)",
        ),
    ];
    for (status, answer, maybe, words) in table {
        let given = answer.clone();
        let (done, _) = deliver(&events(4000), Box::new(move |_, _| (status, given.clone())));
        let stop = done.stop.unwrap();
        assert!(stop.contains(words), "{stop}");
        assert!(!stop.contains(KEY) && !stop.contains("person-"), "{stop}");
        // The second request is never made.
        let doubted = if maybe { 2000 } else { 0 };
        assert_eq!(
            (done.doubted.len(), done.left.len(), done.requests),
            (doubted, 4000 - doubted, 1),
            "{answer}"
        );
    }
}
