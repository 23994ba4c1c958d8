//! Recorded rows: the ledger as it is after everything that was ever sent, a run that was cut or killed included.
//!
//! # Expected flow
//! A pending run has deltas, and a journal of what became of their objects by ordinal. The merge is run again to find
//! which row an ordinal was; ledger, delta and outcomes are then joined row by row. Plan reads this stream, recovery
//! and the end of an apply write it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    diff::{
        decide,
        join::{Join, Joined},
        merge::Merge,
        outcomes::{Outcomes, Word},
    },
    model::{
        Address, Change, Millis, Outcome, Record, ResourceOutcome, ResourceReport, Text, Verb,
    },
    state::{
        Error,
        delta::DeltaReader,
        journal,
        ledger::{LedgerReader, LedgerWriter},
        manifest::{Entry, LaneEntry, Manifest, Pending},
        store::{Draft, Store},
    },
};

/// A state as it is after everything that was ever sent.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Its manifest, with no run pending.
    pub(super) manifest: Manifest,
    /// Ledgers that the manifest names and that are no blobs yet.
    pub(super) drafts: BTreeMap<Address, Draft>,
    /// What became of the resources of the run that was pending.
    pub(super) resources: Vec<ResourceReport>,
}

impl Recorded {
    /// Folds a pending run into a manifest, if there is one. Nothing is committed. `cut` says that the run did not
    /// end by itself: what is in doubt may have left up to now.
    pub(super) fn of(
        store: &Store,
        mut manifest: Manifest,
        now: Millis,
        cut: bool,
    ) -> Result<Self, Error> {
        let (mut drafts, mut resources) = (BTreeMap::new(), vec![]);
        let Some(pending) = manifest.pending.take() else {
            return Ok(Self {
                manifest,
                drafts,
                resources,
            });
        };
        let fold = Fold::open(store, &pending)?;
        for part in pending.lanes.iter().flat_map(|lane| &lane.parts) {
            let known = manifest.resources.get(&part.address);
            let Told { report, removed } = told(&fold, &part.address)?;
            let done = report.outcome == ResourceOutcome::Done;
            if known.is_none() && report.acknowledged + report.doubt == 0 {
                // Nothing of it ever reached Braze: it is still to be created.
                resources.push(report);
                continue;
            }
            let next = match &part.next {
                Some(next) if done => Some(next.clone()),
                // What is missing, refused or in doubt is compared again next time.
                Some(next) => {
                    let removals_used = used(next, known, removed);
                    Some(Entry {
                        fulfilled: None,
                        removals_used,
                        // It is still what the YAML changed, until all of it is done.
                        written: known.and_then(|known| known.written.clone()),
                        ..next.clone()
                    })
                }
                None if done => None,
                None => known.map(|known| Entry {
                    fulfilled: None,
                    ..known.clone()
                }),
            };
            let rows = rows(store, &fold, known, &part.address)?;
            match next {
                Some(next) => {
                    let (entry, draft) = written(store, rows, &part.address, next)?;
                    drafts.insert(part.address.clone(), draft);
                    manifest.resources.insert(part.address.clone(), entry);
                }
                None => {
                    manifest.resources.remove(&part.address);
                }
            }
            resources.push(report);
        }
        let took = |report: &ResourceReport| report.acknowledged + report.doubt > 0;
        if resources.iter().any(took) {
            manifest.target.braze_key.clone_from(&pending.braze_key);
        }
        let doubt = resources.iter().any(|report| report.doubt > 0);
        for (lane, last_send) in fold.last_sends() {
            let last_send = if cut && doubt {
                last_send.max(now)
            } else {
                last_send
            };
            manifest
                .lanes
                .insert(lane.to_owned(), LaneEntry { last_send });
        }
        manifest.become_settled(pending.settled);
        Ok(Self {
            manifest,
            drafts,
            resources,
        })
    }

    /// Returns the recorded rows of a resource.
    pub(super) fn rows(&self, store: &Store, address: &Address) -> Result<Rows, Error> {
        match self.drafts.get(address) {
            Some(draft) => Ok(Box::new(LedgerReader::open(draft.path())?)),
            None => ledger(store, self.manifest.resources.get(address)),
        }
    }
}

/// Writes a ledger and returns the entry that names it.
fn written(
    store: &Store,
    rows: Rows,
    address: &Address,
    next: Entry,
) -> Result<(Entry, Draft), Error> {
    let mut writer = LedgerWriter::new(store.draft()?, address)?;
    for record in rows {
        writer.push(&record?)?;
    }
    let counts = writer.counts;
    let draft = writer.finish()?.finish()?;
    let mut next = Entry {
        counts,
        ledger: Some(draft.digest().to_owned()),
        ..next
    };
    if let Some(peak) = next.peaks.last_mut() {
        peak.rows = counts.rows();
    }
    Ok((next, draft))
}

/// What an override has used up when only some of the rows went.
fn used(next: &Entry, known: Option<&Entry>, removed: u64) -> BTreeMap<String, u64> {
    let before = |key: &String| {
        known
            .and_then(|known| known.removals_used.get(key))
            .copied()
            .unwrap_or(0)
    };
    next.removals_used
        .iter()
        .map(|(key, all)| (key.clone(), (before(key) + removed).min(*all)))
        .collect()
}

/// What became of a resource, and how many rows went. One in doubt goes again, and counts then.
struct Told {
    report: ResourceReport,
    removed: u64,
}

/// Counts what became of a resource's rows.
fn told(fold: &Fold, address: &Address) -> Result<Told, Error> {
    let (mut acknowledged, mut doubt, mut not_sent, mut removed) = (0, 0, 0, 0);
    let mut refused = BTreeMap::new();
    for change in fold.changes(address)?.into_iter().flatten() {
        let (change, outcome) = change?;
        match outcome {
            Outcome::Acknowledged(_) => acknowledged += 1,
            Outcome::Doubt(_) => doubt += 1,
            Outcome::NotSent => not_sent += 1,
            Outcome::Refused(number) => {
                let words = fold.reasons.get(&number).cloned().unwrap_or_default();
                *refused.entry(words).or_insert(0) += 1;
            }
        }
        let gone = matches!(outcome, Outcome::Acknowledged(_));
        removed += u64::from(change.verb == Verb::Remove && gone);
    }
    let outcome = match (
        acknowledged > 0,
        doubt > 0,
        refused.is_empty(),
        not_sent > 0,
    ) {
        (_, false, true, false) => ResourceOutcome::Done,
        (true, ..) => ResourceOutcome::Partial,
        (false, false, true, true) => ResourceOutcome::NotAttempted,
        (false, false, false, false) => ResourceOutcome::Refused,
        (false, ..) => ResourceOutcome::Failed,
    };
    let report = ResourceReport {
        address: address.clone(),
        outcome,
        acknowledged,
        doubt,
        not_sent,
        refused,
    };
    Ok(Told { report, removed })
}

/// Rows as recorded.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Record, Error>>>;

/// A pending run, ready to be folded.
struct Fold {
    run: Text,
    parts: BTreeMap<Address, Part>,
    lanes: Vec<(String, Outcomes)>,
    /// Words of refusals by number.
    reasons: BTreeMap<u16, String>,
}

struct Part {
    lane: usize,
    delta: PathBuf,
    ordinals: File,
}

impl Fold {
    /// Opens what a pending run left.
    fn open(store: &Store, pending: &Pending) -> Result<Self, Error> {
        let path = store.journal(&pending.run)?;
        let corrupt = |what: &str| Error::Corrupt {
            path: path.clone(),
            what: what.to_owned(),
        };
        let (header, entries) = journal::read(&path)?.ok_or_else(|| {
            corrupt("it is gone, and with it what the run sent; restore it from a backup")
        })?;
        if header != header_of(pending) {
            return Err(corrupt("it is about other deltas than the manifest"));
        }
        let mut fold = Self {
            run: pending.run.as_str().into(),
            parts: BTreeMap::new(),
            lanes: vec![],
            reasons: BTreeMap::new(),
        };
        fold.lanes = pending
            .lanes
            .iter()
            .map(|lane| (lane.lane.clone(), Outcomes::default()))
            .collect();
        for entry in entries {
            fold.tell(entry);
        }
        for (number, lane) in pending.lanes.iter().enumerate() {
            let deltas = lane
                .parts
                .iter()
                .map(|part| store.blob(&part.delta))
                .collect::<Result<Vec<_>, _>>()?;
            let ordinals = ordinals(&store.cache()?, &deltas)?;
            for ((part, delta), ordinals) in lane.parts.iter().zip(deltas).zip(ordinals) {
                fold.parts.insert(
                    part.address.clone(),
                    Part {
                        lane: number,
                        delta,
                        ordinals,
                    },
                );
            }
        }
        Ok(fold)
    }

    fn tell(&mut self, entry: journal::Entry) {
        let (range, word) = match entry {
            journal::Entry::Intended(range, at) => (range, Word::Intended(at)),
            journal::Entry::Acknowledged(range, at) => (range, Word::Acknowledged(at)),
            journal::Entry::Refused(range, reason) => (range, Word::Refused(reason)),
            journal::Entry::Doubted(range, at) => (range, Word::Doubted(at)),
            journal::Entry::Released(range) => (range, Word::Released),
            journal::Entry::Reason(number, text) => {
                self.reasons.insert(number, text);
                return;
            }
        };
        if let Some((_, outcomes)) = self.lanes.get_mut(usize::from(range.lane)) {
            outcomes.tell(range.first, u64::from(range.count), word);
        }
    }

    /// Returns when each lane was last sent into.
    fn last_sends(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.lanes
            .iter()
            .filter_map(|(lane, outcomes)| Some((lane.as_str(), outcomes.last_send()?)))
    }

    /// Returns a resource's changes with what became of each; none where the run had none for it.
    fn changes(
        &self,
        address: &Address,
    ) -> Result<Option<impl Iterator<Item = Result<(Change, Outcome), Error>> + use<>>, Error> {
        let Some(part) = self.parts.get(address) else {
            return Ok(None);
        };
        let outcomes = self.lanes[part.lane].1.clone();
        let mut file = part.ordinals.try_clone().map_err(scratch)?;
        file.seek(SeekFrom::Start(0)).map_err(scratch)?;
        let mut ordinals = BufReader::new(file);
        let changes = DeltaReader::open(&part.delta)?.map(move |change| {
            let mut ordinal = [0; 8];
            let change = change?;
            ordinals.read_exact(&mut ordinal).map_err(scratch)?;
            Ok((change, outcomes.of(u64::from_le_bytes(ordinal))))
        });
        Ok(Some(changes))
    }
}

/// Returns the header that the journal of a pending run has.
pub(super) fn header_of(pending: &Pending) -> journal::Header {
    let deltas = |lane: &crate::state::manifest::PendingLane| {
        lane.parts
            .iter()
            .map(|part| (part.address.clone(), part.delta.clone()))
            .collect()
    };
    let lanes = pending.lanes.iter().map(|lane| journal::HeaderLane {
        lane: lane.lane.clone(),
        deltas: deltas(lane),
    });
    journal::Header {
        run: pending.run.clone(),
        plan: pending.plan.clone(),
        lanes: lanes.collect(),
    }
}

/// Returns the rows of a resource as they are after the run.
fn rows(
    store: &Store,
    fold: &Fold,
    known: Option<&Entry>,
    address: &Address,
) -> Result<Rows, Error> {
    let ledger = ledger(store, known)?;
    let Some(changes) = fold.changes(address)? else {
        return Ok(ledger);
    };
    let run = fold.run.clone();
    let folded = Join::new(ledger, changes).filter_map(move |row| {
        let row = match row {
            Ok(Joined::Left(record)) => Some(record),
            Ok(Joined::Right((change, outcome))) => decide::fold(None, change, outcome, &run),
            Ok(Joined::Both(record, (change, outcome))) => {
                decide::fold(Some(record), change, outcome, &run)
            }
            Err(error) => return Some(Err(error)),
        };
        row.map(Ok)
    });
    Ok(Box::new(folded))
}

fn ledger(store: &Store, entry: Option<&Entry>) -> Result<Rows, Error> {
    Ok(match entry.and_then(|entry| entry.ledger.as_ref()) {
        Some(digest) => Box::new(LedgerReader::open(&store.blob(digest)?)?),
        None => Box::new(std::iter::empty()),
    })
}

/// Runs the merge of a lane and writes, for each delta, the ordinals of its rows.
fn ordinals(directory: &Path, deltas: &[PathBuf]) -> Result<Vec<File>, Error> {
    let files = deltas
        .iter()
        .map(|_| tempfile::tempfile_in(directory).map(BufWriter::new))
        .collect::<Result<Vec<_>, _>>();
    let mut files = files.map_err(scratch)?;
    let readers = deltas
        .iter()
        .map(|delta| DeltaReader::open(delta))
        .collect::<Result<Vec<_>, _>>()?;
    for object in Merge::new(readers) {
        let object = object?;
        for part in &object.parts {
            files[part.resource]
                .write_all(&object.ordinal.to_le_bytes())
                .map_err(scratch)?;
        }
    }
    files
        .into_iter()
        .map(|file| {
            file.into_inner()
                .map_err(|error| scratch(error.into_error()))
        })
        .collect()
}

fn scratch(source: std::io::Error) -> Error {
    Error::Io {
        path: PathBuf::from("(scratch)"),
        source,
    }
}
