//! `kind: cohort`: the members of an Amplitude cohort, kept in Braze as a label in an array attribute, as a flag, or as
//! a cohort of partner cohort import.
//!
//! From: the cohort list (one request for all) and a download (2,000,000 people, 500 a month, 60 in 10 minutes; see
//! Amplitude's Behavioral Cohorts page). To: `/users/track` (75 objects a request; see Braze's page of it), or
//! `/partners/…/cohorts/users` (1,000 people a request; see Braze's page for partners). A membership has no value in the
//! source: the row's value is the label, `true`, or the cohort's id.

mod native;
mod spec;

use serde_json::{Map, Value, json};

use super::{Desired, Form, Kind, Membership, Reads, Scope, Source, applied, identify};
use crate::{
    config::Resource,
    diff::algebra::Algebra,
    model::{Diagnostic, Severity},
};

pub use native::{Native, frequency, is_native, matter, native, steps, when};
pub use spec::{ImportId, RunBy, Spec, Target, TargetWord};

/// The kind.
pub struct Cohort;

impl Kind for Cohort {
    fn desired(&self, resource: &Resource, scope: &Scope) -> Result<Desired, Diagnostic> {
        let wrong = |message: String| Diagnostic {
            code: "cohort",
            severity: Severity::Error,
            place: resource.origin.place("/to"),
            message,
            hint: None,
        };
        // The schema has checked the entry; what is left is what the schema cannot say.
        let spec: Spec = serde_json::from_value(resource.body.clone())
            .map_err(|_| wrong(format!("{} is not a cohort sync", resource.address)))?;
        let to = spec
            .to
            .ok_or_else(|| wrong(format!("{} says no `to`", resource.address)))?;
        let (form, target, is_default) = form(to, resource, scope);
        let settings = &resource.settings;
        let exclude: Vec<_> = settings
            .exclude
            .iter()
            .flatten()
            .map(|exclusion| exclusion.cohort.clone())
            .collect();
        let mut config = applied::config(&resource.body);
        if let Value::Object(members) = &mut config {
            remember(members, &form, is_default);
        }
        Ok(Desired {
            source: Source::Cohort(spec.cohort),
            source_at: "/cohort",
            members: Algebra::less(exclude.len()),
            exclude,
            called: None,
            identify_by: identify::mapping(settings),
            reads: Reads::Nothing,
            form: Form::Membership(form),
            target,
            label: settings.label.clone(),
            create_users: settings.create_users.unwrap_or(false),
            upload: None,
            config,
        })
    }
}

/// Returns in which form a membership is kept, that in a few words, and whether its id is the default one.
pub(super) fn form(to: Target, resource: &Resource, scope: &Scope) -> (Membership, String, bool) {
    let is_default = to == Target::Word(TargetWord::CohortImport);
    let form = match to {
        Target::AttributeArray { attribute_array } => Membership::Array(attribute_array),
        Target::AttributeFlag { attribute_flag } => Membership::Flag(attribute_flag),
        Target::CohortImport { cohort_import } => Membership::Import(cohort_import.id),
        Target::Word(TargetWord::CohortImport) => Membership::Import(import_id(resource, scope)),
    };
    let target = form.target();
    (form, target, is_default)
}

/// Writes into what is remembered of an entry which cohort it imports, and how that id came about.
pub(super) fn remember(entry: &mut Map<String, Value>, form: &Membership, is_default: bool) {
    if let Membership::Import(id) = form {
        entry.insert("to".to_owned(), json!({"cohort_import": {"id": id}}));
        let origin = if is_default { DEFAULT } else { GIVEN };
        entry.insert("import_id".to_owned(), json!(origin));
    }
    entry.sort_keys();
}

/// How the id of an imported cohort came about, as it is remembered.
const DEFAULT: &str = "default";
const GIVEN: &str = "given";

/// The id under which a cohort is imported where the YAML gives none: the one it was imported under before, else
/// `workspace/environment/name`, so that a lost state makes no twin.
fn import_id(resource: &Resource, scope: &Scope) -> String {
    let applied = scope
        .applied
        .filter(|applied| applied["import_id"] == DEFAULT);
    let pinned = applied.map(|applied| &applied["to"]["cohort_import"]["id"]);
    if let Some(pinned) = pinned.and_then(Value::as_str) {
        return pinned.to_owned();
    }
    let name = resource.address.name();
    let parts = [Some(scope.workspace), scope.environment, Some(name)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    #[test]
    fn an_imported_cohort_has_an_id_that_stays() {
        let resource = |to: Value| Resource {
            address: crate::model::Address::new("sync", "power"),
            kind: "cohort".to_owned(),
            settings: crate::config::Settings::default(),
            body: json!({"kind": "cohort", "cohort": "Power", "to": to}),
            origin: crate::config::Origin::default(),
        };
        let applied = json!({"to": {"cohort_import": {"id": "acme/old"}}, "import_id": "default"});
        let given = json!({"to": {"cohort_import": {"id": "acme/old"}}, "import_id": "given"});
        let id = |to: Value, environment, applied| {
            let scope = Scope {
                workspace: "acme",
                environment,
                applied,
                resources: &IndexMap::new(),
            };
            let desired = Cohort.desired(&resource(to), &scope).unwrap();
            (desired.lane().name(), desired.config["to"].clone())
        };
        let found = |id: &str| {
            (
                format!("cohorts/{id}"),
                json!({"cohort_import": {"id": id}}),
            )
        };
        let word = || json!("cohort_import");
        assert_eq!(id(word(), None, None), found("acme/power"));
        assert_eq!(
            id(word(), Some("staging"), None),
            found("acme/staging/power")
        );
        assert_eq!(id(word(), None, Some(&applied)), found("acme/old"));
        assert_eq!(id(word(), None, Some(&given)), found("acme/power"));
        let own = json!({"cohort_import": {"id": "own"}});
        assert_eq!(id(own, None, Some(&applied)), found("own"));
    }
}
