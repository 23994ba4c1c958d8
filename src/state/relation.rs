//! A relation read from a source: its rows sorted by key in one file of the cache, with what is known about the
//! reading. Not a promise to anyone: a cache file of another format is read anew.
//!
//! # Guarantees
//! A file that was cut or changed is an error, never a shorter relation: rows are counted and summed to the end.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::{
    Error, files,
    runs::{Sorter, read_row},
};
use crate::model::{Key, Member, Millis, Text};

const MAGIC: &[u8; 16] = b"syncform-relat/2";

/// What is known about a relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Rows, one a key.
    pub rows: u64,
    /// Rows of the file it was read from.
    pub file_rows: u64,
    /// Rows without an identifier.
    pub no_identifier: u64,
    /// Rows whose identifier Braze would not take.
    pub bad_identifier: u64,
    /// Rows whose key stood before.
    pub duplicates: u64,
    /// When its source was asked.
    pub read_at: Millis,
    /// Columns that each row's value holds a cell of, as a JSON array in this order; a row without any has no value.
    pub columns: Vec<String>,
    /// Columns that were asked for and are not in its source.
    pub missing: Vec<String>,
    crc: u32,
}

impl About {
    /// Begins what is known about a reading made then.
    pub fn at(read_at: Millis) -> Self {
        Self {
            read_at,
            ..Self::default()
        }
    }

    /// Says that its source was asked again then, and is the same.
    #[must_use]
    pub fn read_again(self, read_at: Millis) -> Self {
        Self { read_at, ..self }
    }

    /// Returns whether every one of these columns was looked for.
    pub fn covers(&self, columns: &BTreeSet<String>) -> bool {
        let mut columns = columns.iter();
        columns.all(|column| self.columns.contains(column) || self.missing.contains(column))
    }
}

/// Writes the rows of a sorter as a relation, and returns what is known of it.
pub fn write(path: &Path, rows: Sorter, about: About) -> Result<About, Error> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut about = about;
    let mut file = BufWriter::with_capacity(BUFFER, Summed::new(files::temporary(parent)?));
    let mut written = 0;
    about.duplicates = rows.finish()?.each(|row| {
        file.write_all(row.bytes()).map_err(Error::io(path))?;
        written += 1;
        Ok(())
    })?;
    about.rows = written;
    file.flush().map_err(Error::io(path))?;
    about.crc = file.get_ref().crc.sum();
    let trailer =
        serde_json::to_vec(&about).map_err(|error| Error::corrupt(path, error.to_string()))?;
    file.write_all(&trailer).map_err(Error::io(path))?;
    file.write_all(&(trailer.len() as u64).to_le_bytes())
        .map_err(Error::io(path))?;
    file.write_all(MAGIC).map_err(Error::io(path))?;
    let file = file
        .into_inner()
        .map_err(|error| Error::io(path)(error.into_error()))?;
    files::persist(file.inner, path)?;
    Ok(about)
}

/// Iterates over the rows of a relation. The value of one without columns is empty.
pub struct RelationReader {
    rows: BufReader<Summed<std::io::Take<File>>>,
    path: PathBuf,
    seen: u64,
    bytes: Vec<u8>,
    /// Shared by the rows without a value.
    none: Text,
    /// What is known about it.
    pub about: About,
}

impl RelationReader {
    /// Opens a relation; none where there is no such file or it is of another format.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Error::io(path))?,
        };
        let Some((about, body)) = trailer(&mut file, path)? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
        let rows = BufReader::with_capacity(BUFFER, Summed::new(file.take(body)));
        let bytes = vec![];
        Ok(Some(Self {
            rows,
            path: path.to_owned(),
            seen: 0,
            bytes,
            none: "".into(),
            about,
        }))
    }

    fn step(&mut self) -> Result<Option<Member>, Error> {
        if self.seen == self.about.rows {
            let whole = self.rows.get_ref().inner.limit() == 0 && self.rows.buffer().is_empty();
            return if whole && self.rows.get_ref().crc.sum() == self.about.crc {
                Ok(None)
            } else {
                let what = "the cached rows were changed; remove the file and plan again";
                Err(Error::corrupt(&self.path, what))
            };
        }
        let row = read_row(&mut self.rows, &mut self.bytes).map_err(|_| {
            Error::corrupt(&self.path, "the cached rows end too early; remove the file")
        })?;
        self.seen += 1;
        let key = Key::from_bytes(row.key())
            .map_err(|_| Error::corrupt(&self.path, "a cached row without a usable identifier"))?;
        let value = match row.value() {
            [] => self.none.clone(),
            value => std::str::from_utf8(value)
                .map_err(|_| Error::corrupt(&self.path, "a cached value that is not text"))?
                .into(),
        };
        let amplitude_id = Some(row.amplitude_id()).filter(|id| *id != 0);
        Ok(Some(Member {
            key,
            amplitude_id,
            value,
        }))
    }
}

impl Iterator for RelationReader {
    type Item = Result<Member, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// Sums what passes, in the large pieces that a buffer makes: a sum a row costs more than the row.
struct Summed<T> {
    inner: T,
    crc: Crc,
}

const BUFFER: usize = 1 << 16;

impl<T> Summed<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            crc: Crc::new(),
        }
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.crc.update(&buffer[..length]);
        Ok(length)
    }
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.crc.update(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn trailer(file: &mut File, path: &Path) -> Result<Option<(About, u64)>, Error> {
    let io = |error| Error::io(path)(error);
    let length = file.metadata().map_err(io)?.len();
    let tail = 8 + MAGIC.len() as u64;
    if length < tail {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-tail.cast_signed())).map_err(io)?;
    let mut bytes = [0; 24];
    file.read_exact(&mut bytes).map_err(io)?;
    let (size, magic) = bytes.split_at(8);
    let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
    if magic != MAGIC || size > length - tail {
        return Ok(None);
    }
    let body = length - tail - size;
    file.seek(SeekFrom::Start(body)).map_err(io)?;
    let mut json = vec![0; size as usize];
    file.read_exact(&mut json).map_err(io)?;
    Ok(serde_json::from_slice(&json)
        .ok()
        .map(|about| (about, body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::budget::Budget;

    #[test]
    fn a_file_that_was_cut_or_changed_is_never_a_smaller_relation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        let budget = Budget::new(1 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let lease = runtime.block_on(budget.leases(1)).remove(0);
        let mut sorter = Sorter::new(directory.path(), lease);
        for person in ["b", "a", "c", "a"] {
            let key = Key::external(person).unwrap();
            sorter.push(key.bytes(), 7, b"").unwrap();
        }
        let about = write(&path, sorter, About::at(5)).unwrap();
        assert_eq!((about.rows, about.duplicates, about.read_at), (3, 1, 5));
        let read = || match RelationReader::open(&path) {
            Ok(Some(reader)) => reader.collect::<Result<Vec<_>, _>>().map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        assert_eq!(read().unwrap().map(|rows| rows.len()), Some(3));
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(!matches!(read(), Ok(Some(_))), "cut at {cut} passed");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let found = read();
            let same = matches!(&found, Ok(Some(rows)) if rows.len() == 3);
            assert!(
                same || !matches!(found, Ok(Some(_))),
                "byte {at} changed made another relation"
            );
        }
    }
}
