//! What a custom attribute becomes when it is written, and what that costs (braze.md 7.3 and 21). Pure: it must not
//! know whose attribute it is.

use serde_json::{Map, Value, json};

use super::nested;

/// Longer strings are silently not applied (braze.md 7.3).
pub(crate) const LONGEST_TEXT: usize = 255;
/// Overflow drops the oldest element (braze.md 7.3).
const LONGEST_ARRAY: usize = 500;
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
    old: impl FnOnce() -> Option<Value>,
) -> (Outcome, u64) {
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
            (nested::valid(new).then(|| new.clone()), keys as u64)
        }
        Value::Array(items) => (Some(Value::Array(capped(unique(items)))), 1),
        Value::Object(map) if only(map, &["inc"]) => (increased(&map["inc"], old()), 1),
        Value::Object(map) if only(map, &["add", "remove"]) => {
            (Some(Value::Array(updated(map, old()))), 1)
        }
        Value::Object(map) if only(map, &["$add", "$remove", "$update"]) => {
            nested::operate(map, merge, old())
        }
        Value::Object(_) if !nested::valid(new) => (None, 0),
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

fn only(map: &Map<String, Value>, keys: &[&str]) -> bool {
    !map.is_empty() && map.keys().all(|key| keys.contains(&key.as_str()))
}

fn too_large(value: &Value) -> bool {
    (value.is_array() || value.is_object()) && value.to_string().len() > LARGEST
}

fn unique(items: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

fn capped(mut items: Vec<Value>) -> Vec<Value> {
    let excess = items.len().saturating_sub(LONGEST_ARRAY);
    items.drain(..excess);
    items
}

/// Adds at the end, moving what is there already; then removes. Which comes first is not documented for scalars: this
/// is the order of the array-of-objects operators. An attribute of another kind counts as no array.
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
    capped(items)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn the_table_of_writes() {
        let set = |value: Value| Outcome::Set(value);
        let none = Value::Null;
        let cases: Vec<(&str, Value, Value, Outcome, u64)> = vec![
            ("scalar", none.clone(), json!("x"), set(json!("x")), 1),
            (
                "empty string stays",
                json!("x"),
                json!(""),
                set(json!("")),
                1,
            ),
            (
                "null removes",
                json!("x"),
                none.clone(),
                Outcome::Removed,
                1,
            ),
            (
                "false is a value",
                json!(true),
                json!(false),
                set(json!(false)),
                1,
            ),
            (
                "255 characters fit",
                none.clone(),
                json!("é".repeat(255)),
                set(json!("é".repeat(255))),
                1,
            ),
            (
                "256 do not",
                json!("x"),
                json!("é".repeat(256)),
                Outcome::Dropped,
                0,
            ),
            (
                "array is unique, in order",
                none.clone(),
                json!(["b", "a", "b"]),
                set(json!(["b", "a"])),
                1,
            ),
            (
                "add appends",
                json!(["a"]),
                json!({"add": ["b", "c"]}),
                set(json!(["a", "b", "c"])),
                1,
            ),
            (
                "add moves to the end",
                json!(["a", "b"]),
                json!({"add": ["a"]}),
                set(json!(["b", "a"])),
                1,
            ),
            (
                "add to nothing",
                none.clone(),
                json!({"add": ["a", "a"]}),
                set(json!(["a"])),
                1,
            ),
            (
                "remove",
                json!(["a", "b"]),
                json!({"remove": ["a", "z"]}),
                set(json!(["b"])),
                1,
            ),
            (
                "remove the last",
                json!(["a"]),
                json!({"remove": ["a"]}),
                Outcome::Removed,
                1,
            ),
            (
                "remove from nothing still costs",
                none.clone(),
                json!({"remove": ["a"]}),
                Outcome::Removed,
                1,
            ),
            (
                "both",
                json!(["a", "b"]),
                json!({"add": ["c"], "remove": ["a"]}),
                set(json!(["b", "c"])),
                1,
            ),
            ("inc", json!(4), json!({"inc": 3}), set(json!(7)), 1),
            (
                "inc of nothing",
                none.clone(),
                json!({"inc": -2}),
                set(json!(-2)),
                1,
            ),
            (
                "inc of text",
                json!("x"),
                json!({"inc": 1}),
                Outcome::Dropped,
                0,
            ),
            (
                "object: a point a key",
                none.clone(),
                json!({"a": 1, "b": {"c": 2}}),
                set(json!({"a": 1, "b": {"c": 2}})),
                2,
            ),
            (
                "object replaces",
                json!({"x": 1}),
                json!({"a": 1}),
                set(json!({"a": 1})),
                1,
            ),
            (
                "a null inside drops it all",
                json!({"x": 1}),
                json!({"a": null}),
                Outcome::Dropped,
                0,
            ),
            (
                "a dotted key drops it all",
                none.clone(),
                json!({"a.b": 1}),
                Outcome::Dropped,
                0,
            ),
            (
                "too large",
                none,
                json!({"a": (0..9000).map(|n| format!("value-{n}")).collect::<Vec<_>>()}),
                Outcome::Dropped,
                0,
            ),
        ];
        for (name, old, new, outcome, points) in cases {
            let old = Some(old).filter(|old| !old.is_null());
            assert_eq!(write(&new, false, || old), (outcome, points), "{name}");
        }
    }

    #[test]
    fn overflow_drops_the_oldest() {
        let old: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let (outcome, _) = write(&json!({"add": ["new"]}), false, || Some(json!(old)));
        let Outcome::Set(Value::Array(items)) = outcome else {
            panic!()
        };
        assert_eq!(
            (items.len(), &items[0], &items[499]),
            (500, &json!("1"), &json!("new"))
        );
    }
}
