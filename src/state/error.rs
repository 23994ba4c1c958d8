//! What can go wrong with the state.

use std::path::{Path, PathBuf};

use crate::model::Unsorted;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },
    /// A file is not what its name says: cut, changed, or of another format.
    #[error("{}: {what}", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A stream of rows lost its order.
    #[error(transparent)]
    Unsorted(#[from] Unsorted),
    /// Another run holds the state.
    #[error("the state is leased to {holder}")]
    Leased {
        /// Who, where, since when, doing what.
        holder: String,
    },
    /// Another run, a plan perhaps, keeps answers in a file that is to be written anew.
    #[error("{}: another run is writing it", path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
    },
}

impl Error {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn corrupt(path: &Path, what: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
