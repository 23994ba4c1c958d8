//! What Amplitude knows of destinations, their deliveries and the organisation; kept in the shelf's index, so that it
//! changes in one step with the rest. It must not answer anybody.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{developer, hash::hash};
use crate::sandbox::{Error, world};

/// Destinations, deliveries, settings.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    /// In the order in which they were made, with their secrets.
    pub(crate) destinations: Vec<Map<String, Value>>,
    /// Delivery figures of event streams, by sync id.
    pub(crate) deliveries: Map<String, Value>,
    /// Whether the list of cohorts has sync information at all (amplitude.md 4.2).
    pub(crate) sync_info: bool,
    made: u64,
}

impl Register {
    /// Reads what [`Register::written`] wrote.
    pub(crate) fn read(value: &Value) -> Self {
        Self {
            destinations: objects(&value["destinations"]),
            deliveries: value["deliveries"].as_object().cloned().unwrap_or_default(),
            sync_info: value["sync_info"] != false,
            made: value["made"].as_u64().unwrap_or_default(),
        }
    }

    /// Returns it as it is kept.
    pub(crate) fn written(&self) -> Value {
        json!({
            "destinations": self.destinations, "deliveries": self.deliveries, "sync_info": self.sync_info,
            "made": self.made,
        })
    }

    /// Takes what a scenario says: of destinations and deliveries only where it has a file of them, so that what was made
    /// here outlives another day's cohorts.
    pub(crate) fn replaced(
        &self,
        scenario: &Path,
        sync_info: bool,
        project: &str,
    ) -> Result<Self, Error> {
        let mut register = self.clone();
        register.sync_info = sync_info;
        let list = scenario.join("amplitude/destinations.json");
        if let Some(read) = world::read_json(&list)? {
            let wrong = |problem: &str| wrong(&list, problem);
            let all = read["destinations"].as_array();
            let all = all.ok_or_else(|| wrong("no array `destinations`"))?;
            register.destinations.clear();
            for destination in all {
                let given = destination
                    .as_object()
                    .ok_or_else(|| wrong("a destination that is no object"))?;
                let id = destination["id"]
                    .as_str()
                    .ok_or_else(|| wrong("a destination without an id"))?;
                let kinds = destination["kind"]
                    .as_array()
                    .is_some_and(|kinds| !kinds.is_empty());
                if !kinds || !destination["partner"].is_string() {
                    return Err(wrong("a destination without `partner` or `kind`"));
                }
                // Not the clock: a scenario is the same on every day.
                developer::put(
                    &mut register.destinations,
                    id,
                    given,
                    project,
                    Timestamp::UNIX_EPOCH,
                );
            }
        }
        let list = scenario.join("amplitude/deliveries.json");
        if let Some(read) = world::read_json(&list)? {
            let figures = read
                .as_object()
                .filter(|all| all.values().all(Value::is_object));
            let figures = figures.ok_or_else(|| wrong(&list, "not figures by sync id"))?;
            register.deliveries.clone_from(figures);
        }
        Ok(register)
    }

    /// Returns the id the next destination gets.
    pub(crate) fn next_id(&self) -> String {
        format!(
            "dst_{:010x}",
            hash(&["destination", &(self.made + 1).to_string()]) >> 24
        )
    }

    /// Adds a destination under the id it has.
    pub(crate) fn add(&mut self, destination: Map<String, Value>) {
        self.made += 1;
        self.destinations.push(destination);
    }

    /// Sets a destination that is there.
    pub(crate) fn set(&mut self, destination: Map<String, Value>) {
        let mut all = self.destinations.iter_mut();
        if let Some(known) = all.find(|known| known.get("id") == destination.get("id")) {
            *known = destination;
        }
    }
}

impl Default for Register {
    fn default() -> Self {
        Self::read(&Value::Null)
    }
}

fn objects(value: &Value) -> Vec<Map<String, Value>> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|value| value.as_object().cloned()).collect()
}

fn wrong(path: &Path, problem: &str) -> Error {
    Error::Content {
        path: path.to_owned(),
        line: None,
        problem: problem.to_owned(),
    }
}
