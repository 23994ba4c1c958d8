//! What the User Profile API knows, looked at and changed behind everybody's back. It must not answer for the service.

use axum::response::Response;
use serde_json::{Value, json};

use super::failed;
use crate::sandbox::{
    amplitude::check_person,
    app::App,
    call::{Call, hold, reply, text},
    routes::{Routes, get, put},
};

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    to.add(
        "/_sandbox/amplitude/profiles/{user_id}",
        get(shown).merge(put(set)),
    );
}

fn shown(app: &App, call: &Call) -> Response {
    let shelf = hold(&app.amplitude.shelf);
    let user = Some(call.param("user_id"));
    match shelf.people().and_then(|people| people.find(user, None)) {
        Some(person) => reply(200, &Value::Object(person)),
        None => text(404, "no such person\n"),
    }
}

/// Takes an object as a line of `amplitude/profiles.jsonl` has it; the path says whose it is.
fn set(app: &App, call: &Call) -> Response {
    let user = json!(call.param("user_id"));
    let Some(Value::Object(mut person)) = call.json() else {
        return text(400, "wanted a `userData` object\n");
    };
    if person.get("user_id").is_some_and(|named| *named != user) {
        return text(400, "the object has another `user_id`\n");
    }
    person.insert("user_id".to_owned(), user);
    if let Err(problem) = check_person(&Value::Object(person.clone()).to_string()) {
        return text(400, format!("{problem}\n"));
    }
    match hold(&app.amplitude.shelf).put_person(&person) {
        Ok(()) => reply(200, &json!({})),
        Err(error) => failed(&error),
    }
}
