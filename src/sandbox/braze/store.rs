//! Everything Braze keeps, and how a log brings it back. It must not answer requests.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    aliases,
    clicks::{listed, load_segments},
    cohorts::Cohorts,
    definitions::Definitions,
    delete, merge,
    objects::Batch,
    people::People,
    profile::Place,
    track,
};
use crate::sandbox::{
    Error,
    call::json as read,
    world::{Record, kind},
};

/// People, what happened to them, the segments and the imported cohorts.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// The user base.
    pub(crate) people: People,
    /// Accepted events and purchases as they were sent, in order: `(is it a purchase, its JSON)`.
    pub(crate) happenings: Vec<(bool, Box<str>)>,
    /// Segments with their list and details members.
    pub(crate) segments: Vec<Value>,
    /// Cohorts that partners imported.
    pub(crate) cohorts: Cohorts,
}

impl Store {
    /// Reads a snapshot, or a scenario's files; those that are not there are empty.
    pub(crate) fn load(
        profiles: &Path,
        segments: &Path,
        events: &Path,
        cohorts: &Path,
        attributes: &Path,
    ) -> Result<Self, Error> {
        let people = People::load(profiles, Definitions::load(attributes)?)?;
        let mut store = Self {
            cohorts: Cohorts::load(cohorts, people.places())?,
            people,
            ..Self::default()
        };
        store.segments = load_segments(segments)?;
        if let Ok(text) = fs::read_to_string(events) {
            let parted = text.lines().filter_map(|line| line.split_at_checked(1));
            store.happenings = parted
                .map(|(kind, line)| (kind == "p", line.into()))
                .collect();
        }
        Ok(store)
    }

    /// Does again what a log says was accepted.
    pub(crate) fn replay(&mut self, record: &Record) {
        let Some(body) = read(&record.payload) else {
            return;
        };
        match record.kind {
            kind::TRACK => {
                if let Some(batch) = Batch::read(&body) {
                    track::apply(self, &batch, record.at);
                }
            }
            kind::SET => self.set(&body, record.at),
            kind::ATTRIBUTE => drop(self.define(&body)),
            kind::SEGMENTS => self.segments = listed(body),
            kind::COHORT | kind::COHORT_USERS => {
                self.import(record.kind, &body);
            }
            kind::ALIASES | kind::ALIAS_UPDATES => {
                aliases::apply(&mut self.people, record.kind, &body, record.at);
            }
            kind::DELETE => {
                self.delete(&body);
            }
            kind::MERGE => self.merge(&body, record.at),
            _ => {}
        }
    }

    /// Deletes everybody whom the body of a `POST /users/delete` means, and returns how many they were.
    pub(crate) fn delete(&mut self, body: &Value) -> usize {
        let meant = delete::meant(&self.people, body);
        for profile in &meant {
            self.forget(*profile);
        }
        meant.len()
    }

    /// Merges whom the body of a `POST /users/merge` means. The order among merges is not guaranteed (braze.md 10.4):
    /// whoever relies on it fails here.
    pub(crate) fn merge(&mut self, body: &Value, now: Timestamp) {
        let merges = body["merge_updates"].as_array();
        for merge in merges.into_iter().flatten().rev() {
            if let Some(gone) = merge::apply(&mut self.people, merge, now) {
                self.forget(gone);
            }
        }
    }

    /// Forgets a profile, and that it was anywhere a member.
    fn forget(&mut self, profile: u32) {
        self.people.forget(profile);
        self.cohorts.forget(profile);
    }

    /// Does what a partner told about a cohort, and returns the data points.
    pub(crate) fn import(&mut self, kind: u8, told: &Value) -> u64 {
        if kind == kind::COHORT {
            self.cohorts.rename(told);
            return 0;
        }
        self.cohorts.change(&self.people, told)
    }

    /// Sets attributes behind everybody's back: `{"external_id", "attributes"}`; creates the profile if need be.
    pub(crate) fn set(&mut self, body: &Value, now: Timestamp) {
        let (Some(id), Some(attributes)) =
            (body["external_id"].as_str(), body["attributes"].as_object())
        else {
            return;
        };
        let mut members = attributes.clone();
        let custom = match members.shift_remove("custom_attributes") {
            Some(Value::Object(custom)) => custom,
            _ => Map::new(),
        };
        let who = super::Who::External(id);
        let profile = match self.people.find(&who) {
            Some(profile) => {
                self.people.touch(profile, now);
                profile
            }
            None => self.people.create(&who, now),
        };
        // Fields of the export shape that `/users/track` cannot write.
        for name in [
            "user_aliases",
            "devices",
            "braze_id",
            "created_at",
            "custom_events",
            "purchases",
        ] {
            if let Some(value) = members.shift_remove(name) {
                let value = Some(&value).filter(|value| !value.is_null());
                self.people.set(profile, Place::Field(name), value);
            }
        }
        track::write_attributes(&mut self.people, profile, &members, None);
        track::write_custom(&mut self.people, profile, &custom, false);
    }

    /// Defines an attribute: `{"name", …}`, as a scenario's file has it.
    pub(crate) fn define(&mut self, body: &Value) -> Result<(), String> {
        let (Some(name), Some(members)) = (body["name"].as_str(), body.as_object()) else {
            return Err("an attribute without a name".to_owned());
        };
        self.people.definitions.define(name, members)
    }

    /// Writes every profile, one a line.
    pub(crate) fn write_profiles(&self, out: &mut impl Write) -> io::Result<()> {
        self.people.write(out)
    }

    /// Writes every event and purchase, one a line.
    pub(crate) fn write_events(&self, out: &mut impl Write) -> io::Result<()> {
        for (purchase, line) in &self.happenings {
            writeln!(out, "{}{line}", if *purchase { "p" } else { "e" })?;
        }
        Ok(())
    }

    /// Returns a segment.
    pub(crate) fn segment(&self, id: Option<&str>) -> Option<Value> {
        let meant = |segment: &&Value| id.is_some_and(|id| segment["id"] == id);
        self.segments.iter().find(meant).cloned()
    }

    /// Returns the segments as a file holds them.
    pub(crate) fn segments_file(&self) -> Value {
        json!({"segments": self.segments})
    }
}
