//! What an entry of `segments` may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::CohortRef, kinds::cohort::Target, model::Limit};

/// A Braze segment: looked at, or materialized from cohorts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Name in Braze, by which it is found.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Description in Braze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags in Braze: these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Teams in Braze: these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Vec<String>>,
    /// Whether analytics tracking is on in Braze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analytics_tracking: Option<bool>,
    /// What the segment filters on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The filters as Braze words them, or as a plan shows them, copied once somebody compared them with `filter`. Other words
    /// later show as a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub acknowledge: Option<String>,
    /// How the filters are verified, since Braze tells them as text alone: by an export of its members, or by its estimated size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Who is in it, computed by Syncform and written like a cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
    /// Where computed members show in Braze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Target>,
}

/// What a segment filters on: one filter, or several joined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Filter {
    /// The members of a sync, or of a segment with `members`.
    In {
        /// Address of a cohort sync, or of a segment with `members`, such as `sync.power-users`.
        #[serde(rename = "in")]
        within: String,
    },
    /// An array attribute holds a value.
    Includes {
        /// Name of a custom attribute.
        #[schemars(length(min = 1))]
        attribute: String,
        /// What it holds.
        includes: Scalar,
    },
    /// An attribute has a value.
    Equals {
        /// Name of a custom attribute.
        #[schemars(length(min = 1))]
        attribute: String,
        /// What it is.
        equals: Scalar,
    },
    /// A cohort that Amplitude itself brings.
    AmplitudeCohort {
        /// Its name in the filter `Amplitude Cohorts`.
        #[schemars(length(min = 1))]
        amplitude_cohort: String,
    },
    /// Any other filter.
    Words {
        /// As the segment builder words it, such as `Last Used App more than 30 days ago`.
        #[schemars(length(min = 1))]
        words: String,
    },
    /// Filters joined.
    Group(Group),
}

/// Filters joined: what stands under several of these keys is joined by AND.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// All of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub all_of: Option<Vec<Filter>>,
    /// At least one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub any_of: Option<Vec<Filter>>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub none_of: Option<Vec<Filter>>,
}

/// A text, a number, true or false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(serde_json::Number),
}

/// How the filters of a segment are verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Verify {
    /// `export` or `size`.
    Word(VerifyWord),
    /// By the size that Braze estimates, with figures of one's own.
    Size {
        /// What the size is held against.
        size: SizeCheck,
    },
}

/// How the filters of a segment are verified, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerifyWord {
    /// The segment is exported, and its people compared with the members of the one sync in `filter`.
    Export,
    /// Its estimated size is compared with the members of the one sync in `filter`; 5% off is fine.
    Size,
}

/// What a segment's size is held against.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeCheck {
    /// People. Default: the members of the one sync in `filter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// How far off the estimate may be: a share of what is expected, or so many people. Default 5%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "5%"))]
    pub tolerance: Option<Limit>,
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
