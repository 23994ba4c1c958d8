//! Parquet files of rows sorted by key: the columns every such file shares, and rows in and out by batches.
//! Which columns a ledger or a delta adds is theirs to say.
//!
//! Identifiers are PLAIN with zstd and no dictionary (read at 10 million rows in under a second); columns of few
//! values keep their dictionary. A row group is 65,536 rows, or fewer long ones: what one writer holds in memory.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use bytes::Bytes;
use parquet::{
    basic::{
        Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
    },
    column::{reader::ColumnReader, writer::ColumnWriter},
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterPropertiesBuilder},
        reader::{FileReader, SerializedFileReader},
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnPath, Type},
};

use super::Error;
use crate::model::{Identity, Key};

const GROUP: usize = 65_536;
/// Bytes of text past which a row group is full.
const GROUP_BYTES: usize = 16 << 20;
const BATCH: usize = 1024;
const PAGE: usize = 64 * 1024;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of few distinct values.
    Word,
    /// Text that differs from row to row.
    Text,
    /// A whole number.
    Int,
    /// Milliseconds since 1970 in UTC.
    Time,
    /// True or false.
    Bool,
}

impl Field {
    pub(super) const fn required(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            optional: false,
        }
    }

    pub(super) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            optional: true,
        }
    }
}

/// The columns that name a row, first in every table.
pub(super) const KEY: [Field; 4] = [
    Field::required("identifier", Kind::Word),
    Field::optional("alias_label", Kind::Word),
    Field::required("id", Kind::Text),
    Field::optional("amplitude_id", Kind::Int),
];

/// One cell of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Null,
    Text(&'a str),
    Int(i64),
    Bool(bool),
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    pub(super) fn int(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }

    /// The cells of `KEY`.
    pub(super) fn of_key(key: &'a Key, amplitude_id: Option<i64>) -> [Self; 4] {
        let identity = key.identity();
        let (label, id) = match identity {
            Identity::Alias { label, name } => (Some(label), name),
            Identity::Device(id) | Identity::External(id) => (None, id),
        };
        [
            Self::Text(identity.word()),
            Self::text(label),
            Self::Text(id),
            Self::int(amplitude_id),
        ]
    }
}

fn schema(fields: &[Field]) -> Result<Type, ParquetError> {
    let columns = fields.iter().map(|field| {
        let (physical, logical) = match field.kind {
            Kind::Word | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Int => (Physical::INT64, None),
            Kind::Time => (
                Physical::INT64,
                Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
            ),
            Kind::Bool => (Physical::BOOLEAN, None),
        };
        let repetition = if field.optional {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        Type::primitive_type_builder(field.name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
            .map(Arc::new)
    });
    Type::group_type_builder("rows")
        .with_fields(columns.collect::<Result<_, _>>()?)
        .build()
}

fn properties(fields: &[Field], metadata: Vec<KeyValue>) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("syncform ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata))
        .set_data_page_size_limit(PAGE);
    let plain = |builder: WriterPropertiesBuilder, field: &Field| {
        let column = ColumnPath::from(field.name);
        builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::PLAIN)
    };
    fields
        .iter()
        .filter(|field| !matches!(field.kind, Kind::Word))
        .fold(builder, plain)
        .build()
}

/// Writes rows into a file.
pub(super) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    /// Of the row group being filled.
    rows: usize,
    bytes: usize,
}

/// The cells of one column of the row group being filled.
struct Buffer {
    field: Field,
    text: Vec<u8>,
    ends: Vec<usize>,
    ints: Vec<i64>,
    bools: Vec<bool>,
    present: Vec<i16>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file with these columns and words about itself.
    pub(super) fn new(
        into: W,
        fields: &[Field],
        about: &[(&str, &str)],
    ) -> Result<Self, ParquetError> {
        let about = about
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()))
            .collect();
        let file = SerializedFileWriter::new(
            into,
            Arc::new(schema(fields)?),
            Arc::new(properties(fields, about)),
        )?;
        let columns = fields.iter().map(|field| Buffer::new(*field)).collect();
        Ok(Self {
            file,
            columns,
            rows: 0,
            bytes: 0,
        })
    }

    /// Takes one row; as many cells as there are columns.
    pub(super) fn push<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'a>>,
    ) -> Result<(), ParquetError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
            if let Cell::Text(text) = cell {
                self.bytes += text.len();
            }
        }
        self.rows += 1;
        if self.rows == GROUP || self.bytes > GROUP_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Ends the file and gives back what it was written into.
    pub(super) fn finish(mut self) -> Result<W, ParquetError> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.into_inner()
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        (self.rows, self.bytes) = (0, 0);
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut writer) = group.next_column()? {
                column.write(writer.untyped())?;
                writer.close()?;
            }
        }
        group.close().map(|_| ())
    }
}

impl Buffer {
    fn new(field: Field) -> Self {
        Self {
            field,
            text: vec![],
            ends: vec![],
            ints: vec![],
            bools: vec![],
            present: vec![],
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        if self.field.optional {
            self.present.push(i16::from(!matches!(cell, Cell::Null)));
        }
        match cell {
            Cell::Null => {}
            Cell::Text(text) => {
                self.text.extend_from_slice(text.as_bytes());
                self.ends.push(self.text.len());
            }
            Cell::Int(number) => self.ints.push(number),
            Cell::Bool(truth) => self.bools.push(truth),
        }
    }

    fn write(&mut self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = self.field.optional.then_some(self.present.as_slice());
        match writer {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let all = Bytes::from(std::mem::take(&mut self.text));
                let starts = std::iter::once(0).chain(self.ends.iter().copied());
                let values: Vec<ByteArray> = starts
                    .zip(&self.ends)
                    .map(|(start, end)| ByteArray::from(all.slice(start..*end)))
                    .collect();
                writer.write_batch(&values, present, None)?;
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&self.ints, present, None)?;
            }
            ColumnWriter::BoolColumnWriter(writer) => {
                writer.write_batch(&self.bools, present, None)?;
            }
            _ => {
                return Err(ParquetError::General(
                    "a column of an unexpected type".to_owned(),
                ));
            }
        }
        *self = Self::new(self.field);
        Ok(())
    }
}

/// Reads rows of a file in their order, a batch in memory.
pub(super) struct Reader {
    file: SerializedFileReader<File>,
    fields: Vec<Field>,
    group: usize,
    left_in_group: usize,
    columns: Vec<ColumnReader>,
    batch: Vec<Batch>,
    at: usize,
    rows_in_batch: usize,
}

/// The cells of one column of the batch in memory.
#[derive(Default)]
struct Batch {
    texts: Vec<ByteArray>,
    ints: Vec<i64>,
    bools: Vec<bool>,
    present: Vec<i16>,
    next: usize,
}

impl Reader {
    /// Opens a file that must have exactly these columns.
    fn open(file: File, fields: &[Field]) -> Result<Self, ParquetError> {
        let file = SerializedFileReader::new(file)?;
        let found = file.metadata().file_metadata().schema_descr();
        let same = found.num_columns() == fields.len()
            && found
                .columns()
                .iter()
                .zip(fields)
                .all(|(column, field)| column.name() == field.name);
        if !same {
            return Err(ParquetError::General(
                "its columns are not the ones of this format".to_owned(),
            ));
        }
        Ok(Self {
            file,
            fields: fields.to_vec(),
            group: 0,
            left_in_group: 0,
            columns: vec![],
            batch: vec![],
            at: 0,
            rows_in_batch: 0,
        })
    }

    /// Opens a file of a format, by the columns and by the word it says about itself.
    pub(super) fn of_format(path: &Path, fields: &[Field], format: &str) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        Self::of_file(file, path, fields, format)
    }

    /// The same of a file that is open; the path is for messages.
    pub(super) fn of_file(
        file: File,
        path: &Path,
        fields: &[Field],
        format: &str,
    ) -> Result<Self, Error> {
        let rows = Self::open(file, fields).map_err(corrupt(path))?;
        if rows.about("format") == Some(format) {
            Ok(rows)
        } else {
            Err(Error::corrupt(
                path,
                format!("not a file of format {format}"),
            ))
        }
    }

    /// Returns a word the file says about itself.
    pub(super) fn about(&self, key: &str) -> Option<&str> {
        let words = self.file.metadata().file_metadata().key_value_metadata()?;
        words
            .iter()
            .find(|word| word.key == key)
            .and_then(|word| word.value.as_deref())
    }

    /// Returns how many rows the file says it has.
    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.file.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Moves to the next row; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, ParquetError> {
        self.at += 1;
        if self.at < self.rows_in_batch {
            return Ok(true);
        }
        if self.left_in_group == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group)?;
            self.left_in_group = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.columns = (0..self.fields.len())
                .map(|column| group.get_column_reader(column))
                .collect::<Result<_, _>>()?;
            self.group += 1;
        }
        let want = self.left_in_group.min(BATCH);
        self.batch.clear();
        for column in &mut self.columns {
            self.batch.push(Batch::read(column, want)?);
        }
        self.left_in_group -= want;
        self.rows_in_batch = want;
        self.at = 0;
        Ok(true)
    }

    /// Takes the next cell of a column, in the order of rows; none for null.
    pub(super) fn text(&mut self, column: usize) -> Result<Option<&str>, ParquetError> {
        let Some(at) = self.next(column) else {
            return Ok(None);
        };
        self.batch[column].texts[at].as_utf8().map(Some)
    }

    /// As `text`, of a number.
    pub(super) fn int(&mut self, column: usize) -> Option<i64> {
        self.next(column).map(|at| self.batch[column].ints[at])
    }

    /// As `text`, of a truth.
    pub(super) fn bool(&mut self, column: usize) -> Option<bool> {
        self.next(column).map(|at| self.batch[column].bools[at])
    }

    /// Reads the cells of `KEY`.
    pub(super) fn key(&mut self) -> Result<(Key, Option<i64>), ParquetError> {
        let wrong = |_| ParquetError::General("a row without a usable identifier".to_owned());
        let (word, label, id) = (self.next(0), self.next(1), self.next(2));
        let text = |column: usize, at: Option<usize>| match at {
            Some(at) => self.batch[column].texts[at].as_utf8(),
            None => Ok(""),
        };
        let key = match (text(0, word)?, label) {
            ("external_id", None) => Key::external(text(2, id)?),
            ("device_id", None) => Key::device(text(2, id)?),
            ("alias", Some(_)) => Key::alias(text(1, label)?, text(2, id)?),
            _ => {
                return Err(ParquetError::General(
                    "a row with an unknown identifier".to_owned(),
                ));
            }
        };
        Ok((key.map_err(wrong)?, self.int(3)))
    }

    fn next(&mut self, column: usize) -> Option<usize> {
        let batch = &mut self.batch[column];
        if self.fields[column].optional && batch.present.get(self.at) != Some(&1) {
            return None;
        }
        let at = batch.next;
        batch.next += 1;
        Some(at)
    }
}

impl Batch {
    fn read(column: &mut ColumnReader, want: usize) -> Result<Self, ParquetError> {
        let mut batch = Self::default();
        let mut got = 0;
        while got < want {
            let present = Some(&mut batch.present);
            let (records, _, _) = match column {
                ColumnReader::ByteArrayColumnReader(reader) => {
                    reader.read_records(want - got, present, None, &mut batch.texts)?
                }
                ColumnReader::Int64ColumnReader(reader) => {
                    reader.read_records(want - got, present, None, &mut batch.ints)?
                }
                ColumnReader::BoolColumnReader(reader) => {
                    reader.read_records(want - got, present, None, &mut batch.bools)?
                }
                _ => {
                    return Err(ParquetError::General(
                        "a column of an unexpected type".to_owned(),
                    ));
                }
            };
            if records == 0 {
                return Err(ParquetError::General(
                    "a column ends before its rows do".to_owned(),
                ));
            }
            got += records;
        }
        Ok(batch)
    }
}

/// Turns a library's word on a file into ours; a disk that is full is no damage.
pub(super) fn corrupt(path: &Path) -> impl Fn(ParquetError) -> Error + '_ {
    |error| {
        let disk = match &error {
            ParquetError::External(source) => source.downcast_ref::<std::io::Error>(),
            _ => None,
        };
        match disk {
            Some(disk) => Error::io(path)(disk.kind().into()),
            None => Error::corrupt(path, error.to_string()),
        }
    }
}
