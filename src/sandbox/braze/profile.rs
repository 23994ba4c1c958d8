//! One profile: the line it came as and what changed since. Two million of them must fit in memory, so nothing is parsed
//! before it is needed. It must not know who may change it.

use std::{borrow::Cow, collections::HashMap};

use serde_json::{Map, Value, json};

/// Where a value lives on a profile in the export shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place<'a> {
    /// At the top: `email`, `devices`.
    Field(&'a str),
    /// Under `custom_attributes`.
    Custom(&'a str),
}

/// A place, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u32);

/// The names of all places ever written.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Vec<(bool, Box<str>)>,
    fields: HashMap<Box<str>, Slot>,
    custom: HashMap<Box<str>, Slot>,
}

impl Names {
    /// Returns a place's number, a new one if need be.
    pub(crate) fn slot(&mut self, place: Place<'_>) -> Slot {
        if let Some(slot) = self.find(place) {
            return slot;
        }
        let slot = Slot(self.known.len() as u32);
        let (custom, name) = match place {
            Place::Field(name) => (false, name),
            Place::Custom(name) => (true, name),
        };
        self.known.push((custom, name.into()));
        let numbers = if custom {
            &mut self.custom
        } else {
            &mut self.fields
        };
        numbers.insert(name.into(), slot);
        slot
    }

    /// Returns a place's number if it was ever written.
    pub(crate) fn find(&self, place: Place<'_>) -> Option<Slot> {
        match place {
            Place::Field(name) => self.fields.get(name).copied(),
            Place::Custom(name) => self.custom.get(name).copied(),
        }
    }

    fn place(&self, slot: Slot) -> Place<'_> {
        let (custom, name) = &self.known[slot.0 as usize];
        if *custom {
            Place::Custom(name)
        } else {
            Place::Field(name)
        }
    }
}

/// The line of nobody. Profiles are known by their numbers, so a place is never given to another.
const GONE: &str = "{}";

#[derive(Debug)]
struct Change {
    slot: Slot,
    value: Option<Box<str>>,
}

/// A profile.
#[derive(Debug)]
pub(crate) struct Profile {
    line: Box<str>,
    changes: Vec<Change>,
    /// When it was last written, in order of writes.
    pub(crate) touched: u64,
    /// Whether it has an external id.
    pub(crate) identified: bool,
}

impl Profile {
    /// Keeps a line, a JSON object in the export shape.
    pub(crate) fn new(line: &str, identified: bool) -> Self {
        Self {
            line: line.into(),
            changes: Vec::new(),
            touched: 0,
            identified,
        }
    }

    /// Makes of it what is left of somebody who is gone: nothing, in the place where they were.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(GONE, false);
    }

    /// Tells whether this is only the place of somebody who is gone.
    pub(crate) fn gone(&self) -> bool {
        &*self.line == GONE && self.changes.is_empty()
    }

    /// Returns the value at a place.
    pub(crate) fn value(&self, names: &Names, place: Place<'_>) -> Option<Value> {
        let changed = names
            .find(place)
            .and_then(|slot| self.changes.iter().find(|change| change.slot == slot));
        if let Some(change) = changed {
            return change.value.as_ref()?.parse().ok();
        }
        let (Place::Field(name) | Place::Custom(name)) = place;
        if plain(name) && !self.line.contains(name) {
            return None;
        }
        let mut object = self.object();
        let value = match place {
            Place::Field(name) => object.get_mut(name).map(Value::take),
            Place::Custom(name) => object
                .get_mut("custom_attributes")?
                .get_mut(name)
                .map(Value::take),
        };
        value.filter(|value| !value.is_null())
    }

    /// Returns the external id without reading the rest of the line.
    pub(crate) fn external_id(&self, names: &Names) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Line {
            external_id: Option<String>,
        }
        let place = Place::Field("external_id");
        if names.find(place).is_some() {
            return self.value(names, place)?.as_str().map(str::to_owned);
        }
        serde_json::from_str::<Line>(&self.line).ok()?.external_id
    }

    /// Sets the value at a place, or removes it.
    pub(crate) fn set(&mut self, slot: Slot, value: Option<&Value>) {
        let value = value.map(|value| value.to_string().into_boxed_str());
        if let Some(change) = self.changes.iter_mut().find(|change| change.slot == slot) {
            change.value = value;
        } else {
            self.changes.reserve_exact(1);
            self.changes.push(Change { slot, value });
        }
    }

    /// Returns the profile as a line; one that never changed is still the line it came as.
    pub(crate) fn line(&self, names: &Names) -> Cow<'_, str> {
        if self.changes.is_empty() {
            return Cow::Borrowed(&self.line);
        }
        Cow::Owned(Value::Object(self.shown(names)).to_string())
    }

    /// Returns the whole profile in the export shape, whatever is null or empty left out (braze.md 11).
    pub(crate) fn shown(&self, names: &Names) -> Map<String, Value> {
        let mut object = self.object();
        for change in &self.changes {
            let value = change
                .value
                .as_ref()
                .and_then(|text| text.parse::<Value>().ok());
            let (target, name) = match names.place(change.slot) {
                Place::Field(name) => (&mut object, name),
                Place::Custom(name) => {
                    let custom = object
                        .entry("custom_attributes")
                        .or_insert_with(|| json!({}));
                    let Some(custom) = custom.as_object_mut() else {
                        continue;
                    };
                    (custom, name)
                }
            };
            match value {
                Some(value) => drop(target.insert(name.to_owned(), value)),
                None => drop(target.shift_remove(name)),
            }
        }
        if let Some(Value::Object(custom)) = object.get_mut("custom_attributes") {
            custom.retain(|_, value| !hollow(value));
        }
        object.retain(|_, value| !hollow(value));
        object
    }

    fn object(&self) -> Map<String, Value> {
        match self.line.parse() {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        }
    }
}

/// Tells whether JSON writes a name as it is. Most profiles never had the attribute in question, and a search of the
/// text costs a tenth of reading it.
fn plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte))
}

/// Null, or an array or object with nothing in it. An empty string is a value (braze.md 7.2).
pub(crate) fn hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
