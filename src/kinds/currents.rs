//! `kind: currents`: engagement events of Braze, into Amplitude.
//!
//! From: Currents files in storage (Avro, one directory an event type and hour; see Braze's page of event delivery
//! semantics). To: `/batch` (2,000 events and 20 MB a request, 30 to 1,000 events a second of one person; see
//! Amplitude's page of it), which drops what it had in the last seven days by `insert_id`. Names and properties are
//! those of Braze's own export to Amplitude (braze.md 18).

mod body;
mod catalogue;
mod pick;
mod spec;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use self::{
    catalogue::CUSTOM_EVENT,
    pick::{Properties, Types},
};
use super::{Log, LogSource, Stream, TakesRecords, applied, audience};
use crate::{
    config::Resource,
    model::{
        Diagnostic, EventId, Hour, Identifier, Key, Lane, LogRow, Mapping, Millis, Severity, Taken,
    },
};

pub use spec::{Events, Fields, Source, SourceWord, Spec};

/// For checks of what an entry names.
pub(super) use self::{
    catalogue::{CUSTOM_EVENT as CUSTOM, TYPES},
    pick::matches,
};

/// Ids that Amplitude refuses with the whole request (amplitude.md 7.1), in small letters.
const INVALID: [&str; 13] = [
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "{}",
    "lmy47d",
    "0",
    "-1",
    // Not Amplitude's: what a field transformation of Currents leaves of an id (braze.md 17) would be one person.
    "[redacted]",
];

/// The kind.
pub struct Currents;

impl Log for Currents {
    fn stream(&self, resource: &Resource, _: Option<&str>) -> Result<Stream, Diagnostic> {
        let spec: Spec = audience::spec(resource)?;
        let Source::Files { files } = spec.from else {
            return Err(Diagnostic {
                code: "not-in-this-release",
                severity: Severity::Error,
                place: resource.origin.place("/from"),
                message: "a connector is answered by the service, which this release does not have"
                    .to_owned(),
                hint: Some("let Braze write Currents into storage: from: {files: URL}".to_owned()),
            });
        };
        Ok(Stream {
            title: format!("Currents in {files} -> Amplitude"),
            source: LogSource::Files {
                place: files,
                start: spec.start_at.map(|at| Hour::of(at.as_millisecond())),
                takes: Arc::new(Taker::of(resource)?),
            },
            lane: Lane::Ingest {
                sync: resource.address.name().to_owned(),
            },
            sent_again: true,
            create_users: false,
            config: applied::config(&resource.body),
        })
    }

    fn identify_by(&self, _: &Resource) -> Mapping {
        Mapping::new(vec![Identifier::ExternalId, Identifier::DeviceId])
    }
}

impl TakesRecords for Taker {
    fn wants(&self, event_type: &str) -> bool {
        self.may_take(event_type)
    }

    fn take(&self, event_type: &str, record: &Map<String, Value>) -> Taken {
        Self::take(self, event_type, record)
    }
}

/// Makes rows of events.
#[derive(Clone, Debug)]
pub struct Taker {
    types: Types,
    properties: Properties,
    names: BTreeMap<String, String>,
    files: Option<String>,
    start: Option<Hour>,
}

impl Taker {
    /// Reads what an entry says.
    pub fn of(resource: &Resource) -> Result<Self, Diagnostic> {
        // The schema has checked the entry; what is left is what the schema cannot say.
        let spec: Spec = serde_json::from_value(resource.body.clone()).map_err(|_| Diagnostic {
            code: "currents",
            severity: Severity::Error,
            place: resource.origin.place(""),
            message: format!("{} is not a currents sync", resource.address),
            hint: None,
        })?;
        Ok(Self {
            types: Types::of(spec.events.as_ref()),
            properties: Properties::of(spec.properties.as_ref()),
            names: spec.names.unwrap_or_default(),
            files: match spec.from {
                Source::Files { files } => Some(files),
                Source::Word(SourceWord::Connector) => None,
            },
            start: spec.start_at.map(|start| Hour::of(start.as_millisecond())),
        })
    }

    /// Returns where the files are, as `braze::currents::Location` reads it; none of a connector.
    pub fn files(&self) -> Option<&str> {
        self.files.as_deref()
    }

    /// Returns the first hour that is read.
    pub fn start(&self) -> Option<Hour> {
        self.start
    }

    /// Returns whether any event of a type may be sent. Files of others need not be opened.
    pub fn may_take(&self, event_type: &str) -> bool {
        self.types.may_take(event_type)
    }

    /// Says what becomes of one event.
    pub fn take(&self, event_type: &str, record: &Map<String, Value>) -> Taken {
        let custom = if event_type == CUSTOM_EVENT {
            match record.get("name") {
                Some(Value::String(name)) if !name.is_empty() => Some(name.as_str()),
                _ => return Taken::Skipped("malformed"),
            }
        } else {
            None
        };
        if !self.types.takes(event_type, custom) {
            return Taken::Filtered;
        }
        match self.row(event_type, custom, record) {
            Ok(row) => Taken::Row(row),
            Err(reason) => Taken::Skipped(reason),
        }
    }

    fn row(
        &self,
        event_type: &str,
        custom: Option<&str>,
        record: &Map<String, Value>,
    ) -> Result<LogRow, &'static str> {
        let id = text(record, "id")?.ok_or("no_id")?;
        let at = time(record)?;
        let user = text(record, "external_user_id")?;
        let device = text(record, "device_id")?;
        if user.is_some_and(is_invalid) {
            return Err("bad_identifier");
        }
        // A device that Amplitude refuses would take the person's event with it; the person is enough.
        let usable = device.filter(|id| !is_invalid(id));
        let key = match (user, usable) {
            (Some(user), _) => Key::external(user),
            (None, Some(device)) => Key::device(device),
            (None, None) if device.is_some() => return Err("bad_identifier"),
            (None, None) => return Err("no_identifier"),
        };
        let key = key.map_err(|_| "bad_identifier")?;
        let event = body::Event {
            name: self.name(event_type, custom),
            user,
            device: usable,
            at,
            id,
        };
        let body = body::word(&event, event_type, record, &self.properties)?;
        Ok(LogRow {
            id: EventId::of(&["currents", id]),
            key,
            at,
            purchase: false,
            data_points: 0,
            body: body.into(),
        })
    }

    /// What the event is called in Amplitude.
    fn name(&self, event_type: &str, custom: Option<&str>) -> String {
        match custom {
            None => match self.names.get(event_type) {
                Some(name) => name.clone(),
                None => catalogue::name(event_type),
            },
            Some(custom) => match self.names.get(&format!("{event_type}.{custom}")) {
                Some(name) => name.clone(),
                None => catalogue::custom(custom),
            },
        }
    }
}

/// A text that is there and not empty.
fn text<'a>(record: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, &'static str> {
    match record.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("malformed"),
    }
}

/// When it happened: in milliseconds where the event has them, else in seconds (braze.md 17).
fn time(record: &Map<String, Value>) -> Result<Millis, &'static str> {
    let number = |field| match record.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) if whole > 0 => Ok(Some(whole as f64)),
            (None, Some(part)) if part > 0.0 => Ok(Some(part)),
            _ => Err("malformed"),
        },
        Some(_) => Err("malformed"),
    };
    let at = match number("time_ms")? {
        Some(at) => at,
        None => number("time")?.ok_or("no_time")? * 1000.0,
    };
    // Whole milliseconds up to the year 10000 are exact in it.
    if at < 253_402_300_800_000.0 {
        Ok(at.round() as Millis)
    } else {
        Err("malformed")
    }
}

/// Whether Amplitude refuses an id; all zeros and dashes are refused of devices, and nobody's name.
fn is_invalid(id: &str) -> bool {
    let id = id.trim().to_lowercase();
    INVALID.contains(&id.as_str()) || id.chars().all(|letter| matches!(letter, '0' | '-'))
}

#[cfg(test)]
mod tests;
