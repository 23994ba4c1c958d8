//! What a `kind: cohort` sync may say. Only words; what they do is in the kind beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::CohortRef;

/// An Amplitude cohort, kept in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend(
    "if" = {"properties": {"run_by": {"enum": ["syncform", null]}}},
    "then" = {"required": ["to"], "properties": {"to": {"description": "Where its members show in Braze."}}}
))]
pub struct Spec {
    /// The cohort in Amplitude: its name, or `{id: 26umsb5}`.
    pub cohort: CohortRef,
    /// Where its members show in Braze. A sync that Amplitude runs has none: it writes the filter Amplitude Cohorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Target>,
    /// Who moves the data: syncform, or amplitude, whose own sync is then looked at. Default syncform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "syncform"))]
    pub run_by: Option<RunBy>,
}

/// Where a membership shows in Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Target {
    /// Partner cohort import under the default id.
    Word(TargetWord),
    /// Partner cohort import under an id of one's own.
    CohortImport {
        /// Partner cohort import: for holders of a partner key and a data import key.
        cohort_import: ImportId,
    },
    /// A label in an array attribute.
    AttributeArray {
        /// Name of a custom attribute that holds a list of labels, one a cohort.
        attribute_array: String,
    },
    /// An attribute that is true or false.
    AttributeFlag {
        /// Name of a custom attribute that is true for members and false for those who left.
        attribute_flag: String,
    },
}

/// Where a membership shows, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetWord {
    /// Partner cohort import.
    CohortImport,
}

/// The id under which a cohort is imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportId {
    /// Id of the cohort in Braze. Default `workspace/environment/name` of the sync.
    pub id: String,
}

/// Who moves the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunBy {
    /// Syncform does.
    #[default]
    Syncform,
    /// Amplitude's own sync does; it is looked at, and never written.
    Amplitude,
}
