//! What is wrong with the events of a request, by their places in it (amplitude.md 7.1, 7.3). It must not store one.

use serde_json::{Map, Value, json};

/// Ids that nobody has.
const NOBODY: [&str; 14] = [
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "",
    "00000000-0000-0000-0000-000000000000",
    "{}",
    "lmy47d",
    "0",
    "-1",
];
const TEXTS: [&str; 25] = [
    "insert_id",
    "app_version",
    "platform",
    "os_name",
    "os_version",
    "device_brand",
    "device_manufacturer",
    "device_model",
    "carrier",
    "country",
    "region",
    "city",
    "dma",
    "language",
    "productId",
    "revenueType",
    "currency",
    "ip",
    "idfa",
    "idfv",
    "adid",
    "android_id",
    "android_app_set_id",
    "partner_id",
    "user_agent",
];
const OBJECTS: [&str; 6] = [
    "event_properties",
    "user_properties",
    "groups",
    "group_properties",
    "plan",
    "ingestion_metadata",
];
const INTEGERS: [&str; 4] = ["time", "quantity", "event_id", "session_id"];
const NUMBERS: [&str; 4] = ["price", "revenue", "location_lat", "location_lng"];
const DEEPEST: usize = 40;
/// Of an id, unless the request says another.
const SHORTEST: u64 = 5;

/// Checks the events of a body: all of them, or the answer that refuses the whole request. Of each field either the
/// first bad event is named, or all.
pub(crate) fn check(body: &Value, all: bool) -> Result<Vec<&Map<String, Value>>, Value> {
    let Some(events) = body.get("events").filter(|events| !events.is_null()) else {
        return Err(json!({
            "code": 400, "error": "Request missing required field", "missing_field": "events",
        }));
    };
    let objects: Option<Vec<_>> = events
        .as_array()
        .and_then(|events| events.iter().map(Value::as_object).collect());
    let Some(objects) = objects else {
        return Err(json!({"code": 400, "error": "Invalid event JSON"}));
    };
    let shortest = body["options"]["min_id_length"]
        .as_u64()
        .unwrap_or(SHORTEST);
    let (mut missing, mut invalid, mut short) =
        (Places::new(all), Places::new(all), Places::new(all));
    for (place, event) in objects.iter().enumerate() {
        let given = |name: &str| event.get(name).filter(|value| !value.is_null());
        match given("event_type") {
            None => missing.add("event_type", place),
            Some(Value::String(name)) if name.is_empty() => missing.add("event_type", place),
            Some(Value::String(_)) => {}
            Some(_) => invalid.add("event_type", place),
        }
        if given("user_id").is_none() && given("device_id").is_none() {
            missing.add("user_id", place);
            missing.add("device_id", place);
        }
        for name in ["user_id", "device_id"] {
            match given(name) {
                Some(Value::String(id)) if nobody(id, name) => invalid.add(name, place),
                Some(Value::String(id)) if (id.chars().count() as u64) < shortest => {
                    short.add(name, place);
                }
                None | Some(Value::String(_)) => {}
                Some(_) => invalid.add(name, place),
            }
        }
        let fits: [(&[&str], fn(&Value) -> bool); 4] = [
            (&TEXTS, Value::is_string),
            (&OBJECTS, |value| {
                value.is_object() && shallow(value, DEEPEST)
            }),
            (&INTEGERS, |value| value.as_i64().is_some()),
            (&NUMBERS, Value::is_number),
        ];
        for (names, fit) in fits {
            let bad = names
                .iter()
                .filter(|name| given(name).is_some_and(|value| !fit(value)));
            bad.for_each(|name| invalid.add(name, place));
        }
    }
    refusal(&missing, &invalid, &short).map_or(Ok(objects), Err)
}

fn refusal(missing: &Places, invalid: &Places, short: &Places) -> Option<Value> {
    if missing.is_empty() && invalid.is_empty() {
        return (!short.is_empty()).then(|| {
            json!({
                "code": 400, "error": "Invalid id length for user_id or device_id",
                "events_with_invalid_id_lengths": short.named,
            })
        });
    }
    let error = if missing.is_empty() {
        "Invalid field values on some events"
    } else {
        "Request missing required field"
    };
    Some(json!({
        "code": 400, "error": error, "events_with_invalid_fields": invalid.named,
        "events_with_missing_fields": missing.named,
    }))
}

/// Tells an id that means nobody; zeros alone are no device either.
fn nobody(id: &str, name: &str) -> bool {
    NOBODY.contains(&id.to_ascii_lowercase().as_str())
        || (name == "device_id" && id.bytes().all(|byte| byte == b'0' || byte == b'-'))
}

fn shallow(value: &Value, left: usize) -> bool {
    let under = |value: &Value| left > 0 && shallow(value, left - 1);
    match value {
        Value::Object(members) => left > 0 && members.values().all(under),
        Value::Array(items) => left > 0 && items.iter().all(under),
        _ => true,
    }
}

/// Places of events by the name of a field.
struct Places {
    named: Map<String, Value>,
    all: bool,
}

impl Places {
    fn new(all: bool) -> Self {
        Self {
            named: Map::new(),
            all,
        }
    }

    fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    fn add(&mut self, name: &str, place: usize) {
        let places = self.named.entry(name).or_insert_with(|| json!([]));
        if let Some(places) = places.as_array_mut()
            && (self.all || places.is_empty())
        {
            places.push(json!(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_in_objects_and_arrays() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!({"a": value}));
        assert!(shallow(&nested(40), DEEPEST));
        assert!(!shallow(&nested(41), DEEPEST));
        assert!(shallow(&json!({"a": [{"b": []}]}), 4) && !shallow(&json!({"a": [{"b": []}]}), 3));
    }

    #[test]
    fn some_ids_are_nobody() {
        for id in ["", "0", "-1", "NULL", "lmy47d"] {
            assert!(nobody(id, "user_id"), "{id}");
        }
        assert!(nobody("000000", "device_id") && !nobody("000000", "user_id"));
    }
}
