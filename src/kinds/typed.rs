//! What a value of Amplitude becomes on its way to Braze. Pure, and the same for the same text: equal values are written
//! the same, so that nothing is sent for another way to write it. It must not guess where a type is given.

mod number;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use jiff::Timestamp;
use serde_json::{Map, Value, value::RawValue};

use self::number::Digits;
use super::values::As;
use crate::braze::{self, LONGEST_ARRAY, Unfit};

/// What became of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// A value that Braze holds as it is.
    Value(Value),
    /// There is none.
    Empty,
    /// It cannot be sent.
    Unfit(Why),
}

/// Why a value cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Not a number.
    NotANumber,
    /// Not a whole number.
    NotAnInteger,
    /// Not true or false.
    NotABoolean,
    /// Not a time in one of the forms.
    NotATime,
    /// Not a list.
    NotAnArray,
    /// Not an object.
    NotAnObject,
    /// Braze could not hold it.
    Braze(Unfit),
}

impl Why {
    /// Returns the word for machines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::NotAnInteger => "not_an_integer",
            Self::NotABoolean => "not_a_boolean",
            Self::NotATime => "not_a_time",
            Self::NotAnArray => "not_an_array",
            Self::NotAnObject => "not_an_object",
            Self::Braze(unfit) => unfit.word(),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a number",
            Self::NotAnInteger => "not a whole number",
            Self::NotABoolean => "neither true nor false",
            Self::NotATime => "not a time",
            Self::NotAnArray => "not a list",
            Self::NotAnObject => "not an object",
            Self::Braze(unfit) => return unfit.fmt(f),
        })
    }
}

/// Returns what a text becomes.
pub fn text(text: &str, kind: As) -> Typed {
    if text.is_empty() {
        return Typed::Empty;
    }
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    let value = match kind {
        As::String => Ok(text.into()),
        As::Number => number(trimmed, Why::NotANumber),
        As::Integer => match number::digits(trimmed) {
            Some(Digits::Fraction(_)) => Err(Why::NotAnInteger),
            _ => number(trimmed, Why::NotAnInteger),
        },
        As::Boolean => boolean(trimmed).ok_or(Why::NotABoolean),
        As::Time => match braze::time(trimmed) {
            Some(moment) => return time(moment),
            None => Err(Why::NotATime),
        },
        As::Array => structure(trimmed, Why::NotAnArray),
        As::Object => structure(trimmed, Why::NotAnObject),
        As::Auto => auto(text, trimmed),
    };
    fitting(match (kind, value) {
        (As::Array, Ok(Value::Object(map))) if !map.is_empty() => Err(Why::NotAnArray),
        (As::Object, Ok(Value::Array(items))) if !items.is_empty() => Err(Why::NotAnObject),
        (_, value) => value,
    })
}

/// Returns what the items of a recommendation become: the first `limit` of them, each once.
pub fn items(items: &Value, limit: Option<u32>) -> Typed {
    if items.is_null() {
        return Typed::Empty;
    }
    fitting(match structure(&items.to_string(), Why::NotAnArray) {
        Ok(Value::Array(items)) if items.iter().any(Value::is_object) => {
            Err(Why::Braze(Unfit::BadElement))
        }
        Ok(Value::Array(mut items)) => {
            // The best come first, and Braze holds no more.
            items.truncate(limit.map_or(LONGEST_ARRAY, |limit| limit as usize));
            Ok(Value::Array(items))
        }
        Ok(_) => Err(Why::NotAnArray),
        Err(why) => Err(why),
    })
}

/// Returns what seconds since 1970 become: a time.
pub fn moment(seconds: &Value) -> Typed {
    if seconds.is_null() {
        return Typed::Empty;
    }
    let whole = seconds.as_i64();
    let exact = whole.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let rough = || {
        let seconds = seconds.as_f64().filter(|_| whole.is_none())?;
        Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
    };
    exact
        .or_else(rough)
        .map_or(Typed::Unfit(Why::NotATime), time)
}

fn fitting(value: Result<Value, Why>) -> Typed {
    match value {
        Err(why) => Typed::Unfit(why),
        // An export of Braze cannot tell these from an attribute that is not there.
        Ok(Value::Array(items)) if items.is_empty() => Typed::Empty,
        Ok(Value::Object(map)) if map.is_empty() => Typed::Empty,
        Ok(value) => match braze::fits(&value) {
            Ok(()) => Typed::Value(value),
            Err(unfit) => Typed::Unfit(Why::Braze(unfit)),
        },
    }
}

fn number(text: &str, otherwise: Why) -> Result<Value, Why> {
    let digits = number::digits(text).ok_or(otherwise)?;
    digits.value().ok_or(Why::Braze(Unfit::NumberTooLarge))
}

fn boolean(text: &str) -> Option<Value> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("1") {
        Some(true.into())
    } else if is("false") || is("0") {
        Some(false.into())
    } else {
        None
    }
}

fn time(moment: Timestamp) -> Typed {
    match braze::utc(moment) {
        Ok(text) => Typed::Value(text.into()),
        Err(unfit) => Typed::Unfit(Why::Braze(unfit)),
    }
}

/// Digits of a number that is one beyond doubt; an id has more.
const SURE: usize = 15;

fn auto(text: &str, trimmed: &str) -> Result<Value, Why> {
    let plain = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.');
    let sure = text.chars().all(plain)
        && text.bytes().filter(u8::is_ascii_digit).count() <= SURE
        && number::digits(text).is_some();
    match text {
        "true" => Ok(true.into()),
        "false" => Ok(false.into()),
        _ if sure => number(text, Why::NotANumber),
        _ if trimmed.starts_with(['[', '{']) => match structure(trimmed, Why::NotAnObject) {
            // In brackets, and still no JSON.
            Err(Why::NotAnObject) => Ok(text.into()),
            known => known,
        },
        _ => Ok(text.into()),
    }
}

/// Reads a list or an object. Of a list of scalars equal ones stay once.
fn structure(text: &str, otherwise: Why) -> Result<Value, Why> {
    if !text.starts_with(['[', '{']) {
        return Err(otherwise);
    }
    Ok(match read(text, DEEPEST, otherwise)? {
        Value::Array(items) if !items.iter().any(Value::is_object) => Value::Array(once(items)),
        value => value,
    })
}

/// Levels of lists and objects in each other.
const DEEPEST: u32 = 100;

/// Reads JSON with its numbers and times in the one way to write them, and keys in order.
fn read(text: &str, levels: u32, otherwise: Why) -> Result<Value, Why> {
    let levels = levels.checked_sub(1).ok_or(otherwise)?;
    let inner = |raw: &RawValue| read(raw.get(), levels, otherwise);
    let broken = |_| otherwise;
    match text.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(broken)?;
            let items: Result<_, _> = items.iter().map(|item| inner(item)).collect();
            Ok(Value::Array(items?))
        }
        Some(b'{') => {
            let members: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(text).map_err(broken)?;
            let mut map = Map::new();
            for (key, raw) in &members {
                map.insert(key.clone(), inner(raw)?);
            }
            let moment = map.get("$time").and_then(Value::as_str);
            let moment = moment.and_then(braze::time).map(braze::utc);
            if let Some(Ok(moment)) = moment {
                map.insert("$time".to_owned(), moment.into());
            }
            Ok(Value::Object(map))
        }
        Some(b'-' | b'0'..=b'9') => number(text, otherwise),
        _ => serde_json::from_str(text).map_err(broken),
    }
}

fn once(items: Vec<Value>) -> Vec<Value> {
    let mut seen = HashSet::with_capacity(items.len());
    let fresh = items.into_iter().filter(|item| seen.insert(item.clone()));
    fresh.collect()
}
