//! What a `kind: user_property` sync may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{As, Audience, cohort::RunBy};

/// User properties of Amplitude, as attributes in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Whose values are moved.
    pub audience: Audience,
    /// Which user properties, and what they become: a name, or `{from: NAME, to: ATTRIBUTE, as: number}`.
    #[schemars(length(min = 1))]
    pub properties: Vec<Property>,
    /// Who moves the data. Default syncform.
    #[serde(default)]
    #[schemars(extend("default" = "syncform"))]
    pub run_by: Option<RunBy>,
}

/// One user property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Property {
    /// A text, as an attribute of the same name.
    Name(#[schemars(length(min = 1))] String),
    /// Under another name or as another type.
    Mapped {
        /// Name of the user property in Amplitude.
        #[schemars(length(min = 1))]
        from: String,
        /// Name of a custom attribute in Braze. Default the same.
        #[serde(default)]
        #[schemars(length(min = 1))]
        to: Option<String>,
        /// Type in Braze. Default string: the text as it is.
        #[serde(default, rename = "as")]
        #[schemars(extend("default" = "string"))]
        kind: Option<As>,
    },
}
