//! What a kind of sync is: it says what to read, what should be there, and how a row is worded. It never sends.

use serde_json::Value;

use crate::{
    config::{CohortRef, Resource},
    model::{Change, Diagnostic, Edit, Lane, Mapping, Text},
};

/// A kind of sync that this release moves. One file each; `registry.rs` lists them.
pub trait Kind: Sync {
    /// Returns what an entry asks for; no reading.
    fn desired(&self, resource: &Resource, scope: &Scope) -> Result<Desired, Diagnostic>;

    /// Returns the value of a row that the source gives none.
    fn value(&self, desired: &Desired, label: &str) -> Text;

    /// Names what the sync writes and nobody else may.
    fn unit(&self, desired: &Desired, label: &str) -> Unit;

    /// Words one row as edits of a profile.
    fn edits(&self, desired: &Desired, change: &Change) -> Vec<Edit>;
}

/// A target unit: an attribute, a label in one, a cohort of cohort import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The attribute, or the cohort.
    pub target: String,
    /// The label in it; all of it where there is none.
    pub label: Option<String>,
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.label {
            Some(label) => write!(f, "label \"{label}\" in {}", self.target),
            None => f.write_str(&self.target),
        }
    }
}

/// Where an entry stands: what it does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Name of the workspace.
    pub workspace: &'a str,
    /// The environment, if any.
    pub environment: Option<&'a str>,
    /// The configuration as it was applied, for what is pinned then.
    pub applied: Option<&'a Value>,
}

/// What an entry asks for.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Whose people.
    pub source: CohortRef,
    /// Whose people are left out.
    pub exclude: Vec<CohortRef>,
    /// How its people are named to Braze; those left out are found by the same.
    pub identify_by: Mapping,
    /// The form of `to`.
    pub form: Form,
    /// Where to in a few words: `attribute_array amplitude_cohorts`.
    pub target: String,
    /// What Braze shows, where the YAML says it; else it is pinned at the first apply.
    pub label: Option<String>,
    /// Whether people unknown to Braze may be created.
    pub create_users: bool,
    /// What is remembered as applied: the entry less what has no effect in Braze, with what is pinned written out.
    pub config: Value,
}

/// Where a row goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A label in an array attribute.
    AttributeArray(String),
    /// An attribute that is true or false.
    AttributeFlag(String),
    /// A cohort of partner cohort import, by its id there.
    CohortImport(String),
}

impl Desired {
    /// Returns the lane its rows travel in.
    pub fn lane(&self) -> Lane {
        match &self.form {
            Form::AttributeArray(_) | Form::AttributeFlag(_) => Lane::UsersTrack,
            Form::CohortImport(id) => Lane::Cohort { id: id.clone() },
        }
    }

    /// Returns whether Braze is told a name before any row goes there.
    pub fn is_named(&self) -> bool {
        matches!(self.form, Form::CohortImport(_))
    }
}
