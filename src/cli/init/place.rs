//! Where files go, and that none is ever overwritten.

use std::{
    ffi::OsStr,
    fs, io,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::cli::failure::Failure;

/// Returns a file of the configuration that is in a directory already, if one is. YAML of others is an error there: all of
/// a directory is one configuration.
pub(in crate::cli) fn configuration(directory: &Path) -> Result<Option<String>, Failure> {
    let names = yaml(directory)?;
    let ours = |name: &&String| {
        let text = fs::read_to_string(directory.join(name));
        name.as_str() == super::CONFIGURATION
            || text.is_ok_and(|text| text.lines().any(|line| line.trim_end() == "version: 1"))
    };
    match (names.iter().find(ours), names.first()) {
        (Some(ours), _) => Ok(Some(ours.clone())),
        (None, None) => Ok(None),
        (None, Some(other)) => Err(Failure::error(format!(
            "{other} is there, and would be read as configuration: all YAML of a directory is"
        ))
        .with_hint("give the configuration a directory of its own: syncform -C audiences init")),
    }
}

fn yaml(directory: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(|error| failed(directory, &error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|error| failed(directory, &error))?
            .file_name();
        let suffix = Path::new(&name).extension().and_then(OsStr::to_str);
        let name = name.to_string_lossy().into_owned();
        if matches!(suffix, Some("yaml" | "yml")) && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the root of the repository that a directory lies in, there or not yet, and the way from the root to it.
pub(super) fn repository(directory: &Path) -> (PathBuf, String) {
    let alone = || (directory.to_owned(), ".".to_owned());
    let Some(whole) = whole(directory) else {
        return alone();
    };
    let root = whole.ancestors().find(|above| above.join(".git").exists());
    match root.map(|root| (root, whole.strip_prefix(root))) {
        Some((root, Ok(below))) if below != Path::new("") => {
            (root.to_owned(), below.display().to_string())
        }
        _ => alone(),
    }
}

/// Returns a path from the root on, of a directory that may not be there yet.
pub(in crate::cli) fn whole(directory: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(directory).ok()?;
    let there = absolute.ancestors().find(|above| above.is_dir())?;
    let rest = absolute.strip_prefix(there).ok()?;
    Some(fs::canonicalize(there).ok()?.join(rest))
}

/// Returns a path as somebody here would write it.
pub(in crate::cli) fn shown(path: &Path) -> String {
    let here = whole(Path::new("."));
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    let path = below.unwrap_or_else(|| path.to_owned());
    path.strip_prefix(".")
        .unwrap_or(&path)
        .display()
        .to_string()
}

/// Writes a file that is not there; false if one is. It is whole or not there at all, and for everybody to read.
pub(in crate::cli) fn write(path: &Path, text: &str) -> Result<bool, Failure> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = fs::create_dir_all(folder).and_then(|()| {
        // The umask takes from this what it takes.
        let mode = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .permissions(mode)
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        match file.persist_noclobber(path) {
            Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(lost) => Err(lost.error),
            Ok(_) => Ok(true),
        }
    });
    written.map_err(|error| failed(path, &error))
}

pub(super) fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::error(format!("{}: {error}", path.display()))
        .with_hint("see that the directory can be written; what is there already is left as it is")
}
