//! What an answer to a batch of events says of each (amplitude.md 7.2 to 7.4). It sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Delivery;
use crate::{amplitude::wire::error_text, http::Answer};

/// What to do about keys that are refused.
const KEY: &str = "amplitude.api_key must be of the project, and of the region configured";
/// What to do about an answer that is not of Amplitude.
const STRANGER: &str =
    "this is not how Amplitude answers: look for a proxy or a gateway in between";

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// All were taken.
    Taken,
    /// It was too much at once.
    TooLarge,
    /// None was taken, for some of them.
    Some(Named),
    /// None was taken, for something in it that is not named.
    Unnamed(String),
    /// Another request would meet the same.
    Stop {
        text: String,
        /// What to do.
        hint: Option<&'static str>,
        /// Whether they may have been taken all the same.
        maybe: bool,
    },
}

/// Events of a request, by their places in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Something is wrong with them.
    pub(super) refused: BTreeMap<usize, String>,
    /// Their user or device sent too much within seconds.
    pub(super) slow: BTreeSet<usize>,
    /// Their user or device sent too much within a day.
    pub(super) over: BTreeSet<usize>,
}

/// A refusal. Maps of events go from a field to places; maps of users and devices from ids to numbers.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error: Value,
    missing_field: Value,
    events_with_invalid_fields: Value,
    events_with_missing_fields: Value,
    events_with_invalid_id_lengths: Value,
    silenced_events: Value,
    silenced_devices: Value,
    throttled_events: Value,
    throttled_users: Value,
    throttled_devices: Value,
    exceeded_daily_quota_users: Value,
    exceeded_daily_quota_devices: Value,
}

/// Whom an event is of.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Person {
    user_id: Option<String>,
    device_id: Option<String>,
}

/// Whether a refusal names events, users or devices that sent too much.
pub(super) fn names_some(body: &[u8]) -> bool {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let lists = [
        &refusal.throttled_events,
        &refusal.silenced_events,
        &refusal.throttled_users,
        &refusal.throttled_devices,
        &refusal.exceeded_daily_quota_users,
        &refusal.exceeded_daily_quota_devices,
    ];
    lists.into_iter().any(|list| !is_empty(list))
}

/// Reads an answer to a request of a group of events.
pub(super) fn said(answer: &Answer, events: &[Delivery<'_>], group: &[usize]) -> Said {
    let stop = |hint, maybe| Said::Stop {
        text: format!("status {} {}", answer.status, words(&answer.body)),
        hint,
        maybe,
    };
    match answer.status {
        200 => {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            if body["code"] == 200 {
                Said::Taken
            } else {
                stop(None, true)
            }
        }
        // Other successes are not documented.
        201..=299 => stop(None, true),
        413 => Said::TooLarge,
        400 if !is_own(&answer.body) => stop(Some(STRANGER), answer.doubts > 0),
        400 | 429 => refusal(answer, events, group).unwrap_or_else(|| {
            let hint = (answer.status == 400).then_some(KEY);
            stop(hint, answer.doubts > 0)
        }),
        401 | 403 => stop(Some(KEY), answer.doubts > 0),
        _ => stop(None, answer.doubts > 0),
    }
}

/// Whether a refusal is worded as Amplitude does: somebody in between says nothing of events.
fn is_own(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"].is_string() || body["code"].is_number()
}

/// Reads a refusal; none where it is of the request as such: the key, the path.
fn refusal(answer: &Answer, events: &[Delivery<'_>], group: &[usize]) -> Option<Said> {
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = refusal.error.as_str().unwrap_or_default();
    let mut named = Named::default();
    for (fields, what) in [
        (&refusal.events_with_invalid_fields, "invalid"),
        (&refusal.events_with_missing_fields, "missing"),
        (&refusal.events_with_invalid_id_lengths, "too short:"),
    ] {
        for (field, list) in fields.as_object().into_iter().flatten() {
            for place in places(list, group) {
                let reason = format!("{what} {field}");
                named
                    .refused
                    .entry(place)
                    .and_modify(|before| {
                        before.push_str(", ");
                        before.push_str(&reason);
                    })
                    .or_insert(reason);
            }
        }
    }
    let silent = |named: &mut Named, place| {
        let reason = "events of this device are silenced".to_owned();
        named.refused.entry(place).or_insert(reason);
    };
    for place in places(&refusal.silenced_events, group) {
        silent(&mut named, place);
    }
    named.slow.extend(places(&refusal.throttled_events, group));
    let people = [
        &refusal.silenced_devices,
        &refusal.throttled_users,
        &refusal.throttled_devices,
        &refusal.exceeded_daily_quota_users,
        &refusal.exceeded_daily_quota_devices,
    ];
    if people.into_iter().any(|list| !is_empty(list)) {
        for (place, at) in group.iter().enumerate() {
            let person = person(&events[*at]);
            let user = person.user_id.as_deref();
            let device = person.device_id.as_deref();
            if holds(&refusal.silenced_devices, device) {
                silent(&mut named, place);
            }
            if holds(&refusal.exceeded_daily_quota_users, user)
                || holds(&refusal.exceeded_daily_quota_devices, device)
            {
                named.over.insert(place);
            }
            if holds(&refusal.throttled_users, user) || holds(&refusal.throttled_devices, device) {
                named.slow.insert(place);
            }
        }
    }
    if named != Named::default() {
        return Some(Said::Some(named));
    }
    // What a request lacks as such, no event has.
    let whole = ["Invalid API key", "Invalid request path"];
    let of_all = whole.iter().any(|words| error.starts_with(words))
        || refusal.missing_field == "api_key"
        || answer.status == 429;
    (!of_all).then(|| Said::Unnamed(words(&answer.body)))
}

/// The words of an answer; a JSON body without any may name people, so nothing is said of it.
fn words(body: &[u8]) -> String {
    let text = error_text(body);
    if text.trim_start().starts_with(['{', '[']) {
        "without a word".to_owned()
    } else {
        text
    }
}

/// Places that a list names, as far as there are such.
fn places(list: &Value, group: &[usize]) -> Vec<usize> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_u64)
        .filter_map(|place| usize::try_from(place).ok())
        .filter(|place| *place < group.len())
        .collect()
}

/// Whether a map, or a list, of ids holds one.
fn holds(ids: &Value, id: Option<&str>) -> bool {
    let Some(id) = id else { return false };
    match ids {
        Value::Object(ids) => ids.contains_key(id),
        Value::Array(ids) => ids.iter().any(|one| one == id),
        _ => false,
    }
}

fn is_empty(list: &Value) -> bool {
    match list {
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => true,
    }
}

fn person(event: &Delivery<'_>) -> Person {
    serde_json::from_str(event.body).unwrap_or_default()
}

/// Every id by which an event names somebody.
pub(super) fn ids(event: &Delivery<'_>) -> Vec<String> {
    let Person { user_id, device_id } = person(event);
    let key = Some(event.key.to_owned());
    [user_id, device_id, key].into_iter().flatten().collect()
}
