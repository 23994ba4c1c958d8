//! What a `kind: currents` sync may say. Only words; what they do is in the kind beside it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Engagement events of Braze Currents, into Amplitude.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Where Currents are read: `connector` (custom HTTP, answered by the service) or `{files: URL}` (Avro in storage).
    pub from: Source,
    /// Hours before it are not read. Default: from the first file on.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_at: Option<Timestamp>,
    /// The Currents events that are sent. Default all.
    #[serde(default)]
    pub events: Option<Events>,
    /// Names in Amplitude by event type (`users.messages.email.Open: Email Opened`), and of custom events by type and
    /// name (`users.behaviors.CustomEvent.signed_up: Signed up`). Default: the names of Braze's own export.
    #[serde(default)]
    pub names: Option<BTreeMap<String, String>>,
    /// The properties that travel. Default all but what is private: addresses, phone numbers, tokens, places, and texts
    /// that quote such or hold what somebody wrote.
    #[serde(default)]
    pub properties: Option<Fields>,
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
        /// Directory or bucket of the Avro files: a directory beside the configuration, `file:///dir`,
        /// `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
        #[schemars(length(min = 1))]
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

/// The events that are sent: a list of those, or what is sent and what is not. `*` stands for any letters
/// (`users.messages.email.*`); a custom event is `users.behaviors.CustomEvent.NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[schemars(rename = "CurrentsEvents")]
pub enum Events {
    /// Only these.
    Include(Vec<String>),
    /// Some, less others.
    Pick {
        /// Only these. Default all.
        #[serde(default)]
        include: Option<Vec<String>>,
        /// Not these, whatever `include` says.
        #[serde(default)]
        exclude: Option<Vec<String>>,
    },
}

/// The properties that travel, by their names in Currents or in the custom event or purchase; `*` stands for any
/// letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CurrentsProperties")]
pub struct Fields {
    /// Only these. What is private (`email_address`, `sending_ip`, `push_token`, `latitude`, `bounce_reason`,
    /// `message_body`, …) only where it is named here without `*`: `["*", email_address]`.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    /// Not these, whatever `include` says.
    #[serde(default)]
    pub exclude: Option<Vec<String>>,
}

impl Events {
    /// Returns what is asked for and what is left out; nothing asked for is all.
    pub fn lists(&self) -> (Option<&[String]>, &[String]) {
        match self {
            Self::Include(include) => (Some(include), &[]),
            Self::Pick { include, exclude } => {
                (include.as_deref(), exclude.as_deref().unwrap_or_default())
            }
        }
    }
}
