//! Recorded rows: the ledger as it is after everything that was ever sent, a run that was cut or killed included.
//!
//! # Expected flow
//! A pending run has deltas, and a journal of what became of their objects by ordinal. The merge is run again to find
//! which row an ordinal was; ledger, delta and outcomes are then joined row by row. Plan reads this stream, recovery
//! and the end of an apply write it.

use std::{
    collections::BTreeMap,
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::compute::Waiting;
use crate::{
    diff::{
        decide,
        join::{self, Join, Joined, woven},
        merge::Merge,
        outcomes::{Outcomes, Word},
    },
    model::{
        Address, Change, Millis, Outcome, Record, Refusal, ResourceOutcome, ResourceReport, Text,
        Verb,
    },
    state::{
        self, Error,
        delta::DeltaReader,
        journal::{self, PartWord},
        ledger::{LedgerReader, LedgerWriter},
        manifest::{Entry, LaneEntry, Manifest, Pending, PendingPass, SetAside},
        refusals::{RefusalReader, RefusalWriter},
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
    /// Rows set aside that the manifest names and that are no blobs yet.
    pub(super) asides: Vec<Draft>,
    /// What Braze refused in the run that was pending.
    pub(super) refused: Option<Draft>,
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
        let (mut drafts, mut asides, mut resources) = (BTreeMap::new(), vec![], vec![]);
        let Some(pending) = manifest.pending.take() else {
            return Ok(Self {
                manifest,
                drafts,
                asides,
                refused: None,
                resources,
            });
        };
        let fold = Fold::open(store, &pending)?;
        let mut refused = None;
        for (address, next) in &pending.becoming {
            let known = manifest.resources.get(address).cloned();
            if !fold.parts.contains_key(address) {
                match next {
                    Some(next) => manifest.resources.insert(address.clone(), next.clone()),
                    None => manifest.resources.remove(address),
                };
                continue;
            }
            let Told { report, removed } = told(&fold, address)?;
            if known.is_none() && report.acknowledged + report.doubt + report.refused() == 0 {
                // Nothing of it ever reached Braze: it is still to be created.
                resources.push(report);
                continue;
            }
            let settled = report.doubt + report.not_sent == 0;
            let next = match (next, &known) {
                (Some(next), _) if settled => Some(next.clone()),
                // What is missing or in doubt is compared again next time.
                (Some(next), known) => Some(Entry {
                    // It is still what the YAML changed, until all of it is done.
                    written: known.as_ref().and_then(|known| known.written.clone()),
                    fulfilled: None,
                    removals_used: used(next, known.as_ref(), removed),
                    ..next.clone()
                }),
                (None, _) if report.outcome == ResourceOutcome::Done => None,
                (None, known) => known.clone().map(|known| Entry {
                    fulfilled: None,
                    set_aside: None,
                    ..known
                }),
            };
            let rows = rows(store, &fold, known.as_ref(), address)?;
            match next {
                Some(next) => {
                    let aside = match pending.becoming[address] {
                        Some(_) => aside(store, &fold, address, next.set_aside.as_ref())?,
                        // What is to go is tried again each time.
                        None => None,
                    };
                    let (aside_draft, set_aside) = aside.unzip();
                    let next = Entry { set_aside, ..next };
                    let (entry, draft) = written(store, rows, address, next)?;
                    drafts.insert(address.clone(), draft);
                    asides.extend(aside_draft);
                    manifest.resources.insert(address.clone(), entry);
                }
                None => {
                    manifest.resources.remove(address);
                }
            }
            for refusal in fold.refusals(address)? {
                let writer = match &mut refused {
                    Some(writer) => writer,
                    none => none.insert(RefusalWriter::new(store.draft()?)?),
                };
                writer.push(&refusal?)?;
            }
            resources.push(report);
        }
        let took = |report: &ResourceReport| report.acknowledged + report.doubt > 0;
        if resources.iter().any(took) {
            manifest.target.braze_key.clone_from(&pending.braze_key);
            if pending.import_key.is_some() {
                manifest.target.import_key.clone_from(&pending.import_key);
            }
        }
        let doubt = resources.iter().any(|report| report.doubt > 0);
        for (lane, last_send) in fold.last_sends() {
            let last_send = if cut && doubt {
                last_send.max(now)
            } else {
                last_send
            };
            let known = manifest.lanes.entry(lane.to_owned());
            let known = known.or_insert(LaneEntry { last_send });
            known.last_send = known.last_send.max(last_send);
        }
        let refused = refused
            .map(|writer| writer.finish()?.finish())
            .transpose()?;
        Ok(Self {
            manifest,
            drafts,
            asides,
            refused,
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
    for change in fold.changes(address)? {
        let (change, told) = change?;
        match told.outcome {
            Outcome::Acknowledged(_) => acknowledged += 1,
            Outcome::Doubt(_) => doubt += 1,
            Outcome::NotSent => not_sent += 1,
            Outcome::Refused(number) => {
                let words = fold.words(told.pass, number);
                *refused.entry(words.to_string()).or_insert(0) += 1;
            }
        }
        let gone = matches!(told.outcome, Outcome::Acknowledged(_));
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
        named: None,
    };
    Ok(Told { report, removed })
}

/// Rows as recorded.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Record, Error>>>;

/// A pending run, ready to be folded.
struct Fold {
    run: Text,
    parts: BTreeMap<Address, Vec<Part>>,
    passes: Vec<(String, Outcomes)>,
    /// Words of refusals by pass and number.
    reasons: BTreeMap<(u16, u32), Text>,
    /// When refusals are dated: they carry no time of their own.
    refused_at: Millis,
}

/// A delta of a resource, and where its rows are in its pass.
struct Part {
    pass: u16,
    number: u32,
    delta: PathBuf,
    ordinals: NamedTempFile,
}

/// What became of a row, and in which pass.
#[derive(Clone, Copy)]
struct RowOutcome {
    pass: u16,
    /// Whether that is the later pass of its lane.
    later: bool,
    outcome: Outcome,
}

type Changes = join::Rows<(Change, RowOutcome), Error>;

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
        let passes = pending.passes.iter();
        let mut fold = Self {
            run: pending.run.as_str().into(),
            parts: BTreeMap::new(),
            passes: passes
                .map(|pass| (pass.lane.clone(), Outcomes::default()))
                .collect(),
            reasons: BTreeMap::new(),
            refused_at: pending.started_at.as_millisecond(),
        };
        for entry in entries {
            fold.tell(entry);
        }
        for (pass, number) in pending.passes.iter().zip(0..) {
            let deltas = pass
                .parts
                .iter()
                .map(|part| store.blob(&part.delta))
                .collect::<Result<Vec<_>, _>>()?;
            let ordinals = ordinals(&store.cache()?, &deltas)?;
            for (((part, delta), ordinals), at) in
                pass.parts.iter().zip(deltas).zip(ordinals).zip(0..)
            {
                let known = fold.parts.entry(part.address.clone()).or_default();
                known.push(Part {
                    pass: number,
                    number: at,
                    delta,
                    ordinals,
                });
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
            journal::Entry::Reason(pass, number, text) => {
                self.reasons.insert((pass, number), text.into());
                return;
            }
            journal::Entry::Part(part, word) => {
                let outcome = match word {
                    PartWord::Acknowledged(at) => Outcome::Acknowledged(at),
                    PartWord::Refused(reason) => Outcome::Refused(reason),
                    PartWord::Doubted(at) => Outcome::Doubt(at),
                    PartWord::Released => Outcome::NotSent,
                };
                if let Some((_, outcomes)) = self.passes.get_mut(usize::from(part.pass)) {
                    outcomes.tell_part(part.ordinal, part.delta, outcome);
                }
                return;
            }
        };
        if let Some((_, outcomes)) = self.passes.get_mut(usize::from(range.pass)) {
            outcomes.tell(range.first, u64::from(range.count), word);
        }
    }

    /// Returns the words of a refusal.
    fn words(&self, pass: u16, number: u32) -> Text {
        let words = self.reasons.get(&(pass, number)).cloned();
        words.unwrap_or_else(|| "refused without a reason".into())
    }

    /// Returns when each lane was last sent into.
    fn last_sends(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.passes
            .iter()
            .filter_map(|(lane, outcomes)| Some((lane.as_str(), outcomes.last_send()?)))
    }

    /// Returns a resource's changes with what became of each, in the order of their keys; none where the run had
    /// none for it.
    fn changes(&self, address: &Address) -> Result<Changes, Error> {
        let parts = self.parts.get(address).into_iter().flatten();
        let streams = parts.map(|part| self.part(part));
        Ok(woven(streams.collect::<Result<Vec<_>, _>>()?))
    }

    fn part(&self, part: &Part) -> Result<Changes, Error> {
        let (pass, number, at) = (part.pass, part.number, usize::from(part.pass));
        let outcomes = self.passes[at].1.clone();
        let later = at > 0 && self.passes[at - 1].0 == self.passes[at].0;
        // A handle of its own: several streams of one part are read side by side.
        let mut ordinals = BufReader::new(part.ordinals.reopen().map_err(scratch)?);
        let changes = DeltaReader::open(&part.delta)?.map(move |change| {
            let mut ordinal = [0; 8];
            let change = change?;
            ordinals.read_exact(&mut ordinal).map_err(scratch)?;
            let outcome = outcomes.of_part(u64::from_le_bytes(ordinal), number);
            let told = RowOutcome {
                pass,
                later,
                outcome,
            };
            Ok((change, told))
        });
        Ok(Box::new(changes))
    }

    /// Returns what Braze refused of a resource.
    fn refusals(
        &self,
        address: &Address,
    ) -> Result<impl Iterator<Item = Result<Refusal, Error>>, Error> {
        Ok(self.changes(address)?.filter_map(move |row| {
            let (change, told) = match row {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            let Outcome::Refused(number) = told.outcome else {
                return None;
            };
            Some(Ok(Refusal {
                address: address.clone(),
                key: change.key,
                amplitude_id: change.amplitude_id,
                verb: change.verb,
                value: change.after,
                reason: self.words(told.pass, number),
                at: self.refused_at,
                run: self.run.clone(),
            }))
        }))
    }
}

/// Returns the header that the journal of a pending run has.
pub(super) fn header_of(pending: &Pending) -> journal::Header {
    let deltas = |pass: &PendingPass| {
        pass.parts
            .iter()
            .map(|part| (part.address.clone(), part.delta.clone()))
            .collect()
    };
    let passes = pending.passes.iter().map(|pass| journal::HeaderPass {
        lane: pass.lane.clone(),
        deltas: deltas(pass),
    });
    journal::Header {
        run: pending.run.clone(),
        plan: pending.plan.clone(),
        passes: passes.collect(),
    }
}

/// Writes the rows of a resource that are set aside now: those that waited, and those that Braze refused in the run.
fn aside(
    store: &Store,
    fold: &Fold,
    address: &Address,
    waiting: Option<&SetAside>,
) -> Result<Option<(Draft, SetAside)>, Error> {
    let waiting: Box<dyn Iterator<Item = Result<Refusal, Error>>> = match waiting {
        Some(aside) => Box::new(RefusalReader::open(&store.blob(&aside.blob)?)?),
        None => Box::new(std::iter::empty()),
    };
    let mut aside = Waiting::new(store);
    for row in Join::new(waiting, fold.refusals(address)?) {
        match row? {
            Joined::Left(refusal) | Joined::Right(refusal) | Joined::Both(_, refusal) => {
                aside.push(&refusal)?;
            }
        }
    }
    aside.finish()
}

/// Returns the rows of a resource as they are after the run.
fn rows(
    store: &Store,
    fold: &Fold,
    known: Option<&Entry>,
    address: &Address,
) -> Result<Rows, Error> {
    let (ledger, changes) = (ledger(store, known)?, fold.changes(address)?);
    let run = fold.run.clone();
    let folded = Join::new(ledger, changes).filter_map(move |row| {
        let row = match row {
            Ok(Joined::Left(record)) => Some(record),
            Ok(Joined::Right((change, told))) => {
                decide::fold(None, change, told.outcome, told.later, &run)
            }
            Ok(Joined::Both(record, (change, told))) => {
                decide::fold(Some(record), change, told.outcome, told.later, &run)
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
fn ordinals(directory: &Path, deltas: &[PathBuf]) -> Result<Vec<NamedTempFile>, Error> {
    let files = deltas
        .iter()
        .map(|_| state::temporary_file(directory).map(BufWriter::new))
        .collect::<Result<Vec<_>, _>>();
    let mut files = files?;
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
