//! Batches of events whose answer never came, for those who decide what becomes of them. No person is in it. Data only.

use jiff::Timestamp;
use serde::Serialize;

use super::Address;

/// A batch whose answer never came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedBatch {
    /// What names it.
    pub batch: String,
    /// The sync that sent it.
    pub address: Address,
    /// When it left, or may have.
    pub left_at: Timestamp,
    /// Custom events in it.
    pub events: u64,
    /// Purchases in it.
    pub purchases: u64,
    /// People whose they are.
    pub people: u64,
    /// When the first of them happened.
    pub first: Timestamp,
    /// When the last did.
    pub last: Timestamp,
    /// Whether somebody released it: the next apply sends it once.
    pub released: bool,
}

impl ParkedBatch {
    /// Events and purchases in it.
    pub fn count(&self) -> u64 {
        self.events + self.purchases
    }
}

/// What is to become of parked batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The next apply sends them, once.
    Release,
    /// They are forgotten, and never sent again.
    Drop,
}

/// What people's events say of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Some of its events are there, and none is missing.
    Arrived,
    /// Some are missing, and none is there.
    NotArrived,
    /// Some are there and some are missing.
    Mixed,
    /// Nobody can say.
    Unknown,
}

/// A batch about whose people Braze was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBatch {
    /// Which.
    pub batch: ParkedBatch,
    /// What its people's events say.
    pub evidence: Evidence,
    /// Events that are there.
    pub found: u64,
    /// Events that are not.
    pub missing: u64,
    /// Events of which nobody can say.
    pub open: u64,
    /// Whether it left too short a time ago to ask.
    pub early: bool,
}
