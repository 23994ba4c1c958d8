//! Custom attributes, looked at and defined as a person would in the dashboard. It must not decide what a definition means.

use axum::response::Response;
use serde_json::{Value, json};

use crate::sandbox::{
    app::App,
    braze::Store,
    call::{Call, hold, reply, respond, text},
    routes::{Routes, get, put},
    world::kind,
};

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    to.add(
        "/_sandbox/braze/attributes/{name}",
        get(values).merge(put(define)),
    );
}

fn values(app: &App, call: &Call) -> Response {
    let values = hold(&app.braze.store).people.attribute(call.param("name"));
    respond(200, "application/json", format!("{{\"values\":{values}}}"))
}

/// Takes an object as an entry of `braze/attributes.json` has it; the path says which attribute.
fn define(app: &App, call: &Call) -> Response {
    let Some(Value::Object(mut members)) = call.json() else {
        return text(400, "wanted {\"data_type\": \"Number\"}\n");
    };
    members.insert("name".to_owned(), json!(call.param("name")));
    let body = Value::Object(members);
    // Tried elsewhere first: what is written down is good.
    if let Err(problem) = Store::default().define(&body) {
        return text(400, format!("{problem}\n"));
    }
    let mut store = hold(&app.braze.store);
    let kept = app
        .world
        .append(kind::ATTRIBUTE, app.now(), body.to_string().as_bytes());
    if kept.is_err() {
        return text(500, "the world cannot be written\n");
    }
    if let Err(problem) = store.define(&body) {
        return text(400, format!("{problem}\n"));
    }
    reply(200, &json!({}))
}
