//! Whose people: a cohort that has no name, and one that is left out of itself.

use super::{error, sources};
use crate::{
    config::{CohortRef, Configuration},
    model::Diagnostic,
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for (resource, source) in sources(configuration) {
        let (CohortRef::Name(name) | CohortRef::Id { id: name }) = &source.cohort;
        if name.trim().is_empty() {
            let message = format!("`{}` names no cohort", resource.address);
            let hint = Some("write the cohort's name as Amplitude shows it, or {id: …}".to_owned());
            let code = "wrong-cohort";
            found.push(error(&resource.origin, source.pointer, code, message, hint));
        }
        let excluded = resource.settings.exclude.iter().flatten();
        for (index, _) in excluded
            .enumerate()
            .filter(|(_, one)| one.cohort == source.cohort)
        {
            let message = format!(
                "`{}` leaves its own cohort out: nobody remains",
                resource.address
            );
            let pointer = format!("/exclude/{index}");
            let code = "excludes-itself";
            found.push(error(&resource.origin, &pointer, code, message, None));
        }
    }
}
