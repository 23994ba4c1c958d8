//! What happens while plan and apply work, for whoever draws it: people, JSON lines, counters.

use super::Address;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An earlier run was cut; its journal was folded into the ledgers.
    Recovered {
        /// Which run.
        run: String,
        /// Rows whose answer was never seen.
        doubt: u64,
    },
    /// Waiting before dependent writes, so that Braze cannot apply them out of order.
    Settling {
        /// Seconds.
        seconds: u64,
    },
    /// Another run holds the lease.
    Waiting {
        /// Who, where, since when, doing what.
        holder: String,
    },
    /// A cohort is being downloaded.
    Downloading {
        /// Its name.
        cohort: String,
        /// Members it says it has.
        size: u64,
    },
    /// A cohort was read.
    Read {
        /// Its name.
        cohort: String,
        /// Rows of its file.
        rows: u64,
    },
    /// Sending begins.
    Sending {
        /// Into which lane.
        lane: String,
        /// What is sent.
        addresses: Vec<Address>,
    },
    /// So many objects have an answer.
    Sent {
        /// Objects answered.
        objects: u64,
    },
}
