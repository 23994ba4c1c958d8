//! `POST /partners/{partner}/cohorts` and `/cohorts/users` (braze.md 15). It must not decide who is in a cohort:
//! `cohorts.rs` does.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::gate::{self, Key, Needs, pass, refused};
use super::rates::Area;
use crate::sandbox::{
    app::App,
    call::{Call, hold, json as read, reply},
    routes::{Routes, post},
    world::kind,
};

const NEEDS: Needs = Needs {
    key: Key::Partner,
    area: Area::Partner,
    body: true,
};
/// Where these endpoints are.
const ROOT: &str = "/partners/";
/// Ids of one request, of all three kinds together.
const MOST: usize = 1_000;

const BAD_ID: &str = "`cohort_id` must be a valid string";
const BAD_NAME: &str = "`name` must be a non-empty string";
const BAD_TIME: &str = "`created_at` must be a valid time as an ISO-8601 string";
const BAD_CHANGES: &str = "`cohort_changes` must be an array of objects each with key `user_ids` and/or `device_ids` mapping \
                           to an array of strings, or an `aliases` object";
const TOO_MANY: &str = "Only 1,000 `user_ids`, `device_ids`, and `aliases` are allowed per request";

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/partners/{partner}/cohorts", post(name));
    to.add("/partners/{partner}/cohorts/users", post(change));
}

fn name(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| {
        if let Err(problem) = check_id(body).and_then(|()| check_name(body)) {
            return refused(400, problem);
        }
        let told = json!({
            "partner": call.param("partner"), "cohort_id": body["cohort_id"], "name": body["name"],
        });
        accept(app, kind::COHORT, &told)
    })
}

fn change(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| {
        if let Err(problem) = check_id(body).and_then(|()| check_changes(&body["cohort_changes"])) {
            return refused(400, problem);
        }
        let told = json!({
            "partner": call.param("partner"), "cohort_id": body["cohort_id"],
            "cohort_changes": body["cohort_changes"],
        });
        accept(app, kind::COHORT_USERS, &told)
    })
}

/// Writes down what was told, without the keys, and does it. The status is not documented: 201 is what most of Braze's
/// POSTs answer.
fn accept(app: &App, kind: u8, told: &Value) -> Response {
    let points = {
        let mut store = hold(&app.braze.store);
        let logged = app
            .world
            .append(kind, app.now(), told.to_string().as_bytes());
        if logged.is_err() {
            return refused(500, "Internal Server Error");
        }
        store.import(kind, told)
    };
    hold(&app.stats).data_points += points;
    reply(201, &json!({"message": "success"}))
}

fn check_id(body: &Value) -> Result<(), &'static str> {
    filled(&body["cohort_id"]).then_some(()).ok_or(BAD_ID)
}

/// A name of blanks is taken for an empty one, and a time needs its zone: both are stricter than what is written.
fn check_name(body: &Value) -> Result<(), &'static str> {
    if !filled(&body["name"]) {
        return Err(BAD_NAME);
    }
    let time = body["created_at"]
        .as_str()
        .filter(|text| text.as_bytes().get(10) == Some(&b'T'));
    let time = time.and_then(|text| text.parse::<Timestamp>().ok());
    time.map(|_| ()).ok_or(BAD_TIME)
}

fn filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// Checks a request's changes: all of them, before any is made.
fn check_changes(changes: &Value) -> Result<(), &'static str> {
    let changes = changes.as_array().ok_or(BAD_CHANGES)?;
    let mut count = 0;
    for change in changes {
        count += ids(change).ok_or(BAD_CHANGES)?;
    }
    if count > MOST {
        return Err(TOO_MANY);
    }
    Ok(())
}

/// Counts the ids of a change; none: it is not one. The array of aliases is the shape that a partner's own client sends;
/// a `should_remove` that is neither true nor false is refused, where nothing is written.
fn ids(change: &Value) -> Option<usize> {
    let change = change.as_object()?;
    if !change.get("should_remove").is_none_or(Value::is_boolean) {
        return None;
    }
    let alias = |item: &Value| filled(&item["alias_name"]) && filled(&item["alias_label"]);
    let kinds: [(&str, &dyn Fn(&Value) -> bool); 3] = [
        ("user_ids", &Value::is_string),
        ("device_ids", &Value::is_string),
        ("aliases", &alias),
    ];
    let (mut named, mut count) = (false, 0);
    for (name, well) in kinds {
        let Some(items) = change.get(name) else {
            continue;
        };
        let items = items.as_array().filter(|items| items.iter().all(well))?;
        (named, count) = (true, count + items.len());
    }
    named.then_some(count)
}

/// The cohorts that requests are working on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<Mutex<HashSet<(String, String)>>>);

/// A cohort held by one request, for as long as the request is in the server.
#[derive(Debug)]
pub(crate) struct Place {
    busy: Busy,
    cohort: (String, String),
}

impl Drop for Place {
    fn drop(&mut self) {
        hold(&self.busy.0).remove(&self.cohort);
    }
}

/// Refuses what another request has in hand.
pub(crate) fn locked() -> Response {
    refused(423, "Resource locked")
}

/// Says that another request holds the cohort.
#[derive(Debug)]
pub(crate) struct Taken;

/// Takes the cohort that a request names. What 423 means is not explained (braze.md 15.3); this is the strictest
/// reading: no two requests of any kind for one cohort at a time. A request that has no valid keys, or names no cohort,
/// holds nothing.
pub(crate) fn place(app: &App, path: &str, body: &[u8]) -> Result<Option<Place>, Taken> {
    let Some((partner, _)) = path
        .strip_prefix(ROOT)
        .and_then(|rest| rest.split_once('/'))
    else {
        return Ok(None);
    };
    let Some(body) = read(body).filter(|body| gate::partner(body).is_ok()) else {
        return Ok(None);
    };
    let Some(id) = body["cohort_id"].as_str() else {
        return Ok(None);
    };
    let cohort = (partner.to_owned(), id.to_owned());
    let busy = app.braze.busy.clone();
    if !hold(&busy.0).insert(cohort.clone()) {
        return Err(Taken);
    }
    Ok(Some(Place { busy, cohort }))
}
