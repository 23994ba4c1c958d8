//! A cohort as Amplitude lists it, without its wire shape.

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
}
