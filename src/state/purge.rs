//! What is removed at once, whatever its age: a person's rows are not kept an hour longer because somebody may still read
//! them. A plan that reads meanwhile may fail, and is made again.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Error, files, manifest::Manifest, store::Store};

/// The directories in which files are written under a temporary name first.
const DIRECTORIES: [&str; 8] = [
    "",
    "blobs",
    "runs",
    "journal",
    "cache",
    "cache/answers",
    "cache/relations",
    "cache/requests",
];

/// Removes blobs that no manifest names and what a kill left half written. Returns how many files went.
pub fn unnamed(store: &Store, manifest: Option<&Manifest>) -> Result<u64, Error> {
    let named: BTreeSet<&str> = manifest.into_iter().flat_map(Manifest::blobs).collect();
    let is_named = |path: &Path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| named.contains(stem))
    };
    let mut gone = 0;
    for name in DIRECTORIES {
        for path in files::list(&store.root().join(name))? {
            if files::is_half_written(&path) || (name == "blobs" && !is_named(&path)) {
                files::remove(&path)?;
                gone += 1;
            }
        }
    }
    Ok(gone)
}

/// Returns the cached rows of cohorts, a file each cohort, reading and mapping.
pub fn relations(store: &Store) -> Result<Vec<PathBuf>, Error> {
    let paths = files::list(&store.root().join("cache").join("relations"))?;
    let read = paths
        .into_iter()
        .filter(|path| !files::is_half_written(path));
    Ok(read.collect())
}

/// Returns which cohort a cached reading is of, as its file's name says it.
pub fn cohort(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()?.split('-').next()
}

/// Returns whether there is a state at all.
pub fn is_there(store: &Store) -> Result<bool, Error> {
    fs::exists(store.root()).map_err(Error::io(store.root()))
}
