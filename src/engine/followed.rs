//! What became of the cohorts that the state is pinned to. It works from the state: what the configuration names otherwise now is
//! a change of the configuration, and no drift.

use serde_json::{Value, json};

use super::{draft::Drafting, reference::named};
use crate::{
    config::{CohortRef, Resource},
    diff::{
        followed::{Moved, Pinned, moved},
        pin::Named,
    },
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
            found.extend(of_uploaded(address, resource, entry, list));
        }
        found
    }
}

fn pins(entry: &Entry) -> impl Iterator<Item = &CohortPin> {
    entry.cohort.iter().chain(&entry.excluded)
}

/// Whether the entry still names a cohort as it did when it was pinned.
fn names(resource: &Resource, pin: &CohortPin) -> bool {
    fn anywhere(value: &Value, written: &Value) -> bool {
        match value {
            Value::Object(members) => members.iter().any(|(key, value)| {
                key == "cohort" && value == written || anywhere(value, written)
            }),
            Value::Array(items) => items.iter().any(|item| anywhere(item, written)),
            _ => false,
        }
    }
    let mut excluded = resource.settings.exclude.iter().flatten();
    anywhere(&resource.body, &pin.written) || excluded.any(|one| json!(one.cohort) == pin.written)
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
    told(address, pinned, named(&reference), list)
}

/// What became of a static cohort that is filled here. One that bears the name of the configuration is as it should be.
fn of_uploaded(
    address: &Address,
    resource: Option<&Resource>,
    entry: &Entry,
    list: &[Cohort],
) -> Vec<Drift> {
    let known = entry.uploaded.as_deref();
    let Some((known, id)) = known.and_then(|known| Some((known, known.id.as_deref()?))) else {
        return vec![];
    };
    let body = resource.map(|resource| &resource.body);
    let says = |key: &str| body.map_or(&Value::Null, |body| &body[key]);
    let listed = list.iter().find(|cohort| cohort.id == id);
    // The list shows published ones only.
    let published = resource.map_or(known.published, |_| says("published") != false);
    if listed.is_none() && !published {
        return vec![];
    }
    let name = match (listed, says("name").as_str()) {
        (Some(cohort), Some(name)) if cohort.name == name => name,
        _ => &known.name,
    };
    let pinned = Pinned {
        id,
        name,
        definition: None,
    };
    told(address, pinned, Named::Id(id), list)
}

fn told(address: &Address, pinned: Pinned<'_>, named: Named<'_>, list: &[Cohort]) -> Vec<Drift> {
    let changes = moved(pinned, named, list);
    let drift = changes.into_iter().map(|change| {
        let (before, after) = match change {
            Moved::Gone => (json!(pinned.name), Value::Null),
            Moved::Other(id) => (json!(pinned.id), json!(id)),
            Moved::Archived => (json!(false), json!(true)),
            Moved::Renamed(name) => (json!(pinned.name), json!(name)),
            Moved::Redefined(digest) => (json!(pinned.definition), json!(digest)),
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
