//! A pending run as its journal tells it: which rows it was to send, and what became of each.
//!
//! The merge of each pass is run again to find which row an ordinal was.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::NamedTempFile;

use crate::{
    diff::{
        join::{self, woven},
        merge::Merge,
        outcomes::{Outcomes, Word},
        values,
    },
    model::{
        Address, Change, Lane, LogEvent, Millis, Outcome, Refusal, ResourceOutcome, ResourceReport,
        Text, UNKNOWN_THERE, Verb,
    },
    state::{
        self, Error,
        delta::DeltaReader,
        events::EventReader,
        journal::{self, PartWord},
        manifest::{Pending, PendingPass},
        store::Store,
    },
};

/// A pending run, ready to be folded.
pub(super) struct Fold {
    pub(super) run: Text,
    parts: BTreeMap<Address, Vec<Part>>,
    logs: BTreeMap<Address, LogPart>,
    passes: Vec<(String, Arc<Outcomes>)>,
    /// Words of refusals by pass and number.
    reasons: BTreeMap<(u16, u32), Text>,
    /// When refusals are dated: they carry no time of their own.
    pub(super) refused_at: Millis,
    /// Of a run that did not end by itself: when that was seen. What is in doubt may have left up to then.
    pub(super) cut_at: Option<Millis>,
}

/// A delta of a resource, and where its rows are in its pass.
struct Part {
    pass: u16,
    number: u32,
    delta: PathBuf,
    ordinals: NamedTempFile,
}

/// The events of a log that a run was to send.
pub(super) struct LogPart {
    pub(super) pass: u16,
    /// Name of its lane.
    lane: String,
    delta: PathBuf,
    outcomes: Arc<Outcomes>,
    /// First ordinals of the batches that left.
    batches: BTreeSet<u64>,
    /// How often an event left, or may have, beyond the once that was acknowledged.
    more: u64,
}

/// What a journal tells of the batches of a pass, beside what became of each object.
#[derive(Clone, Default)]
struct Tries {
    batches: BTreeSet<u64>,
    left: i64,
}

impl Tries {
    fn tell(&mut self, range: &journal::Range, word: &Word) {
        let count = i64::from(range.count);
        match word {
            Word::Intended(_) => {
                self.batches.insert(range.first);
                self.left += count;
            }
            Word::Doubted(_) => {
                self.batches.insert(range.first);
            }
            Word::Acknowledged(_) | Word::Refused(_) | Word::Released => self.left -= count,
        }
    }
}

impl LogPart {
    /// How many events may be double for it. Amplitude drops what it has already.
    pub(super) fn perhaps_twice(&self) -> u64 {
        if Lane::ingests(&self.lane) {
            0
        } else {
            self.more
        }
    }

    /// Returns the batch that an event left in.
    pub(super) fn batch_of(&self, ordinal: u64) -> u64 {
        let batch = self.batches.range(..=ordinal).next_back();
        batch.copied().unwrap_or(ordinal)
    }

    /// Returns its events with their ordinals and what became of each.
    pub(super) fn events(
        &self,
    ) -> Result<impl Iterator<Item = Result<(u64, LogEvent, Outcome), Error>> + '_, Error> {
        let events = (0..).zip(EventReader::open(&self.delta)?);
        Ok(events.map(|(ordinal, event)| Ok((ordinal, event?, self.outcomes.of(ordinal)))))
    }
}

/// What became of a row, and in which pass.
#[derive(Clone, Copy)]
pub(super) struct RowOutcome {
    pub(super) pass: u16,
    /// Whether that is the later pass of its lane.
    pub(super) later: bool,
    pub(super) outcome: Outcome,
}

pub(super) type Changes = join::Rows<(Change, RowOutcome), Error>;

impl Fold {
    /// Opens what a pending run left.
    pub(super) fn open(store: &Store, pending: &Pending) -> Result<Self, Error> {
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
            logs: BTreeMap::new(),
            passes: passes
                .map(|pass| (pass.lane.clone(), Arc::default()))
                .collect(),
            reasons: BTreeMap::new(),
            refused_at: pending.started_at.as_millisecond(),
            cut_at: None,
        };
        let mut tries = vec![Tries::default(); pending.passes.len()];
        for entry in entries {
            fold.tell(entry?, &mut tries);
        }
        for (pass, number) in pending.passes.iter().zip(0..) {
            if Lane::is_log(&pass.lane) {
                for part in &pass.parts {
                    let tries = std::mem::take(&mut tries[usize::from(number)]);
                    let part = (
                        part.address.clone(),
                        LogPart {
                            pass: number,
                            lane: pass.lane.clone(),
                            delta: store.blob(&part.delta)?,
                            outcomes: Arc::clone(&fold.passes[usize::from(number)].1),
                            batches: tries.batches,
                            more: u64::try_from(tries.left).unwrap_or(0),
                        },
                    );
                    fold.logs.extend([part]);
                }
                continue;
            }
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

    fn tell(&mut self, entry: journal::Entry, tries: &mut [Tries]) {
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
                    Arc::make_mut(outcomes).tell_part(part.ordinal, part.delta, outcome);
                }
                return;
            }
        };
        if let Some(tries) = tries.get_mut(usize::from(range.pass)) {
            tries.tell(&range, &word);
        }
        if let Some((_, outcomes)) = self.passes.get_mut(usize::from(range.pass)) {
            Arc::make_mut(outcomes).tell(range.first, u64::from(range.count), word);
        }
    }

    /// Returns whether the run had anything to send for a resource.
    pub(super) fn sent(&self, address: &Address) -> bool {
        self.parts.contains_key(address)
    }

    /// Returns the events that the run had for a log.
    pub(super) fn log(&self, address: &Address) -> Option<&LogPart> {
        self.logs.get(address)
    }

    /// Returns the lane of a resource.
    pub(super) fn lane(&self, address: &Address) -> Option<&str> {
        if let Some(log) = self.logs.get(address) {
            return Some(&log.lane);
        }
        let part = self.parts.get(address)?.first()?;
        let (lane, _) = self.passes.get(usize::from(part.pass))?;
        Some(lane)
    }

    /// Returns the words of a refusal.
    pub(super) fn words(&self, pass: u16, number: u32) -> Text {
        let words = self.reasons.get(&(pass, number)).cloned();
        words.unwrap_or_else(|| "refused without a reason".into())
    }

    /// Returns when each lane was last sent into.
    pub(super) fn last_sends(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.passes
            .iter()
            .filter_map(|(lane, outcomes)| Some((lane.as_str(), outcomes.last_send()?)))
    }

    /// Returns a resource's changes with what became of each, in the order of their keys; none where the run had
    /// none for it.
    pub(super) fn changes(&self, address: &Address) -> Result<Changes, Error> {
        let parts = self.parts.get(address).into_iter().flatten();
        let streams = parts.map(|part| self.part(part));
        Ok(woven(streams.collect::<Result<Vec<_>, _>>()?))
    }

    fn part(&self, part: &Part) -> Result<Changes, Error> {
        let (pass, number, at) = (part.pass, part.number, usize::from(part.pass));
        let outcomes = Arc::clone(&self.passes[at].1);
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
    pub(super) fn refusals(
        &self,
        address: &Address,
    ) -> Result<impl Iterator<Item = Result<Refusal, Error>>, Error> {
        Ok(self.changes(address)?.filter_map(move |row| {
            let (change, told) = match row {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            match told.outcome {
                Outcome::Refused(number) => {
                    Some(Ok(self.refusal(address, change, told.pass, number)))
                }
                _ => None,
            }
        }))
    }

    pub(super) fn refusal(
        &self,
        address: &Address,
        change: Change,
        pass: u16,
        number: u32,
    ) -> Refusal {
        Refusal {
            address: address.clone(),
            key: change.key,
            amplitude_id: change.amplitude_id,
            verb: change.verb,
            value: change.after,
            reason: self.words(pass, number),
            at: self.refused_at,
            run: self.run.clone(),
        }
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

/// What became of a resource, and how many rows went. One in doubt goes again, and counts then.
pub(super) struct Told {
    pub(super) report: ResourceReport,
    pub(super) removed: u64,
}

/// Counts what became of a resource's rows.
pub(super) fn told(fold: &Fold, address: &Address) -> Result<Told, Error> {
    let (mut tally, mut removed) = (Tally::default(), 0);
    for change in fold.changes(address)? {
        let (change, told) = change?;
        tally.take(fold, told.pass, told.outcome);
        let gone = matches!(told.outcome, Outcome::Acknowledged(_));
        let goes = change.verb == Verb::Remove || values::clears(&change);
        removed += u64::from(goes && gone);
    }
    let report = tally.report(address);
    Ok(Told { report, removed })
}

/// How many rows or events of a resource came to what.
#[derive(Default)]
pub(super) struct Tally {
    acknowledged: u64,
    doubt: u64,
    not_sent: u64,
    refused: BTreeMap<String, u64>,
    skipped: u64,
}

impl Tally {
    /// Counts one.
    pub(super) fn take(&mut self, fold: &Fold, pass: u16, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged(_) => self.acknowledged += 1,
            Outcome::Doubt(_) => self.doubt += 1,
            Outcome::NotSent => self.not_sent += 1,
            Outcome::Refused(number) => {
                let words = fold.words(pass, number).to_string();
                if words == UNKNOWN_THERE {
                    self.skipped += 1;
                    return;
                }
                *self.refused.entry(words).or_default() += 1;
            }
        }
    }

    /// Reports the counts.
    pub(super) fn report(self, address: &Address) -> ResourceReport {
        ResourceReport {
            address: address.clone(),
            outcome: self.outcome(),
            acknowledged: self.acknowledged,
            doubt: self.doubt,
            not_sent: self.not_sent,
            refused: self.refused,
            skipped: self.skipped,
            parked: 0,
            passed: 0,
            maybe_double: 0,
            changed: None,
            told: vec![],
            named: None,
        }
    }

    fn outcome(&self) -> ResourceOutcome {
        let some = (
            self.acknowledged > 0,
            self.doubt > 0,
            !self.refused.is_empty(),
            self.not_sent > 0,
        );
        match some {
            (_, false, false, false) => ResourceOutcome::Done,
            (true, ..) => ResourceOutcome::Partial,
            (false, false, false, true) => ResourceOutcome::NotAttempted,
            (false, false, true, false) => ResourceOutcome::Refused,
            (false, ..) => ResourceOutcome::Failed,
        }
    }
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
