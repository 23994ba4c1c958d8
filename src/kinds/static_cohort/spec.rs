//! What an entry of `cohorts` may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::AllowRemoval,
    kinds::destination::OnlyIn,
    model::{Guards, Limit, Span},
};

/// A static cohort in Amplitude.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Name in Amplitude. Default the name of the entry; of one that is taken over by `id`, its name there.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Amplitude's id of a static cohort that is there already, to take it over. Whoever is in it and not in `members` stays.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// Who is in it.
    pub members: Members,
    /// Login e-mail of the Amplitude user who is to own it; needed to make it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub owner: Option<String>,
    /// Whether it is made such that others find it (discoverable). Amplitude lists no other. Default true.
    #[serde(default)]
    #[schemars(extend("default" = true))]
    pub published: Option<bool>,
    /// How many of its members Amplitude must know, as a share or a number; below it nothing more is sent. Default 0%.
    #[serde(default)]
    #[schemars(extend("default" = "0%"))]
    pub min_match: Option<Limit>,
    /// Environments in which it exists. Default all.
    #[serde(default)]
    pub only_in: Option<OnlyIn>,
    /// Keeps it as it is. Default false.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub paused: Option<bool>,
    /// Refuses removal until `protect: false` was applied. Default false.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub protect: Option<bool>,
    /// Lifts `max_removals` and `max_shrink` for so many rows.
    #[serde(default)]
    pub allow_removal: Option<AllowRemoval>,
    /// Lets a source that became empty through. Default false.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub allow_empty: Option<bool>,
    /// Guards of this cohort.
    #[serde(default)]
    pub guards: Option<Guards>,
    /// How old an export of the Braze segment may be. Default 24h.
    #[serde(default)]
    pub max_age: Option<Span>,
    /// When people whom Amplitude did not know are tried again. Default 7d.
    #[serde(default)]
    #[schemars(extend("default" = "7d"))]
    pub retry_refused: Option<Span>,
}

/// Where members come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "StaticMembers")]
pub enum Members {
    /// A file.
    File {
        /// CSV file beside the configuration, one user id a line; of several columns the one named `user_id` or `external_id`.
        #[schemars(length(min = 1))]
        file: String,
    },
    /// A Braze segment.
    BrazeSegment {
        /// Name of the segment in Braze.
        #[schemars(length(min = 1))]
        braze_segment: String,
    },
}
