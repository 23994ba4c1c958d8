//! `POST /users/track` (braze.md 6.3 and 7). It must not decide what a value becomes: `attributes.rs` does.

use std::{borrow::Cow, collections::HashSet};

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    attributes::{self, Outcome},
    fields,
    gate::{Key, Needs, pass, refused},
    happenings, nested,
    objects::{Batch, Object, Who},
    people::People,
    profile::Place,
    rates::Area,
    store::Store,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, post},
    world::kind,
};

const NEEDS: Needs = Needs {
    key: Key::Bearer("users.track"),
    area: Area::Track,
    body: true,
};
const NOTHING_VALID: &str =
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/track", post(track));
}

fn track(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| accept(app, call, body))
}

fn accept(app: &App, call: &Call, body: &Value) -> Response {
    let Some(mut batch) = Batch::read(body) else {
        return refused(400, "Max Input Length Exceeded");
    };
    if app.options.error_codes {
        batch.encode_errors();
    }
    if batch.len() == 0 {
        let mut answer = json!({"message": NOTHING_VALID});
        if !batch.errors.is_empty() {
            answer["errors"] = json!(batch.errors);
        }
        return reply(400, &answer);
    }
    let now = app.now();
    let points = {
        let mut store = hold(&app.braze.store);
        // Written down under the lock: the log has the order in which the world changed.
        if app.world.append(kind::TRACK, now, &call.body).is_err() {
            return refused(500, "Internal Server Error");
        }
        apply(&mut store, &batch, now)
    };
    {
        let mut stats = hold(&app.stats);
        stats.data_points += points;
        stats.objects += batch.len() as u64;
    }
    reply(201, &answer(&batch))
}

/// A counter is there only when objects of its array were accepted (braze.md 7.6).
fn answer(batch: &Batch<'_>) -> Value {
    let mut answer = json!({"message": "success"});
    let counters = [
        ("attributes_processed", &batch.attributes),
        ("events_processed", &batch.events),
        ("purchases_processed", &batch.purchases),
    ];
    for (name, objects) in counters
        .into_iter()
        .filter(|(_, objects)| !objects.is_empty())
    {
        answer[name] = json!(objects.len());
    }
    if !batch.errors.is_empty() {
        answer["errors"] = json!(batch.errors);
    }
    answer
}

/// Applies the valid objects of a request and returns their data points. Attributes come first (braze.md 7.1).
pub(crate) fn apply(store: &mut Store, batch: &Batch<'_>, now: Timestamp) -> u64 {
    let mut points = 0;
    let spoiled = spoiled(&batch.attributes);
    for object in &batch.attributes {
        if let Some(profile) = profile(&mut store.people, object, now) {
            // Where it says who, it is no attribute, and costs nothing.
            let identifier = match object.who {
                Who::Email(_) => Some("email"),
                Who::Phone(_) => Some("phone"),
                _ => None,
            };
            let members = unspoiled(object.members, &spoiled);
            points += write_attributes(&mut store.people, profile, &members, identifier);
        }
    }
    for (objects, name, list, purchase) in [
        (&batch.events, "name", "custom_events", false),
        (&batch.purchases, "product_id", "purchases", true),
    ] {
        for object in objects {
            let line = Value::Object(object.members.clone()).to_string();
            store.happenings.push((purchase, line.into()));
            if let Some(profile) = profile(&mut store.people, object, now) {
                let place = Place::Field(list);
                let known = store.people.value(profile, place);
                let (known, cost) = happenings::recorded(known, object.members, name, now);
                store.people.set(profile, place, Some(&known));
                points += cost;
            }
        }
    }
    points
}

/// Names the nested attributes that got a bad value anywhere in a request: it "drops all nested updates of that attribute
/// in the request" (braze.md 7.3).
fn spoiled<'a>(objects: &[Object<'a>]) -> HashSet<&'a str> {
    let members = objects.iter().flat_map(|object| object.members);
    let bad = members.filter(|(_, value)| nested::update(value) == Some(false));
    bad.map(|(name, _)| name.trim()).collect()
}

/// Leaves out what another object spoiled.
fn unspoiled<'a>(
    members: &'a Map<String, Value>,
    spoiled: &HashSet<&str>,
) -> Cow<'a, Map<String, Value>> {
    if spoiled.is_empty() {
        return Cow::Borrowed(members);
    }
    let mut members = members.clone();
    members.retain(|name, value| {
        let custom = fields::reserved(name).is_none() && !fields::CONTROL.contains(&name.as_str());
        !(custom && spoiled.contains(name.trim()) && nested::update(value).is_some())
    });
    Cow::Owned(members)
}

/// Finds whom an object writes to, creating the profile where it may; none: the object is accepted and does nothing.
fn profile(people: &mut People, object: &Object<'_>, now: Timestamp) -> Option<u32> {
    if let Some(profile) = people.find(&object.who) {
        people.touch(profile, now);
        return Some(profile);
    }
    object.may_create.then(|| people.create(&object.who, now))
}

/// Writes an attributes object: reserved fields and custom attributes together, but for the one that identifies.
pub(crate) fn write_attributes(
    people: &mut People,
    profile: u32,
    members: &Map<String, Value>,
    identifier: Option<&str>,
) -> u64 {
    let merge = members.get("_merge_objects") == Some(&Value::Bool(true));
    let mut points = 0;
    for (name, value) in members {
        if fields::CONTROL.contains(&name.as_str()) || identifier == Some(name) {
            continue;
        }
        let Some(billed) = fields::reserved(name) else {
            points += write_one(people, profile, name, value, merge);
            continue;
        };
        if let Some((name, value)) = fields::kept(name, value) {
            let value = Some(&value).filter(|value| !value.is_null());
            people.set(profile, Place::Field(name), value);
            points += u64::from(billed);
        }
    }
    points
}

/// Writes custom attributes, whatever their names.
pub(crate) fn write_custom(
    people: &mut People,
    profile: u32,
    custom: &Map<String, Value>,
    merge: bool,
) -> u64 {
    custom
        .iter()
        .map(|(name, value)| write_one(people, profile, name, value, merge))
        .sum()
}

fn write_one(people: &mut People, profile: u32, name: &str, value: &Value, merge: bool) -> u64 {
    // Names are exact, but for the spaces around them (braze.md 7.2).
    let name = name.trim();
    let (place, rule) = (Place::Custom(name), people.definitions.rule(name));
    let (outcome, points) = attributes::write(value, merge, rule, || people.value(profile, place));
    match outcome {
        Outcome::Set(value) => people.set(profile, place, Some(&value)),
        Outcome::Removed => people.set(profile, place, None),
        Outcome::Dropped => {}
    }
    points
}
