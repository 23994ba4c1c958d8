//! What runs already and no file declares, as it would be declared. It holds no person and no secret.

use std::collections::BTreeMap;

use serde_json::Value;

/// What an import found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Whether the project is told of the syncs that Amplitude runs.
    pub told: bool,
    /// Syncs that Amplitude runs, by the name they get.
    pub syncs: Vec<ImportedSync>,
    /// Segments of Braze, by the name they get.
    pub segments: Vec<ImportedSegment>,
    /// Accounts of Amplitude, by the name they get.
    pub accounts: Vec<ImportedAccount>,
    /// Why accounts were not looked at, if they were not.
    pub unseen: Option<String>,
    /// What cannot be declared as it is.
    pub left: Vec<LeftOut>,
}

/// A sync that Amplitude runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedSync {
    /// The name it gets.
    pub name: String,
    /// Name of its cohort.
    pub cohort: String,
    /// The cohort's id, where its name alone would not tell which is meant.
    pub id: Option<String>,
    /// How often it runs, in a word of the configuration.
    pub cadence: &'static str,
}

/// A segment of Braze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedSegment {
    /// The name it gets.
    pub name: String,
    /// Its name in Braze.
    pub segment: String,
    /// What somebody typed to describe it.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its filters, as Braze words them.
    pub filters: Option<String>,
    /// Name of the sync whose members it filters on, where the words say that and nothing else.
    pub of: Option<String>,
}

/// An account of Amplitude at another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAccount {
    /// The name it gets.
    pub name: String,
    /// The integration.
    pub partner: String,
    /// Its name in Amplitude.
    pub display_name: String,
    /// What it receives, in words of the configuration.
    pub kind: Vec<String>,
    /// Parameters by id.
    pub config: BTreeMap<String, ImportedSetting>,
    /// Which events travel, as a configuration says it.
    pub event_filter: Option<Value>,
    /// Whether conditions on properties are left out of that: they name people.
    pub withholds_filters: bool,
    /// What properties are called at the other side.
    pub property_mappings: Option<Vec<(String, String)>>,
    /// Whether events travel.
    pub send_events: Option<bool>,
    /// Whether users travel.
    pub send_users: Option<bool>,
    /// Whether it runs.
    pub enabled: Option<bool>,
}

/// What is known of a parameter of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportedSetting {
    /// Its value, which is no secret.
    Told(Value),
    /// It is secret: the variable that is to hold it.
    Secret(String),
    /// Its value is told, and may hold a secret all the same.
    Withheld,
    /// It is secret, and whether it is set is not told.
    Untold(String),
}

/// Something that cannot be declared as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Accounts of Amplitude.
    Account {
        /// Their name.
        account: String,
        /// Their ids.
        ids: Vec<String>,
        /// Why they are left out.
        why: String,
    },
    /// A sync of an archived cohort, by the cohort's name and id.
    Archived {
        /// The name.
        cohort: String,
        /// The id.
        id: String,
    },
    /// A sync at a cadence that is not known.
    Cadence {
        /// Name of the cohort.
        cohort: String,
        /// What the list says.
        cadence: String,
    },
    /// A sync to somewhere else than Braze.
    Elsewhere {
        /// Name of the cohort.
        cohort: String,
        /// Where to.
        target: String,
    },
    /// Several segments of one name, with their ids.
    Several {
        /// The name.
        segment: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// A segment whose name no configuration takes, by its id.
    Unnamed {
        /// The id.
        id: String,
    },
}
