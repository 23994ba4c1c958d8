//! Makes batches: merges deltas, words objects, cuts them into requests. On a thread, a few batches ahead.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{Road, Worder};
use crate::{
    amplitude::Delivery,
    braze::Object,
    diff::{batch, merge},
    engine::{Error, plan::Pass},
    model::{Identity, Key, Lane, LogRow, Text},
    state::{self, events::EventReader},
};

/// Batches made ahead of the network.
const AHEAD: usize = 8;

/// One object of a batch.
pub(super) struct Item {
    pub(super) ordinal: u64,
    /// Which part of the object this is, where it is not the whole.
    pub(super) part: Option<u32>,
    pub(super) key: Key,
    pub(super) letter: Letter,
    /// What it was worded from; nothing of one that cannot be taken apart further.
    pub(super) parts: Vec<merge::Part>,
}

impl Item {
    /// Returns the object of Braze, if it is one.
    pub(super) fn object(&self) -> Option<Object> {
        match &self.letter {
            Letter::Braze(object) => Some(object.clone()),
            Letter::Amplitude(_) => None,
        }
    }

    /// Returns the event of Amplitude, if it is one.
    pub(super) fn event(&self) -> Option<Delivery<'_>> {
        let key = match self.key.identity() {
            Identity::External(id) | Identity::Device(id) => id,
            Identity::Alias { name, .. } => name,
        };
        match &self.letter {
            Letter::Braze(_) => None,
            Letter::Amplitude(body) => Some(Delivery { key, body }),
        }
    }
}

/// What stands in a request.
pub(super) enum Letter {
    /// An object of Braze.
    Braze(Object),
    /// An event of Amplitude.
    Amplitude(Text),
}

impl Letter {
    /// Returns the data points that are billed for it.
    pub(super) fn data_points(&self) -> u64 {
        match self {
            Self::Braze(object) => object.data_points,
            Self::Amplitude(_) => 0,
        }
    }
}

/// Objects of one request.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// How often it was sent before, whole, and no answer seen.
    pub(super) tries: u32,
    /// Whether they may have been processed already, in a request that was then taken apart.
    pub(super) maybe: bool,
}

impl Batch {
    /// Cuts in two; the second half first, so that a stack gives them in order.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let items = self.items.split_off(self.items.len() / 2);
        let (tries, maybe) = (self.tries, self.maybe);
        let second = Self {
            items,
            tries,
            maybe,
        };
        [second, self]
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
    let items = pass.merged()?.map(move |object| {
        let merge::Object {
            ordinal,
            key,
            parts,
        } = object?;
        let object = worder.word(&key, &parts);
        let length = object.json.len();
        let item = Item {
            ordinal,
            part: None,
            key,
            letter: Letter::Braze(object),
            parts,
        };
        Ok((item, length))
    });
    Ok(cut(items, road))
}

/// Starts the thread for the events of a log, which are worded already.
pub(super) fn of_log(
    path: &Path,
    lane: &Lane,
    road: Road,
) -> Result<(mpsc::Receiver<Batch>, Making), Error> {
    let ingests = matches!(lane, Lane::Ingest { .. });
    let items = (0..)
        .zip(EventReader::open(path)?)
        .map(move |(ordinal, event)| {
            let LogRow {
                key,
                purchase,
                data_points,
                body,
                ..
            } = event?.row;
            let length = body.len();
            let letter = if ingests {
                Letter::Amplitude(body)
            } else {
                let json = Bytes::copy_from_slice(body.as_bytes());
                Letter::Braze(Object::happening(json, purchase, data_points.into()))
            };
            let item = Item {
                ordinal,
                part: None,
                key,
                letter,
                parts: vec![],
            };
            Ok((item, length))
        });
    Ok(cut(items, road))
}

/// Cuts items into batches, on a thread.
fn cut(
    items: impl Iterator<Item = Result<(Item, usize), state::Error>> + Send + 'static,
    road: Road,
) -> (mpsc::Receiver<Batch>, Making) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let making = tokio::task::spawn_blocking(move || {
        let mut counter = batch::Counter::new(road.most);
        let mut batch = Batch::default();
        for item in items {
            let (item, length) = item?;
            if counter.take(length) {
                // Nobody takes batches any more: sending was stopped.
                if sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                    return Ok(());
                }
            }
            batch.items.push(item);
        }
        if !batch.items.is_empty() {
            let _ = sender.blocking_send(batch);
        }
        Ok(())
    });
    (receiver, making)
}
