//! Events of a log sync that were sent, or may have been, and are not sent again: their ids and the hours they were read
//! in. In no order; whoever asks sorts. A Parquet file; nobody is in it.

use std::{io::Write, path::Path};

use super::{
    Error,
    table::{Cell, Field, Kind, Reader, Writer, corrupt},
};
use crate::model::{EventId, Hour};

/// Format of the file, in its metadata.
const FORMAT: &str = "syncform-seen/1";

const FIELDS: [Field; 2] = [
    Field::required("event_id", Kind::Text),
    Field::required("hour", Kind::Time),
];

/// Writes ids.
pub struct SeenWriter<W: Write + Send> {
    rows: Writer<W>,
    /// How many were written.
    pub count: u64,
}

impl<W: Write + Send> SeenWriter<W> {
    /// Begins a file.
    pub fn new(into: W) -> Result<Self, Error> {
        let rows = Writer::new(into, &FIELDS, &[("format", FORMAT)]);
        let rows = rows.map_err(corrupt(Path::new("seen")))?;
        Ok(Self { rows, count: 0 })
    }

    /// Takes one.
    pub fn push(&mut self, id: EventId, hour: Hour) -> Result<(), Error> {
        let letters = id.to_string();
        let cells = [Cell::Text(&letters), Cell::Int(hour.start())];
        self.count += 1;
        self.rows.push(cells).map_err(corrupt(Path::new("seen")))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, Error> {
        self.rows.finish().map_err(corrupt(Path::new("seen")))
    }
}

/// Iterates over ids and the hours they were read in.
pub struct SeenReader {
    rows: Reader,
    path: Box<Path>,
}

impl SeenReader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            rows: Reader::of_format(path, &FIELDS, FORMAT)?,
            path: path.into(),
        })
    }
}

impl Iterator for SeenReader {
    type Item = Result<(EventId, Hour), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut step = || {
            if !self.rows.advance()? {
                return Ok(None);
            }
            let id = self.rows.text(0)?.and_then(EventId::parse);
            let hour = self.rows.int(1).map(Hour::of);
            let wrong = || parquet::errors::ParquetError::General("a damaged id".to_owned());
            id.zip(hour).map(Some).ok_or_else(wrong)
        };
        step().map_err(corrupt(&self.path)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were() {
        let ids =
            [("b", 2), ("a", -1), ("c", 7)].map(|(name, hour)| (EventId::of(&[name]), Hour(hour)));
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = SeenWriter::new(file.reopen().unwrap()).unwrap();
        for (id, hour) in ids {
            writer.push(id, hour).unwrap();
        }
        writer.finish().unwrap();
        let read: Vec<_> = SeenReader::open(file.path())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read, ids);
    }
}
