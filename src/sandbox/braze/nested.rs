//! Nested custom attributes: objects and arrays of objects with their operators (braze.md 7.3). Pure: it must not know
//! whose attribute it is.

use serde_json::{Map, Value};

use super::{
    attributes::{LONGEST_TEXT, only},
    times::is_time,
};

/// Tells whether a write is one to a nested attribute, and if so, whether all of it may be there.
pub(crate) fn update(new: &Value) -> Option<bool> {
    match new {
        Value::Array(items) => items.iter().any(Value::is_object).then(|| valid(new)),
        Value::Object(map) if only(map, &["inc"]) || only(map, &["add", "remove"]) => None,
        Value::Object(map) if only(map, &["$add", "$remove", "$update"]) => {
            let given = |name: &str| {
                map.get(name)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            };
            let changed = given("$update").map(|which| &which["$new_object"]);
            let good = given("$add").all(valid)
                && changed.into_iter().all(|new| new.is_object() && valid(new));
            Some(good)
        }
        // A time stands inside an object.
        Value::Object(map) => Some(!map.contains_key("$time") && valid(new)),
        _ => None,
    }
}

/// Tells whether everything in a nested value may be there: one bad value drops all of it.
fn valid(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => text.chars().count() <= LONGEST_TEXT,
        Value::Array(items) => items.iter().all(valid),
        Value::Object(map) if map.contains_key("$time") => {
            map.len() == 1 && map["$time"].as_str().is_some_and(is_time)
        }
        Value::Object(map) => map.iter().all(|(key, value)| {
            key.chars().count() <= LONGEST_TEXT && !key.contains(['.', '$', ' ']) && valid(value)
        }),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Merges an object into what was there, deeply.
pub(crate) fn merged(base: Option<Value>, new: &Map<String, Value>) -> Value {
    let mut object = match base {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    for (key, value) in new {
        let value = match (object.remove(key), value) {
            (Some(old @ Value::Object(_)), Value::Object(inner))
                if !inner.contains_key("$time") =>
            {
                merged(Some(old), inner)
            }
            _ => value.clone(),
        };
        object.insert(key.clone(), value);
    }
    Value::Object(object)
}

/// Applies valid operators: `$add`, then `$remove`, then `$update` to an array of objects; a point a key updated.
pub(crate) fn operate(
    operators: &Map<String, Value>,
    merge: bool,
    old: Option<Value>,
) -> (Value, u64) {
    let mut items = match old {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let mut points = 0;
    let given = |name: &str| {
        operators
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    for item in given("$add") {
        points += item.as_object().map_or(1, Map::len) as u64;
        items.push(item.clone());
    }
    for which in given("$remove") {
        items.retain(|item| !matches(item, which));
        points += 1;
    }
    for which in given("$update") {
        let Some(new) = which["$new_object"].as_object() else {
            continue;
        };
        points += new.len() as u64;
        for item in items.iter_mut().filter(|item| matches(item, which)) {
            *item = merged(merge.then(|| item.take()), new);
        }
    }
    (Value::Array(items), points)
}

fn matches(item: &Value, which: &Value) -> bool {
    let key = which["$identifier_key"].as_str().unwrap_or_default();
    item.get(key)
        .is_some_and(|value| *value == which["$identifier_value"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_in_their_order() {
        let old = json!([{"id": 1, "type": "cat"}, {"id": 4, "breed": "x", "type": "fish"}]);
        let operators = json!({
            "$update": [{"$identifier_key": "id", "$identifier_value": 4, "$new_object": {"breed": "goldfish"}}],
            "$remove": [{"$identifier_key": "id", "$identifier_value": 1}, {"$identifier_key": "id", "$identifier_value": 3}],
            "$add": [{"id": 3, "type": "dog"}, {"id": 5}],
        });
        let run = |merge| operate(operators.as_object().unwrap(), merge, Some(old.clone()));
        assert_eq!(
            run(true),
            (
                json!([{"id": 4, "type": "fish", "breed": "goldfish"}, {"id": 5}]),
                6
            )
        );
        assert_eq!(run(false).0, json!([{"breed": "goldfish"}, {"id": 5}]));
    }

    #[test]
    fn merges_deeply() {
        let old = json!({"a": {"x": 1, "y": 2}, "b": 1});
        let new = json!({"a": {"y": 3}, "c": 4});
        assert_eq!(
            merged(Some(old), new.as_object().unwrap()),
            json!({"b": 1, "a": {"x": 1, "y": 3}, "c": 4})
        );
    }
}
