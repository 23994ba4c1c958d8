//! What a `kind: computation` sync may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{As, Audience, cohort::RunBy};

/// Computed properties of Amplitude, as attributes in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose values are moved.
    pub audience: Audience,
    /// Which computations, and what they become.
    #[schemars(length(min = 1))]
    pub computations: Vec<Computation>,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    #[schemars(extend("default" = "syncform"))]
    pub run_by: Option<RunBy>,
}

/// One computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Computation {
    /// Id of the computation in Amplitude: the last part of its page's address.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Its name as Amplitude shows it: the profile tells several computations by their names. Default the id.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Name of a custom attribute in Braze.
    #[schemars(length(min = 1))]
    pub to: String,
    /// Type in Braze. Default string: the text as it is.
    #[serde(default, rename = "as")]
    #[schemars(extend("default" = "string"))]
    pub kind: Option<As>,
}
