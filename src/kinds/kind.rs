//! What a kind of sync is: it says what to read and in which form that is kept in Braze. It never sends.

use indexmap::IndexMap;

use crate::{
    config::{CohortRef, Resource},
    diff::algebra::Algebra,
    model::{Address, Diagnostic, Lane, Limit, Mapping, profile::Question},
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
    pub source: Source,
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
    /// How the cohort of Amplitude is made that its rows are the members of; none of what goes elsewhere.
    pub upload: Option<Upload>,
    /// What is remembered as applied: the entry less what has no effect in Braze, with what is pinned written out.
    pub config: serde_json::Value,
}

/// Whose people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Those of a cohort of Amplitude.
    Cohort(CohortRef),
    /// Those of a list in a file, by its path from the configuration.
    File(String),
    /// Those of a segment of Braze, by its name.
    Segment(String),
}

/// A cohort of Amplitude that is made by upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// Its name, where the YAML says one.
    pub name: Option<String>,
    /// The id of one that is taken over.
    pub id: Option<String>,
    /// Whose it is to be.
    pub owner: Option<String>,
    /// Whether the list shows it.
    pub published: bool,
    /// How many of its members Amplitude must know, at least.
    pub min_match: Option<Limit>,
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

impl Source {
    /// Returns what the YAML says of it.
    pub fn written(&self) -> serde_json::Value {
        match self {
            Self::Cohort(reference) => serde_json::json!(reference),
            Self::File(file) => serde_json::json!({"file": file}),
            Self::Segment(segment) => serde_json::json!({"braze_segment": segment}),
        }
    }

    /// Returns the cohort of Amplitude, if it is one.
    pub fn cohort(&self) -> Option<&CohortRef> {
        match self {
            Self::Cohort(reference) => Some(reference),
            Self::File(_) | Self::Segment(_) => None,
        }
    }

    /// Returns what it is called where it is no cohort: the file's path, the segment's name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Cohort(_) => None,
            Self::File(name) | Self::Segment(name) => Some(name),
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
        match &self.form {
            Form::Membership(Membership::Import(id)) => Lane::Cohort { id: id.clone() },
            Form::Membership(Membership::Static(cohort)) => Lane::Static {
                cohort: cohort.clone(),
            },
            Form::Membership(Membership::Array(_) | Membership::Flag(_)) | Form::Attributes(_) => {
                Lane::UsersTrack
            }
        }
    }

    /// Returns whether Braze is told a name before any row goes there.
    pub fn is_named(&self) -> bool {
        matches!(self.lane(), Lane::Cohort { .. })
    }
}
