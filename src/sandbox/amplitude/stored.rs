//! A cohort's file on disk, and how long it lives. It must not read it.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use super::spool::Spools;

/// A cohort's file. A replaced one goes when the last download of it has gone.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its prepared downloads.
    pub(crate) spools: Spools,
    replaced: AtomicBool,
}

impl Drop for Stored {
    fn drop(&mut self) {
        if self.replaced.load(Ordering::Relaxed) {
            // Best effort: the next start sweeps what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Stored {
    /// Names a file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            spools: Spools::default(),
            replaced: AtomicBool::new(false),
        }
    }

    /// Says that another took its place.
    pub(crate) fn replace(&self) {
        self.replaced.store(true, Ordering::Relaxed);
    }
}
