//! What is written today and moved by a later release, refused with those words.
//! When a release learns something, a check here goes.

use super::{currents, error, events, values};
use crate::{
    config::{Backend, Configuration, Origin, Resource},
    kinds::{
        cohort::RunBy,
        currents::{Source, SourceWord},
        event_stream,
        registry::{REGISTRY, Section},
    },
    model::{Diagnostic, Guards, Limit},
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for resource in configuration.resources.values() {
        kind(resource, found);
        if let Some(own) = &resource.settings.guards {
            guards(own, &resource.origin, found);
        }
    }
    guards(&configuration.guards, &configuration.origin, found);
    let values = values::all(configuration).map(|(resource, spec)| (resource, spec.run_by()));
    for (resource, _) in values.filter(|(_, run_by)| *run_by == Some(RunBy::Amplitude)) {
        found.push(error(
            &resource.origin,
            "/run_by",
            "untold",
            "no public API tells of Amplitude's own syncs of values: they could not be verified"
                .to_owned(),
            Some("see Amplitude's web app for those; leave `run_by` out, and Syncform moves the values".to_owned()),
        ));
    }
    for (resource, spec) in currents::all(configuration) {
        if spec.from == Source::Word(SourceWord::Connector) {
            found.push(error(
                &resource.origin,
                "/from",
                "not-in-this-release",
                "`from: connector` needs the service, which is not in this release yet".to_owned(),
                Some(
                    "write from: {files: URL}, the storage that Currents are written to".to_owned(),
                ),
            ));
        }
    }
    for (resource, spec) in events::all(configuration) {
        let mut refuse = |pointer: &str, what: &str, hint: &str| {
            found.push(later(resource, pointer, what, hint));
        };
        if spec.from == event_stream::Source::Webhook {
            let hint = "write from: export, and start_at";
            refuse("/from", "`from: webhook`", hint);
        }
        if spec.run_by == Some(RunBy::Amplitude) {
            found.push(error(
                &resource.origin,
                "/run_by",
                "destination",
                "an event stream that Amplitude runs is one of its destinations".to_owned(),
                Some("declare it under `destinations`; leave `run_by` out, and Syncform moves the events".to_owned()),
            ));
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
}

/// What a guard cannot mean.
fn guards(guards: &Guards, origin: &Origin, found: &mut Vec<Diagnostic>) {
    if let Some(Limit::Percent(_)) = guards.max_data_points {
        found.push(error(
            origin,
            "/guards/max_data_points",
            "no-share-of-data-points",
            "`max_data_points` is a number of data points, not a share".to_owned(),
            Some("write max_data_points: 10000, or none".to_owned()),
        ));
    }
    if let Some(Limit::Count(_)) = guards.min_known {
        found.push(error(
            origin,
            "/guards/min_known",
            "no-count-of-known",
            "`min_known` is a share of the rows, not a count".to_owned(),
            Some("write min_known: 50%, say".to_owned()),
        ));
    }
}

fn kind(resource: &Resource, found: &mut Vec<Diagnostic>) {
    let sync = resource.address.as_str().starts_with("sync.");
    let entry = REGISTRY
        .iter()
        .find(|entry| entry.name == resource.kind && (entry.section == Section::Syncs) == sync);
    let Some(entry) = entry.filter(|entry| (entry.moves)(&resource.body).is_none()) else {
        return;
    };
    let (pointer, what) = match entry.section {
        Section::Syncs => ("/kind", format!("kind {}", entry.name)),
        section => ("", format!("`{}`", section.key())),
    };
    let verb = if sync { "is" } else { "are" };
    let message = format!("{what} {verb} not in this release yet");
    found.push(error(
        &resource.origin,
        pointer,
        "not-in-this-release",
        message,
        None,
    ));
}

fn later(resource: &Resource, pointer: &str, what: &str, hint: &str) -> Diagnostic {
    let message = format!("{what} is not in this release yet");
    error(
        &resource.origin,
        pointer,
        "not-in-this-release",
        message,
        Some(hint.to_owned()),
    )
}
