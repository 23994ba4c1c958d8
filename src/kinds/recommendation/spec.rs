//! What a `kind: recommendation` sync may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{Audience, cohort::RunBy};

/// Recommendations of Amplitude, as an attribute in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose recommendations are moved.
    pub audience: Audience,
    /// Which, and what it becomes.
    pub recommendation: Recommendation,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    #[schemars(extend("default" = "syncform"))]
    pub run_by: Option<RunBy>,
}

/// One recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// Id of the recommendation in Amplitude.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Name of a custom attribute in Braze: it gets the items, best first.
    #[schemars(length(min = 1))]
    pub to: String,
    /// Items at most; the best stay. Default all, of which Braze holds 500.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// Whether people of the control group are written: their items are a random choice. Default true.
    #[serde(default)]
    #[schemars(extend("default" = true))]
    pub include_control: Option<bool>,
    /// Name of an attribute that gets the time it was made.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub made_at: Option<String>,
}
