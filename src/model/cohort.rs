//! A cohort as Amplitude lists it, without its wire shape.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the list tells of a cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Amplitude's id.
    pub id: String,
    /// Its name; uniqueness is nowhere promised.
    pub name: String,
    /// Archived cohorts are still cohorts, and never read.
    pub archived: bool,
    /// Members at `computed`.
    pub size: u64,
    /// `lastComputed` in Unix seconds. It moves when it differs, not only when it grows.
    pub computed: Option<i64>,
    /// The project.
    pub project: Option<u64>,
    /// Digest of the canonical definition.
    pub definition: String,
    /// Whether Amplitude says that it computes who is in it. A static one it does not, nor one of whose type nothing is known.
    #[serde(default)]
    pub computes: bool,
    /// Recurring syncs that Amplitude runs itself, of this cohort; none where the project is not told of them. One-time and
    /// disabled ones are never told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syncs: Option<Vec<NativeSync>>,
}

/// A sync that Amplitude runs itself, as far as the list tells: no id, no account, no mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeSync {
    /// Kind of destination, lower case: `braze`.
    pub target: String,
    /// `minute` (real-time), `hourly`, `daily`.
    pub frequency: String,
    /// When it last went well.
    pub last_successful: Option<Timestamp>,
    /// When it last failed.
    pub last_failure: Option<Timestamp>,
}
