//! Saved plans: one archive with the plan, its meaning, its deltas and the events of its logs. It is made by `plan --out`, shown by `show`, and
//! applied once by `apply`, if a plan made then means the same. An old delta is never sent.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    path::Path,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Error, Planned, Session, log, meaning::Meaning, plan::Work};
use crate::{
    config::Billing,
    diff::{
        join::{Join, Joined, Rows, woven},
        select::Selection,
    },
    model::{Address, Change, EventId, LogEvent, digest, plan::Plan},
    state::{
        self,
        archive::{self, Archive, Content},
        delta::DeltaReader,
        events::EventReader,
        manifest::{AppliedPlan, Manifest},
        store::Draft,
    },
};

const FORMAT: &str = "syncform-plan/1";
const PLAN: &str = "plan.json";
/// How long the state remembers that a plan was applied; no plan lives longer.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What a saved plan says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// `syncform-plan/1`.
    pub format: String,
    /// Random; a plan is applied once.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer applied.
    pub expires_at: Timestamp,
    /// The state it was made against; empty before the first apply.
    pub lineage: String,
    /// What it was made for.
    pub selection: Selection,
    /// Whether rows that were set aside are tried again.
    #[serde(default)]
    pub retry_refused: bool,
    /// Whether data points are what Braze bills.
    pub priced: bool,
    /// What it means.
    pub meaning: Meaning,
    /// The deltas in the archive.
    deltas: BTreeMap<Address, Vec<String>>,
    /// The events of logs in the archive.
    #[serde(default)]
    events: BTreeMap<Address, String>,
    /// The plan.
    pub plan: Plan,
}

/// A saved plan, opened.
#[derive(Debug)]
pub struct SavedPlan {
    /// What it says about itself.
    pub about: About,
    archive: Archive,
}

/// Saves a plan as a file of its owner's, whole or not at all.
pub fn save(session: &Session, planned: &Planned, path: &Path) -> Result<About, Error> {
    let mut deltas = BTreeMap::<Address, Vec<String>>::new();
    let mut drafts: Vec<(String, &Path)> = vec![];
    for work in &planned.works {
        let address = &work.address;
        let each = [(&work.now, ""), (&work.later, ".later")];
        for (draft, which) in each {
            let Some(draft) = draft else { continue };
            let name = format!("deltas/{address}{which}.parquet");
            deltas
                .entry(address.clone())
                .or_default()
                .push(name.clone());
            drafts.push((name, draft.path()));
        }
    }
    let mut events = BTreeMap::<Address, String>::new();
    for (log, draft) in log::passes(&planned.logs) {
        let name = format!("events/{}.parquet", log.address);
        events.insert(log.address.clone(), name.clone());
        drafts.push((name, draft.path()));
    }
    let created_at = planned.plan.created_at;
    let about = About {
        format: FORMAT.to_owned(),
        id: digest::hex(&rand::random::<[u8; 16]>()),
        created_at,
        expires_at: expiry(created_at, session.configuration.plan_ttl.0),
        lineage: planned.plan.state.lineage.clone(),
        selection: session.selection.clone(),
        retry_refused: session.how.retry_refused,
        priced: session.configuration.braze.billing == Billing::DataPoints,
        meaning: planned.meaning.clone(),
        deltas,
        events,
        plan: planned.plan.clone(),
    };
    let json = serde_json::to_vec_pretty(&about).map_err(|error| Error::NotAPlan {
        path: path.display().to_string(),
        what: error.to_string(),
    })?;
    let deltas = drafts
        .iter()
        .map(|(name, path)| (name.as_str(), Content::File(path)));
    let entries: Vec<(&str, Content)> = std::iter::once((PLAN, Content::Bytes(&json)))
        .chain(deltas)
        .collect();
    archive::write(path, &entries, created_at.as_millisecond())?;
    Ok(about)
}

fn expiry(created_at: Timestamp, ttl: Duration) -> Timestamp {
    let ttl = SignedDuration::try_from(ttl).unwrap_or(REMEMBERED);
    created_at
        .checked_add(ttl.min(REMEMBERED))
        .unwrap_or(Timestamp::MAX)
}

/// Opens a saved plan, after seeing that it is one and whole.
pub fn open(path: &Path) -> Result<SavedPlan, Error> {
    let not = |what: String| Error::NotAPlan {
        path: path.display().to_string(),
        what,
    };
    let archive = Archive::open(path).map_err(|error| match error {
        state::Error::Io { source, .. } => not(source.to_string()),
        state::Error::Corrupt { what, .. } => not(what),
        other => other.into(),
    })?;
    let json = archive.bytes(PLAN)?;
    let json = json.ok_or_else(|| not(format!("an archive without {PLAN}")))?;
    let known: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
    match known["format"].as_str() {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(not(format!(
                "its format is {other}, this release reads {FORMAT}"
            )));
        }
        None => return Err(not(format!("its {PLAN} names no format"))),
    }
    let about: About = serde_json::from_slice(&json)
        .map_err(|error| not(format!("its {PLAN} is damaged near line {}", error.line())))?;
    Ok(SavedPlan { about, archive })
}

impl SavedPlan {
    /// Iterates over the rows that it would send: people's ids are in them.
    pub fn changes(
        &self,
    ) -> Result<impl Iterator<Item = Result<(&Address, Change), state::Error>>, Error> {
        let addresses = self.about.deltas.keys();
        let readers = addresses
            .map(|address| Ok((address, self.rows(address)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, rows)| rows.map(move |row| row.map(|change| (address, change)))))
    }

    /// Iterates over the events that it would send: people's ids are in them.
    pub fn events(
        &self,
    ) -> Result<impl Iterator<Item = Result<(&Address, LogEvent), state::Error>>, Error> {
        let readers = self.about.events.iter();
        let readers = readers.map(|(address, name)| Ok((address, self.log(name)?)));
        let readers = readers.collect::<Result<Vec<_>, Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, events)| events.map(move |event| Ok((address, event?)))))
    }

    fn log(&self, name: &str) -> Result<EventReader, Error> {
        let file = self.archive.file(name)?.ok_or_else(|| lacks(name))?;
        Ok(EventReader::of(file, Path::new(name))?)
    }

    /// Returns the rows of a resource, in the order of their keys.
    fn rows(&self, address: &Address) -> Result<Rows<Change, state::Error>, Error> {
        let names = self.about.deltas.get(address).into_iter().flatten();
        let open = |name: &String| -> Result<Rows<Change, state::Error>, Error> {
            let file = self.archive.file(name)?.ok_or_else(|| lacks(name))?;
            Ok(Box::new(DeltaReader::of(file, Path::new(name))?))
        };
        Ok(woven(names.map(open).collect::<Result<Vec<_>, Error>>()?))
    }

    /// Sees whether it may be applied at all: here, now, and for the first time.
    pub(super) fn usable(&self, session: &Session) -> Result<(), Error> {
        let About {
            id,
            created_at,
            expires_at,
            lineage,
            meaning,
            ..
        } = &self.about;
        let unusable = |why: String| Err(Error::Unusable(why));
        let here = Meaning::new(session);
        let pinned = [
            ("/workspace", "workspace"),
            ("/environment", "environment"),
            ("/services/braze", "Braze"),
            ("/services/amplitude", "Amplitude"),
        ];
        for (pointer, what) in pinned {
            let (made, here) = (meaning.says(pointer), here.says(pointer));
            if made != here {
                let word = |text: Option<&str>| {
                    text.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"))
                };
                return unusable(format!(
                    "was made for another {what}: {}, and this is {}",
                    word(made),
                    word(here)
                ));
            }
        }
        let manifest = session.store.manifest()?;
        let root = session.store.root().display();
        match &manifest {
            Some(manifest) if lineage.is_empty() || manifest.lineage == *lineage => {}
            None if lineage.is_empty() => {}
            _ => {
                return unusable(format!(
                    "was made against another state than the one in {root}"
                ));
            }
        }
        let known = manifest
            .iter()
            .flat_map(|manifest| &manifest.applied_plans)
            .find(|known| known.id == *id);
        if let Some(AppliedPlan { at, .. }) = known {
            return unusable(format!("was applied already, at {}", when(*at)));
        }
        let expires_at = expiry(*created_at, session.configuration.plan_ttl.0).min(*expires_at);
        if session.clock.now() >= expires_at {
            return unusable(format!("expired at {}", when(expires_at)));
        }
        Ok(())
    }

    /// Sees whether a plan made now means the same.
    pub(super) fn same_as(&self, planned: &Planned) -> Result<(), Error> {
        if self.about.meaning == planned.meaning {
            return Ok(());
        }
        let rows = |address: &Address| self.rows_that_differ(address, planned);
        let differences = self.about.meaning.differences(&planned.meaning, rows)?;
        Err(Error::Stale(differences))
    }

    fn rows_that_differ(&self, address: &Address, planned: &Planned) -> Result<u64, Error> {
        Ok(self.table_rows_that_differ(address, planned)?
            + self.events_that_differ(address, planned)?)
    }

    /// Events that only one of the plans has, or that say something else in the other.
    fn events_that_differ(&self, address: &Address, planned: &Planned) -> Result<u64, Error> {
        let hasher = RandomState::new();
        let mut saved = HashMap::<EventId, u64>::new();
        if let Some(name) = self.about.events.get(address) {
            for event in self.log(name)? {
                let row = event?.row;
                saved.insert(row.id, hasher.hash_one(&row.body));
            }
        }
        let mut count = 0;
        let fresh = log::passes(&planned.logs).filter(|(log, _)| log.address == *address);
        for (_, draft) in fresh {
            for event in EventReader::open(draft.path())? {
                let row = event?.row;
                let same = saved.remove(&row.id) == Some(hasher.hash_one(&row.body));
                count += u64::from(!same);
            }
        }
        Ok(count + saved.len() as u64)
    }

    fn table_rows_that_differ(&self, address: &Address, planned: &Planned) -> Result<u64, Error> {
        let works = planned.works.iter();
        let drafts = works
            .filter(|work| work.address == *address)
            .flat_map(Work::drafts);
        let open = |draft: &Draft| -> Result<Rows<Change, state::Error>, state::Error> {
            Ok(Box::new(DeltaReader::open(draft.path())?))
        };
        let fresh = woven(drafts.map(open).collect::<Result<Vec<_>, _>>()?);
        let mut count = 0;
        for row in Join::new(self.rows(address)?, fresh) {
            let same = match row? {
                Joined::Both(saved, fresh) => {
                    saved.verb == fresh.verb && saved.after == fresh.after
                }
                Joined::Left(_) | Joined::Right(_) => false,
            };
            count += u64::from(!same);
        }
        Ok(count)
    }
}

fn lacks(name: &str) -> Error {
    Error::NotAPlan {
        path: name.to_owned(),
        what: "the archive lacks it".to_owned(),
    }
}

/// Remembers that a plan was applied, and forgets those so old that nobody could apply them again.
pub(super) fn mark(manifest: &mut Manifest, id: String, now: Timestamp) {
    let known = &mut manifest.applied_plans;
    known.retain(|plan| now.duration_since(plan.at) <= REMEMBERED);
    known.push(AppliedPlan { id, at: now });
}

fn when(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%S UTC")
}
