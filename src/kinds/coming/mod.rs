//! Words of what later releases move, so that a configuration may be written and checked today.
//! Nothing here does anything yet: `kinds::check` refuses it with those words.

pub mod destination;
pub mod segment;
pub mod static_cohort;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::values::{As, Audience};

/// Environments in which something exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnlyIn {
    /// One environment.
    One(String),
    /// Several.
    Several(Vec<String>),
}
