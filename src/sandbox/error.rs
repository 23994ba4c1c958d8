//! What can keep the sandbox from starting. It must not hold anything a client sees: those are answers.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the sandbox could not start or load.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file of the scenario or the world could not be read or written.
    #[error("{path}: cannot be read or written", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of the scenario or the world is not what it should be.
    #[error("{path}{place}: {problem}", path = path.display(), place = line.map_or_else(String::new, |line| format!(":{line}")))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, where lines matter.
        line: Option<usize>,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process serves this world.
    #[error("{path}: this world is in use by another sandbox; stop it, or name another world", path = world.display())]
    Busy {
        /// The world's directory.
        world: PathBuf,
    },
    /// A fault specification nobody can obey.
    #[error("faults: {0}")]
    Faults(String),
    /// A setting nobody knows.
    #[error("{0}")]
    Setting(String),
    /// A background task ended badly.
    #[error("the sandbox stopped while starting: {0}")]
    Task(String),
}

impl Error {
    /// Names the file in an input or output error.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
