//! The ledger: whom and what Braze has acknowledged, row by row, in a Parquet file sorted by key that anyone can read.
//! What a row means is `model::Record`; this file only stores it.

use std::{io::Write, path::Path, sync::Arc};

use super::{
    Error,
    table::{Cell, Field, KEY, Kind, Reader, Writer, corrupt},
};
use crate::model::{Address, Identity, Millis, Presence, Record, Standing, Text};

/// Format of the file, in its metadata.
const FORMAT: &str = "syncform-ledger/2";

const FIELDS: [Field; 12] = [
    KEY[0],
    KEY[1],
    KEY[2],
    KEY[3],
    Field::required("value", Kind::Word),
    Field::optional("maybe", Kind::Word),
    Field::required("presence", Kind::Word),
    Field::required("sent_at", Kind::Time),
    Field::required("run", Kind::Word),
    Field::optional("checked_at", Kind::Time),
    Field::required("confirmed_once", Kind::Bool),
    Field::required("sent_again", Kind::Bool),
];

/// Writes a ledger; rows must come in ascending order of their keys.
pub struct LedgerWriter<W: Write + Send> {
    rows: Writer<W>,
    /// What was written so far.
    pub counts: LedgerCounts,
}

/// Rows of a ledger by presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerCounts {
    /// Acknowledged, not read back.
    pub unconfirmed: u64,
    /// Read back and equal.
    pub confirmed: u64,
    /// Nobody there.
    pub absent: u64,
    /// Sent, answer never seen.
    pub doubt: u64,
    /// Of the absent ones, those who were there once.
    #[serde(default)]
    pub deleted: u64,
    /// Of these, rows by device id: nobody asks about them.
    #[serde(default)]
    pub devices: u64,
    /// Since when the oldest of each kind waits to be read back.
    #[serde(default)]
    pub oldest: Oldest,
}

/// When the oldest rows were sent or read back, of those that can be asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Oldest {
    /// When the first of the rows was sent that were never read back.
    pub unconfirmed: Option<Millis>,
    /// When the first absent one was last asked about.
    pub absent: Option<Millis>,
    /// When the first of those was that are asked about in turn: confirmed ones, and those that were found to be other.
    pub confirmed: Option<Millis>,
}

impl LedgerCounts {
    /// Returns all rows, doubt included.
    pub fn rows(&self) -> u64 {
        self.unconfirmed + self.confirmed + self.absent + self.doubt
    }

    /// Counts a row.
    pub fn count(&mut self, record: &Record) {
        let last = record.checked_at.unwrap_or(record.sent_at);
        let (count, oldest, at) = match record.presence {
            Presence::Unconfirmed => (
                &mut self.unconfirmed,
                &mut self.oldest.unconfirmed,
                record.sent_at,
            ),
            Presence::Confirmed => (&mut self.confirmed, &mut self.oldest.confirmed, last),
            Presence::Absent => (&mut self.absent, &mut self.oldest.absent, last),
            Presence::Doubt if record.is_found_other() => {
                (&mut self.doubt, &mut self.oldest.confirmed, last)
            }
            Presence::Doubt => {
                self.doubt += 1;
                return;
            }
        };
        *count += 1;
        self.deleted += u64::from(record.standing() == Standing::Gone);
        if let Identity::Device(_) = record.key.identity() {
            self.devices += 1;
        } else {
            *oldest = Some(oldest.map_or(at, |known| known.min(at)));
        }
    }
}

impl<W: Write + Send> LedgerWriter<W> {
    /// Begins a ledger of a resource.
    pub fn new(into: W, address: &Address) -> Result<Self, Error> {
        let about = [("format", FORMAT), ("address", address.as_str())];
        let rows = Writer::new(into, &FIELDS, &about).map_err(corrupt(Path::new("ledger")))?;
        Ok(Self {
            rows,
            counts: LedgerCounts::default(),
        })
    }

    /// Takes one row.
    pub fn push(&mut self, record: &Record) -> Result<(), Error> {
        let Record {
            key,
            amplitude_id,
            value,
            maybe,
            presence,
            sent_at,
            run,
            checked_at,
            confirmed_once,
            sent_again,
        } = record;
        let rest = [
            Cell::Text(value),
            Cell::text(maybe.as_deref()),
            Cell::Text(presence.word()),
            Cell::Int(*sent_at),
            Cell::Text(run),
            Cell::int(*checked_at),
            Cell::Bool(*confirmed_once),
            Cell::Bool(*sent_again),
        ];
        self.counts.count(record);
        let cells = Cell::of_key(key, *amplitude_id).into_iter().chain(rest);
        self.rows.push(cells).map_err(corrupt(Path::new("ledger")))
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, Error> {
        self.rows.finish().map_err(corrupt(Path::new("ledger")))
    }
}

/// Iterates over a ledger's rows.
pub struct LedgerReader {
    rows: Reader,
    path: Box<Path>,
    value: Text,
    run: Text,
}

impl LedgerReader {
    /// Opens a ledger.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let rows = Reader::of_format(path, &FIELDS, FORMAT)?;
        Ok(Self {
            rows,
            path: path.into(),
            value: "".into(),
            run: "".into(),
        })
    }

    /// Returns the address in the file's metadata.
    pub fn address(&self) -> Option<&str> {
        self.rows.about("address")
    }

    /// Returns the number of rows.
    pub fn len(&self) -> u64 {
        self.rows.rows()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn step(&mut self) -> Result<Option<Record>, parquet::errors::ParquetError> {
        let wrong = |what: &str| parquet::errors::ParquetError::General(what.to_owned());
        if !self.rows.advance()? {
            return Ok(None);
        }
        let (key, amplitude_id) = self.rows.key()?;
        reuse(&mut self.value, self.rows.text(4)?.unwrap_or_default());
        let maybe = self.rows.text(5)?.map(Arc::from);
        let presence = self
            .rows
            .text(6)?
            .and_then(Presence::from_word)
            .ok_or_else(|| wrong("an unknown presence"))?;
        let sent_at = self.rows.int(7).unwrap_or_default();
        reuse(&mut self.run, self.rows.text(8)?.unwrap_or_default());
        let checked_at = self.rows.int(9);
        let confirmed_once = self.rows.bool(10).unwrap_or_default();
        let sent_again = self.rows.bool(11).unwrap_or_default();
        let (value, run) = (self.value.clone(), self.run.clone());
        Ok(Some(Record {
            key,
            amplitude_id,
            value,
            maybe,
            presence,
            sent_at,
            run,
            checked_at,
            confirmed_once,
            sent_again,
        }))
    }
}

impl Iterator for LedgerReader {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().map_err(corrupt(&self.path));
        next.transpose()
    }
}

/// Keeps the shared text where the next row holds the same.
pub(super) fn reuse(shared: &mut Text, text: &str) {
    if &**shared != text {
        *shared = text.into();
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use std::fs::File;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Change, Key, Standing, Verb};
    use crate::state::delta::{DeltaReader, DeltaWriter};

    fn key() -> impl Strategy<Value = Key> {
        let id = "[a-zé\\-0-9]{1,12}";
        prop_oneof![
            id.prop_map(|id| Key::external(&id).unwrap()),
            id.prop_map(|id| Key::device(&id).unwrap()),
            (id, id).prop_map(|(label, name)| Key::alias(&label, &name).unwrap()),
        ]
    }

    fn text() -> impl Strategy<Value = Text> {
        prop_oneof![
            Just("\"A\"".into()),
            Just("true".into()),
            "[a-z]{0,9}".prop_map(Text::from)
        ]
    }

    fn record() -> impl Strategy<Value = Record> {
        let presence = prop_oneof![
            Just(Presence::Unconfirmed),
            Just(Presence::Confirmed),
            Just(Presence::Absent),
            Just(Presence::Doubt)
        ];
        let first = (
            key(),
            any::<Option<i64>>(),
            text(),
            prop::option::of(text()),
            presence,
        );
        let flags = any::<[bool; 2]>();
        let second = (any::<i64>(), text(), any::<Option<i64>>(), flags);
        (first, second).prop_map(|(first, second)| {
            let (key, amplitude_id, value, maybe, presence) = first;
            let (sent_at, run, checked_at, [confirmed_once, sent_again]) = second;
            Record {
                key,
                amplitude_id,
                value,
                maybe,
                presence,
                sent_at,
                run,
                checked_at,
                confirmed_once,
                sent_again,
            }
        })
    }

    fn change() -> impl Strategy<Value = Change> {
        let verb = prop_oneof![Just(Verb::Add), Just(Verb::Change), Just(Verb::Remove)];
        let texts = (
            prop::option::of(text()),
            prop::option::of(text()),
            prop::option::of(text()),
        );
        let standing = prop_oneof![
            Just(Standing::Unasked),
            Just(Standing::There),
            Just(Standing::Nobody)
        ];
        let who = (key(), any::<Option<i64>>(), standing);
        (who, verb, texts).prop_map(
            |((key, amplitude_id, standing), verb, (before, maybe, after))| Change {
                key,
                amplitude_id,
                verb,
                before,
                maybe,
                after,
                standing,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_come_back_as_they_were(
            records in prop::collection::vec(record(), 0..60),
            changes in prop::collection::vec(change(), 0..60),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let (ledger, delta) = (directory.path().join("ledger"), directory.path().join("delta"));
            let address = Address::new("sync", "a");
            let mut writer = LedgerWriter::new(File::create(&ledger).unwrap(), &address).unwrap();
            for record in &records {
                writer.push(record).unwrap();
            }
            prop_assert_eq!(writer.counts.rows(), records.len() as u64);
            writer.finish().unwrap();
            let mut writer = DeltaWriter::new(File::create(&delta).unwrap(), &address).unwrap();
            for change in &changes {
                writer.push(change).unwrap();
            }
            writer.finish().unwrap();
            let reader = LedgerReader::open(&ledger).unwrap();
            prop_assert_eq!((reader.address(), reader.len()), (Some("sync.a"), records.len() as u64));
            prop_assert!(reader.map(Result::unwrap).eq(records));
            prop_assert!(DeltaReader::open(&delta).unwrap().map(Result::unwrap).eq(changes));
            // A delta is no ledger, whatever its columns.
            prop_assert!(LedgerReader::open(&delta).is_err());
        }
    }

    #[test]
    fn more_rows_than_a_group_come_back_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        let mut writer =
            LedgerWriter::new(File::create(&path).unwrap(), &Address::new("sync", "a")).unwrap();
        let record = |number: u32| Record {
            key: Key::external(&format!("user-{number:06}")).unwrap(),
            amplitude_id: number.is_multiple_of(3).then(|| i64::from(number)),
            value: "true".into(),
            maybe: number.is_multiple_of(5).then(|| "[false]".into()),
            presence: Presence::Unconfirmed,
            sent_at: 1,
            run: format!("run {}", number / 1000).into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        };
        (0..150_000).for_each(|number| writer.push(&record(number)).unwrap());
        writer.finish().unwrap();
        assert!(
            LedgerReader::open(&path)
                .unwrap()
                .map(Result::unwrap)
                .eq((0..150_000).map(record))
        );
    }

    #[test]
    fn long_values_are_held_by_their_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        let mut writer =
            LedgerWriter::new(File::create(&path).unwrap(), &Address::new("sync", "a")).unwrap();
        let record = |number: u32| Record {
            key: Key::external(&format!("user-{number:06}")).unwrap(),
            amplitude_id: None,
            value: format!("{{\"a\":\"{}\"}}", number.to_string().repeat(10_000)).into(),
            maybe: None,
            presence: Presence::Unconfirmed,
            sent_at: 1,
            run: "run".into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        };
        (1000..2000).for_each(|number| writer.push(&record(number)).unwrap());
        writer.finish().unwrap();
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(file.num_row_groups(), 3, "40 MB, 16 in one group");
        let rows = LedgerReader::open(&path).unwrap().map(Result::unwrap);
        assert!(rows.eq((1000..2000).map(record)));
    }
}
