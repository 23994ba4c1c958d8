//! What a property of an event or a purchase of Braze may hold (braze.md 7.4, 7.5). Braze refuses the whole event for some
//! of it and drops the rest without a word, so a property that breaks a rule is left out here and counted; the event goes.
//!
//! A null is no value and is left out as if it were not there, also inside an object. A text of more than 255 characters,
//! an array with null or a date in it, an object with a name Braze does not take, and a number it does not hold cost the
//! property. Where all together are too large, the largest go first.

use serde_json::{Map, Value, value::RawValue};

use crate::braze::{self, LARGEST, LONGEST_TEXT};

/// Bytes of all properties of a purchase. Braze says 50 KB; this is the smaller reading.
const LARGEST_OF_PURCHASE: usize = 50_000;

/// Properties that Braze refuses in an event, since they are its own.
pub(in crate::kinds) const RESERVED: [&str; 2] = ["time", "event_name"];
/// The same of a purchase; `units` is what a quantity is called that Braze cannot hold.
pub(in crate::kinds) const RESERVED_OF_PURCHASE: [&str; 7] = [
    "time",
    "product_id",
    "quantity",
    "event_name",
    "price",
    "currency",
    UNITS,
];
/// The property that holds the quantity of a purchase of more than one that is sent as one.
pub(super) const UNITS: &str = "units";

/// Returns whether Braze takes a name of a property: 1 to 255 letters, the first of them not `$`.
pub(in crate::kinds) fn names(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LONGEST_TEXT && !name.starts_with('$')
}

/// Reads a value as Braze takes it; none of null, and a reason where Braze would not take it.
pub(super) fn value(raw: &RawValue) -> Result<Option<Value>, &'static str> {
    // What is no value here is one of too many digits, or too deep.
    let value: Value = serde_json::from_str(raw.get()).map_err(|_| "number_too_large")?;
    fitting(value)
}

fn fitting(value: Value) -> Result<Option<Value>, &'static str> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| {
                if item
                    .as_str()
                    .is_some_and(|text| braze::time(text).is_some())
                {
                    return Err("date_in_array");
                }
                fitting(item)?.ok_or("null_in_array")
            });
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut kept = Map::new();
            for (name, value) in map {
                if !names(&name) {
                    return Err("bad_nested_name");
                }
                if let Some(value) = fitting(value)? {
                    kept.insert(name, value);
                }
            }
            Value::Object(kept)
        }
        plain => {
            braze::fits(&plain).map_err(braze::Unfit::word)?;
            plain
        }
    }))
}

/// Leaves the largest properties out until all are small enough for Braze. Returns how many were.
pub(super) fn shrink(properties: &mut Map<String, Value>, purchase: bool) -> usize {
    let most = if purchase {
        LARGEST_OF_PURCHASE
    } else {
        LARGEST
    };
    let mut left_out = 0;
    // Most are far too small to be written out twice.
    while length(properties) > most {
        let size = |(name, value): &(&String, &Value)| name.len() + value.to_string().len();
        let Some(name) = properties
            .iter()
            .max_by_key(size)
            .map(|(name, _)| name.clone())
        else {
            break;
        };
        properties.shift_remove(&name);
        left_out += 1;
    }
    left_out
}

fn length(properties: &Map<String, Value>) -> usize {
    let plain = |value: &Value| match value {
        Value::String(text) => text.len() < 1024,
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    };
    if properties.len() < 10 && properties.values().all(plain) {
        return 0;
    }
    serde_json::to_vec(properties).map_or(usize::MAX, |written| written.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Option<Value>, &'static str> {
        value(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn what_is_kept_and_why_the_rest_is_not() {
        let (long, longest) = ("x".repeat(256), "é".repeat(255));
        for (text, wanted) in [
            ("null", Ok(None)),
            ("true", Ok(Some(json!(true)))),
            ("14.97", Ok(Some(json!(14.97)))),
            (&format!("\"{longest}\""), Ok(Some(json!(longest)))),
            (&format!("\"{long}\""), Err("text_too_long")),
            ("\"2026-11-01\"", Ok(Some(json!("2026-11-01")))),
            (
                "[1, \"a\", {\"b\": 2}]",
                Ok(Some(json!([1, "a", {"b": 2}]))),
            ),
            ("[\"2026-11-01\"]", Err("date_in_array")),
            ("[[\"2026-11-01 08:00:00\"]]", Err("date_in_array")),
            (
                "{\"at\": \"2026-11-01\"}",
                Ok(Some(json!({"at": "2026-11-01"}))),
            ),
            ("[1, null]", Err("null_in_array")),
            (
                "{\"a\": null, \"b\": {\"c\": null}}",
                Ok(Some(json!({"b": {}}))),
            ),
            ("{\"$a\": 1}", Err("bad_nested_name")),
            ("{\"\": 1}", Err("bad_nested_name")),
            ("{\"a b.c\": 1}", Ok(Some(json!({"a b.c": 1})))),
            (&format!("[{{\"a\": \"{long}\"}}]"), Err("text_too_long")),
            ("18446744073709551615", Err("number_too_large")),
            ("1e999", Err("number_too_large")),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_largest_go_until_the_rest_fits() {
        let of = |bytes: usize| json!(vec!["x".repeat(250); bytes / 253]);
        let all = json!({"a": of(30_000), "b": of(40_000), "c": of(35_000), "d": 1});
        let keep = |purchase| {
            let mut properties = all.as_object().unwrap().clone();
            let left_out = shrink(&mut properties, purchase);
            let names: Vec<String> = properties.keys().cloned().collect();
            (left_out, names.join(""))
        };
        assert_eq!(keep(false), (1, "acd".to_owned()));
        assert_eq!(keep(true), (2, "ad".to_owned()));
    }
}
