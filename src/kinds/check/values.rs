//! Syncs of values: what they cannot be called, whom they cannot reach, and what no service tells.

mod made;

pub(super) use self::made::Values;
use super::{attribute, error, owners::Owners};
use crate::{
    config::{Configuration, Identifier, IdentifierWord, Region, Resource},
    kinds::computation,
    model::{Diagnostic, Severity},
};

/// The syncs of values, with what they say.
pub(super) fn all(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Values)> {
    let resources = configuration.resources.values();
    resources.filter_map(|resource| Some((resource, Values::of(resource)?)))
}

pub(super) fn check(
    configuration: &Configuration,
    owners: &mut Owners,
    found: &mut Vec<Diagnostic>,
) {
    for (resource, values) in all(configuration) {
        names(resource, &values, owners, found);
        people(resource, found);
        if configuration.amplitude.region == Region::Eu {
            elsewhere(resource, &values, found);
        }
        if let Values::Computations(spec) = &values {
            unnamed(resource, &spec.computations, found);
        }
    }
}

/// Sources without a name, and attributes that cannot be or are another sync's.
fn names(resource: &Resource, values: &Values, owners: &mut Owners, found: &mut Vec<Diagnostic>) {
    for made in values.made() {
        if made.source.trim().is_empty() {
            let (message, hint) = values.source();
            let known = |one: &Diagnostic| {
                one.code == "no-source" && one.place == resource.origin.place(&made.source_at)
            };
            if !found.iter().any(known) {
                found.push(error(
                    &resource.origin,
                    &made.source_at,
                    "no-source",
                    message.to_owned(),
                    Some(hint.to_owned()),
                ));
            }
            if made.source_at == made.attribute_at {
                continue;
            }
        }
        if let Some((message, hint)) = attribute::wrong(made.attribute) {
            let hint = if made.source_at == made.attribute_at {
                "give the attribute a name of its own: {from: PROPERTY, to: ATTRIBUTE}"
            } else {
                hint
            };
            found.push(error(
                &resource.origin,
                &made.attribute_at,
                "wrong-attribute",
                message,
                Some(hint.to_owned()),
            ));
        } else {
            owners.whole(resource, &made.attribute_at, made.attribute, found);
        }
    }
}

/// Values go by user id alone, and have no label.
fn people(resource: &Resource, found: &mut Vec<Diagnostic>) {
    let mut refuse = |pointer: &str, code, message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        found.push(error(&resource.origin, pointer, code, message, hint));
    };
    let by_user_id = [Identifier::Word(IdentifierWord::ExternalId)];
    let identify_by = resource.settings.identify_by.as_deref();
    if identify_by.is_some_and(|list| list != by_user_id) {
        let message = format!(
            "`{}` moves values, and those go by user id alone",
            resource.address
        );
        let hint = "write identify_by: [external_id] in this sync, or leave it out where no `defaults` say otherwise";
        refuse("/identify_by", "values-by-user-id", message, hint);
    }
    if resource.settings.label.is_some() {
        let message = format!(
            "`{}` moves values, and a value shows no label",
            resource.address
        );
        refuse("/label", "label-on-values", message, "take `label` out");
    }
}

/// What the European region does not have.
fn elsewhere(resource: &Resource, values: &Values, found: &mut Vec<Diagnostic>) {
    let hint = match values {
        Values::Properties(_) => return,
        Values::Computations(_) => {
            "send it as a user_property (a computed property is a column of the cohort's file), or leave the sync out"
        }
        Values::Recommendation(_) => "leave the sync out",
    };
    let message = format!(
        "`{}` reads the User Profile API, and Amplitude has none in the EU",
        resource.address
    );
    let code = "no-profile-api";
    found.push(error(
        &resource.origin,
        "/kind",
        code,
        message,
        Some(hint.to_owned()),
    ));
}

/// Several computations arrive by their names, so one that is not named may never be found.
fn unnamed(
    resource: &Resource,
    computations: &[computation::Written],
    found: &mut Vec<Diagnostic>,
) {
    if computations.len() < 2 {
        return;
    }
    for (at, one) in computations.iter().enumerate() {
        if one.name.is_some() || one.id.trim().is_empty() {
            continue;
        }
        let message = format!(
            "the profile tells several computations by name, and `{}` is looked for under its id",
            one.id
        );
        let hint = Some("add `name`, as Amplitude shows it".to_owned());
        let pointer = format!("/computations/{at}");
        let code = "computation-without-name";
        found.push(Diagnostic {
            severity: Severity::Warning,
            ..error(&resource.origin, &pointer, code, message, hint)
        });
    }
}
