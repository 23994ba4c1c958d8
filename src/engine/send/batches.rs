//! Makes batches: merges deltas, words objects, cuts them into requests. On a thread, a few batches ahead.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Road, Worder};
use crate::{
    braze::Object,
    diff::{batch, merge},
    engine::{Error, plan::Pass},
    model::Key,
};

/// Batches made ahead of the network.
const AHEAD: usize = 8;

/// One object of a batch.
pub(super) struct Item {
    pub(super) ordinal: u64,
    /// Which part of the object this is, where it is not the whole.
    pub(super) part: Option<u32>,
    pub(super) key: Key,
    pub(super) object: Object,
    /// What it was worded from; nothing of one that cannot be taken apart further.
    pub(super) parts: Vec<merge::Part>,
}

/// Objects of one request.
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// Whether they may have been processed already, in a request that was then taken apart.
    pub(super) maybe: bool,
}

impl Batch {
    /// Cuts in two; the second half first, so that a stack gives them in order.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let items = self.items.split_off(self.items.len() / 2);
        let maybe = self.maybe;
        [Self { items, maybe }, self]
    }

    /// Returns the ordinal of the first object and the one after the last.
    pub(super) fn reach(&self) -> (u64, u64) {
        let first = self.items.first().map_or(0, |item| item.ordinal);
        (first, first + self.items.len() as u64)
    }
}

/// A thread that makes batches.
pub(super) type Making = JoinHandle<Result<(), Error>>;

/// Starts the thread.
pub(super) fn make(
    pass: &Pass,
    worder: Arc<Worder>,
    road: Road,
) -> Result<(mpsc::Receiver<Batch>, Making), Error> {
    let objects = pass.merged()?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let making = tokio::task::spawn_blocking(move || {
        let mut counter = batch::Counter::new(road.most);
        let empty = || Batch {
            items: vec![],
            maybe: false,
        };
        let mut batch = empty();
        for object in objects {
            let merge::Object {
                ordinal,
                key,
                parts,
            } = object?;
            let object = worder.word(&key, &parts);
            if counter.take(object.json.len()) {
                // Nobody takes batches any more: sending was stopped.
                if sender
                    .blocking_send(std::mem::replace(&mut batch, empty()))
                    .is_err()
                {
                    return Ok(());
                }
            }
            batch.items.push(Item {
                ordinal,
                part: None,
                key,
                object,
                parts,
            });
        }
        if !batch.items.is_empty() {
            let _ = sender.blocking_send(batch);
        }
        Ok(())
    });
    Ok((receiver, making))
}
