//! What a `kind: computation` sync may say. Not in this release.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{As, Audience};
use crate::kinds::cohort::RunBy;

/// Computed properties of Amplitude, as attributes in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose values are moved.
    pub audience: Audience,
    /// Which computations, and what they become.
    pub computations: Vec<Computation>,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    pub run_by: Option<RunBy>,
}

/// One computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Computation {
    /// Id of the computation in Amplitude.
    pub id: String,
    /// Its name in the profile. Default the id.
    #[serde(default)]
    pub name: Option<String>,
    /// Name of the attribute in Braze.
    pub to: String,
    /// Type in Braze. Default string.
    #[serde(default, rename = "as")]
    pub kind: Option<As>,
}
