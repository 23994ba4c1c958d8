//! What a kind of sync is: it says what to read, what should be there, and how a row is worded. It never sends.

use serde_json::Value;

use crate::{
    config::{CohortRef, Resource},
    model::{Change, Diagnostic, Edit, Mapping, Text},
};

/// A kind of sync that this release moves. One file each; `registry.rs` lists them.
pub trait Kind: Sync {
    /// Returns what an entry asks for; no reading, no state.
    fn desired(&self, resource: &Resource) -> Result<Desired, Diagnostic>;

    /// Returns the value of a row that the source gives none.
    fn value(&self, desired: &Desired, label: &str) -> Text;

    /// Names what the sync writes and nobody else may: an attribute, a label in an array attribute.
    fn unit(&self, desired: &Desired, label: &str) -> String;

    /// Words one row as edits of a profile.
    fn edits(&self, desired: &Desired, change: &Change) -> Vec<Edit>;
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
    /// The form of `to`: `attribute_array`, `attribute_flag`.
    pub form: Form,
    /// Where to in a few words: `attribute_array amplitude_cohorts`.
    pub target: String,
    /// What Braze shows, where the YAML says it; else it is pinned at the first apply.
    pub label: Option<String>,
    /// Whether people unknown to Braze may be created.
    pub create_users: bool,
    /// What is remembered as applied: the entry less what has no effect in Braze.
    pub config: Value,
}

/// Where a row goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A label in an array attribute.
    AttributeArray(String),
    /// An attribute that is true or false.
    AttributeFlag(String),
}

/// Through which door rows are written. Everything for one person in one lane travels in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// `/users/track`.
    UsersTrack,
}

impl Lane {
    /// Returns its name in journal and manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::UsersTrack => "users/track",
        }
    }
}

impl Desired {
    /// Returns the lane its rows travel in.
    pub fn lane(&self) -> Lane {
        match self.form {
            Form::AttributeArray(_) | Form::AttributeFlag(_) => Lane::UsersTrack,
        }
    }
}
