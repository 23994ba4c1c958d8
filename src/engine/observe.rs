//! Reads the cohorts that a plan needs, each at most once, and only those that moved.
//!
//! # Expected flow
//! 1. A relation in the cache, of this stamp and mapping, with all columns and young enough: nothing is asked.
//! 2. A request that was made for this stamp, with the columns needed now, and still lives (seven days): its file is
//!    fetched again, free.
//! 3. Else one download is spent, with the columns that any sync of the cohort needs. The request is remembered before
//!    its file is read, so a kill wastes nothing. One pass over the file sorts it once for each mapping.
//! 4. After all files the list is read again; the newer stamp is kept, and each file compared with the size there.

mod download;
mod last;
mod readings;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use self::download::{Sorted, Wish, download};
use super::{Error, Refresh, Session, listed};
use crate::{
    amplitude,
    model::{Cohort, Event, Mapping, Millis, digest},
    state::{self, relation},
};

pub(super) use self::{
    last::as_read,
    readings::{Reading, Readings, Unread},
};

/// How long a request's link lives (Behavioral Cohorts page).
const REQUEST_LIVES: Duration = Duration::from_hours(167);
/// Letters of the digest of columns in a file's name: 64 bits, since nobody chooses them.
const COLUMNS_LETTERS: usize = 16;
/// Share of a cohort's size by which its file may differ.
const TOLERANCE: f64 = 0.01;

/// What is wanted of a cohort.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The greatest age its file may have.
    pub(super) max_age: Duration,
    /// How its people are to be named, and the columns wanted of those so named.
    pub(super) mappings: BTreeMap<Mapping, BTreeSet<String>>,
    /// Property columns that any sync of it needs, selected or not: what is asked for serves them all.
    pub(super) columns: BTreeSet<String>,
}

/// A request that was made.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: String,
    stamp: Option<i64>,
    at: Millis,
    /// Property columns it was asked for.
    #[serde(default)]
    columns: BTreeSet<String>,
}

/// A cohort to be read, and the mappings that the cache lacks.
struct Missing<'a> {
    cohort: Cohort,
    wanted: &'a Wanted,
    mappings: Vec<(Mapping, BTreeSet<String>)>,
}

/// Reads these cohorts of the list.
pub(super) async fn read(
    session: &Session,
    list: Vec<Cohort>,
    wanted: &BTreeMap<String, Wanted>,
) -> Result<Readings, Error> {
    let cache = session.store.cache()?;
    let now = session.clock.millis();
    let mut readings = Readings::new(list);
    let kept = session.how.refresh == Refresh::None;
    let mut missing = vec![];
    for (id, wanted) in wanted {
        let Some(cohort) = readings
            .list
            .iter()
            .find(|cohort| &cohort.id == id)
            .cloned()
        else {
            continue;
        };
        let mut mappings = vec![];
        for (mapping, cells) in &wanted.mappings {
            // The size is compared here too: a run may have ended between a file and that comparison.
            let usable = |about: &relation::About| {
                (kept || young(about.read_at, now, wanted.max_age))
                    && fits(about, cohort.size)
                    && about.covers(cells)
            };
            match known(&cache, &cohort, mapping, cells, usable)? {
                Some(reading) => readings.note(id, mapping.clone(), Ok(reading)),
                None => mappings.push((mapping.clone(), cells.clone())),
            }
        }
        if !mappings.is_empty() {
            missing.push(Missing {
                cohort,
                wanted,
                mappings,
            });
        }
    }
    if kept {
        for Missing {
            cohort, mappings, ..
        } in missing
        {
            for (mapping, _) in mappings {
                readings.note(&cohort.id, mapping, Err(Unread::not_kept(&cohort.name)));
            }
        }
        return Ok(readings);
    }
    if missing.is_empty() {
        return Ok(readings);
    }
    let fetched: Vec<(Missing, Result<Fetched, Error>)> = stream::iter(missing)
        .map(async |missing| {
            let fetched = fetch(session, &cache, &missing).await;
            (missing, fetched)
        })
        .buffer_unordered(session.amplitude.at_once())
        .collect()
        .await;
    readings.list = listed::live(session).await?;
    for (missing, fetched) in fetched {
        let before = missing.cohort;
        let Fetched { sorted, spent } = match fetched {
            Ok(fetched) => fetched,
            Err(error) if error.is_of_one_cohort() => {
                for (mapping, _) in missing.mappings {
                    readings.note(&before.id, mapping, Err(Unread::from(&error)));
                }
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
        for ((mapping, cells), about) in missing.mappings.into_iter().zip(sorted) {
            let read = about.map_err(|source| Error::File {
                cohort: before.name.clone(),
                source,
            });
            let read = match read
                .and_then(|about| keep(&cache, (&before, &after), &mapping, &cells, about))
            {
                Err(error) if !error.is_of_one_cohort() => return Err(error),
                read => read.map_err(|error| Unread::from(&error)),
            };
            readings.note(&before.id, mapping, read);
        }
    }
    Ok(readings)
}

/// Returns whether a whole reading of a cohort as it is listed is kept that was made after that.
pub(super) fn kept_since(cache: &Path, cohort: &Cohort, since: Millis) -> Result<bool, Error> {
    let newer = |about: &relation::About| about.read_at > since && fits(about, cohort.size);
    let kept = known(cache, cohort, &Mapping::default(), &BTreeSet::new(), newer)?;
    Ok(kept.is_some())
}

/// Returns what is kept of a cohort's people: with these cells, or with more.
fn known(
    cache: &Path,
    cohort: &Cohort,
    mapping: &Mapping,
    cells: &BTreeSet<String>,
    usable: impl Fn(&relation::About) -> bool,
) -> Result<Option<Reading>, Error> {
    let own = relation_path(cache, cohort, mapping, cells)?;
    let (begin, end) = relation_ends(cohort, mapping);
    let others = state::list_files(&cache.join("relations"))?;
    let others = others.into_iter().filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        *path != own && name.is_some_and(|name| name.starts_with(&begin) && name.ends_with(&end))
    });
    for path in std::iter::once(own.clone()).chain(others) {
        let known = relation::RelationReader::open(&path)?;
        if let Some(known) = known.filter(|known| usable(&known.about)) {
            let about = known.about;
            let computed = cohort.computed;
            return Ok(Some(Reading {
                path,
                about,
                computed,
            }));
        }
    }
    Ok(None)
}

/// Keeps a relation under the newer stamp of its cohort, unless its file was cut.
fn keep(
    cache: &Path,
    (before, after): (&Cohort, &Cohort),
    mapping: &Mapping,
    cells: &BTreeSet<String>,
    about: relation::About,
) -> Result<Reading, Error> {
    let path = relation_path(cache, before, mapping, cells)?;
    // A cohort that was recomputed on the way may have been read before or after.
    if !fits(&about, after.size) && !fits(&about, before.size) {
        state::remove_file(&path)?;
        return Err(Error::Size {
            cohort: before.name.clone(),
            rows: about.file_rows,
            size: after.size,
        });
    }
    let kept = relation_path(cache, after, mapping, cells)?;
    if kept != path {
        state::rename_file(&path, &kept)?;
    }
    Ok(Reading {
        path: kept,
        about,
        computed: after.computed,
    })
}

/// Returns whether a file holds as many rows as Amplitude says.
fn fits(about: &relation::About, size: u64) -> bool {
    about.file_rows.abs_diff(size) as f64 <= size as f64 * TOLERANCE
}

/// A file that was read, and sorted once for each mapping.
struct Fetched {
    sorted: Sorted,
    /// Downloads it cost.
    spent: u64,
}

/// Returns whether something read then is young enough; a clock that went back makes nothing young.
pub(super) fn young(read_at: Millis, now: Millis, max_age: Duration) -> bool {
    u64::try_from(now - read_at).is_ok_and(|age| u128::from(age) <= max_age.as_millis())
}

/// Fetches one cohort: from a request that still lives, else by a new one.
async fn fetch(session: &Session, cache: &Path, missing: &Missing<'_>) -> Result<Fetched, Error> {
    let cohort = &missing.cohort;
    session
        .events
        .tell(Event::Downloading {
            cohort: cohort.name.clone(),
            size: cohort.size,
        })
        .await;
    let life = missing.wanted.max_age.min(REQUEST_LIVES);
    let mappings = missing.mappings.iter();
    let needed = mappings.flat_map(|(mapping, cells)| &mapping.columns() | cells);
    let needed: BTreeSet<String> = needed.collect();
    let asked = asked_before(cache, cohort)?.filter(|asked| {
        asked.stamp == cohort.computed
            && asked.columns.is_superset(&needed)
            && young(asked.at, session.clock.millis(), life)
    });
    let wishes = missing
        .mappings
        .iter()
        .map(|(mapping, cells)| {
            let path = relation_path(cache, cohort, mapping, cells)?;
            let (mapping, cells) = (mapping.clone(), cells.clone());
            Ok(Wish {
                mapping,
                cells,
                path,
            })
        })
        .collect::<Result<Vec<Wish>, Error>>()?;
    if let Some(asked) = asked {
        match download(session, cohort, &asked, &wishes).await {
            // A request that Amplitude has forgotten is asked anew.
            Err(Error::Amplitude(amplitude::Error::Refused {
                status: 400 | 404 | 410,
                ..
            })) => {}
            other => return other.map(|sorted| Fetched { sorted, spent: 0 }),
        }
    }
    let at = session.clock.millis();
    let columns = &missing.wanted.columns | &needed;
    let (request, spent) = session
        .amplitude
        .request_cohort(&cohort.id, &columns)
        .await?;
    let asked = Asked {
        request,
        stamp: cohort.computed,
        at,
        columns,
    };
    let json = serde_json::to_vec(&asked).unwrap_or_default();
    state::write_file(&request_path(cache, cohort)?, &json)?;
    let sorted = download(session, cohort, &asked, &wishes).await?;
    Ok(Fetched { sorted, spent })
}

/// Where the rows of a cohort are, by the columns that are kept of each: another process that wants others writes
/// another file. The store sweeps by this name: all up to the first dash is the cohort, all after the last the mapping.
pub(super) fn relation_path(
    cache: &Path,
    cohort: &Cohort,
    mapping: &Mapping,
    cells: &BTreeSet<String>,
) -> Result<PathBuf, Error> {
    let (begin, end) = relation_ends(cohort, mapping);
    let mut columns = digest::sha256(serde_json::json!(cells).to_string().as_bytes());
    columns.truncate(COLUMNS_LETTERS);
    Ok(state::directory(&cache.join("relations"))?.join(format!("{begin}{columns}{end}")))
}

/// Returns how the names of a cohort's files begin and end, whatever their columns.
fn relation_ends(cohort: &Cohort, mapping: &Mapping) -> (String, String) {
    let stamp = cohort
        .computed
        .map_or_else(|| "none".to_owned(), |stamp| stamp.to_string());
    let begin = format!("{}-{stamp}-", state::safe_name(&cohort.id));
    (begin, format!("-{}.rows", mapping.name()))
}

fn request_path(cache: &Path, cohort: &Cohort) -> Result<PathBuf, Error> {
    Ok(state::directory(&cache.join("requests"))?
        .join(format!("{}.json", state::safe_name(&cohort.id))))
}

fn asked_before(cache: &Path, cohort: &Cohort) -> Result<Option<Asked>, Error> {
    let bytes = state::read_file(&request_path(cache, cohort)?)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
