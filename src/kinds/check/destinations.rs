//! Accounts of Amplitude that could not be: what they receive, and two under one name.

use std::collections::{BTreeMap, BTreeSet};

use super::{entries, error};
use crate::{
    config::{Configuration, Resource},
    kinds::destination::{Receives, Spec},
    model::Diagnostic,
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let mut names = BTreeMap::<(String, String), &Resource>::new();
    for (resource, spec) in entries::<Spec>(configuration, "destination.") {
        if spec.kind.contains(&Receives::Cohort) && spec.kind.len() > 1 {
            found.push(error(
                &resource.origin,
                "/kind",
                "cohorts-apart",
                "an account of cohorts receives nothing else".to_owned(),
                Some("declare one of kind [cohort], and another of [event, identify]".to_owned()),
            ));
        }
        streaming(resource, &spec, found);
        figures(resource, &spec, found);
        let mut mapped = BTreeSet::new();
        for (at, pair) in spec.property_mappings.iter().flatten().enumerate() {
            if mapped.insert(&pair.from) {
                continue;
            }
            found.push(error(
                &resource.origin,
                &format!("/property_mappings/{at}/from"),
                "mapped-twice",
                format!("`{}` is mapped twice", pair.from),
                Some("a property has one name at the other side".to_owned()),
            ));
        }
        let name = (spec.partner.clone(), spec.display_name.clone());
        if let Some(first) = names.get(&name) {
            let message = format!(
                "\"{}\" is the name of {}, too: an account is found by its name",
                spec.display_name, first.address
            );
            let hint = Some("give one of them another display_name".to_owned());
            let at = "/display_name";
            found.push(error(&resource.origin, at, "one-name-twice", message, hint));
        } else {
            names.insert(name, resource);
        }
    }
}

/// Events that cannot be, and what an account of cohorts has no use for.
fn streaming(resource: &Resource, spec: &Spec, found: &mut Vec<Diagnostic>) {
    let mut known = BTreeSet::new();
    let events = spec.event_filter.iter().flat_map(|filter| &filter.events);
    for (at, event) in events.enumerate() {
        let message = if event.trim().is_empty() {
            "an event has a name".to_owned()
        } else if known.insert(event) {
            continue;
        } else {
            format!("`{event}` stands twice in this list")
        };
        found.push(error(
            &resource.origin,
            &format!("/event_filter/events/{at}"),
            "wrong-event",
            message,
            Some("take it out".to_owned()),
        ));
    }
    let cohorts = spec.kind == [Receives::Cohort];
    for key in [
        "event_filter",
        "property_mappings",
        "send_events",
        "send_users",
    ] {
        if cohorts && resource.body.get(key).is_some_and(|said| !said.is_null()) {
            let message = format!("an account of cohorts has no `{key}`: it receives no events");
            let hint = Some("take it out, or declare an account of kind [event]".to_owned());
            let pointer = format!("/{key}");
            found.push(error(
                &resource.origin,
                &pointer,
                "cohorts-apart",
                message,
                hint,
            ));
        }
    }
}

/// Figures of delivery that hold always, or never.
fn figures(resource: &Resource, spec: &Spec, found: &mut Vec<Diagnostic>) {
    let Some(health) = &spec.health else { return };
    if health.min_delivery_rate.is_none() && health.max_p95_seconds.is_none() {
        found.push(error(
            &resource.origin,
            "/health",
            "nothing-must-hold",
            "`health` names a sync, and no figure that must hold".to_owned(),
            Some("write min_delivery_rate: 99%, max_p95_seconds: 60, or both".to_owned()),
        ));
    }
    let rate = health.min_delivery_rate.as_deref();
    let rate = rate.and_then(|rate| rate.trim_end_matches('%').parse::<f64>().ok());
    if rate.is_some_and(|rate| rate > 100.0) {
        found.push(error(
            &resource.origin,
            "/health/min_delivery_rate",
            "over-all",
            "no more than 100% is ever delivered".to_owned(),
            None,
        ));
    }
}
