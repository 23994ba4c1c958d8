//! `identify_by`: lists that name nobody, or that name somebody in a way the target does not know.

use super::{error, memberships};
use crate::{
    config::{Configuration, Identifier, IdentifierWord, Resource},
    kinds::cohort::{Spec, Target},
    model::{Diagnostic, Key},
};

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for (resource, spec) in memberships(configuration) {
        let Some(list) = resource.settings.identify_by.as_deref() else {
            continue;
        };
        let mut refuse = |pointer: &str, code, message: String, hint: &str| {
            let pointer = format!("/identify_by{pointer}");
            found.push(error(
                &resource.origin,
                &pointer,
                code,
                message,
                Some(hint.to_owned()),
            ));
        };
        if list.is_empty() {
            let message = format!("`{}` names its people by nothing", resource.address);
            refuse(
                "",
                "no-identifier",
                message,
                "write identify_by: [external_id], or leave it out",
            );
        }
        for (at, identifier) in list.iter().enumerate() {
            let pointer = format!("/{at}");
            if list[..at].contains(identifier) {
                let message = format!("{} stands twice in this list", words(identifier));
                refuse(
                    &pointer,
                    "identifier-twice",
                    message,
                    "take it out: each row takes the first it has",
                );
            } else if let Some((message, hint)) = unusable(identifier, resource, &spec) {
                refuse(&pointer, "unusable-identifier", message, hint);
            }
        }
    }
}

fn words(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Word(IdentifierWord::ExternalId) => "`external_id`".to_owned(),
        Identifier::Word(IdentifierWord::DeviceId) => "`device_id`".to_owned(),
        Identifier::Alias { alias, name } => format!("the alias `{alias}` named by `{name}`"),
    }
}

/// Returns what is wrong with an identifier by itself, and what to do.
fn unusable(
    identifier: &Identifier,
    resource: &Resource,
    spec: &Spec,
) -> Option<(String, &'static str)> {
    match identifier {
        Identifier::Word(IdentifierWord::DeviceId)
            if matches!(
                spec.to,
                Some(Target::AttributeArray { .. } | Target::AttributeFlag { .. })
            ) =>
        {
            let message = format!(
                "`{}` writes attributes, and those reach nobody by `device_id`: only a cohort import does",
                resource.address
            );
            Some((message, "take `device_id` out, or write to: cohort_import"))
        }
        Identifier::Alias { alias, .. } if Key::alias(alias, "name").is_err() => Some((
            "Braze takes no such label of an alias".to_owned(),
            "a label has 1 to 236 bytes",
        )),
        Identifier::Alias { .. } | Identifier::Word(_) => None,
    }
}
