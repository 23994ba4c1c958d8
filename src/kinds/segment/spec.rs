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
    #[schemars(length(min = 1))]
    pub all_of: Option<Vec<Term>>,
    /// In at least one of these.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub any_of: Option<Vec<Term>>,
    /// In none of these.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub none_of: Option<Vec<Term>>,
}

impl Members {
    /// Returns the cohorts that are named, at any depth; those of syncs are not.
    pub fn cohorts(&self) -> Vec<CohortRef> {
        let terms = [&self.all_of, &self.any_of, &self.none_of];
        let terms = terms.into_iter().flatten().flatten();
        terms
            .flat_map(|term| match term {
                Term::Cohort { cohort } => vec![cohort.clone()],
                Term::Sync { .. } => vec![],
                Term::Nested(members) => members.cohorts(),
            })
            .collect()
    }
}

/// A cohort, the people of a sync, or set algebra again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Term {
    /// A cohort.
    Cohort {
        /// The cohort in Amplitude: its name, or `{id: 26umsb5}`.
        cohort: CohortRef,
    },
    /// The people of a sync: its cohort, less those that it leaves out.
    Sync {
        /// Name or address of the sync.
        sync: String,
    },
    /// Nested.
    Nested(Members),
}
