//! `kind: cohort`: the members of an Amplitude cohort, kept in Braze as a label in an array attribute, as a flag, or as
//! a cohort of partner cohort import.
//!
//! From: the cohort list (one request for all) and a download (2,000,000 people, 500 a month, 60 in 10 minutes; see
//! Amplitude's Behavioral Cohorts page). To: `/users/track` (75 objects a request; see Braze's page of it), or
//! `/partners/…/cohorts/users` (1,000 people a request; see Braze's page for partners). A membership has no value in the
//! source: the row's value is the label, `true`, or the cohort's id.

mod spec;

use serde_json::{Value, json};

use super::{
    identify,
    kind::{Desired, Form, Kind, Scope, Unit},
};
use crate::{
    config::Resource,
    diff::decide::from_array,
    model::{Change, Diagnostic, Edit, Severity, Text},
};

pub use spec::{ImportId, RunBy, Spec, Target, TargetWord};

/// The kind.
pub struct Cohort;

/// Keys that change what Syncform allows or how it works, but nothing in Braze: not part of what was applied.
const WITHOUT_EFFECT: [&str; 12] = [
    "guards",
    "allow_removal",
    "allow_empty",
    "max_age",
    "settle",
    "seed",
    "confirm",
    "recheck",
    "retry_refused",
    "paused",
    "recreate",
    // Pinned, and compared by what it is rather than by what is written.
    "label",
];

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
        let mut is_default = false;
        let form = match spec.to {
            Target::AttributeArray { attribute_array } => Form::AttributeArray(attribute_array),
            Target::AttributeFlag { attribute_flag } => Form::AttributeFlag(attribute_flag),
            Target::CohortImport { cohort_import } => Form::CohortImport(cohort_import.id),
            Target::Word(TargetWord::CohortImport) => {
                is_default = true;
                Form::CohortImport(import_id(resource, scope))
            }
        };
        let target = match &form {
            Form::AttributeArray(name) => format!("attribute_array {name}"),
            Form::AttributeFlag(name) => format!("attribute_flag {name}"),
            Form::CohortImport(id) => format!("cohort_import {id}"),
        };
        let settings = &resource.settings;
        let exclude = settings
            .exclude
            .iter()
            .flatten()
            .map(|exclusion| exclusion.cohort.clone())
            .collect();
        let mut config = resource.body.clone();
        if let Value::Object(members) = &mut config {
            members.retain(|key, _| !WITHOUT_EFFECT.contains(&key.as_str()));
            if let Form::CohortImport(id) = &form {
                members.insert("to".to_owned(), json!({"cohort_import": {"id": id}}));
                let origin = if is_default { DEFAULT } else { GIVEN };
                members.insert("import_id".to_owned(), json!(origin));
            }
            members.sort_keys();
        }
        Ok(Desired {
            source: spec.cohort,
            exclude,
            identify_by: identify::mapping(settings),
            form,
            target,
            label: settings.label.clone(),
            create_users: settings.create_users.unwrap_or(false),
            config,
        })
    }

    fn value(&self, desired: &Desired, label: &str) -> Text {
        match &desired.form {
            Form::AttributeArray(_) => json!(label).to_string().into(),
            Form::AttributeFlag(_) => "true".into(),
            Form::CohortImport(id) => json!(id).to_string().into(),
        }
    }

    fn unit(&self, desired: &Desired, label: &str) -> Unit {
        match &desired.form {
            Form::AttributeArray(name) => Unit {
                target: format!("attribute {name}"),
                label: Some(label.to_owned()),
            },
            Form::AttributeFlag(name) => Unit {
                target: format!("attribute {name}"),
                label: None,
            },
            Form::CohortImport(id) => Unit {
                target: format!("cohort {id} of cohort import"),
                label: None,
            },
        }
    }

    fn edits(&self, desired: &Desired, change: &Change) -> Vec<Edit> {
        let json = |text: &Text| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        match &desired.form {
            Form::AttributeArray(attribute) => {
                let before = change.before.iter().cloned();
                let gone =
                    before.chain(change.maybe.as_deref().map(from_array).unwrap_or_default());
                let remove = gone
                    .filter(|value| Some(value) != change.after.as_ref())
                    .map(|value| json(&value))
                    .collect();
                vec![Edit::Array {
                    attribute: attribute.clone(),
                    add: change.after.as_ref().map(json),
                    remove,
                }]
            }
            Form::AttributeFlag(attribute) => {
                let value = Value::Bool(change.after.is_some());
                vec![Edit::Set {
                    attribute: attribute.clone(),
                    value,
                }]
            }
            Form::CohortImport(_) => vec![Edit::Member {
                joins: change.after.is_some(),
            }],
        }
    }
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
    use super::*;
    use crate::{
        config::CohortRef,
        model::{Key, Mapping, Verb},
    };

    fn desired(form: Form) -> Desired {
        Desired {
            source: CohortRef::Name("Power".to_owned()),
            exclude: vec![],
            identify_by: Mapping::default(),
            form,
            target: String::new(),
            label: None,
            create_users: false,
            config: Value::Null,
        }
    }

    fn change(
        verb: Verb,
        before: Option<&str>,
        maybe: Option<&str>,
        after: Option<&str>,
    ) -> Change {
        let text = |text: &str| text.into();
        let (before, maybe, after) = (before.map(text), maybe.map(text), after.map(text));
        Change {
            key: Key::external("u").unwrap(),
            amplitude_id: None,
            verb,
            before,
            maybe,
            after,
        }
    }

    #[test]
    fn an_array_loses_every_label_it_may_hold_but_the_one_it_is_to_hold() {
        let desired = desired(Form::AttributeArray("c".to_owned()));
        let edit = |change: &Change| match Cohort.edits(&desired, change).remove(0) {
            Edit::Array { add, remove, .. } => (add, remove),
            _ => panic!("an array edit"),
        };
        let added = edit(&change(Verb::Add, None, None, Some("\"A\"")));
        assert_eq!(added, (Some(json!("A")), vec![]));
        let removed = edit(&change(Verb::Remove, Some("\"A\""), Some("[\"B\"]"), None));
        assert_eq!(removed, (None, vec![json!("A"), json!("B")]));
        let changed = edit(&change(
            Verb::Change,
            Some("\"A\""),
            Some("[\"B\",\"C\"]"),
            Some("\"B\""),
        ));
        assert_eq!(changed, (Some(json!("B")), vec![json!("A"), json!("C")]));
    }

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

    #[test]
    fn a_flag_is_true_or_false() {
        let desired = desired(Form::AttributeFlag("f".to_owned()));
        let set = |value: bool| {
            vec![Edit::Set {
                attribute: "f".to_owned(),
                value: value.into(),
            }]
        };
        assert_eq!(
            Cohort.edits(&desired, &change(Verb::Add, None, None, Some("true"))),
            set(true)
        );
        assert_eq!(
            Cohort.edits(&desired, &change(Verb::Remove, Some("true"), None, None)),
            set(false)
        );
    }
}
