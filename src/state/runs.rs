//! Sorts rows that do not fit in memory: fill an arena, sort it, spill a run, repeat; then merge the runs.
//! The rows come out strictly ascending, each key once.
//!
//! A prefix of eight bytes after the common prefix of the arena's keys decides most comparisons without touching
//! the arena.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fs::File,
    io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::Error;

/// Takes rows in any order.
pub struct Sorter {
    directory: PathBuf,
    budget: usize,
    arena: Vec<u8>,
    index: Vec<usize>,
    runs: Vec<File>,
}

/// Bytes that one entry of the index and its sort prefix take beside the arena.
const ENTRY: usize = 8 + 16;

impl Sorter {
    /// Makes a sorter that holds at most `budget` bytes and spills into unnamed files of `directory`.
    pub fn new(directory: &Path, budget: usize) -> Self {
        Self {
            directory: directory.to_owned(),
            budget,
            arena: vec![],
            index: vec![],
            runs: vec![],
        }
    }

    /// Takes one row.
    pub fn push(&mut self, key: &[u8], amplitude_id: i64, value: &[u8]) -> Result<(), Error> {
        if self.arena.len() + self.index.len() * ENTRY >= self.budget {
            self.spill()?;
        }
        self.index.push(self.arena.len());
        write_row(&mut self.arena, key, amplitude_id, value);
        Ok(())
    }

    /// Ends the input and returns the rows in order.
    pub fn finish(mut self) -> Result<Sorted, Error> {
        if !self.runs.is_empty() {
            self.spill()?;
        }
        let mut sources: Vec<Source> = self
            .runs
            .drain(..)
            .map(|file| Source::Spilled(BufReader::new(file)))
            .collect();
        if sources.is_empty() {
            let order = self.sorted();
            sources.push(Source::Arena {
                arena: self.arena,
                order,
                next: 0,
            });
        }
        Sorted::new(sources, &self.directory)
    }

    fn sorted(&mut self) -> Vec<usize> {
        let arena = &self.arena;
        let common = common_prefix(arena, &self.index);
        let mut order: Vec<(u64, usize)> = self
            .index
            .drain(..)
            .map(|at| (prefix(&key_at(arena, at)[common..]), at))
            .collect();
        order.sort_unstable_by(|(a, left), (b, right)| {
            a.cmp(b)
                .then_with(|| compare(&arena[*left..], &arena[*right..]))
        });
        order.into_iter().map(|(_, at)| at).collect()
    }

    fn spill(&mut self) -> Result<(), Error> {
        if self.index.is_empty() {
            return Ok(());
        }
        let order = self.sorted();
        let io = |error| Error::io(&self.directory)(error);
        let mut file = BufWriter::new(tempfile::tempfile_in(&self.directory).map_err(io)?);
        for at in order {
            let length = row_length(&self.arena[at..]);
            file.write_all(&self.arena[at..at + length]).map_err(io)?;
        }
        let mut file = file.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        self.runs.push(file);
        self.arena.clear();
        Ok(())
    }
}

/// Sorted rows, each key once: of rows with one key the one with the lowest Amplitude id.
pub struct Sorted {
    sources: Vec<Source>,
    heads: BinaryHeap<Head>,
    directory: PathBuf,
    duplicates: u64,
}

enum Source {
    Arena {
        arena: Vec<u8>,
        order: Vec<usize>,
        next: usize,
    },
    Spilled(BufReader<File>),
}

/// A source's next row as it is written, and which source.
struct Head(Vec<u8>, usize);

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    /// Reversed, since the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&other.0, &self.0).then_with(|| other.1.cmp(&self.1))
    }
}

impl Sorted {
    fn new(sources: Vec<Source>, directory: &Path) -> Result<Self, Error> {
        let heads = BinaryHeap::new();
        let mut sorted = Self {
            sources,
            heads,
            directory: directory.to_owned(),
            duplicates: 0,
        };
        (0..sorted.sources.len()).try_for_each(|source| sorted.refill(source, vec![]))?;
        Ok(sorted)
    }

    fn refill(&mut self, source: usize, mut row: Vec<u8>) -> Result<(), Error> {
        row.clear();
        let more = match &mut self.sources[source] {
            Source::Arena { arena, order, next } => {
                let at = order.get(*next).copied();
                *next += 1;
                if let Some(at) = at {
                    row.extend_from_slice(&arena[at..at + row_length(&arena[at..])]);
                }
                Ok(at.is_some())
            }
            Source::Spilled(file) => match file.fill_buf() {
                Ok([]) => Ok(false),
                Ok(_) => read_row(file, &mut row).map(|_| true),
                Err(error) => Err(error),
            },
        };
        if more.map_err(Error::io(&self.directory))? {
            self.heads.push(Head(row, source));
        }
        Ok(())
    }

    /// Calls with each row in order.
    pub(super) fn each(
        mut self,
        mut call: impl FnMut(RowBytes<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut last = Vec::new();
        while let Some(Head(row, source)) = self.heads.pop() {
            let view = RowBytes(&row);
            if last == view.key() {
                self.duplicates += 1;
            } else {
                last.clear();
                last.extend_from_slice(view.key());
                call(view)?;
            }
            self.refill(source, row)?;
        }
        Ok(self.duplicates)
    }
}

/// Appends a row: length of key and value, Amplitude id, then key and value.
pub(super) fn write_row(into: &mut Vec<u8>, key: &[u8], amplitude_id: i64, value: &[u8]) {
    into.extend_from_slice(&(key.len() as u32).to_le_bytes());
    into.extend_from_slice(&(value.len() as u32).to_le_bytes());
    into.extend_from_slice(&amplitude_id.to_le_bytes());
    into.extend_from_slice(key);
    into.extend_from_slice(value);
}

const HEAD: usize = 16;

/// Reads what `write_row` wrote into a buffer that is used again: all of its bytes.
pub(super) fn read_row<'a>(
    from: &mut impl std::io::Read,
    bytes: &'a mut Vec<u8>,
) -> std::io::Result<RowBytes<'a>> {
    bytes.resize(HEAD, 0);
    from.read_exact(bytes)?;
    bytes.resize(row_length(bytes), 0);
    from.read_exact(&mut bytes[HEAD..])?;
    Ok(RowBytes(bytes))
}

/// One row as it is written.
#[derive(Clone, Copy)]
pub(super) struct RowBytes<'a>(&'a [u8]);

impl<'a> RowBytes<'a> {
    /// All of it, for sums.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn key(self) -> &'a [u8] {
        key_at(self.0, 0)
    }

    pub(super) fn amplitude_id(self) -> i64 {
        read_head(self.0).2
    }

    pub(super) fn value(self) -> &'a [u8] {
        &self.0[HEAD + read_head(self.0).0..]
    }
}

fn read_head(bytes: &[u8]) -> (usize, usize, i64) {
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let low = u64::from(word(8));
    let high = u64::from(word(12));
    (
        word(0) as usize,
        word(4) as usize,
        (high << 32 | low).cast_signed(),
    )
}

fn row_length(bytes: &[u8]) -> usize {
    let (key, value, _) = read_head(bytes);
    HEAD + key + value
}

fn key_at(arena: &[u8], at: usize) -> &[u8] {
    let (key, _, _) = read_head(&arena[at..]);
    &arena[at + HEAD..at + HEAD + key]
}

fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let number = |row: &[u8]| read_head(row).2;
    key_at(left, 0)
        .cmp(key_at(right, 0))
        .then_with(|| number(left).cmp(&number(right)))
}

/// Eight bytes as a number that orders as they do; shorter keys are filled with zero, which no key holds.
fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

fn common_prefix(arena: &[u8], index: &[usize]) -> usize {
    let Some((first, rest)) = index.split_first() else {
        return 0;
    };
    let first = key_at(arena, *first);
    rest.iter().fold(first.len(), |common, at| {
        let key = key_at(arena, *at);
        first
            .iter()
            .zip(key)
            .take(common)
            .take_while(|(a, b)| a == b)
            .count()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_and_budget_gives_each_key_once(
            rows in prop::collection::vec((prop::collection::vec(1u8..4, 1..12), 1i64..5), 0..200),
            budget in 1usize..4000,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(directory.path(), budget);
            let mut expected: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
            for (key, id) in &rows {
                sorter.push(key, *id, b"v").unwrap();
                expected.entry(key.clone()).and_modify(|known| *known = (*known).min(*id)).or_insert(*id);
            }
            let mut found = vec![];
            let duplicates = sorter.finish().unwrap().each(|row| {
                found.push((row.key().to_vec(), row.amplitude_id()));
                Ok(())
            });
            prop_assert_eq!(duplicates.unwrap() as usize, rows.len() - expected.len());
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
