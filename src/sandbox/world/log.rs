//! The append-only log of a world: what was accepted, in order. It must not know what a record means.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Write},
    path::Path,
};

use flate2::Crc;
use jiff::Timestamp;

/// A record: length and checksum (little endian), then kind, time in milliseconds and payload.
const HEAD: usize = 8;
const FIXED: usize = 9;
/// No request body is that long: a length above it is a torn record.
const LONGEST: usize = 64 << 20;

/// One thing that was accepted.
#[derive(Debug)]
pub(crate) struct Record {
    /// What it is.
    pub(crate) kind: u8,
    /// When it was accepted.
    pub(crate) at: Timestamp,
    /// As sent.
    pub(crate) payload: Vec<u8>,
}

/// An open log. A kill loses at most a record that nobody was told about: it is written before the answer.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    length: u64,
}

impl Log {
    /// Opens a log, hands each whole record over, and cuts off a torn tail so that nothing follows it.
    pub(crate) fn open(path: &Path, mut each: impl FnMut(Record)) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let mut length = 0;
        while let Some(record) = read(&mut reader)? {
            length += (HEAD + FIXED + record.payload.len()) as u64;
            each(record);
        }
        file.set_len(length)?;
        Ok(Self { file, length })
    }

    /// Returns how many bytes it holds.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Appends a record in one write.
    pub(crate) fn append(&mut self, kind: u8, at: Timestamp, payload: &[u8]) -> io::Result<()> {
        let mut bytes = vec![0; HEAD];
        bytes.reserve_exact(FIXED + payload.len());
        bytes.push(kind);
        bytes.extend_from_slice(&at.as_millisecond().to_le_bytes());
        bytes.extend_from_slice(payload);
        let length = u32::try_from(bytes.len() - HEAD).map_err(io::Error::other)?;
        let sum = checksum(&bytes[HEAD..]);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..HEAD].copy_from_slice(&sum.to_le_bytes());
        if let Err(error) = self.file.write_all(&bytes) {
            // A full disk: what is half written must not hide what comes after it.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn read(reader: &mut impl Read) -> io::Result<Option<Record>> {
    let mut head = [0; HEAD];
    if !whole(reader, &mut head)? {
        return Ok(None);
    }
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = word(0) as usize;
    if !(FIXED..=LONGEST).contains(&length) {
        return Ok(None);
    }
    let mut bytes = vec![0; length];
    if !whole(reader, &mut bytes)? || checksum(&bytes) != word(4) {
        return Ok(None);
    }
    let payload = bytes.split_off(FIXED);
    let mut time = [0; 8];
    time.copy_from_slice(&bytes[1..]);
    let at = Timestamp::from_millisecond(i64::from_le_bytes(time)).unwrap_or_default();
    Ok(Some(Record {
        kind: bytes[0],
        at,
        payload,
    }))
}

/// Fills the buffer; false at the end of the file, in the middle of a record or not.
fn whole(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(bytes);
    sum.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(path: &Path) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        Log::open(path, |record| seen.push(record.payload)).unwrap();
        seen
    }

    #[test]
    fn a_torn_tail_is_cut_wherever_it_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Log::open(&path, |_| ()).unwrap();
        log.append(1, Timestamp::UNIX_EPOCH, b"first").unwrap();
        let keep = log.len();
        log.append(2, Timestamp::UNIX_EPOCH, b"second").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in keep as usize..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(payloads(&path), [b"first".to_vec()], "cut at {cut}");
            let mut log = Log::open(&path, |_| ()).unwrap();
            log.append(3, Timestamp::UNIX_EPOCH, b"third").unwrap();
            assert_eq!(payloads(&path), [b"first".to_vec(), b"third".to_vec()]);
        }
    }

    #[test]
    fn a_damaged_record_ends_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Log::open(&path, |_| ()).unwrap();
        for payload in [b"first", b"other"] {
            log.append(1, Timestamp::UNIX_EPOCH, payload).unwrap();
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(payloads(&path), [b"first".to_vec()]);
    }
}
