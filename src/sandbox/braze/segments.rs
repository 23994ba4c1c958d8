//! `GET /segments/list` and `/segments/details` (braze.md 13). It must not compute a segment: people make them elsewhere.

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    audience::filter_of,
    gate::{Key, Needs, pass, refused},
    rates::Area,
    wording::worded,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, get},
};

const LIST: Needs = Needs {
    key: Key::Bearer("segments.list"),
    area: Area::Rest,
    body: false,
};
const DETAILS: Needs = Needs {
    key: Key::Bearer("segments.details"),
    area: Area::Rest,
    body: false,
};
const PAGE: usize = 100;

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/segments/list", get(list));
    to.add("/segments/details", get(details));
}

/// Oldest first; archived segments are not listed.
fn list(app: &App, call: &Call) -> Response {
    pass(app, call, &LIST, |_| {
        let Ok(page) = call.query("page").unwrap_or("0").parse::<usize>() else {
            return refused(400, "Invalid page");
        };
        let store = hold(&app.braze.store);
        let mut segments: Vec<&Value> = store
            .segments
            .iter()
            .filter(|segment| segment["archived"] != true)
            .collect();
        segments.sort_by_key(|segment| segment["created_at"].as_str());
        if call.query("sort_direction") == Some("desc") {
            segments.reverse();
        }
        let shown: Vec<Value> = segments
            .into_iter()
            .skip(page.saturating_mul(PAGE))
            .take(PAGE)
            .map(|segment| {
                only(
                    segment,
                    &["id", "name", "analytics_tracking_enabled", "tags"],
                )
            })
            .collect();
        reply(200, &json!({"message": "success", "segments": shown}))
    })
}

/// What describes the filter is worded here, unless the segment says it.
fn details(app: &App, call: &Call) -> Response {
    const MEMBERS: [&str; 7] = [
        "created_at",
        "updated_at",
        "name",
        "description",
        "text_description",
        "tags",
        "teams",
    ];
    pass(app, call, &DETAILS, |_| {
        // The refusal is not documented.
        let Some(segment) = hold(&app.braze.store).segment(call.query("segment_id")) else {
            return refused(400, "Invalid segment_id");
        };
        let mut answer = only(&segment, &MEMBERS);
        answer["message"] = json!("success");
        let filter = segment
            .as_object()
            .and_then(|segment| filter_of(segment).ok()?);
        if let (true, Some(filter)) = (segment["description"].is_null(), filter) {
            answer["description"] = json!(worded(&filter));
        }
        reply(200, &answer)
    })
}

fn only(segment: &Value, members: &[&str]) -> Value {
    let members = members
        .iter()
        .map(|name| ((*name).to_owned(), segment[*name].clone()));
    Value::Object(members.collect())
}
