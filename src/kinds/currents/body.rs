//! An event of Currents in the words of Amplitude's `/batch`. It decides nothing about whether the event is sent.

use serde_json::{Map, Value, json};

use super::{
    catalogue::{CUSTOM_EVENT, PURCHASE},
    pick::Properties,
};
use crate::model::Millis;

/// Characters that Amplitude keeps of a text (amplitude.md 2).
const LONGEST: usize = 1024;
/// Levels that Amplitude takes of properties in one another (amplitude.md 2).
const DEEPEST: usize = 40;
/// The property that names those of which only the beginning was sent.
const CUT: &str = "[Syncform] cut";

/// What an event is beside its properties.
pub(super) struct Event<'a> {
    pub(super) name: String,
    pub(super) user: Option<&'a str>,
    pub(super) device: Option<&'a str>,
    pub(super) at: Millis,
    pub(super) id: &'a str,
}

/// What is said outside of the properties, or to nobody: Braze's own id among it.
const APART: [&str; 9] = [
    "id",
    "user_id",
    "external_user_id",
    "device_id",
    "event_type",
    "time",
    "time_ms",
    "braze_id",
    "user",
];

/// Words an event.
pub(super) fn word(
    event: &Event<'_>,
    event_type: &str,
    record: &Map<String, Value>,
    properties: &Properties,
) -> Result<String, &'static str> {
    let mut body = Map::new();
    body.insert("event_type".to_owned(), json!(event.name));
    for (field, id) in [("user_id", event.user), ("device_id", event.device)] {
        if let Some(id) = id {
            body.insert(field.to_owned(), json!(id));
        }
    }
    body.insert("time".to_owned(), json!(event.at));
    body.insert("insert_id".to_owned(), json!(event.id));
    let mut written = Written::default();
    for (name, value) in record {
        if APART.contains(&name.as_str()) || (event_type == CUSTOM_EVENT && name == "name") {
            continue;
        }
        if let Some((prefix, own)) = own(event_type, name, value) {
            for (name, value) in &own {
                if properties.takes_own(name) {
                    written.put(format!("{prefix}{name}"), value, properties)?;
                }
            }
        } else if properties.takes(name) && !lift(&mut body, event_type, name, value) {
            written.put(name.clone(), value, properties)?;
        }
    }
    if event_type == PURCHASE && body.contains_key("price") {
        body.insert("quantity".to_owned(), json!(1));
    }
    if properties.takes("ad_id") {
        advertising(&mut body, record);
    }
    body.insert("event_properties".to_owned(), written.done());
    body.insert("library".to_owned(), json!("Braze"));
    Ok(Value::Object(body).to_string())
}

/// The properties of somebody's own event or purchase, and what they are called by. In storage they are JSON in a
/// text; one that is no object, since Braze was told to mask it, is a property as any other.
fn own(event_type: &str, name: &str, value: &Value) -> Option<(&'static str, Map<String, Value>)> {
    let prefix = match event_type {
        CUSTOM_EVENT if matches!(name, "properties" | "custom_properties") => {
            "[Custom event property] "
        }
        PURCHASE if matches!(name, "properties" | "purchase_properties") => "[Purchase property] ",
        _ => return None,
    };
    let own = match value {
        Value::Object(own) => own.clone(),
        Value::String(text) if text.trim().is_empty() => Map::new(),
        Value::String(text) => serde_json::from_str(text).ok()?,
        Value::Null => Map::new(),
        _ => return None,
    };
    Some((prefix, own))
}

/// Puts product and price of a purchase where Amplitude has fields for them (braze.md 18). The currency is said in
/// both places: it is a property in Braze's own export.
fn lift(body: &mut Map<String, Value>, event_type: &str, name: &str, value: &Value) -> bool {
    if event_type != PURCHASE {
        return false;
    }
    let (field, value) = match (name, value) {
        ("product_id", Value::String(_)) => ("productId", value.clone()),
        ("price", Value::Number(_)) => ("price", value.clone()),
        ("price", Value::String(text)) => match text.trim().parse::<f64>() {
            Ok(price) if price.is_finite() => ("price", json!(price)),
            _ => return false,
        },
        ("currency", Value::String(code)) if code.len() == 3 => ("currency", value.clone()),
        _ => return false,
    };
    body.insert(field.to_owned(), value);
    name != "currency"
}

/// Says the advertising id where Amplitude has a field for its type.
fn advertising(body: &mut Map<String, Value>, record: &Map<String, Value>) {
    let (Some(Value::String(id)), Some(Value::String(kind))) =
        (record.get("ad_id"), record.get("ad_id_type"))
    else {
        return;
    };
    let kind = kind.to_lowercase();
    let field = if kind.contains("idfa") {
        "idfa"
    } else if kind.contains("google") {
        "adid"
    } else {
        return;
    };
    if !id.is_empty() && id.chars().count() <= LONGEST {
        body.insert(field.to_owned(), json!(id));
    }
}

/// Properties of an event, as they are sent.
#[derive(Default)]
struct Written {
    properties: Map<String, Value>,
    cut: Vec<String>,
}

impl Written {
    fn put(
        &mut self,
        name: String,
        value: &Value,
        properties: &Properties,
    ) -> Result<(), &'static str> {
        if value.is_null() {
            return Ok(());
        }
        let mut cut = false;
        let value = fit(value, properties, 1, &mut cut)?;
        if cut {
            self.cut.push(name.clone());
        }
        self.properties.insert(name, value);
        Ok(())
    }

    /// Names what was cut beside it: a text that ends early is told from one that is so long.
    fn done(mut self) -> Value {
        if !self.cut.is_empty() {
            self.properties.insert(CUT.to_owned(), json!(self.cut));
        }
        Value::Object(self.properties)
    }
}

/// Cuts texts to what Amplitude keeps, as its SDKs do; nulls inside objects fall away, and what is private.
fn fit(
    value: &Value,
    properties: &Properties,
    depth: usize,
    cut: &mut bool,
) -> Result<Value, &'static str> {
    if depth > DEEPEST {
        return Err("malformed");
    }
    Ok(match value {
        Value::String(text) => match text.char_indices().nth(LONGEST) {
            Some((at, _)) => {
                *cut = true;
                Value::String(text[..at].to_owned())
            }
            None => value.clone(),
        },
        Value::Array(list) => Value::Array(
            list.iter()
                .map(|one| fit(one, properties, depth + 1, cut))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => {
            let mut fitting = Map::new();
            for (name, member) in members {
                if !member.is_null() && properties.shows(name) {
                    fitting.insert(name.clone(), fit(member, properties, depth + 1, cut)?);
                }
            }
            Value::Object(fitting)
        }
        _ => value.clone(),
    })
}
