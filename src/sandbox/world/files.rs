//! Files written so that a kill leaves the old one or the new one. It must not know what is in them.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::sandbox::Error;

/// How long a second process waits for the first to leave: a command that follows another at once is no conflict.
const PATIENCE: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a world for this process, for as long as the file is open. A kill frees it.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::file(&path))?;
    for attempt in 0.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < PATIENCE => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    world: dir.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::File { path, source }),
        }
    }
    Ok(file)
}

/// Reads a JSON file; none if it is not there.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path)(error)),
    };
    let value = text.parse::<Value>().map_err(|error| Error::Content {
        path: path.to_owned(),
        line: Some(error.line()),
        problem: "not JSON".to_owned(),
    })?;
    Ok(Some(value))
}

/// Writes a JSON file in one step.
pub(crate) fn swap_json(path: &Path, value: &Value) -> Result<(), Error> {
    swap(path, |out| writeln!(out, "{value}"))
}

/// Writes a file in one step: beside it, then over it.
pub(crate) fn swap(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        write(&mut out)?;
        out.flush()?;
        fs::rename(&beside, path)
    });
    written.map_err(Error::file(path))
}

/// Copies a file in one step; an absent one becomes an empty one.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let beside = to.with_extension("new");
    let copied = match fs::copy(from, &beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::create(&beside).map(|_| 0).map_err(Error::file(to))
        }
        other => other.map_err(Error::file(from)),
    };
    copied?;
    fs::rename(&beside, to).map_err(Error::file(to))
}

/// Tells whether two files hold the same bytes.
pub(crate) fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut one = BufReader::with_capacity(1 << 16, one);
    let mut other = BufReader::with_capacity(1 << 16, other);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let common = left.len().min(right.len());
        if left[..common] != right[..common] {
            return Ok(false);
        }
        if common == 0 {
            return Ok(true);
        }
        one.consume(common);
        other.consume(common);
    }
}

/// Removes the files of a directory that are not wanted: left by a kill, or of an older generation.
pub(crate) fn sweep(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::file(dir))? {
        let entry = entry.map_err(Error::file(dir))?;
        let path: PathBuf = entry.path();
        let name = entry.file_name();
        if path.is_file() && !name.to_str().is_some_and(&wanted) {
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let long = "x".repeat(100_000);
        let (one, other) = (
            write("1", &format!("{long}a")),
            write("2", &format!("{long}b")),
        );
        assert!(same(&one, &write("3", &format!("{long}a"))).unwrap());
        assert!(!same(&one, &other).unwrap());
        assert!(!same(&one, &write("4", &long)).unwrap());
        assert!(same(&write("5", ""), &write("6", "")).unwrap());
    }
}
