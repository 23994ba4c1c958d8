//! What an entry of `segments` may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::CohortRef, kinds::cohort::Target};

/// A Braze segment: verified, or materialized from cohorts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Name in Braze.
    pub name: String,
    /// Description in Braze.
    #[serde(default)]
    pub description: Option<String>,
    /// Tags in Braze.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// What the segment filters on, as text for people and references for the plan.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Who is in it, computed by Syncform and written like a cohort.
    #[serde(default)]
    pub members: Option<Members>,
    /// Where computed members show in Braze.
    #[serde(default)]
    pub to: Option<Target>,
}

/// What a segment filters on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Address of the sync whose members are in it, such as `sync.power-users`.
    #[serde(rename = "in")]
    pub within: String,
}

/// Set algebra over cohorts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// In every one of these.
    #[serde(default)]
    pub all_of: Option<Vec<Term>>,
    /// In at least one of these.
    #[serde(default)]
    pub any_of: Option<Vec<Term>>,
    /// In none of these.
    #[serde(default)]
    pub none_of: Option<Vec<Term>>,
}

/// A cohort, or set algebra again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Term {
    /// A cohort.
    Cohort {
        /// The cohort in Amplitude: its name, or `{id: 26umsb5}`.
        cohort: CohortRef,
    },
    /// Nested.
    Nested(Members),
}
