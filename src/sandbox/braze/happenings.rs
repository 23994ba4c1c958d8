//! Events and purchases: what is wrong with one, and what it leaves on a profile (braze.md 7.4, 7.5, 11, 21).
//! It must not find the profile.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

/// Characters of a name or of a text in a property.
const LONGEST: usize = 255;
/// Bytes of an event's properties, and of a purchase's.
const EVENT: usize = 100 << 10;
const PURCHASE: usize = 50 << 10;

/// Checks an event object.
pub(crate) fn check_event(members: &Map<String, Value>) -> Result<(), &'static str> {
    filled(members, "name").ok_or("'name' is required")?;
    check_time(members)?;
    check_properties(members, &["time", "event_name"], EVENT)
}

/// Checks a purchase object.
pub(crate) fn check_purchase(members: &Map<String, Value>) -> Result<(), &'static str> {
    const RESERVED: [&str; 6] = [
        "time",
        "product_id",
        "quantity",
        "event_name",
        "price",
        "currency",
    ];
    filled(members, "product_id").ok_or("'product_id' is required")?;
    let currency = filled(members, "currency").ok_or("'currency' is required")?;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err("'currency' is not valid");
    }
    if !members.get("price").is_some_and(Value::is_number) {
        return Err("'price' is required");
    }
    if !(1..=100).contains(&quantity(members)) {
        return Err("'quantity' is not valid");
    }
    check_time(members)?;
    check_properties(members, &RESERVED, PURCHASE)
}

fn filled<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = members.get(name)?.as_str()?;
    (!text.is_empty() && text.chars().count() <= LONGEST).then_some(text)
}

fn check_time(members: &Map<String, Value>) -> Result<(), &'static str> {
    let text = members.get("time").ok_or("'time' is required")?;
    text.as_str()
        .and_then(time)
        .map(|_| ())
        .ok_or("'time' is not valid")
}

/// What is beyond a limit is refused: nobody documents it (braze.md 3), and a client that relied on mercy would fail.
fn check_properties(
    members: &Map<String, Value>,
    reserved: &[&str],
    most: usize,
) -> Result<(), &'static str> {
    const WRONG: &str = "Invalid 'properties' field";
    let (value, properties) = match members.get("properties") {
        None | Some(Value::Null) => return Ok(()),
        Some(value) => (value, value.as_object().ok_or(WRONG)?),
    };
    let named_well = |name: &String| {
        let length = name.chars().count();
        (1..=LONGEST).contains(&length)
            && !name.starts_with('$')
            && !reserved.contains(&name.as_str())
    };
    let fits = properties.keys().all(named_well)
        && properties.values().all(short)
        && value.to_string().len() <= most;
    if fits { Ok(()) } else { Err(WRONG) }
}

/// Tells whether every text in a value is one of at most 255 characters.
fn short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= LONGEST,
        Value::Array(items) => items.iter().all(short),
        Value::Object(members) => members.values().all(short),
        _ => true,
    }
}

fn quantity(members: &Map<String, Value>) -> i64 {
    match members.get("quantity") {
        None | Some(Value::Null) => 1,
        Some(value) => value.as_i64().unwrap_or(-1),
    }
}

/// Reads ISO 8601, with or without a zone, and Braze's own `yyyy-MM-dd'T'HH:mm:ss:SSSZ`.
fn time(text: &str) -> Option<Timestamp> {
    let zoneless = |text: &str| {
        text.parse::<DateTime>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    let colons = || {
        let (day, rest) = text.split_at_checked(19)?;
        format!("{day}.{}", rest.strip_prefix(':')?).parse().ok()
    };
    text.parse().ok().or_else(|| zoneless(text)).or_else(colons)
}

/// Returns the profile's list with one more happening, and what it costs: one each and a purchase's properties; a
/// quantity is that many purchases.
pub(crate) fn recorded(
    list: Option<Value>,
    members: &Map<String, Value>,
    name: &str,
    now: Timestamp,
) -> (Value, u64) {
    let purchase = name == "product_id";
    let count = if purchase {
        quantity(members) as u64
    } else {
        1
    };
    // A future time is replaced by the current time.
    let at = members["time"]
        .as_str()
        .and_then(time)
        .unwrap_or(now)
        .min(now);
    let at = json!(written(at));
    let name = &members[name];
    let mut list = match list {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    match list.iter_mut().find(|known| known["name"] == *name) {
        Some(known) => {
            known["count"] = json!(known["count"].as_u64().unwrap_or_default() + count);
            if known["first"].as_str() > at.as_str() {
                known["first"] = at.clone();
            }
            if known["last"].as_str() < at.as_str() {
                known["last"] = at;
            }
        }
        None => list.push(json!({"name": name, "first": at, "last": at, "count": count})),
    }
    let properties = members
        .get("properties")
        .and_then(Value::as_object)
        .map_or(0, Map::len);
    let points = if purchase {
        count * (1 + properties as u64)
    } else {
        1
    };
    (Value::Array(list), points)
}

/// Writes a time as recorded answers do.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_documented_time() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05:000+0000",
        ] {
            assert_eq!(
                time(text).map(written).as_deref(),
                Some("2026-01-02T03:04:05.000Z"),
                "{text}"
            );
        }
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn counts_first_and_last() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let event = |time: &str| json!({"name": "Order", "time": time});
        let mut known = None;
        for time in [
            "2025-12-02T00:00:00Z",
            "2025-12-01T00:00:00Z",
            "2030-01-01T00:00:00Z",
        ] {
            let object = event(time);
            known = Some(recorded(known, object.as_object().unwrap(), "name", now).0);
        }
        let begun = "2025-12-01T00:00:00.000Z";
        let ended = "2026-01-02T00:00:00.000Z";
        assert_eq!(
            known,
            Some(json!([{"name": "Order", "first": begun, "last": ended, "count": 3}]))
        );
        let bad = json!({"product_id": "p", "currency": "USD", "price": 1, "quantity": 101, "time": ended});
        assert_eq!(
            check_purchase(bad.as_object().unwrap()),
            Err("'quantity' is not valid")
        );
        let (fits, long) = ("x".repeat(255), "x".repeat(256));
        let many: Map<String, Value> = (0..500).map(|n| (format!("p{n}"), json!(fits))).collect();
        let cases = [
            (
                json!({"p": fits, "list": [1, fits], "deep": {"a": {"b": fits}}}),
                true,
            ),
            (json!({"p": long}), false),
            (json!({"list": [1, long]}), false),
            (json!({"deep": {"a": long}}), false),
            (json!({"$p": 1}), false),
            (json!({"": 1}), false),
            (json!({long.clone(): 1}), false),
            (json!({fits.clone(): 1}), true),
            (json!({"event_name": 1}), false),
            (json!({"product_id": 1}), true),
            (json!(many), false),
            (json!([1]), false),
            (Value::Null, true),
        ];
        for (properties, good) in cases {
            let event = json!({"name": "n", "time": ended, "properties": properties});
            assert_eq!(
                check_event(event.as_object().unwrap()).is_ok(),
                good,
                "{event}"
            );
        }
        let bad = json!({"name": "n", "time": ended, "properties": {"time": 1}});
        assert_eq!(
            check_event(bad.as_object().unwrap()),
            Err("Invalid 'properties' field")
        );
    }
}
