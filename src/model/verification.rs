//! What Braze holds of recorded people against what is recorded of them, in counts: no person is in it. It is also the JSON of
//! `verify --format json`; fields are only ever added to it.

use schemars::JsonSchema;
use serde::Serialize;

use super::Address;

const VERSION: &str = "1.0";

/// What `verify` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verification {
    /// `1.0`.
    pub format_version: &'static str,
    /// People with a row that can be judged, each once: known by external id or alias, and sent to five minutes ago or more.
    pub people: u64,
    /// People whom Braze was asked about; with a sample, those in it. Answers that a reading which was cut had kept count.
    pub asked: u64,
    /// Of them, people of whom any row disagrees with what is recorded.
    pub disagree: u64,
    /// People known by a device id: nobody asks about them.
    pub devices: u64,
    /// What a sample says of all; null where all were asked about.
    pub sample: Option<Sampled>,
    /// Resources that were applied, by address.
    pub resources: Vec<Verified>,
    /// Logs that were applied: what they sent cannot be read back.
    pub logs: Vec<Address>,
    /// Static cohorts of Amplitude that were applied: Braze holds nothing of them, and who is in them is known from what was
    /// sent; `plan --refresh full` reads them.
    pub statics: Vec<Address>,
}

/// What a sample says of all people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sampled {
    /// The seed by which it was drawn: the same draws the same people again.
    pub seed: String,
    /// With 95 % certainty, at least so many of all people disagree.
    pub least: u64,
    /// And at most so many.
    pub most: u64,
}

/// What was found of the rows of one resource. Each row counts once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verified {
    /// Which.
    pub address: Address,
    /// Recorded rows.
    pub rows: u64,
    /// Rows that are there as they were sent.
    pub agree: u64,
    /// Rows of people who are there, where no profile tells whether the row is: imported cohorts.
    pub there: u64,
    /// Rows of people who are not in Braze, as is recorded.
    pub absent: u64,
    /// Rows of which something is not there, or is another value.
    pub differ: u64,
    /// What that is, by attribute.
    pub attributes: Vec<Differing>,
    /// Rows of people who are not in Braze, though nothing recorded says so.
    pub missing: u64,
    /// Of these, rows of people who were once found there: deleted or merged since.
    pub gone: u64,
    /// Rows of people who were not in Braze, and are.
    pub appeared: u64,
    /// Rows that were sent within five minutes: it is too early to tell.
    pub young: u64,
    /// Rows in doubt: they are sent again, whatever is there.
    pub doubt: u64,
    /// Rows by device id.
    pub devices: u64,
    /// Rows of people who were not asked about, being in no sample.
    pub unread: u64,
}

/// What is not as recorded of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Differing {
    /// Its name.
    pub name: String,
    /// Rows of which it holds another value.
    pub other: u64,
    /// Rows of which it holds none; of a membership, without the label or the flag.
    pub none: u64,
}

impl Verified {
    /// Begins to count a resource.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            rows: 0,
            agree: 0,
            there: 0,
            absent: 0,
            differ: 0,
            attributes: vec![],
            missing: 0,
            gone: 0,
            appeared: 0,
            young: 0,
            doubt: 0,
            devices: 0,
            unread: 0,
        }
    }
}

impl Default for Verification {
    /// Nobody is recorded.
    fn default() -> Self {
        Self {
            format_version: VERSION,
            people: 0,
            asked: 0,
            disagree: 0,
            devices: 0,
            sample: None,
            resources: vec![],
            logs: vec![],
            statics: vec![],
        }
    }
}

impl Verification {
    /// Returns whether anything disagrees.
    pub fn disagrees(&self) -> bool {
        self.disagree > 0
    }
}
