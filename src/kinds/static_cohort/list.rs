//! A list of people in a file: CSV with one column, or with a header that names one. Read as it comes and never held.
//! It opens no file, and no error of it repeats what stands in one.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader as Csv};

/// Headers of the column that names people.
const HEADERS: [&str; 2] = ["user_id", "external_id"];
/// Headers of columns that name people otherwise, or that name none: as a first line they are nobody's id.
const OTHER_HEADERS: [&str; 10] = [
    "id", "ids", "uid", "user", "userid", "user id", "email", "e-mail", "phone", "name",
];
const BUFFER: usize = 64 * 1024;
/// Longest line.
const LONGEST: usize = 1 << 20;

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is not as it should be.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// Reads user ids, a line each.
pub struct List<R> {
    input: R,
    csv: Csv,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    line: u64,
    /// Ends of lines that the CSV reader was not given.
    blank: u64,
    /// The column of the ids and how many columns there are; none before the first line was read.
    column: Option<(usize, usize)>,
    /// Whether a quote is open at the end of what was read.
    quoted: bool,
}

impl<R: Read> List<R> {
    /// Begins.
    pub fn new(input: R) -> Self {
        Self {
            input,
            csv: Csv::new(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            text: vec![0; 1024],
            ends: vec![0; 16],
            fields: 0,
            line: 1,
            blank: 0,
            column: None,
            quoted: false,
        }
    }

    /// Returns the next id, without blanks around it, empty where the line has none; none at the end.
    pub fn next_id(&mut self) -> Result<Option<&str>, ListError> {
        loop {
            if !self.skip_blank()? || !self.advance()? {
                return Ok(None);
            }
            let line = self.line;
            let wrong = |what: String| ListError::Line { line, what };
            let Some((column, width)) = self.column else {
                if self.begin()? {
                    break;
                }
                continue;
            };
            if self.fields != width {
                let columns = |count: usize| match count {
                    1 => "1 column".to_owned(),
                    count => format!("{count} columns"),
                };
                return Err(wrong(format!(
                    "{}, where the first line has {}",
                    columns(self.fields),
                    columns(width)
                )));
            }
            if std::str::from_utf8(self.field(column)).is_err() {
                return Err(wrong("text that is not UTF-8".to_owned()));
            }
            break;
        }
        let column = self.column.map_or(0, |(column, _)| column);
        // Checked above.
        let id = std::str::from_utf8(self.field(column)).unwrap_or_default();
        Ok(Some(id.trim()))
    }

    /// Returns what was read of, once all of it was.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Takes the first line; returns whether it is a person already.
    fn begin(&mut self) -> Result<bool, ListError> {
        let line = self.line;
        let wrong = |what: &str| ListError::Line {
            line,
            what: what.to_owned(),
        };
        let mut named = None;
        for at in 0..self.fields {
            let field = self.field(at);
            let field = if at == 0 {
                field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field)
            } else {
                field
            };
            let text = std::str::from_utf8(field).map_err(|_| wrong("text that is not UTF-8"))?;
            let is_header = HEADERS.contains(&text.trim().to_ascii_lowercase().as_str());
            if is_header && named.replace(at).is_some() {
                return Err(wrong(
                    "two columns name people: keep user_id or external_id",
                ));
            }
        }
        match (named, self.fields) {
            (Some(at), width) => {
                self.column = Some((at, width));
                Ok(false)
            }
            (None, 1) if is_header(self.field(0)) => Err(wrong(
                "a header, and no column of it is called user_id or external_id; columns are parted by commas",
            )),
            (None, 1) => {
                if self.field(0).starts_with(b"\xef\xbb\xbf") {
                    let length = self.ends[0];
                    self.text.copy_within(3..length, 0);
                    self.ends[0] = length - 3;
                }
                self.column = Some((0, 1));
                Ok(true)
            }
            (None, _) => Err(wrong(
                "several columns, and none is called user_id or external_id",
            )),
        }
    }

    fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }

    /// Passes empty lines, so that the next line has its number; false at the end.
    fn skip_blank(&mut self) -> Result<bool, ListError> {
        loop {
            if self.start == self.end && self.refill()? == 0 {
                return Ok(false);
            }
            match self.buffer[self.start] {
                b'\n' => self.blank += 1,
                b'\r' => {}
                _ => break,
            }
            self.start += 1;
        }
        self.line = self.csv.line() + self.blank;
        Ok(true)
    }

    fn advance(&mut self) -> Result<bool, ListError> {
        let (mut text, mut fields) = (0, 0);
        loop {
            let ended = self.start == self.end && self.refill()? == 0;
            let cut = |line| ListError::Line {
                line,
                what: "a quote that is never closed".to_owned(),
            };
            if ended && self.quoted {
                return Err(cut(self.line));
            }
            let input = &self.buffer[self.start..self.end];
            let (result, read, wrote, ends) =
                self.csv
                    .read_record(input, &mut self.text[text..], &mut self.ends[fields..]);
            self.start += read;
            text += wrote;
            fields += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() >= LONGEST => {
                    return Err(ListError::Line {
                        line: self.line,
                        what: "longer than a line with an id: an open quote?".to_owned(),
                    });
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.fields = fields;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn refill(&mut self) -> Result<usize, ListError> {
        self.start = 0;
        self.end = loop {
            match self.input.read(&mut self.buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let quotes = self.buffer[..self.end].iter().filter(|byte| **byte == b'"');
        self.quoted ^= !quotes.count().is_multiple_of(2);
        Ok(self.end)
    }
}

/// Whether a line is a header rather than somebody: a word that is used for one, or ends as one, in columns that another sign parts.
fn is_header(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    let is_word = |part: &str| {
        let letters = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let ends = part.ends_with("_id") && part.chars().all(letters);
        ends || HEADERS.contains(&part) || OTHER_HEADERS.contains(&part)
    };
    line.split([';', '\t', '|']).map(str::trim).any(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let mut list = List::new(text.as_bytes());
        let mut ids = vec![];
        loop {
            match list.next_id() {
                Ok(None) => return Ok(ids),
                Ok(Some(id)) => ids.push(id.to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn one_column_with_or_without_a_header_is_a_list() {
        let ids = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(read("u1\nu2\n"), ids(&["u1", "u2"]));
        assert_eq!(read("\u{feff}u1\r\n\r\n u2 "), ids(&["u1", "u2"]));
        assert_eq!(read("user_id\nu1\n\"\"\n\"u,2\""), ids(&["u1", "", "u,2"]));
        assert_eq!(read("\u{feff}External_ID\nu1"), ids(&["u1"]));
        assert_eq!(read("name,user_id\nZoë,u1\n,u2\n"), ids(&["u1", "u2"]));
        assert_eq!(read(""), ids(&[]));
        assert_eq!(read("user_id\n"), ids(&[]));
        assert_eq!(read("u_id7\nid\n"), ids(&["u_id7", "id"]));
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        const HEADER: &str = "line 1: a header, and no column of it is called user_id or external_id; columns are parted by commas";
        for (text, words) in [
            (
                "u1\nu2,x\n",
                "line 2: 2 columns, where the first line has 1 column",
            ),
            (
                "a,b\nu1,u2\n",
                "line 1: several columns, and none is called user_id or external_id",
            ),
            (
                "user_id,external_id\n",
                "line 1: two columns name people: keep user_id or external_id",
            ),
            (
                "name,user_id\n\nx,u1\nu2\n",
                "line 4: 1 column, where the first line has 2 columns",
            ),
            ("u1\n\"u2\n", "line 2: a quote that is never closed"),
            ("customer_id\nu1\n", HEADER),
            ("\u{feff}E-Mail\nu1\n", HEADER),
            ("user_id;plan\nu1;x\n", HEADER),
        ] {
            assert_eq!(read(text), Err(words.to_owned()), "{text:?}");
        }
        let mut list = List::new(&b"u1\n\xff\n"[..]);
        assert!(list.next_id().is_ok());
        let error = list.next_id().unwrap_err().to_string();
        assert_eq!(error, "line 2: text that is not UTF-8");
    }
}
