//! The people of static cohorts: a list in a file, sorted once for each content that it has, or the members of a segment.
//!
//! # Guarantees
//! Nothing of a list is held in memory. What cannot be read as a list is an error with its place, and never fewer people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::{
    config::Resource,
    engine::{
        Error, Session,
        draft::{Drafting, scope},
        exported::people_of_segment,
        observe::{Reading, Readings, relation_path},
        subject::max_age,
    },
    kinds::{
        self, Source,
        static_cohort::list::{List, ListError},
    },
    model::{Address, BadKey, Cohort, Identity, Mapping},
    state::{
        self,
        budget::Lease,
        relation::{self, About, RelationReader},
        runs::Sorter,
    },
};

/// The people of entries that are no cohorts of Amplitude, or why they could not be read, and what to do.
#[derive(Default)]
pub(in crate::engine) struct People(BTreeMap<Address, Result<Gathered, (String, Option<String>)>>);

/// People who were read: as if they were a cohort, whose time of computing is a digest of what was read.
struct Gathered {
    cohort: Cohort,
    reading: Reading,
}

impl People {
    /// Returns the people of an entry, as if they were a cohort.
    pub(in crate::engine) fn of(
        &self,
        address: &Address,
    ) -> Result<Cohort, (String, Option<String>)> {
        match self.0.get(address) {
            Some(Ok(gathered)) => Ok(gathered.cohort.clone()),
            Some(Err(why)) => Err(why.clone()),
            None => Err(("its people were not read".to_owned(), None)),
        }
    }

    /// Puts them among what was read of cohorts.
    pub(in crate::engine) fn note(&self, readings: &mut Readings) {
        for gathered in self.0.values().flatten() {
            let (id, reading) = (&gathered.cohort.id, gathered.reading.clone());
            readings.note(id, Mapping::default(), Ok(reading));
        }
    }
}

/// Reads the people of every selected entry that is not paused.
pub(in crate::engine) async fn read(
    session: &Session,
    draft: &Drafting<'_>,
) -> Result<People, Error> {
    let mut people = People::default();
    if session.how.destroy {
        return Ok(people);
    }
    for resource in session.configuration.resources.values() {
        let paused = resource.settings.paused == Some(true);
        if paused || !draft.takes(&resource.address, &resource.kind) {
            continue;
        }
        let desired = kinds::find(resource).and_then(|kind| {
            let scope = scope(&session.configuration, draft.entry(&resource.address));
            kind.desired(resource, &scope).ok()
        });
        let gathered = match desired.map(|desired| desired.source) {
            None | Some(Source::Cohort(_)) => continue,
            Some(Source::File(file)) => of_file(session, resource, &file).await?,
            Some(Source::Segment(segment)) => of_segment(draft, resource, &segment).await?,
        };
        people.0.insert(resource.address.clone(), gathered);
    }
    Ok(people)
}

/// Why a list could not be made of a file.
enum Unlisted {
    List(ListError),
    Changed,
    State(state::Error),
}

impl From<ListError> for Unlisted {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

impl From<state::Error> for Unlisted {
    fn from(error: state::Error) -> Self {
        Self::State(error)
    }
}

impl From<std::io::Error> for Unlisted {
    fn from(error: std::io::Error) -> Self {
        Self::List(error.into())
    }
}

async fn of_file(
    session: &Session,
    resource: &Resource,
    file: &str,
) -> Result<Result<Gathered, (String, Option<String>)>, Error> {
    let path = session.directory.join(file);
    let cache = session.store.cache()?;
    let lease = session.sorting.leases(1).await.pop().ok_or(Error::Worker)?;
    let at = session.clock.millis();
    let listed = tokio::task::block_in_place(|| {
        let digest = digest(&path)?;
        let mut cohort = Cohort {
            id: resource.address.as_str().to_owned(),
            name: file.to_owned(),
            archived: false,
            size: 0,
            computed: Some(stamp(&digest)),
            project: None,
            definition: String::new(),
            computes: false,
            syncs: None,
        };
        let into = relation_path(&cache, &cohort, &Mapping::default(), &BTreeSet::new()).map_err(
            |error| match error {
                Error::State(error) => Unlisted::State(error),
                other => Unlisted::List(std::io::Error::other(other.to_string()).into()),
            },
        )?;
        let about = match RelationReader::open(&into)? {
            // The name is the content's: it is the same list.
            Some(known) => known.about.read_again(at),
            None => sort(&path, &digest, &into, lease, About::at(at))?,
        };
        cohort.size = about.file_rows;
        let reading = Reading {
            path: into,
            about,
            computed: cohort.computed,
        };
        Ok(Gathered { cohort, reading })
    });
    Ok(match listed {
        Ok(gathered) => Ok(gathered),
        Err(Unlisted::State(error)) => return Err(error.into()),
        Err(Unlisted::Changed) => Err((
            format!("{file} was changed while it was read"),
            Some("plan again once it is written".to_owned()),
        )),
        Err(Unlisted::List(ListError::Line { line, what })) => Err((
            format!("{file}:{line}: {what}"),
            Some("a list is CSV: one user id a line, or a header with a column user_id or external_id".to_owned()),
        )),
        Err(Unlisted::List(ListError::Unreadable(error))) => Err((
            format!("{file} cannot be read: {}", without_number(&error)),
            Some("`members.file` is a path from the directory of the configuration".to_owned()),
        )),
    })
}

/// Takes the people of a segment. What is wrong with the segment is wrong with this entry alone.
async fn of_segment(
    draft: &Drafting<'_>,
    resource: &Resource,
    segment: &str,
) -> Result<Result<Gathered, (String, Option<String>)>, Error> {
    let exported = match people_of_segment(draft, segment, max_age(resource)).await {
        Ok(exported) => exported,
        Err(error) if error.is_of_one_segment() => {
            let hint = error.segment_hint();
            return Ok(Err((error.to_string(), hint)));
        }
        Err(error) => return Err(error),
    };
    let Some(reader) = RelationReader::open(&exported.path)? else {
        return Ok(Err((
            format!("the export of segment \"{segment}\" is gone from the cache"),
            Some("plan again".to_owned()),
        )));
    };
    let cohort = Cohort {
        id: resource.address.as_str().to_owned(),
        name: exported.name,
        archived: false,
        size: reader.about.file_rows,
        computed: Some(exported.exported_at.div_euclid(1000)),
        project: None,
        definition: String::new(),
        computes: false,
        syncs: None,
    };
    let reading = Reading {
        path: exported.path,
        about: reader.about,
        computed: cohort.computed,
    };
    Ok(Ok(Gathered { cohort, reading }))
}

/// The words of an error, without the number that the system gives it.
fn without_number(error: &std::io::Error) -> String {
    let words = error.to_string();
    let bare = words.split_once(" (os error").map(|(bare, _)| bare);
    bare.unwrap_or(&words).to_owned()
}

/// What stands for the time of computing: the same content has the same.
fn stamp(digest: &[u8]) -> i64 {
    digest
        .iter()
        .take(6)
        .fold(0, |stamp, byte| (stamp << 8) | i64::from(*byte))
}

fn digest(path: &Path) -> Result<Vec<u8>, std::io::Error> {
    let mut hashed = Hashed {
        inner: File::open(path)?,
        hash: Sha256::new(),
    };
    std::io::copy(&mut hashed, &mut std::io::sink())?;
    Ok(hashed.hash.finalize().to_vec())
}

/// Sorts a list into a relation.
fn sort(
    path: &Path,
    digest: &[u8],
    into: &Path,
    lease: Lease,
    mut about: About,
) -> Result<About, Unlisted> {
    let file = Hashed {
        inner: BufReader::new(File::open(path)?),
        hash: Sha256::new(),
    };
    let mut list = List::new(file);
    let mut sorter = Sorter::new(into.parent().unwrap_or(Path::new(".")), lease);
    let mut key = vec![];
    while let Some(id) = list.next_id()? {
        about.file_rows += 1;
        match Identity::External(id).write(&mut key) {
            Ok(()) => sorter.push(&key, 0, b"")?,
            Err(BadKey::Empty) => about.no_identifier += 1,
            Err(_) => about.bad_identifier += 1,
        }
    }
    if list.into_inner().hash.finalize().as_slice() != digest {
        return Err(Unlisted::Changed);
    }
    Ok(relation::write(into, sorter, about)?)
}

/// A file and the digest of what was read of it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}
