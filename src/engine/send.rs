//! Sends one lane: intents before their first byte, acknowledgements after, many requests at once.
//!
//! # Expected flow
//! A thread merges the deltas, words the objects and cuts them into batches. Before a batch is sent, a range of
//! ordinals that covers it is intended and on the disk. Each answer is written as it comes.
//!
//! # Guarantees
//! Killed on any line, every object that may have left is intended. When this returns, what never left is released.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    Error, Session,
    plan::{Work, creates, merged},
};
use crate::{
    braze::{self, Fate, TrackError, TrackObject, Tracked, Writer, track_object},
    diff::batch,
    http::asked,
    model::{Event, Millis},
    state::{
        self,
        journal::{Entry, Journal, Range},
    },
};

/// Requests under way at once.
const AT_ONCE: usize = 16;
/// Batches between two syncs of the journal; a kill leaves at most so many in doubt, a fraction of a second's.
const WINDOW: usize = 64;
/// Batches made ahead of the network.
const AHEAD: usize = 8;

/// Objects of one request.
struct Batch {
    first: u64,
    objects: Vec<TrackObject>,
    /// Whether they may have been processed already, in a request that was then taken apart.
    maybe: bool,
}

/// What sending a lane came to.
#[derive(Debug, Default)]
pub(super) struct Sent {
    lane: &'static str,
    /// Objects answered.
    pub(super) objects: u64,
    pub(super) requests: u64,
    pub(super) data_points: u64,
    /// Data points of tries whose answer was lost, which Braze may have billed as well.
    pub(super) repeated: u64,
    /// What ended it early.
    pub(super) stopped: Option<String>,
}

impl Sent {
    /// Nothing sent yet into this lane.
    pub(super) fn into(lane: &'static str) -> Self {
        Self {
            lane,
            ..Self::default()
        }
    }
}

/// What one request came to, by ordinals.
#[derive(Default)]
struct Answered {
    acknowledged: Vec<(u64, u32)>,
    refused: Vec<(u64, String)>,
    released: Vec<(u64, u32)>,
    doubtful: Vec<(u64, u32)>,
    requests: u64,
    data_points: u64,
    repeated: u64,
    /// Why nothing further should be sent.
    stop: Option<String>,
}

/// Writes what happens into the journal.
struct Scribe<'a> {
    journal: &'a mut Journal,
    lane: u8,
    reasons: BTreeMap<String, u16>,
}

impl Scribe<'_> {
    fn release(&mut self, reach: &Reach) -> Result<(), state::Error> {
        if reach.intended <= reach.dispatched {
            return Ok(());
        }
        let count = (reach.intended - reach.dispatched) as u32;
        self.journal.tell(&Entry::Released(Range {
            lane: self.lane,
            first: reach.dispatched,
            count,
        }))
    }

    fn tell(&mut self, answered: &Answered, at: Millis) -> Result<(), state::Error> {
        let lane = self.lane;
        for (first, count) in &answered.acknowledged {
            self.journal.tell(&Entry::Acknowledged(
                Range {
                    lane,
                    first: *first,
                    count: *count,
                },
                at,
            ))?;
        }
        for (first, count) in &answered.released {
            self.journal.tell(&Entry::Released(Range {
                lane,
                first: *first,
                count: *count,
            }))?;
        }
        for (first, count) in &answered.doubtful {
            self.journal.tell(&Entry::Doubted(
                Range {
                    lane,
                    first: *first,
                    count: *count,
                },
                at,
            ))?;
        }
        for (ordinal, reason) in &answered.refused {
            let next = self.reasons.len() as u16;
            let number = *self.reasons.entry(reason.clone()).or_insert(next);
            if number == next {
                self.journal.tell(&Entry::Reason(number, reason.clone()))?;
            }
            self.journal.tell(&Entry::Refused(
                Range {
                    lane,
                    first: *ordinal,
                    count: 1,
                },
                number,
            ))?;
        }
        Ok(())
    }
}

/// Sends everything of a lane. What was answered is counted in `sent` even where this fails.
pub(super) async fn lane(
    session: &Session,
    writer: &Arc<Writer>,
    sending: &[&Work],
    journal: &mut Journal,
    lane: u8,
    sent: &mut Sent,
) -> Result<(), Error> {
    let most = session.configuration.braze.objects_per_request;
    let (batches, making) = make_batches(sending, most)?;
    let mut scribe = Scribe {
        journal,
        lane,
        reasons: BTreeMap::new(),
    };
    let mut reach = Reach::default();
    let ended = send_batches(session, writer, batches, &mut scribe, &mut reach, sent).await;
    let made = making.await.map_err(|_| Error::Worker)?;
    // What was intended and not dispatched never left, however this ended.
    let released = scribe.release(&reach);
    ended?;
    released?;
    made
}

/// How far intents and requests have come, by ordinal.
#[derive(Default)]
struct Reach {
    intended: u64,
    dispatched: u64,
}

async fn send_batches(
    session: &Session,
    writer: &Arc<Writer>,
    mut batches: mpsc::Receiver<Batch>,
    scribe: &mut Scribe<'_>,
    reach: &mut Reach,
    sent: &mut Sent,
) -> Result<(), Error> {
    let most = session.configuration.braze.objects_per_request;
    let largest = Arc::new(AtomicUsize::new(most));
    let mut stop = session.stop.clone();
    let mut under_way: FuturesUnordered<BoxFuture<'static, (usize, Answered)>> =
        FuturesUnordered::new();
    let mut open = true;
    loop {
        open = open && sent.stopped.is_none();
        if !open && under_way.is_empty() {
            return Ok(());
        }
        tokio::select! {
            biased;
            Some((objects, answered)) = under_way.next(), if !under_way.is_empty() => {
                scribe.tell(&answered, session.clock.millis())?;
                sent.requests += answered.requests;
                sent.data_points += answered.data_points;
                sent.repeated += answered.repeated;
                sent.stopped = sent.stopped.take().or(answered.stop);
                sent.objects += objects as u64;
                session.events.tell(Event::Sent { lane: sent.lane, objects: sent.objects }).await;
            }
            () = asked(&mut stop), if open => {
                sent.stopped = Some("asked to stop".to_owned());
            }
            batch = batches.recv(), if open && under_way.len() < AT_ONCE => match batch {
                None => open = false,
                Some(batch) => {
                    let end = batch.first + batch.objects.len() as u64;
                    if end > reach.intended {
                        let count = (WINDOW * most).max(batch.objects.len());
                        let range = Range { lane: scribe.lane, first: batch.first, count: count as u32 };
                        let at = session.clock.millis();
                        reach.intended = batch.first + count as u64;
                        tokio::task::block_in_place(|| scribe.journal.intend(range, at))?;
                    }
                    reach.dispatched = end;
                    let (writer, most) = (writer.clone(), largest.clone());
                    under_way.push(Box::pin(async move { (batch.objects.len(), send(&writer, &most, batch).await) }));
                }
            },
        }
    }
}

type Making = tokio::task::JoinHandle<Result<(), Error>>;

/// Starts the thread that merges, words and cuts.
fn make_batches(sending: &[&Work], most: usize) -> Result<(mpsc::Receiver<Batch>, Making), Error> {
    let objects = merged(sending)?;
    let kinds: Vec<_> = sending
        .iter()
        .map(|work| (work.kind, work.desired.clone()))
        .collect();
    let may_create: Vec<bool> = sending
        .iter()
        .map(|work| work.desired.create_users)
        .collect();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let making = tokio::task::spawn_blocking(move || {
        let mut counter = batch::Counter::new(most);
        let mut batch = Batch {
            first: 0,
            objects: vec![],
            maybe: false,
        };
        for object in objects {
            let object = object?;
            let edits = object.parts.iter().flat_map(|part| {
                let (kind, desired) = &kinds[part.resource];
                kind.edits(desired, &part.change)
            });
            let tracked = track_object(&object.key, edits, creates(&may_create, &object.parts));
            if counter.take(tracked.json.len()) {
                let next = Batch {
                    first: object.ordinal,
                    objects: vec![],
                    maybe: false,
                };
                // Nobody takes batches any more: sending was stopped.
                if sender
                    .blocking_send(std::mem::replace(&mut batch, next))
                    .is_err()
                {
                    return Ok(());
                }
            }
            batch.objects.push(tracked);
        }
        if !batch.objects.is_empty() {
            let _ = sender.blocking_send(batch);
        }
        Ok(())
    });
    Ok((receiver, making))
}

/// Sends one batch, halved as often as Braze refuses it whole; what was too large once is not tried again.
async fn send(writer: &Writer, most: &AtomicUsize, batch: Batch) -> Answered {
    let mut answered = Answered::default();
    let mut left = vec![batch];
    while let Some(mut batch) = left.pop() {
        if answered.stop.is_some() {
            answered.leave(&batch);
            continue;
        }
        if batch.objects.len() > most.load(Ordering::Relaxed) {
            left.extend(batch.halves());
            continue;
        }
        let TrackError {
            error,
            fate,
            stop,
            maybe,
        } = match writer.track(&batch.objects).await {
            Ok(tracked) => {
                answered.take(&batch, &tracked);
                continue;
            }
            Err(error) => error,
        };
        batch.maybe |= maybe;
        match fate {
            Fate::TakeApart if batch.objects.len() > 1 => {
                if matches!(error, braze::Error::Refused { status: 413, .. }) {
                    most.fetch_min(batch.objects.len() / 2, Ordering::Relaxed);
                }
                left.extend(batch.halves());
            }
            Fate::TakeApart if !batch.maybe => {
                answered.refused.push((batch.first, error.to_string()));
            }
            Fate::NotSent if !batch.maybe => answered.leave(&batch),
            Fate::TakeApart | Fate::NotSent | Fate::Doubt => answered.doubtful.push(batch.range()),
        }
        if stop {
            let permission = error.missing_permission();
            let hint = permission.map(|permission| {
                format!(
                    "; braze.api_key must be of this instance and have the permission {permission}"
                )
            });
            answered.stop = Some(format!("{error}{}", hint.unwrap_or_default()));
        }
    }
    answered
}

impl Batch {
    /// Cuts in two; the second half first, so that a stack gives them in order.
    fn halves(mut self) -> [Self; 2] {
        let second = self.objects.split_off(self.objects.len() / 2);
        let first = self.first + self.objects.len() as u64;
        [
            Self {
                first,
                objects: second,
                maybe: self.maybe,
            },
            self,
        ]
    }

    fn range(&self) -> (u64, u32) {
        (self.first, self.objects.len() as u32)
    }
}

impl Answered {
    /// Leaves objects unsent; those that may have been processed before are in doubt.
    fn leave(&mut self, batch: &Batch) {
        let left = if batch.maybe {
            &mut self.doubtful
        } else {
            &mut self.released
        };
        left.push(batch.range());
    }

    fn take(&mut self, batch: &Batch, tracked: &Tracked) {
        self.requests += 1;
        for (at, object) in batch.objects.iter().enumerate() {
            let ordinal = batch.first + at as u64;
            match (tracked.refused.get(&at), self.acknowledged.last_mut()) {
                (Some(reason), _) => self.refused.push((ordinal, reason.clone())),
                (None, Some((begin, length))) if *begin + u64::from(*length) == ordinal => {
                    *length += 1;
                }
                (None, _) => self.acknowledged.push((ordinal, 1)),
            }
            if !tracked.refused.contains_key(&at) {
                self.data_points += object.data_points;
                self.repeated += object.data_points * u64::from(tracked.doubts);
            }
        }
    }
}
