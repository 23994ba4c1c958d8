//! Sends one batch and finds out what became of each object: halved as often as Braze refuses it whole, and what Braze
//! refuses sent once more, one object a sync, so that only the guilty row is refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    Worder,
    answered::{Answered, Told},
    batches::{Batch, Item, Letter},
    statics::StaticDoor,
};
use crate::{
    amplitude::{Delivery, Ingester},
    braze::{Fate, Object, WriteError, Writer, Written},
    model::Lane,
};

/// Requests refused whole, and nothing of a batch taken, before another place of it is tried; as many more, and it is
/// given up. One guilty person among 1,000 makes eleven, neighbours two each.
const IN_VAIN: u32 = 100;

/// Whose door a lane goes through.
#[derive(Clone)]
pub(super) enum Door {
    Braze(Arc<Writer>),
    Amplitude(Arc<Ingester>),
    /// Of one static cohort.
    Static(Arc<StaticDoor>),
}

/// Tries of a batch of events that may be double, before it is left for the next run.
const TRIES: u32 = 12;

/// Sends batches of one pass.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) door: Door,
    pub(super) lane: Lane,
    /// Knows what the parts of an object mean; none of a log, whose events have no parts.
    pub(super) worder: Option<Arc<Worder>>,
    /// Whether a batch whose answer was lost is sent again: it then may be double.
    pub(super) repeats: bool,
    /// Objects of one request: what was too large once is not tried again.
    pub(super) most: Arc<AtomicUsize>,
}

impl Courier {
    /// Sends one batch to its end.
    pub(super) async fn send(&self, batch: Batch) -> Answered {
        let mut answered = Answered::default();
        let writer = match &self.door {
            Door::Braze(writer) => writer,
            Door::Amplitude(ingester) => return ingest(ingester, &batch).await,
            Door::Static(door) => return door.send(&batch).await,
        };
        let refused = self.send_whole(writer, batch, &mut answered).await;
        let again = self.taken_apart(refused, &mut answered);
        if !again.is_empty() {
            let batch = Batch {
                items: again,
                ..Batch::default()
            };
            let refused = self.send_whole(writer, batch, &mut answered).await;
            for (item, reason) in refused {
                answered.tell(&item, Told::Refused(item.key.mask(&reason)));
            }
        }
        answered
    }

    /// Sends a batch, halved where need be; returns what was refused object by object.
    async fn send_whole(
        &self,
        writer: &Writer,
        batch: Batch,
        answered: &mut Answered,
    ) -> Vec<(Item, String)> {
        let (mut refused, mut unnamed) = (vec![], vec![]);
        let mut left = vec![batch];
        let (mut in_vain, mut taken) = (0, false);
        while let Some(mut batch) = left.pop() {
            if answered.stop.is_some() {
                answered.leave(&batch);
                continue;
            }
            if in_vain == IN_VAIN && !taken && !left.is_empty() {
                // The guilty may be neighbours: what was left longest is somewhere else.
                left.insert(1.min(left.len()), batch);
                batch = left.remove(0);
                in_vain += 1;
            }
            if batch.items.len() > self.most.load(Ordering::Relaxed) {
                left.extend(batch.halves());
                continue;
            }
            let objects: Vec<Object> = batch.items.iter().filter_map(Item::object).collect();
            let WriteError {
                error,
                fate,
                stop,
                too_large,
                maybe,
            } = match writer.write(&self.lane, &objects).await {
                Ok(Written {
                    unplaced: Some(words),
                    ..
                }) => {
                    taken = true;
                    self.unplaced(&words, &batch, answered);
                    continue;
                }
                Ok(written) => {
                    taken = true;
                    refused.extend(answered.take(batch, written));
                    continue;
                }
                Err(error) => error,
            };
            batch.maybe |= maybe;
            if stop {
                let hint = error.key_hint().map(|hint| format!("; {hint}"));
                answered.stop = Some(format!("{error}{}", hint.unwrap_or_default()));
            }
            match fate {
                Fate::TakeApart if batch.items.len() > 1 => {
                    if too_large {
                        self.most
                            .fetch_min(batch.items.len() / 2, Ordering::Relaxed);
                    }
                    in_vain += u32::from(!too_large);
                    left.extend(batch.halves());
                }
                // It is not about somebody in the request: whoever is left would meet the same.
                Fate::TakeApart if in_vain >= 2 * IN_VAIN && !taken => {
                    answered.stop = Some(error.to_string());
                    answered.leave(&batch);
                    unnamed
                        .drain(..)
                        .for_each(|(item, _)| answered.tell(&item, Told::Released));
                }
                Fate::TakeApart if !batch.maybe => {
                    in_vain += 1;
                    let reason = error.to_string();
                    unnamed.extend(batch.items.into_iter().map(|item| (item, reason.clone())));
                }
                Fate::NotSent if !batch.maybe => answered.leave(&batch),
                Fate::TakeApart | Fate::NotSent | Fate::Doubt => {
                    answered.doubt(&batch);
                    if self.repeats && batch.tries < TRIES && answered.stop.is_none() {
                        answered.again.push(batch);
                    }
                }
            }
        }
        // An event that was refused is never sent again. Where Braze names none, and takes none of a batch, it is about
        // something else than these events.
        let is_log = self.worder.is_none();
        if is_log && !taken && unnamed.len() > 1 {
            let reason = unnamed
                .first()
                .map(|(_, reason): &(Item, String)| reason.clone());
            answered.stop = answered.stop.take().or(reason);
            unnamed
                .drain(..)
                .for_each(|(item, _)| answered.tell(&item, Told::Released));
        }
        refused.extend(unnamed);
        refused
    }

    /// A batch that was taken, with errors that name none of its events. It is not sent again: they would be double.
    fn unplaced(&self, words: &str, batch: &Batch, answered: &mut Answered) {
        answered.requests += 1;
        if self.repeats {
            tracing::warn!(
                words,
                "Braze took a batch of events, with errors that name none of them"
            );
            answered.tell_all(batch, &Told::Acknowledged);
        } else {
            answered.doubt(batch);
        }
    }

    /// Words refused objects part by part. What cannot be taken apart, or has no time left, stays refused.
    fn taken_apart(&self, refused: Vec<(Item, String)>, answered: &mut Answered) -> Vec<Item> {
        let mut again = vec![];
        for (item, reason) in refused {
            let apart = match self.lane {
                Lane::UsersTrack if answered.stop.is_none() => {
                    let worder = self.worder.as_ref();
                    worder.and_then(|worder| worder.word_apart(&item.key, &item.parts))
                }
                _ => None,
            };
            let Some(objects) = apart else {
                // With no time left nobody knows which of its parts is guilty; refused as a whole, nothing was processed.
                let known = answered.stop.is_none() || item.parts.len() <= 1;
                let told = if known {
                    Told::Refused(item.key.mask(&reason))
                } else {
                    Told::Released
                };
                answered.tell(&item, told);
                continue;
            };
            let parts = item.parts.iter().zip(objects);
            again.extend(parts.map(|(part, object)| Item {
                ordinal: item.ordinal,
                part: Some(part.resource as u32),
                key: item.key.clone(),
                letter: Letter::Braze(object),
                parts: vec![],
            }));
        }
        again
    }
}

/// Hands events to Amplitude. Whatever is sent again there is dropped by its id, so doubt costs nothing.
async fn ingest(ingester: &Ingester, batch: &Batch) -> Answered {
    let events: Vec<Delivery> = batch.items.iter().filter_map(Item::event).collect();
    let delivered = ingester.deliver(&events).await;
    let mut answered = Answered {
        requests: delivered.requests,
        stop: delivered.stop,
        ..Answered::default()
    };
    let mut told = vec![Told::Released; batch.items.len()];
    let each = |told: &mut Vec<Told>, places: Vec<usize>, word: &Told| {
        places.into_iter().for_each(|at| told[at] = word.clone());
    };
    each(&mut told, delivered.taken, &Told::Acknowledged);
    each(&mut told, delivered.doubted, &Told::Doubted);
    for (at, reason) in delivered.refused {
        told[at] = Told::Refused(batch.items[at].key.mask(&reason));
    }
    for (item, told) in batch.items.iter().zip(told) {
        answered.tell(item, told);
    }
    answered
}
