//! What was read of one hour or one file of a log: its events worded for where they go, and the count of what was left
//! out. A file of the cache, so that what a plan read an apply need not read again; one of another format is read anew.
//!
//! # Guarantees
//! A file that was cut or changed is an error, never fewer events: rows are counted and summed to the end.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use flate2::Crc;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{
    Error, files,
    runs::{read_row, write_row},
};
use crate::model::{EventId, Key, LogRow, Millis, Taken};

const MAGIC: &[u8; 16] = b"syncform-gath/02";

/// What is known of what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was asked for.
    pub at: Millis,
    /// Events in it.
    pub found: u64,
    /// Events that nobody asked for.
    pub filtered: u64,
    /// Events that were asked for and cannot be sent, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Properties that are left out of events that can be sent, by reason.
    pub trimmed: BTreeMap<String, u64>,
    /// Events that can be sent.
    pub rows: u64,
    crc: u32,
}

/// Writes what is read.
pub struct Gathering {
    file: BufWriter<NamedTempFile>,
    about: About,
    crc: Crc,
    row: Vec<u8>,
    path: PathBuf,
}

impl Gathering {
    /// Begins a file; nothing is there before it is finished.
    pub fn begin(path: &Path, at: Millis) -> Result<Self, Error> {
        let directory = files::directory(path.parent().unwrap_or(Path::new(".")))?;
        let file = files::temporary(directory)?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 16, file),
            about: About {
                at,
                ..About::default()
            },
            crc: Crc::new(),
            row: vec![],
            path: path.to_owned(),
        })
    }

    /// Takes in what became of one event.
    pub fn take(&mut self, taken: Taken) -> Result<(), Error> {
        self.about.found += 1;
        match taken {
            Taken::Filtered => self.about.filtered += 1,
            Taken::Skipped(reason) => {
                let count = self.about.skipped.entry(reason.to_owned()).or_default();
                *count += 1;
            }
            Taken::Trimmed(row, reasons) => {
                for reason in reasons {
                    let count = self.about.trimmed.entry(reason.to_owned()).or_default();
                    *count += 1;
                }
                self.about.found -= 1;
                self.take(Taken::Row(row))?;
            }
            Taken::Row(row) => {
                self.about.rows += 1;
                self.row.clear();
                write_row(&mut self.row, row.id.bytes(), row.at, &value(&row));
                self.crc.update(&self.row);
                let written = self.file.write_all(&self.row);
                written.map_err(Error::io(&self.path))?;
            }
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<About, Error> {
        self.about.crc = self.crc.sum();
        let about = serde_json::to_vec(&self.about)
            .map_err(|error| Error::corrupt(&self.path, error.to_string()))?;
        let mut end = (about.len() as u64).to_le_bytes().to_vec();
        end.extend(sum(&about).to_le_bytes());
        end.extend(MAGIC);
        let mut write = |bytes: &[u8]| self.file.write_all(bytes);
        let written = write(&about).and_then(|()| write(&end));
        written.map_err(Error::io(&self.path))?;
        let file = self.file.into_inner();
        let file = file.map_err(|error| Error::io(&self.path)(error.into_error()))?;
        files::persist(file, &self.path)?;
        Ok(self.about)
    }
}

/// What was read, in the order in which it was.
pub struct Gathered {
    /// What is known of it.
    pub about: About,
    file: BufReader<File>,
    left: u64,
    crc: Crc,
    bytes: Vec<u8>,
    path: Box<Path>,
}

impl Gathered {
    /// Opens a file; none where there is none, or one of another format.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::io(path))?,
        };
        let read = trailer(&mut file).map_err(Error::io(path))?;
        let about = read.and_then(|json| serde_json::from_slice::<About>(&json).ok());
        Ok(about.map(|about| Self {
            left: about.rows,
            about,
            file: BufReader::with_capacity(1 << 16, file),
            crc: Crc::new(),
            bytes: vec![],
            path: path.into(),
        }))
    }
}

/// How long what was read is kept: a run that was cut long ago reads again what is still due.
const KEPT: Millis = 3 * 24 * HOUR;
const HOUR: Millis = 3_600_000;

/// Returns every file of read events in a cache, half-written ones too.
pub fn all(cache: &Path) -> Result<Vec<PathBuf>, Error> {
    let directories = files::directories(&cache.join("logs"))?;
    let listed = directories.iter().map(|directory| files::list(directory));
    Ok(listed.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Removes every file of read events in a cache: they are read again where they are still due.
pub fn clear(cache: &Path) -> Result<(), Error> {
    all(cache)?.iter().try_for_each(|path| files::remove(path))
}

/// Removes what is old, and what a kill left half written. A directory goes once it was empty for an hour: somebody may be
/// about to write into it.
pub(super) fn sweep(cache: &Path, now: Millis) -> Result<(), Error> {
    for path in all(cache)? {
        let half_written = files::is_half_written(&path);
        let limit = if half_written { HOUR } else { KEPT };
        if files::age(&path, now)?.is_some_and(|age| age > limit) {
            files::remove(&path)?;
        }
    }
    for directory in files::directories(&cache.join("logs"))? {
        let is_old = files::age(&directory, now)?.is_some_and(|age| age > HOUR);
        if is_old && files::list(&directory)?.is_empty() {
            files::remove_empty(&directory)?;
        }
    }
    Ok(())
}

fn sum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Reads what stands behind the rows: JSON, its length, its sum, the format.
fn trailer(file: &mut File) -> std::io::Result<Option<Vec<u8>>> {
    const END: usize = 12 + MAGIC.len();
    let length = file.metadata()?.len();
    if length < END as u64 {
        return Ok(None);
    }
    let rows = length - END as u64;
    let mut end = [0; END];
    file.seek(SeekFrom::Start(rows))?;
    file.read_exact(&mut end)?;
    let word =
        |from: usize| u32::from_le_bytes([end[from], end[from + 1], end[from + 2], end[from + 3]]);
    let size = u64::from(word(0)) | u64::from(word(4)) << 32;
    if end[12..] != *MAGIC || size > rows {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(rows - size))?;
    let mut json = vec![];
    Read::take(&mut *file, size).read_to_end(&mut json)?;
    file.seek(SeekFrom::Start(0))?;
    Ok((sum(&json) == word(8)).then_some(json))
}

impl Iterator for Gathered {
    type Item = Result<LogRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let damaged = |path: &Path| Error::corrupt(path, "a damaged file of the cache; remove it");
        if self.left == 0 {
            let sum = std::mem::take(&mut self.crc).sum();
            // Asked once: after the end it is the end.
            let wrong = self.about.rows > 0 && sum != self.about.crc;
            self.about.rows = 0;
            return wrong.then(|| Err(damaged(&self.path)));
        }
        self.left -= 1;
        let row = match read_row(&mut self.file, &mut self.bytes) {
            Ok(row) => row,
            Err(error) => {
                (self.left, self.about.rows) = (0, 0);
                return Some(Err(Error::io(&self.path)(error)));
            }
        };
        self.crc.update(row.bytes());
        let id = EventId::from_bytes(row.key());
        let decoded = id.and_then(|id| decode(id, row.amplitude_id(), row.value()));
        Some(decoded.ok_or_else(|| damaged(&self.path)))
    }
}

/// Everything of an event but its id and time.
pub(super) fn value(row: &LogRow) -> Vec<u8> {
    let key = row.key.bytes();
    let mut value = Vec::with_capacity(9 + key.len() + row.body.len());
    value.push(u8::from(row.purchase));
    value.extend_from_slice(&row.data_points.to_le_bytes());
    value.extend_from_slice(&(key.len() as u32).to_le_bytes());
    value.extend_from_slice(key);
    value.extend_from_slice(row.body.as_bytes());
    value
}

/// Reads an event back from its id, its time and the rest.
pub(super) fn decode(id: EventId, at: Millis, value: &[u8]) -> Option<LogRow> {
    let (purchase, rest) = value.split_first()?;
    let (points, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (key, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(LogRow {
        id,
        key: Key::from_bytes(key).ok()?,
        at,
        purchase: *purchase == 1,
        data_points: u32::from_le_bytes(*points),
        body: std::str::from_utf8(body).ok()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64) -> LogRow {
        LogRow {
            id: EventId::of(&["insert", "d", &number.to_string()]),
            key: Key::alias("crm", "7").unwrap(),
            at: number,
            purchase: number % 2 == 1,
            data_points: 4,
            body: format!("{{\"name\":\"{number}\"}}").into(),
        }
    }

    fn written(path: &Path) -> About {
        let mut gathering = Gathering::begin(path, 77).unwrap();
        for taken in [
            Taken::Row(row(1)),
            Taken::Filtered,
            Taken::Skipped("malformed"),
            Taken::Row(row(2)),
            Taken::Skipped("malformed"),
        ] {
            gathering.take(taken).unwrap();
        }
        gathering.finish().unwrap()
    }

    #[test]
    fn what_was_read_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hour.events");
        assert!(Gathered::open(&path).unwrap().is_none());
        let about = written(&path);
        let gathered = Gathered::open(&path).unwrap().unwrap();
        assert_eq!(
            (&gathered.about, about.found, about.filtered),
            (&about, 5, 1)
        );
        assert_eq!(
            (about.skipped["malformed"], about.rows, about.at),
            (2, 2, 77)
        );
        let rows: Vec<LogRow> = gathered.map(Result::unwrap).collect();
        assert_eq!(rows, [row(1), row(2)]);
    }

    #[test]
    fn damage_is_no_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hour.events");
        written(&path);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let Some(gathered) = Gathered::open(&path).unwrap() else {
                continue;
            };
            let rows: Result<Vec<LogRow>, Error> = gathered.collect();
            assert!(rows.is_err(), "{at}");
        }
    }

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "directories get their times from the disk"
    )]
    fn what_is_old_is_swept_and_its_directory_once_it_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path();
        let now = jiff::Timestamp::now().as_millisecond();
        let logs = cache.join("logs");
        for (name, hours) in [
            ("one/fresh.events", 69),
            ("one/old.events", 73),
            ("one/.writing-a", 2),
            ("two/.writing-b", 0),
            ("three/old.events", 73),
        ] {
            let path = logs.join(name);
            files::directory(path.parent().unwrap()).unwrap();
            files::write(&path, b"events").unwrap();
            files::touch(&path, now - hours * HOUR).unwrap();
        }
        sweep(cache, now).unwrap();
        let left = || {
            let left = all(cache).unwrap();
            let mut left: Vec<String> = left
                .iter()
                .map(|path| path.strip_prefix(&logs).unwrap().display().to_string())
                .collect();
            left.sort();
            left
        };
        assert_eq!(left(), ["one/fresh.events", "two/.writing-b"]);
        assert!(logs.join("three").exists(), "it was in use just now");
        sweep(cache, now + 2 * HOUR).unwrap();
        assert_eq!(left(), ["one/fresh.events"]);
        assert!(!logs.join("three").exists());
        clear(cache).unwrap();
        assert_eq!(left(), [""; 0]);
    }
}
