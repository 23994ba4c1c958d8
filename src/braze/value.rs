//! What a custom attribute of Braze can hold, and what writing it costs (braze.md 7.3 and 21). Braze drops or bends what
//! it cannot hold and says success, so this is asked before sending. It must not change a value.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::time::{time, utc};

/// Letters of a text, and of a key in an object; longer ones are not applied.
pub const LONGEST_TEXT: usize = 255;
/// Elements of an array of scalars; more push the first ones out.
pub const LONGEST_ARRAY: usize = 500;
/// Bytes of an array or an object as JSON. Braze says 100 KB; this is the smaller reading.
pub const LARGEST: usize = 100_000;

/// Why Braze could not hold a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unfit {
    /// A text is longer than 255 characters.
    TextTooLong,
    /// An array or object is larger than 100 KB.
    TooLarge,
    /// An array has more than 500 elements.
    ArrayTooLong,
    /// An array holds null, an array, or objects beside other things.
    BadElement,
    /// An object holds null or a malformed time: Braze would drop the whole attribute.
    BadNestedValue,
    /// A key of an object is longer than 255 characters, or has a space, `.` or `$` in it.
    BadNestedName,
    /// An object reads as what Braze is to do: `{"add": …}`, `{"remove": …}`, `{"inc": …}`.
    Instruction,
    /// A time before the year 0 or after 3000: Braze would keep a text.
    TimeOutOfRange,
    /// A whole number that 64 bits do not hold, or one with more digits than a number keeps.
    NumberTooLarge,
}

impl Unfit {
    /// Returns the word for machines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TextTooLong => "text_too_long",
            Self::TooLarge => "too_large",
            Self::ArrayTooLong => "array_too_long",
            Self::BadElement => "bad_element",
            Self::BadNestedValue => "bad_nested_value",
            Self::BadNestedName => "bad_nested_name",
            Self::Instruction => "instruction",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::NumberTooLarge => "number_too_large",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TextTooLong => "longer than 255 characters",
            Self::TooLarge => "larger than 100 KB",
            Self::ArrayTooLong => "more than 500 elements",
            Self::BadElement => {
                "an array of other things than texts, numbers and booleans, or objects"
            }
            Self::BadNestedValue => "null or a malformed time in an object",
            Self::BadNestedName => "a key with a space, `.` or `$`, or longer than 255 characters",
            Self::Instruction => "an object that Braze would take as an instruction",
            Self::TimeOutOfRange => "a time before the year 0 or after 3000",
            Self::NumberTooLarge => "more digits than a number keeps",
        })
    }
}

/// Returns whether Braze holds a value as it is. Of equal elements of an array it keeps one; null takes the attribute away.
pub fn fits(value: &Value) -> Result<(), Unfit> {
    match value {
        Value::Null | Value::Bool(_) => return Ok(()),
        Value::Number(one) => return number(one),
        Value::String(one) => return text(one),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                object(item.as_object().ok_or(Unfit::BadElement)?)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Bool(_) => {}
                    Value::Number(one) => number(one)?,
                    Value::String(one) => text(one)?,
                    Value::Null | Value::Array(_) | Value::Object(_) => {
                        return Err(Unfit::BadElement);
                    }
                }
            }
            if items.len() > LONGEST_ARRAY {
                return Err(Unfit::ArrayTooLong);
            }
        }
        Value::Object(map) => {
            let keys = |known: &[&str]| map.keys().all(|key| known.contains(&key.as_str()));
            if !map.is_empty() && (keys(&["add", "remove"]) || keys(&["inc"])) {
                return Err(Unfit::Instruction);
            }
            object(map)?;
        }
    }
    if value.to_string().len() > LARGEST {
        return Err(Unfit::TooLarge);
    }
    Ok(())
}

fn text(text: &str) -> Result<(), Unfit> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(Unfit::TextTooLong);
    }
    Ok(())
}

/// No page of Braze says how large a number may be; what 64 bits hold arrives as it was sent.
fn number(number: &Number) -> Result<(), Unfit> {
    let large = |float: f64| float.fract() == 0.0 && float.abs() >= 9_223_372_036_854_775_808.0;
    if number.as_i64().is_none() && (number.is_u64() || number.as_f64().is_some_and(large)) {
        return Err(Unfit::NumberTooLarge);
    }
    Ok(())
}

fn object(map: &Map<String, Value>) -> Result<(), Unfit> {
    for (key, value) in map {
        let fits = key.chars().count() <= LONGEST_TEXT
            && !key.contains(|letter: char| letter.is_whitespace() || matches!(letter, '.' | '$'));
        if !fits {
            return Err(Unfit::BadNestedName);
        }
        nested(value)?;
    }
    Ok(())
}

fn nested(value: &Value) -> Result<(), Unfit> {
    match value {
        Value::Null => Err(Unfit::BadNestedValue),
        Value::Bool(_) => Ok(()),
        Value::Number(one) => number(one),
        Value::String(one) => text(one),
        Value::Array(items) => items.iter().try_for_each(nested),
        Value::Object(map) if map.contains_key("$time") => {
            let moment = map["$time"].as_str().filter(|_| map.len() == 1);
            let moment = moment.and_then(time).ok_or(Unfit::BadNestedValue)?;
            utc(moment).map(|_| ())
        }
        Value::Object(map) => object(map),
    }
}

/// Returns the data points of writing a value: one, but of an object one a key, and of objects one a key of each.
pub fn data_points(value: &Value) -> u64 {
    let keys = match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_object)
            .map(Map::len)
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    };
    keys.max(1) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_braze_holds() {
        let long = |letters: usize| "ä".repeat(letters);
        let many = |many: usize| (0..many).collect::<Vec<_>>();
        let large = |bytes: usize| {
            // Each text stands in quotes and after a comma, but for the first, and all in brackets under a key.
            let texts = vec!["x".repeat(197); bytes / 200];
            json!({"k": texts})
        };
        let held = |value: Value| (value, None);
        let not = |value: Value, why: Unfit| (value, Some(why));
        for (value, why) in [
            held(json!(null)),
            held(json!(true)),
            held(json!("")),
            held(json!(long(255))),
            not(json!(long(256)), Unfit::TextTooLong),
            held(json!(i64::MIN)),
            held(json!(0.5)),
            not(json!(u64::MAX), Unfit::NumberTooLarge),
            not(json!(1e300), Unfit::NumberTooLarge),
            held(json!([])),
            held(json!(["a", 1, 1.5, true])),
            held(json!(many(500))),
            not(json!(many(501)), Unfit::ArrayTooLong),
            not(json!([1, null]), Unfit::BadElement),
            not(json!([[1]]), Unfit::BadElement),
            not(json!([{"a": 1}, 1]), Unfit::BadElement),
            not(json!([long(256)]), Unfit::TextTooLong),
            not(json!([u64::MAX]), Unfit::NumberTooLarge),
            held(json!({})),
            held(json!({"a": {"b": [1, {"c": "d"}]}})),
            held(json!([{"a": 1}, {"b": 2}])),
            held(json!(vec![json!({"a": 1}); 501])),
            not(json!({"a": null}), Unfit::BadNestedValue),
            not(json!([{"a": [null]}]), Unfit::BadNestedValue),
            not(json!({"a": long(256)}), Unfit::TextTooLong),
            not(json!({long(256): 1}), Unfit::BadNestedName),
            not(json!({"a b": 1}), Unfit::BadNestedName),
            not(json!({"a": {"b.c": 1}}), Unfit::BadNestedName),
            not(json!({"$a": 1}), Unfit::BadNestedName),
            held(json!({"born": {"$time": "1980-01-01"}})),
            not(json!({"born": {"$time": "soon"}}), Unfit::BadNestedValue),
            not(json!({"born": {"$time": null}}), Unfit::BadNestedValue),
            not(
                json!({"born": {"$time": "1980-01-01", "a": 1}}),
                Unfit::BadNestedValue,
            ),
            not(
                json!({"born": {"$time": "3001-01-01"}}),
                Unfit::TimeOutOfRange,
            ),
            not(json!({"$time": "1980-01-01"}), Unfit::BadNestedName),
            not(json!({"add": ["a"]}), Unfit::Instruction),
            not(json!({"add": ["a"], "remove": ["b"]}), Unfit::Instruction),
            not(json!({"inc": 1}), Unfit::Instruction),
            held(json!({"inc": 1, "add": 2})),
            held(large(99_800)),
            not(large(100_200), Unfit::TooLarge),
        ] {
            let told: String = value.to_string().chars().take(80).collect();
            assert_eq!(fits(&value).err(), why, "{told}");
        }
    }

    #[test]
    fn what_a_value_costs() {
        for (value, points) in [
            (json!(null), 1),
            (json!("a"), 1),
            (json!(["a", "b"]), 1),
            (json!([]), 1),
            (json!({}), 1),
            (json!({"a": {"b": 1, "c": 2}, "d": 3}), 2),
            (json!([{"a": 1, "b": 2}, {"a": 1}]), 3),
        ] {
            assert_eq!(data_points(&value), points, "{value}");
        }
    }
}
