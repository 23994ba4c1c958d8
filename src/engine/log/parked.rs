//! Parked events: batches whose answer never came. Whoever decides sees them, asks Braze what those people have, and
//! releases or drops them.
//!
//! # Guarantees
//! Nothing is sent and nothing is changed in Braze. What is decided is one commit: killed in the middle, all of it is
//! decided or none.

mod asked;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{BuildHasher, RandomState},
    path::Path,
    time::Duration,
};

use jiff::Timestamp;

pub use self::asked::check_parked;
use super::fold::ParkedWriter;
use crate::{
    engine::{
        Error, Session,
        apply::{new_id, take_lease},
        ending::{recover, remember},
        fold::Recorded,
        plan::steadily_in,
    },
    model::{Address, CheckedBatch, Decision, LogEvent, Millis, Parked, ParkedBatch, digest},
    state::{self, events::EventReader, lease::Lease, manifest::RunEntry, store::Store},
};

/// Batches of which somebody may decide, and the right to do it.
pub struct Deciding {
    recorded: Option<Recorded>,
    batches: Vec<ParkedBatch>,
    _lease: Lease,
}

/// Returns the batches that wait for a decision, those of a run that was cut too. It reads the state alone.
pub async fn parked(store: &Store, now: Millis) -> Result<Vec<ParkedBatch>, Error> {
    steadily_in(store, async || {
        tokio::task::block_in_place(|| {
            let recorded = recorded(store, now)?;
            Ok(batches(store, recorded.as_ref())?)
        })
    })
    .await
}

/// Returns the batches that go by these names, each of which must be there.
pub fn named_batches(batches: &[ParkedBatch], names: &[String]) -> Result<BTreeSet<String>, Error> {
    let known: BTreeSet<&str> = batches.iter().map(|batch| &*batch.batch).collect();
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| format!("`{name}`"))
        .collect();
    if unknown.is_empty() {
        return Ok(names.iter().cloned().collect());
    }
    Err(Error::Unselected {
        message: format!("no batch is parked by the name of {}", unknown.join(", ")),
        hint: Some("`syncform state parked list` lists those that are".to_owned()),
    })
}

/// Takes the lease, folds what a cut run left, and reads which batches are parked.
pub async fn prepare_parked(session: &Session, patience: Duration) -> Result<Deciding, Error> {
    let lease = take_lease(session, patience).await?;
    recover(session).await?;
    let now = session.clock.millis();
    let (recorded, batches) = tokio::task::block_in_place(|| {
        let recorded = recorded(&session.store, now)?;
        let batches = batches(&session.store, recorded.as_ref())?;
        Ok::<_, Error>((recorded, batches))
    })?;
    Ok(Deciding {
        recorded,
        batches,
        _lease: lease,
    })
}

impl Deciding {
    /// Returns the batches that are parked.
    pub fn batches(&self) -> &[ParkedBatch] {
        &self.batches
    }

    /// Asks Braze what the people of all these batches have.
    pub async fn check(&self, session: &Session) -> Result<Vec<CheckedBatch>, Error> {
        match &self.recorded {
            Some(recorded) => {
                let all = self.batches.iter().map(|batch| batch.batch.clone());
                asked::check(session, recorded, &self.batches, &all.collect()).await
            }
            None => Ok(vec![]),
        }
    }
}

/// Records what becomes of these batches.
pub fn decide_parked(
    session: &Session,
    deciding: Deciding,
    decision: Decision,
    chosen: &BTreeSet<String>,
) -> Result<(), Error> {
    let Deciding {
        recorded, _lease, ..
    } = deciding;
    let Some(recorded) = recorded.filter(|_| !chosen.is_empty()) else {
        return Ok(());
    };
    tokio::task::block_in_place(|| Ok(record(session, recorded, decision, chosen)?))
}

fn record(
    session: &Session,
    recorded: Recorded,
    decision: Decision,
    chosen: &BTreeSet<String>,
) -> Result<(), state::Error> {
    let store = &session.store;
    let mut manifest = recorded.manifest;
    for (address, entry) in &mut manifest.resources {
        let Some(log) = entry.log.as_mut() else {
            continue;
        };
        let Some(parked) = &log.parked else {
            continue;
        };
        let path = store.blob(&parked.blob)?;
        let mut writer = ParkedWriter::new(store, address);
        for event in EventReader::open(&path)? {
            let mut event = event?;
            let parked = batch_of(&mut event, &path)?;
            match decision {
                _ if !chosen.contains(&*parked.batch) => {}
                Decision::Drop => continue,
                Decision::Release => parked.released = true,
            }
            writer.push(&event)?;
        }
        let (draft, parked) = writer.finish()?.unzip();
        draft.map(|draft| store.keep(draft)).transpose()?;
        log.parked = parked;
    }
    let now = session.clock.now();
    let word = match decision {
        Decision::Release => "release",
        Decision::Drop => "drop",
    };
    let what: Vec<&str> = [word]
        .into_iter()
        .chain(chosen.iter().map(|one| &**one))
        .collect();
    let run = RunEntry {
        id: new_id(session),
        started_at: now,
        finished_at: now,
        command: session.command.clone(),
        plan: digest::sha256(what.join("\n").as_bytes()),
        outcome: "done".to_owned(),
        refused: None,
    };
    remember(&mut manifest, run);
    store.commit(&mut manifest, now.as_millisecond())?;
    // What could not be swept now is swept after the next run.
    if let Err(error) = store.sweep(&manifest, now.as_millisecond()) {
        tracing::warn!(%error, "not swept");
    }
    Ok(())
}

/// Reads the state as it is after everything that was ever sent; none where there is none.
fn recorded(store: &Store, now: Millis) -> Result<Option<Recorded>, state::Error> {
    let manifest = store.manifest()?;
    let recorded = manifest.map(|manifest| Recorded::of(store, manifest, now, true));
    recorded.transpose()
}

fn batch_of<'a>(event: &'a mut LogEvent, path: &Path) -> Result<&'a mut Parked, state::Error> {
    let parked = event.parked.as_mut();
    parked.ok_or_else(|| corrupt(path, "a parked event of no batch"))
}

fn corrupt(path: &Path, what: &str) -> state::Error {
    state::Error::Corrupt {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

/// One event of a batch.
struct Waiting {
    address: Address,
    event: LogEvent,
    parked: Parked,
}

/// Iterates over all parked events.
fn waiting<'a>(
    store: &Store,
    recorded: &'a Recorded,
) -> Result<impl Iterator<Item = Result<Waiting, state::Error>> + use<'a>, state::Error> {
    let mut readers = vec![];
    for (address, entry) in &recorded.manifest.resources {
        let log = entry.log.as_ref();
        if let Some(parked) = log.and_then(|log| log.parked.as_ref()) {
            let path = recorded.file(store, &parked.blob)?;
            readers.push((address, EventReader::open(&path)?, path));
        }
    }
    Ok(readers.into_iter().flat_map(|(address, events, path)| {
        events.map(move |event| {
            let mut event = event?;
            let parked = batch_of(&mut event, &path)?.clone();
            Ok(Waiting {
                address: address.clone(),
                event,
                parked,
            })
        })
    }))
}

/// Counts what is parked, batch by batch, in the order in which they left.
fn batches(store: &Store, recorded: Option<&Recorded>) -> Result<Vec<ParkedBatch>, state::Error> {
    let Some(recorded) = recorded else {
        return Ok(vec![]);
    };
    let hasher = RandomState::new();
    let mut found: BTreeMap<String, (ParkedBatch, HashSet<u64>)> = BTreeMap::new();
    for one in waiting(store, recorded)? {
        let Waiting {
            address,
            event,
            parked,
        } = one?;
        let row = &event.row;
        let moment = |at| {
            let at = Timestamp::from_millisecond(at);
            at.map_err(|_| corrupt(Path::new("events"), "a parked event of no time"))
        };
        let (at, left_at) = (moment(row.at)?, moment(parked.at)?);
        let begun = || ParkedBatch {
            batch: parked.batch.to_string(),
            address,
            left_at,
            events: 0,
            purchases: 0,
            people: 0,
            first: at,
            last: at,
            released: parked.released,
        };
        let known = found.entry(parked.batch.to_string());
        let (batch, people) = known.or_insert_with(|| (begun(), HashSet::new()));
        batch.events += u64::from(!row.purchase);
        batch.purchases += u64::from(row.purchase);
        batch.first = batch.first.min(at);
        batch.last = batch.last.max(at);
        batch.left_at = batch.left_at.max(left_at);
        people.insert(hasher.hash_one(&row.key));
        batch.people = people.len() as u64;
    }
    let mut batches: Vec<ParkedBatch> = found.into_values().map(|(batch, _)| batch).collect();
    batches.sort_by_cached_key(|batch| (batch.left_at, batch.address.clone(), batch.first));
    Ok(batches)
}
