//! What changed outside Syncform since it was last applied: the JSON of `drift --format json`
//! (`schema/drift.schema.json`). No person is in it; fields are only ever added.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Verification,
    plan::{Drift, Problem, StateRef},
};

const VERSION: &str = "1.0";

/// What `drift` found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Drifted {
    /// `1.0`.
    pub format_version: &'static str,
    /// Name of the workspace.
    pub workspace: String,
    /// The environment, if any.
    pub environment: Option<String>,
    /// When it was looked.
    #[schemars(with = "String")]
    pub looked_at: Timestamp,
    /// The state that it was held against.
    pub state: StateRef,
    /// When anything was last applied; null before a first apply.
    #[schemars(with = "Option<String>")]
    pub applied_at: Option<Timestamp>,
    /// Resources that were looked at.
    pub resources: u64,
    /// What could not be looked at.
    pub errors: Vec<Problem>,
    /// What is worth reading.
    pub warnings: Vec<Problem>,
    /// What changed.
    pub drift: Vec<Drift>,
    /// What a sample of people holds in Braze; null where nobody was asked about.
    pub people: Option<Verification>,
    /// Why nobody was asked about; null where somebody was.
    pub nobody_read: Option<NobodyRead>,
}

/// Why nobody was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NobodyRead {
    /// No sample was asked for.
    NoSample,
    /// Nothing that was applied keeps rows of people in Braze.
    NoRows,
    /// All was sent within five minutes, and may not have arrived.
    JustSent,
    /// No recorded row can be judged: they are in doubt, or by device id.
    NobodyToAsk,
}

impl Drifted {
    /// Returns whether anything is not as it was applied.
    pub fn is_any(&self) -> bool {
        let disagrees = self.people.as_ref().is_some_and(Verification::disagrees);
        disagrees || !self.drift.is_empty()
    }
}

impl Default for Drifted {
    /// Nothing was applied.
    fn default() -> Self {
        Self {
            format_version: VERSION,
            workspace: String::new(),
            environment: None,
            looked_at: Timestamp::UNIX_EPOCH,
            state: StateRef {
                lineage: String::new(),
                serial: 0,
            },
            applied_at: None,
            resources: 0,
            errors: vec![],
            warnings: vec![],
            drift: vec![],
            people: None,
            nobody_read: None,
        }
    }
}
