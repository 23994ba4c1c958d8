//! `POST /users/delete` (braze.md 10.5). It must not know what else remembers a profile: the store does.

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    gate::{Key, Needs, pass, refused},
    merge::{chosen, prioritized},
    objects::{self, Who},
    people::People,
    rates::Area,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, post},
    world::kind,
};

const NEEDS: Needs = Needs {
    key: Key::Bearer("users.delete"),
    area: Area::Identity,
    body: true,
};
/// Items of one request.
const MOST: usize = 50;
/// Of which a request has one.
const KINDS: [&str; 5] = [
    "external_ids",
    "user_aliases",
    "braze_ids",
    "email_addresses",
    "phone_numbers",
];

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/delete", post(delete));
}

fn delete(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| accept(app, call, body))
}

/// The limits are documented, the texts of their refusals are not.
fn accept(app: &App, call: &Call, body: &Value) -> Response {
    let mut given = KINDS.iter().filter(|kind| !body[**kind].is_null());
    let (Some(kind), None) = (given.next(), given.next()) else {
        return refused(400, &format!("One of {} is required", KINDS.join(", ")));
    };
    let Some(items) = body[*kind].as_array() else {
        return refused(400, &format!("'{kind}' must be an array"));
    };
    if items.len() > MOST {
        return refused(400, "The max number of ids per request was exceeded");
    }
    if !items.iter().all(|item| valid(kind, item)) {
        return refused(400, &format!("'{kind}' has an element that names nobody"));
    }
    let now = app.now();
    let mut store = hold(&app.braze.store);
    if app.world.append(kind::DELETE, now, &call.body).is_err() {
        return refused(500, "Internal Server Error");
    }
    // Who is not there is not counted: an assumption, like the answer to a request of nobody else (braze.md 6.3).
    let deleted = store.delete(body);
    reply(200, &json!({"deleted": deleted, "message": "success"}))
}

fn valid(kind: &str, item: &Value) -> bool {
    match kind {
        "user_aliases" => objects::alias(item, "alias_name").is_some(),
        "email_addresses" => item["email"].is_string() && prioritized(item),
        "phone_numbers" => item["phone"].is_string() && prioritized(item),
        _ => item.is_string(),
    }
}

/// Returns everybody whom a body means and who is there, each once.
pub(crate) fn meant(people: &People, body: &Value) -> Vec<u32> {
    let items = |kind: &str| body[kind].as_array().into_iter().flatten();
    let text = |kind: &'static str| items(kind).filter_map(Value::as_str);
    let external = text("external_ids").map(Who::External);
    let braze = text("braze_ids").map(Who::Braze);
    let aliases = items("user_aliases").filter_map(|item| objects::alias(item, "alias_name"));
    let single = external.chain(braze).chain(aliases);
    let mut meant: Vec<u32> = single.filter_map(|who| people.find(&who)).collect();
    let shared = items("email_addresses").chain(items("phone_numbers"));
    meant.extend(shared.filter_map(|item| chosen(people, item)));
    meant.sort_unstable();
    meant.dedup();
    meant
}
