//! What a custom attribute becomes when it is written, and what that costs (braze.md 7.3 and 21). Pure: it must not
//! know whose attribute it is.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::{definitions::Rule, nested};

/// Longer strings are silently not applied (braze.md 7.3).
pub(crate) const LONGEST_TEXT: usize = 255;
/// Of one nested object or array (braze.md 3).
const LARGEST: usize = 100 * 1024;

/// What becomes of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The write is dropped; the call still succeeds.
    Dropped,
    /// The attribute is gone.
    Removed,
    /// The attribute has this value.
    Set(Value),
}

/// Returns the outcome of a write, and its data points.
///
/// An array update is one data point a call and attribute, even if nothing changes. "Adding values one by one: 1 per
/// value" is read as that same rule seen from many calls: `{"add": ["a", "b"], "remove": ["c"]}` is one update, one
/// point. What is dropped was not recorded and costs nothing.
pub(crate) fn write(
    new: &Value,
    merge: bool,
    rule: Rule,
    old: impl FnOnce() -> Option<Value>,
) -> (Outcome, u64) {
    let taken = rule.fixed.is_none_or(|kind| kind.takes(new));
    if !taken || nested::update(new) == Some(false) {
        return (Outcome::Dropped, 0);
    }
    let capped = |items| capped(items, rule.longest);
    let (outcome, points) = match new {
        Value::Null => return (Outcome::Removed, 1),
        Value::String(text) if text.chars().count() > LONGEST_TEXT => return (Outcome::Dropped, 0),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => (Some(new.clone()), 1),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let keys = items
                .iter()
                .filter_map(Value::as_object)
                .map(Map::len)
                .sum::<usize>();
            (Some(new.clone()), keys as u64)
        }
        Value::Array(items) => (Some(Value::Array(capped(unique(items)))), 1),
        Value::Object(map) if only(map, &["inc"]) => (increased(&map["inc"], old()), 1),
        Value::Object(map) if only(map, &["add", "remove"]) => {
            (Some(Value::Array(capped(updated(map, old())))), 1)
        }
        Value::Object(map) if only(map, &["$add", "$remove", "$update"]) => {
            let (value, points) = nested::operate(map, merge, old());
            (Some(value), points)
        }
        Value::Object(map) => {
            let base = if merge { old() } else { None };
            (Some(nested::merged(base, map)), map.len() as u64)
        }
    };
    match outcome {
        Some(value) if !too_large(&value) => {
            // An export cannot tell an empty array from no attribute: "absent means null or empty" (braze.md 11).
            let outcome = if value == json!([]) {
                Outcome::Removed
            } else {
                Outcome::Set(value)
            };
            (outcome, points)
        }
        _ => (Outcome::Dropped, 0),
    }
}

/// Tells whether an object has these members and no other: an operation.
pub(crate) fn only(map: &Map<String, Value>, keys: &[&str]) -> bool {
    !map.is_empty() && map.keys().all(|key| keys.contains(&key.as_str()))
}

fn too_large(value: &Value) -> bool {
    (value.is_array() || value.is_object()) && value.to_string().len() > LARGEST
}

/// Keeps each value once, in order. A text that is too long is not applied; the others are: what becomes of them is not
/// documented.
fn unique(items: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        let long = item
            .as_str()
            .is_some_and(|text| text.chars().count() > LONGEST_TEXT);
        if !long && !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

fn capped(mut items: Vec<Value>, longest: usize) -> Vec<Value> {
    let excess = items.len().saturating_sub(longest);
    items.drain(..excess);
    items
}

/// Adds at the end, moving what is there already; then removes. Which comes first is not documented for scalars: this
/// is the order of the array-of-objects operators. Only what is left may be too long. An attribute of another kind counts as no array.
fn updated(map: &Map<String, Value>, old: Option<Value>) -> Vec<Value> {
    let mut items = match old {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let named = |key: &str| match map.get(key) {
        Some(Value::Array(values)) => unique(values),
        Some(Value::Null) | None => Vec::new(),
        Some(value) => vec![value.clone()],
    };
    let added = named("add");
    items.retain(|item| !added.contains(item));
    items.extend(added);
    let removed = named("remove");
    items.retain(|item| !removed.contains(item));
    items
}

fn increased(by: &Value, old: Option<Value>) -> Option<Value> {
    let by = by.as_i64()?;
    match old {
        None => Some(json!(by)),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(whole) => Some(json!(whole.saturating_add(by))),
            None => Some(json!(number.as_f64()? + by as f64)),
        },
        Some(_) => None,
    }
}
