//! People in Braze, looked at, changed and deleted behind everybody's back. It must not answer for the service.

use axum::response::Response;
use serde_json::{Value, json};

use crate::sandbox::{
    app::App,
    braze::Who,
    call::{Call, hold, reply, text},
    routes::{Routes, delete, get, put},
    world::kind,
};

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    to.add(
        "/_sandbox/braze/users/{external_id}",
        get(user).merge(put(set_user)).merge(delete(delete_user)),
    );
}

fn user(app: &App, call: &Call) -> Response {
    let id = call.param("external_id");
    let store = hold(&app.braze.store);
    match store.people.find(&Who::External(id)) {
        Some(profile) => reply(200, &Value::Object(store.people.shown(profile))),
        None => text(404, "no such user\n"),
    }
}

fn set_user(app: &App, call: &Call) -> Response {
    let Some(attributes) = call.json().filter(Value::is_object) else {
        return text(400, "wanted a JSON object of attributes\n");
    };
    let body = json!({"external_id": call.param("external_id"), "attributes": attributes});
    let now = app.now();
    let mut store = hold(&app.braze.store);
    if app
        .world
        .append(kind::SET, now, body.to_string().as_bytes())
        .is_err()
    {
        return text(500, "the world cannot be written\n");
    }
    store.set(&body, now);
    reply(200, &json!({}))
}

fn delete_user(app: &App, call: &Call) -> Response {
    let id = call.param("external_id");
    let mut store = hold(&app.braze.store);
    if store.people.find(&Who::External(id)).is_none() {
        return text(404, "no such user\n");
    }
    let body = json!({"external_ids": [id]});
    let written = body.to_string();
    let kept = app
        .world
        .append(kind::DELETE, app.now(), written.as_bytes());
    if kept.is_err() {
        return text(500, "the world cannot be written\n");
    }
    store.delete(&body);
    reply(200, &json!({}))
}
