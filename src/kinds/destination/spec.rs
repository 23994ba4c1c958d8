//! What an entry of `destinations` may say. Only words; what they do is in the kind beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An account of Amplitude's own integration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// The integration, such as `braze`.
    pub partner: String,
    /// Name in Amplitude; unique, since an account is found by it.
    #[schemars(length(min = 1))]
    pub display_name: String,
    /// What the account receives.
    #[schemars(length(min = 1))]
    pub kind: Vec<Receives>,
    /// Parameters, by the ids that `doctor` lists for the integration; a secret as `${VARIABLE}`.
    #[serde(default)]
    pub config: Option<BTreeMap<String, Value>>,
    /// Which events travel. Default: as it is in Amplitude.
    #[serde(default)]
    pub event_filter: Option<EventFilter>,
    /// What properties are called at the other side. Default: as it is in Amplitude.
    #[serde(default)]
    pub property_mappings: Option<Vec<Mapping>>,
    /// Whether events travel. Default: as it is in Amplitude.
    #[serde(default)]
    pub send_events: Option<bool>,
    /// Whether users travel. Default: as it is in Amplitude.
    #[serde(default)]
    pub send_users: Option<bool>,
    /// Whether the account runs. Default: as it is in Amplitude.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Delivery figures that must hold: a plan warns where they do not.
    #[serde(default)]
    pub health: Option<Health>,
    /// Refuses removal until `protect: false` was applied. Default false.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub protect: Option<bool>,
    /// Environments in which it exists. Default all.
    #[serde(default)]
    pub only_in: Option<OnlyIn>,
}

/// Environments in which something exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnlyIn {
    /// One environment.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// What an account receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Receives {
    /// Events.
    Event,
    /// User properties.
    Identify,
    /// Cohorts.
    Cohort,
}

impl Receives {
    /// All that there is.
    pub const ALL: [Self; 3] = [Self::Event, Self::Identify, Self::Cohort];

    /// Returns the word for it, here and there.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Identify => "identify",
            Self::Cohort => "cohort",
        }
    }
}

/// Which events travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// Names of events.
    #[schemars(length(min = 1))]
    pub events: Vec<String>,
    /// Conditions on their properties, in the words of Amplitude's Developer API. Default: as they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_filters: Option<BTreeMap<String, Value>>,
}

/// One property under another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Name in Amplitude.
    pub from: String,
    /// Name at the other side.
    pub to: String,
}

/// Delivery figures that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Id of the sync whose figures are read: the number under its title in Amplitude.
    #[schemars(extend("pattern" = "^[0-9]+$", "examples" = ["30001625"]))]
    pub sync_id: String,
    /// Share of deliveries that succeed, at least, such as 99%.
    #[serde(default)]
    #[schemars(extend("pattern" = "^[0-9]+(\\.[0-9]+)?%$", "examples" = ["99%", "99.5%"]))]
    pub min_delivery_rate: Option<String>,
    /// Seconds of delivery at the 95th percentile, at most.
    #[serde(default)]
    pub max_p95_seconds: Option<u64>,
}
