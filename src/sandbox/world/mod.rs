//! Where a sandbox's state is kept: a directory of snapshots, a log of what was accepted since, and a lock.
//!
//! It must not interpret requests. `world.json` is swapped last and names the generation of the other files, so
//! that a kill at any moment leaves the old world or the new one:
//!
//! ```text
//! world.json        the world's id and generation
//! profiles.G.jsonl  segments.G.json  attributes.G.json
//! events.G.jsonl    imported.G.json
//! ingested.G.jsonl  a snapshot
//! log.G             what was accepted since, as sent (see log.rs)
//! amplitude.json    Amplitude's cohorts, destinations and settings; cohorts/*.csv files of cohorts,
//!                   cohorts/*.jsonl profiles, cohorts/*.lines events of the Export API, or people who are known
//! downloads/        prepared files, gone at the next start
//! ```

mod files;
mod load;
mod log;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) use files::{copy, read_json, same, swap, swap_json, sweep};
pub use load::{Loaded, load_scenario_into};
pub(crate) use load::{known, open};
pub(crate) use log::{Log, Record};

use super::call::hold;

/// What a log record holds. The numbers are on disk: never reuse one.
pub(crate) mod kind {
    /// The body of a `POST /users/track`.
    pub(crate) const TRACK: u8 = 1;
    /// `{"external_id", "attributes"}` set behind everybody's back.
    pub(crate) const SET: u8 = 2;
    /// Braze's segments, replaced.
    pub(crate) const SEGMENTS: u8 = 3;
    /// A cohort's id: one of the month's download requests.
    pub(crate) const DOWNLOAD: u8 = 4;
    /// `{"partner", "cohort_id", "name"}` of a `POST /partners/{partner}/cohorts`; no key.
    pub(crate) const COHORT: u8 = 5;
    /// `{"partner", "cohort_id", "cohort_changes"}` of a `POST /partners/{partner}/cohorts/users`; no key.
    pub(crate) const COHORT_USERS: u8 = 6;
    /// The body of a `POST /users/alias/new`.
    pub(crate) const ALIASES: u8 = 7;
    /// The body of a `POST /users/alias/update`.
    pub(crate) const ALIAS_UPDATES: u8 = 8;
    /// `{"name", …}` of a custom attribute, as a person fixed it.
    pub(crate) const ATTRIBUTE: u8 = 9;
    /// The body of a `POST /users/delete`.
    pub(crate) const DELETE: u8 = 10;
    /// The body of a `POST /users/merge`.
    pub(crate) const MERGE: u8 = 11;
    /// `{"path", "events"}` of a `POST /2/httpapi` or `POST /batch`: those taken for the first time; no key.
    pub(crate) const INGEST: u8 = 12;
}

/// An open world.
#[derive(Debug)]
pub(crate) struct World {
    /// Random, for life: tells this world from any other at the same address.
    pub(crate) id: String,
    /// Where its files are.
    pub(crate) dir: PathBuf,
    log: Mutex<Option<Log>>,
    _lock: Option<File>,
    _temporary: Option<TempDir>,
}

impl World {
    /// Writes down what is about to be accepted. A world that is not kept writes nothing.
    pub(crate) fn append(&self, kind: u8, at: Timestamp, payload: &[u8]) -> io::Result<()> {
        hold(&self.log)
            .as_mut()
            .map_or(Ok(()), |log| log.append(kind, at, payload))
    }

    /// Returns where prepared downloads go.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.dir.join("downloads")
    }
}

/// Returns a file of a world directory.
fn generation(dir: &Path, name: &str, generation: u64, ending: &str) -> PathBuf {
    dir.join(format!("{name}.{generation}{ending}"))
}
