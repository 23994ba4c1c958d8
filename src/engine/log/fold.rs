//! What became of the events of a run, as its journal tells: which are remembered, which are parked, and how far the cursor
//! goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diff::cursor,
    engine::pending::{Fold, LogPart, Tally},
    model::{
        Address, Cursor, EventId, Hour, LogEvent, Outcome, Parked, Refusal, ResourceReport, Text,
        Verb,
    },
    state::{
        Error,
        events::{EventReader, EventWriter},
        manifest::{Entry, LogEntry, ParkedEvents, Seen},
        refusals::RefusalWriter,
        seen::{SeenReader, SeenWriter},
        store::{Draft, DraftWriter, Store},
    },
};

/// What became of a log.
pub(in crate::engine) struct Folded {
    pub(in crate::engine) report: ResourceReport,
    /// What it becomes; none where nothing ever reached the service and it is still to be created.
    pub(in crate::engine) entry: Option<Entry>,
    /// Files that the entry names.
    pub(in crate::engine) drafts: Vec<Draft>,
}

/// What becomes of one event.
enum Fate {
    /// It is remembered, and never sent again.
    Remembered,
    /// It waits for a decision.
    Parked(Parked),
    /// It is still due.
    Due,
}

/// Folds what became of a log's events into its entry.
pub(in crate::engine) fn fold(
    store: &Store,
    fold: &Fold,
    part: &LogPart,
    (address, known, next): (&Address, Option<&Entry>, &Entry),
    refused: &mut Option<RefusalWriter<DraftWriter>>,
) -> Result<Folded, Error> {
    let log = next.log.as_deref();
    let sent_again = log.is_some_and(|log| log.sent_again);
    let mut report = counted(fold, part, address)?;
    if sent_again {
        report.maybe_double = part.perhaps_twice();
    } else {
        report.parked = report.doubt;
    }
    report.passed = report.refused();
    let nothing = report.acknowledged + report.doubt + report.refused() == 0;
    let (Some(log), false) = (log, known.is_none() && nothing) else {
        return Ok(Folded {
            report,
            entry: None,
            drafts: vec![],
        });
    };
    let known_log = known.and_then(|known| known.log.as_deref());
    let left = left(part, sent_again)?;
    let cursor = held(log, known_log, &left);
    let mut drafts = vec![];
    let remembered = remembered(&cursor);
    let mut seen = SeenWriter::new(store.draft()?)?;
    let mut keep = |id: EventId, hour: Hour| {
        if hour < remembered && !is_open(&cursor, hour) {
            return Ok(());
        }
        seen.push(id, hour)
    };
    if let Some(before) = known_log.and_then(|log| log.seen.as_ref()) {
        for row in SeenReader::open(&store.blob(&before.blob)?)? {
            let (id, hour) = row?;
            keep(id, hour)?;
        }
    }
    let mut parked = ParkedWriter::new(store, address);
    if let Some(before) = known_log.and_then(|log| log.parked.as_ref()) {
        for event in EventReader::open(&store.blob(&before.blob)?)? {
            let event = event?;
            if event.parked.as_ref().is_some_and(|parked| !parked.released) {
                parked.push(&event)?;
            }
        }
    }
    for event in part.events()? {
        let (ordinal, event, outcome) = event?;
        if let Outcome::Refused(number) = outcome {
            let writer = match &mut *refused {
                Some(writer) => writer,
                none => none.insert(RefusalWriter::new(store.draft()?)?),
            };
            writer.push(&refusal(fold, part, address, &event, number))?;
        }
        // What was released is remembered already.
        let first = event.parked.is_none();
        match fate(fold, part, sent_again, &event, ordinal, outcome) {
            Fate::Remembered if first => keep(event.row.id, event.hour)?,
            Fate::Remembered | Fate::Due => {}
            Fate::Parked(why) => {
                if first {
                    keep(event.row.id, event.hour)?;
                }
                parked.push(&LogEvent {
                    parked: Some(why),
                    ..event
                })?;
            }
        }
    }
    let events = seen.count;
    let draft = seen.finish()?.finish()?;
    let blob = draft.digest().to_owned();
    drafts.push(draft);
    let parked = parked.finish()?;
    let (draft, parked) = parked.unzip();
    drafts.extend(draft);
    let before = |count: fn(&LogEntry) -> u64| known_log.map_or(0, count);
    let settled = report.not_sent == 0 && report.parked == report.doubt;
    let entry = Entry {
        written: if settled {
            next.written.clone()
        } else {
            known.and_then(|known| known.written.clone())
        },
        fulfilled: next.fulfilled.clone().filter(|_| settled),
        log: Some(Box::new(LogEntry {
            cursor,
            seen: Some(Seen { blob, events }),
            parked,
            acknowledged: before(|log| log.acknowledged) + report.acknowledged,
            maybe_double: before(|log| log.maybe_double) + report.maybe_double,
            sent_again,
        })),
        ..next.clone()
    };
    Ok(Folded {
        report,
        entry: Some(entry),
        drafts,
    })
}

fn fate(
    fold: &Fold,
    part: &LogPart,
    sent_again: bool,
    event: &LogEvent,
    ordinal: u64,
    outcome: Outcome,
) -> Fate {
    match outcome {
        Outcome::Acknowledged(_) | Outcome::Refused(_) => Fate::Remembered,
        Outcome::Doubt(at) if !sent_again => Fate::Parked(Parked {
            // Each log of a run has a pass of its own.
            batch: format!("{}-{}-{}", fold.run, part.pass, part.batch_of(ordinal)).into(),
            at: fold.cut_at.map_or(at, |cut| at.max(cut)),
            released: false,
        }),
        // What was released stays so until an answer comes.
        Outcome::NotSent | Outcome::Doubt(_) => match &event.parked {
            Some(released) => Fate::Parked(released.clone()),
            None => Fate::Due,
        },
    }
}

/// Counts what became of the events.
fn counted(fold: &Fold, part: &LogPart, address: &Address) -> Result<ResourceReport, Error> {
    let mut tally = Tally::default();
    for event in part.events()? {
        tally.take(fold, part.pass, event?.2);
    }
    Ok(tally.report(address))
}

/// Returns the units of which some events are still due.
fn left(part: &LogPart, sent_again: bool) -> Result<BTreeMap<Text, Hour>, Error> {
    let mut left = BTreeMap::new();
    for event in part.events()? {
        let (_, event, outcome) = event?;
        let due = match outcome {
            Outcome::NotSent => true,
            Outcome::Doubt(_) => sent_again,
            Outcome::Acknowledged(_) | Outcome::Refused(_) => false,
        };
        if due && event.parked.is_none() {
            left.insert(event.unit, event.hour);
        }
    }
    Ok(left)
}

fn held(log: &LogEntry, known: Option<&LogEntry>, left: &BTreeMap<Text, Hour>) -> Cursor {
    let known = known.map(|log| &log.cursor);
    match &log.cursor {
        Cursor::Hours(next) => {
            let hours: BTreeSet<Hour> = left.values().copied().collect();
            Cursor::Hours(cursor::held(next.clone(), &Cursor::hours(known), &hours))
        }
        Cursor::Files(next) => {
            let files = left.iter().map(|(path, hour)| (path.to_string(), *hour));
            let files = files.collect();
            Cursor::Files(cursor::files_held(
                next.clone(),
                &Cursor::files(known),
                &files,
            ))
        }
    }
}

/// Whether an hour may be read again, though it lies before those that are due.
fn is_open(cursor: &Cursor, hour: Hour) -> bool {
    match cursor {
        Cursor::Hours(cursor) => !cursor::is_closed(cursor, hour),
        Cursor::Files(_) => false,
    }
}

/// Returns the first hour whose events are remembered.
fn remembered(cursor: &Cursor) -> Hour {
    match cursor {
        Cursor::Hours(cursor) => cursor::remembered(cursor),
        Cursor::Files(cursor) => cursor::files_remembered(cursor),
    }
}

fn refusal(
    fold: &Fold,
    part: &LogPart,
    address: &Address,
    event: &LogEvent,
    number: u32,
) -> Refusal {
    Refusal {
        address: address.clone(),
        key: event.row.key.clone(),
        amplitude_id: None,
        verb: Verb::Add,
        value: Some(event.row.body.clone()),
        reason: fold.words(part.pass, number),
        at: fold.refused_at,
        run: fold.run.clone(),
    }
}

/// Writes parked events; no file where there is none.
pub(in crate::engine) struct ParkedWriter<'a> {
    store: &'a Store,
    address: &'a Address,
    writer: Option<EventWriter<DraftWriter>>,
    batches: BTreeSet<Text>,
    released: u64,
    oldest: Option<i64>,
}

impl<'a> ParkedWriter<'a> {
    pub(in crate::engine) fn new(store: &'a Store, address: &'a Address) -> Self {
        Self {
            store,
            address,
            writer: None,
            batches: BTreeSet::new(),
            released: 0,
            oldest: None,
        }
    }

    pub(in crate::engine) fn push(&mut self, event: &LogEvent) -> Result<(), Error> {
        if let Some(parked) = &event.parked {
            self.batches.insert(parked.batch.clone());
            self.released += u64::from(parked.released);
            self.oldest = Some(
                self.oldest
                    .map_or(parked.at, |oldest| oldest.min(parked.at)),
            );
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(EventWriter::new(self.store.draft()?, self.address)?),
        };
        writer.push(event)
    }

    pub(in crate::engine) fn finish(self) -> Result<Option<(Draft, ParkedEvents)>, Error> {
        let Some(writer) = self.writer else {
            return Ok(None);
        };
        let events = writer.count;
        let draft = writer.finish()?.finish()?;
        let parked = ParkedEvents {
            blob: draft.digest().to_owned(),
            events,
            batches: self.batches.len() as u64,
            released: self.released,
            oldest: self.oldest.unwrap_or_default(),
        };
        Ok(Some((draft, parked)))
    }
}
