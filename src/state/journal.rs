//! The journal of a run: what was about to be sent, and what became of it.
//!
//! # Format
//! A line `syncform-journal/2`, a header as one line of JSON, then records of 32 bytes: kind, zero, pass, count (of a
//! part its number, of a text its length), first ordinal, time or number of a reason, checksum of a following text,
//! checksum of the record. A reason's text follows its record, filled with zeros to a multiple of 32.
//!
//! # Guarantees
//! An intent is on the disk before `intend` returns; what follows it is written in order and needs no sync against
//! a kill. A torn tail ends the reading; damage before the tail is an error, since what it hides may have been sent.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::{Error, files};
use crate::model::{Address, Millis};

const MAGIC: &[u8] = b"syncform-journal/2\n";
const RECORD: usize = 32;

/// What a journal is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The run.
    pub run: String,
    /// Digest of the plan it applies.
    pub plan: String,
    /// Its passes, numbered in this order.
    pub passes: Vec<HeaderPass>,
}

/// One pass of a journal: objects of one lane that are sent without waiting for each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderPass {
    /// Name of the lane.
    pub lane: String,
    /// Its deltas in the order of the merge: address and digest.
    pub deltas: Vec<(Address, String)>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// These objects are about to be sent.
    Intended(Range, Millis),
    /// Braze acknowledged them.
    Acknowledged(Range, Millis),
    /// Braze refused them for the reason of that number.
    Refused(Range, u32),
    /// One part of an object that was refused whole was sent again by itself.
    Part(Part, PartWord),
    /// They certainly never left.
    Released(Range),
    /// They left, or may have, until then, and no answer was seen.
    Doubted(Range, Millis),
    /// The words of a reason of a pass.
    Reason(u16, u32, String),
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartWord {
    /// Braze acknowledged it.
    Acknowledged(Millis),
    /// Braze refused it for the reason of that number.
    Refused(u32),
    /// No answer was seen, until then.
    Doubted(Millis),
    /// It was not sent again: what was refused with its object was not processed.
    Released,
}

/// One part of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the pass in the header.
    pub pass: u16,
    /// The object.
    pub ordinal: u64,
    /// Number of the delta that the part is of, in the header's order.
    pub delta: u32,
}

/// Objects of a pass by ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Number of the pass in the header.
    pub pass: u16,
    /// First ordinal.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// Appends to a journal.
pub struct Journal {
    file: File,
    path: PathBuf,
    /// After a write that failed nothing may follow: what stands behind half a record would not be found.
    broken: bool,
}

impl Journal {
    /// Creates a journal; durable when this returns.
    pub fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let json = serde_json::to_string(header)
            .map_err(|error| Error::corrupt(path, error.to_string()))?;
        files::write(path, &[MAGIC, json.as_bytes(), b"\n"].concat())?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(Error::io(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            broken: false,
        })
    }

    /// Writes an intent and waits until it is on the disk.
    pub fn intend(&mut self, range: Range, at: Millis) -> Result<(), Error> {
        self.tell(&Entry::Intended(range, at))?;
        let synced = self.file.sync_data();
        self.broken = synced.is_err();
        synced.map_err(Error::io(&self.path))
    }

    /// Writes one record; a kill of the process does not lose it.
    pub fn tell(&mut self, entry: &Entry) -> Result<(), Error> {
        if self.broken {
            return Err(Error::corrupt(
                &self.path,
                "a record could not be written before, so nothing further is sent",
            ));
        }
        let written = self.file.write_all(&encode(entry));
        self.broken = written.is_err();
        written.map_err(Error::io(&self.path))
    }
}

/// Reads a journal; none where there is no such file.
pub fn read(path: &Path) -> Result<Option<(Header, Entries)>, Error> {
    let Some(bytes) = files::read(path)? else {
        return Ok(None);
    };
    let corrupt = |what: &str| Error::corrupt(path, what);
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| corrupt("not a journal of this format"))?;
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| corrupt("its header is cut"))?;
    let header =
        serde_json::from_slice(&rest[..end]).map_err(|_| corrupt("its header is damaged"))?;
    let entries = Entries {
        at: MAGIC.len() + end + 1,
        bytes,
        path: path.to_owned(),
    };
    Ok(Some((header, entries)))
}

/// The records of a journal, one in hand at a time: where objects are sent one by one there are millions.
pub struct Entries {
    bytes: Vec<u8>,
    at: usize,
    path: PathBuf,
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.at..];
        if let Some((entry, length)) = decode(rest) {
            self.at += length;
            return Some(Ok(entry));
        }
        // A torn tail is the end; anything whole behind it tells that it is no tail.
        let mut behind = rest.chunks(RECORD).skip(1);
        let damaged = behind.any(|bytes| decode(bytes).is_some());
        self.at = self.bytes.len();
        damaged.then(|| {
            let what = "a record in its middle is damaged";
            Err(Error::corrupt(&self.path, what))
        })
    }
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

fn encode(entry: &Entry) -> Vec<u8> {
    let of_part = |part: &Part| (part.pass, part.delta, part.ordinal);
    let of_range = |range: &Range| (range.pass, range.count, range.first);
    let (kind, (pass, count, first), last, text) = match entry {
        Entry::Intended(range, at) => (1, of_range(range), *at, ""),
        Entry::Acknowledged(range, at) => (2, of_range(range), *at, ""),
        Entry::Refused(range, reason) => (3, of_range(range), Millis::from(*reason), ""),
        Entry::Released(range) => (4, of_range(range), 0, ""),
        Entry::Reason(pass, reason, text) => (
            5,
            (*pass, text.len() as u32, 0),
            Millis::from(*reason),
            text.as_str(),
        ),
        Entry::Doubted(range, at) => (6, of_range(range), *at, ""),
        Entry::Part(part, PartWord::Acknowledged(at)) => (7, of_part(part), *at, ""),
        Entry::Part(part, PartWord::Refused(reason)) => {
            (8, of_part(part), Millis::from(*reason), "")
        }
        Entry::Part(part, PartWord::Doubted(at)) => (9, of_part(part), *at, ""),
        Entry::Part(part, PartWord::Released) => (10, of_part(part), 0, ""),
    };
    let mut bytes = vec![kind, 0];
    bytes.extend(pass.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(first.to_le_bytes());
    bytes.extend(last.to_le_bytes());
    bytes.extend(crc(text.as_bytes()));
    bytes.extend(crc(&bytes));
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(RECORD), 0);
    bytes
}

/// Reads the record at the start of the bytes, and how long it is.
fn decode(bytes: &[u8]) -> Option<(Entry, usize)> {
    let record = bytes.get(..RECORD)?;
    if crc(&record[..28]) != record[28..] {
        return None;
    }
    let pass = u16::from_le_bytes(record[2..4].try_into().ok()?);
    let count = u32::from_le_bytes(record[4..8].try_into().ok()?);
    let first = u64::from_le_bytes(record[8..16].try_into().ok()?);
    let last = Millis::from_le_bytes(record[16..24].try_into().ok()?);
    let reason = || u32::try_from(last).ok();
    let range = Range { pass, first, count };
    let part = Part {
        pass,
        ordinal: first,
        delta: count,
    };
    let entry = match record[0] {
        1 => Entry::Intended(range, last),
        2 => Entry::Acknowledged(range, last),
        3 => Entry::Refused(range, reason()?),
        4 => Entry::Released(range),
        5 => {
            let text = bytes.get(RECORD..RECORD + count as usize)?;
            if crc(text) != record[24..28] {
                return None;
            }
            let text = std::str::from_utf8(text).ok()?.to_owned();
            let length = (RECORD + text.len()).next_multiple_of(RECORD);
            let entry = Entry::Reason(pass, reason()?, text);
            return bytes.get(..length).map(|_| (entry, length));
        }
        6 => Entry::Doubted(range, last),
        7 => Entry::Part(part, PartWord::Acknowledged(last)),
        8 => Entry::Part(part, PartWord::Refused(reason()?)),
        9 => Entry::Part(part, PartWord::Doubted(last)),
        10 => Entry::Part(part, PartWord::Released),
        _ => return None,
    };
    Some((entry, RECORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let range = Range {
            pass: 300,
            first: 75,
            count: 75,
        };
        let part = Part {
            pass: 300,
            ordinal: 75,
            delta: 2,
        };
        vec![
            Entry::Intended(range, 1_700_000_000_000),
            Entry::Reason(
                300,
                70_000,
                "'external_id' must be fewer than 988 bytes, says Braze".to_owned(),
            ),
            Entry::Refused(Range { count: 1, ..range }, 70_000),
            Entry::Part(part, PartWord::Acknowledged(1_700_000_000_001)),
            Entry::Part(part, PartWord::Refused(70_000)),
            Entry::Part(part, PartWord::Doubted(1_700_000_000_003)),
            Entry::Part(part, PartWord::Released),
            Entry::Acknowledged(range, 1_700_000_000_001),
            Entry::Doubted(range, 1_700_000_000_002),
            Entry::Released(range),
        ]
    }

    /// All records of a journal.
    fn all(path: &Path) -> Result<Vec<Entry>, Error> {
        read(path)?.unwrap().1.collect()
    }

    fn written() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.journal");
        let header = Header {
            run: "r1".into(),
            plan: "sha256:0".into(),
            passes: vec![],
        };
        let mut journal = Journal::create(&path, &header).unwrap();
        entries()
            .iter()
            .for_each(|entry| journal.tell(entry).unwrap());
        let bytes = std::fs::read(&path).unwrap();
        (directory, path, bytes)
    }

    #[test]
    fn cut_anywhere_it_tells_what_was_whole() {
        let (_directory, path, bytes) = written();
        let head = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(1)
            .unwrap()
            .0
            + 1;
        for cut in head..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let found = all(&path).unwrap();
            assert_eq!(found, entries()[..found.len()], "cut at {cut}");
        }
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(all(&path).unwrap(), entries());
    }

    #[test]
    fn damage_before_the_tail_is_an_error() {
        let (_directory, path, bytes) = written();
        let head = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(1)
            .unwrap()
            .0
            + 1;
        for at in head..bytes.len() - RECORD {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            assert!(
                all(&path).is_err() || is_padding(&bytes, head, at),
                "byte {at} flipped unseen"
            );
        }
    }

    /// The zeros behind a reason's text carry nothing.
    fn is_padding(bytes: &[u8], head: usize, at: usize) -> bool {
        let text = head + 2 * RECORD;
        let length = entries().iter().find_map(|entry| match entry {
            Entry::Reason(_, _, text) => Some(text.len()),
            _ => None,
        });
        bytes[at] == 0
            && at >= text + length.unwrap()
            && at < text + length.unwrap().next_multiple_of(RECORD)
    }

    /// A journal whose file is this one.
    fn onto(path: &str) -> Journal {
        let file = OpenOptions::new().append(true).open(path);
        Journal {
            file: file.unwrap(),
            path: path.into(),
            broken: false,
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn nothing_follows_a_record_that_could_not_be_written() {
        let range = Range {
            pass: 0,
            first: 0,
            count: 1,
        };
        // A disk that is full, and one that takes what it never makes durable.
        let mut full = onto("/dev/full");
        full.tell(&Entry::Released(range)).unwrap_err();
        let mut forgetful = onto("/dev/null");
        forgetful.tell(&Entry::Released(range)).unwrap();
        forgetful.intend(range, 1).unwrap_err();
        for mut journal in [full, forgetful] {
            // It has room again: half a record may stand before what came now.
            let file = tempfile::NamedTempFile::new().unwrap();
            journal.file = file.reopen().unwrap();
            journal.intend(range, 1).unwrap_err();
            journal.tell(&Entry::Released(range)).unwrap_err();
            assert_eq!(file.as_file().metadata().unwrap().len(), 0);
        }
    }
}
