//! Files as the state wants them: 0600, written whole beside their name, synced, then renamed.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Error;
use crate::model::Millis;

/// With what the names of temporary files begin.
const HALF_WRITTEN: &str = ".writing-";

/// Makes a directory and its parents, for the owner alone.
pub fn directory(path: &Path) -> Result<&Path, Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::io(path))?;
    Ok(path)
}

/// Renames a file.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(to))
}

/// Opens a temporary file in the directory where it will be renamed; 0600 from its first byte.
pub fn temporary(directory: &Path) -> Result<NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(HALF_WRITTEN)
        .tempfile_in(directory)
        .map_err(Error::io(directory))
}

/// Returns whether a file is one that never got its name: half written, or of a run that was killed.
pub(super) fn is_half_written(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(HALF_WRITTEN))
}

/// Syncs a temporary file and gives it its name.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    file.as_file().sync_data().map_err(Error::io(path))?;
    file.persist(path)
        .map_err(|error| Error::io(path)(error.error))?;
    sync_directory(path)
}

/// Writes a whole file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_pieces(path, std::iter::once(Ok::<_, Error>(bytes)))
}

/// Writes a whole file piece by piece: it need not fit in memory.
pub fn write_pieces<E: From<Error>>(
    path: &Path,
    pieces: impl IntoIterator<Item = Result<impl AsRef<[u8]>, E>>,
) -> Result<(), E> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = BufWriter::new(temporary(parent)?);
    for piece in pieces {
        let written = file.write_all(piece?.as_ref());
        written.map_err(Error::io(path))?;
    }
    let file = file.into_inner();
    let file = file.map_err(|error| Error::io(path)(error.into_error()))?;
    persist(file, path).map_err(E::from)
}

/// Reads a whole file; none where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// Opens a file to be locked, for the owner alone.
pub(super) fn lock_file(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(Error::io(path))
}

/// Lists the files of a directory; none where there is no directory.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    entries(directory, Path::is_file)
}

/// Lists the directories in a directory; none where there is none.
pub(super) fn directories(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    entries(directory, Path::is_dir)
}

fn entries(directory: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        other => other.map_err(Error::io(directory))?,
    };
    let paths = entries.map(|entry| {
        entry
            .map(|entry| entry.path())
            .map_err(Error::io(directory))
    });
    paths
        .filter(|path| path.as_ref().map_or(true, |path| wanted(path)))
        .collect()
}

/// Removes a directory that may be gone already, or hold something.
pub(super) fn remove_empty(path: &Path) -> Result<(), Error> {
    use std::io::ErrorKind::{DirectoryNotEmpty, NotFound};
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), NotFound | DirectoryNotEmpty) => {
            Err(Error::io(path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes a file as young as now; one that is gone stays gone.
pub(super) fn touch(path: &Path, now: Millis) -> Result<(), Error> {
    let now = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let file = match File::options().write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(Error::io(path))?,
    };
    file.set_modified(now.into()).map_err(Error::io(path))
}

/// Returns how long ago a file was written, in milliseconds; none where it is gone.
pub(super) fn age(path: &Path, now: Millis) -> Result<Option<Millis>, Error> {
    let written = match fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io(path))?,
    };
    let written = jiff::Timestamp::try_from(written).map_or(now, jiff::Timestamp::as_millisecond);
    Ok(Some(now - written))
}

/// An id as a part of a file's name: what is not a letter or digit is written by its code, so that no two ids meet.
pub fn safe(id: &str) -> String {
    id.chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_string()
            } else {
                format!("_{:x}_", u32::from(letter))
            }
        })
        .collect()
}

/// A rename is durable once its directory is.
pub(super) fn sync_directory(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|directory| directory.sync_data())
        .map_err(Error::io(parent))
}
