//! Reads hours of the Export API into the cache: each archive once, for every log that wants any of its hours.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    LogSubject, Reading, Unit,
    stream::{Bounds, due},
};
use crate::{
    amplitude,
    diff::cursor::{ranges, serves},
    engine::{Error, Refresh, Session},
    kinds::{LogSource, TakesLines},
    model::{Address, Cursor, Event, Hour, Millis, number},
    state::{
        self,
        gathered::{About, Gathered, Gathering},
    },
};

/// Hours that are asked for at once: what a break of the network costs.
const AT_ONCE: i64 = 24;

/// Where the lines of one hour go, for one log.
struct Wish {
    takes: Arc<dyn TakesLines>,
    path: std::path::PathBuf,
}

/// Returns the hours of each log that are due, read. Where nothing is read live, those that were read before.
pub(super) async fn read(
    session: &Session,
    bounds: &Bounds,
    subjects: &[LogSubject<'_>],
) -> Result<BTreeMap<Address, Reading>, Error> {
    let mut read = BTreeMap::<Address, Reading>::new();
    let mut unread = BTreeMap::<Address, u64>::new();
    round(session, bounds, subjects, (&mut read, &mut unread)).await?;
    if session.how.refresh != Refresh::None {
        // What was read may tell of data after hours that were read for the last time when there was none: once more, now.
        round(session, bounds, subjects, (&mut read, &mut unread)).await?;
    }
    for (address, hours) in unread {
        if let Some(reading) = read.get_mut(&address) {
            reading.unread = Some(match hours {
                1 => "1 hour is due and was not read, since nothing is read live".to_owned(),
                hours => format!(
                    "{} hours are due and were not read, since nothing is read live",
                    number(hours)
                ),
            });
        }
    }
    for reading in read.values_mut() {
        reading.units.sort_by_key(|unit| unit.hour);
    }
    Ok(read)
}

/// Reads the hours that are due by what was read so far, and that were not read then.
async fn round(
    session: &Session,
    bounds: &Bounds,
    subjects: &[LogSubject<'_>],
    (read, unread): (&mut BTreeMap<Address, Reading>, &mut BTreeMap<Address, u64>),
) -> Result<(), Error> {
    let mut missing = BTreeMap::<Hour, Vec<Wish>>::new();
    let mut wanted = vec![];
    let now = session.clock.millis();
    for subject in subjects {
        let LogSource::Hours { takes, .. } = &subject.stream.source else {
            continue;
        };
        let log = subject.entry.and_then(|entry| entry.log.as_ref());
        let known = Cursor::hours(log.map(|log| &log.cursor));
        let nothing = || Reading {
            units: vec![],
            unread: None,
        };
        let reading = read
            .entry(subject.resource.address.clone())
            .or_insert_with(nothing);
        let with_data = reading.units.iter().filter(|unit| unit.about.found > 0);
        let data = with_data.map(|unit| unit.hour).max();
        let done: BTreeSet<Hour> = reading.units.iter().map(|unit| unit.hour).collect();
        let due = due(session, bounds, subject, data);
        for hour in due.into_iter().filter(|hour| !done.contains(hour)) {
            let path = subject.path(session, &hour.to_string())?;
            let kept = Gathered::open(&path)?;
            let fits =
                kept.is_some_and(|kept| serves(hour, kept.about.at, now, known.open.get(&hour)));
            if !fits {
                let takes = Arc::clone(takes);
                let path = path.clone();
                missing.entry(hour).or_default().push(Wish { takes, path });
            }
            wanted.push((&subject.resource.address, hour, path));
        }
    }
    if session.how.refresh != Refresh::None {
        download(session, missing).await?;
    }
    for (address, hour, path) in wanted {
        // What was not read, since nothing is read live, is still due the next time.
        let Some(kept) = Gathered::open(&path)? else {
            *unread.entry(address.clone()).or_default() += 1;
            continue;
        };
        if let Some(reading) = read.get_mut(address) {
            reading.units.push(Unit {
                name: hour.to_string().into(),
                hour,
                size: 0,
                path,
                about: kept.about,
            });
        }
    }
    Ok(())
}

async fn download(session: &Session, mut missing: BTreeMap<Hour, Vec<Wish>>) -> Result<(), Error> {
    if missing.is_empty() {
        return Ok(());
    }
    let hours = missing.len() as u64;
    session.events.tell(Event::ReadingHours { hours }).await;
    let mut done = 0;
    let spans = ranges(missing.keys().copied()).into_iter();
    let spans = spans.flat_map(|(from, to)| {
        let starts = (from.0..=to.0).step_by(AT_ONCE as usize);
        starts.map(move |start| (Hour(start), Hour((start + AT_ONCE - 1).min(to.0))))
    });
    for (from, to) in spans {
        let at = session.clock.millis();
        let directory = session.store.cache()?;
        let each = async |from: Hour, to: Hour, archive| {
            let mut wishes = missing.split_off(&from);
            missing.append(&mut wishes.split_off(&to.next()));
            done += wishes.len() as u64;
            let gathered = tokio::task::spawn_blocking(move || gather(archive, &wishes, at));
            let events = gathered.await.map_err(|_| Error::Worker)??;
            session
                .events
                .tell(Event::HoursRead {
                    hours: done,
                    events,
                })
                .await;
            Ok::<(), Error>(())
        };
        session
            .amplitude
            .export_halved(from, to, &directory, each)
            .await?;
    }
    Ok(())
}

/// Takes an archive apart, into a file for each hour and log. Returns how many events it held.
fn gather(
    archive: Option<amplitude::Archive>,
    wishes: &BTreeMap<Hour, Vec<Wish>>,
    at: Millis,
) -> Result<u64, Error> {
    let (mut events, mut found) = (0, BTreeSet::new());
    let mut open: Option<(Hour, Vec<(Arc<dyn TakesLines>, Gathering)>)> = None;
    if let Some(mut archive) = archive {
        archive.each(|hour, line| {
            if open.as_ref().is_none_or(|(current, _)| *current != hour) {
                finish(open.take())?;
                if !found.insert(hour) {
                    return Err(Error::Mixed);
                }
                let own = wishes.get(&hour).into_iter().flatten();
                let begun = own.map(|wish| {
                    let gathering = Gathering::begin(&wish.path, at)?;
                    Ok((Arc::clone(&wish.takes), gathering))
                });
                open = Some((hour, begun.collect::<Result<_, state::Error>>()?));
            }
            events += 1;
            for (takes, gathering) in open.iter_mut().flat_map(|(_, gatherings)| gatherings) {
                gathering.take(takes.take(line))?;
            }
            Ok::<(), Error>(())
        })?;
    }
    finish(open)?;
    for (_, own) in wishes.iter().filter(|(hour, _)| !found.contains(hour)) {
        for wish in own {
            Gathering::begin(&wish.path, at)?.finish()?;
        }
    }
    Ok(events)
}

fn finish(open: Option<(Hour, Vec<(Arc<dyn TakesLines>, Gathering)>)>) -> Result<(), state::Error> {
    let gatherings = open.into_iter().flat_map(|(_, gatherings)| gatherings);
    let finished: Result<Vec<About>, _> = gatherings
        .map(|(_, gathering)| gathering.finish())
        .collect();
    finished.map(drop)
}
