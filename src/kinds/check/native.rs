//! Cohort syncs that Amplitude runs: what could not be verified, and what means nothing where Syncform moves nobody.

use serde_json::Value;

use super::{all_cohorts, error, unused_setting};
use crate::{
    config::{CohortRef, Configuration, Resource},
    kinds::cohort::{RunBy, Spec, frequency},
    model::Diagnostic,
};

/// Keys that mean something all the same.
const MEANT: [&str; 3] = ["cadence", "paused", "exclude"];

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let moved = || {
        let resources = configuration.resources.values();
        resources.filter(|resource| resource.body["run_by"] != "amplitude")
    };
    for (resource, spec) in natives(configuration) {
        let mut refuse = |pointer: &str, code, message: &str, hint: &str| {
            let message = format!("`{}` is run by Amplitude, {message}", resource.address);
            let one = error(
                &resource.origin,
                pointer,
                code,
                message,
                Some(hint.to_owned()),
            );
            found.push(one);
        };
        if spec.to.is_some() {
            let message = "which writes Braze's filter Amplitude Cohorts and nothing else";
            let hint = "take `to` out; or take `run_by` out, and Syncform writes there";
            refuse("/to", "unused-target", message, hint);
        }
        if frequency(&resource.settings).is_none() {
            let message = "and whether it keeps this cadence is told by nobody";
            let hint =
                "write cadence: realtime, hourly or daily; a sync that runs once is never listed";
            refuse("/cadence", "unverifiable-cadence", message, hint);
        }
        let (CohortRef::Name(name) | CohortRef::Id { id: name }) = &spec.cohort;
        if name.trim().is_empty() {
            let hint = "write the cohort's name as Amplitude shows it, or {id: …}";
            refuse("/cohort", "wrong-cohort", "and names no cohort", hint);
        }
        if resource.settings.exclude.is_some() {
            // Whoever wrote it counts on it, wherever they wrote it.
            let message = "`exclude` leaves nobody out of a sync that Amplitude runs";
            let hint = "leave those people out of the cohort itself";
            let one = unused_setting(resource, std::iter::empty(), "/exclude", message, hint);
            found.extend(one.filter(|one| !found.contains(one)));
        }
        let Ok(Value::Object(settings)) = serde_json::to_value(&resource.settings) else {
            continue;
        };
        for key in settings.keys().filter(|key| !MEANT.contains(&key.as_str())) {
            let message = format!(
                "`{key}` means nothing to a sync that Amplitude runs: it is looked at and never written"
            );
            let pointer = format!("/{key}");
            let one = unused_setting(
                resource,
                moved(),
                &pointer,
                &message,
                "Amplitude's web app says how it works",
            );
            found.extend(one.filter(|one| !found.contains(one)));
        }
    }
}

/// The cohort syncs that Amplitude runs, with what they say.
fn natives(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Spec)> {
    all_cohorts(configuration).filter(|(_, spec)| spec.run_by == Some(RunBy::Amplitude))
}
