//! What a write makes of a destination, and how that is told (amplitude.md 14). It must not keep or refuse anything.

use serde_json::{Map, Value, json};

use super::{catalogue, shape::WRITABLE};

/// In place of what is never shown.
const HIDDEN: &str = "********";

/// Sets the named members; of `config` the named parameters, null taking one away.
pub(crate) fn merged(
    before: &Map<String, Value>,
    named: &Map<String, Value>,
) -> Map<String, Value> {
    let mut after = before.clone();
    for (name, value) in named {
        match (name.as_str(), value) {
            ("config", Value::Object(parameters)) => {
                let config = after.entry("config").or_insert_with(|| json!({}));
                for (id, value) in parameters {
                    match (config.as_object_mut(), value) {
                        (Some(config), Value::Null) => drop(config.shift_remove(id)),
                        (Some(config), value) => drop(config.insert(id.clone(), value.clone())),
                        (None, _) => {}
                    }
                }
            }
            _ => drop(after.insert(name.clone(), value.clone())),
        }
    }
    after
}

/// Returns what differs: `{"display_name": {"from", "to"}, "config.app_id": …}`.
pub(crate) fn diff(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    of: &Value,
) -> Map<String, Value> {
    let value = |side: &Map<String, Value>, name: &str| side.get(name).cloned().unwrap_or_default();
    let mut diff = Map::new();
    for name in ["partner"]
        .iter()
        .chain(&WRITABLE)
        .filter(|name| **name != "config")
    {
        let (from, to) = (value(before, name), value(after, name));
        if from != to {
            diff.insert((*name).to_owned(), json!({"from": from, "to": to}));
        }
    }
    let config = |side: &Map<String, Value>| {
        let config = side.get("config").and_then(Value::as_object);
        config.cloned().unwrap_or_default()
    };
    let (from, to) = (config(before), config(after));
    let gone = from.keys().filter(|id| !to.contains_key(*id));
    for id in to.keys().chain(gone) {
        let (from, to) = (value(&from, id), value(&to, id));
        if from != to {
            let hidden = secrets(of).any(|secret| secret == id);
            let told = |value: Value| {
                if hidden && !value.is_null() {
                    json!(HIDDEN)
                } else {
                    value
                }
            };
            diff.insert(
                format!("config.{id}"),
                json!({"from": told(from), "to": told(to)}),
            );
        }
    }
    diff
}

/// Returns the ids of parameters that are never shown.
pub(crate) fn secrets(of: &Value) -> impl Iterator<Item = &str> {
    let parameters = of["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| catalogue::secret(parameter))
        .filter_map(|parameter| parameter["id"].as_str())
}
