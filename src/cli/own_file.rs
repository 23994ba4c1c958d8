//! Files that a person names for the program to write: nothing else of theirs is overwritten.

use std::path::Path;

use super::failure::Failure;

/// Fails unless nothing stands there, or a plain file that `is_ours` knows.
pub(super) fn free(path: &Path, is_ours: impl Fn() -> bool, what: &str) -> Result<(), Failure> {
    let Ok(about) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    let path = path.display();
    if !about.is_file() {
        return Err(Failure::error(format!("{path} is no plain file"))
            .with_hint("name a new file: it will hold people's ids, for you alone to read"));
    }
    if is_ours() {
        return Ok(());
    }
    Err(
        Failure::error(format!("{path} is there already, and is no {what}"))
            .with_hint("name another file, or remove that one"),
    )
}
