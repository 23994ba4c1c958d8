//! One event as the Export API writes it: every documented member, null where there is nothing (amplitude.md 6).
//! It must not know where lines are kept.

use std::{borrow::Cow, fmt::Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    hash::hash,
    hour::{Hour, moment, written},
};

/// As a live capture had them.
const MEMBERS: [&str; 55] = [
    "event_type",
    "event_id",
    "$insert_id",
    "$insert_key",
    "$schema",
    "uuid",
    "data_type",
    "event_properties",
    "amplitude_event_type",
    "is_attribution_event",
    "user_id",
    "device_id",
    "amplitude_id",
    "user_properties",
    "global_user_properties",
    "groups",
    "group_properties",
    "user_creation_time",
    "paying",
    "start_version",
    "event_time",
    "client_event_time",
    "client_upload_time",
    "server_received_time",
    "server_upload_time",
    "processed_time",
    "session_id",
    "app",
    "library",
    "version_name",
    "platform",
    "plan",
    "partner_id",
    "source_id",
    "sample_rate",
    "os_name",
    "os_version",
    "device_family",
    "device_type",
    "device_brand",
    "device_manufacturer",
    "device_model",
    "device_carrier",
    "adid",
    "idfa",
    "amplitude_attribution_ids",
    "ip_address",
    "country",
    "region",
    "city",
    "dma",
    "language",
    "location_lat",
    "location_lng",
    "data",
];

/// All of them when it was taken.
const UPLOADED: [&str; 4] = [
    "client_upload_time",
    "server_received_time",
    "server_upload_time",
    "processed_time",
];

/// A member, and the field of the sent event that it repeats.
const COPIED: [(&str, &str); 19] = [
    ("version_name", "app_version"),
    ("platform", "platform"),
    ("partner_id", "partner_id"),
    ("os_name", "os_name"),
    ("os_version", "os_version"),
    ("device_brand", "device_brand"),
    ("device_manufacturer", "device_manufacturer"),
    ("device_model", "device_model"),
    ("device_carrier", "carrier"),
    ("adid", "adid"),
    ("idfa", "idfa"),
    ("ip_address", "ip"),
    ("country", "country"),
    ("region", "region"),
    ("city", "city"),
    ("dma", "dma"),
    ("language", "language"),
    ("location_lat", "location_lat"),
    ("location_lng", "location_lng"),
];

/// Returns the hour of an Export line, none if it does not say, and the line with every member. A line that is not a
/// JSON object stays as it is.
pub(crate) fn read(line: &str) -> (Option<Hour>, Cow<'_, str>) {
    // Asked through `Value`, whose own methods are compiled, optimised, in its crate.
    let event: Value = line.parse().unwrap_or_default();
    let Some(members) = event.as_object() else {
        return (None, Cow::Borrowed(line));
    };
    let time = event.get("server_upload_time").and_then(Value::as_str);
    let hour = time.and_then(moment).map(Hour::of);
    let missing = MEMBERS.iter().filter(|name| event.get(**name).is_none());
    let mut missing = missing.peekable();
    let open = line.trim_end().strip_suffix('}');
    let (Some(_), Some(open)) = (missing.peek(), open) else {
        return (hour, Cow::Borrowed(line));
    };
    let mut whole = open.trim_end().to_owned();
    let mut comma = if members.is_empty() { "" } else { "," };
    for name in missing {
        let _ = write!(whole, "{comma}\"{name}\":null");
        comma = ",";
    }
    whole.push('}');
    (hour, Cow::Owned(whole))
}

/// Turns an ingested event into what an export says of it; none: identifying somebody is no event.
pub(crate) fn of(
    event: &Map<String, Value>,
    path: &str,
    at: Timestamp,
    place: u64,
    project: i64,
) -> Option<Value> {
    let object = |name: &str| match event.get(name) {
        Some(Value::Object(members)) => Value::Object(members.clone()),
        _ => json!({}),
    };
    let kind = event.get("event_type").and_then(Value::as_str)?;
    if ["$identify", "$groupidentify"].contains(&kind) {
        return None;
    }
    let upload = written(at);
    let time = event.get("time").and_then(Value::as_i64);
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    let time = time.map_or_else(|| upload.clone(), written);
    let user = event.get("user_id").and_then(Value::as_str);
    let device = event
        .get("device_id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let device = device.unwrap_or_else(|| uuid("device", user.unwrap_or_default()));
    let mut properties = event
        .get("event_properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for name in [
        "price",
        "quantity",
        "revenue",
        "productId",
        "revenueType",
        "currency",
    ] {
        if let Some(value) = event.get(name).filter(|value| !value.is_null()) {
            properties.insert(format!("${name}"), value.clone());
        }
    }
    let updated = event.get("user_properties").is_some_and(Value::is_object);
    let or = |name: &str, other: Value| event.get(name).cloned().unwrap_or(other);
    let who = user.unwrap_or(&device);
    let mut known = json!({
        "event_type": kind,
        "event_id": or("event_id", json!(place + 1)),
        "$insert_id": event.get("insert_id"),
        "uuid": uuid("event", &format!("{place} {upload}")),
        "data_type": "event",
        "event_properties": properties,
        "user_id": user,
        "device_id": device,
        "amplitude_id": amplitude_id(who),
        "event_time": time,
        "client_event_time": time,
        "session_id": or("session_id", json!(-1)),
        "app": project,
        "library": or("library", json!("http/2.0")),
        "data": {"path": path, "user_properties_updated": updated, "group_first_event": {}, "group_ids": {}},
    });
    for name in UPLOADED {
        known[name] = json!(upload);
    }
    for (name, sent) in COPIED {
        known[name] = event.get(sent).cloned().unwrap_or_default();
    }
    for name in ["user_properties", "groups", "group_properties", "plan"] {
        known[name] = object(name);
    }
    let member = |name: &&str| ((*name).to_owned(), known[*name].clone());
    Some(Value::Object(MEMBERS.iter().map(member).collect()))
}

/// Invents an Amplitude id: twelve digits, the same for a person wherever they appear.
pub(crate) fn amplitude_id(who: &str) -> u64 {
    100_000_000_000 + hash(&["person", who]) % 900_000_000_000
}

fn uuid(kind: &str, of: &str) -> String {
    let (one, two) = (hash(&[kind, of]), hash(&["again", kind, of]));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        one >> 32,
        one & 0xffff,
        (one >> 16) & 0xfff,
        two >> 52,
        two & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_is_missing_and_nothing_else() {
        let line =
            r#"{"event_type":"Order","server_upload_time":"2026-07-14 10:59:59.999999","extra":1}"#;
        let (hour, whole) = read(line);
        assert_eq!(hour, Hour::read("20260714T10"));
        let whole: Value = whole.parse().unwrap();
        assert_eq!(whole.as_object().unwrap().len(), 56);
        assert_eq!(
            (&whole["event_type"], &whole["adid"], &whole["extra"]),
            (&json!("Order"), &Value::Null, &json!(1))
        );
        let again = whole.to_string();
        assert!(matches!(read(&again), (_, Cow::Borrowed(_))));
        assert_eq!(
            read("{}")
                .1
                .parse::<Value>()
                .unwrap()
                .as_object()
                .unwrap()
                .len(),
            55
        );
        for odd in ["{\"event_type\":", "[1]", "text"] {
            assert_eq!(read(odd), (None, Cow::Borrowed(odd)));
        }
    }
}
