//! `GET /v1/userprofile` (amplitude.md 5). It must not change anything.

use axum::{http::header, response::Response};
use serde_json::{Map, Value, json};

use super::people::People;
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply, text},
    options::Limits,
    routes::{Routes, get},
};

/// Where it is.
pub(crate) const PATH: &str = "/v1/userprofile";

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add(PATH, get(profile));
}

/// Refuses a request on purpose, or for being none of this API's.
pub(crate) fn refused(status: u16) -> Response {
    match status {
        401 => text(401, "Invalid Api-Key"),
        404 => text(404, ""),
        429 => error(
            429,
            "Number of requests per minute exceeds system limit. Contact Support if you need this limit raised",
        ),
        403 => error(403, "Forbidden"),
        _ => error(status, "Internal Server Error"),
    }
}

fn error(status: u16, message: &str) -> Response {
    reply(status, &json!({"error": message}))
}

fn profile(app: &App, call: &Call) -> Response {
    let secret = call
        .header(&header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("api-key"))
        .map(|(_, secret)| secret.trim())
        .filter(|secret| !secret.is_empty());
    match secret {
        None => return text(401, "Missing Api-Key in Authorization header"),
        Some(secret) if secret.contains("bad") => return refused(401),
        Some(_) => {}
    }
    if app.options.limits == Limits::Real && !hold(&app.amplitude.profiled).take(app.now()) {
        return refused(429);
    }
    let id = |name: &str| call.query(name).filter(|id| !id.is_empty());
    let shelf = hold(&app.amplitude.shelf);
    let people = shelf.people();
    let found = people.and_then(|people| {
        let person = people.find(id("user_id"), id("device_id"))?;
        Some(shown(call, people, &person))
    });
    found.map_or_else(
        || error(404, "User id and device id not seen before"),
        |data| reply(200, &json!({"userData": data})),
    )
}

/// Always the same five members, null where not asked.
fn shown(call: &Call, people: &People, person: &Map<String, Value>) -> Value {
    let of = |name: &str| person.get(name).cloned().unwrap_or_default();
    let mut data = json!({
        "recommendations": recommendations(call, person), "user_id": of("user_id"), "device_id": of("device_id"),
        "amp_props": props(call, people, person), "cohort_ids": null,
    });
    if on(call, "get_cohort_ids") {
        data["cohort_ids"] = person
            .get("cohort_ids")
            .filter(|ids| ids.is_array())
            .cloned()
            .unwrap_or_else(|| json!([]));
    }
    // "Any value or none turns it on."
    if call.query("get_propensity").is_some() {
        let propensities = propensities(call, person);
        data["propensity"] = match &propensities[..] {
            [only] => only["prop"].clone(),
            _ => Value::Null,
        };
        data["propensities"] = json!(propensities);
    }
    data
}

fn on(call: &Call, flag: &str) -> bool {
    call.query(flag) == Some("true")
}

/// Several ids are one value with commas; a key that is repeated is read as well.
fn ids<'a>(call: &'a Call, name: &str) -> Vec<&'a str> {
    let given = call.query.iter().filter(|(key, _)| key == name);
    let parts = given.flat_map(|(_, value)| value.split(','));
    parts.map(str::trim).filter(|id| !id.is_empty()).collect()
}

/// User properties as they are, and computations as texts under their names. One that the person
/// lacks is null; where no line tells its name, the id stands for it.
fn props(call: &Call, people: &People, person: &Map<String, Value>) -> Value {
    let (every, wanted) = (on(call, "get_computations"), ids(call, "comp_id"));
    if !every && wanted.is_empty() && !on(call, "get_amp_props") {
        return Value::Null;
    }
    let members = |name: &str| person.get(name).and_then(Value::as_object);
    let mut props = Map::new();
    if on(call, "get_amp_props") {
        props.extend(members("amp_props").cloned().unwrap_or_default());
    }
    let has = members("computations");
    let all = has.into_iter().flatten().map(|(id, _)| id.as_str());
    for id in all.filter(|_| every).chain(wanted) {
        let name = people.computation(id).unwrap_or(id);
        let value = has.and_then(|has| has.get(id)).map(|computation| {
            let named = computation.get("value");
            named.unwrap_or(computation).clone()
        });
        props.insert(name.to_owned(), value.unwrap_or_default());
    }
    Value::Object(props)
}

/// An element for each asked id that there is; null if there is none.
fn recommendations(call: &Call, person: &Map<String, Value>) -> Value {
    // An older guide sends `rec_id` alone.
    if call.query("get_recs").is_some_and(|flag| flag != "true") {
        return Value::Null;
    }
    let known = person.get("recommendations").and_then(Value::as_array);
    let find = |id: &str| known?.iter().find(|item| item["rec_id"] == id).cloned();
    let mut found: Vec<Value> = ids(call, "rec_id").into_iter().filter_map(find).collect();
    // What a random choice would be is not known here: the items stay.
    let source = call
        .query("rec_type")
        .filter(|kind| ["model", "random"].contains(kind));
    if let Some(source) = source {
        for item in &mut found {
            item["is_control"] = json!(source == "random");
            item["recommendation_source"] = json!(source);
        }
    }
    if found.is_empty() {
        Value::Null
    } else {
        json!(found)
    }
}

/// Kept as `"predictions": {"id": {"score": 0.5, "pct": 83}}`.
fn propensities(call: &Call, person: &Map<String, Value>) -> Vec<Value> {
    let kind = call
        .query("propensity_type")
        .filter(|kind| *kind == "pct")
        .unwrap_or("score");
    let known = person.get("predictions").and_then(Value::as_object);
    let find = |id: &str| {
        let value = known?.get(id)?.get(kind)?;
        Some(json!({"prop": value, "pred_id": id, "prop_type": kind}))
    };
    ids(call, "prediction_id")
        .into_iter()
        .filter_map(find)
        .collect()
}
