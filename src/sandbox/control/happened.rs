//! Events of Amplitude: those taken in, looked at, and those of the Export API, added. It must not answer for the service.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use axum::{extract::State, response::Response, routing};

use super::failed;
use crate::sandbox::{
    amplitude::{Hour, Kept, export_line},
    app::App,
    call::{Call, hold, reply, respond, text},
    routes::Routes,
};

/// Lists the endpoint.
pub(super) fn routes(to: &mut Routes) {
    to.add(
        "/_sandbox/amplitude/events",
        routing::get(ingested).post(add),
    );
}

/// As they were sent, each once, in order; as text: a value each would be a gigabyte one day.
async fn ingested(State(app): State<Arc<App>>) -> Response {
    let source = hold(&app.amplitude.ingested).source();
    let read = tokio::task::spawn_blocking(move || {
        let (mut body, mut comma) = (String::from("{\"events\":["), "");
        source.all(|line| {
            let event = Kept::read(line)?.event;
            let _ = write!(body, "{comma}{event}");
            comma = ",";
            Ok(())
        })?;
        body.push_str("]}");
        Ok::<_, std::io::Error>(body)
    });
    match read.await {
        Ok(Ok(body)) => respond(200, "application/json", body),
        _ => text(500, "the events could not be read\n"),
    }
}

/// Takes Export lines, all of them or none. `?hour=` says the hour of those that do not say it themselves; what is no
/// UTF-8 stays as it is.
async fn add(State(app): State<Arc<App>>, call: Call) -> Response {
    let hour = match call.query("hour").map(Hour::read) {
        Some(None) => return text(400, "wanted `hour` as YYYYMMDDTHH\n"),
        hour => hour.flatten(),
    };
    let added = tokio::task::spawn_blocking(move || add_lines(&app, &call, hour));
    added
        .await
        .unwrap_or_else(|_| text(500, "the events could not be stored\n"))
}

fn add_lines(app: &App, call: &Call, hour: Option<Hour>) -> Response {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(call.body.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let (own, line) = match std::str::from_utf8(line) {
            Ok(line) => match export_line(line) {
                (hour, Cow::Borrowed(line)) => (hour, Cow::Borrowed(line.as_bytes())),
                (hour, Cow::Owned(line)) => (hour, Cow::Owned(line.into_bytes())),
            },
            Err(_) => (None, Cow::Borrowed(line)),
        };
        let Some(hour) = own.or(hour) else {
            let problem = format!(
                "line {number}: `server_upload_time` cannot be read; say `?hour=YYYYMMDDTHH`\n"
            );
            return text(400, problem);
        };
        lines.push((hour, line));
    }
    let lines: Vec<(Hour, &[u8])> = lines.iter().map(|(hour, line)| (*hour, &**line)).collect();
    match hold(&app.amplitude.shelf).add_events(&lines) {
        Ok(()) => reply(200, &serde_json::json!({"events": lines.len()})),
        Err(error) => failed(&error),
    }
}
