//! Segments: what they are made of.

use super::{entries, error, unused_setting};
use crate::{
    config::{Configuration, Resource},
    kinds::{
        self, Kind, Scope,
        segment::{Materialized, Spec, UNDECLARED},
    },
    model::Diagnostic,
};

/// The segments with members, with what they say.
pub(super) fn materialized(
    configuration: &Configuration,
) -> impl Iterator<Item = (&Resource, Spec)> {
    all(configuration).filter(|(_, spec)| spec.members.is_some())
}

fn all(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Spec)> {
    entries(configuration, "segment.")
}

/// What only a segment that is written has a use for.
const OF_WRITING: [&str; 19] = [
    "cadence",
    "exclude",
    "identify_by",
    "label",
    "create_users",
    "recreate",
    "on_leave",
    "on_null",
    "on_destroy",
    "protect",
    "allow_removal",
    "allow_empty",
    "guards",
    "max_age",
    "settle",
    "seed",
    "confirm",
    "recheck",
    "retry_refused",
];

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let written = || {
        let resources = configuration.resources.values();
        resources.filter(|resource| kinds::find_watched(resource).is_none())
    };
    for (resource, _) in all(configuration).filter(|(_, spec)| spec.members.is_none()) {
        let said = |key: &&&str| resource.body.get(**key).is_some_and(|said| !said.is_null());
        for key in OF_WRITING.iter().filter(said) {
            found.extend(unused_setting(
                resource,
                written(),
                &format!("/{key}"),
                &format!("`{key}` means nothing to a segment that is looked at"),
                "it is for segments with `members`, which are written",
            ));
        }
    }
    for (resource, spec) in materialized(configuration) {
        if resource
            .body
            .get("filter")
            .is_some_and(|filter| !filter.is_null())
        {
            found.push(error(
                &resource.origin,
                "/filter",
                "filter-and-members",
                format!("`{}` has members, and a filter beside them", resource.address),
                Some("keep one: members are computed here, a filter is what Braze's own segment says".to_owned()),
            ));
        }
        if spec.to.is_none() {
            found.push(error(
                &resource.origin,
                "",
                "no-target",
                format!(
                    "`{}` does not say where its members show in Braze",
                    resource.address
                ),
                Some(
                    "write to: {attribute_flag: NAME}, {attribute_array: NAME} or cohort_import"
                        .to_owned(),
                ),
            ));
            continue;
        }
        let scope = Scope {
            workspace: &configuration.workspace,
            environment: configuration.environment.as_deref(),
            applied: None,
            resources: &configuration.resources,
        };
        let wrong = Materialized.desired(resource, &scope).err();
        // A sync that is not declared was told of before, where it is named.
        found.extend(wrong.filter(|wrong| wrong.code != UNDECLARED));
    }
}
