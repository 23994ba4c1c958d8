//! The report of an apply: what became of each resource. No person is in it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, plan::ReadBack};

/// Why a row of a static cohort is set aside: Amplitude adds only people whom it knows.
pub const UNKNOWN_THERE: &str = "Amplitude knows no such user";

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceOutcome {
    /// Every row was acknowledged, or there was nothing to send.
    Done,
    /// Some rows were.
    Partial,
    /// None was, though they were sent.
    Failed,
    /// Braze refused every row.
    Refused,
    /// Nothing was sent.
    NotAttempted,
}

/// One resource of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceReport {
    /// Its address.
    pub address: Address,
    /// What became of it.
    pub outcome: ResourceOutcome,
    /// Rows acknowledged.
    pub acknowledged: u64,
    /// Rows in doubt: sent, and the answer never seen. The next plan decides them anew.
    pub doubt: u64,
    /// Rows that were not sent.
    pub not_sent: u64,
    /// Rows refused, by Braze's reason.
    pub refused: BTreeMap<String, u64>,
    /// Rows that were skipped and are set aside: Amplitude knows nobody of that id.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Events in doubt that are parked until somebody decides what becomes of them; `state parked list` shows them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parked: u64,
    /// Events that were refused, and are passed: they are never sent again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed: u64,
    /// Events that may be double, since they were sent again, or will be, after an answer was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub maybe_double: u64,
    /// Whether a service took the settings it was to be told; absent of what is no handful of settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// What is to be read of it: why it was not done, what a service warned of. Clean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// Whether Braze took the name it was to be told; absent where it was to be told none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<bool>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ResourceReport {
    /// Begins the report of a resource of which nothing was sent.
    pub fn of(address: Address, outcome: ResourceOutcome) -> Self {
        Self {
            address,
            outcome,
            acknowledged: 0,
            doubt: 0,
            not_sent: 0,
            refused: BTreeMap::new(),
            skipped: 0,
            parked: 0,
            passed: 0,
            maybe_double: 0,
            changed: None,
            told: vec![],
            named: None,
        }
    }

    /// Returns how many rows Braze refused.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Returns whether it is an account of Amplitude: settings, and no rows.
    pub fn is_account(&self) -> bool {
        self.address.as_str().starts_with("destination.")
    }
}

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The run.
    pub run: String,
    /// Its resources, those with nothing to send left out.
    pub resources: Vec<ResourceReport>,
    /// Requests answered with success.
    pub requests: u64,
    /// Data points of what was acknowledged.
    pub data_points: u64,
    /// Data points of tries whose answer was lost, which Braze may have billed as well.
    pub repeated_data_points: u64,
    /// What ended it, or one of its lanes, early.
    pub stopped: Vec<String>,
    /// What Braze said of people who were sent to before; absent where nobody was due to be asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<AskedPeople>>,
}

/// What Braze said, beside an apply, of people who were sent to before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedPeople {
    /// People asked about.
    pub people: u64,
    /// What was found of each resource's rows.
    pub found: Vec<FoundRows>,
    /// Why not all were asked about, if something went wrong.
    pub problem: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
    /// How many of all recorded rows were read back by now.
    pub read_back: Option<ReadBack>,
}

/// What was found of a resource's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundRows {
    /// Its address.
    pub address: Address,
    /// Rows that are as they were sent.
    pub confirmed: u64,
    /// Rows of people who are not in Braze.
    pub absent: u64,
    /// Rows that are not as they were sent, or whose people have appeared: the next plan sends them again.
    pub doubt: u64,
    /// Of these, rows that were sent twice and are not there: set aside for a while.
    pub set_aside: u64,
    /// Of these, rows of a sync that is paused, or moves once and has moved: they stay as they are.
    #[serde(default)]
    pub left: u64,
}

impl Report {
    /// Begins the report of a run.
    pub fn of(run: String) -> Self {
        Self {
            run,
            resources: vec![],
            requests: 0,
            data_points: 0,
            repeated_data_points: 0,
            stopped: vec![],
            asked: None,
        }
    }

    /// Takes in which names Braze was to be told and which it took. A resource whose name it did not take is not done.
    pub fn note_names<'a>(
        &mut self,
        told: impl IntoIterator<Item = &'a Address>,
        taken: &BTreeSet<Address>,
    ) {
        for address in told {
            let took = taken.contains(address);
            let known = self
                .resources
                .iter()
                .position(|resource| resource.address == *address);
            let at = known.unwrap_or_else(|| {
                let done = ResourceReport::of(address.clone(), ResourceOutcome::Done);
                self.resources.push(done);
                self.resources.len() - 1
            });
            let resource = &mut self.resources[at];
            resource.named = Some(took);
            if !took && resource.outcome == ResourceOutcome::Done {
                resource.outcome = ResourceOutcome::Failed;
            }
        }
        self.resources.sort_by(|a, b| a.address.cmp(&b.address));
    }

    /// Notes whose rows were all answered, and are too few all the same.
    pub fn fall_short(&mut self, short: &BTreeSet<Address>) {
        for resource in &mut self.resources {
            if short.contains(&resource.address) && resource.outcome == ResourceOutcome::Done {
                resource.outcome = ResourceOutcome::Partial;
            }
        }
    }

    /// Returns whether everything was done.
    pub fn complete(&self) -> bool {
        self.resources
            .iter()
            .all(|resource| resource.outcome == ResourceOutcome::Done)
    }

    /// Returns how many rows Braze refused.
    pub fn refused(&self) -> u64 {
        self.resources.iter().map(ResourceReport::refused).sum()
    }

    /// Returns whether anything was written, or may have been.
    pub fn wrote(&self) -> bool {
        self.resources.iter().any(|resource| {
            resource.acknowledged + resource.doubt + resource.skipped > 0
                || [resource.named, resource.changed].contains(&Some(true))
        })
    }
}
