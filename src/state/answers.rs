//! What was answered about people (by the User Profile API while their cohort is not recomputed, by Braze before a first
//! apply), kept: an append-only log in the
//! cache, so that a kill loses no answer that came. No lease protects a plan, so each process writes a log of its own, under
//! a lock, and all are read.
//!
//! # Guarantees
//! What cannot be read whole ends the reading of its log there: it is never an error and never a wrong row, and who stood
//! behind it is asked again. Of two answers about one person the later one counts.

mod log;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, TryLockError},
    io::{BufReader, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use flate2::Crc;

use super::{
    Error, budget, files,
    runs::Sorter,
    spool::{Row, Spool},
};
use crate::model::{Key, Member, Millis};

pub use log::Log;

const MAGIC: &[u8; 16] = b"syncform-answr/1";
/// Letters of a question's digest in a log's name.
const DIGEST: usize = 16;
/// A frame is its payload's length and checksum, and the payload: when, length of the key, key, cells.
const HEAD: usize = 8;
const FIXED: usize = 10;
/// A longer payload is none: nobody's profile is that large.
const LONGEST: usize = 64 << 20;
const HOUR: Millis = 3_600_000;
/// How long logs stay of a cohort that no resource has.
const WEEK: Millis = 7 * 24 * HOUR;

/// The logs of one cohort, stamp and question, and the one that is written here.
#[derive(Debug)]
pub struct Answers {
    directory: PathBuf,
    name: String,
    path: PathBuf,
    /// Locked while it is open.
    log: File,
}

impl Answers {
    /// Opens a log for what a question about the people of a cohort is answered, and continues one that nobody writes.
    pub fn open(
        cache: &Path,
        cohort: &str,
        stamp: Option<i64>,
        question: &str,
    ) -> Result<Self, Error> {
        let directory = cache.join("answers");
        files::directory(&directory)?;
        let name = name(cohort, stamp, question);
        let mut number = 0;
        loop {
            let path = directory.join(format!("{name}.{number}"));
            if let Some(log) = free(&path)? {
                let mut answers = Self {
                    directory,
                    name,
                    path,
                    log,
                };
                answers.mend()?;
                return Ok(answers);
            }
            number += 1;
        }
    }

    /// Cuts what a kill left half written, so that what follows can be read.
    fn mend(&mut self) -> Result<(), Error> {
        let io = |error| Error::io(&self.path)(error);
        let mut frames = Frames::open(&self.path)?;
        while frames.advance()?.is_some() {}
        let whole = frames.whole;
        self.log.set_len(whole).map_err(io)?;
        if whole == 0 {
            self.log.write_all(MAGIC).map_err(io)?;
        }
        Ok(())
    }

    /// Keeps what was answered about one person, asked then: cells as JSON text, or that nobody is known by that id. It
    /// is out of this process when this returns.
    pub fn push(&mut self, key: &Key, asked_at: Millis, cells: Option<&str>) -> Result<(), Error> {
        let key = key.bytes();
        let cells = cells.unwrap_or_default().as_bytes();
        let mut payload = Vec::with_capacity(FIXED + key.len() + cells.len());
        payload.extend_from_slice(&asked_at.to_le_bytes());
        payload.extend_from_slice(&(key.len() as u16).to_le_bytes());
        payload.extend_from_slice(key);
        payload.extend_from_slice(cells);
        let mut frame = Vec::with_capacity(HEAD + payload.len());
        frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        frame.extend_from_slice(&sum(&payload).to_le_bytes());
        frame.extend_from_slice(&payload);
        self.log.write_all(&frame).map_err(Error::io(&self.path))
    }

    /// Returns whether any log has answers to a question.
    pub fn any(
        cache: &Path,
        cohort: &str,
        stamp: Option<i64>,
        question: &str,
    ) -> Result<bool, Error> {
        let name = name(cohort, stamp, question);
        for path in of_name(&cache.join("answers"), &name)? {
            if Frames::open(&path)?.advance()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes every log of the question that was taken in: those that others write stay, and those that somebody went on
    /// with since they were read.
    pub fn clear(self, taken: &Kept) -> Result<(), Error> {
        for path in of_name(&self.directory, &self.name)? {
            let other = if path == self.path {
                None
            } else {
                let Some(log) = free(&path)? else { continue };
                Some(log)
            };
            let log = other.as_ref().unwrap_or(&self.log);
            let length = log.metadata().map_err(Error::io(&path))?.len();
            let read = taken.lengths.get(&path).copied();
            if length <= read.unwrap_or(MAGIC.len() as u64) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Returns what is kept in any log and is young enough, sorted by key.
    pub fn sorted(
        &self,
        lease: budget::Lease,
        young: impl Fn(Millis) -> bool,
    ) -> Result<Kept, Error> {
        let mut sorter = Sorter::new(&self.directory, lease);
        let mut lengths = BTreeMap::new();
        for path in of_name(&self.directory, &self.name)? {
            let length = std::fs::metadata(&path).map_or(0, |about| about.len());
            let mut frames = Frames::open(&path)?;
            while let Some(frame) = frames.advance()? {
                if young(frame.asked_at) {
                    // Of rows with one key the one with the lowest number stays.
                    sorter.push(frame.key, -frame.asked_at, frame.cells)?;
                }
            }
            lengths.insert(path, length);
        }
        let rows = Spool::of(&self.directory, sorter)?;
        Ok(Kept { rows, lengths })
    }
}

fn name(cohort: &str, stamp: Option<i64>, question: &str) -> String {
    let stamp = stamp.map_or_else(|| "none".to_owned(), |stamp| stamp.to_string());
    let digest = question.get(..DIGEST).unwrap_or(question);
    format!("{}-{stamp}-{digest}", files::safe(cohort))
}

/// Lists the logs of a name.
fn of_name(directory: &Path, name: &str) -> Result<Vec<PathBuf>, Error> {
    let mut paths = files::list(directory)?;
    paths.retain(|path| {
        let file = path.file_name().and_then(|name| name.to_str());
        let own = file.and_then(|file| file.rsplit_once('.'));
        own.is_some_and(|(own, _)| own == name)
    });
    Ok(paths)
}

/// What was kept, each person once.
#[derive(Debug)]
pub struct Kept {
    rows: Spool,
    /// How long each log was when its reading began.
    lengths: BTreeMap<PathBuf, u64>,
}

impl Kept {
    /// Iterates over it with when each was asked, sorted by key.
    pub fn asked(&self) -> impl Iterator<Item = Result<(Member, Millis), Error>> + Send + use<> {
        self.rows.rows().map(|row| {
            let row = row?;
            // It was turned round, so that of several the last one stays.
            let asked_at = -row.number;
            Ok((member(row)?, asked_at))
        })
    }

    /// Iterates over it, sorted by key; the value of somebody unknown is empty.
    pub fn rows(&self) -> impl Iterator<Item = Result<Member, Error>> + Send + use<> {
        members(&self.rows)
    }
}

/// Reads the rows of a spool as those of people.
pub fn members(spool: &Spool) -> impl Iterator<Item = Result<Member, Error>> + Send + use<> {
    spool.rows().map(|row| member(row?))
}

fn member(row: Row) -> Result<Member, Error> {
    let damaged = |what| Error::corrupt(Path::new("answers"), what);
    let key = Key::from_bytes(&row.key).map_err(|_| damaged("a row without an identifier"))?;
    let value = String::from_utf8(row.value).map_err(|_| damaged("cells that are no text"))?;
    Ok(Member {
        key,
        amplitude_id: None,
        value: value.into(),
    })
}

/// Opens and locks a log; none where somebody writes it.
fn free(path: &Path) -> Result<Option<File>, Error> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(Error::io(path))?;
    match file.try_lock() {
        // One that was swept between the opening and the lock is nobody's any more.
        Ok(()) => Ok(path.exists().then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io(path)(error)),
    }
}

/// Reads a log as far as it is whole.
struct Frames {
    file: Option<BufReader<File>>,
    path: PathBuf,
    payload: Vec<u8>,
    /// How far it is.
    whole: u64,
}

struct Frame<'a> {
    asked_at: Millis,
    key: &'a [u8],
    cells: &'a [u8],
}

impl Frames {
    /// Opens a log; of one that is gone or of another format nothing is whole.
    fn open(path: &Path) -> Result<Self, Error> {
        let mut frames = Self {
            file: None,
            path: path.to_owned(),
            payload: vec![],
            whole: 0,
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(frames),
            other => other.map_err(Error::io(path))?,
        };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut magic = [0; 16];
        if filled(&mut file, &mut magic, path)? && &magic == MAGIC {
            frames.file = Some(file);
            frames.whole = MAGIC.len() as u64;
        }
        Ok(frames)
    }

    fn advance(&mut self) -> Result<Option<Frame<'_>>, Error> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let mut head = [0; HEAD];
        if !filled(file, &mut head, &self.path)? {
            return Ok(None);
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = word(0) as usize;
        if !(FIXED..=LONGEST).contains(&length) {
            return Ok(None);
        }
        self.payload.resize(length, 0);
        if !filled(file, &mut self.payload, &self.path)? || sum(&self.payload) != word(4) {
            return Ok(None);
        }
        let Some(frame) = frame(&self.payload) else {
            return Ok(None);
        };
        self.whole += (HEAD + length) as u64;
        Ok(Some(frame))
    }
}

/// Takes a payload apart.
fn frame(payload: &[u8]) -> Option<Frame<'_>> {
    let (at, rest) = payload.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (key, cells) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    std::str::from_utf8(cells).ok()?;
    Key::from_bytes(key).ok()?;
    Some(Frame {
        asked_at: Millis::from_le_bytes(*at),
        key,
        cells,
    })
}

/// Fills a buffer; false where the file ends before.
fn filled(file: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<bool, Error> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::io(path)(error)),
    }
}

fn sum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Removes the logs of stamps before a cohort's last one, and after a week those of cohorts that no resource has. What
/// is written now, or was within the hour, stays.
pub(super) fn sweep(cache: &Path, cohorts: &BTreeSet<String>, now: Millis) -> Result<(), Error> {
    let mut logs = vec![];
    // Of each cohort, how old its youngest log is and of which stamp.
    let mut last: BTreeMap<String, (Millis, String)> = BTreeMap::new();
    for path in files::list(&cache.join("answers"))? {
        let (Some(age), Some((cohort, stamp))) = (files::age(&path, now)?, of(&path)) else {
            continue;
        };
        let known = last.get(&cohort);
        if known.is_none_or(|(known, _)| age < *known) {
            last.insert(cohort.clone(), (age, stamp.clone()));
        }
        logs.push((path, age, cohort, stamp));
    }
    let here: BTreeSet<String> = cohorts.iter().map(|id| files::safe(id)).collect();
    for (path, age, cohort, stamp) in logs {
        let former = last.get(&cohort).is_some_and(|(_, last)| *last != stamp);
        let nobodys = !here.contains(&cohort) && age > WEEK;
        if ((former && age > HOUR) || nobodys)
            && let Some(_log) = free(&path)?
        {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// The cohort and the stamp of a log: all up to the first dash, and all from there to the last.
fn of(path: &Path) -> Option<(String, String)> {
    let (name, _) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    let (cohort, stamp) = name.split_once('-')?;
    Some((cohort.to_owned(), stamp.to_owned()))
}

#[cfg(test)]
mod tests;
