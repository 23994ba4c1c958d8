//! What a `kind: recommendation` sync may say. Not in this release.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Audience;
use crate::kinds::cohort::RunBy;

/// Recommendations of Amplitude, as an attribute in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose recommendations are moved.
    pub audience: Audience,
    /// Which, and what it becomes.
    pub recommendation: Recommendation,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    pub run_by: Option<RunBy>,
}

/// One recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// Id of the recommendation in Amplitude.
    pub id: String,
    /// Name of the attribute in Braze.
    pub to: String,
    /// Items at most.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
    /// Whether people of the control group are written. Default true.
    #[serde(default)]
    pub include_control: Option<bool>,
}
