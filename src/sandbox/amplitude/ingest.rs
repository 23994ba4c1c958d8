//! `POST /2/httpapi` and `POST /batch` (amplitude.md 7). It must not decide what is wrong with an event.

use axum::{http::header, response::Response};
use serde_json::{Map, Value, json};

use super::{ingested::Ingested, validate};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    options::Limits,
    routes::{Routes, post},
    world::kind,
};

/// The quick one and the large one.
pub(crate) const PATHS: [&str; 2] = [HTTP.path, BATCH.path];
const MOST_EVENTS: usize = 2000;

/// How the two doors differ.
struct Door {
    path: &'static str,
    bytes: usize,
    rate: u64,
    /// Whether a refusal names every bad event, or the first of each field.
    all: bool,
}

const HTTP: Door = Door {
    path: "/2/httpapi",
    bytes: 1 << 20,
    rate: 30,
    all: false,
};
const BATCH: Door = Door {
    path: "/batch",
    bytes: 20 << 20,
    rate: 1000,
    all: true,
};

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add(HTTP.path, post(|app, call| take(app, call, &HTTP)));
    to.add(BATCH.path, post(|app, call| take(app, call, &BATCH)));
}

/// Refuses a request, on purpose or for what is known of it before its events.
pub(crate) fn refuse(status: u16) -> Response {
    let error = match status {
        401 => return reply(400, &json!({"code": 400, "error": "Invalid API key"})),
        403 => "Forbidden",
        404 => return reply(400, &json!({"code": 400, "error": "Invalid request path"})),
        413 => "Payload too large",
        429 => "Too many requests for some devices and users",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    reply(status, &json!({"code": status, "error": error}))
}

fn take(app: &App, call: &Call, door: &Door) -> Response {
    let bad = |error: String| reply(400, &json!({"code": 400, "error": error}));
    if call.body.len() > door.bytes {
        return refuse(413);
    }
    if call.body.is_empty() {
        return bad("Missing request body".to_owned());
    }
    let said = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    let body = call.json().filter(Value::is_object);
    let Some(body) = body.filter(|_| !door.all || said.starts_with("application/json")) else {
        return bad("Invalid JSON request body".to_owned());
    };
    match body["api_key"].as_str() {
        None => {
            let missing = json!({"code": 400, "error": "Request missing required field", "missing_field": "api_key"});
            return reply(400, &missing);
        }
        Some(key) if key.is_empty() || key.contains("bad") => {
            return bad(format!("Invalid API key: {key}"));
        }
        Some(_) => {}
    }
    if body["events"]
        .as_array()
        .is_some_and(|events| events.len() > MOST_EVENTS)
    {
        return refuse(413);
    }
    match validate::check(&body, door.all) {
        Ok(events) => store(app, call, door, &events),
        Err(refusal) => reply(400, &refusal),
    }
}

fn store(app: &App, call: &Call, door: &Door, events: &[&Map<String, Value>]) -> Response {
    let now = app.now();
    if app.options.limits == Limits::Real
        && let Err(refusal) = hold(&app.amplitude.throttle).take(events, door.rate, now)
    {
        return reply(429, &refusal);
    }
    let mut ingested = hold(&app.amplitude.ingested);
    let fresh = ingested.fresh(events, now);
    if !fresh.is_empty() {
        let record = Ingested::record(&fresh, door.path).to_string();
        // Under the lock: the log has the order in which they were taken.
        let kept = app.world.append(kind::INGEST, now, record.as_bytes());
        if kept
            .and_then(|()| ingested.take(&fresh, door.path, now))
            .is_err()
        {
            return refuse(500);
        }
    }
    drop(ingested);
    reply(
        200,
        &json!({
            "code": 200, "events_ingested": events.len(), "payload_size_bytes": call.body.len(),
            "server_upload_time": now.as_millisecond(),
        }),
    )
}
