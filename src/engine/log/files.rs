//! Reads files of Currents into the cache, a file each: what a plan read an apply does not open again.

use std::{path::PathBuf, sync::Arc};

use futures_util::{StreamExt as _, stream};

use super::{LogSubject, Unit, stream::within};
use crate::{
    braze::currents::{Error as Unreadable, Fetched, File, Location, Store},
    diff::cursor::{Ranges, is_file_due},
    engine::{Error, Refresh, Session},
    kinds::{LogSource, TakesRecords},
    model::{Cursor, Event},
    state::gathered::{About, Gathered, Gathering},
};

/// Files that are read at once: of a bucket, most of the time of a small one is the way there and back.
const AT_ONCE: usize = 4;

/// What was read, and what lies among it that is no file of Currents.
pub(super) struct Read {
    pub(super) units: Vec<Unit>,
    /// How many those are, and the paths of the first.
    pub(super) strangers: (u64, Vec<String>),
    /// Whether there is no file at all where there were some, or should be.
    pub(super) is_empty: bool,
}

/// Returns the files of a log that are due, read.
pub(super) async fn read(
    session: &Session,
    bounds: Option<&Ranges>,
    subject: &LogSubject<'_>,
) -> Result<Read, Error> {
    let mut read = Read {
        units: vec![],
        strangers: (0, vec![]),
        is_empty: false,
    };
    let LogSource::Files {
        place,
        start,
        takes,
    } = &subject.stream.source
    else {
        return Ok(read);
    };
    if session.how.refresh == Refresh::None {
        return Ok(read);
    }
    let location = Location::parse(place, &session.directory);
    let location = location.map_err(|error| Error::Currents {
        message: error.to_string(),
        hint: Some(error.hint().to_owned()),
    })?;
    let store = Store::open(&location, session.cloud.clone()).map_err(unreadable)?;
    let log = subject.entry.and_then(|entry| entry.log.as_ref());
    let cursor = Cursor::files(log.map(|log| &log.cursor));
    let from = cursor.before.max(*start);
    let listing = store.list(from, |event_type| takes.wants(event_type)).await;
    let mut listing = listing.map_err(unreadable)?;
    let (mut due, mut met) = (vec![], 0_u64);
    while let Some(file) = listing.next().await.map_err(unreadable)? {
        met += 1;
        if is_file_due(&cursor, &file.path, file.hour, file.size) && within(bounds, file.hour) {
            due.push(file);
        }
    }
    read.is_empty = met == 0;
    let strangers = listing.strangers();
    read.strangers = (strangers.count, strangers.named.clone());
    let due: Vec<_> = due
        .into_iter()
        .map(|file| kept(session, subject, file))
        .collect::<Result<_, _>>()?;
    let address = subject.resource.address.clone();
    let files = due.iter().filter(|(_, _, kept)| kept.is_none()).count() as u64;
    if files > 0 {
        let address = address.clone();
        let reading = Event::ReadingFiles { address, files };
        session.events.tell(reading).await;
    }
    let mut number = 0;
    let units = due.into_iter().map(|(file, path, kept)| async {
        match kept {
            Some(about) => Ok::<_, Error>((unit(file, path, about), false)),
            None => Ok((one(session, &store, file, path, takes).await?, true)),
        }
    });
    let mut units = stream::iter(units).buffered(AT_ONCE);
    while let Some(unit) = units.next().await {
        let (unit, is_new) = unit?;
        read.units.push(unit);
        if !is_new {
            continue;
        }
        number += 1;
        let address = address.clone();
        session.events.mention(Event::FilesRead {
            address,
            files: number,
        });
        if *session.stop.borrow() {
            return Err(Error::Stopped);
        }
    }
    Ok(read)
}

/// Says where a file's events are kept, and what is known of them if they are.
fn kept(
    session: &Session,
    subject: &LogSubject<'_>,
    file: File,
) -> Result<(File, PathBuf, Option<About>), Error> {
    let path = subject.path(session, &format!("{} {}", file.path, file.size))?;
    let about = Gathered::open(&path)?.map(|kept| kept.about);
    Ok((file, path, about))
}

fn unit(file: File, path: PathBuf, about: About) -> Unit {
    Unit {
        name: file.path.into(),
        hour: file.hour,
        size: file.size,
        path,
        about,
    }
}

/// Reads one file.
async fn one(
    session: &Session,
    store: &Store,
    file: File,
    path: PathBuf,
    takes: &Arc<dyn TakesRecords>,
) -> Result<Unit, Error> {
    let at = session.clock.millis();
    let fetched = store.fetch(&file, &session.store.cache()?).await;
    let fetched = fetched.map_err(unreadable)?;
    let (takes, to, event_type) = (Arc::clone(takes), path.clone(), file.event_type.clone());
    let gathered = tokio::task::spawn_blocking(move || {
        gather(fetched, &event_type, &*takes, Gathering::begin(&to, at)?)
    });
    let about = gathered.await.map_err(|_| Error::Worker)??;
    Ok(unit(file, path, about))
}

fn gather(
    fetched: Fetched,
    event_type: &str,
    takes: &dyn TakesRecords,
    mut gathering: Gathering,
) -> Result<About, Error> {
    for record in fetched.events().map_err(unreadable)? {
        let record = record.map_err(unreadable)?;
        gathering.take(takes.take(event_type, &record))?;
    }
    Ok(gathering.finish()?)
}

#[allow(clippy::needless_pass_by_value, reason = "an error on its way")]
fn unreadable(error: Unreadable) -> Error {
    Error::Currents {
        message: error.to_string(),
        hint: error.hint().map(str::to_owned),
    }
}
