//! What became of the cohorts that the state is pinned to. It works from the state: what the configuration names otherwise now is
//! a change of the configuration, and no drift.

use serde_json::{Value, json};

use super::{draft::Drafting, reference::named};
use crate::{
    config::{CohortRef, Resource},
    diff::followed::{Moved, Pinned, moved},
    model::{Address, Cohort, plan::Drift},
    state::manifest::{CohortPin, Entry},
};

impl Drafting<'_> {
    /// Returns what changed of the cohorts of everything selected that was applied and is not paused.
    pub(super) fn followed(&self, list: &[Cohort]) -> Vec<Drift> {
        let entries = self
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.resources);
        let entries = entries
            .filter(|(address, entry)| entry.left_by.is_none() && self.takes(address, &entry.kind));
        let mut found = vec![];
        for (address, entry) in entries {
            let resource = self.session.configuration.resources.get(address);
            if resource.is_some_and(|resource| resource.settings.paused == Some(true)) {
                continue;
            }
            for pin in pins(entry).filter(|pin| resource.is_none_or(|it| names(it, pin))) {
                found.extend(of_pin(address, pin, list));
            }
        }
        found
    }
}

fn pins(entry: &Entry) -> impl Iterator<Item = &CohortPin> {
    entry.cohort.iter().chain(&entry.excluded)
}

/// Whether the entry still names a cohort as it did when it was pinned.
fn names(resource: &Resource, pin: &CohortPin) -> bool {
    let body = &resource.body;
    let own = [&body["cohort"], &body["audience"]["cohort"]];
    let mut excluded = resource.settings.exclude.iter().flatten();
    own.contains(&&pin.written) || excluded.any(|one| json!(one.cohort) == pin.written)
}

fn of_pin(address: &Address, pin: &CohortPin, list: &[Cohort]) -> Vec<Drift> {
    // It was written from such a reference.
    let Ok(reference) = serde_json::from_value::<CohortRef>(pin.written.clone()) else {
        return vec![];
    };
    let pinned = Pinned {
        id: &pin.id,
        name: &pin.name,
        definition: pin.definition.as_deref(),
    };
    let changes = moved(pinned, named(&reference), list);
    let drift = changes.into_iter().map(|change| {
        let (before, after) = match change {
            Moved::Gone => (json!(pin.name), Value::Null),
            Moved::Other(id) => (json!(pin.id), json!(id)),
            Moved::Archived => (json!(false), json!(true)),
            Moved::Renamed(name) => (json!(pin.name), json!(name)),
            Moved::Redefined(digest) => (json!(pin.definition), json!(digest)),
        };
        Drift {
            address: address.clone(),
            path: change.path().to_owned(),
            before,
            after,
        }
    });
    drift.collect()
}
