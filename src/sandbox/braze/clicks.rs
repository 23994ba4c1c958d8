//! Segments as a file lists them, and what a person does to them in the dashboard: no call of the API can (braze.md 22).
//! It must not answer a request, or read who is in one.

use std::path::Path;

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value, json};

use super::audience::filter_of;
use crate::sandbox::{Error, world};

/// What a segment may hold: members of the list and of the details, then what the service does not show.
const MEMBERS: [&str; 12] = [
    "id",
    "name",
    "analytics_tracking_enabled",
    "tags",
    "created_at",
    "updated_at",
    "description",
    "text_description",
    "teams",
    "archived",
    "filter",
    "sizes",
];
/// Those that make a new version of the segment when they are set.
const EDITS: [&str; 7] = [
    "name",
    "analytics_tracking_enabled",
    "tags",
    "description",
    "text_description",
    "teams",
    "filter",
];

/// Reads a file of segments, `{"segments": […]}` or the bare array; one that is not there has none.
pub(crate) fn load_segments(path: &Path) -> Result<Vec<Value>, Error> {
    let segments = listed(world::read_json(path)?.unwrap_or_default());
    for segment in &segments {
        checked(segment).map_err(|problem| Error::Content {
            path: path.to_owned(),
            line: None,
            problem: format!("segment {}: {problem}", segment["name"]),
        })?;
    }
    Ok(segments)
}

/// Takes segments as `{"segments": […]}` or as the bare array.
pub(super) fn listed(mut file: Value) -> Vec<Value> {
    let list = if file.is_array() {
        file
    } else {
        file["segments"].take()
    };
    match list {
        Value::Array(segments) => segments,
        _ => Vec::new(),
    }
}

/// Checks what only the sandbox reads; the rest is shown as it is.
fn checked(segment: &Value) -> Result<(), String> {
    let members = segment.as_object().ok_or("not an object")?;
    filter_of(members)?;
    let sizes = match members.get("sizes") {
        None | Some(Value::Null) => return Ok(()),
        Some(sizes) => sizes.as_object(),
    };
    let good = |(day, size): (&String, &Value)| day.parse::<Date>().is_ok() && size.is_u64();
    if sizes.is_some_and(|sizes| sizes.iter().all(good)) {
        Ok(())
    } else {
        Err("`sizes` is an object of days and numbers: {\"2026-01-31\": 1200}".to_owned())
    }
}

/// Does what somebody clicks, `{"segments": […], "replace": true}`, all of it or nothing, and returns the segments after it
/// and `{"id", "name"}` of those that were touched.
pub(crate) fn click(
    known: &[Value],
    told: &Value,
    now: Timestamp,
) -> Result<(Vec<Value>, Vec<Value>), String> {
    let edits = told["segments"]
        .as_array()
        .ok_or("wanted {\"segments\": […]}")?;
    let mut segments = if told["replace"] == true {
        Vec::new()
    } else {
        known.to_vec()
    };
    let mut touched = Vec::new();
    for edit in edits {
        let problem = |problem: String| format!("segment {edit}: {problem}");
        let place = one(&mut segments, edit, now).map_err(problem)?;
        let segment = match place {
            Some(place) => &segments[place],
            None => edit,
        };
        touched.push(json!({"id": segment["id"], "name": segment["name"]}));
    }
    Ok((segments, touched))
}

/// Makes, changes or removes one segment, and returns its place; none if it was removed.
fn one(segments: &mut Vec<Value>, edit: &Value, now: Timestamp) -> Result<Option<usize>, String> {
    let members = edit.as_object().ok_or("not an object")?;
    let unknown = members
        .keys()
        .find(|name| *name != "deleted" && !MEMBERS.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(format!("a segment has no `{name}`"));
    }
    let place = find(segments, members)?;
    if members
        .get("deleted")
        .is_some_and(|deleted| *deleted == true)
    {
        let place = place.ok_or("there is none to delete")?;
        segments.remove(place);
        return Ok(None);
    }
    let mut segment = match place {
        Some(place) => segments[place].as_object().cloned().unwrap_or_default(),
        None => made(members, now)?,
    };
    let edited = |(name, value): (&String, &Value)| {
        let found = name == "name" && segment.get(name) == Some(value);
        EDITS.contains(&name.as_str()) && !found
    };
    if place.is_some() && members.iter().any(edited) {
        segment.insert("updated_at".to_owned(), json!(written(now)));
    }
    // What describes a filter goes with it.
    if members.contains_key("filter") {
        segment.shift_remove("description");
    }
    for (name, value) in members.iter().filter(|(name, _)| *name != "deleted") {
        if value.is_null() {
            segment.shift_remove(name);
        } else {
            segment.insert(name.clone(), value.clone());
        }
    }
    let segment = Value::Object(segment);
    checked(&segment)?;
    let place = place.unwrap_or(segments.len());
    if place == segments.len() {
        segments.push(segment);
    } else {
        segments[place] = segment;
    }
    Ok(Some(place))
}

/// Finds the segment meant: by its id, else by its name, one that is not archived first.
fn find(segments: &[Value], edit: &Map<String, Value>) -> Result<Option<usize>, String> {
    if let Some(id) = edit.get("id") {
        let id = id.as_str().filter(|id| !id.is_empty());
        let id = id.ok_or("`id` is a text")?;
        return Ok(segments.iter().position(|segment| segment["id"] == id));
    }
    let name = edit.get("name").ok_or("wanted an `id` or a `name`")?;
    let named = || (0..segments.len()).filter(|place| segments[*place]["name"] == *name);
    let listed = named().find(|place| segments[*place]["archived"] != true);
    Ok(listed.or_else(|| named().next()))
}

/// Returns a new segment without its members.
fn made(members: &Map<String, Value>, now: Timestamp) -> Result<Map<String, Value>, String> {
    let name = members.get("name").and_then(Value::as_str);
    if name.is_none_or(str::is_empty) {
        return Err("a new one has a name".to_owned());
    }
    let at = written(now);
    let new = json!({
        "id": uuid(), "name": null, "analytics_tracking_enabled": true, "tags": [], "created_at": at,
        "updated_at": at, "text_description": "", "teams": [],
    });
    Ok(new.as_object().cloned().unwrap_or_default())
}

/// As `/segments/details` has it.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// A random UUID.
pub(super) fn uuid() -> String {
    let random = rand::random::<u128>() & !(0xf << 76) & !(0b11 << 62);
    let hex = format!("{:032x}", random | (4 << 76) | (0b10 << 62));
    let (start, rest) = hex.split_at(8);
    format!(
        "{start}-{}-{}-{}-{}",
        &rest[..4],
        &rest[4..8],
        &rest[8..12],
        &rest[12..]
    )
}
