//! `POST /users/merge` (braze.md 10.3 and 10.4): the one that stays gets what it lacks. It must not take anybody away.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

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

const NEEDS: Needs = Needs {
    key: Key::Bearer("users.merge"),
    area: Area::Identity,
    body: true,
};
/// Merges of one request.
const MOST: usize = 50;
const GOES: &str = "identifier_to_merge";
const STAYS: &str = "identifier_to_keep";
/// Fields that are merged (braze.md 10.3). Aliases, devices, push tokens and subscriptions are not listed there.
const FILLED: [&str; 13] = [
    "first_name",
    "last_name",
    "email",
    "gender",
    "dob",
    "phone",
    "time_zone",
    "home_city",
    "country",
    "language",
    "apps",
    "campaigns_received",
    "canvases_received",
];

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/merge", post(merge));
}

fn merge(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| accept(app, call, body))
}

fn accept(app: &App, call: &Call, body: &Value) -> Response {
    if let Err(problem) = check(&body["merge_updates"]) {
        return refused(400, problem);
    }
    let now = app.now();
    let mut store = hold(&app.braze.store);
    if app.world.append(kind::MERGE, now, &call.body).is_err() {
        return refused(500, "Internal Server Error");
    }
    store.merge(body, now);
    reply(202, &json!({"message": "success"}))
}

fn check(updates: &Value) -> Result<(), &'static str> {
    let objects = updates
        .as_array()
        .filter(|updates| updates.iter().all(Value::is_object))
        .ok_or("'merge_updates' must be an array of objects")?;
    if objects.len() > MOST {
        return Err("a single request may not contain more than 50 merge updates");
    }
    for update in objects.iter().filter_map(Value::as_object) {
        if update.len() != 2 || !update.contains_key(GOES) || !update.contains_key(STAYS) {
            return Err(
                "'merge_updates' must only have 'identifier_to_merge' and 'identifier_to_keep'",
            );
        }
        if !update.values().all(names_somebody) {
            return Err(
                "identifiers must be objects with an 'external_id' property that is a string, 'user_alias' property \
                 that is an object, 'email' property that is a string, or 'phone' property that is a string",
            );
        }
    }
    Ok(())
}

fn names_somebody(identifier: &Value) -> bool {
    let shared = identifier["email"].is_string() || identifier["phone"].is_string();
    identifier["external_id"].is_string()
        || identifier["user_alias"].is_object()
        || shared && prioritized(identifier)
}

/// Tells whether an email or a phone says which of several people is meant: it is required (braze.md 10.4).
pub(crate) fn prioritized(item: &Value) -> bool {
    const WORDS: [&str; 4] = [
        "identified",
        "unidentified",
        "most_recently_updated",
        "least_recently_updated",
    ];
    let listed = item["prioritization"].as_array();
    listed.is_some_and(|listed| {
        let known = |word: &Value| WORDS.iter().any(|known| word == known);
        let sides = listed
            .iter()
            .filter(|word| WORDS[..2].iter().any(|side| *word == side));
        listed.iter().all(known) && sides.count() <= 1
    })
}

/// Returns whom an email or a phone means by its prioritization: nobody if several are left.
pub(crate) fn chosen(people: &People, item: &Value) -> Option<u32> {
    let who = match (item["email"].as_str(), item["phone"].as_str()) {
        (Some(email), _) => Who::Email(email),
        (None, phone) => Who::Phone(phone?),
    };
    let mut left: Vec<u32> = people.all(&who).collect();
    for word in item["prioritization"].as_array()? {
        let by_time = |profile: &u32| people.standing(*profile).0;
        match word.as_str()? {
            "identified" => left.retain(|profile| people.standing(*profile).1),
            "unidentified" => left.retain(|profile| !people.standing(*profile).1),
            "most_recently_updated" => {
                left = left.into_iter().max_by_key(by_time).into_iter().collect();
            }
            _ => left = left.into_iter().min_by_key(by_time).into_iter().collect(),
        }
    }
    match left[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn named(people: &People, identifier: &Value) -> Option<u32> {
    if let Some(id) = identifier["external_id"].as_str() {
        return people.find(&Who::External(id));
    }
    match identifier.get("user_alias") {
        Some(pair) => people.find(&objects::alias(pair, "alias_name")?),
        None => chosen(people, identifier),
    }
}

/// Gives the one that stays what it lacks, and returns the one that goes; none, and nothing happened, where either is
/// not there or both are one.
pub(crate) fn apply(people: &mut People, update: &Value, now: Timestamp) -> Option<u32> {
    let goes = named(people, &update[GOES])?;
    let stays = named(people, &update[STAYS]).filter(|stays| *stays != goes)?;
    let (from, to) = (people.shown(goes), people.shown(stays));
    people.touch(stays, now);
    for name in FILLED {
        if let (Some(value), None) = (from.get(name), to.get(name)) {
            people.set(stays, Place::Field(name), Some(value));
        }
    }
    let custom = |of: &Map<String, Value>| of.get("custom_attributes")?.as_object().cloned();
    let kept = custom(&to).unwrap_or_default();
    for (name, value) in custom(&from).unwrap_or_default() {
        if !kept.contains_key(&name) {
            people.set(stays, Place::Custom(&name), Some(&value));
        }
    }
    for list in ["custom_events", "purchases"] {
        if let Some(Value::Array(more)) = from.get(list) {
            let sum = summed(to.get(list), more);
            people.set(stays, Place::Field(list), Some(&sum));
        }
    }
    let revenue = |of: &Map<String, Value>| of.get("total_revenue")?.as_f64();
    if let Some(more) = revenue(&from) {
        let sum = json!(more + revenue(&to).unwrap_or_default());
        people.set(stays, Place::Field("total_revenue"), Some(&sum));
    }
    Some(goes)
}

/// Adds up what happened to both: counts are summed, the first is the earlier one, the last the later one.
fn summed(known: Option<&Value>, more: &[Value]) -> Value {
    let mut sum = known.and_then(Value::as_array).cloned().unwrap_or_default();
    for item in more {
        let Some(same) = sum.iter_mut().find(|known| known["name"] == item["name"]) else {
            sum.push(item.clone());
            continue;
        };
        let count = |item: &Value| item["count"].as_u64().unwrap_or_default();
        same["count"] = json!(count(same) + count(item));
        if item["first"].as_str() < same["first"].as_str() {
            same["first"] = item["first"].clone();
        }
        if item["last"].as_str() > same["last"].as_str() {
            same["last"] = item["last"].clone();
        }
    }
    Value::Array(sum)
}
