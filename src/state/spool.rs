//! Rows in a file without a name: it goes with whoever holds it, and nobody has to sweep. Read as often as need be, by one
//! reader at a time. Of no use after the process.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error,
    runs::{Run, Sorter, read_row, write_row},
};

const BUFFER: usize = 1 << 16;

/// Rows that were written.
#[derive(Debug)]
pub struct Spool {
    file: Arc<File>,
    bytes: u64,
    rows: u64,
    directory: PathBuf,
}

/// Writes rows in the order in which they will be read.
pub struct SpoolWriter {
    file: BufWriter<File>,
    bytes: u64,
    rows: u64,
    row: Vec<u8>,
    directory: PathBuf,
}

/// One row. Debug would show a person, so there is none.
pub struct Row {
    /// Its key, or whatever it was sorted by.
    pub key: Vec<u8>,
    /// Its number.
    pub number: i64,
    /// Its value.
    pub value: Vec<u8>,
}

impl SpoolWriter {
    /// Begins a file in a directory.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(directory).map_err(Error::io(directory))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            bytes: 0,
            rows: 0,
            row: vec![],
            directory: directory.to_owned(),
        })
    }

    /// Writes one row.
    pub fn push(&mut self, key: &[u8], number: i64, value: &[u8]) -> Result<(), Error> {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        write_row(&mut row, key, number, value);
        self.row = row;
        self.put()
    }

    fn put(&mut self) -> Result<(), Error> {
        let written = self.file.write_all(&self.row);
        written.map_err(Error::io(&self.directory))?;
        self.bytes += self.row.len() as u64;
        self.rows += 1;
        Ok(())
    }

    /// Ends the writing.
    pub fn finish(self) -> Result<Spool, Error> {
        let file = self.file.into_inner();
        let file = file.map_err(|error| Error::io(&self.directory)(error.into_error()))?;
        Ok(Spool {
            file: Arc::new(file),
            bytes: self.bytes,
            rows: self.rows,
            directory: self.directory,
        })
    }
}

impl Spool {
    /// Writes what a sorter holds; its lease is free then.
    pub fn of(directory: &Path, rows: Sorter) -> Result<Self, Error> {
        let mut writer = SpoolWriter::new(directory)?;
        rows.finish()?.each(|row| {
            writer.row.clear();
            writer.row.extend_from_slice(row.bytes());
            writer.put()
        })?;
        writer.finish()
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Reads the rows from the first.
    pub fn rows(&self) -> SpoolRows {
        let run = Run::new(Arc::clone(&self.file), 0..self.bytes);
        SpoolRows {
            file: BufReader::with_capacity(BUFFER, run),
            left: self.rows,
            bytes: vec![],
            directory: self.directory.clone(),
        }
    }
}

/// Iterates over the rows of a spool.
pub struct SpoolRows {
    file: BufReader<Run>,
    left: u64,
    bytes: Vec<u8>,
    directory: PathBuf,
}

impl Iterator for SpoolRows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let row = read_row(&mut self.file, &mut self.bytes).map(|row| Row {
            key: row.key().to_owned(),
            number: row.amplitude_id(),
            value: row.value().to_owned(),
        });
        Some(row.map_err(Error::io(&self.directory)))
    }
}
