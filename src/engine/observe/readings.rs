//! What a plan learnt about cohorts: where their rows are, or why they could not be read.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    amplitude::FileError,
    engine::Error,
    model::{Cohort, Mapping},
    state::{
        self,
        relation::{self, RelationReader},
    },
};

/// A cohort that was read.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Reading {
    /// Where its rows are.
    pub(in crate::engine) path: PathBuf,
    /// What is known of them.
    pub(in crate::engine) about: relation::About,
    /// `lastComputed` of what was read.
    pub(in crate::engine) computed: Option<i64>,
}

/// Why a cohort could not be read.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Unread {
    pub(in crate::engine) message: String,
    pub(in crate::engine) hint: String,
}

/// What a plan learnt about cohorts.
#[derive(Debug)]
pub(in crate::engine) struct Readings {
    by_cohort: BTreeMap<String, BTreeMap<Mapping, Result<Reading, Unread>>>,
    /// The list as it was last read.
    pub(in crate::engine) list: Vec<Cohort>,
    /// Downloads spent.
    pub(in crate::engine) downloads: u64,
}

impl Readings {
    /// Begins with what is listed, and nothing read.
    pub(super) fn new(list: Vec<Cohort>) -> Self {
        Self {
            by_cohort: BTreeMap::new(),
            list,
            downloads: 0,
        }
    }

    /// Returns a cohort's people as a mapping names them, if they were read.
    pub(in crate::engine) fn of(&self, cohort: &str, mapping: &Mapping) -> Option<&Reading> {
        self.by_cohort.get(cohort)?.get(mapping)?.as_ref().ok()
    }

    /// Opens a cohort's people as a mapping names them. Where another run swept them, the plan is made anew.
    pub(in crate::engine) fn open(
        &self,
        cohort: &str,
        mapping: &Mapping,
    ) -> Result<RelationReader, state::Error> {
        let reading = self.of(cohort, mapping);
        let relation = reading.map(|reading| RelationReader::open(&reading.path));
        let gone = || state::Error::Io {
            path: "cache".into(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        relation.transpose()?.flatten().ok_or_else(gone)
    }

    /// Returns why they could not be read.
    pub(in crate::engine) fn failure(&self, cohort: &str, mapping: &Mapping) -> Option<&Unread> {
        self.by_cohort.get(cohort)?.get(mapping)?.as_ref().err()
    }

    /// Notes what became of a cohort as a mapping names its people.
    pub(in crate::engine) fn note(
        &mut self,
        cohort: &str,
        mapping: Mapping,
        read: Result<Reading, Unread>,
    ) {
        let known = self.by_cohort.entry(cohort.to_owned()).or_default();
        known.insert(mapping, read);
    }
}

impl Unread {
    /// Nothing live was to be read, and nothing is kept.
    pub(super) fn not_kept(cohort: &str) -> Self {
        Self {
            message: format!(
                "the people of cohort \"{cohort}\" are not kept here, and nothing live was to be read"
            ),
            hint: "leave out --refresh none, so that they are read".to_owned(),
        }
    }
}

impl From<&Error> for Unread {
    fn from(error: &Error) -> Self {
        let hint = match error {
            Error::File {
                source: FileError::NoProperty(_),
                ..
            } => "name in `identify_by` a user property that Amplitude knows, as it is spelt there",
            _ => "run again; if it stays so, have Amplitude recompute the cohort",
        };
        Self {
            message: error.to_string(),
            hint: hint.to_owned(),
        }
    }
}
