//! Sends what is to be sent, lane by lane and pass by pass: intents before their first byte, acknowledgements after.
//!
//! # Expected flow
//! Lanes go side by side. In each, Braze is told the name first where there is one; then one pass, and, once all of it
//! is acknowledged and has settled, the other. A thread merges the deltas, words the objects and cuts them into batches.
//! Before a batch is sent, a range of ordinals that covers it is intended and on the disk. Each answer is written as
//! it comes.
//!
//! # Guarantees
//! Killed on any line, every object that may have left is intended. When this returns, what never left is released.

mod answered;
mod batches;
mod courier;
mod lane;
mod road;
mod scribe;
mod statics;
mod worder;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;

pub(super) use road::Road;
pub(super) use worder::Worder;

use super::{
    Session,
    log::{self, LogWork},
    plan::{Pass, Work, passes},
};
use crate::{
    amplitude::{Ingester, StaticWriter},
    braze::Writer,
    model::{Address, Lane},
    state::{journal::Journal, store::Draft},
};

/// Lanes under way at once.
const LANES: usize = 8;

/// What sending came to.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) requests: u64,
    pub(super) data_points: u64,
    /// Data points of tries whose answer was lost, which Braze may have billed as well.
    pub(super) repeated: u64,
    /// What ended it, or one of its lanes, early.
    pub(super) stopped: Vec<String>,
    /// Whose names Braze took.
    pub(super) named: BTreeSet<Address>,
    /// Static cohorts that were made, each with its id.
    pub(super) made: BTreeMap<Address, String>,
    /// Static cohorts of whose members Amplitude knows too few.
    pub(super) short: BTreeSet<Address>,
}

/// What writes.
pub(super) struct Doors {
    /// To Braze.
    pub(super) braze: Arc<Writer>,
    /// Events into Amplitude, where any log goes there.
    pub(super) ingester: Option<Arc<Ingester>>,
    /// Members of static cohorts of Amplitude, where any is filled.
    pub(super) statics: Option<Arc<StaticWriter>>,
}

/// What all lanes of a run share.
struct Run<'a> {
    session: &'a Session,
    doors: Doors,
    /// How many each pass has.
    objects: Vec<u64>,
    journal: Mutex<Journal>,
    /// Turns true when one failure ends all.
    halt: watch::Sender<bool>,
}

/// Sends everything. What was answered is counted, whatever ends it.
pub(super) async fn all(
    session: &Session,
    doors: Doors,
    (works, logs): (&[Work], &[LogWork]),
    objects: Vec<u64>,
    journal: Journal,
) -> Sent {
    let run = Run {
        session,
        doors,
        objects,
        journal: Mutex::new(journal),
        halt: watch::Sender::new(false),
    };
    let sent: Vec<Sent> = stream::iter(by_lane(works, logs))
        .map(|lane| lane::send(&run, lane))
        .buffer_unordered(LANES)
        .collect()
        .await;
    let mut all = sent.into_iter().fold(Sent::default(), Sent::with);
    if *session.stop.borrow() && !all.stopped.is_empty() {
        all.stopped = vec!["asked to stop".to_owned()];
    }
    all.stopped.sort();
    all.stopped.dedup();
    all
}

/// What goes into one lane.
struct OfLane<'a> {
    lane: Lane,
    /// Names to be told, each with whose it is.
    names: Vec<(&'a Address, &'a str)>,
    /// Its passes with their numbers in the journal.
    passes: Vec<(u16, Pass<'a>)>,
    /// The log whose lane it is, with its number in the journal and its events.
    log: Option<(u16, &'a LogWork, &'a Draft)>,
}

fn by_lane<'a>(works: &'a [Work], logs: &'a [LogWork]) -> Vec<OfLane<'a>> {
    let mut lanes = BTreeMap::<Lane, OfLane>::new();
    let empty = |lane: &Lane| OfLane {
        lane: lane.clone(),
        names: vec![],
        passes: vec![],
        log: None,
    };
    for work in works {
        if let Some(name) = &work.name {
            let lane = work.desired.lane();
            let of = lanes.entry(lane.clone()).or_insert_with(|| empty(&lane));
            of.names.push((&work.address, name));
        }
    }
    let mut numbers = 0..;
    for (pass, number) in passes(works).into_iter().zip(&mut numbers) {
        let of = lanes
            .entry(pass.lane.clone())
            .or_insert_with(|| empty(&pass.lane));
        of.passes.push((number, pass));
    }
    for ((log, events), number) in log::passes(logs).zip(numbers) {
        let of = lanes.entry(log.lane.clone());
        of.or_insert_with(|| empty(&log.lane)).log = Some((number, log, events));
    }
    lanes.into_values().collect()
}

impl Sent {
    fn with(mut self, other: Self) -> Self {
        self.requests += other.requests;
        self.data_points += other.data_points;
        self.repeated += other.repeated;
        self.stopped.extend(other.stopped);
        self.named.extend(other.named);
        self.made.extend(other.made);
        self.short.extend(other.short);
        self
    }
}
