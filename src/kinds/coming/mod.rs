//! Words of what later releases move, so that a configuration may be written and checked today.
//! Nothing here does anything yet: `kinds::check` refuses it with those words.

pub mod computation;
pub mod currents;
pub mod destination;
pub mod event_stream;
pub mod recommendation;
pub mod segment;
pub mod static_cohort;
pub mod user_property;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::CohortRef;

/// The people whose values are moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// A cohort in Amplitude: its name, or `{id: 26umsb5}`.
    pub cohort: CohortRef,
}

/// The type a text of Amplitude becomes in Braze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum As {
    /// Text as it is.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
    /// A point in time.
    Time,
    /// A list.
    Array,
    /// A nested object.
    Object,
    /// What the text looks like; leading zeros and long digits stay text.
    Auto,
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
