//! Amplitude's destinations, deliveries, settings and static cohorts, looked at and changed behind everybody's back. It must
//! not answer for the service.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufReader},
    sync::Arc,
};

use axum::{extract::State, response::Response};
use serde_json::{Map, Value, json};

use super::failed;
use crate::sandbox::{
    amplitude::{Member, Stored, each_member, made_id, put_destination},
    app::App,
    call::{Call, hold, reply, respond, text},
    routes::{Routes, get, put},
};

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    to.add("/_sandbox/amplitude/destinations", get(destinations));
    to.add("/_sandbox/amplitude/destinations/{id}", put(destination));
    to.add("/_sandbox/amplitude/deliveries/{sync_id}", put(delivery));
    to.add("/_sandbox/amplitude/settings", put(settings));
    to.add("/_sandbox/amplitude/known", put(known));
}

/// With the secrets, as they were received: for tests.
fn destinations(app: &App, _: &Call) -> Response {
    let shelf = hold(&app.amplitude.shelf);
    reply(200, &json!({"destinations": shelf.register().destinations}))
}

/// Sets members of a destination, of `config` the named ones; a new one gets the given id.
fn destination(app: &App, call: &Call) -> Response {
    let Some(Value::Object(named)) = call.json() else {
        return text(400, "wanted a destination object\n");
    };
    let (mut shelf, id, now) = (hold(&app.amplitude.shelf), call.param("id"), app.now());
    let known = shelf
        .register()
        .destinations
        .iter()
        .any(|known| known["id"] == id);
    let whole = ["partner", "kind"]
        .iter()
        .all(|name| named.contains_key(*name));
    if !known && !whole {
        return text(400, "a new destination has `partner` and `kind`\n");
    }
    let project = shelf.project();
    changed(shelf.register_mut(|register| {
        put_destination(&mut register.destinations, id, &named, &project, now);
    }))
}

/// Sets figures of an event stream.
fn delivery(app: &App, call: &Call) -> Response {
    let Some(Value::Object(figures)) = call.json() else {
        return text(400, "wanted {\"deliveryRate\": 0.98}\n");
    };
    let mut shelf = hold(&app.amplitude.shelf);
    changed(shelf.register_mut(|register| {
        let known = register.deliveries.entry(call.param("sync_id"));
        if let Some(known) = known
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
        {
            known.extend(figures);
        }
    }))
}

fn settings(app: &App, call: &Call) -> Response {
    let body = call.json().unwrap_or_default();
    let Some(on) = body["sync_info"].as_bool() else {
        return text(400, "wanted {\"sync_info\": false}\n");
    };
    changed(hold(&app.amplitude.shelf).register_mut(|register| register.sync_info = on))
}

/// Makes people known to Amplitude, beside those who are.
fn known(app: &App, call: &Call) -> Response {
    let body = call.json().unwrap_or_default();
    let ids: Option<Vec<&str>> = body["user_ids"]
        .as_array()
        .and_then(|ids| ids.iter().map(Value::as_str).collect());
    let Some(ids) = ids else {
        return text(400, "wanted {\"user_ids\": [\"ann\"]}\n");
    };
    let member = |id: &&str| Member {
        amplitude_id: made_id(id),
        user_id: (*id).to_owned(),
    };
    let people: Vec<Member> = ids.iter().map(member).collect();
    changed(hold(&app.amplitude.shelf).name(&people, app.now()))
}

/// Removes a cohort, as its owner would in the web application.
pub(super) fn remove(app: &App, call: &Call) -> Response {
    match hold(&app.amplitude.shelf).remove(call.param("id")) {
        Ok(true) => reply(200, &json!({})),
        Ok(false) => text(404, "no such cohort\n"),
        Err(error) => failed(&error),
    }
}

fn changed(written: Result<(), crate::sandbox::Error>) -> Response {
    match written {
        Ok(()) => reply(200, &json!({})),
        Err(error) => failed(&error),
    }
}

/// User ids of a cohort, sorted; those who have none are left out.
pub(super) async fn members(State(app): State<Arc<App>>, call: Call) -> Response {
    let found = hold(&app.amplitude.shelf)
        .find(call.param("id"))
        .map(|(_, file)| file);
    let Some(file) = found else {
        return text(
            404,
            "no such cohort
",
        );
    };
    match tokio::task::spawn_blocking(move || listed(file.as_deref())).await {
        Ok(Ok(body)) => respond(200, "application/json", body),
        _ => text(500, "the members could not be read\n"),
    }
}

fn listed(file: Option<&Stored>) -> io::Result<String> {
    let mut ids: Vec<Box<str>> = Vec::new();
    if let Some(stored) = file {
        each_member(
            BufReader::with_capacity(1 << 17, File::open(&stored.path)?),
            |_, id| {
                if !id.is_empty() {
                    ids.push(id.into());
                }
                Ok(())
            },
        )?;
    }
    ids.sort_unstable();
    let (mut body, mut comma) = (String::from("{\"members\":["), "");
    for id in ids {
        let _ = write!(body, "{comma}{}", Value::from(&*id));
        comma = ",";
    }
    body.push_str("]}");
    Ok(body)
}
