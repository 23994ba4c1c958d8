//! Cohorts and their files on disk. It must not serve them; what replaces one is swapped in a single step.

mod made;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    history, hour::Hour, lines::Lines, people::People, register::Register, stored::Stored,
};
use crate::sandbox::{Error, world};

#[derive(Clone, Debug)]
struct Entry {
    cohort: Value,
    file: Option<Arc<Stored>>,
    /// Whether a client made it: then another scenario leaves it.
    uploaded: bool,
}

/// Of a project without cohorts.
const PROJECT: &str = "153957";

/// Every cohort, in the order of the list.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    entries: Vec<Entry>,
    /// Of the User Profile API; none: a scenario without them, where everybody is unknown.
    people: Option<People>,
    /// Of the Export API; none: nothing ever happened.
    events: Option<Lines>,
    /// Named by hand, or once in a static cohort; none: nobody.
    named: Option<Lines>,
    /// Destinations and what else is no cohort.
    register: Register,
    /// How often a cohort's file was replaced by another's: what was learnt from it may not be true any more.
    epoch: u64,
    next: u64,
}

impl Shelf {
    /// Opens the cohorts of a world, and removes files that nothing names.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let index = world::read_json(&dir.join("amplitude.json"))?.unwrap_or_default();
        let mut shelf = Self {
            dir: dir.to_owned(),
            entries: Vec::new(),
            people: None,
            events: None,
            named: None,
            register: Register::read(&index["register"]),
            epoch: 0,
            next: index["next"].as_u64().unwrap_or_default(),
        };
        for entry in index["cohorts"].as_array().into_iter().flatten() {
            let file = entry["file"].as_str().map(|name| shelf.stored(name));
            let cohort = entry["cohort"].clone();
            shelf.entries.push(Entry {
                cohort,
                file,
                uploaded: entry["uploaded"] == true,
            });
        }
        let people = index["profiles"].as_str().map(|name| shelf.path(name));
        shelf.people = people.map(People::open).transpose()?;
        let events = index["events"].as_str().map(|name| shelf.path(name));
        shelf.events = events.map(Lines::open).transpose()?;
        let named = index["named"].as_str().map(|name| shelf.path(name));
        shelf.named = named.map(Lines::open).transpose()?;
        let profiles = shelf.people.as_ref().and_then(People::file_name);
        let named = |name: &str| {
            let cohort = shelf.entries.iter().any(|entry| entry.name() == Some(name));
            let events = shelf.events.as_ref().and_then(Lines::file_name);
            let people = shelf.named.as_ref().and_then(Lines::file_name);
            cohort || [profiles, events, people].contains(&Some(name))
        };
        world::sweep(&dir.join("cohorts"), named)?;
        Ok(shelf)
    }

    /// Returns how many cohorts there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the cohort objects, in order.
    pub(crate) fn cohorts(&self) -> impl Iterator<Item = &Value> {
        self.entries.iter().map(|entry| &entry.cohort)
    }

    /// Returns a cohort and its file.
    pub(crate) fn find(&self, id: &str) -> Option<(&Value, Option<Arc<Stored>>)> {
        let entry = self.entries.iter().find(|entry| entry.cohort["id"] == id)?;
        Some((&entry.cohort, entry.file.clone()))
    }

    /// Replaces everything by what a scenario says.
    pub(crate) fn replace(&mut self, scenario: &Path) -> Result<(), Error> {
        world::known(scenario)?;
        let list = scenario.join("amplitude/cohorts.json");
        let read = world::read_json(&list)?.unwrap_or_else(|| json!({"cohorts": []}));
        let wrong = |problem: &str| Error::Content {
            path: list.clone(),
            line: None,
            problem: problem.to_owned(),
        };
        let cohorts = read["cohorts"]
            .as_array()
            .ok_or_else(|| wrong("no array `cohorts`"))?;
        let mut entries = Vec::with_capacity(cohorts.len());
        for cohort in cohorts {
            let id = cohort["id"]
                .as_str()
                .ok_or_else(|| wrong("a cohort without an id"))?;
            let from = scenario.join("amplitude/cohorts").join(format!("{id}.csv"));
            let name = self.fresh(".csv");
            let file = self.stored(&name);
            world::copy(&from, &file.path)?;
            let mut cohort = cohort.clone();
            self.move_on(&mut cohort, &file.path);
            entries.push(Entry {
                cohort,
                file: Some(file),
                uploaded: false,
            });
        }
        let project = project(&entries);
        let register = self
            .register
            .replaced(scenario, read["sync_info"] != false, &project)?;
        for made in self.entries.iter().filter(|entry| entry.uploaded) {
            if !entries
                .iter()
                .any(|entry| entry.cohort["id"] == made.cohort["id"])
            {
                entries.push(made.clone());
            }
        }
        let name = self.fresh(".jsonl");
        let people = People::copy(
            &scenario.join("amplitude/profiles.jsonl"),
            &self.path(&name),
        )?;
        let name = self.fresh(".lines");
        let events = history::copy(scenario, &self.path(&name))?;
        let people = std::mem::replace(&mut self.people, people);
        let events = std::mem::replace(&mut self.events, events);
        let register = std::mem::replace(&mut self.register, register);
        if let Err(error) = self.swap(entries) {
            (self.people, self.events, self.register) = (people, events, register);
            return Err(error);
        }
        self.epoch += 1;
        people.into_iter().for_each(People::discard);
        events.into_iter().for_each(Lines::discard);
        Ok(())
    }

    /// Returns whom the User Profile API knows.
    pub(crate) fn people(&self) -> Option<&People> {
        self.people.as_ref()
    }

    /// Replaces what the User Profile API knows of a person.
    pub(crate) fn put_person(&mut self, person: &Map<String, Value>) -> Result<(), Error> {
        if self.people.is_none() {
            let name = self.fresh(".jsonl");
            self.people = Some(People::empty(self.path(&name))?);
            if let Err(error) = self.swap(self.entries.clone()) {
                self.people = None;
                return Err(error);
            }
        }
        self.people
            .as_mut()
            .map_or(Ok(()), |people| people.put(person))
    }

    /// Returns what the Export API knows.
    pub(crate) fn events(&self) -> Option<&Lines> {
        self.events.as_ref()
    }

    /// Adds lines to what the Export API knows.
    pub(crate) fn add_events(&mut self, lines: &[(Hour, &[u8])]) -> Result<(), Error> {
        if self.events.is_none() {
            let name = self.fresh(".lines");
            self.events = Some(Lines::empty(self.path(&name))?);
            if let Err(error) = self.swap(self.entries.clone()) {
                self.events = None;
                return Err(error);
            }
        }
        let Some(events) = &mut self.events else {
            return Ok(());
        };
        let added = events.add(lines.iter().copied());
        added.map_err(Error::file(&self.dir))
    }

    /// Sets members of a cohort's object, keeping its file. A new cohort is a published one, computed now.
    pub(crate) fn put(
        &mut self,
        id: &str,
        members: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut entries = self.entries.clone();
        let known = entries.iter().position(|entry| entry.cohort["id"] == id);
        let place = known.unwrap_or_else(|| {
            let second = now.as_second();
            let cohort = json!({
                "appId": 1, "archived": false, "definition": {}, "description": "", "finished": true, "id": id,
                "name": id, "owners": [], "viewers": [], "published": true, "size": 0, "type": "redshift",
                "lastMod": second, "createdAt": second, "lastComputed": second, "hidden": false,
            });
            entries.push(Entry {
                cohort,
                file: None,
                uploaded: false,
            });
            entries.len() - 1
        });
        for (name, value) in members.iter().filter(|(name, _)| *name != "id") {
            entries[place].cohort[name] = value.clone();
        }
        if members.get("syncMetadata").is_some_and(Value::is_null)
            && let Some(cohort) = entries[place].cohort.as_object_mut()
        {
            cohort.shift_remove("syncMetadata");
        }
        self.swap(entries)
    }

    /// Removes a cohort; false if there is none.
    pub(crate) fn remove(&mut self, id: &str) -> Result<bool, Error> {
        let mut entries = self.entries.clone();
        entries.retain(|entry| entry.cohort["id"] != id);
        if entries.len() == self.entries.len() {
            return Ok(false);
        }
        self.swap(entries)?;
        self.epoch += 1;
        Ok(true)
    }

    /// Sets a cohort's members to a file, which moves into the shelf; `size` and `lastComputed` follow.
    pub(crate) fn put_members(
        &mut self,
        id: &str,
        from: &Path,
        rows: u64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut entries = self.entries.clone();
        let Some(entry) = entries.iter_mut().find(|entry| entry.cohort["id"] == id) else {
            return Ok(false);
        };
        let name = self.fresh(".csv");
        let file = self.stored(&name);
        fs::rename(from, &file.path).map_err(Error::file(&file.path))?;
        // Strictly: two computations in one second are still two.
        let before = entry.cohort["lastComputed"].as_i64().unwrap_or_default();
        entry.cohort["lastComputed"] = json!(now.as_second().max(before + 1));
        entry.cohort["size"] = json!(rows);
        entry.file = Some(file);
        self.swap(entries)?;
        self.epoch += 1;
        Ok(true)
    }

    /// Moves `lastComputed` when a scenario brings other members under the time they had before: Amplitude cannot.
    fn move_on(&self, cohort: &mut Value, file: &Path) {
        let id = cohort["id"].as_str().unwrap_or_default();
        let Some((before, Some(stored))) = self.find(id) else {
            return;
        };
        if before["lastComputed"] == cohort["lastComputed"]
            && !world::same(&stored.path, file).unwrap_or(false)
        {
            let moved = cohort["lastComputed"].as_i64().unwrap_or_default() + 1;
            cohort["lastComputed"] = json!(moved);
        }
    }

    /// Writes the index, then forgets what it no longer names.
    fn swap(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let cohorts: Vec<Value> = entries
            .iter()
            .map(|entry| json!({"cohort": entry.cohort, "file": entry.name(), "uploaded": entry.uploaded}))
            .collect();
        let index = json!({
            "next": self.next, "cohorts": cohorts, "profiles": self.people.as_ref().and_then(People::file_name),
            "events": self.events.as_ref().and_then(Lines::file_name),
            "named": self.named.as_ref().and_then(Lines::file_name), "register": self.register.written(),
        });
        world::swap_json(&self.dir.join("amplitude.json"), &index)?;
        let before = std::mem::replace(&mut self.entries, entries);
        for stored in before.iter().filter_map(|entry| entry.file.as_ref()) {
            let kept = self.entries.iter().filter_map(|entry| entry.file.as_ref());
            if !kept.into_iter().any(|kept| Arc::ptr_eq(kept, stored)) {
                stored.replace();
            }
        }
        Ok(())
    }

    fn fresh(&mut self, ending: &str) -> String {
        self.next += 1;
        format!("{:06}{ending}", self.next)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join("cohorts").join(name)
    }

    fn stored(&self, name: &str) -> Arc<Stored> {
        Arc::new(Stored::new(self.path(name)))
    }
}

fn project(entries: &[Entry]) -> String {
    let named = entries
        .iter()
        .find_map(|entry| entry.cohort["appId"].as_i64());
    named.map_or_else(|| PROJECT.to_owned(), |project| project.to_string())
}

impl Entry {
    fn name(&self) -> Option<&str> {
        self.file.as_ref()?.path.file_name()?.to_str()
    }
}
