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
    model::{Address, Change, Millis, Outcome, Record, Text},
    state::{
        Error,
        delta::DeltaReader,
        journal,
        ledger::LedgerReader,
        manifest::{Manifest, Pending},
        store::Store,
    },
};

/// Rows as recorded.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Record, Error>>>;

/// A pending run, ready to be folded.
pub(super) struct Fold {
    run: Text,
    parts: BTreeMap<Address, Part>,
    lanes: Vec<(String, Outcomes)>,
    /// Words of refusals by number.
    pub(super) reasons: BTreeMap<u16, String>,
}

struct Part {
    lane: usize,
    delta: PathBuf,
    ordinals: File,
}

impl Fold {
    /// Opens what a pending run left.
    pub(super) fn open(store: &Store, pending: &Pending) -> Result<Self, Error> {
        let path = store.journal(&pending.run)?;
        let corrupt = |what: &str| Error::Corrupt {
            path: path.clone(),
            what: what.to_owned(),
        };
        let (header, entries) = journal::read(&path)?.ok_or_else(|| {
            corrupt("it is gone, and with it what run sent; restore it from a backup")
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
    pub(super) fn last_sends(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.lanes
            .iter()
            .filter_map(|(lane, outcomes)| Some((lane.as_str(), outcomes.last_send()?)))
    }

    /// Returns a resource's changes with what became of each; none where the run had none for it.
    pub(super) fn changes(
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

/// Returns the recorded rows of a resource, folded if a run is pending.
pub(super) fn recorded(
    store: &Store,
    manifest: Option<&Manifest>,
    fold: Option<&Fold>,
    address: &Address,
) -> Result<Rows, Error> {
    let ledger = manifest
        .and_then(|manifest| manifest.resources.get(address))
        .and_then(|entry| entry.ledger.as_ref());
    let ledger: Rows = match ledger {
        Some(digest) => Box::new(LedgerReader::open(&store.blob(digest)?)?),
        None => Box::new(std::iter::empty()),
    };
    let Some(fold) = fold else { return Ok(ledger) };
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
