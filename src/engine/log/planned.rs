//! What a plan says of a log that was read, and the file of events that an apply sends.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    LogSubject, LogWork, Reading as Read, Unit,
    stream::{fulfilled, resting},
};
use crate::{
    diff::{
        batch,
        cursor::{self, Reading},
        fields, guard,
    },
    engine::{
        Error,
        draft::Drafting,
        meaning,
        send::Road,
        subject::{beside, is_protected},
    },
    kinds::LogSource,
    model::{
        Cursor, FileRead, Guards, LogEvent, Millis, Text,
        digest::hex,
        plan::{Action, Cost, FieldChange, LogPlan, ResourcePlan},
    },
    state::{
        self,
        events::{EventReader, EventWriter},
        gathered::Gathered,
        manifest::{Entry, LogEntry},
        seen::SeenReader,
        store::Draft,
        winnow::{Winnow, Winnowed},
    },
};

/// People counted one by one; past it, there are many.
const PEOPLE: usize = 1_000_000;
/// The reason of an event that was met before among those that were read.
const TWICE: &str = "duplicate";

/// The events that are sent, and what was counted of them.
struct Outbox {
    events: Option<Draft>,
    /// Digest of which they are and what they say.
    digest: String,
    data_points: u64,
    seconds: f64,
}

impl LogSubject<'_> {
    /// What a plan says of it.
    pub(super) fn planned(
        &self,
        action: Action,
        fields: Vec<FieldChange>,
        log: LogPlan,
        cost: Option<Cost>,
    ) -> ResourcePlan {
        let (address, kind) = (&self.resource.address, &self.resource.kind);
        ResourcePlan {
            fields,
            log: Some(log),
            cost,
            ..ResourcePlan::of(address, kind, action, self.stream.title.clone())
        }
    }

    fn fields(&self) -> Vec<FieldChange> {
        let Some(entry) = self.entry else {
            return vec![];
        };
        let mut changes = fields::changes(&entry.config, &self.stream.config);
        changes.extend(beside(self.resource, Some(entry), self.moved));
        changes
    }

    fn log(&self) -> Option<&LogEntry> {
        self.entry.and_then(|entry| entry.log.as_deref())
    }

    /// The cursor once all of this was sent.
    fn advanced(&self, units: &[Unit], now: Millis) -> Cursor {
        let known = self.log().map(|log| &log.cursor);
        match &self.stream.source {
            LogSource::Hours { start, stop, .. } => {
                let bounds = cursor::Bounds {
                    start: start.as_millisecond(),
                    stop: stop.map(Timestamp::as_millisecond),
                };
                let reading = |unit: &Unit| Reading {
                    at: unit.about.at,
                    data: unit.about.found > 0,
                };
                let readings: BTreeMap<_, _> = units
                    .iter()
                    .map(|unit| (unit.hour, reading(unit)))
                    .collect();
                Cursor::Hours(cursor::advanced(&Cursor::hours(known), bounds, &readings))
            }
            LogSource::Files { .. } => {
                let read = |unit: &Unit| FileRead {
                    hour: unit.hour,
                    size: unit.size,
                };
                let files: BTreeMap<_, _> = units
                    .iter()
                    .map(|unit| (unit.name.to_string(), read(unit)))
                    .collect();
                Cursor::Files(cursor::files_advanced(&Cursor::files(known), &files, now))
            }
        }
    }
}

impl Drafting<'_> {
    /// Plans a log of which this was read.
    pub(in crate::engine) async fn plan_log(
        &mut self,
        subject: &LogSubject<'_>,
        Read { units, unread }: Read,
    ) -> Result<LogWork, Error> {
        let session = self.session;
        let mut leases = session.sorting.leases(2).await.into_iter();
        let (Some(first), Some(second)) = (leases.next(), leases.next()) else {
            return Err(Error::Worker);
        };
        let directory = session.store.cache()?;
        let (winnowed, mut log, outbox) = tokio::task::block_in_place(|| {
            let mut winnow = Winnow::new(&directory, first);
            if let Some(seen) = subject.log().and_then(|log| log.seen.as_ref()) {
                for id in SeenReader::open(&self.file(&seen.blob)?)? {
                    winnow.sent(id?.0)?;
                }
            }
            for (unit, place) in units.iter().zip(0..) {
                let kept = Gathered::open(&unit.path)?.ok_or_else(|| swept(unit))?;
                for row in kept {
                    winnow.read(&row?, place)?;
                }
            }
            let winnowed = winnow.finish(&directory, second)?;
            let mut log = counted(subject, &units);
            let outbox = self.outbox(subject, &units, &winnowed, &mut log)?;
            Ok::<_, state::Error>((winnowed, log, outbox))
        })?;
        log.sent_before = winnowed.sent_before;
        if winnowed.twice > 0 {
            log.skipped.insert(TWICE.to_owned(), winnowed.twice);
        }
        let fields = subject.fields();
        let action = match subject.entry {
            None => Action::Create,
            Some(_) if !fields.is_empty() || log.sent > 0 => Action::Update,
            Some(_) => Action::NoOp,
        };
        let mut next = subject.entry.cloned().unwrap_or_else(|| {
            Entry::begun(
                &subject.resource.kind,
                subject.stream.config.clone(),
                session.clock.now(),
            )
        });
        let address = &subject.resource.address;
        next.kind.clone_from(&subject.resource.kind);
        next.config.clone_from(&subject.stream.config);
        next.written = Some(meaning::written(subject.resource));
        next.protect = is_protected(subject.resource);
        next.fulfilled = Some(fulfilled(subject)).filter(|_| unread.is_none());
        next.applied_at = session.clock.now();
        let known = next.log.take();
        next.log = Some(Box::new(LogEntry {
            cursor: subject.advanced(&units, session.clock.millis()),
            seen: known.as_ref().and_then(|log| log.seen.clone()),
            // What is released leaves once it was sent, as the journal tells.
            parked: known.as_ref().and_then(|log| log.parked.clone()),
            acknowledged: known.as_ref().map_or(0, |log| log.acknowledged),
            maybe_double: known.as_ref().map_or(0, |log| log.maybe_double),
            sent_again: subject.stream.sent_again,
        }));
        self.note(address, meaning::of_log(subject.resource, &outbox.digest));
        let cost = Cost {
            data_points: outbox.data_points,
            full_push_data_points: outbox.data_points,
            new_users: 0,
        };
        let count = log.sent;
        self.plan.cost.requests += log.requests;
        self.plan.cost.data_points += cost.data_points;
        let own = subject.resource.settings.guards.clone().unwrap_or_default();
        let shared = &session.configuration.guards;
        // As of tables: a limit of data points of the workspace is about the whole apply.
        let guards = Guards {
            max_data_points: own.max_data_points,
            ..own.over(shared)
        };
        let guards = guard::check_log(&guards, &log, cost.data_points);
        let planned = subject.planned(action, fields, log, Some(cost));
        self.plan.resources.push(ResourcePlan {
            guards,
            note: unread,
            ..planned
        });
        Ok(LogWork {
            address: address.clone(),
            lane: subject.stream.lane.clone(),
            events: outbox.events,
            count,
            seconds: outbox.seconds,
            sent_again: subject.stream.sent_again,
            next: Some(next),
        })
    }

    /// Writes what is sent: what was released first, then what was read.
    fn outbox(
        &self,
        subject: &LogSubject,
        units: &[Unit],
        winnowed: &Winnowed,
        log: &mut LogPlan,
    ) -> Result<Outbox, state::Error> {
        let braze = &self.session.configuration.braze;
        let road = Road::of(&subject.stream.lane, braze.objects_per_request);
        let mut batches = batch::Counter::new(road.most);
        let (mut people, hasher) = (HashSet::new(), RandomState::new());
        let (mut digest, mut data_points) = (Sha256::new(), 0);
        let mut writer: Option<EventWriter<_>> = None;
        let names: Vec<Text> = units.iter().map(|unit| unit.name.clone()).collect();
        let due = winnowed.rows().map(|row| {
            let (place, row) = row?;
            Ok(LogEvent {
                row,
                unit: names[place as usize].clone(),
                hour: units[place as usize].hour,
                parked: None,
            })
        });
        for event in self.released(subject)?.chain(due) {
            let event = event?;
            let row = &event.row;
            log.sent += 1;
            log.purchases += u64::from(row.purchase);
            log.released += u64::from(event.parked.is_some());
            data_points += u64::from(row.data_points);
            if people.len() < PEOPLE {
                people.insert(hasher.hash_one(&row.key));
            }
            let at = Timestamp::from_millisecond(row.at).ok();
            log.first = [log.first, at].into_iter().flatten().min();
            log.last = log.last.max(at);
            batches.take(row.body.len());
            digest.update(row.id.bytes());
            digest.update((row.body.len() as u64).to_le_bytes());
            digest.update(row.body.as_bytes());
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(EventWriter::new(
                    self.session.store.draft()?,
                    &subject.resource.address,
                )?),
            };
            writer.push(&event)?;
        }
        log.people = people.len() as u64;
        log.requests = batches.finish();
        let pace = road.per_second(braze.use_at_most / 100.0);
        let seconds = log.requests as f64 / pace;
        log.seconds = seconds.ceil() as u64;
        let events = writer.map(|writer| writer.finish()?.finish());
        Ok(Outbox {
            events: events.transpose()?,
            digest: hex(&digest.finalize()),
            data_points,
            seconds,
        })
    }

    /// Opens parked events that somebody released.
    fn released(
        &self,
        subject: &LogSubject,
    ) -> Result<Box<dyn Iterator<Item = Result<LogEvent, state::Error>>>, state::Error> {
        let parked = subject.log().and_then(|log| log.parked.as_ref());
        let Some(parked) = parked.filter(|parked| parked.released > 0) else {
            return Ok(Box::new(std::iter::empty()));
        };
        let events = EventReader::open(&self.file(&parked.blob)?)?;
        let released = |event: &Result<LogEvent, state::Error>| match event {
            Ok(event) => event.parked.as_ref().is_some_and(|parked| parked.released),
            Err(_) => true,
        };
        Ok(Box::new(events.filter(released)))
    }
}

/// What was read, before anything was winnowed.
fn counted(subject: &LogSubject, units: &[Unit]) -> LogPlan {
    let mut log = LogPlan {
        creates_people: subject.stream.create_users,
        ..resting(subject.entry)
    };
    match &subject.stream.source {
        LogSource::Hours { .. } => log.hours = units.len() as u64,
        LogSource::Files { .. } => log.files = units.len() as u64,
    }
    let ranges = cursor::ranges(units.iter().map(|unit| unit.hour));
    log.ranges = ranges
        .iter()
        .map(|(from, to)| [from.to_string(), to.to_string()])
        .collect();
    for unit in units {
        log.found += unit.about.found;
        log.filtered += unit.about.filtered;
        for (reason, count) in &unit.about.trimmed {
            *log.trimmed.entry(reason.clone()).or_default() += count;
        }
        for (reason, count) in &unit.about.skipped {
            *log.skipped.entry(reason.clone()).or_default() += count;
        }
    }
    log
}

fn swept(unit: &Unit) -> state::Error {
    state::Error::Corrupt {
        path: unit.path.clone(),
        what: "it was swept meanwhile; plan again".to_owned(),
    }
}
