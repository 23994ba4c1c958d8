//! What a configuration may not ask of this release, and what the kinds know to be impossible.
//! It reads a configuration that stands; nothing is asked of a service.

mod attribute;
mod currents;
mod destinations;
mod events;
mod filters;
mod identifiers;
mod native;
mod owners;
mod people;
pub mod quota;
mod release;
mod seed;
mod segments;
mod settings;
mod statics;
mod targets;
mod twice;
mod values;
pub mod writes;

use serde::de::DeserializeOwned;

use crate::{
    config::{CohortRef, Configuration, Origin, Resource},
    kinds::{cohort, segment::Members},
    model::{Diagnostic, Severity},
};

/// Returns every finding about the entries of a configuration.
pub fn check(configuration: &Configuration) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    release::check(configuration, &mut found);
    let mut owners = owners::Owners::default();
    targets::check(configuration, &mut owners, &mut found);
    native::check(configuration, &mut found);
    values::check(configuration, &mut owners, &mut found);
    events::check(configuration, &mut found);
    twice::check(configuration, &mut found);
    people::check(configuration, &mut found);
    identifiers::check(configuration, &mut found);
    seed::check(configuration, &mut found);
    settings::check(configuration, &mut found);
    segments::check(configuration, &mut found);
    filters::check(configuration, &mut found);
    currents::check(configuration, &mut found);
    statics::check(configuration, &mut found);
    destinations::check(configuration, &mut found);
    quota::check(configuration, &mut found);
    found
}

/// Makes an error at a pointer of an entry.
fn error(
    origin: &Origin,
    pointer: &str,
    code: &'static str,
    message: String,
    hint: Option<String>,
) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        place: origin.place(pointer),
        message,
        hint,
    }
}

/// Warns of a setting that means nothing to a resource; none where `defaults` say it and others mean it.
fn unused_setting<'a>(
    resource: &Resource,
    mut others: impl Iterator<Item = &'a Resource>,
    pointer: &str,
    message: &str,
    what: &str,
) -> Option<Diagnostic> {
    let place = resource.origin.place(pointer);
    if others.any(|other| other.origin.place(pointer) == place) {
        return None;
    }
    let hint = Some(format!("take it out: {what}"));
    Some(Diagnostic {
        severity: Severity::Warning,
        ..error(
            &resource.origin,
            pointer,
            "unused-setting",
            message.to_owned(),
            hint,
        )
    })
}

/// The entries of a section, by what their addresses begin with, with what they say.
fn entries<'c, S: DeserializeOwned>(
    configuration: &'c Configuration,
    section: &'static str,
) -> impl Iterator<Item = (&'c Resource, S)> {
    let resources = configuration.resources.values();
    let of = resources.filter(move |resource| resource.address.as_str().starts_with(section));
    of.filter_map(|resource| {
        let spec = serde_json::from_value(resource.body.clone()).ok()?;
        Some((resource, spec))
    })
}

/// The cohort syncs that Syncform moves, with what they say.
fn cohorts(configuration: &Configuration) -> impl Iterator<Item = (&Resource, cohort::Spec)> {
    all_cohorts(configuration).filter(|(_, spec)| spec.run_by != Some(cohort::RunBy::Amplitude))
}

/// All cohort syncs, those that Amplitude runs too.
fn all_cohorts(configuration: &Configuration) -> impl Iterator<Item = (&Resource, cohort::Spec)> {
    entries(configuration, "sync.").filter(|(resource, _)| resource.kind == "cohort")
}

/// The cohort syncs, and the segments with members: those are written like one, under the segment's name.
fn memberships(configuration: &Configuration) -> impl Iterator<Item = (&Resource, cohort::Spec)> {
    let segments = segments::materialized(configuration).filter_map(|(resource, spec)| {
        let spec = cohort::Spec {
            cohort: CohortRef::Name(spec.name),
            to: Some(spec.to?),
            run_by: None,
        };
        Some((resource, spec))
    });
    cohorts(configuration).chain(segments)
}

/// A cohort whose people a sync moves, and where its entry names it.
struct Source {
    cohort: CohortRef,
    pointer: &'static str,
}

/// Every sync that reads a cohort.
fn sources(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Source)> {
    let cohorts = cohorts(configuration).map(|(resource, spec)| {
        let pointer = "/cohort";
        let cohort = spec.cohort;
        (resource, Source { cohort, pointer })
    });
    let values = values::all(configuration).map(|(resource, values)| {
        let pointer = "/audience/cohort";
        let cohort = values.audience().cohort.clone();
        (resource, Source { cohort, pointer })
    });
    let segments = segments::materialized(configuration).flat_map(|(resource, spec)| {
        let pointer = "/members";
        let cohorts = spec.members.as_ref().map(Members::cohorts);
        let cohorts = cohorts.unwrap_or_default().into_iter();
        cohorts.map(move |cohort| (resource, Source { cohort, pointer }))
    });
    cohorts.chain(values).chain(segments)
}
