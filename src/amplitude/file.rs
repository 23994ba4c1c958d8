//! The cohort file: quoted CSV, gzip or not, one person a line, read as it comes and never held.
//!
//! # Guarantees
//! A file that was cut is an error and never a smaller cohort: the gzip sum, the columns of each line and the end of
//! the last one are checked. What a cut between lines leaves is for the caller to compare with the cohort's size.

use std::io::{Cursor, Read};

use csv_core::{ReadRecordResult, Reader as Csv};
use flate2::read::MultiGzDecoder;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The stream broke, or its gzip sum is wrong.
    #[error("the cohort file broke off: {0}")]
    Broken(#[from] std::io::Error),
    /// A line is not what the header promises.
    #[error("line {line} of the cohort file is damaged or cut")]
    Damaged {
        /// From 1, the header included.
        line: u64,
    },
    /// A needed column is not there.
    #[error("the cohort file has no column `{0}`")]
    NoColumn(String),
    /// The column of a property that was asked for is not there.
    #[error("its file has no column of the property `{0}`")]
    NoProperty(String),
}

/// One line of the file.
#[derive(Clone, Copy)]
pub struct FileRow<'a> {
    /// Amplitude's number of the person; 0 where the column is empty.
    pub amplitude_id: i64,
    /// The same as it is written.
    pub amplitude_text: &'a str,
    /// The user id; empty for an anonymous person.
    pub user_id: &'a str,
    record: &'a Record,
}

impl<'a> FileRow<'a> {
    /// Returns the text of a column that `CohortFile::property` named; empty where there is none.
    pub fn property(&self, column: usize) -> &'a str {
        // Checked when the line was read.
        std::str::from_utf8(self.record.field(column)).unwrap_or_default()
    }
}

/// Reads the lines of a file.
pub struct CohortFile<R> {
    input: Plain<R>,
    csv: Csv,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    record: Record,
    line: u64,
    last_byte: u8,
    /// An odd number at the end means that a field was cut.
    quotes: usize,
    amplitude_id: usize,
    user_id: usize,
    properties: Vec<(String, usize)>,
    width: usize,
}

type Peeked<R> = std::io::Chain<Cursor<Vec<u8>>, R>;

/// The plain bytes, whatever the headers said: S3 sends gzip to everyone.
enum Plain<R> {
    As(Peeked<R>),
    Gzip(Box<MultiGzDecoder<Peeked<R>>>),
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::As(inner) => inner.read(buffer),
            Self::Gzip(inner) => inner.read(buffer),
        }
    }
}

#[derive(Default)]
struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl Record {
    fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        let field = &self.text[start..self.ends[at]];
        // A guard against spreadsheet formulas, seen by Amplitude's own proxy.
        field.strip_prefix(b"\t").unwrap_or(field)
    }
}

const BUFFER: usize = 64 * 1024;

impl<R: Read> CohortFile<R> {
    /// Opens a file, reads its header and finds the columns of these properties, as far as they are there.
    pub fn open<'p>(
        mut input: R,
        properties: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self, FileError> {
        let mut first = vec![];
        input.by_ref().take(2).read_to_end(&mut first)?;
        let gzip = first == [0x1f, 0x8b];
        let input = Cursor::new(first).chain(input);
        let mut file = Self {
            input: if gzip {
                Plain::Gzip(Box::new(MultiGzDecoder::new(input)))
            } else {
                Plain::As(input)
            },
            csv: Csv::new(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            record: Record {
                text: vec![0; 1024],
                ends: vec![0; 64],
                fields: 0,
            },
            line: 0,
            last_byte: b'\n',
            quotes: 0,
            amplitude_id: 0,
            user_id: 0,
            properties: vec![],
            width: 0,
        };
        if !file.advance()? {
            return Err(FileError::NoColumn("amplitude_id".to_owned()));
        }
        file.width = file.record.fields;
        file.amplitude_id = file.column("amplitude_id")?;
        file.user_id = file.column("user_id")?;
        file.properties = properties
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), file.column(name).ok()?)))
            .collect();
        Ok(file)
    }

    /// Returns the column of a property that was asked for, if the file has it.
    pub fn property(&self, name: &str) -> Option<usize> {
        let found = self.properties.iter().find(|(known, _)| known == name);
        found.map(|(_, column)| *column)
    }

    /// Returns the next line; none at the end.
    pub fn next_row(&mut self) -> Result<Option<FileRow<'_>>, FileError> {
        if !self.advance()? {
            return Ok(None);
        }
        let damaged = FileError::Damaged { line: self.line };
        if self.record.fields != self.width {
            return Err(damaged);
        }
        let text = |at: usize| std::str::from_utf8(self.record.field(at)).ok();
        let (Some(number), Some(user_id)) = (text(self.amplitude_id), text(self.user_id)) else {
            return Err(damaged);
        };
        if self.properties.iter().any(|(_, at)| text(*at).is_none()) {
            return Err(damaged);
        }
        let amplitude_id = match number {
            "" => 0,
            number => number.parse().map_err(|_| damaged)?,
        };
        Ok(Some(FileRow {
            amplitude_id,
            amplitude_text: number,
            user_id,
            record: &self.record,
        }))
    }

    /// Custom properties may bear the prefix `gp:` in the header, as in other APIs.
    fn column(&self, name: &str) -> Result<usize, FileError> {
        let name_is = |at: &usize| self.record.field(*at) == name.as_bytes();
        let bare =
            |at: &usize| self.record.field(*at).strip_prefix(b"gp:") == Some(name.as_bytes());
        let mut columns = 0..self.width;
        let found = columns.clone().find(name_is).or_else(|| columns.find(bare));
        found.ok_or_else(|| FileError::NoColumn(name.to_owned()))
    }

    fn advance(&mut self) -> Result<bool, FileError> {
        let (mut text, mut fields) = (0, 0);
        loop {
            // An empty slice means the end to the CSV reader, so it is given one only there.
            let ended = self.start == self.end && self.refill()? == 0;
            let input = &self.buffer[self.start..self.end];
            let (result, read, wrote, ends) = self.csv.read_record(
                input,
                &mut self.record.text[text..],
                &mut self.record.ends[fields..],
            );
            self.start += read;
            text += wrote;
            fields += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    self.record.text.resize(self.record.text.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    self.record.ends.resize(self.record.ends.len() * 2, 0);
                }
                ReadRecordResult::Record => {
                    self.line += 1;
                    self.record.fields = fields;
                    if ended
                        && (!matches!(self.last_byte, b'\n' | b'"')
                            || !self.quotes.is_multiple_of(2))
                    {
                        return Err(FileError::Damaged { line: self.line });
                    }
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    #[expect(
        clippy::naive_bytecount,
        reason = "the compiler makes this a vector loop; not worth a crate"
    )]
    fn refill(&mut self) -> Result<usize, FileError> {
        self.start = 0;
        self.end = loop {
            match self.input.read(&mut self.buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let read = &self.buffer[..self.end];
        self.quotes += read.iter().filter(|byte| **byte == b'"').count();
        if let Some(last) = read.last() {
            self.last_byte = *last;
        }
        Ok(self.end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// Gives its bytes in pieces of one size, so that every boundary is met.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.min(buffer.len()).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn read(bytes: &[u8], piece: usize) -> Result<Vec<(i64, String)>, FileError> {
        let mut file = CohortFile::open(Pieces(bytes, piece), [])?;
        let mut rows = vec![];
        while let Some(row) = file.next_row()? {
            rows.push((row.amplitude_id, row.user_id.to_owned()));
        }
        Ok(rows)
    }

    const FILE: &[u8] = b"\"amplitude_id\",\"gp:tier\",\"\tuser_id\"\n\"1\",\"a,\"\"b\n\",\"\tu1\"\n\"2\",\"\",\"\"\n\"\",\"x\",\"u3\"\n";

    fn expected() -> Vec<(i64, String)> {
        vec![
            (1, "u1".to_owned()),
            (2, String::new()),
            (0, "u3".to_owned()),
        ]
    }

    #[test]
    fn pieces_of_any_size_give_the_same_rows() {
        for piece in 1..=FILE.len() {
            assert_eq!(read(FILE, piece).unwrap(), expected(), "pieces of {piece}");
        }
    }

    #[test]
    fn gzip_is_known_by_its_first_bytes_and_checked_to_its_last() {
        let mut gzip = GzEncoder::new(vec![], Compression::fast());
        gzip.write_all(FILE).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(read(&gzip, 7).unwrap(), expected());
        for cut in 2..gzip.len() {
            assert!(read(&gzip[..cut], 7).is_err(), "cut at {cut} passed");
        }
    }

    #[test]
    fn a_cut_inside_a_line_is_seen() {
        let rows = [
            "\"1\",\"a,\"\"b\n\",\"\tu1\"\n",
            "\"2\",\"\",\"\"\n",
            "\"\",\"x\",\"u3\"\n",
        ];
        let header = FILE.len() - rows.concat().len();
        let ends: Vec<usize> = (0..=3)
            .map(|count| header + rows[..count].concat().len())
            .collect();
        for cut in header..FILE.len() {
            // With or without its newline a last line is whole.
            let whole = ends.contains(&cut) || ends.contains(&(cut + 1));
            assert_eq!(read(&FILE[..cut], 5).is_ok(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn properties_are_found_with_and_without_their_prefix() {
        let text =
            b"\"amplitude_id\",\"gp:user_id\",\"user_id\",\"\tgp:tier\",\"email\",\"gp:email\"\n\
            \"1\",\"own\",\"u\",\"\tgold\",\"\",\"e\"\n";
        let asked = ["email", "tier", "plan"];
        let mut file = CohortFile::open(Pieces(text, 5), asked).unwrap();
        let columns = asked.map(|name| file.property(name));
        assert_eq!(columns, [Some(4), Some(3), None]);
        let row = file.next_row().unwrap().unwrap();
        assert_eq!((row.amplitude_text, row.user_id), ("1", "u"));
        assert_eq!((row.property(4), row.property(3)), ("", "gold"));

        let asked = b"\"amplitude_id\",\"user_id\",\"tier\"\n\"1\",\"u\",\"\xff\"\n";
        let mut file = CohortFile::open(Pieces(asked, 5), ["tier"]).unwrap();
        assert!(file.next_row().is_err(), "a text that is none");
    }

    #[test]
    fn a_missing_column_is_named() {
        let found = read(b"\"amplitude_id\",\"group_value\"\n", 9);
        assert!(matches!(found, Err(FileError::NoColumn(column)) if column == "user_id"));
    }
}
