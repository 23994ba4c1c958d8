//! The delta of a resource: what is to be done, row by row, in a Parquet file sorted by key.
//! A plan writes it, an apply sends it, a recovery folds it.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use super::{
    Error,
    ledger::reuse,
    table::{Cell, Field, KEY, Kind, Reader, Writer, corrupt},
};
use crate::model::{Address, Change, Standing, Text, Verb};

/// Format of the file, in its metadata.
const FORMAT: &str = "syncform-delta/2";

const FIELDS: [Field; 9] = [
    KEY[0],
    KEY[1],
    KEY[2],
    KEY[3],
    Field::required("verb", Kind::Word),
    Field::optional("before", Kind::Word),
    Field::optional("maybe", Kind::Word),
    Field::optional("after", Kind::Word),
    Field::required("standing", Kind::Word),
];

/// Writes a delta; rows must come in ascending order of their keys.
pub struct DeltaWriter<W: Write + Send>(Writer<W>);

impl<W: Write + Send> DeltaWriter<W> {
    /// Begins a delta of a resource.
    pub fn new(into: W, address: &Address) -> Result<Self, Error> {
        let about = [("format", FORMAT), ("address", address.as_str())];
        Writer::new(into, &FIELDS, &about)
            .map(Self)
            .map_err(corrupt(Path::new("delta")))
    }

    /// Takes one row.
    pub fn push(&mut self, change: &Change) -> Result<(), Error> {
        let Change {
            key,
            amplitude_id,
            verb,
            before,
            maybe,
            after,
            standing,
        } = change;
        let rest = [
            Cell::Text(verb.word()),
            Cell::text(before.as_deref()),
            Cell::text(maybe.as_deref()),
            Cell::text(after.as_deref()),
            Cell::Text(standing.word()),
        ];
        let cells = Cell::of_key(key, *amplitude_id).into_iter().chain(rest);
        self.0.push(cells).map_err(corrupt(Path::new("delta")))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, Error> {
        self.0.finish().map_err(corrupt(Path::new("delta")))
    }
}

/// Iterates over a delta's rows.
pub struct DeltaReader {
    rows: Reader,
    path: Box<Path>,
    before: Text,
    after: Text,
}

impl DeltaReader {
    /// Opens a delta.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self::reading(
            Reader::of_format(path, &FIELDS, FORMAT)?,
            path,
        ))
    }

    /// Opens a delta that has no path of its own; this one is for messages.
    pub fn of(file: File, path: &Path) -> Result<Self, Error> {
        Ok(Self::reading(
            Reader::of_file(file, path, &FIELDS, FORMAT)?,
            path,
        ))
    }

    fn reading(rows: Reader, path: &Path) -> Self {
        Self {
            rows,
            path: path.into(),
            before: "".into(),
            after: "".into(),
        }
    }

    fn step(&mut self) -> Result<Option<Change>, parquet::errors::ParquetError> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        let (key, amplitude_id) = self.rows.key()?;
        let wrong = |what: &str| parquet::errors::ParquetError::General(what.to_owned());
        let verb = self.rows.text(4)?.and_then(Verb::from_word);
        let verb = verb.ok_or_else(|| wrong("an unknown verb"))?;
        let before = self
            .rows
            .text(5)?
            .map(|text| shared(&mut self.before, text));
        let maybe = self.rows.text(6)?.map(Arc::from);
        let after = self.rows.text(7)?.map(|text| shared(&mut self.after, text));
        let standing = self.rows.text(8)?.and_then(Standing::from_word);
        let standing = standing.ok_or_else(|| wrong("an unknown standing"))?;
        Ok(Some(Change {
            key,
            amplitude_id,
            verb,
            before,
            maybe,
            after,
            standing,
        }))
    }
}

fn shared(last: &mut Text, text: &str) -> Text {
    reuse(last, text);
    last.clone()
}

impl Iterator for DeltaReader {
    type Item = Result<Change, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().map_err(corrupt(&self.path));
        next.transpose()
    }
}
