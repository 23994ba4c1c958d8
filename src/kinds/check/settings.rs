//! Keys that any sync takes, where they mean nothing to this one, or could not be meant.

use std::time::Duration;

use super::{error, unused_setting, values};
use crate::{
    config::{Configuration, Confirm, Resource},
    model::Diagnostic,
};

/// The least time between two questions about somebody who was not there.
const SHORTEST_RECHECK: Duration = Duration::from_hours(1);

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let cohorts = || super::memberships(configuration).map(|(resource, _)| resource);
    let values = || values::all(configuration).map(|(resource, _)| resource);
    for resource in cohorts() {
        unused(resource, values, found);
    }
    for resource in cohorts().chain(values()) {
        confirming(resource, found);
    }
}

/// A membership has no value that could stay or be empty. What `defaults` say may be meant for syncs of values.
fn unused<'a, I: Iterator<Item = &'a Resource>>(
    resource: &Resource,
    values: impl Fn() -> I,
    found: &mut Vec<Diagnostic>,
) {
    let settings = &resource.settings;
    for (pointer, asked, instead) in [
        (
            "/on_leave",
            settings.on_leave,
            "`on_leave` means nothing to a cohort sync: whoever leaves the cohort leaves it in Braze too",
        ),
        (
            "/on_null",
            settings.on_null,
            "`on_null` means nothing to a cohort sync: a membership is never empty",
        ),
    ] {
        if asked.is_some() {
            let one = unused_setting(
                resource,
                values(),
                pointer,
                instead,
                "it is for syncs of values",
            );
            found.extend(one.filter(|one| !found.contains(one)));
        }
    }
}

/// Budgets that read nobody, and people asked again too soon. What `defaults` say wrong is said once.
fn confirming(resource: &Resource, found: &mut Vec<Diagnostic>) {
    let settings = &resource.settings;
    let mut refuse = |pointer: &str, code, message: &str, hint: &str| {
        let hint = Some(hint.to_owned());
        let one = error(&resource.origin, pointer, code, message.to_owned(), hint);
        if !found.contains(&one) {
            found.push(one);
        }
    };
    if let Some(Confirm::Budget(budget)) = settings.confirm {
        for (key, asked) in [
            ("reads_per_run", budget.reads_per_run),
            ("max_seconds", budget.max_seconds),
        ] {
            if asked == Some(0) {
                refuse(
                    &format!("/confirm/{key}"),
                    "confirms-nobody",
                    &format!("with `{key}: 0` nobody would ever be confirmed"),
                    "write confirm: never if that is meant",
                );
            }
        }
    }
    if settings
        .recheck
        .is_some_and(|span| span.0 < SHORTEST_RECHECK)
    {
        refuse(
            "/recheck",
            "short-recheck",
            "absent people are asked again after an hour at the earliest",
            "write recheck: 1h or more; daily is the default",
        );
    }
}
