//! Events of Amplitude: those taken in, looked at, and those of the Export API, added. It must not answer for the service.

use std::{fmt::Write as _, sync::Arc};

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

/// Takes Export lines, all of them or none. `?hour=` says the hour of those that do not say it themselves.
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
    let Ok(body) = std::str::from_utf8(&call.body) else {
        return text(400, "wanted lines of UTF-8\n");
    };
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(body.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (own, line) = export_line(line);
        let Some(hour) = own.or(hour) else {
            let problem = format!(
                "line {number}: `server_upload_time` cannot be read; say `?hour=YYYYMMDDTHH`\n"
            );
            return text(400, problem);
        };
        lines.push((hour, line));
    }
    let lines: Vec<(Hour, &str)> = lines.iter().map(|(hour, line)| (*hour, &**line)).collect();
    match hold(&app.amplitude.shelf).add_events(&lines) {
        Ok(()) => reply(200, &serde_json::json!({"events": lines.len()})),
        Err(error) => failed(&error),
    }
}
