//! The forms in which rows are kept in Braze: a label, a flag, a cohort of cohort import, attributes with values. Every
//! kind ends in one of them, and all that follows from a form is here: what it owns, how rows are compared, how a row is
//! worded.

mod attributes;
mod held;
mod membership;

use std::collections::BTreeSet;

use serde_json::Value;

use super::Unit;
use crate::{
    diff::values::Rule,
    model::{Change, Edit, Text},
};

pub use attributes::{Attribute, Attributes, Take};
pub use membership::Membership;

/// In which form rows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Whether somebody is in it.
    Membership(Membership),
    /// Attributes with values.
    Attributes(Attributes),
}

/// What a row should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Valued {
    /// Its value.
    pub value: Text,
    /// Data points of sending each attribute, in the order of the form; 0 where there is no value.
    pub points: Vec<u64>,
    /// Attributes, by their place in the form, without a value that is there or could be, with the reason: Braze could not
    /// hold it, or its person is left out.
    pub unfit: Vec<(usize, &'static str)>,
}

impl Form {
    /// Returns what a row should hold, from the cells that were read of it.
    pub fn value(&self, label: &str, cells: &[Value]) -> Valued {
        match self {
            Self::Membership(membership) => Valued {
                value: membership.value(label),
                points: vec![],
                unfit: vec![],
            },
            Self::Attributes(attributes) => attributes.value(cells),
        }
    }

    /// Names what is written and what nobody else may write.
    pub fn units(&self, label: &str) -> Vec<Unit> {
        match self {
            Self::Membership(membership) => vec![membership.unit(label)],
            Self::Attributes(attributes) => attributes.names().map(Unit::attribute).collect(),
        }
    }

    /// Words one row as edits of a profile.
    pub fn edits(&self, change: &Change) -> Vec<Edit> {
        match self {
            Self::Membership(membership) => membership.edits(change),
            Self::Attributes(_) => attributes::edits(change),
        }
    }

    /// Returns how rows are compared. `applied` names the attributes that recorded rows hold, `empties` says that
    /// those which are no longer declared are taken out.
    pub fn rule(&self, applied: &BTreeSet<String>, empties: bool) -> Rule {
        match self {
            Self::Membership(_) => Rule::Whole,
            Self::Attributes(attributes) => Rule::Attributes(attributes.policy(applied, empties)),
        }
    }

    /// Returns the attributes with values; none of a membership.
    pub fn attributes(&self) -> &[Attribute] {
        match self {
            Self::Membership(_) => &[],
            Self::Attributes(attributes) => &attributes.list,
        }
    }

    /// Returns whether Braze shows a label of it.
    pub fn is_labelled(&self) -> bool {
        match self {
            Self::Membership(membership) => {
                matches!(membership, Membership::Array(_) | Membership::Import(_))
            }
            Self::Attributes(_) => false,
        }
    }

    /// Returns whether its rows are in Amplitude, so that no profile of Braze tells of them.
    pub fn is_in_amplitude(&self) -> bool {
        matches!(self, Self::Membership(Membership::Static(_)))
    }

    /// Returns what removal does unless the YAML says otherwise: memberships are taken out, values are left.
    pub fn on_destroy(&self) -> &'static str {
        match self {
            // No call takes a cohort out of Amplitude.
            Self::Membership(Membership::Static(_)) | Self::Attributes(_) => "keep",
            Self::Membership(_) => "empty",
        }
    }
}
