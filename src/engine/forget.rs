//! `state forget`: a person leaves everything that the state keeps. Rows of everybody else are written anew as they are;
//! nobody is told, and nothing is sent.
//!
//! # Killed in the middle
//! Whatever was asked for by name goes last, since it leads to what is called otherwise: until then, the same command
//! finds everything again. The state is whole at any time, for the ledgers change in one commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Error, Session, apply::take_lease, draft::scope, ending::recover, log::ParkedWriter};
use crate::{
    config::{Configuration, Resource},
    diff::person::Person,
    kinds,
    model::{Address, Identifier, Key},
    state::{
        self,
        answers::Log,
        events::EventReader,
        gathered::{self, Gathered},
        lease::Lease,
        ledger::{LedgerReader, LedgerWriter},
        manifest::Manifest,
        purge,
        refusals::{AsideWriter, RefusalReader, RefusalWriter},
        relation::RelationReader,
        store::Store,
    },
};

/// A person who can be forgotten, and the right to do it.
pub struct Forgetting {
    person: Person,
    manifest: Option<Manifest>,
    found: Found,
    _lease: Lease,
}

/// Where a person was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows of ledgers.
    pub rows: BTreeMap<Address, u64>,
    /// Rows set aside.
    pub set_aside: BTreeMap<Address, u64>,
    /// Events that are parked.
    pub parked: BTreeMap<Address, u64>,
    /// Refused rows of past runs, events among them.
    pub refused: u64,
    /// The past runs that they are of.
    pub runs: u64,
    /// Cohorts whose cached people go as a whole; those that cannot be read too.
    pub cohorts: u64,
    /// Hours and files of logs, as they were read, with events of the person; all that were read go as a whole.
    pub units: u64,
    /// Kept answers of the services.
    pub answers: u64,
}

impl Found {
    /// Returns whether it was nowhere.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One file with people in it.
enum Place {
    Ledger(Address, String),
    Aside(Address, String),
    Parked(Address, String),
    /// Of the run at this place in the history.
    Refused(usize, String),
    Relation(PathBuf),
    /// Events of an hour or of a file.
    Unit(PathBuf),
    Answers(Log),
}

/// What a reading of a place was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    /// Somebody may stand where it could not be read.
    Torn,
}

/// How often a place holds the person.
#[derive(Clone, Copy, Default)]
struct Hits {
    rows: u64,
    /// Of them, by what the person was asked for.
    asked_for: u64,
    torn: bool,
}

/// Takes the lease, folds what a cut run left, and looks where the person is. None where there is no state.
pub async fn prepare_forget(
    session: &Session,
    mut person: Person,
    patience: Duration,
) -> Result<Option<Forgetting>, Error> {
    if !purge::is_there(&session.store)? {
        return Ok(None);
    }
    let lease = take_lease(session, patience).await?;
    recover(session).await?;
    let manifest = session.store.manifest()?;
    let found = tokio::task::block_in_place(|| look(session, manifest.as_ref(), &mut person))?;
    Ok(Some(Forgetting {
        person,
        manifest,
        found,
        _lease: lease,
    }))
}

impl Forgetting {
    /// Returns where the person was found.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// Returns the syncs that know people by something else than external ids, and by what: by that, a person may be in their
/// rows without the name that was looked for.
pub fn named_otherwise(configuration: &Configuration) -> Vec<(Address, String)> {
    let named = |resource: &Resource| {
        let mapping = if let Some(log) = kinds::find_log(resource) {
            log.identify_by(resource)
        } else {
            let kind = kinds::find(resource)?;
            let desired = kind.desired(resource, &scope(configuration, None));
            desired.ok()?.identify_by
        };
        let names = mapping.iter().filter_map(|identifier| match identifier {
            Identifier::ExternalId => None,
            Identifier::Alias { label, .. } => Some(format!("the alias {label}")),
            Identifier::DeviceId => Some("device ids".to_owned()),
        });
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| (resource.address.clone(), names.join(" and ")))
    };
    configuration.resources.values().filter_map(named).collect()
}

/// Takes the person out.
pub fn forget(session: &Session, forgetting: Forgetting) -> Result<(), Error> {
    let Forgetting {
        person,
        manifest,
        found: _,
        _lease,
    } = forgetting;
    tokio::task::block_in_place(|| {
        let store = &session.store;
        // Events know no numbers, so they lead nowhere. A person may stand in anybody's.
        gathered::clear(&store.cache()?)?;
        // A plan may have read since it was looked.
        clean(store, &person, |hits| hits.asked_for == 0)?;
        let manifest = match manifest {
            Some(manifest) => Some(rewrite(session, manifest, &person)?),
            None => None,
        };
        store.sweep_journals(None)?;
        purge::unnamed(store, manifest.as_ref())?;
        clean(store, &person, |_| true)?;
        Ok(())
    })
}

/// Gets to know the person from all rows, then counts whose they are.
fn look(
    session: &Session,
    manifest: Option<&Manifest>,
    person: &mut Person,
) -> Result<Found, Error> {
    let store = &session.store;
    let mut places = recorded(manifest);
    places.extend(cached(store)?);
    let ask = || {
        let stopped = *session.stop.borrow();
        if stopped { Err(Error::Stopped) } else { Ok(()) }
    };
    for place in &places {
        ask()?;
        read(store, place, |key, id| person.number(key, id))?;
    }
    for place in &places {
        ask()?;
        read(store, place, |key, id| person.meet(key, id))?;
    }
    let mut found = Found::default();
    let mut cohorts = BTreeSet::new();
    for place in &places {
        ask()?;
        let Hits { rows, torn, .. } = hits(store, place, person)?;
        if rows == 0 && !torn {
            continue;
        }
        match place {
            Place::Ledger(address, _) => {
                found.rows.insert(address.clone(), rows);
            }
            Place::Aside(address, _) => {
                found.set_aside.insert(address.clone(), rows);
            }
            Place::Parked(address, _) => {
                found.parked.insert(address.clone(), rows);
            }
            Place::Refused(..) => {
                found.refused += rows;
                found.runs += 1;
            }
            Place::Unit(_) => found.units += 1,
            Place::Relation(path) => {
                cohorts.insert(purge::cohort(path));
            }
            Place::Answers(_) => found.answers += rows,
        }
    }
    found.cohorts = cohorts.len() as u64;
    Ok(found)
}

/// What the manifest names.
fn recorded(manifest: Option<&Manifest>) -> Vec<Place> {
    let mut places = vec![];
    let Some(manifest) = manifest else {
        return places;
    };
    for (address, entry) in &manifest.resources {
        let ledger = entry.ledger.clone();
        places.extend(ledger.map(|blob| Place::Ledger(address.clone(), blob)));
        let aside = entry.set_aside.as_ref().map(|aside| aside.blob.clone());
        places.extend(aside.map(|blob| Place::Aside(address.clone(), blob)));
        let parked = entry.log.as_ref().and_then(|log| log.parked.as_ref());
        let parked = parked.map(|parked| parked.blob.clone());
        places.extend(parked.map(|blob| Place::Parked(address.clone(), blob)));
    }
    for (at, run) in manifest.runs.iter().enumerate() {
        places.extend(run.refused.clone().map(|blob| Place::Refused(at, blob)));
    }
    places
}

/// What the cache holds; readings last, since they know numbers and lead to what stands in the others.
fn cached(store: &Store) -> Result<Vec<Place>, state::Error> {
    let logs = Log::all(&store.cache()?)?.into_iter().map(Place::Answers);
    let units = gathered::all(&store.cache()?)?.into_iter().map(Place::Unit);
    let relations = purge::relations(store)?.into_iter().map(Place::Relation);
    Ok(logs.chain(units).chain(relations).collect())
}

/// Tells the rows of a place.
fn read(
    store: &Store,
    place: &Place,
    mut tell: impl FnMut(&Key, Option<i64>),
) -> Result<Reading, state::Error> {
    match place {
        Place::Ledger(_, blob) => {
            for record in LedgerReader::open(&store.blob(blob)?)? {
                let record = record?;
                tell(&record.key, record.amplitude_id);
            }
        }
        Place::Aside(_, blob) | Place::Refused(_, blob) => {
            for refusal in RefusalReader::open(&store.blob(blob)?)? {
                let refusal = refusal?;
                tell(&refusal.key, refusal.amplitude_id);
            }
        }
        Place::Relation(path) => {
            let Some(rows) = opened(path)? else {
                return Ok(Reading::Torn);
            };
            for member in rows {
                match member {
                    Ok(member) => tell(&member.key, member.amplitude_id),
                    Err(state::Error::Corrupt { .. }) => return Ok(Reading::Torn),
                    Err(error) => return Err(error),
                }
            }
        }
        Place::Parked(_, blob) => {
            for event in EventReader::open(&store.blob(blob)?)? {
                tell(&event?.row.key, None);
            }
        }
        Place::Unit(path) => {
            // Damage shows as any error, and it can be read again: whatever went wrong, the file goes.
            let Ok(Some(rows)) = Gathered::open(path) else {
                return Ok(Reading::Torn);
            };
            for row in rows {
                let Ok(row) = row else {
                    return Ok(Reading::Torn);
                };
                tell(&row.key, None);
            }
        }
        Place::Answers(log) => {
            if !log.each(|key| tell(key, None))? {
                return Ok(Reading::Torn);
            }
        }
    }
    Ok(Reading::Whole)
}

/// Opens a cached reading; none of another format, or damaged: of no promise, it can go.
fn opened(path: &Path) -> Result<Option<RelationReader>, state::Error> {
    match RelationReader::open(path) {
        Err(state::Error::Corrupt { .. }) => Ok(None),
        other => other,
    }
}

fn hits(store: &Store, place: &Place, person: &Person) -> Result<Hits, state::Error> {
    let mut hits = Hits::default();
    let reading = read(store, place, |key, id| {
        hits.rows += u64::from(person.is(key, id));
        hits.asked_for += u64::from(person.asked_for(key, id));
    })?;
    hits.torn = reading == Reading::Torn;
    Ok(hits)
}

/// Takes the person out of the places of the cache that are meant: readings as a whole, since they are read again;
/// answers one by one, since each cost a request.
fn clean(
    store: &Store,
    person: &Person,
    meant: impl Fn(&Hits) -> bool,
) -> Result<(), state::Error> {
    for place in cached(store)? {
        let hits = hits(store, &place, person)?;
        if (hits.rows == 0 && !hits.torn) || !meant(&hits) {
            continue;
        }
        match place {
            Place::Relation(path) | Place::Unit(path) => state::remove_file(&path)?,
            Place::Answers(log) => log.without(|key| person.is(key, None))?,
            Place::Ledger(..) | Place::Aside(..) | Place::Parked(..) | Place::Refused(..) => {}
        }
    }
    Ok(())
}

/// Writes anew what holds the person, in one commit. What the ledgers are the answer to stays as it was, so that nobody is
/// added back before a source moves.
fn rewrite(
    session: &Session,
    mut manifest: Manifest,
    person: &Person,
) -> Result<Manifest, state::Error> {
    let store = &session.store;
    let mut any = false;
    for place in recorded(Some(&manifest)) {
        if hits(store, &place, person)?.rows == 0 {
            continue;
        }
        any = true;
        match place {
            Place::Ledger(address, blob) => {
                let mut writer = LedgerWriter::new(store.draft()?, &address)?;
                for record in LedgerReader::open(&store.blob(&blob)?)? {
                    let record = record?;
                    if !person.is(&record.key, record.amplitude_id) {
                        writer.push(&record)?;
                    }
                }
                let counts = writer.counts;
                let ledger = store.keep(writer.finish()?.finish()?)?;
                if let Some(entry) = manifest.resources.get_mut(&address) {
                    (entry.ledger, entry.counts) = (Some(ledger), counts);
                }
            }
            Place::Aside(address, blob) => {
                let mut writer = AsideWriter::new(store);
                for refusal in RefusalReader::open(&store.blob(&blob)?)? {
                    let refusal = refusal?;
                    if !person.is(&refusal.key, refusal.amplitude_id) {
                        writer.push(&refusal)?;
                    }
                }
                let (draft, set_aside) = writer.finish()?.unzip();
                draft.map(|draft| store.keep(draft)).transpose()?;
                if let Some(entry) = manifest.resources.get_mut(&address) {
                    entry.set_aside = set_aside;
                }
            }
            Place::Parked(address, blob) => {
                let mut writer = ParkedWriter::new(store, &address);
                for event in EventReader::open(&store.blob(&blob)?)? {
                    let event = event?;
                    if !person.is(&event.row.key, None) {
                        writer.push(&event)?;
                    }
                }
                let (draft, parked) = writer.finish()?.unzip();
                draft.map(|draft| store.keep(draft)).transpose()?;
                let entry = manifest.resources.get_mut(&address);
                if let Some(log) = entry.and_then(|entry| entry.log.as_mut()) {
                    log.parked = parked;
                }
            }
            Place::Refused(at, blob) => {
                // Even if none is left: the run refused some, and `report` counts them.
                let mut writer = RefusalWriter::new(store.draft()?)?;
                for refusal in RefusalReader::open(&store.blob(&blob)?)? {
                    let refusal = refusal?;
                    if !person.is(&refusal.key, refusal.amplitude_id) {
                        writer.push(&refusal)?;
                    }
                }
                let refused = store.keep(writer.finish()?.finish()?)?;
                manifest.runs[at].refused = Some(refused);
            }
            Place::Relation(_) | Place::Unit(_) | Place::Answers(_) => {}
        }
    }
    if any {
        store.commit(&mut manifest, session.clock.millis())?;
    }
    Ok(manifest)
}
