//! `seed: {segment: NAME}`: an export tells who is in a segment by external id, and of no value.

use super::{error, memberships, values};
use crate::{
    config::{Configuration, Identifier, IdentifierWord, Resource, Seed},
    model::Diagnostic,
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for (resource, name) in memberships(configuration).filter_map(|(resource, _)| named(resource)) {
        if name.trim().is_empty() {
            let message = format!("`{}` names no segment to begin with", resource.address);
            let hint = "write the segment's name as Braze's dashboard shows it".to_owned();
            found.push(error(
                &resource.origin,
                "/seed",
                "wrong-segment",
                message,
                Some(hint),
            ));
        }
        let external = |one: &Identifier| *one == Identifier::Word(IdentifierWord::ExternalId);
        let list = resource.settings.identify_by.as_deref().unwrap_or_default();
        if let Some(at) = list.iter().position(|one| !external(one)) {
            let message = format!(
                "`{}` begins with the members of a segment, and an export names those by external id alone",
                resource.address
            );
            let hint = "write identify_by: [external_id], or seed: read".to_owned();
            let pointer = format!("/identify_by/{at}");
            found.push(error(
                &resource.origin,
                &pointer,
                "seed-by-external-id",
                message,
                Some(hint),
            ));
        }
    }
    for (resource, _) in values::all(configuration).filter_map(|(resource, _)| named(resource)) {
        let message = format!(
            "`{}` moves values, and an export of a segment tells none",
            resource.address
        );
        let hint = "write seed: read, which asks Braze what it holds".to_owned();
        found.push(error(
            &resource.origin,
            "/seed",
            "seed-of-values",
            message,
            Some(hint),
        ));
    }
}

/// The segment that a resource begins with, if it is one.
fn named(resource: &Resource) -> Option<(&Resource, &str)> {
    match &resource.settings.seed {
        Some(Seed::Segment(name)) => Some((resource, name)),
        _ => None,
    }
}
