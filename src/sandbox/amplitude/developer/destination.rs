//! One destination: as it is made, as it is kept, as it is shown (amplitude.md 14). It must not decide who may see it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    catalogue,
    changes::{merged, secrets},
    shape::{kinds_of, streams},
};

/// In the order in which they are shown.
const MEMBERS: [&str; 19] = [
    "id",
    "object",
    "project_id",
    "partner",
    "display_name",
    "kind",
    "config",
    "credential_status",
    "version",
    "enabled",
    "paused",
    "event_filter",
    "property_mappings",
    "send_events",
    "send_users",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
];

/// Only streams have these.
const STREAMING: [&str; 5] = [
    "paused",
    "event_filter",
    "property_mappings",
    "send_events",
    "send_users",
];

const SOMEBODY: &str = "sandbox@example.com";

/// Fills what nobody said: a new destination is enabled, and a stream sends what its kinds say.
pub(crate) fn complete(
    given: &Map<String, Value>,
    id: &str,
    project: &str,
    now: Timestamp,
) -> Map<String, Value> {
    let (kinds, now) = (kinds_of(given), now.to_string());
    let whole = json!({
        "id": id, "object": "destination", "project_id": project, "partner": "", "display_name": id, "kind": kinds,
        "config": {}, "credential_status": "connected", "version": 1, "enabled": true, "paused": false,
        "event_filter": null, "property_mappings": null, "send_events": kinds.contains(&"event"),
        "send_users": kinds.contains(&"identify"), "created_at": now, "updated_at": now, "created_by": SOMEBODY,
        "updated_by": SOMEBODY,
    });
    let mut whole = whole.as_object().cloned().unwrap_or_default();
    for (name, value) in given.iter().filter(|(name, _)| *name != "id") {
        whole.insert(name.clone(), value.clone());
    }
    whole
}

/// Notes a change: the next version, by somebody, now, with credentials that were tried anew.
pub(crate) fn changed(destination: &mut Map<String, Value>, now: Timestamp) {
    let version = destination.get("version").and_then(Value::as_u64);
    destination.insert("version".to_owned(), json!(version.unwrap_or_default() + 1));
    destination.insert("updated_at".to_owned(), json!(now.to_string()));
    destination.insert("updated_by".to_owned(), json!(SOMEBODY));
}

/// Says whether the partner takes its credentials: those with `wrong` in them it does not.
pub(crate) fn tried(destination: &mut Map<String, Value>) {
    let status = if wrong(destination) {
        "disconnected"
    } else {
        "connected"
    };
    destination.insert("credential_status".to_owned(), json!(status));
}

/// Tells whether a secret contains `wrong`.
pub(crate) fn wrong(destination: &Map<String, Value>) -> bool {
    let of = type_of(destination);
    secrets(&of).any(|id| {
        let secret = destination
            .get("config")
            .and_then(|config| config[id].as_str());
        secret.is_some_and(|secret| secret.contains("wrong"))
    })
}

/// Returns its type; null for a partner that is not in the catalogue.
pub(crate) fn type_of(destination: &Map<String, Value>) -> Value {
    let partner = destination.get("partner").and_then(Value::as_str);
    partner.and_then(catalogue::find).unwrap_or_default()
}

/// Shows it without its secrets, and what streams only if it is one.
pub(crate) fn shown(destination: &Map<String, Value>) -> Value {
    let (of, stream) = (type_of(destination), streams(destination));
    let mut shown = Map::new();
    for name in MEMBERS
        .iter()
        .filter(|name| stream || !STREAMING.contains(name))
    {
        let value = destination.get(*name).cloned().unwrap_or_default();
        shown.insert((*name).to_owned(), value);
    }
    if let Some(config) = shown.get_mut("config").and_then(Value::as_object_mut) {
        for id in secrets(&of) {
            config.shift_remove(id);
        }
    }
    Value::Object(shown)
}

/// Changes or makes a destination behind everybody's back.
pub(crate) fn put(
    all: &mut Vec<Map<String, Value>>,
    id: &str,
    named: &Map<String, Value>,
    project: &str,
    now: Timestamp,
) {
    let known = all
        .iter_mut()
        .find(|known| known.get("id").is_some_and(|known| known == id));
    let Some(known) = known else {
        all.push(complete(named, id, project, now));
        return;
    };
    let mut named = named.clone();
    named.shift_remove("id");
    *known = merged(known, &named);
    if !named.contains_key("version") {
        changed(known, now);
    }
}
