//! Which cohort a reference of the YAML means: by its id, by its name, by what it was pinned to when it was last applied.
//! Nothing is asked here.

use serde_json::json;

use crate::{
    config::CohortRef,
    diff::pin::{Named, Pin, Unresolved, resolve},
    model::{Cohort, number},
    state::manifest::{CohortPin, Entry},
};

/// What a reference names.
pub(super) fn named(reference: &CohortRef) -> Named<'_> {
    match reference {
        CohortRef::Name(name) => Named::Name(name),
        CohortRef::Id { id } => Named::Id(id),
    }
}

/// Returns the cohort that a reference means, by the pins of what was applied before; or why none, and what to do.
pub(super) fn meant(
    reference: &CohortRef,
    before: Option<&Entry>,
    list: &[Cohort],
) -> Result<Cohort, (String, Option<String>)> {
    let pin = pinned(reference, before).map(|pin| Pin { id: &pin.id });
    let found = resolve(named(reference), pin, list);
    found.cloned().map_err(|why| unresolved(reference, why))
}

/// Returns what a reference was pinned to when it was last applied.
pub(super) fn pinned<'a>(
    reference: &CohortRef,
    before: Option<&'a Entry>,
) -> Option<&'a CohortPin> {
    let mut pins = before
        .into_iter()
        .flat_map(|entry| entry.cohort.iter().chain(&entry.excluded));
    pins.find(|pin| pin.written == json!(reference))
}

fn unresolved(reference: &CohortRef, why: Unresolved) -> (String, Option<String>) {
    let which = match reference {
        CohortRef::Name(name) => format!("cohort \"{name}\""),
        CohortRef::Id { id } => format!("cohort with id {id}"),
    };
    match why {
        Unresolved::Missing(near) => {
            let hint = match near.as_slice() {
                [] => "it may be renamed, deleted, or not published (discoverable) in Amplitude".to_owned(),
                near => format!("did you mean {}?", near.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")),
            };
            (format!("Amplitude lists no {which}"), Some(hint))
        }
        Unresolved::Archived(id) => (
            format!("{which} is archived in Amplitude (id {id})"),
            Some("un-archive it, or pause the sync; an archived cohort is never taken for an empty one".to_owned()),
        ),
        Unresolved::Ambiguous(bearers) => {
            let each = bearers.iter().map(|(id, size)| match size {
                1 => format!("{id} (1 person)"),
                size => format!("{id} ({} people)", number(*size)),
            });
            let first = bearers.first().map_or("", |(id, _)| id.as_str());
            (
                format!("{} cohorts are named like {which}: {}", bearers.len(), each.collect::<Vec<_>>().join(", ")),
                Some(format!("say which by its id: cohort: {{id: {first}}}")),
            )
        }
    }
}

/// What the YAML names by another name than the cohort bears now stays drift until the YAML follows.
pub(super) fn pin(cohort: &Cohort, named: &CohortRef, known: Option<&Entry>) -> CohortPin {
    let written = json!(named);
    let mut pins = known
        .iter()
        .flat_map(|entry| entry.cohort.iter().chain(&entry.excluded));
    let same = pins.find(|pin| pin.id == cohort.id && pin.written == written);
    let name = same
        .filter(|_| matches!(named, CohortRef::Name(_)))
        .map_or(&cohort.name, |pin| &pin.name);
    CohortPin {
        id: cohort.id.clone(),
        name: name.clone(),
        written,
        definition: Some(cohort.definition.clone()),
    }
}
