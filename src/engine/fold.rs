//! Recorded rows: the ledger as it is after everything that was ever sent, a run that was cut or killed included.
//!
//! Ledger, delta and outcomes of a pending run are joined row by row. Plan reads this stream, recovery and the end of an
//! apply write it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    log,
    pending::{Fold, LogPart, RowOutcome, Told, told},
};
use crate::{
    diff::{
        decide::{self, Beside},
        join::{self, Join, Joined},
        values,
    },
    model::{Address, Key, Lane, Millis, Outcome, Record, Refusal, ResourceReport},
    state::{
        Error,
        ledger::{LedgerReader, LedgerWriter},
        manifest::{Entry, LaneEntry, Manifest, Pending, SetAside},
        refusals::{AsideWriter, RefusalReader, RefusalWriter},
        store::{Draft, DraftWriter, Store},
    },
};

/// A state as it is after everything that was ever sent.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Its manifest, with no run pending.
    pub(super) manifest: Manifest,
    /// Ledgers that the manifest names and that are no blobs yet.
    pub(super) drafts: BTreeMap<Address, Draft>,
    /// What else the manifest names and is no blob yet, by digest: rows set aside, and what is remembered of logs.
    pub(super) fresh: BTreeMap<String, Draft>,
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
        let pending = manifest.pending.take();
        let mut recorded = Self {
            manifest,
            drafts: BTreeMap::new(),
            fresh: BTreeMap::new(),
            refused: None,
            resources: vec![],
        };
        let Some(pending) = pending else {
            return Ok(recorded);
        };
        let mut fold = Fold::open(store, &pending)?;
        fold.cut_at = cut.then_some(now);
        let mut refused = None;
        for (address, next) in &pending.becoming {
            recorded.take(store, &fold, address, next.as_ref(), &mut refused)?;
        }
        let refused = refused.map(|writer| writer.finish()?.finish());
        recorded.refused = refused.transpose()?;
        recorded.note_keys(&fold, &pending);
        recorded.note_sends(&fold, now, cut);
        Ok(recorded)
    }

    /// Takes in what became of one resource.
    fn take(
        &mut self,
        store: &Store,
        fold: &Fold,
        address: &Address,
        next: Option<&Entry>,
        refused: &mut Option<RefusalWriter<DraftWriter>>,
    ) -> Result<(), Error> {
        let resources = &mut self.manifest.resources;
        if let Some((part, next)) = fold.log(address).zip(next) {
            return self.take_log(store, (fold, part), address, next, refused);
        }
        if !fold.sent(address) {
            match next {
                Some(next) => resources.insert(address.clone(), next.clone()),
                None => resources.remove(address),
            };
            return Ok(());
        }
        let known = resources.get(address).cloned();
        let Told { report, removed } = told(fold, address)?;
        if known.is_none()
            && report.acknowledged + report.doubt + report.refused() + report.skipped == 0
        {
            // Nothing of it ever reached Braze: it is still to be created.
            self.resources.push(report);
            return Ok(());
        }
        let settled = report.doubt + report.not_sent == 0;
        let any_refused = report.refused() + report.skipped > 0;
        self.resources.push(report);
        if any_refused {
            let writer = match refused {
                Some(writer) => writer,
                none => none.insert(RefusalWriter::new(store.draft()?)?),
            };
            for refusal in fold.refusals(address)? {
                writer.push(&refusal?)?;
            }
        }
        let becomes = match (next, &known) {
            (Some(next), _) if settled => next.clone(),
            // What is missing or in doubt is compared again next time.
            (Some(next), known) => Entry {
                // It is still what the YAML changed, until all of it is done.
                written: known.as_ref().and_then(|known| known.written.clone()),
                fulfilled: None,
                removals_used: used(next, known.as_ref(), removed),
                ..next.clone()
            },
            // It is there until its last row is gone.
            (None, Some(known)) => Entry {
                fulfilled: None,
                ..known.clone()
            },
            (None, None) => return Ok(()),
        };
        let mut rows = rows(store, fold, known.as_ref(), &becomes, address)?.peekable();
        if next.is_none() && rows.peek().is_none() {
            self.manifest.resources.remove(address);
            return Ok(());
        }
        let aside = match becomes.set_aside.as_ref() {
            // Nobody waits and nobody joins them: the rows need not be read for it.
            None if !any_refused => None,
            waiting => aside(store, fold, address, waiting)?,
        };
        let (aside, set_aside) = aside.unzip();
        let mut becomes = Entry {
            set_aside,
            ..becomes
        };
        if settled && becomes.set_aside.is_none() {
            becomes.former_labels.clear();
        } else if let Some(known) = known.as_ref().filter(|_| becomes.on_destroy == "empty") {
            // Rows may still hold what is no longer declared, and is to be cleared.
            becomes.attributes.extend(known.attributes.iter().cloned());
        }
        let (entry, draft) = written(store, Box::new(rows), address, becomes)?;
        self.drafts.insert(address.clone(), draft);
        let aside = aside.map(|draft| (draft.digest().to_owned(), draft));
        self.fresh.extend(aside);
        self.manifest.resources.insert(address.clone(), entry);
        Ok(())
    }

    /// Takes in what became of one log.
    fn take_log(
        &mut self,
        store: &Store,
        (fold, part): (&Fold, &LogPart),
        address: &Address,
        next: &Entry,
        refused: &mut Option<RefusalWriter<DraftWriter>>,
    ) -> Result<(), Error> {
        let known = self.manifest.resources.get(address).cloned();
        let of = (address, known.as_ref(), next);
        let folded = log::fold(store, fold, part, of, refused)?;
        self.resources.push(folded.report);
        let drafts = folded.drafts.into_iter();
        self.fresh
            .extend(drafts.map(|draft| (draft.digest().to_owned(), draft)));
        if let Some(entry) = folded.entry {
            self.manifest.resources.insert(address.clone(), entry);
        }
        Ok(())
    }

    /// A key is known to be right once something was taken with it; cohort import has keys of its own.
    fn note_keys(&mut self, fold: &Fold, pending: &Pending) {
        let took = |imports: bool| {
            let took = self
                .resources
                .iter()
                .filter(|report| report.acknowledged + report.doubt > 0);
            took.filter_map(|report| fold.lane(&report.address))
                .filter(|lane| !Lane::ingests(lane) && !Lane::is_static(lane))
                .any(|lane| Lane::imports(lane) == imports)
        };
        let (tracked, imported) = (took(false), took(true));
        let target = &mut self.manifest.target;
        if tracked {
            target.braze_key.clone_from(&pending.braze_key);
        }
        if imported {
            target.import_key.clone_from(&pending.import_key);
            target.partner.clone_from(&pending.partner);
        }
    }

    fn note_sends(&mut self, fold: &Fold, now: Millis, cut: bool) {
        let doubt = self.resources.iter().any(|report| report.doubt > 0);
        // Events settle nothing: Braze keeps the time of each.
        let tables = |(lane, _): &(&str, Millis)| !Lane::is_log(lane);
        for (lane, last_send) in fold.last_sends().filter(tables) {
            let last_send = if cut && doubt {
                last_send.max(now)
            } else {
                last_send
            };
            let known = self.manifest.lanes.entry(lane.to_owned());
            let known = known.or_insert(LaneEntry { last_send });
            known.last_send = known.last_send.max(last_send);
        }
    }

    /// Returns the recorded rows of a resource.
    pub(super) fn rows(&self, store: &Store, address: &Address) -> Result<Rows, Error> {
        match self.drafts.get(address) {
            Some(draft) => Ok(Box::new(LedgerReader::open(draft.path())?)),
            None => ledger(store, self.manifest.resources.get(address)),
        }
    }

    /// Returns where a file is that the manifest names, blob or not yet.
    pub(super) fn file(&self, store: &Store, digest: &str) -> Result<PathBuf, Error> {
        match self.fresh.get(digest) {
            Some(draft) => Ok(draft.path().to_owned()),
            None => store.blob(digest),
        }
    }

    /// Returns rows that are set aside.
    pub(super) fn aside(&self, store: &Store, aside: &SetAside) -> Result<Aside, Error> {
        Ok(Box::new(RefusalReader::open(
            &self.file(store, &aside.blob)?,
        )?))
    }
}

/// Rows that are set aside.
pub(super) type Aside = join::Rows<Refusal, Error>;

/// Rows as recorded.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Record, Error>>>;

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

/// Writes the rows of a resource that are set aside now: those that waited and were not taken since, and those that
/// Braze refused in the run.
fn aside(
    store: &Store,
    fold: &Fold,
    address: &Address,
    waiting: Option<&SetAside>,
) -> Result<Option<(Draft, SetAside)>, Error> {
    let waiting: Aside = match waiting {
        Some(aside) => Box::new(RefusalReader::open(&store.blob(&aside.blob)?)?),
        None => Box::new(std::iter::empty()),
    };
    let mut aside = AsideWriter::new(store);
    for row in Join::new(waiting, fold.changes(address)?) {
        let (waited, change) = match row? {
            Joined::Left(refusal) => (Some(refusal), None),
            Joined::Right(change) => (None, Some(change)),
            Joined::Both(refusal, change) => (Some(refusal), Some(change)),
        };
        let kept = match change {
            None => waited,
            Some((change, told)) => match told.outcome {
                Outcome::Refused(number) => Some(fold.refusal(address, change, told.pass, number)),
                Outcome::Acknowledged(_) => None,
                Outcome::Doubt(_) | Outcome::NotSent => waited,
            },
        };
        if let Some(refusal) = kept {
            aside.push(&refusal)?;
        }
    }
    aside.finish()
}

/// Returns the rows of a resource as they are after the run.
fn rows(
    store: &Store,
    fold: &Fold,
    known: Option<&Entry>,
    becomes: &Entry,
    address: &Address,
) -> Result<Rows, Error> {
    let mut ledger = ledger(store, known.or(Some(becomes)))?.peekable();
    let mut changes = fold.changes(address)?.peekable();
    // Aliases and devices sort before external ids, so the first rows tell whether there are any.
    let other = |key: Option<&Key>| key.is_some_and(Key::is_other_than_external);
    let recorded = ledger.peek().and_then(|row| row.as_ref().ok());
    let sent = changes.peek().and_then(|row| row.as_ref().ok());
    let mixed =
        other(recorded.map(|record| &record.key)) || other(sent.map(|(change, _)| &change.key));
    // People of a static cohort have one identifier: nothing sent before is about whoever leaves.
    let alone = becomes.uploaded.is_some();
    let beside = move |told: &RowOutcome| match (told.later && !alone, mixed) {
        (true, _) => Beside::Before,
        (false, true) => Beside::Perhaps,
        (false, false) => Beside::Nothing,
    };
    let none = BTreeSet::new();
    let before = known.map_or(&none, |known| &known.attributes);
    // What a row holds of these is from another time, when they were declared once before.
    let fresh = known.map_or(none.clone(), |_| &becomes.attributes - before);
    let run = fold.run.clone();
    let folded = Join::new(ledger, changes).filter_map(move |row| {
        let row = match row {
            Ok(Joined::Left(record)) => Some(values::without(record, &fresh)),
            Ok(Joined::Right((change, told))) => {
                decide::fold(None, change, told.outcome, beside(&told), &run)
            }
            Ok(Joined::Both(record, (change, told))) => {
                let record = values::without(record, &fresh);
                decide::fold(Some(record), change, told.outcome, beside(&told), &run)
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
