//! An account of Amplitude at another service, as its Developer API tells of it, without its wire shape. Secrets are
//! never told back; nothing here holds one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One account.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Amplitude's id of it.
    pub id: String,
    /// The integration: `braze`.
    pub partner: String,
    /// Its name, which need not be unique there.
    pub display_name: String,
    /// What it receives: `event`, `identify`, `cohort`, ….
    pub kind: Vec<String>,
    /// Parameters that are told, by id.
    pub config: BTreeMap<String, Value>,
    /// `connected`, `disconnected`, `expired`.
    pub credential_status: Option<String>,
    /// Grows with each change.
    pub version: Option<u64>,
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// Whether somebody paused its stream. No call does or undoes that.
    pub paused: Option<bool>,
    /// Which events travel, as it is told.
    pub event_filter: Value,
    /// What properties are called at the other side, as it is told.
    pub property_mappings: Value,
    /// Whether events travel.
    pub send_events: Option<bool>,
    /// Whether users travel.
    pub send_users: Option<bool>,
}

/// What an account is like beside what is declared of it; none where that is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAccount {
    /// Its version.
    pub version: Option<u64>,
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// Whether its stream was paused when it last was as it should be: never.
    pub paused: Option<bool>,
}

impl Destination {
    /// Returns what it is like beside what is declared of it; of a stream that is paused, what it was `before`, and
    /// no version: whoever resumes it may move that.
    pub fn seen(&self, before: SeenAccount) -> SeenAccount {
        SeenAccount {
            version: self.version.filter(|_| self.paused != Some(true)),
            enabled: self.enabled,
            paused: match self.paused {
                Some(true) => before.paused,
                told => told,
            },
        }
    }

    /// Returns whether a test of it can be made: it streams, and it runs.
    pub fn is_testable(&self) -> bool {
        streams(&self.kind) && self.enabled != Some(false)
    }
}

/// Returns whether an account that receives this streams.
pub fn streams(kind: &[String]) -> bool {
    kind.iter()
        .any(|kind| ["event", "identify"].contains(&kind.as_str()))
}

/// What an integration can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationType {
    /// The integration: `braze`.
    pub partner: String,
    /// Its name for people.
    pub display_name: String,
    /// What its accounts may receive.
    pub kinds: Vec<String>,
    /// What its accounts are told.
    pub parameters: Vec<TypeParameter>,
}

/// One parameter of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeParameter {
    /// Its id, under which a configuration says it.
    pub id: String,
    /// `string`, `number`, `boolean`, `secret`, `enum`, ….
    pub kind: String,
    /// Whether an account needs it.
    pub required: bool,
    /// Whether its value is never told back.
    pub write_only: bool,
    /// What it may be, where that is a list.
    pub values: Vec<String>,
}

/// What Amplitude says a write would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// `create`, `update`, `noop`.
    pub action: String,
    /// Fields that would differ.
    pub fields: Vec<String>,
    /// What it warns of; clean.
    pub warnings: Vec<String>,
}

/// What a test of an account said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Whether it works.
    pub ok: bool,
    /// Its words; clean.
    pub detail: String,
}

/// How events of one stream were delivered over a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deliveries {
    /// Events that arrived.
    pub delivered: u64,
    /// Events that did not.
    pub undelivered: u64,
    /// Share that arrived, 0 to 1.
    pub rate: f64,
    /// Seconds until 95 of 100 arrived.
    pub p95_seconds: f64,
}
