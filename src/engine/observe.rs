//! Reads the cohorts that a plan needs, each at most once, and only those that moved.
//!
//! # Expected flow
//! 1. A relation in the cache, of this stamp and young enough: nothing is asked.
//! 2. A request that was made for this stamp and still lives (seven days): its file is fetched again, free.
//! 3. Else one download is spent. The request is remembered before its file is read, so a kill wastes nothing.
//! 4. After all files the list is read again; the newer stamp is kept, and each file compared with the size there.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

use super::{Error, Refresh, Session, listed};
use crate::{
    amplitude::{self, CohortFile, FileError},
    http::Failure,
    model::{BadKey, Cohort, Event, Key, Millis},
    state::{self, relation, runs::Sorter},
};

/// How long a request's link lives (Behavioral Cohorts page).
const REQUEST_LIVES: Duration = Duration::from_hours(167);
/// Bytes that one sort may hold.
const SORT_BUDGET: usize = 48 << 20;
/// Tries to read a file whose bytes were garbled.
const FILE_TRIES: u32 = 5;
/// Pieces of a body between the network and the sorter.
const PIECES: usize = 16;
/// Share of a cohort's size by which its file may differ.
const TOLERANCE: f64 = 0.01;

/// A cohort that was read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Where its rows are.
    pub(super) path: PathBuf,
    /// What is known of them.
    pub(super) about: relation::About,
    /// `lastComputed` of what was read.
    pub(super) computed: Option<i64>,
}

/// What a plan learnt about cohorts.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// By cohort id.
    pub(super) by_cohort: BTreeMap<String, Reading>,
    /// The list as it was last read.
    pub(super) list: Vec<Cohort>,
    /// Downloads spent.
    pub(super) downloads: u64,
    /// Cohorts that could not be read, and why.
    pub(super) failed: BTreeMap<String, String>,
}

/// A request that was made.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: String,
    stamp: Option<i64>,
    at: Millis,
}

/// Reads these cohorts of the list, each with the greatest age its file may have.
pub(super) async fn read(
    session: &Session,
    list: Vec<Cohort>,
    wanted: &BTreeMap<String, Duration>,
) -> Result<Readings, Error> {
    let cache = session.store.cache()?;
    let now = session.clock.millis();
    let mut readings = Readings {
        list,
        ..Readings::default()
    };
    let kept = session.refresh == Refresh::None;
    let mut missing = vec![];
    for (id, max_age) in wanted {
        let Some(cohort) = readings.list.iter().find(|cohort| &cohort.id == id) else {
            continue;
        };
        let path = relation_path(&cache, cohort)?;
        match relation::RelationReader::open(&path)? {
            Some(known) if kept || young(known.about.read_at, now, *max_age) => {
                readings.by_cohort.insert(
                    id.clone(),
                    Reading {
                        path,
                        about: known.about,
                        computed: cohort.computed,
                    },
                );
            }
            _ => missing.push((cohort.clone(), *max_age)),
        }
    }
    if kept {
        let words = |cohort: &Cohort| {
            let name = &cohort.name;
            format!(
                "the people of cohort \"{name}\" are not kept here, and nothing live was to be read"
            )
        };
        let missing = missing.iter();
        readings.failed = missing
            .map(|(cohort, _)| (cohort.id.clone(), words(cohort)))
            .collect();
        return Ok(readings);
    }
    if missing.is_empty() {
        return Ok(readings);
    }
    let sorting = Semaphore::new(1);
    let fetched: Vec<(Cohort, Result<Fetched, Error>)> = stream::iter(missing)
        .map(async |(cohort, max_age)| {
            let fetched = fetch(session, &cache, &cohort, max_age, &sorting).await;
            (cohort, fetched)
        })
        .buffer_unordered(session.amplitude.at_once())
        .collect()
        .await;
    readings.list = listed::live(session).await?;
    for (before, fetched) in fetched {
        let Fetched { about, path, spent } = match fetched {
            Ok(fetched) => fetched,
            Err(error) if error.is_of_one_cohort() => {
                readings.failed.insert(before.id, error.to_string());
                continue;
            }
            Err(error) => return Err(error),
        };
        readings.downloads += spent;
        // One that vanished meanwhile is as it was.
        let after = readings
            .list
            .iter()
            .find(|cohort| cohort.id == before.id)
            .unwrap_or(&before)
            .clone();
        let fits = |size: u64| about.file_rows.abs_diff(size) as f64 <= size as f64 * TOLERANCE;
        // A cohort that was recomputed on the way may have been read before or after.
        if !fits(after.size) && !fits(before.size) {
            state::remove_file(&path)?;
            let error = Error::Size {
                cohort: before.name,
                rows: about.file_rows,
                size: after.size,
            };
            readings.failed.insert(before.id, error.to_string());
            continue;
        }
        let kept = relation_path(&cache, &after)?;
        if kept != path {
            state::rename_file(&path, &kept)?;
        }
        readings.by_cohort.insert(
            before.id,
            Reading {
                path: kept,
                about,
                computed: after.computed,
            },
        );
    }
    Ok(readings)
}

/// A file that was read and sorted.
struct Fetched {
    about: relation::About,
    path: PathBuf,
    /// Downloads it cost.
    spent: u64,
}

/// Returns whether something read then is young enough; a clock that went back makes nothing young.
pub(super) fn young(read_at: Millis, now: Millis, max_age: Duration) -> bool {
    u64::try_from(now - read_at).is_ok_and(|age| u128::from(age) <= max_age.as_millis())
}

/// Fetches one cohort: from a request that still lives, else by a new one. One file is sorted at a time, so that
/// the memory of sorting is that of one.
async fn fetch(
    session: &Session,
    cache: &Path,
    cohort: &Cohort,
    max_age: Duration,
    sorting: &Semaphore,
) -> Result<Fetched, Error> {
    session
        .events
        .tell(Event::Downloading {
            cohort: cohort.name.clone(),
            size: cohort.size,
        })
        .await;
    let life = max_age.min(REQUEST_LIVES);
    let asked = asked_before(cache, cohort)?.filter(|asked| {
        asked.stamp == cohort.computed && young(asked.at, session.clock.millis(), life)
    });
    let path = relation_path(cache, cohort)?;
    if let Some(asked) = asked {
        match download(session, cohort, &asked, &path, sorting).await {
            // A request that Amplitude has forgotten is asked anew.
            Err(Error::Amplitude(amplitude::Error::Refused {
                status: 400 | 404 | 410,
                ..
            })) => {}
            other => {
                return other.map(|about| Fetched {
                    about,
                    path,
                    spent: 0,
                });
            }
        }
    }
    let at = session.clock.millis();
    let (request, spent) = session.amplitude.request_cohort(&cohort.id).await?;
    let asked = Asked {
        request,
        stamp: cohort.computed,
        at,
    };
    let json = serde_json::to_vec(&asked).unwrap_or_default();
    state::write_file(&request_path(cache, cohort)?, &json)?;
    let about = download(session, cohort, &asked, &path, sorting).await?;
    Ok(Fetched { about, path, spent })
}

async fn download(
    session: &Session,
    cohort: &Cohort,
    asked: &Asked,
    path: &Path,
    sorting: &Semaphore,
) -> Result<relation::About, Error> {
    session.amplitude.wait_for_cohort(&asked.request).await?;
    let _turn = sorting.acquire().await.map_err(|_| Error::Worker)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match download_once(session, cohort, asked, path).await {
            Ok(about) => {
                session
                    .events
                    .tell(Event::Read {
                        cohort: cohort.name.clone(),
                        rows: about.file_rows,
                    })
                    .await;
                return Ok(about);
            }
            Err(error) => error,
        };
        match &error {
            // Bytes that were garbled on the way come whole the next time; a file that is wrong stays wrong.
            Error::File { .. } if tries < FILE_TRIES => {}
            Error::Amplitude(theirs) => match session.amplitude.again(theirs, tries) {
                Some(wait) => session.amplitude.wait(wait).await?,
                None => return Err(error),
            },
            _ => return Err(error),
        }
    }
}

async fn download_once(
    session: &Session,
    cohort: &Cohort,
    asked: &Asked,
    path: &Path,
) -> Result<relation::About, Error> {
    let stream = session.amplitude.cohort_file(&asked.request).await?;
    let (pieces, receiver) = mpsc::channel(PIECES);
    let about = relation::About::at(asked.at);
    let to = path.to_owned();
    let reader = Pieces {
        receiver,
        rest: Bytes::new(),
        ended: false,
    };
    let worker = tokio::task::spawn_blocking(move || sort(reader, about, &to));
    let streamed = stream
        .each(session.amplitude.scrubber(), async |piece| {
            // A worker that is gone says why when it is joined.
            let _ = pieces.send(Piece::Bytes(piece)).await;
            Ok::<(), Failure>(())
        })
        .await;
    if streamed.is_ok() {
        let _ = pieces.send(Piece::End).await;
    }
    drop(pieces);
    let sorted = worker.await.map_err(|_| Error::Worker)?;
    streamed.map_err(amplitude::Error::from)?;
    sorted.map_err(|failed| match failed {
        Sorting::File(source) => Error::File {
            cohort: cohort.name.clone(),
            source,
        },
        Sorting::State(error) => error.into(),
    })
}

enum Piece {
    Bytes(Bytes),
    End,
}

enum Sorting {
    File(FileError),
    State(state::Error),
}

fn sort(
    pieces: Pieces,
    mut about: relation::About,
    path: &Path,
) -> Result<relation::About, Sorting> {
    let mut file = CohortFile::open(pieces).map_err(Sorting::File)?;
    let mut sorter = Sorter::new(path.parent().unwrap_or(Path::new(".")), SORT_BUDGET);
    while let Some(row) = file.next_row().map_err(Sorting::File)? {
        about.file_rows += 1;
        match Key::external(row.user_id) {
            Ok(key) => sorter
                .push(key.bytes(), row.amplitude_id, b"")
                .map_err(Sorting::State)?,
            Err(BadKey::Empty) => about.no_identifier += 1,
            Err(_) => about.bad_identifier += 1,
        }
    }
    relation::write(path, sorter, about).map_err(Sorting::State)
}

/// The pieces of a body as a reader; one that stops before its end is an error, not an end.
struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    rest: Bytes,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.rest = bytes,
                Some(Piece::End) => self.ended = true,
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

fn relation_path(cache: &Path, cohort: &Cohort) -> Result<PathBuf, Error> {
    let stamp = cohort
        .computed
        .map_or_else(|| "none".to_owned(), |stamp| stamp.to_string());
    Ok(state::directory(&cache.join("relations"))?
        .join(format!("{}-{stamp}-external_id.rows", safe(&cohort.id))))
}

fn request_path(cache: &Path, cohort: &Cohort) -> Result<PathBuf, Error> {
    Ok(state::directory(&cache.join("requests"))?.join(format!("{}.json", safe(&cohort.id))))
}

fn asked_before(cache: &Path, cohort: &Cohort) -> Result<Option<Asked>, Error> {
    let bytes = state::read_file(&request_path(cache, cohort)?)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// An id as a file's name: what is not a letter or digit is written by its code, so that no two ids meet.
fn safe(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("_{:x}_", u32::from(c))
            }
        })
        .collect()
}
