//! A membership: its value is the label, `true`, or the cohort's id.

use serde_json::{Value, json};

use crate::{
    diff::decide::from_array,
    kinds::Unit,
    model::{Change, Edit, Text},
};

/// Where a membership shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// As a label in an array attribute.
    Array(String),
    /// In an attribute that is true or false.
    Flag(String),
    /// In a cohort of partner cohort import, by its id there.
    Import(String),
    /// In a static cohort of Amplitude, by the name of its entry.
    Static(String),
}

impl Membership {
    /// Returns in a few words where it shows: `attribute_array amplitude_cohorts`.
    pub fn target(&self) -> String {
        match self {
            Self::Array(name) => format!("attribute_array {name}"),
            Self::Flag(name) => format!("attribute_flag {name}"),
            Self::Import(id) => format!("cohort_import {id}"),
            Self::Static(name) => format!("static cohort {name}"),
        }
    }

    pub(super) fn value(&self, label: &str) -> Text {
        match self {
            Self::Array(_) => json!(label).to_string().into(),
            Self::Flag(_) | Self::Static(_) => "true".into(),
            Self::Import(id) => json!(id).to_string().into(),
        }
    }

    pub(super) fn unit(&self, label: &str) -> Unit {
        match self {
            Self::Array(name) => Unit {
                label: Some(label.to_owned()),
                ..Unit::attribute(name)
            },
            Self::Flag(name) => Unit::attribute(name),
            Self::Import(id) => Unit {
                target: format!("cohort {id} of cohort import"),
                label: None,
            },
            Self::Static(_) => Unit {
                target: format!("static cohort \"{label}\" of Amplitude"),
                label: None,
            },
        }
    }

    pub(super) fn edits(&self, change: &Change) -> Vec<Edit> {
        let json = |text: &Text| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let edit = match self {
            Self::Array(attribute) => {
                let before = change.before.iter().cloned();
                let maybe = change.maybe.as_deref().map(from_array).unwrap_or_default();
                let remove = before
                    .chain(maybe)
                    .filter(|value| Some(value) != change.after.as_ref())
                    .map(|value| json(&value))
                    .collect();
                Edit::Array {
                    attribute: attribute.clone(),
                    add: change.after.as_ref().map(json),
                    remove,
                }
            }
            Self::Flag(attribute) => Edit::Set {
                attribute: attribute.clone(),
                value: Value::Bool(change.after.is_some()),
            },
            Self::Import(_) | Self::Static(_) => Edit::Member {
                joins: change.after.is_some(),
            },
        };
        vec![edit]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Key, Standing, Verb};

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
            standing: Standing::Unasked,
        }
    }

    #[test]
    fn an_array_loses_every_label_it_may_hold_but_the_one_it_is_to_hold() {
        let array = Membership::Array("c".to_owned());
        let edit = |change: &Change| match array.edits(change).remove(0) {
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
    fn a_flag_is_true_or_false() {
        let flag = Membership::Flag("f".to_owned());
        let set = |value: bool| {
            vec![Edit::Set {
                attribute: "f".to_owned(),
                value: value.into(),
            }]
        };
        assert_eq!(
            flag.edits(&change(Verb::Add, None, None, Some("true"))),
            set(true)
        );
        assert_eq!(
            flag.edits(&change(Verb::Remove, Some("true"), None, None)),
            set(false)
        );
    }
}
