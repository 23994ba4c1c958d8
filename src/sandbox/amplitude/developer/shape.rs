//! What a destination may look like: the members of a body, and what its type takes (amplitude.md 14). It must not change one.

use serde_json::{Map, Value};

use super::{
    catalogue::{KINDS, STREAMS},
    problem::{Errors, Problem},
};

/// What a body may name, beside `partner` where a destination is made.
pub(crate) const WRITABLE: [&str; 8] = [
    "display_name",
    "kind",
    "config",
    "enabled",
    "event_filter",
    "property_mappings",
    "send_events",
    "send_users",
];

/// Checks the members of a body: their names and types, and those that a new destination needs.
pub(crate) fn body(body: &Map<String, Value>, new: bool) -> Result<(), Problem> {
    let mut errors = Errors::default();
    for (name, value) in body {
        let wrong = match name.as_str() {
            "partner" if new => wanted(value.is_string(), "must be a string"),
            "display_name" => wanted(
                value.as_str().is_some_and(|text| !text.is_empty()),
                "must be a string of at least one character",
            ),
            "kind" => wanted(
                kinds(value),
                "must be an array of at least one connector kind",
            ),
            "config" => wanted(value.is_object(), "must be an object"),
            "property_mappings" => wanted(
                value.is_object() || (!new && value.is_null()),
                "must be an object",
            ),
            "event_filter" if !new && value.is_null() => None,
            "event_filter" => wanted(filter(value), "must name at least one of `events`"),
            "enabled" | "send_events" | "send_users" => {
                wanted(value.is_boolean(), "must be true or false")
            }
            "dry_run" => Some("is a query parameter"),
            _ => Some("is not a member of the request"),
        };
        if let Some(message) = wrong {
            errors.add(name, "invalid", message);
        }
    }
    for name in ["partner", "display_name"] {
        if new && !body.contains_key(name) {
            errors.add(name, "required", "is required");
        }
    }
    errors.into_result(400, "validation_failed")
}

fn wanted(good: bool, message: &'static str) -> Option<&'static str> {
    (!good).then_some(message)
}

fn kinds(value: &Value) -> bool {
    let kinds = value.as_array().filter(|kinds| !kinds.is_empty());
    kinds.is_some_and(|kinds| {
        let known = |kind: &Value| kind.as_str().is_some_and(|kind| KINDS.contains(&kind));
        kinds.iter().all(known)
    })
}

fn filter(value: &Value) -> bool {
    let texts = |names: &Vec<Value>| !names.is_empty() && names.iter().all(Value::is_string);
    let known = ["events", "property_filters"];
    value.as_object().is_some_and(|filter| {
        let events = filter.get("events").and_then(Value::as_array);
        let properties = filter.get("property_filters").is_none_or(Value::is_object);
        let named = filter.keys().all(|name| known.contains(&name.as_str()));
        events.is_some_and(texts) && properties && named
    })
}

/// Returns the kinds of a destination.
pub(crate) fn kinds_of(destination: &Map<String, Value>) -> Vec<&str> {
    let kinds = destination.get("kind").and_then(Value::as_array);
    kinds
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Tells whether a destination streams, rather than being an account to sync to.
pub(crate) fn streams(destination: &Map<String, Value>) -> bool {
    kinds_of(destination)
        .iter()
        .any(|kind| STREAMS.contains(kind))
}

/// Checks a whole destination against its type.
pub(crate) fn fits(destination: &Map<String, Value>, of: &Value) -> Result<(), Problem> {
    let mut errors = Errors::default();
    let kinds = kinds_of(destination);
    let families = [
        kinds.iter().any(|kind| STREAMS.contains(kind)),
        kinds.contains(&"cohort"),
        kinds.contains(&"warehouse_export"),
    ];
    if families.iter().filter(|family| **family).count() > 1 {
        errors.add(
            "kind",
            "invalid",
            "a subset of event and identify, or cohort, or warehouse_export",
        );
    }
    let types = of["types"].as_array().into_iter().flatten();
    let types: Vec<&str> = types.filter_map(Value::as_str).collect();
    for kind in kinds.iter().filter(|kind| !types.contains(kind)) {
        errors.add(
            "kind",
            "not_in_schema",
            format!("the partner has no `{kind}`"),
        );
    }
    for name in [
        "event_filter",
        "property_mappings",
        "send_events",
        "send_users",
    ] {
        let set = destination
            .get(name)
            .is_some_and(|value| !value.is_null() && *value != false);
        if set && !streams(destination) {
            errors.add(name, "event_streaming_only", "is for event streaming only");
        }
    }
    config(destination, of, &mut errors);
    errors.into_result(422, "not_in_schema")
}

fn config(destination: &Map<String, Value>, of: &Value, errors: &mut Errors) {
    let empty = Map::new();
    let config = destination
        .get("config")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let parameters = of["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for (id, value) in config {
        let field = format!("config.{id}");
        let Some(parameter) = parameters.iter().find(|known| known["id"] == id.as_str()) else {
            errors.add(&field, "not_in_schema", "the partner has no such parameter");
            continue;
        };
        let good = match parameter["kind"].as_str().unwrap_or_default() {
            "string" | "secret" => value.as_str().is_some_and(|text| !text.is_empty()),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "enum" => {
                let known = parameter["enum_values"].as_array();
                known.is_some_and(|known| known.contains(value))
            }
            _ => value.is_object(),
        };
        if !good {
            let kind = parameter["kind"].as_str().unwrap_or_default();
            errors.add(&field, "invalid", format!("is no value of kind {kind}"));
        }
    }
    for parameter in parameters
        .iter()
        .filter(|parameter| parameter["required"] == true)
    {
        let id = parameter["id"].as_str().unwrap_or_default();
        if !config.contains_key(id) {
            errors.add(&format!("config.{id}"), "required", "is required");
        }
    }
}
