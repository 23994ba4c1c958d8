//! `POST /users/alias/new` and `/users/alias/update` (braze.md 10.1 and 10.2). It must not identify or merge anybody.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    gate::{Key, Needs, pass, refused},
    objects::{self, Who},
    people::People,
    profile::Place,
    rates::Area,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, post},
    world::kind,
};

const NEW: Needs = Needs {
    key: Key::Bearer("users.alias.new"),
    area: Area::Identity,
    body: true,
};
const UPDATE: Needs = Needs {
    key: Key::Bearer("users.alias.update"),
    area: Area::Identity,
    body: true,
};
/// Items of one request.
const MOST: usize = 50;

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/alias/new", post(new));
    to.add("/users/alias/update", post(update));
}

fn new(app: &App, call: &Call) -> Response {
    pass(app, call, &NEW, |body| {
        accept(app, call, kind::ALIASES, body, "user_aliases", check_new)
    })
}

fn update(app: &App, call: &Call) -> Response {
    pass(app, call, &UPDATE, |body| {
        accept(
            app,
            call,
            kind::ALIAS_UPDATES,
            body,
            "alias_updates",
            check_update,
        )
    })
}

type Check = fn(&Value) -> Result<(), &'static str>;

/// Accepts the good items of a request. The limit of items is documented, the answers to bad ones are not: they are
/// those of `/users/track`, an element of `errors` each, and a refusal where no item is good.
fn accept(app: &App, call: &Call, kind: u8, body: &Value, array: &str, check: Check) -> Response {
    let items = body[array]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if items.len() > MOST {
        return refused(400, "The max number of ids per request was exceeded");
    }
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Err(problem) = check(item) {
            errors.push(json!({"type": problem, "input_array": array, "index": index}));
        }
    }
    let good = items.len() - errors.len();
    let mut answer = if good == 0 {
        json!({"message": format!("Valid data must be provided in the '{array}' field.")})
    } else {
        // What changed nothing was processed as well (braze.md 10.1). An update's count is assumed to be called alike.
        json!({"aliases_processed": good, "message": "success"})
    };
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    if good == 0 {
        return reply(400, &answer);
    }
    let now = app.now();
    let mut store = hold(&app.braze.store);
    if app.world.append(kind, now, &call.body).is_err() {
        return refused(500, "Internal Server Error");
    }
    apply(&mut store.people, kind, body, now);
    reply(201, &answer)
}

/// Does what the good items of a request say. Aliases cost no data point (braze.md 21).
pub(crate) fn apply(people: &mut People, kind: u8, body: &Value, now: Timestamp) {
    let items = |array: &str| {
        body[array]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    if kind == kind::ALIASES {
        for item in items("user_aliases")
            .iter()
            .filter(|item| check_new(item).is_ok())
        {
            add(people, item, now);
        }
    } else {
        // The order among updates is not guaranteed: whoever relies on it fails here.
        let items = items("alias_updates").iter().rev();
        for item in items.filter(|item| check_update(item).is_ok()) {
            rename(people, item, now);
        }
    }
}

fn add(people: &mut People, item: &Value, now: Timestamp) {
    let Some(pair @ Who::Alias { label, .. }) = objects::alias(item, "alias_name") else {
        return;
    };
    // The pair is unique in the user base: in use, it stays where it is.
    if people.find(&pair).is_some() {
        return;
    }
    let Some(id) = item["external_id"].as_str() else {
        people.create(&pair, now);
        return;
    };
    let Some(profile) = people.find(&Who::External(id)) else {
        return;
    };
    let mut aliases = aliases(people, profile);
    // One name a label and person (braze.md 6.1). What a second one does is not documented; nothing, here.
    if aliases.iter().any(|alias| alias["alias_label"] == label) {
        return;
    }
    aliases.push(json!({"alias_name": item["alias_name"], "alias_label": label}));
    people.touch(profile, now);
    people.set(profile, Place::Field("user_aliases"), Some(&json!(aliases)));
}

fn rename(people: &mut People, item: &Value, now: Timestamp) {
    let pair = |name: &str| objects::alias(item, name);
    let (Some(old), Some(new)) = (pair("old_alias_name"), pair("new_alias_name")) else {
        return;
    };
    // A name that somebody has is not taken from them: the pair is unique.
    let (Some(profile), None) = (people.find(&old), people.find(&new)) else {
        return;
    };
    let mut aliases = aliases(people, profile);
    for alias in &mut aliases {
        if objects::alias(alias, "alias_name") == Some(old) {
            alias["alias_name"] = item["new_alias_name"].clone();
        }
    }
    people.touch(profile, now);
    people.set(profile, Place::Field("user_aliases"), Some(&json!(aliases)));
}

fn aliases(people: &People, profile: u32) -> Vec<Value> {
    match people.value(profile, Place::Field("user_aliases")) {
        Some(Value::Array(aliases)) => aliases,
        _ => Vec::new(),
    }
}

fn check_new(item: &Value) -> Result<(), &'static str> {
    objects::alias(item, "alias_name")
        .ok_or("'alias_name' and 'alias_label' must be strings of at most 236 bytes")?;
    match item.get("external_id") {
        None | Some(Value::Null) => Ok(()),
        Some(id) => objects::external_id(id).map(|_| ()),
    }
}

fn check_update(item: &Value) -> Result<(), &'static str> {
    let pair = |name: &str| objects::alias(item, name);
    pair("old_alias_name")
        .zip(pair("new_alias_name"))
        .map(|_| ())
        .ok_or("'alias_label', 'old_alias_name' and 'new_alias_name' must be strings of at most 236 bytes")
}
