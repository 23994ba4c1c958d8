//! What a kind of sync is: it says what to read and in which form that is kept in Braze. It never sends.

use indexmap::IndexMap;

use crate::{
    config::{CohortRef, Resource},
    diff::algebra::Algebra,
    model::{Address, Diagnostic, Lane, Mapping, profile::Question},
};

use super::{Form, form::Membership};

/// A kind of sync that this release moves. One file each; `registry.rs` lists them.
pub trait Kind: Sync {
    /// Returns what an entry asks for; no reading.
    fn desired(&self, resource: &Resource, scope: &Scope) -> Result<Desired, Diagnostic>;
}

/// Where an entry stands: what it does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Name of the workspace.
    pub workspace: &'a str,
    /// The environment, if any.
    pub environment: Option<&'a str>,
    /// The configuration as it was applied, for what is pinned then.
    pub applied: Option<&'a serde_json::Value>,
    /// Everything that is declared, for what an entry says of another.
    pub resources: &'a IndexMap<Address, Resource>,
}

/// What an entry asks for.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Whose people.
    pub source: CohortRef,
    /// Where in the entry that is said.
    pub source_at: &'static str,
    /// The other cohorts that tell who is in it: those whose people are left out, or the rest of a segment's.
    pub exclude: Vec<CohortRef>,
    /// Who is in it, by the source and then the other cohorts.
    pub members: Algebra,
    /// What its people are called together, where that is not their cohort's name: the segment.
    pub called: Option<String>,
    /// How its people are named to Braze; those left out are found by the same.
    pub identify_by: Mapping,
    /// What is read of each of them.
    pub reads: Reads,
    /// What is kept of them in Braze.
    pub form: Form,
    /// Where to in a few words: `attribute_array amplitude_cohorts`.
    pub target: String,
    /// What Braze shows, where the YAML says it; else it is pinned at the first apply.
    pub label: Option<String>,
    /// Whether people unknown to Braze may be created.
    pub create_users: bool,
    /// What is remembered as applied: the entry less what has no effect in Braze, with what is pinned written out.
    pub config: serde_json::Value,
}

/// What is read of each person, beside who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing: a membership has no value in its source.
    Nothing,
    /// User properties, from columns of the cohort's file; a cell each, in this order.
    Columns(Vec<String>),
    /// Cells of the User Profile API: computations, then recommendations, in the order of the question.
    Profiles(Question),
}

/// A target unit: an attribute, a label in one, a cohort of cohort import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The attribute, or the cohort.
    pub target: String,
    /// The label in it; all of it where there is none.
    pub label: Option<String>,
}

impl Unit {
    /// All of an attribute.
    pub fn attribute(name: &str) -> Self {
        Self {
            target: format!("attribute {name}"),
            label: None,
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.label {
            Some(label) => write!(f, "label \"{label}\" in {}", self.target),
            None => f.write_str(&self.target),
        }
    }
}

impl Reads {
    /// Returns the columns that are read of the cohort's file.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Nothing | Self::Profiles(_) => &[],
            Self::Columns(columns) => columns,
        }
    }

    /// Returns what is asked of each profile.
    pub fn question(&self) -> Option<&Question> {
        match self {
            Self::Profiles(question) => Some(question),
            Self::Nothing | Self::Columns(_) => None,
        }
    }
}

impl Desired {
    /// Returns the lane its rows travel in.
    pub fn lane(&self) -> Lane {
        match self.imported() {
            Some(id) => Lane::Cohort { id: id.to_owned() },
            None => Lane::UsersTrack,
        }
    }

    /// Returns whether Braze is told a name before any row goes there.
    pub fn is_named(&self) -> bool {
        self.imported().is_some()
    }

    fn imported(&self) -> Option<&str> {
        match &self.form {
            Form::Membership(Membership::Import(id)) => Some(id),
            Form::Membership(_) | Form::Attributes(_) => None,
        }
    }
}
