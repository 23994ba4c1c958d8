//! `POST /users/export/segment`, `POST /export/segment/cancel` and the address in between (braze.md 12). It must not make an
//! archive: `shipment.rs` does. There is no bucket, so `gzip` changes nothing; nobody is called back.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::header, response::Response, routing};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    audience::{Filter, filter_of},
    clicks::uuid,
    export::fields,
    gate::{Key, Needs, pass, refused},
    rates::Area,
    shipment::{Export, Wanted},
};
use crate::sandbox::{
    app::App,
    call::{Call, chunks, hold, reply, respond},
    options::Limits,
    routes::{Routes, get_waiting, post},
};

const EXPORT: Needs = Needs {
    key: Key::Bearer("users.export.segment"),
    area: Area::Rest,
    body: true,
};
/// The permission is that of the list.
const CANCEL: Needs = Needs {
    key: Key::Bearer("segments.list"),
    area: Area::Rest,
    body: true,
};
/// Where archives are: another host's, in truth.
const FILES: &str = "/segment-exports/";
/// Custom attributes by name.
const MOST_NAMES: usize = 500;
/// Of a company, at once.
const MOST_RUNNING: usize = 100;
const HOURS: i64 = 4;
/// A small archive is ready before the request is answered.
const PATIENCE: Duration = Duration::from_millis(300);

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/export/segment", routing::post(export));
    to.add("/export/segment/cancel", post(cancel));
    to.add("/segment-exports/{name}", get_waiting(download));
}

/// What an accepted request starts.
struct Started {
    export: Export,
    filter: Option<Filter>,
    wanted: Wanted,
    now: Timestamp,
}

async fn export(State(app): State<Arc<App>>, call: Call) -> Response {
    let mut started = None;
    let response = pass(&app, &call, &EXPORT, |body| {
        let accepted = match accept(&app, body) {
            Ok(accepted) => accepted,
            Err((status, problem)) => return refused(status, &problem),
        };
        let Export { name, due, .. } = &accepted.export;
        let host = call.header(&header::HOST).unwrap_or("127.0.0.1");
        let answer = json!({
            "message": "success", "object_prefix": format!("{}-{}", uuid(), due.as_second()),
            "url": format!("http://{host}{FILES}{name}"),
        });
        started = Some(accepted);
        reply(201, &answer)
    });
    if let Some(Started {
        export,
        filter,
        wanted,
        now,
    }) = started
    {
        let work = tokio::task::spawn_blocking(move || {
            export.work.make(&app, filter.as_ref(), &wanted, now);
        });
        // A large one goes on in the background, and its address says so.
        let _ = tokio::time::timeout(PATIENCE, work).await;
    }
    response
}

/// Checks a request and enters it. The texts of the refusals are assumed.
fn accept(app: &App, body: &Value) -> Result<Started, (u16, String)> {
    let bad = |problem: &str| (400, problem.to_owned());
    let segment = hold(&app.braze.store).segment(body["segment_id"].as_str());
    let segment = segment.ok_or_else(|| bad("Invalid segment_id"))?;
    let wanted = wanted(body).map_err(|problem| (400, problem))?;
    match &body["output_format"] {
        Value::Null => {}
        format if format == "zip" || format == "gzip" => {}
        _ => return Err(bad("'output_format' must be 'zip' or 'gzip'")),
    }
    if !(body["callback_endpoint"].is_null() || body["callback_endpoint"].is_string()) {
        return Err(bad("'callback_endpoint' must be a string"));
    }
    let id = segment["id"].as_str().unwrap_or_default();
    let now = app.now();
    let mut exports = hold(&app.braze.exports);
    exports.0.retain(|export| now < export.ends);
    let running = || exports.0.iter().filter(|export| export.running(now));
    if running().any(|export| export.segment == id) {
        let problem = "An export of this segment is already in progress";
        return Err((429, problem.to_owned()));
    }
    if running().count() >= MOST_RUNNING {
        return Err((429, "Too many exports are in progress".to_owned()));
    }
    let due = now.checked_add(preparing(app)).unwrap_or(now);
    let export = Export {
        name: format!("{:032x}.zip", rand::random::<u128>()),
        segment: id.to_owned(),
        due,
        ends: due.checked_add(HOURS.hours()).unwrap_or(due),
        work: Arc::default(),
    };
    exports.0.push_back(export.clone());
    Ok(Started {
        export,
        filter: segment
            .as_object()
            .and_then(|segment| filter_of(segment).ok()?),
        wanted,
        now,
    })
}

fn preparing(app: &App) -> Duration {
    app.options.job_time.unwrap_or(match app.options.limits {
        Limits::Real => Duration::from_secs(3),
        Limits::Off => Duration::ZERO,
    })
}

fn wanted(body: &Value) -> Result<Wanted, String> {
    let mut fields = match &body["fields_to_export"] {
        Value::Array(listed) => {
            // Of a segment alone.
            let (own, listed): (Vec<&Value>, Vec<&Value>) =
                listed.iter().partition(|field| **field == "created_from");
            let mut known = fields(&json!({"fields_to_export": listed}))?;
            known.extend(own.first().map(|_| "created_from"));
            known
        }
        _ => return Err("'fields_to_export' must be an array of strings".to_owned()),
    };
    let names = match &body["custom_attributes_to_export"] {
        Value::Null => None,
        Value::Array(names) if names.len() > MOST_NAMES => {
            return Err("'custom_attributes_to_export' lists at most 500 names".to_owned());
        }
        names => {
            let listed: Option<Vec<String>> = names.as_array().and_then(|names| {
                let text = |name: &Value| name.as_str().map(str::to_owned);
                names.iter().map(text).collect()
            });
            let wrong = "'custom_attributes_to_export' must be an array of strings";
            Some(listed.ok_or(wrong)?)
        }
    };
    // All of them, where both are asked for.
    let custom = names.filter(|_| !fields.contains(&"custom_attributes"));
    if custom.is_some() {
        fields.push("custom_attributes");
    }
    if fields.is_empty() {
        return Err("'fields_to_export' must not be empty".to_owned());
    }
    Ok(Wanted { fields, custom })
}

/// What is answered is not documented.
fn cancel(app: &App, call: &Call) -> Response {
    pass(app, call, &CANCEL, |body| {
        let Some(segment) = hold(&app.braze.store).segment(body["segment_id"].as_str()) else {
            return refused(400, "Invalid segment_id");
        };
        let now = app.now();
        let exports = hold(&app.braze.exports);
        let meant = |export: &&Export| segment["id"] == *export.segment && export.running(now);
        exports
            .0
            .iter()
            .filter(meant)
            .for_each(|export| export.work.cancel());
        reply(201, &json!({"message": "success"}))
    })
}

/// A bucket: it knows addresses and no key. 403 as long as there is no file, 404 once it is removed.
async fn download(app: Arc<App>, call: Call) -> Response {
    if call.header(&header::AUTHORIZATION).is_some() {
        return denied(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    let now = app.now();
    let found = {
        let exports = hold(&app.braze.exports);
        let mut known = exports.0.iter().filter(|export| now < export.ends);
        known
            .find(|export| export.name == call.param("name"))
            .cloned()
    };
    let Some(export) = found else {
        return denied(404, "NoSuchKey", "The specified key does not exist.");
    };
    let Some(path) = export.archive(now) else {
        return denied(403, "AccessDenied", "Access Denied");
    };
    match tokio::fs::File::open(path).await {
        Ok(file) => respond(200, "application/zip", chunks(file)),
        Err(_) => denied(500, "InternalError", "We encountered an internal error."),
    }
}

fn denied(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    respond(status, "application/xml", body)
}
