//! One Avro file as events, block by block: a block is what is held of it. It blocks, so it is for a thread that may.
//!
//! # Guarantees
//! A file that was cut or damaged is an error that names it and never fewer events: sync marks are checked, and an end
//! counts only where a whole block ended.

use std::{
    fs,
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use apache_avro::{Reader, types::Value as Avro, util::max_allocation_bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use super::{Error, Fetched};

/// The most that one block may claim to need; writers close a block at some 16 KB to a few MB.
const LARGEST: usize = 64 << 20;
const BUFFER: usize = 64 << 10;
/// Bytes of the mark that ends the head and every block.
const MARK: usize = 16;

/// The events of a file, in their order; nothing comes after an error.
pub struct Events {
    reader: Reader<'static, Watched<BufReader<fs::File>>>,
    end: Arc<AtomicU8>,
    name: String,
    over: bool,
    _fetched: Fetched,
}

impl Fetched {
    /// Opens it. Blocks, as reading its events does.
    pub fn events(self) -> Result<Events, Error> {
        max_allocation_bytes(LARGEST);
        let wrong = |text: String| Error::File {
            path: self.name.clone(),
            text,
        };
        let file = fs::File::open(&self.path)
            .map_err(|error| wrong(format!("it cannot be opened: {error}")))?;
        let end = Arc::new(AtomicU8::new(READING));
        let watched = Watched::new(BufReader::with_capacity(BUFFER, file), end.clone());
        let reader = Reader::new(watched)
            .map_err(|error| wrong(format!("it is no whole Avro file: {error}")))?;
        Ok(Events {
            reader,
            end,
            name: self.name.clone(),
            over: false,
            _fetched: self,
        })
    }
}

impl Events {
    fn wrong(&mut self, text: String) -> Error {
        self.over = true;
        Error::File {
            path: self.name.clone(),
            text,
        }
    }
}

impl Iterator for Events {
    type Item = Result<Map<String, Value>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.reader.next() {
            Some(Ok(Avro::Record(fields))) => {
                let fields = fields.into_iter();
                Some(Ok(fields
                    .map(|(name, value)| (name, json(value)))
                    .collect()))
            }
            Some(Ok(_)) => Some(Err(self.wrong("its events are no records".to_owned()))),
            // Its words say what part of the format is wrong, and no value.
            Some(Err(error)) => {
                let what = match self.end.load(Ordering::Relaxed) {
                    READING => "it is damaged",
                    _ => "it is cut",
                };
                tracing::debug!(file = self.name, %error, "avro");
                Some(Err(self.wrong(what.to_owned())))
            }
            None => {
                self.over = true;
                match self.end.load(Ordering::Relaxed) {
                    WHOLE => None,
                    CUT => Some(Err(self.wrong("it is cut".to_owned()))),
                    _ => Some(Err(self.wrong("it is damaged".to_owned()))),
                }
            }
        }
    }
}

/// What Avro says, as JSON. Bytes that are no text are written as base64.
fn json(value: Avro) -> Value {
    match value {
        Avro::Null => Value::Null,
        Avro::Boolean(is) => Value::Bool(is),
        Avro::Int(number) | Avro::Date(number) | Avro::TimeMillis(number) => number.into(),
        Avro::Long(number)
        | Avro::TimeMicros(number)
        | Avro::TimestampMillis(number)
        | Avro::TimestampMicros(number)
        | Avro::TimestampNanos(number)
        | Avro::LocalTimestampMillis(number)
        | Avro::LocalTimestampMicros(number)
        | Avro::LocalTimestampNanos(number) => number.into(),
        // By its digits: 9.99 in four bytes is not 9.989999771118164.
        Avro::Float(number) => number
            .to_string()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map_or(Value::Null, Value::Number),
        Avro::Double(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Avro::String(text) | Avro::Enum(_, text) => Value::String(text),
        Avro::Bytes(bytes) | Avro::Fixed(_, bytes) => text(bytes),
        Avro::Decimal(number) => Vec::<u8>::try_from(number).map_or(Value::Null, text),
        Avro::BigDecimal(number) => Value::String(number.to_string()),
        Avro::Uuid(id) => Value::String(id.to_string()),
        Avro::Duration(length) => text(<[u8; 12]>::from(length).to_vec()),
        Avro::Union(_, value) => json(*value),
        Avro::Array(list) => list.into_iter().map(json).collect(),
        Avro::Map(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let members = members.into_iter();
            members.map(|(name, value)| (name, json(value))).collect()
        }
        Avro::Record(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, json(value))).collect()
        }
    }
}

fn text(bytes: Vec<u8>) -> Value {
    let text = String::from_utf8(bytes);
    Value::String(text.unwrap_or_else(|error| STANDARD.encode(error.as_bytes())))
}

/// Where a file ended: not yet, after a whole block, within one.
const READING: u8 = 0;
const WHOLE: u8 = 1;
const CUT: u8 = 2;

/// Sees whether the file ends where a block does: after a mark, and nowhere else. The reader below takes a file that
/// ends in the first bytes of a block for a whole one.
struct Watched<R> {
    inner: R,
    /// What was asked for last, and how much of it came.
    asked: usize,
    came: usize,
    end: Arc<AtomicU8>,
}

impl<R> Watched<R> {
    fn new(inner: R, end: Arc<AtomicU8>) -> Self {
        Self {
            inner,
            asked: 0,
            came: 0,
            end,
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            let whole = self.asked == MARK && self.came == MARK;
            let end = if whole { WHOLE } else { CUT };
            self.end.store(end, Ordering::Relaxed);
        } else if self.came == self.asked {
            (self.asked, self.came) = (buffer.len(), read);
        } else {
            self.came += read;
        }
        Ok(read)
    }
}
