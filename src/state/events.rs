//! Events of a log sync: those that a plan sends, in the order in which they go, and those that are parked. A Parquet file
//! that anyone can read.

use std::{io::Write, path::Path, sync::Arc};

use parquet::errors::ParquetError;

use super::{
    Error,
    ledger::reuse,
    table::{Cell, Field, KEY, Kind, Reader, Writer, corrupt},
};
use crate::model::{Address, EventId, Hour, LogEvent, LogRow, Parked, Text};

/// Format of the file, in its metadata.
const FORMAT: &str = "syncform-events/1";

const FIELDS: [Field; 14] = [
    KEY[0],
    KEY[1],
    KEY[2],
    KEY[3],
    Field::required("event_id", Kind::Text),
    Field::required("unit", Kind::Word),
    Field::required("hour", Kind::Time),
    Field::required("happened_at", Kind::Time),
    Field::required("purchase", Kind::Bool),
    Field::required("data_points", Kind::Int),
    Field::required("body", Kind::Text),
    Field::optional("batch", Kind::Word),
    Field::optional("parked_at", Kind::Time),
    Field::required("released", Kind::Bool),
];

/// Writes events in the order in which they are to be read.
pub struct EventWriter<W: Write + Send> {
    rows: Writer<W>,
    /// How many were written.
    pub count: u64,
}

impl<W: Write + Send> EventWriter<W> {
    /// Begins a file of a resource.
    pub fn new(into: W, address: &Address) -> Result<Self, Error> {
        let about = [("format", FORMAT), ("address", address.as_str())];
        let rows = Writer::new(into, &FIELDS, &about).map_err(corrupt(Path::new("events")))?;
        Ok(Self { rows, count: 0 })
    }

    /// Takes one event.
    pub fn push(&mut self, event: &LogEvent) -> Result<(), Error> {
        let LogEvent {
            row,
            unit,
            hour,
            parked,
        } = event;
        let id = row.id.to_string();
        let parked = parked.as_ref();
        let rest = [
            Cell::Text(&id),
            Cell::Text(unit),
            Cell::Int(hour.start()),
            Cell::Int(row.at),
            Cell::Bool(row.purchase),
            Cell::Int(row.data_points.into()),
            Cell::Text(&row.body),
            Cell::text(parked.map(|parked| &*parked.batch)),
            Cell::int(parked.map(|parked| parked.at)),
            Cell::Bool(parked.is_some_and(|parked| parked.released)),
        ];
        let cells = Cell::of_key(&row.key, None).into_iter().chain(rest);
        self.count += 1;
        self.rows.push(cells).map_err(corrupt(Path::new("events")))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, Error> {
        self.rows.finish().map_err(corrupt(Path::new("events")))
    }
}

/// Iterates over events.
pub struct EventReader {
    rows: Reader,
    path: Box<Path>,
    unit: Text,
    batch: Text,
}

impl EventReader {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let rows = Reader::of_format(path, &FIELDS, FORMAT)?;
        Ok(Self::over(rows, path))
    }

    /// The same of a file that is open; the path is for messages.
    pub fn of(file: std::fs::File, path: &Path) -> Result<Self, Error> {
        let rows = Reader::of_file(file, path, &FIELDS, FORMAT)?;
        Ok(Self::over(rows, path))
    }

    fn over(rows: Reader, path: &Path) -> Self {
        Self {
            rows,
            path: path.into(),
            unit: "".into(),
            batch: "".into(),
        }
    }

    fn step(&mut self) -> Result<Option<LogEvent>, ParquetError> {
        let wrong = |what: &str| ParquetError::General(what.to_owned());
        if !self.rows.advance()? {
            return Ok(None);
        }
        let (key, _) = self.rows.key()?;
        let id = self.rows.text(4)?.and_then(EventId::parse);
        let id = id.ok_or_else(|| wrong("an event without an id"))?;
        reuse(&mut self.unit, self.rows.text(5)?.unwrap_or_default());
        let hour = Hour::of(self.rows.int(6).unwrap_or_default());
        let at = self.rows.int(7).unwrap_or_default();
        let purchase = self.rows.bool(8).unwrap_or_default();
        let data_points = self.rows.int(9).and_then(|points| points.try_into().ok());
        let data_points = data_points.ok_or_else(|| wrong("data points that are no count"))?;
        let body = Text::from(self.rows.text(10)?.unwrap_or_default());
        let batch = self.rows.text(11)?;
        let batch = batch.map(|batch| {
            reuse(&mut self.batch, batch);
            Arc::clone(&self.batch)
        });
        let (at_parked, released) = (self.rows.int(12), self.rows.bool(13).unwrap_or_default());
        let parked = batch.zip(at_parked).map(|(batch, at)| Parked {
            batch,
            at,
            released,
        });
        Ok(Some(LogEvent {
            row: LogRow {
                id,
                key,
                at,
                purchase,
                data_points,
                body,
            },
            unit: self.unit.clone(),
            hour,
            parked,
        }))
    }
}

impl Iterator for EventReader {
    type Item = Result<LogEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        step.map_err(corrupt(&self.path)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn events_come_back_as_they_were() {
        let event = |number: i64, parked| LogEvent {
            row: LogRow {
                id: EventId::of(&[&number.to_string()]),
                key: Key::external("u1").unwrap(),
                at: -number,
                purchase: number % 2 == 0,
                data_points: 3,
                body: format!("{{\"n\":{number}}}").into(),
            },
            unit: "20261122T05".into(),
            hour: Hour(number),
            parked,
        };
        let parked = Parked {
            batch: "r1-0".into(),
            at: 7,
            released: true,
        };
        let events = [event(1, None), event(2, Some(parked)), event(3, None)];
        let file = tempfile::NamedTempFile::new().unwrap();
        let address = Address::new("sync", "orders");
        let mut writer = EventWriter::new(file.reopen().unwrap(), &address).unwrap();
        events.iter().for_each(|event| writer.push(event).unwrap());
        assert_eq!(writer.count, 3);
        writer.finish().unwrap();
        let read: Vec<LogEvent> = EventReader::open(file.path())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read, events);
    }
}
