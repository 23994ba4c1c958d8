//! The address of a resource: what it is and its name, as in `sync.power-users`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one resource of a workspace: `sync.NAME`, `segment.NAME`, `cohort.NAME`, `destination.NAME`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Joins a section (`sync`) and a name (`power-users`).
    pub fn new(section: &str, name: &str) -> Self {
        Self(format!("{section}.{name}"))
    }

    /// Reads an address as it is written: a section, a dot, a name.
    pub fn parse(text: &str) -> Option<Self> {
        let (section, name) = text.split_once('.')?;
        (!section.is_empty() && !name.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Returns the address under which a target is kept that this resource wrote and left.
    #[must_use]
    pub fn left(&self, target: &str) -> Self {
        Self(format!("{}@{}", self.0, target.replace(' ', ":")))
    }

    /// Returns the address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part after the first dot.
    pub fn name(&self) -> &str {
        self.0
            .split_once('.')
            .map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
