//! What clients made: static cohorts, whom they named, and the register of what is no cohort. It must not decide what a
//! request may do.

use std::{fs, path::Path, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{
        hash::hash, hour::Hour, lines::Lines, register::Register, roll::Member, stored::Stored,
    },
    Entry, PROJECT, Shelf, project,
};
use crate::sandbox::Error;

impl Shelf {
    /// Keeps a static cohort under its id, with a file that moves into the shelf; returns what the file is called.
    pub(crate) fn store(&mut self, cohort: Value, from: &Path) -> Result<String, Error> {
        let mut entries = self.entries.clone();
        let name = self.fresh(".csv");
        let file = self.stored(&name);
        fs::rename(from, &file.path).map_err(Error::file(&file.path))?;
        let known = entries
            .iter_mut()
            .find(|entry| entry.cohort["id"] == cohort["id"]);
        if let Some(entry) = known {
            (entry.cohort, entry.file) = (cohort, Some(file));
        } else {
            entries.push(Entry {
                cohort,
                file: Some(file),
                uploaded: true,
            });
        }
        self.swap(entries)?;
        Ok(name)
    }

    /// Returns an id that no cohort has.
    pub(crate) fn cohort_id(&mut self) -> String {
        loop {
            self.next += 1;
            let mut number = hash(&["cohort", &self.next.to_string()]);
            let mut id = String::new();
            for _ in 0..7 {
                id.push(char::from(
                    b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize],
                ));
                number /= 36;
            }
            if self.find(&id).is_none() {
                return id;
            }
        }
    }

    /// Returns the files of all cohorts.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.entries.iter().filter_map(|entry| entry.file.as_ref())
    }

    /// Returns a number that changes when people may have been forgotten.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns people who are known whatever else is known of them.
    pub(crate) fn named(&self) -> Option<&Lines> {
        self.named.as_ref()
    }

    /// Notes people as known for good.
    pub(crate) fn name(&mut self, people: &[Member], now: Timestamp) -> Result<(), Error> {
        if people.is_empty() {
            return Ok(());
        }
        if self.named.is_none() {
            let name = self.fresh(".lines");
            self.named = Some(Lines::empty(self.path(&name))?);
            if let Err(error) = self.swap(self.entries.clone()) {
                self.named = None;
                return Err(error);
            }
        }
        let Some(named) = &mut self.named else {
            return Ok(());
        };
        let line = |member: &Member| {
            let line = json!({"amplitude_id": member.amplitude_id, "user_id": member.user_id});
            (Hour::of(now), line.to_string())
        };
        let added = named.add(people.iter().map(line));
        added.map_err(Error::file(&self.dir))
    }

    /// Returns destinations and what else is no cohort.
    pub(crate) fn register(&self) -> &Register {
        &self.register
    }

    /// Changes them: kept, or as they were.
    pub(crate) fn register_mut<T>(
        &mut self,
        change: impl FnOnce(&mut Register) -> T,
    ) -> Result<T, Error> {
        let before = self.register.clone();
        let made = change(&mut self.register);
        let kept = self.swap(self.entries.clone());
        if let Err(error) = kept {
            self.register = before;
            return Err(error);
        }
        Ok(made)
    }

    /// Returns the project, as the first cohort that names one says.
    pub(crate) fn project(&self) -> String {
        project(&self.entries)
    }

    /// Returns every project that anything here is of.
    pub(crate) fn projects(&self) -> Vec<String> {
        let cohorts = self
            .entries
            .iter()
            .filter_map(|entry| entry.cohort["appId"].as_i64());
        let mut projects: Vec<String> = cohorts.map(|project| project.to_string()).collect();
        for destination in &self.register.destinations {
            let project = destination.get("project_id").and_then(Value::as_str);
            projects.extend(project.map(str::to_owned));
        }
        if projects.is_empty()
            || self
                .entries
                .iter()
                .any(|entry| entry.cohort["appId"].is_null())
        {
            projects.push(PROJECT.to_owned());
        }
        projects
    }
}
