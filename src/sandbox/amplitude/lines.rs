//! Lines by the hour they belong to, in a file: `20260714T10 LINE` each, in the order they came, and in memory only where
//! the lines of an hour are. Millions of them cost next to nothing. It must not know what a line means.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::hour::Hour;
use crate::sandbox::Error;

/// An hour and the space after it.
const HEAD: usize = 12;

/// Lines of many hours.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    hours: BTreeMap<Hour, Stock>,
}

/// Where the lines of an hour are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stock {
    /// Neighbours are one run: start and end.
    runs: Vec<(u64, u64)>,
    /// Bytes of the lines themselves.
    pub(crate) bytes: u64,
}

impl Lines {
    /// Makes an empty file, or empties one.
    pub(crate) fn empty(path: PathBuf) -> Result<Self, Error> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        Ok(Self::new(file.map_err(Error::file(&path))?, path))
    }

    /// Opens a file that this module wrote.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = File::options().read(true).write(true).open(&path);
        Self::scan(file.map_err(Error::file(&path))?, path)
    }

    /// Copies a file that this module wrote to one without a name; an absent one has no lines.
    pub(crate) fn copied(from: &Path, dir: &Path) -> Result<Self, Error> {
        let mut file = tempfile::tempfile_in(dir).map_err(Error::file(dir))?;
        match File::open(from) {
            Ok(mut from) => io::copy(&mut from, &mut file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
        .map_err(Error::file(from))?;
        Self::scan(file, from.to_owned())
    }

    /// Finds the lines. What a kill left of one was never promised, and is cut off.
    fn scan(file: File, path: PathBuf) -> Result<Self, Error> {
        let mut lines = Self::new(file, path);
        let everything = Run {
            file: Arc::clone(&lines.file),
            at: 0,
            end: u64::MAX,
        };
        let mut reader = BufReader::with_capacity(1 << 18, everything);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .map_err(Error::file(&lines.path))?;
            if line.last() != Some(&b'\n') {
                break;
            }
            let hour = head(&line).ok_or_else(|| Error::Content {
                path: lines.path.clone(),
                line: None,
                problem: "a line without its hour".to_owned(),
            })?;
            lines.note(hour, read as u64);
        }
        let cut = lines.file.set_len(lines.length);
        cut.map_err(Error::file(&lines.path))?;
        Ok(lines)
    }

    fn new(file: File, path: PathBuf) -> Self {
        Self {
            path,
            file: Arc::new(file),
            length: 0,
            hours: BTreeMap::new(),
        }
    }

    /// Returns the name of the file.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }

    /// Removes the file. Who reads it goes on.
    pub(crate) fn discard(self) {
        // Best effort: the next start sweeps what stays.
        let _ = fs::remove_file(&self.path);
    }

    /// Adds lines, all of them or none. A line has no line break in it.
    pub(crate) fn add<L: AsRef<[u8]>>(
        &mut self,
        lines: impl IntoIterator<Item = (Hour, L)>,
    ) -> io::Result<()> {
        let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
        for (hour, line) in lines {
            let before = bytes.len();
            write!(bytes, "{hour} ")?;
            bytes.extend_from_slice(line.as_ref());
            bytes.push(b'\n');
            sizes.push((hour, (bytes.len() - before) as u64));
        }
        if let Err(error) = self.file.write_all_at(&bytes, self.length) {
            // A full disk: what is half written must not be read one day.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        for (hour, size) in sizes {
            self.note(hour, size);
        }
        Ok(())
    }

    fn note(&mut self, hour: Hour, size: u64) {
        let (start, end) = (self.length, self.length + size);
        self.length = end;
        let stock = self.hours.entry(hour).or_default();
        stock.bytes += size - HEAD as u64;
        match stock.runs.last_mut() {
            Some(run) if run.1 == start => run.1 = end,
            _ => stock.runs.push((start, end)),
        }
    }

    /// Returns where the lines of some hours are.
    pub(crate) fn between(&self, first: Hour, last: Hour) -> impl Iterator<Item = (Hour, &Stock)> {
        self.hours
            .range(first..=last)
            .map(|(hour, stock)| (*hour, stock))
    }

    /// Returns what reads lines later, whatever is added or discarded meanwhile.
    pub(crate) fn source(&self) -> Source {
        Source {
            file: Arc::clone(&self.file),
            length: self.length,
        }
    }
}

/// Lines as they were at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    file: Arc<File>,
    length: u64,
}

impl Source {
    /// Hands over each line of an hour, in order.
    pub(crate) fn each(
        &self,
        stock: &Stock,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut runs = stock.runs.iter();
        runs.try_for_each(|run| self.run(*run, &mut take))
    }

    /// Hands over every line, in order.
    pub(crate) fn all(&self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.run((0, self.length), &mut take)
    }

    /// Hands over every line after an offset that an earlier source ended at; returns where this one ends.
    pub(crate) fn since(
        &self,
        offset: u64,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        self.run((offset, self.length), &mut take)?;
        Ok(self.length)
    }

    /// Copies the file.
    pub(crate) fn copy(&self, to: &mut impl Write) -> io::Result<u64> {
        io::copy(&mut self.reader((0, self.length)), to)
    }

    fn run(
        &self,
        run: (u64, u64),
        take: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 16, self.reader(run));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            take(line.get(HEAD..line.len() - 1).unwrap_or_default())?;
            line.clear();
        }
        Ok(())
    }

    fn reader(&self, (at, end): (u64, u64)) -> Run {
        Run {
            file: Arc::clone(&self.file),
            at,
            end,
        }
    }
}

/// Part of a file that others read and extend.
struct Run {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Run {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.end - self.at).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn head(line: &[u8]) -> Option<Hour> {
    let head = std::str::from_utf8(line.get(..HEAD)?).ok()?;
    Hour::read(head.strip_suffix(' ')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lines_by_hour_and_forgets_a_torn_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let hour = |text: &str| Hour::read(text).unwrap();
        let (one, two) = (hour("20260101T00"), hour("20260101T01"));
        let mut lines = Lines::empty(path.clone()).unwrap();
        lines
            .add([(one, "a"), (one, "b"), (two, "{"), (one, "")])
            .unwrap();
        drop(lines);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"20260101T01 torn");
        fs::write(&path, bytes).unwrap();
        let mut lines = Lines::open(path).unwrap();
        lines.add([(two, "c")]).unwrap();
        let source = lines.source();
        let told = |hour| {
            let mut told = Vec::new();
            for (_, stock) in lines.between(hour, hour) {
                source
                    .each(stock, |line| {
                        told.push(String::from_utf8(line.to_vec()).unwrap());
                        Ok(())
                    })
                    .unwrap();
            }
            told
        };
        assert_eq!(told(one), ["a", "b", ""]);
        assert_eq!(told(two), ["{", "c"]);
        assert_eq!(lines.between(one, one).next().unwrap().1.bytes, 5);
        assert_eq!(lines.between(one, two).count(), 2);
    }
}
