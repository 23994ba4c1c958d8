//! What one batch came to, object by object.

use std::collections::BTreeSet;

use super::batches::{Batch, Item};
use crate::braze::Written;

/// What one batch came to.
#[derive(Default)]
pub(super) struct Answered {
    /// Objects, or parts of them, with what became of each.
    pub(super) told: Vec<(u64, Option<u32>, Told)>,
    pub(super) requests: u64,
    pub(super) data_points: u64,
    pub(super) repeated: u64,
    /// First ordinals of requests in doubt: each is decided by itself.
    pub(super) borders: BTreeSet<u64>,
    /// Batches in doubt that are to be sent again.
    pub(super) again: Vec<Batch>,
    /// Why nothing further should be sent.
    pub(super) stop: Option<String>,
}

/// What became of an object, or of one of its parts.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Braze took it.
    Acknowledged,
    /// Braze refused it, in these words.
    Refused(String),
    /// Amplitude knows no such person. The journal has it as a refusal in words of ours, and no failure.
    Skipped,
    /// It certainly was not processed.
    Released,
    /// It may have been.
    Doubted,
}

impl Answered {
    /// Takes a successful answer in; returns the objects that were refused, with Braze's words.
    pub(super) fn take(&mut self, batch: Batch, mut written: Written) -> Vec<(Item, String)> {
        self.requests += 1;
        let mut refused = vec![];
        for (at, item) in batch.items.into_iter().enumerate() {
            if let Some(reason) = written.refused.remove(&at) {
                refused.push((item, reason));
                continue;
            }
            let points = item.letter.data_points();
            self.data_points += points;
            self.repeated += points * u64::from(written.doubts);
            self.tell(&item, Told::Acknowledged);
        }
        refused
    }

    pub(super) fn tell(&mut self, item: &Item, told: Told) {
        self.told.push((item.ordinal, item.part, told));
    }

    pub(super) fn tell_all(&mut self, batch: &Batch, told: &Told) {
        batch
            .items
            .iter()
            .for_each(|item| self.tell(item, told.clone()));
    }

    /// Says that a request may have been processed as a whole.
    pub(super) fn doubt(&mut self, batch: &Batch) {
        self.borders.insert(batch.reach().0);
        self.tell_all(batch, &Told::Doubted);
    }

    /// Leaves a batch unsent; what may have been processed before is in doubt.
    pub(super) fn leave(&mut self, batch: &Batch) {
        if batch.maybe {
            self.doubt(batch);
        } else {
            self.tell_all(batch, &Told::Released);
        }
    }
}
