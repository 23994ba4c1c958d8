//! Reads files of Currents into the cache, a file each: what a plan read an apply does not open again.

use std::sync::Arc;

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
    let mut due = vec![];
    while let Some(file) = listing.next().await.map_err(unreadable)? {
        if is_file_due(&cursor, &file.path, file.hour, file.size) && within(bounds, file.hour) {
            due.push(file);
        }
    }
    let strangers = listing.strangers();
    read.strangers = (strangers.count, strangers.named.clone());
    let (address, files) = (subject.resource.address.clone(), due.len() as u64);
    if files > 0 {
        let address = address.clone();
        session
            .events
            .tell(Event::ReadingFiles { address, files })
            .await;
    }
    let units = due
        .into_iter()
        .map(|file| one(session, subject, &store, file, takes));
    let mut units = stream::iter(units).buffered(AT_ONCE).zip(stream::iter(1..));
    while let Some((unit, number)) = units.next().await {
        read.units.push(unit?);
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

/// Reads one file, or finds it among what is kept.
async fn one(
    session: &Session,
    subject: &LogSubject<'_>,
    store: &Store,
    file: File,
    takes: &Arc<dyn TakesRecords>,
) -> Result<Unit, Error> {
    let path = subject.path(session, &format!("{} {}", file.path, file.size))?;
    let kept = Gathered::open(&path)?.map(|kept| kept.about);
    let about = if let Some(kept) = kept {
        kept
    } else {
        let at = session.clock.millis();
        let fetched = store.fetch(&file, &session.store.cache()?).await;
        let fetched = fetched.map_err(unreadable)?;
        let (takes, path, event_type) = (Arc::clone(takes), path.clone(), file.event_type.clone());
        let gathered = tokio::task::spawn_blocking(move || {
            gather(fetched, &event_type, &*takes, Gathering::begin(&path, at)?)
        });
        gathered.await.map_err(|_| Error::Worker)??
    };
    Ok(Unit {
        name: file.path.into(),
        hour: file.hour,
        size: file.size,
        path,
        about,
    })
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
