//! What a `kind: currents` sync may say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Engagement events of Braze Currents, into Amplitude.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Where Currents are read: `connector` (custom HTTP, answered by the service) or `{files: URL}` (Avro in storage).
    pub from: Source,
    /// The Currents events that are sent. Default all.
    #[serde(default)]
    pub events: Option<Vec<String>>,
}

/// Where Currents are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "CurrentsSource")]
pub enum Source {
    /// A word.
    Word(SourceWord),
    /// Files.
    Files {
        /// Directory or bucket of the Avro files.
        files: String,
    },
}

/// Sources without a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceWord {
    /// A Currents custom HTTP connector.
    Connector,
}
