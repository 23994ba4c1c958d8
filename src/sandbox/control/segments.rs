//! Braze's segments, looked at and changed as a person would in the dashboard. It must not decide what a click means.

use axum::response::Response;
use serde_json::json;

use crate::sandbox::{
    app::App,
    braze::click,
    call::{Call, hold, reply, text},
    routes::{Routes, get, put},
    world::kind,
};

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    to.add("/_sandbox/braze/segments", get(shown).merge(put(clicked)));
}

/// Everything about every segment, archived ones and filters included.
fn shown(app: &App, _: &Call) -> Response {
    reply(200, &hold(&app.braze.store).segments_file())
}

fn clicked(app: &App, call: &Call) -> Response {
    let (told, now) = (call.json().unwrap_or_default(), app.now());
    let mut store = hold(&app.braze.store);
    let (segments, touched) = match click(&store.segments, &told, now) {
        Ok(clicked) => clicked,
        Err(problem) => return text(400, format!("{problem}\n")),
    };
    // All of them as they are now: ids and times come out of a log as they went in.
    let kept = json!({"segments": segments}).to_string();
    if app
        .world
        .append(kind::SEGMENTS, now, kept.as_bytes())
        .is_err()
    {
        return text(500, "the world cannot be written\n");
    }
    store.segments = segments;
    reply(200, &json!({"segments": touched}))
}
