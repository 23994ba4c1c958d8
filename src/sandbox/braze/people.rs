//! Every profile, found by any identifier. It must not know why one is written.

use std::{
    fmt::Write as _,
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    definitions::Definitions,
    happenings::written,
    index::Index,
    lag::Lag,
    objects::Who,
    profile::{Names, Place, Profile, hollow},
};
use crate::sandbox::Error;

/// The user base.
#[derive(Debug, Default)]
pub(crate) struct People {
    names: Names,
    profiles: Vec<Profile>,
    index: Index,
    writes: u64,
    lag: Lag,
    /// What is known of custom attributes.
    pub(crate) definitions: Definitions,
}

impl People {
    /// Reads profiles in the export shape, one a line; a file that is not there has none.
    pub(crate) fn load(path: &Path, definitions: Definitions) -> Result<Self, Error> {
        let mut people = Self {
            definitions,
            ..Self::default()
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(people),
            Err(error) => return Err(Error::file(path)(error)),
        };
        // Four identifiers each, at some 300 bytes a line.
        let bytes = file.metadata().map_or(0, |data| data.len());
        people.index.reserve(bytes as usize / 75);
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            if reader.read_line(&mut line).map_err(Error::file(path))? == 0 {
                break;
            }
            if line.trim().is_empty() {
                continue;
            }
            // `Value`'s own parser is optimised even in a debug build.
            let Ok(Value::Object(object)) = line.parse() else {
                return Err(Error::Content {
                    path: path.to_owned(),
                    line: Some(number),
                    problem: "not a JSON object".to_owned(),
                });
            };
            let custom = object.get("custom_attributes").and_then(Value::as_object);
            for (name, value) in custom.into_iter().flatten() {
                people.definitions.note(name, value);
            }
            people.insert(line.trim(), &object);
        }
        people.profiles.shrink_to_fit();
        Ok(people)
    }

    /// Delays what exports see from now on.
    pub(crate) fn set_lag(&mut self, delay: Duration) {
        self.lag.set(delay);
    }

    /// Returns how many profiles there are.
    pub(crate) fn len(&self) -> usize {
        let there = self.profiles.iter().filter(|profile| !profile.gone());
        there.count()
    }

    /// Returns how many places there are: each profile that ever was has one, and is known by its number.
    pub(crate) fn places(&self) -> usize {
        self.profiles.len()
    }

    fn insert(&mut self, line: &str, object: &Map<String, Value>) -> u32 {
        let profile = self.profiles.len() as u32;
        for who in identifiers(object) {
            self.index.add(&who, profile);
        }
        let identified = object.get("external_id").is_some_and(Value::is_string);
        self.profiles.push(Profile::new(line, identified));
        profile
    }

    /// Returns the profiles an identifier finds, oldest first.
    pub(crate) fn all(&self, who: &Who<'_>) -> impl Iterator<Item = u32> {
        self.index.find(who)
    }

    /// Returns the profile an identifier means: of several, the one written last among those with an external id, else
    /// among all (braze.md 6.2).
    pub(crate) fn find(&self, who: &Who<'_>) -> Option<u32> {
        self.index.find(who).max_by_key(|profile| {
            let profile = &self.profiles[*profile as usize];
            (profile.identified, profile.touched)
        })
    }

    /// Returns the profile without an external id that an identifier means: of several, the one written last.
    pub(crate) fn find_anonymous(&self, who: &Who<'_>) -> Option<u32> {
        let known = |profile: &u32| &self.profiles[*profile as usize];
        let found = self.index.find(who);
        found
            .filter(|profile| !known(profile).identified)
            .max_by_key(|profile| known(profile).touched)
    }

    /// Returns what a cohort's member is called: its external id, else its first device, else its first alias, else
    /// what Braze calls it.
    pub(crate) fn called(&self, profile: u32) -> Value {
        if let Some(id) = self.profiles[profile as usize].external_id(&self.names) {
            return json!({"external_id": id});
        }
        let first = |name: &str| {
            let mut list = self.value(profile, Place::Field(name))?;
            list.get_mut(0).map(Value::take)
        };
        if let Some(device) = first("devices").filter(|device| device["device_id"].is_string()) {
            return json!({"device_id": device["device_id"]});
        }
        match first("user_aliases") {
            Some(alias) => json!({"alias": {
                "alias_name": alias["alias_name"], "alias_label": alias["alias_label"],
            }}),
            None => json!({"braze_id": self.value(profile, Place::Field("braze_id"))}),
        }
    }

    /// Makes a profile with one identifier.
    pub(crate) fn create(&mut self, who: &Who<'_>, now: Timestamp) -> u32 {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        match who {
            Who::External(id) => put("external_id", json!(id)),
            Who::Alias { name, label } => put(
                "user_aliases",
                json!([{"alias_name": name, "alias_label": label}]),
            ),
            Who::Email(email) => put("email", json!(email.to_lowercase())),
            Who::Phone(phone) => put("phone", json!(phone)),
            Who::Device(id) => put("devices", json!([{"device_id": id}])),
            Who::Braze(_) => None,
        };
        let braze_id = braze_id(self.profiles.len(), &object, now);
        object.insert("braze_id".to_owned(), json!(braze_id));
        object.insert("created_at".to_owned(), json!(written(now)));
        object.insert("custom_attributes".to_owned(), json!({}));
        let line = Value::Object(object.clone()).to_string();
        let profile = self.insert(&line, &object);
        self.note(profile, None, now);
        profile
    }

    /// Announces a write to a profile that is there: exports may have to see what it was.
    pub(crate) fn touch(&mut self, profile: u32, now: Timestamp) {
        let before = self.lag.keeps().then(|| self.shown(profile));
        self.note(profile, before, now);
    }

    /// Forgets a profile: no identifier finds it any more, and what it held is gone. Exports see that at once, whatever
    /// the lag: "usually under a second" (braze.md 10.5).
    pub(crate) fn forget(&mut self, profile: u32) {
        let held = self.shown(profile);
        for who in identifiers(&held) {
            self.index.remove(&who, profile);
        }
        self.profiles[profile as usize].clear();
    }

    /// Returns when a profile was written last, in order of writes, and whether it has an external id.
    pub(crate) fn standing(&self, profile: u32) -> (u64, bool) {
        let profile = &self.profiles[profile as usize];
        (profile.touched, profile.identified)
    }

    fn note(&mut self, profile: u32, before: Option<Map<String, Value>>, now: Timestamp) {
        self.writes += 1;
        self.profiles[profile as usize].touched = self.writes;
        if self.lag.keeps() {
            self.lag.keep(profile, before, now);
        }
    }

    /// Returns a value of a profile.
    pub(crate) fn value(&self, profile: u32, place: Place<'_>) -> Option<Value> {
        self.profiles[profile as usize].value(&self.names, place)
    }

    /// Sets a value of a profile, or removes it.
    pub(crate) fn set(&mut self, profile: u32, place: Place<'_>, value: Option<&Value>) {
        if let Place::Field(
            name @ ("external_id" | "email" | "phone" | "user_aliases" | "devices" | "braze_id"),
        ) = place
        {
            self.reindex(profile, name, value);
        }
        if let (Place::Custom(name), Some(value)) = (place, value) {
            self.definitions.note(name, value);
        }
        let slot = self.names.slot(place);
        self.profiles[profile as usize].set(slot, value);
    }

    fn reindex(&mut self, profile: u32, name: &str, value: Option<&Value>) {
        let as_object =
            |value: Option<Value>| Map::from_iter([(name.to_owned(), value.unwrap_or_default())]);
        let before = as_object(self.value(profile, Place::Field(name)));
        let after = as_object(value.cloned());
        for who in identifiers(&before) {
            self.index.remove(&who, profile);
        }
        for who in identifiers(&after) {
            self.index.add(&who, profile);
        }
        if name == "external_id" {
            self.profiles[profile as usize].identified = value.is_some();
        }
    }

    /// Returns a profile as it is.
    pub(crate) fn shown(&self, profile: u32) -> Map<String, Value> {
        self.profiles[profile as usize].shown(&self.names)
    }

    /// Returns a profile as exports see it now; none if they do not yet.
    pub(crate) fn seen(&self, profile: u32, now: Timestamp) -> Option<Map<String, Value>> {
        match self.lag.seen(profile, now) {
            Some(before) => before.clone(),
            None => Some(self.shown(profile)),
        }
    }

    /// Tells whether a place is somebody's, as exports see it now.
    pub(crate) fn there(&self, profile: u32, now: Timestamp) -> bool {
        let gone = self.profiles[profile as usize].gone();
        !gone && self.lag.seen(profile, now).is_none_or(Option::is_some)
    }

    /// Returns a custom attribute of a profile as exports see it now; none if it is null or empty.
    pub(crate) fn attribute_of(&self, profile: u32, name: &str, now: Timestamp) -> Option<Value> {
        let value = match self.lag.seen(profile, now) {
            Some(before) => before
                .as_ref()?
                .get("custom_attributes")?
                .get(name)
                .cloned(),
            None => self.value(profile, Place::Custom(name)),
        };
        value.filter(|value| !hollow(value))
    }

    /// Returns a profile's external id.
    pub(crate) fn external_id(&self, profile: u32) -> Option<String> {
        self.profiles[profile as usize].external_id(&self.names)
    }

    /// Returns a custom attribute of everybody who has it and an external id, as the text of a JSON object: a value
    /// each for two million people would be a gigabyte.
    pub(crate) fn attribute(&self, name: &str) -> String {
        let mut text = String::from("{");
        for profile in &self.profiles {
            let value = profile.value(&self.names, Place::Custom(name));
            let Some(value) = value.filter(|value| *value != json!([])) else {
                continue;
            };
            if let Some(id) = profile.external_id(&self.names) {
                let comma = if text.len() > 1 { "," } else { "" };
                let _ = write!(text, "{comma}{}:{value}", Value::String(id));
            }
        }
        text.push('}');
        text
    }

    /// Writes every profile as it is, one a line.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for profile in &self.profiles {
            writeln!(out, "{}", profile.line(&self.names))?;
        }
        Ok(())
    }
}

/// Returns every identifier in an object of the export shape.
fn identifiers(object: &Map<String, Value>) -> impl Iterator<Item = Who<'_>> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let items = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let aliases = items("user_aliases").filter_map(|alias| {
        let (name, label) = (
            alias["alias_name"].as_str()?,
            alias["alias_label"].as_str()?,
        );
        Some(Who::Alias { name, label })
    });
    let devices =
        items("devices").filter_map(|device| device["device_id"].as_str().map(Who::Device));
    let single = [
        text("external_id").map(Who::External),
        text("braze_id").map(Who::Braze),
        text("email").map(Who::Email),
        text("phone").map(Who::Phone),
    ];
    single.into_iter().flatten().chain(aliases).chain(devices)
}

/// Twenty-four hexadecimal characters, the same whenever a log is replayed.
fn braze_id(count: usize, object: &Map<String, Value>, now: Timestamp) -> String {
    let mut hash = DefaultHasher::new();
    (count, Value::Object(object.clone()).to_string()).hash(&mut hash);
    format!("{:08x}{:016x}", now.as_second() as u32, hash.finish())
}
