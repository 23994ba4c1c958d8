//! Rows that Braze refused: of a resource, those set aside; of a run, all. A Parquet file that anyone can read.
//! When a row is tried again is not known here.

use std::{io::Write, path::Path};

use super::{
    Error,
    ledger::reuse,
    manifest::SetAside,
    store::{Draft, DraftWriter, Store},
    table::{Cell, Field, KEY, Kind, Reader, Writer, corrupt},
};
use crate::model::{Address, Millis, Refusal, Text, Verb};

/// Format of the file, in its metadata.
const FORMAT: &str = "syncform-refusals/1";

const FIELDS: [Field; 10] = [
    KEY[0],
    KEY[1],
    KEY[2],
    KEY[3],
    Field::required("address", Kind::Word),
    Field::required("verb", Kind::Word),
    Field::optional("value", Kind::Word),
    Field::required("reason", Kind::Word),
    Field::required("refused_at", Kind::Time),
    Field::required("run", Kind::Word),
];

/// Writes refusals; those of one resource in ascending order of their keys.
pub struct RefusalWriter<W: Write + Send>(Writer<W>);

impl<W: Write + Send> RefusalWriter<W> {
    /// Begins a file.
    pub fn new(into: W) -> Result<Self, Error> {
        Writer::new(into, &FIELDS, &[("format", FORMAT)])
            .map(Self)
            .map_err(corrupt(Path::new("refusals")))
    }

    /// Takes one row.
    pub fn push(&mut self, refusal: &Refusal) -> Result<(), Error> {
        let Refusal {
            address,
            key,
            amplitude_id,
            verb,
            value,
            reason,
            at,
            run,
        } = refusal;
        let rest = [
            Cell::Text(address.as_str()),
            Cell::Text(verb.word()),
            Cell::text(value.as_deref()),
            Cell::Text(reason),
            Cell::Int(*at),
            Cell::Text(run),
        ];
        let cells = Cell::of_key(key, *amplitude_id).into_iter().chain(rest);
        self.0.push(cells).map_err(corrupt(Path::new("refusals")))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, Error> {
        self.0.finish().map_err(corrupt(Path::new("refusals")))
    }
}

/// Iterates over refusals.
pub struct RefusalReader {
    rows: Reader,
    path: Box<Path>,
    reason: Text,
    run: Text,
}

impl RefusalReader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            rows: Reader::of_format(path, &FIELDS, FORMAT)?,
            path: path.into(),
            reason: "".into(),
            run: "".into(),
        })
    }

    fn step(&mut self) -> Result<Option<Refusal>, parquet::errors::ParquetError> {
        let wrong = |what: &str| parquet::errors::ParquetError::General(what.to_owned());
        if !self.rows.advance()? {
            return Ok(None);
        }
        let (key, amplitude_id) = self.rows.key()?;
        let address = self.rows.text(4)?.and_then(Address::parse);
        let address = address.ok_or_else(|| wrong("an unknown address"))?;
        let verb = self.rows.text(5)?.and_then(Verb::from_word);
        let verb = verb.ok_or_else(|| wrong("an unknown verb"))?;
        let value = self.rows.text(6)?.map(Text::from);
        reuse(&mut self.reason, self.rows.text(7)?.unwrap_or_default());
        let at = self.rows.int(8).unwrap_or_default();
        reuse(&mut self.run, self.rows.text(9)?.unwrap_or_default());
        Ok(Some(Refusal {
            address,
            key,
            amplitude_id,
            verb,
            value,
            reason: self.reason.clone(),
            at,
            run: self.run.clone(),
        }))
    }
}

impl Iterator for RefusalReader {
    type Item = Result<Refusal, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().map_err(corrupt(&self.path));
        next.transpose()
    }
}

/// Writes the rows that are set aside; no file where there are none.
pub struct AsideWriter<'a> {
    store: &'a Store,
    writer: Option<RefusalWriter<DraftWriter>>,
    rows: u64,
    oldest: Millis,
}

impl<'a> AsideWriter<'a> {
    /// Begins; nothing is made before there is a row.
    pub fn new(store: &'a Store) -> Self {
        Self {
            store,
            writer: None,
            rows: 0,
            oldest: Millis::MAX,
        }
    }

    /// Takes one row.
    pub fn push(&mut self, refusal: &Refusal) -> Result<(), Error> {
        self.rows += 1;
        self.oldest = self.oldest.min(refusal.at);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(RefusalWriter::new(self.store.draft()?)?),
        };
        writer.push(refusal)
    }

    /// Ends the file, and says what is in it.
    pub fn finish(self) -> Result<Option<(Draft, SetAside)>, Error> {
        let Some(writer) = self.writer else {
            return Ok(None);
        };
        let draft = writer.finish()?.finish()?;
        let aside = SetAside {
            blob: draft.digest().to_owned(),
            rows: self.rows,
            oldest: self.oldest,
        };
        Ok(Some((draft, aside)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("refusals.parquet");
        let refusal = |key, verb, value: Option<&str>| Refusal {
            address: Address::new("sync", "a"),
            key,
            amplitude_id: Some(7),
            verb,
            value: value.map(Text::from),
            reason: "'external_id' must be fewer than 988 bytes".into(),
            at: 5,
            run: "r".into(),
        };
        let rows = [
            refusal(Key::alias("l", "n").unwrap(), Verb::Add, Some("\"A\"")),
            refusal(Key::external("u").unwrap(), Verb::Remove, None),
        ];
        let mut writer = RefusalWriter::new(std::fs::File::create(&path).unwrap()).unwrap();
        rows.iter().for_each(|row| writer.push(row).unwrap());
        writer.finish().unwrap();
        let found: Vec<_> = RefusalReader::open(&path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(found, rows);
    }
}
