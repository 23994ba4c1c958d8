//! Wire shapes of the Developer API, private to it. Members that nothing reads are left out; all but ids are optional.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use super::super::Error;
use crate::model::{Destination, DestinationType, TypeParameter};

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) pagination: Pagination,
}

#[derive(Default, Deserialize)]
pub(super) struct Pagination {
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: Option<bool>,
}

impl Pagination {
    /// Returns where the next page begins, if there is one; `this` is where this one did. A list that is said to go on, and
    /// not where, is an error in words: what is not on it would be taken for gone.
    pub(super) fn next(self, this: Option<&str>) -> Result<Option<String>, &'static str> {
        let next = self.next_cursor.filter(|cursor| !cursor.is_empty());
        match (self.has_more, next) {
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true), None) => Err("the list goes on, and it does not say where"),
            (_, Some(next)) if this == Some(next.as_str()) => {
                Err("the list goes on where it began: it cannot be read to its end")
            }
            (_, next) => Ok(next),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct DestinationItem {
    #[serde(deserialize_with = "word")]
    id: String,
    #[serde(default)]
    partner: String,
    #[serde(default)]
    display_name: String,
    #[serde(default, deserialize_with = "words")]
    kind: Vec<String>,
    #[serde(default)]
    config: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    credential_status: Option<String>,
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    paused: Option<bool>,
    #[serde(default)]
    event_filter: Value,
    #[serde(default)]
    property_mappings: Value,
    #[serde(default)]
    send_events: Option<bool>,
    #[serde(default)]
    send_users: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct TypeItem {
    partner: String,
    #[serde(default)]
    display_name: String,
    #[serde(default, deserialize_with = "words")]
    types: Vec<String>,
    #[serde(default)]
    parameters: Vec<ParameterItem>,
}

#[derive(Deserialize)]
struct ParameterItem {
    id: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    required: Option<bool>,
    #[serde(default)]
    write_only: Option<bool>,
    #[serde(default)]
    enum_values: Option<Vec<Value>>,
}

impl From<DestinationItem> for Destination {
    fn from(item: DestinationItem) -> Self {
        let config = item.config.unwrap_or_default();
        Self {
            id: item.id,
            partner: item.partner,
            display_name: item.display_name,
            kind: item.kind,
            config: config.into_iter().filter(|(_, it)| !it.is_null()).collect(),
            credential_status: item.credential_status,
            version: item.version,
            enabled: item.enabled,
            paused: item.paused,
            event_filter: item.event_filter,
            property_mappings: item.property_mappings,
            send_events: item.send_events,
            send_users: item.send_users,
        }
    }
}

impl From<TypeItem> for DestinationType {
    fn from(item: TypeItem) -> Self {
        let parameter = |item: ParameterItem| TypeParameter {
            // What is named a secret is none that is told back, whatever else is said.
            write_only: item.write_only.unwrap_or(false) || item.kind == "secret",
            values: item
                .enum_values
                .into_iter()
                .flatten()
                .filter_map(|value| Some(value.as_str()?.to_owned()))
                .collect(),
            id: item.id,
            kind: item.kind,
            required: item.required.unwrap_or(false),
        };
        Self {
            partner: item.partner,
            display_name: item.display_name,
            kinds: item.types,
            parameters: item.parameters.into_iter().map(parameter).collect(),
        }
    }
}

/// Reads one thing, by itself or under `data`.
pub(super) fn single<T: DeserializeOwned>(path: &'static str, body: &[u8]) -> Result<T, Error> {
    let unexpected = |what: String| Error::Unexpected { path, what };
    let mut body: Value = serde_json::from_slice(body)
        .map_err(|error| unexpected(format!("line {} column {}", error.line(), error.column())))?;
    let inner = body.get_mut("data").filter(|data| data.is_object());
    let inner = inner.map(Value::take).unwrap_or(body);
    // A text of the body may be anything: only the kind of the mistake is told.
    serde_json::from_value(inner)
        .map_err(|error| unexpected(format!("{:?} error in its members", error.classify())))
}

/// A text, or a number as one.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("no id")),
    }
}

/// A list of texts, one text as a list of one.
fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(one) => vec![one],
        Value::Array(several) => several
            .into_iter()
            .filter_map(|value| Some(value.as_str()?.to_owned()))
            .collect(),
        _ => vec![],
    })
}
