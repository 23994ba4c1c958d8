//! What an entry of `cohorts` may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::destination::OnlyIn;

/// A static cohort in Amplitude.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Name in Amplitude. Default the name of the entry.
    #[serde(default)]
    pub name: Option<String>,
    /// Who is in it.
    pub members: Members,
    /// Environments in which it exists. Default all.
    #[serde(default)]
    pub only_in: Option<OnlyIn>,
}

/// Where members come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "StaticMembers")]
pub enum Members {
    /// A file.
    File {
        /// CSV file beside the configuration, one person a line.
        file: String,
    },
    /// A Braze segment.
    BrazeSegment {
        /// Name of the segment in Braze.
        braze_segment: String,
    },
}
