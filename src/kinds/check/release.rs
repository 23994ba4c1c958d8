//! What is written today and moved by a later release, refused with those words.
//! When a release learns something, a check here goes.

use super::{cohorts, error};
use crate::{
    config::{Backend, Configuration, Identifier, IdentifierWord, Resource, Seed},
    kinds::{
        cohort::{RunBy, Target},
        registry::{REGISTRY, Section},
    },
    model::Diagnostic,
};

/// What this release does.
const THIS: &str = "this release moves cohorts to attribute_array and attribute_flag";

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for resource in configuration.resources.values() {
        kind(resource, found);
    }
    for (resource, spec) in cohorts(configuration) {
        let mut refuse = |pointer: &str, what: &str, hint: &str| {
            found.push(later(resource, pointer, what, hint));
        };
        if matches!(spec.to, Target::Word(_) | Target::CohortImport { .. }) {
            refuse(
                "/to",
                "`to: cohort_import`",
                "write to: {attribute_array: NAME} or to: {attribute_flag: NAME}",
            );
        }
        if spec.run_by == Some(RunBy::Amplitude) {
            refuse(
                "/run_by",
                "`run_by: amplitude`",
                "leave `run_by` out: Syncform then moves the data",
            );
        }
        let usual = [Identifier::Word(IdentifierWord::ExternalId)];
        if resource
            .settings
            .identify_by
            .as_deref()
            .is_some_and(|by| by != usual)
        {
            refuse(
                "/identify_by",
                "`identify_by` other than [external_id]",
                "write identify_by: [external_id]",
            );
        }
        if !matches!(resource.settings.seed, None | Some(Seed::Send)) {
            refuse("/seed", "`seed` other than send", "write seed: send");
        }
    }
    let mut refuse = |pointer: &str, what: &str, hint: &str| {
        let message = format!("{what} is not in this release yet");
        found.push(error(
            &configuration.origin,
            pointer,
            "not-in-this-release",
            message,
            Some(hint.into()),
        ));
    };
    if configuration.state.backend != Backend::Local {
        refuse(
            "/state/backend",
            "a state in a bucket",
            "write state: {backend: local, path: .syncform}",
        );
    }
    if !configuration.moved.is_empty() {
        refuse("/moved", "`moved`", "keep the old name for now");
    }
}

fn kind(resource: &Resource, found: &mut Vec<Diagnostic>) {
    let sync = resource.address.as_str().starts_with("sync.");
    let entry = REGISTRY
        .iter()
        .find(|entry| entry.name == resource.kind && (entry.section == Section::Syncs) == sync);
    let Some(entry) = entry.filter(|entry| entry.kind.is_none()) else {
        return;
    };
    let (pointer, what) = match entry.section {
        Section::Syncs => ("/kind", format!("kind {}", entry.name)),
        section => ("", format!("`{}`", section.key())),
    };
    let verb = if sync { "is" } else { "are" };
    let message = format!("{what} {verb} not in this release yet: {THIS}");
    found.push(error(
        &resource.origin,
        pointer,
        "not-in-this-release",
        message,
        None,
    ));
}

fn later(resource: &Resource, pointer: &str, what: &str, hint: &str) -> Diagnostic {
    let message = format!("{what} is not in this release yet: {THIS}");
    error(
        &resource.origin,
        pointer,
        "not-in-this-release",
        message,
        Some(hint.to_owned()),
    )
}
