//! One line of an export, made the event or purchase that Braze is sent, or a reason why not. It must not read a file,
//! wait, or know what was sent before.
//!
//! Most lines are events that nobody asked for, so first only the name of the event is read.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    filter::Filter,
    fit,
    lookup::{Properties, Property, object, text},
    purchase::Recipe,
    spec::{Becomes, Event, Picked, Spec},
};
use crate::{
    braze::{self, LONGEST_TEXT},
    config::Resource,
    diff::identify::{Identify, Unnamed},
    kinds::identify,
    model::{
        AliasName, Diagnostic, EventId, Identifier, Key, LogRow, Mapping, Millis, Severity, Taken,
        Text,
    },
};

/// How far after its arrival an event may have happened: Braze replaces a time that is still to come, and tells nobody.
const AHEAD: Millis = 24 * 3_600_000;

/// Makes rows of the lines of one sync.
#[derive(Debug)]
pub struct Taker {
    rules: BTreeMap<String, Vec<Rule>>,
    picks: Vec<(Property, String)>,
    mapping: Mapping,
    /// User properties that may name a person.
    columns: Vec<Property>,
    app_id: Option<String>,
    create_users: bool,
    start_at: Option<Millis>,
    stop_at: Option<Millis>,
}

/// What becomes of some events of a name.
#[derive(Debug)]
struct Rule {
    filter: Filter,
    name: String,
    purchase: Option<Recipe>,
}

/// The members that tell whether anything else is of interest.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
}

/// The members that are used. Each is as it is written, since a number may stand in a text.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    device_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amplitude_id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "$insert_id")]
    insert_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uuid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event_time: Option<&'a RawValue>,
    #[serde(borrow, default)]
    server_upload_time: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event_properties: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_properties: Option<&'a RawValue>,
}

impl Taker {
    /// Makes what a sync asks for; `app_id` is the app that Braze counts the events to.
    pub fn of(resource: &Resource, app_id: Option<&str>) -> Result<Self, Diagnostic> {
        let wrong = |pointer: &str, what: &str| Diagnostic {
            code: "event-stream",
            severity: Severity::Error,
            place: resource.origin.place(pointer),
            message: format!("{}: {what}", resource.address),
            hint: None,
        };
        // The schema and the checks have read the entry; what is left is what they let through.
        let spec: Spec = serde_json::from_value(resource.body.clone())
            .map_err(|_| wrong("", "not an event stream"))?;
        let mut rules: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
        for (at, event) in spec.events.iter().enumerate() {
            let rule = Rule::of(event, &spec)
                .ok_or_else(|| wrong(&format!("/events/{at}"), "this event cannot be meant"))?;
            let name = event.name().to_owned();
            rules.entry(name).or_default().push(rule);
        }
        let mapping = identify::mapping(&resource.settings);
        if mapping.iter().any(|one| *one == Identifier::DeviceId) {
            return Err(wrong("/identify_by", "no event goes by device id"));
        }
        let column = |one: &Identifier| match one {
            Identifier::Alias {
                name: AliasName::Property(name),
                ..
            } => Some(Property::User(name.clone())),
            _ => None,
        };
        let pick = |property: fn(String) -> Property, picked: &Picked| {
            let to = picked.to().to_owned();
            (property(picked.from().to_owned()), to)
        };
        let written = spec.properties.unwrap_or_default();
        let event = written.event.iter();
        let user = written.user.iter();
        let picks = event
            .map(|picked| pick(Property::Event, picked))
            .chain(user.map(|picked| pick(Property::User, picked)));
        Ok(Self {
            rules,
            picks: picks.collect(),
            columns: mapping.iter().filter_map(column).collect(),
            mapping,
            app_id: app_id.map(str::to_owned),
            create_users: resource.settings.create_users.unwrap_or(true),
            start_at: spec.start_at.map(Timestamp::as_millisecond),
            stop_at: spec.stop_at.map(Timestamp::as_millisecond),
        })
    }

    /// Takes one line of an export.
    pub fn take(&self, line: &[u8]) -> Taken {
        let Ok(Head { event_type }) = serde_json::from_slice(line) else {
            return Taken::Skipped("malformed");
        };
        let Some(rules) = self.rules.get(event_type.as_ref()) else {
            return Taken::Filtered;
        };
        self.take_one_of(rules, line).unwrap_or_else(Taken::Skipped)
    }

    fn take_one_of(&self, rules: &[Rule], line: &[u8]) -> Result<Taken, &'static str> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|_| "malformed")?;
        let found = self.properties(rules, &line).ok_or("malformed")?;
        let Some(rule) = rules.iter().find(|rule| rule.filter.takes(&found)) else {
            return Ok(Taken::Filtered);
        };
        let received = moment(line.server_upload_time).ok_or("no_time")?;
        let received_at = received.as_millisecond();
        if self.start_at.is_some_and(|start| received_at < start) {
            return Err("before_start");
        }
        if self.stop_at.is_some_and(|stop| received_at >= stop) {
            return Err("after_stop");
        }
        let key = self.key(&line, &found)?;
        let id = line.id().ok_or("no_event_id")?;
        let time = moment(line.event_time).ok_or("no_time")?;
        let at = time.as_millisecond();
        if at - received_at > AHEAD {
            return Err("future_time");
        }
        let time = braze::utc(time).map_err(|_| "no_time")?;
        let mut object = self.object(&key);
        let (mut properties, mut dropped) = self.picked(&found);
        match &rule.purchase {
            None => {
                object.insert("name".to_owned(), json!(rule.name));
            }
            Some(recipe) => recipe.write(&found, &mut object, &mut properties)?,
        }
        object.insert("time".to_owned(), json!(time));
        let purchase = rule.purchase.is_some();
        let too_large = fit::shrink(&mut properties, purchase);
        dropped.extend(std::iter::repeat_n("too_large", too_large));
        let data_points = if purchase {
            // Each piece is a purchase of its own in Braze, and billed with its properties (braze.md 7.5, 21).
            let pieces = object.get("quantity").and_then(Value::as_u64).unwrap_or(1);
            pieces as u32 * (1 + properties.len() as u32)
        } else {
            1
        };
        if !properties.is_empty() {
            object.insert("properties".to_owned(), Value::Object(properties));
        }
        let row = LogRow {
            id,
            key,
            at,
            purchase,
            data_points,
            body: Text::from(Value::Object(object).to_string()),
        };
        Ok(if dropped.is_empty() {
            Taken::Row(row)
        } else {
            Taken::Trimmed(row, dropped)
        })
    }

    /// Reads the properties as far as anything asks for them.
    fn properties<'a>(&self, rules: &[Rule], line: &Line<'a>) -> Option<Properties<'a>> {
        let plain = |rule: &Rule| rule.filter.is_empty() && rule.purchase.is_none();
        let needed = !self.picks.is_empty() || !self.columns.is_empty();
        let needed = needed || !rules.iter().all(plain);
        let read = |raw| if needed { object(raw) } else { object(None) };
        Some(Properties {
            event: read(line.event_properties)?,
            user: read(line.user_properties)?,
        })
    }

    /// Names the person by the first identifier that the event has.
    fn key(&self, line: &Line<'_>, found: &Properties<'_>) -> Result<Key, &'static str> {
        let value = |raw: Option<&'_ RawValue>| raw.and_then(text).unwrap_or_default().into_owned();
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| value(found.find(column)))
            .collect();
        let at = |name: &str| {
            let is = |one: &Property| matches!(one, Property::User(own) if own == name);
            self.columns.iter().position(is)
        };
        let identify = Identify::new(&self.mapping, at).map_err(|_| "no_identifier")?;
        let (amplitude_id, user_id) = (value(line.amplitude_id), value(line.user_id));
        let mut key = vec![];
        identify
            .key(&amplitude_id, &user_id, |at| &columns[at], &mut key)
            .map_err(|unnamed| match unnamed {
                Unnamed::NoIdentifier => "no_identifier",
                Unnamed::BadIdentifier => "bad_identifier",
            })?;
        Key::from_bytes(&key).map_err(|_| "bad_identifier")
    }

    /// Begins the object of an event with whose it is.
    fn object(&self, key: &Key) -> Map<String, Value> {
        let mut object = braze::addressed(key, self.create_users);
        if let Some(app_id) = &self.app_id {
            object.insert("app_id".to_owned(), json!(app_id));
        }
        object
    }

    /// Picks the properties that travel, and tells why others do not.
    fn picked(&self, found: &Properties<'_>) -> (Map<String, Value>, Vec<&'static str>) {
        let (mut properties, mut dropped) = (Map::new(), vec![]);
        for (property, name) in &self.picks {
            let Some(raw) = found.find(property) else {
                continue;
            };
            match fit::value(raw) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    properties.insert(name.clone(), value);
                }
                Err(reason) => dropped.push(reason),
            }
        }
        (properties, dropped)
    }
}

impl Rule {
    fn of(event: &Event, spec: &Spec) -> Option<Self> {
        let recipe = |own: Option<&super::Purchase>| Recipe::of(own.or(spec.purchase.as_ref())?);
        let purchase = match event.becomes(spec) {
            Becomes::Event => None,
            Becomes::Purchase => Some(recipe(event.purchase())?),
        };
        let name = event.in_braze();
        let named = !name.is_empty() && name.chars().count() <= LONGEST_TEXT;
        if purchase.is_none() && !named {
            return None;
        }
        Some(Self {
            filter: Filter::of(event.filter())?,
            name: name.to_owned(),
            purchase,
        })
    }
}

impl Line<'_> {
    /// Names the event by who did it and what the library called it, as Amplitude itself tells repeats, else by its uuid.
    fn id(&self) -> Option<EventId> {
        let of = |raw: Option<&RawValue>| raw.and_then(text).map(Cow::into_owned);
        let who = of(self.device_id).or_else(|| of(self.amplitude_id));
        match (of(self.insert_id), who) {
            (Some(insert_id), Some(who)) => Some(EventId::of(&["insert", &who, &insert_id])),
            _ => Some(EventId::of(&["uuid", &of(self.uuid)?])),
        }
    }
}

/// Reads `2026-07-14 10:00:00.000000`, which is in UTC, and ISO 8601 (amplitude.md 6).
fn moment(raw: Option<&RawValue>) -> Option<Timestamp> {
    let raw = raw?.get();
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    braze::time(text)
}

#[cfg(test)]
mod tests;
