//! Where a cohort is written: a name or a label that Braze would not take, and a target that somebody else writes.

use super::{
    attribute::{self, LONGEST},
    error, memberships,
    owners::Owners,
};
use crate::{
    config::{CohortRef, Configuration, Resource, Seed},
    kinds::cohort::{Spec, Target},
    model::Diagnostic,
};

pub(super) fn check(
    configuration: &Configuration,
    owners: &mut Owners,
    found: &mut Vec<Diagnostic>,
) {
    for (resource, spec) in memberships(configuration) {
        let Some(to) = &spec.to else {
            // Who runs it was told of, where that cannot be read.
            if spec.run_by.is_none() && resource.origin.0.contains_key("/run_by") {
                continue;
            }
            // An environment may have taken it out.
            let message = format!("`{}` says not where its members show", resource.address);
            let hint = "write to: {attribute_array: NAME}, or run_by: amplitude if Amplitude's own sync is meant";
            let hint = Some(hint.to_owned());
            found.push(error(&resource.origin, "", "no-target", message, hint));
            continue;
        };
        match to {
            Target::AttributeArray { attribute_array } => {
                attribute::check(resource, "/to/attribute_array", attribute_array, found);
                label(resource, found);
                owners.array(resource, attribute_array, shown(resource, &spec), found);
            }
            Target::AttributeFlag { attribute_flag } => {
                attribute::check(resource, "/to/attribute_flag", attribute_flag, found);
                if resource.settings.label.is_some() {
                    let message = format!(
                        "`{}` writes a flag, and a flag shows no label",
                        resource.address
                    );
                    let hint = "take `label` out, or write to: {attribute_array: NAME}".to_owned();
                    found.push(error(
                        &resource.origin,
                        "/label",
                        "label-on-flag",
                        message,
                        Some(hint),
                    ));
                }
                owners.whole(resource, "/to/attribute_flag", attribute_flag, found);
            }
            Target::Word(_) => import(resource, None, configuration, owners, found),
            Target::CohortImport { cohort_import } => {
                let id = Some(cohort_import.id.as_str());
                import(resource, id, configuration, owners, found);
            }
        }
    }
}

/// What Braze will show: the label, or else the cohort's name; of a cohort by id, its id stands for the name.
fn shown(resource: &Resource, spec: &Spec) -> String {
    match (&resource.settings.label, &spec.cohort) {
        (Some(label), _) => label.clone(),
        (None, CohortRef::Name(name)) => name.clone(),
        (None, CohortRef::Id { id }) => format!("\0{id}"),
    }
}

/// Checks a cohort of partner cohort import, by the id that the YAML gives it or else the default one.
fn import(
    resource: &Resource,
    id: Option<&str>,
    configuration: &Configuration,
    owners: &mut Owners,
    found: &mut Vec<Diagnostic>,
) {
    label(resource, found);
    let import = configuration.braze.cohort_import.as_ref();
    let fits = |partner: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !partner.is_empty() && partner.chars().all(letter)
    };
    if let Some(import) = import.filter(|import| !fits(&import.partner)) {
        let message = format!(
            "`{}` is no name of a partner",
            import.partner.escape_debug()
        );
        let hint = "write the name that Braze has for the partner, as in its path: letters, digits, `-` and `_`";
        let origin = &configuration.origin;
        let pointer = "/braze/cohort_import/partner";
        let known = found.iter().any(|known| known.code == "wrong-partner");
        if !known {
            found.push(error(
                origin,
                pointer,
                "wrong-partner",
                message,
                Some(hint.to_owned()),
            ));
        }
    }
    if import.is_none() {
        let message = format!(
            "`{}` writes by cohort import, and `braze.cohort_import` is not there",
            resource.address
        );
        let hint = "add braze.cohort_import with partner, data_import_key and partner_api_key; without a partner key of your own write to: {attribute_array: NAME}";
        let hint = Some(hint.to_owned());
        found.push(error(
            &resource.origin,
            "/to",
            "no-cohort-import",
            message,
            hint,
        ));
    }
    if resource.settings.create_users == Some(true) {
        let message = format!("`{}`: cohort import never creates people", resource.address);
        let hint = "take `create_users` out, or write to: {attribute_array: NAME}".to_owned();
        found.push(error(
            &resource.origin,
            "/create_users",
            "import-creates-nobody",
            message,
            Some(hint),
        ));
    }
    if resource.settings.seed == Some(Seed::Read) {
        let message = format!(
            "`{}` writes by cohort import, and no call reads an imported cohort back",
            resource.address
        );
        let hint = Some("write seed: send in this sync".to_owned());
        let code = "import-reads-nobody";
        found.push(error(&resource.origin, "/seed", code, message, hint));
    }
    if id.is_some_and(|id| id.trim().is_empty()) {
        let message = "the id of an imported cohort is not empty".to_owned();
        found.push(error(
            &resource.origin,
            "/to/cohort_import/id",
            "wrong-id",
            message,
            None,
        ));
        return;
    }
    // A default id may be pinned otherwise: only the plan knows the state.
    let Some(id) = id.map(str::to_owned) else {
        return;
    };
    owners.import(resource, id, found);
}

fn label(resource: &Resource, found: &mut Vec<Diagnostic>) {
    let Some(label) = &resource.settings.label else {
        return;
    };
    let message = if label.trim().is_empty() {
        "a label is not empty".to_owned()
    } else if label.chars().count() > LONGEST {
        format!("Braze keeps {LONGEST} letters of a label")
    } else {
        return;
    };
    found.push(error(
        &resource.origin,
        "/label",
        "wrong-label",
        message,
        None,
    ));
}
