//! Accounts of Amplitude that could not be: what they receive, and two under one name.

use std::collections::{BTreeMap, BTreeSet};

use super::error;
use crate::{
    config::{Configuration, Resource},
    kinds::destination::{Receives, Spec},
    model::Diagnostic,
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let mut names = BTreeMap::<(String, String), &Resource>::new();
    for (resource, spec) in all(configuration) {
        if spec.kind.contains(&Receives::Cohort) && spec.kind.len() > 1 {
            found.push(error(
                &resource.origin,
                "/kind",
                "cohorts-apart",
                "an account of cohorts receives nothing else".to_owned(),
                Some("declare one of kind [cohort], and another of [event, identify]".to_owned()),
            ));
        }
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

/// The accounts, with what they say.
fn all(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Spec)> {
    let resources = configuration.resources.values();
    resources
        .filter(|resource| resource.address.as_str().starts_with("destination."))
        .filter_map(|resource| {
            let spec = serde_json::from_value(resource.body.clone()).ok()?;
            Some((resource, spec))
        })
}
