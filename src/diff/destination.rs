//! What differs between an account as it is wanted and as it is, and the smallest patch. Members that are not said are left
//! as they are, and differ in nothing.

mod agree;
mod health;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::agree::agrees;
pub use self::health::{Bounds, Violation, violations};
use super::fields;
use crate::model::{
    Destination, Secret, SeenAccount, nameless,
    plan::{FieldChange, SECRET},
};

/// An account as it is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The integration.
    pub partner: String,
    /// Its name.
    pub display_name: String,
    /// What it receives.
    pub kind: Vec<String>,
    /// Parameters by id.
    pub config: BTreeMap<String, Setting>,
    /// Which events travel: `events`, and `property_filters` where they are said.
    pub event_filter: Option<Value>,
    /// What properties are called at the other side.
    pub property_mappings: Option<Value>,
    /// Whether events travel.
    pub send_events: Option<bool>,
    /// Whether users travel.
    pub send_users: Option<bool>,
    /// Whether it runs.
    pub enabled: Option<bool>,
}

/// What a parameter is to be.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Anybody may see it.
    Shown(Value),
    /// Nobody may.
    Hidden {
        /// A text, or JSON.
        value: Secret,
        /// Whether it is JSON.
        is_json: bool,
        /// Whether the service never tells it: what it tells all the same is a mask.
        write_only: bool,
    },
}

/// What was last sent of a parameter that nobody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The value that is wanted.
    Same,
    /// Another one.
    Other,
    /// Nobody knows.
    Unknown,
}

/// What is written of an account.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    members: Map<String, Value>,
    hidden: BTreeMap<String, Setting>,
}

/// How an account differs from what is wanted.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// What changes, without secrets.
    pub fields: Vec<FieldChange>,
    /// What is written.
    pub patch: Patch,
}

impl Setting {
    /// Returns the value as it travels.
    fn wire(&self) -> Value {
        match self {
            Self::Shown(value) => value.clone(),
            Self::Hidden { value, is_json, .. } => {
                let text = || Value::String(value.expose().to_owned());
                if *is_json {
                    serde_json::from_str(value.expose()).unwrap_or_else(|_| text())
                } else {
                    text()
                }
            }
        }
    }

    /// Returns whether an account that tells this value has it.
    fn is(&self, told: &Value) -> bool {
        self.wire() == *told
    }
}

impl Patch {
    /// The patch that stops an account.
    pub fn disabling() -> Self {
        Self {
            members: Map::from_iter([("enabled".to_owned(), Value::Bool(false))]),
            hidden: BTreeMap::new(),
        }
    }

    /// Returns whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.hidden.is_empty()
    }

    /// Returns the members that are written.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.members.keys().map(String::as_str).collect();
        if !self.hidden.is_empty() && !names.contains(&"config") {
            names.push("config");
        }
        names.sort_unstable();
        names
    }

    /// Returns the members of which the service may see no difference: it may hold the same secret.
    pub fn doubtful(&self) -> Option<&'static str> {
        let certain = self.members.contains_key("config");
        (!self.hidden.is_empty() && !certain).then_some("config")
    }

    /// Returns the body that travels, secrets and all.
    pub fn body(&self) -> Value {
        let mut members = self.members.clone();
        if !self.hidden.is_empty() {
            let config = members.entry("config").or_insert_with(|| json!({}));
            for (id, setting) in &self.hidden {
                config[id] = setting.wire();
            }
        }
        Value::Object(members)
    }

    /// Returns what is left of a patch that was `planned`, where this one is what differs by now: what differs beside that is
    /// nobody's yet. None where the same member is to become something else.
    pub fn left(&self, planned: &Self) -> Option<Self> {
        let mut left = Self::default();
        for (key, value) in &planned.members {
            let Some(now) = self.members.get(key) else {
                continue;
            };
            let value = match (key.as_str(), value, now) {
                // Parameters are laid over what is there, each by itself.
                ("config", Value::Object(planned), Value::Object(now)) => {
                    let both = planned.iter().filter(|(id, _)| now.contains_key(*id));
                    let both: Map<String, Value> = both
                        .map(|(id, value)| (id.clone(), value.clone()))
                        .collect();
                    if both.is_empty() {
                        continue;
                    }
                    if both.iter().any(|(id, value)| now[id] != *value) {
                        return None;
                    }
                    Value::Object(both)
                }
                (_, value, now) if value != now => return None,
                (_, value, _) => value.clone(),
            };
            left.members.insert(key.clone(), value);
        }
        let hidden = planned.hidden.iter();
        let hidden = hidden.filter(|(id, _)| self.hidden.contains_key(*id));
        left.hidden = hidden
            .map(|(id, setting)| (id.clone(), setting.clone()))
            .collect();
        Some(left)
    }
}

impl Wanted {
    /// Returns what is said, without secrets: what a state remembers, and what is compared with what an account tells.
    pub fn shown(&self) -> Value {
        let config = self
            .config
            .iter()
            .filter_map(|(id, setting)| match setting {
                Setting::Shown(value) => Some((id.clone(), value.clone())),
                Setting::Hidden { .. } => None,
            });
        let config: Map<String, Value> = config.collect();
        let config = (!config.is_empty()).then_some(Value::Object(config));
        let said = [
            ("partner", Some(json!(self.partner))),
            ("display_name", Some(json!(self.display_name))),
            ("kind", Some(sorted(&json!(self.kind)))),
            ("config", config),
            ("event_filter", self.event_filter.as_ref().map(filter)),
            ("property_mappings", self.property_mappings.clone()),
            ("send_events", self.send_events.map(Value::Bool)),
            ("send_users", self.send_users.map(Value::Bool)),
            ("enabled", self.enabled.map(Value::Bool)),
        ];
        let said = said.into_iter();
        Value::Object(
            said.filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect(),
        )
    }

    /// Returns the parameters that nobody may see.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.config
            .iter()
            .filter_map(|(id, setting)| match setting {
                Setting::Hidden { value, .. } => Some((id.as_str(), value)),
                Setting::Shown(_) => None,
            })
    }

    /// Returns what makes an account of it.
    pub fn creation(&self) -> Difference {
        let said = self.shown();
        let mut nothing = json!({});
        for key in ["config", "event_filter", "property_mappings"]
            .iter()
            .filter(|key| said.get(key).is_some())
        {
            nothing[key] = json!({});
        }
        let mut fields = fields::changes(&nothing, &said);
        // Said by the line that the change begins with.
        fields.retain(|field| !["partner", "display_name"].contains(&field.path.as_str()));
        let mut patch = Patch::default();
        for (key, value) in said.as_object().into_iter().flatten() {
            let value = self.as_written(key).unwrap_or_else(|| value.clone());
            patch.members.insert(key.clone(), value);
        }
        for (id, setting) in &self.config {
            if let Setting::Hidden { .. } = setting {
                fields.push(hidden(id, Value::Null));
                patch.hidden.insert(id.clone(), setting.clone());
            }
        }
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Difference { fields, patch }
    }

    /// Returns what makes an account what is wanted. `sent` tells what was last sent of a parameter that nobody may see.
    pub fn difference(
        &self,
        live: &Destination,
        sent: &dyn Fn(&str, &Secret) -> Sent,
    ) -> Difference {
        let said = self.shown();
        let mut fields = fields::changes(&told(live, &said), &said);
        let mut patch = Patch::default();
        for field in &fields {
            let (key, parameter) = field.path.split_once('.').unwrap_or((&field.path, ""));
            match key {
                // No call gives an account to another integration; who plans says so.
                "partner" => {}
                "config" => {
                    let config = patch.members.entry("config").or_insert_with(|| json!({}));
                    // A parameter goes whole, whatever of it differs; an id may have dots in it.
                    let of = |id: &&String| {
                        let rest = parameter.strip_prefix(id.as_str());
                        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    };
                    let id = self.config.keys().filter(of).max_by_key(|id| id.len());
                    if let Some(id) = id {
                        config[id] = self.config[id].wire();
                    }
                }
                "event_filter" => {
                    let merged = merged(&live.event_filter, self.event_filter.as_ref());
                    patch.members.insert(key.to_owned(), merged);
                }
                key => {
                    let value = self.as_written(key).unwrap_or_else(|| said[key].clone());
                    patch.members.insert(key.to_owned(), value);
                }
            }
        }
        for (id, setting) in &self.config {
            let Setting::Hidden {
                value, write_only, ..
            } = setting
            else {
                continue;
            };
            let told = live.config.get(id).filter(|_| !write_only);
            let before = match (told, sent(id, value)) {
                (Some(told), _) if setting.is(told) => continue,
                (Some(_), _) | (None, Sent::Other) => json!(SECRET),
                (None, Sent::Same) => continue,
                (None, Sent::Unknown) => Value::Null,
            };
            fields.push(hidden(id, before));
            patch.hidden.insert(id.clone(), setting.clone());
        }
        for field in fields.iter_mut().filter(|it| is_typed(&it.path)) {
            field.before = nameless(&field.before);
        }
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Difference { fields, patch }
    }

    /// Returns a list in the order in which it is written, where its order is not compared.
    fn as_written(&self, key: &str) -> Option<Value> {
        match key {
            "kind" => Some(json!(self.kind)),
            "event_filter" => self.event_filter.clone(),
            _ => None,
        }
    }
}

/// Returns what differs from what was applied: path, as it was applied, as it is. `secrets` are parameters that were sent
/// and that nobody may see; `same` tells of one that is told all the same whether it is what was sent. What stops an account
/// is told whether it is declared or not; a version that moved where nothing shows why but that it is paused.
pub fn drift(
    (applied, seen): (&Value, SeenAccount),
    secrets: impl Iterator<Item = String>,
    live: &Destination,
    same: &dyn Fn(&str, &Value) -> bool,
) -> Vec<FieldChange> {
    let mut changes = fields::changes(applied, &told(live, applied));
    for change in changes.iter_mut().filter(|it| is_typed(&it.path)) {
        change.after = nameless(&change.after);
    }
    for id in secrets {
        if live.config.get(&id).is_some_and(|told| !same(&id, told)) {
            changes.push(hidden(&id, json!(SECRET)));
        }
    }
    let mut moved = |path: &str, before: Value, after: Value| {
        let known = changes.iter().any(|change| change.path == path);
        if !known && !before.is_null() && before != after {
            changes.push(FieldChange {
                path: path.to_owned(),
                before,
                after,
            });
        }
    };
    moved("enabled", json!(seen.enabled), json!(live.enabled));
    // A stream that somebody resumed is as it should be.
    let unpaused = seen.paused.filter(|paused| !paused);
    moved("paused", json!(unpaused), json!(live.paused));
    if changes.iter().all(|change| change.path == "paused") {
        let (before, after) = (seen.version, live.version);
        changes.extend(before.filter(|_| before != after).map(|_| FieldChange {
            path: "version".to_owned(),
            before: json!(before),
            after: json!(after),
        }));
    }
    changes
}

/// Returns the paths of what was applied and is no longer said: it stays in the account as it is. `secrets` are the
/// parameters of it that nobody may see, and `says` tells of a parameter whether it is said.
pub fn dropped<'s>(
    applied: &'s Value,
    secrets: impl Iterator<Item = &'s String>,
    said: &Value,
    says: impl Fn(&str) -> bool,
) -> Vec<String> {
    let keys = |of: &'s Value| of.as_object().into_iter().flatten().map(|(key, _)| key);
    let mut dropped: Vec<String> = keys(applied)
        .filter(|key| *key != "config" && said.get(key.as_str()).is_none())
        .cloned()
        .collect();
    let parameters = keys(&applied["config"]).chain(secrets);
    let parameters = parameters.filter(|id| !says(id));
    dropped.extend(parameters.map(|id| format!("config.{id}")));
    if let Some(filter) = said.get("event_filter") {
        let members =
            keys(&applied["event_filter"]).filter(|key| filter.get(key.as_str()).is_none());
        dropped.extend(members.map(|key| format!("event_filter.{key}")));
    }
    dropped.sort();
    dropped.dedup();
    dropped
}

/// Returns what is said otherwise than it was applied, where nobody sees the account; what is no longer said stays as it is.
pub fn reworded(applied: &Value, said: &Value) -> Vec<FieldChange> {
    let within = |applied: &Value, said: &Value| {
        let members = applied.as_object().cloned().unwrap_or_default();
        let kept = members
            .into_iter()
            .filter(|(key, _)| said.get(key).is_some());
        Value::Object(kept.collect())
    };
    let mut before = within(applied, said);
    for key in ["config", "event_filter"] {
        if let Some(of) = before.get_mut(key) {
            *of = within(of, &said[key]);
        }
    }
    fields::changes(&before, said)
}

/// Whether somebody may have typed a person there. What is declared may be shown; what is told of it is not.
fn is_typed(path: &str) -> bool {
    path == "display_name" || path.starts_with("event_filter.property_filters")
}

fn hidden(id: &str, before: Value) -> FieldChange {
    FieldChange {
        path: format!("config.{id}"),
        before,
        after: json!(SECRET),
    }
}

/// What an account tells of what is said, in the same form.
fn told(live: &Destination, said: &Value) -> Value {
    let mut told = Map::new();
    for (key, value) in said.as_object().into_iter().flatten() {
        let is = match key.as_str() {
            "partner" => json!(live.partner),
            "display_name" => json!(live.display_name),
            "kind" => sorted(&json!(live.kind)),
            "config" => {
                let ids = value.as_object().into_iter().flatten();
                let of = ids.filter_map(|(id, _)| Some((id.clone(), live.config.get(id)?.clone())));
                Value::Object(of.collect())
            }
            "event_filter" => {
                let mut is = filter(&live.event_filter);
                if let Some(members) = is.as_object_mut() {
                    members.retain(|key, _| value.get(key).is_some());
                }
                is
            }
            "property_mappings" => mappings(&live.property_mappings),
            "send_events" => json!(live.send_events),
            "send_users" => json!(live.send_users),
            "enabled" => json!(live.enabled),
            _ => continue,
        };
        told.insert(key.clone(), is);
    }
    Value::Object(told)
}

/// A filter in the form in which filters are compared: its events are a set.
fn filter(filter: &Value) -> Value {
    let mut filter = filter.clone();
    if let Some(events) = filter.get_mut("events") {
        *events = sorted(events);
    }
    filter
}

/// What is said, laid over what an account has beside it.
fn merged(live: &Value, said: Option<&Value>) -> Value {
    let mut whole = live.as_object().cloned().unwrap_or_default();
    let said = said.and_then(Value::as_object).into_iter().flatten();
    for (key, value) in said {
        whole.insert(key.clone(), value.clone());
    }
    Value::Object(whole)
}

/// Mappings in the form in which they are compared: each property with its name at the other side.
fn mappings(mappings: &Value) -> Value {
    let pairs = mappings.as_array().into_iter().flatten();
    let pairs =
        pairs.filter_map(|pair| Some((pair["from"].as_str()?.to_owned(), pair["to"].clone())));
    match mappings {
        Value::Object(_) => mappings.clone(),
        _ => Value::Object(pairs.collect()),
    }
}

fn sorted(list: &Value) -> Value {
    let mut items = list.as_array().cloned().unwrap_or_default();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

#[cfg(test)]
mod tests;
