//! Target units: what one sync writes and nobody else may, and names that Braze keeps for itself.

use std::collections::HashMap;

use super::{cohorts, error};
use crate::{
    config::{CohortRef, Configuration, Resource},
    kinds::cohort::{Spec, Target},
    model::{Address, Diagnostic},
};

/// Profile fields and control keys of `/users/track`; any other name is a custom attribute. braze.md 7.2
const RESERVED: [&str; 35] = [
    "_merge_objects",
    "_update_existing_only",
    "alias_label",
    "alias_name",
    "bio",
    "braze_id",
    "country",
    "current_location",
    "date_of_first_session",
    "date_of_last_session",
    "dob",
    "email",
    "email_click_tracking_disabled",
    "email_open_tracking_disabled",
    "email_subscribe",
    "external_id",
    "facebook",
    "first_name",
    "gender",
    "home_city",
    "image_url",
    "language",
    "last_name",
    "marked_email_as_spam_at",
    "phone",
    "push_subscribe",
    "push_token_import",
    "push_tokens",
    "subscription_groups",
    "time_zone",
    "twitter",
    "user_alias",
    "user_aliases",
    "email_disabled",
    "push_disabled",
];

/// Letters of a string Braze keeps.
const LONGEST: usize = 255;

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    let mut owners = Owners::default();
    for (resource, spec) in cohorts(configuration) {
        match &spec.to {
            Target::AttributeArray { attribute_array } => {
                name(resource, "/to/attribute_array", attribute_array, found);
                label(resource, found);
                owners.array(resource, attribute_array, shown(resource, &spec), found);
            }
            Target::AttributeFlag { attribute_flag } => {
                name(resource, "/to/attribute_flag", attribute_flag, found);
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
                owners.flag(resource, attribute_flag, found);
            }
            Target::Word(_) => import(resource, None, configuration, &mut owners, found),
            Target::CohortImport { cohort_import } => {
                let id = Some(cohort_import.id.as_str());
                import(resource, id, configuration, &mut owners, found);
            }
        }
        if let CohortRef::Name(name) | CohortRef::Id { id: name } = &spec.cohort
            && name.trim().is_empty()
        {
            let message = format!("`{}` names no cohort", resource.address);
            let hint = Some("write the cohort's name as Amplitude shows it, or {id: …}".to_owned());
            found.push(error(
                &resource.origin,
                "/cohort",
                "wrong-cohort",
                message,
                hint,
            ));
        }
        excludes_itself(resource, &spec, found);
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

/// Who writes what.
#[derive(Default)]
struct Owners {
    flags: HashMap<String, Address>,
    arrays: HashMap<String, Address>,
    labels: HashMap<(String, String), Address>,
    imports: HashMap<String, Address>,
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
    if let Some(other) = owners.imports.get(&id) {
        let what = format!("the imported cohort `{id}`");
        found.push(owned(resource, "/to", other, &what));
    } else {
        owners.imports.insert(id, resource.address.clone());
    }
}

impl Owners {
    fn flag(&mut self, resource: &Resource, attribute: &str, found: &mut Vec<Diagnostic>) {
        let other = self
            .flags
            .get(attribute)
            .or_else(|| self.arrays.get(attribute));
        if let Some(other) = other {
            found.push(owned(
                resource,
                "/to/attribute_flag",
                other,
                &format!("the attribute `{attribute}`"),
            ));
        } else {
            self.flags
                .insert(attribute.into(), resource.address.clone());
        }
    }

    fn array(
        &mut self,
        resource: &Resource,
        attribute: &str,
        label: String,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some(other) = self.flags.get(attribute) {
            let what = format!("the attribute `{attribute}`, as a flag");
            found.push(owned(resource, "/to/attribute_array", other, &what));
            return;
        }
        self.arrays
            .entry(attribute.into())
            .or_insert_with(|| resource.address.clone());
        let words = label.trim_start_matches('\0').to_owned();
        let unit = (attribute.to_owned(), label);
        if let Some(other) = self.labels.get(&unit) {
            let what = format!("the label `{words}` in the attribute `{attribute}`");
            found.push(owned(resource, "/to/attribute_array", other, &what));
        } else {
            self.labels.insert(unit, resource.address.clone());
        }
    }
}

fn owned(resource: &Resource, pointer: &str, other: &Address, what: &str) -> Diagnostic {
    let message = format!(
        "`{}` writes {what}, which `{other}` writes already",
        resource.address
    );
    let hint = "one target has one owner: name another attribute or label, or keep one of the two"
        .to_owned();
    error(&resource.origin, pointer, "two-owners", message, Some(hint))
}

fn name(resource: &Resource, pointer: &str, attribute: &str, found: &mut Vec<Diagnostic>) {
    let mut refuse = |message: String, hint: &str| {
        found.push(error(
            &resource.origin,
            pointer,
            "wrong-attribute",
            message,
            Some(hint.into()),
        ));
    };
    if RESERVED.contains(&attribute) {
        let message =
            format!("`{attribute}` is a profile field of Braze's own, not a custom attribute");
        refuse(message, "name a custom attribute");
    } else if attribute.trim().is_empty() {
        refuse("an attribute has a name".into(), "name a custom attribute");
    } else if attribute.trim() != attribute {
        refuse(
            "Braze strips the spaces around this name".into(),
            "take the spaces out",
        );
    } else if attribute.starts_with('$') || attribute.contains(char::is_control) {
        refuse(
            "Braze takes no such name".into(),
            "begin with a letter, and leave `$` and control letters out",
        );
    } else if attribute.chars().count() > LONGEST {
        refuse(
            format!("Braze keeps {LONGEST} letters of a name"),
            "shorten it",
        );
    }
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

fn excludes_itself(resource: &Resource, spec: &Spec, found: &mut Vec<Diagnostic>) {
    let excluded = resource.settings.exclude.iter().flatten();
    for (index, _) in excluded
        .enumerate()
        .filter(|(_, one)| one.cohort == spec.cohort)
    {
        let message = format!(
            "`{}` leaves its own cohort out: nobody remains",
            resource.address
        );
        let pointer = format!("/exclude/{index}");
        found.push(error(
            &resource.origin,
            &pointer,
            "excludes-itself",
            message,
            None,
        ));
    }
}
