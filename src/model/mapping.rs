//! How people are named to Braze: identifiers in order. Data only; which of them a row takes is decided in `diff`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::digest;

/// Identifiers in order; each row takes the first it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mapping(Vec<Identifier>);

/// One way to name a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// The Amplitude user id is the external id.
    ExternalId,
    /// A user alias.
    Alias {
        /// Its label.
        label: String,
        /// What its name is.
        name: AliasName,
    },
    /// The property `device_id` is a device id; of anonymous people only.
    DeviceId,
}

/// Where the name of an alias comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AliasName {
    /// Amplitude's number of the person.
    AmplitudeId,
    /// The Amplitude user id.
    UserId,
    /// A user property.
    Property(String),
}

/// The property that holds a device id.
pub const DEVICE_ID: &str = "device_id";
/// Letters of a mapping's digest that make its name: 128 bits, since nobody chooses them.
const NAME_LETTERS: usize = 32;

impl Mapping {
    /// Makes a mapping of identifiers in order.
    pub fn new(identifiers: Vec<Identifier>) -> Self {
        Self(identifiers)
    }

    /// Iterates over the identifiers in order.
    pub fn iter(&self) -> impl Iterator<Item = &Identifier> {
        self.0.iter()
    }

    /// Returns the property columns that it needs.
    pub fn columns(&self) -> BTreeSet<String> {
        self.iter()
            .filter_map(Identifier::column)
            .map(str::to_owned)
            .collect()
    }

    /// Returns a short name that stays: `external_id` of the default, else of a digest.
    pub fn name(&self) -> String {
        if self == &Self::default() {
            return "external_id".to_owned();
        }
        let canonical = digest::canonical(&serde_json::json!(self));
        let mut name = digest::sha256(canonical.to_string().as_bytes());
        name.truncate(NAME_LETTERS);
        name
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self(vec![Identifier::ExternalId])
    }
}

impl Identifier {
    /// Returns the property column that it needs.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::DeviceId => Some(DEVICE_ID),
            Self::Alias {
                name: AliasName::Property(property),
                ..
            } => Some(property),
            Self::ExternalId | Self::Alias { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(name: AliasName) -> Identifier {
        Identifier::Alias {
            label: "crm".to_owned(),
            name,
        }
    }

    #[test]
    fn names_stay_and_differ() {
        let of = |identifiers: &[Identifier]| Mapping::new(identifiers.to_vec()).name();
        assert_eq!(Mapping::default().name(), "external_id");
        let external = Identifier::ExternalId;
        let names = BTreeSet::from([
            of(&[]),
            of(&[alias(AliasName::UserId)]),
            of(&[alias(AliasName::AmplitudeId)]),
            of(&[alias(AliasName::Property("user_id".to_owned()))]),
            of(&[external.clone(), Identifier::DeviceId]),
            of(&[Identifier::DeviceId, external]),
        ]);
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| name.len() == NAME_LETTERS));
        // The name of a cached file: another one reads every cohort of that mapping anew.
        assert_eq!(
            of(&[Identifier::ExternalId, Identifier::DeviceId]),
            "127bcbac17d9a647e1c49a7cd1a467cd"
        );
    }

    #[test]
    fn only_properties_are_columns() {
        let mapping = Mapping::new(vec![
            Identifier::ExternalId,
            alias(AliasName::AmplitudeId),
            alias(AliasName::Property("email".to_owned())),
            Identifier::DeviceId,
        ]);
        let columns: Vec<String> = mapping.columns().into_iter().collect();
        assert_eq!(columns, ["device_id", "email"]);
        assert!(Mapping::default().columns().is_empty());
    }
}
