//! Why a plan or an apply could not be made or carried out.

use crate::{amplitude, braze, state};

/// What ended the work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state could not be read or written, or is leased.
    #[error(transparent)]
    State(#[from] state::Error),
    /// Amplitude did not give what was asked.
    #[error(transparent)]
    Amplitude(#[from] amplitude::Error),
    /// A cohort's file could not be read.
    #[error("cohort \"{cohort}\": {source}")]
    File {
        /// Name of the cohort.
        cohort: String,
        /// What is wrong with it.
        source: amplitude::FileError,
    },
    /// A file holds fewer or more people than Amplitude says.
    #[error(
        "cohort \"{cohort}\": its file has {rows} rows and Amplitude says {size}: cut or changed while it was read"
    )]
    Size {
        /// Name of the cohort.
        cohort: String,
        /// Rows of the file.
        rows: u64,
        /// What the list says.
        size: u64,
    },
    /// What lies in a log could not be read.
    #[error("{message}")]
    Currents {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The members of an archive are not in order.
    #[error("amplitude: /api/2/export: an archive holds an hour twice, with another between")]
    Mixed,
    /// No segment is meant, or what was exported of it cannot be had.
    #[error("{message}")]
    Segment {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Braze did not do what was asked.
    #[error(transparent)]
    Braze(#[from] braze::Error),
    /// The state belongs to another workspace.
    #[error(
        "the state in {state} is about {what} `{recorded}`, and the configuration says `{configured}`"
    )]
    OtherTarget {
        /// The state's directory.
        state: String,
        /// What differs.
        what: &'static str,
        /// As it is recorded.
        recorded: String,
        /// As it is configured.
        configured: String,
    },
    /// Events whose answer never came belong to the former services.
    #[error(
        "the state was not rebound: events of the services that it is about are parked, {0} in all"
    )]
    Undecided(u64),
    /// A value that only an apply needs is missing.
    #[error("{}", .0.message)]
    Missing(Box<crate::model::Diagnostic>),
    /// A cohort of cohort import is to be written, and the configuration has no keys for that.
    #[error("{0} writes by cohort import, and the configuration has no `braze.cohort_import`")]
    NoCohortImport(crate::model::Address),
    /// What was sent could not be folded into the ledgers; its journal is whole, and the next run does it.
    #[error("what was sent could not be recorded yet: {source}")]
    Unfolded {
        /// Why.
        source: state::Error,
        /// Whether anything was acknowledged.
        wrote: bool,
    },
    /// A file that was to be a saved plan is none, or not whole.
    #[error("{path} is not a saved plan that can be read: {what}")]
    NotAPlan {
        /// Which file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// A saved plan is not for here, not for now, or was applied.
    #[error("nothing was written: the plan {0}")]
    Unusable(String),
    /// A plan made now means something else than the saved one; how it differs, without a person.
    #[error("nothing was written: the plan is stale\n  {}", .0.join("\n  "))]
    Stale(Vec<String>),
    /// Nothing live was to be read, and nothing is kept.
    #[error("no list of cohorts is kept here yet, and nothing live was to be read")]
    NothingKept,
    /// One id names several people; by what each of them.
    #[error("several people go by that: {0}")]
    SeveralPeople(String),
    /// A selection names nothing, or leaves nothing.
    #[error("{message}")]
    Unselected {
        /// Which part of it.
        message: String,
        /// What to write.
        hint: Option<String>,
    },
    /// Somebody asked to stop while people were read back; no answer is lost.
    #[error(
        "asked to stop: {read} of {people} people were read back; what Braze said of them is kept"
    )]
    Unread {
        /// People who were read.
        read: u64,
        /// People who were to be.
        people: u64,
    },
    /// Somebody asked to stop before anything was written.
    #[error("asked to stop; nothing was written")]
    Stopped,
    /// Work on a thread died.
    #[error("a worker ended unexpectedly")]
    Worker,
}

impl Error {
    /// Returns whether only one segment is to blame, so that whatever does not need it can go on.
    pub(super) fn is_of_one_segment(&self) -> bool {
        match self {
            Self::Segment { .. } => true,
            Self::Braze(error) => {
                matches!(
                    error,
                    braze::Error::ExportElsewhere
                        | braze::Error::ExportNotReady(_)
                        | braze::Error::Damaged { .. }
                ) || error.is_of_one_path()
            }
            _ => false,
        }
    }

    /// Returns what to do about a segment.
    pub(super) fn segment_hint(&self) -> Option<String> {
        match self {
            Self::Segment { hint, .. } => hint.clone(),
            Self::Braze(error) => error.key_hint().map(str::to_owned),
            _ => None,
        }
    }

    /// Returns whether only one cohort is to blame, so that the others can go on.
    pub(super) fn is_of_one_cohort(&self) -> bool {
        match self {
            Self::File { .. } | Self::Size { .. } => true,
            Self::Amplitude(error) => match error {
                amplitude::Error::Exhausted(exhausted) => exhausted.is_of_one_path(),
                amplitude::Error::NotReady(_)
                | amplitude::Error::Unexpected { .. }
                | amplitude::Error::Refused {
                    status: 400 | 404 | 410,
                    ..
                } => true,
                _ => false,
            },
            _ => false,
        }
    }
}
