//! What a `kind: user_property` sync may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{As, Audience, cohort::RunBy};

/// User properties of Amplitude, as attributes in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose values are moved.
    pub audience: Audience,
    /// Which user properties, and what they become.
    pub properties: Vec<Property>,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    pub run_by: Option<RunBy>,
}

/// One user property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Property {
    /// An attribute of the same name.
    Name(String),
    /// Under another name or as another type.
    Mapped {
        /// Name of the user property in Amplitude.
        from: String,
        /// Name of the attribute in Braze. Default the same.
        #[serde(default)]
        to: Option<String>,
        /// Type in Braze. Default string.
        #[serde(default, rename = "as")]
        kind: Option<As>,
    },
}
