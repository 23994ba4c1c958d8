//! Logs: what lies after a cursor is read, winnowed, sent once, and the cursor follows.
//!
//! # Expected flow
//! 1. What is due is read into the cache, an hour or a file each, worded for where it goes (`hours`, `files`).
//! 2. What was sent before goes, what was met twice too; the rest is a file of events in the order in which they are sent
//!    (`planned`).
//! 3. An apply sends that file as it sends deltas: intents before the first byte, answers after.
//! 4. The journal tells what became of each event: acknowledged and refused ones are remembered, ambiguous ones parked,
//!    and the cursor goes as far as everything was sent (`fold`).
//!
//! # Guarantees
//! An event whose request may have been processed is never sent again unasked. An hour or a file is passed only when each
//! of its events was sent, refused, parked, or counted as one that cannot be sent.

mod files;
mod fold;
mod hours;
mod parked;
mod planned;
mod stream;

use std::path::PathBuf;

pub use self::parked::{
    Deciding, check_parked, decide_parked, named_batches, parked, prepare_parked,
};
pub(super) use self::{
    fold::{ParkedWriter, fold},
    stream::{Bounds, LogSubject, bounds, read},
};
use crate::{
    model::{Address, Hour, Lane, Text},
    state::{gathered::About, manifest::Entry, store::Draft},
};

/// What is to be done with one log.
pub(super) struct LogWork {
    pub(super) address: Address,
    pub(super) lane: Lane,
    /// Events to send.
    pub(super) events: Option<Draft>,
    /// How many those are.
    pub(super) count: u64,
    /// Seconds that sending them takes at the allowed pace.
    pub(super) seconds: f64,
    /// Whether a batch whose answer was lost is sent again.
    pub(super) sent_again: bool,
    /// What the resource becomes if all of it is acknowledged; none where it goes.
    pub(super) next: Option<Entry>,
}

/// Returns the logs of which anything is sent, each a pass.
pub(super) fn passes(logs: &[LogWork]) -> impl Iterator<Item = (&LogWork, &Draft)> {
    logs.iter()
        .filter_map(|log| Some((log, log.events.as_ref()?)))
}

/// What was read of a log.
pub(super) struct Reading {
    pub(super) units: Vec<Unit>,
    /// What is due and was not read, in words.
    pub(super) unread: Option<String>,
}

/// Returns how many seconds sending takes, into Braze and into Amplitude.
pub(super) fn seconds(logs: &[LogWork]) -> (f64, f64) {
    let of = |ingests: bool| {
        let own = logs
            .iter()
            .filter(move |log| matches!(log.lane, Lane::Ingest { .. }) == ingests);
        own.map(|log| log.seconds)
    };
    (of(false).sum(), of(true).fold(0.0, f64::max))
}

/// One hour or one file that was read.
pub(super) struct Unit {
    /// The hour as it is written, or the path of the file.
    pub(super) name: Text,
    pub(super) hour: Hour,
    /// Bytes of a file.
    pub(super) size: u64,
    /// Where its events are.
    pub(super) path: PathBuf,
    pub(super) about: About,
}
