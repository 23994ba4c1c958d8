//! A person's line of `profiles.jsonl`, and what may be wrong with it. It must not keep anything.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde_json::{Map, Value};

use crate::sandbox::Error;

/// Names the first id.
pub(crate) const USER: &str = "user_id";
/// Names the other.
pub(crate) const DEVICE: &str = "device_id";
/// Of a line that cannot be read.
pub(crate) const NOT_JSON: &str = "not a JSON object";

/// Hands every line over, and says which one is wrong.
pub(crate) fn read(
    path: &Path,
    mut each: impl FnMut(usize, &[u8]) -> Result<(), String>,
) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let length: io::Result<usize> = reader.read_until(b'\n', &mut line);
        if length.map_err(Error::file(path))? == 0 {
            break;
        }
        each(number, &line).map_err(|problem| Error::Content {
            path: path.to_owned(),
            line: Some(number),
            problem,
        })?;
    }
    Ok(())
}

/// Reads a person: a `userData` object, and `computations` by id, each a value or `{"name", "value"}`.
pub(crate) fn check(line: &str) -> Result<Map<String, Value>, String> {
    let Ok(Value::Object(person)) = line.parse() else {
        return Err(NOT_JSON.to_owned());
    };
    let given = |name: &str| person.get(name).filter(|value| !value.is_null());
    let wrong = |name: &str, wanted: &str| Err(format!("`{name}` is not {wanted}"));
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    for name in [USER, DEVICE] {
        if given(name).is_some_and(|id| !text(id)) {
            return wrong(name, "a text");
        }
    }
    if given(USER).or_else(|| given(DEVICE)).is_none() {
        return Err("neither a `user_id` nor a `device_id`".to_owned());
    }
    for name in ["amp_props", "computations", "predictions"] {
        if given(name).is_some_and(|value| !value.is_object()) {
            return wrong(name, "an object");
        }
    }
    for name in ["recommendations", "cohort_ids"] {
        if given(name).is_some_and(|value| !value.is_array()) {
            return wrong(name, "an array");
        }
    }
    let items = |name: &str| given(name).and_then(Value::as_array).into_iter().flatten();
    if !items("recommendations").all(|item| text(&item["rec_id"])) {
        return Err("a recommendation without a `rec_id`".to_owned());
    }
    if !items("cohort_ids").all(text) {
        return Err("a cohort id that is no text".to_owned());
    }
    // Values arrive as texts, whatever they are (amplitude.md 5).
    let value = |value: &Value| value.is_null() || value.is_string();
    let computations = given("computations").and_then(Value::as_object);
    for (id, computation) in computations.into_iter().flatten() {
        let named = text(&computation["name"]) && value(&computation["value"]);
        if !named && !value(computation) {
            return wrong(
                &format!("computations.{id}"),
                "a text or {\"name\": \"…\", \"value\": \"…\"}",
            );
        }
    }
    Ok(person)
}
