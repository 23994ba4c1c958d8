//! Sorts rows that do not fit in memory: fill an arena, sort it, spill a run, repeat; then merge the runs.
//! The rows come out strictly ascending, each key once.
//!
//! A prefix of eight bytes after the common prefix of the arena's keys decides most comparisons without touching
//! the arena. All runs of a sorter are in one file: many sorters with many runs each must not run out of handles.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Error, budget::Lease};

/// Takes rows in any order.
pub struct Sorter {
    directory: PathBuf,
    lease: Lease,
    arena: Vec<u8>,
    /// Where rows begin; the number is filled in when they are sorted.
    index: Vec<(u64, u32)>,
    file: Option<File>,
    runs: Vec<Range<u64>>,
}

/// Bytes of one entry of the index.
const ENTRY: usize = size_of::<(u64, u32)>();
/// Bytes that the shortest row takes in the arena: a key is a tag and a letter at least.
const SHORTEST: usize = HEAD + 2;
/// Bytes in memory of each run while runs are merged.
const BUFFER: (usize, usize) = (4 << 10, 64 << 10);

impl Sorter {
    /// Makes a sorter that holds at most its lease and spills into an unnamed file of `directory`.
    pub fn new(directory: &Path, lease: Lease) -> Self {
        // What is not written to is not in memory; so nothing is ever moved, and no more is taken than what is leased.
        let most = lease.most();
        Self {
            directory: directory.to_owned(),
            lease,
            arena: Vec::with_capacity(most),
            index: Vec::with_capacity(most / (ENTRY + SHORTEST)),
            file: None,
            runs: vec![],
        }
    }

    /// Takes one row.
    pub fn push(&mut self, key: &[u8], amplitude_id: i64, value: &[u8]) -> Result<(), Error> {
        let more = ENTRY + HEAD + key.len() + value.len();
        while self.held() + more > self.lease.bytes() {
            if !self.lease.grow() {
                self.spill()?;
                break;
            }
        }
        self.index.push((0, self.arena.len() as u32));
        write_row(&mut self.arena, key, amplitude_id, value);
        Ok(())
    }

    fn held(&self) -> usize {
        self.arena.len() + self.index.len() * ENTRY
    }

    /// Ends the input and returns the rows in order.
    pub fn finish(mut self) -> Result<Sorted, Error> {
        if self.runs.is_empty() {
            self.sort();
            let order = self.index.into_iter();
            let source = Source::Arena {
                arena: self.arena,
                order,
            };
            return Sorted::new(vec![source], self.lease, &self.directory);
        }
        self.spill()?;
        let buffer = self.lease.bytes() / self.runs.len();
        let buffer = buffer.clamp(BUFFER.0, BUFFER.1);
        let sources = self.file.into_iter().flat_map(|file| {
            let file = Arc::new(file);
            let run = move |range| {
                let file = Arc::clone(&file);
                Source::Spilled(BufReader::with_capacity(buffer, Run::new(file, range)))
            };
            self.runs.drain(..).map(run).collect::<Vec<_>>()
        });
        Sorted::new(sources.collect(), self.lease, &self.directory)
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        let common = common_prefix(arena, &self.index);
        for (number, at) in &mut self.index {
            *number = prefix(&key_at(arena, *at as usize)[common..]);
        }
        self.index.sort_unstable_by(|(a, left), (b, right)| {
            a.cmp(b)
                .then_with(|| compare(&arena[*left as usize..], &arena[*right as usize..]))
        });
    }

    fn spill(&mut self) -> Result<(), Error> {
        if self.index.is_empty() {
            return Ok(());
        }
        self.sort();
        let io = |error| Error::io(&self.directory)(error);
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.directory).map_err(io)?,
        };
        let from = self.runs.last().map_or(0, |run| run.end);
        let mut to = from;
        let mut writer = BufWriter::with_capacity(BUFFER.1, file);
        for (_, at) in self.index.drain(..) {
            let row = &self.arena[at as usize..];
            let row = &row[..row_length(row)];
            writer.write_all(row).map_err(io)?;
            to += row.len() as u64;
        }
        let file = writer.into_inner();
        self.file = Some(file.map_err(|error| io(error.into_error()))?);
        self.runs.push(from..to);
        self.arena.clear();
        Ok(())
    }
}

/// A part of a file, read from its own place: the parts share one handle, and take turns.
pub(super) struct Run {
    file: Arc<File>,
    range: Range<u64>,
}

impl Run {
    /// Names a part of a file.
    pub(super) fn new(file: Arc<File>, range: Range<u64>) -> Self {
        Self { file, range }
    }
}

impl Read for Run {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end - self.range.start;
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(self.range.start))?;
        let length = file.read(&mut buffer[..most])?;
        self.range.start += length as u64;
        Ok(length)
    }
}

/// Sorted rows; of rows with one key the one with the lowest Amplitude id comes first.
pub struct Sorted {
    sources: Vec<Source>,
    heads: BinaryHeap<Head>,
    /// Of what the sources hold.
    _lease: Lease,
    directory: PathBuf,
}

enum Source {
    Arena {
        arena: Vec<u8>,
        order: std::vec::IntoIter<(u64, u32)>,
    },
    Spilled(BufReader<Run>),
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
    fn new(sources: Vec<Source>, lease: Lease, directory: &Path) -> Result<Self, Error> {
        let heads = BinaryHeap::new();
        let mut sorted = Self {
            sources,
            heads,
            _lease: lease,
            directory: directory.to_owned(),
        };
        (0..sorted.sources.len()).try_for_each(|source| sorted.refill(source, vec![]))?;
        Ok(sorted)
    }

    fn refill(&mut self, source: usize, mut row: Vec<u8>) -> Result<(), Error> {
        row.clear();
        let more = match &mut self.sources[source] {
            Source::Arena { arena, order } => {
                let at = order.next();
                if let Some((_, at)) = at {
                    let from = &arena[at as usize..];
                    row.extend_from_slice(&from[..row_length(from)]);
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

    /// Calls with each row in order; returns how many were left out since their key stood before.
    pub(super) fn each(
        self,
        mut call: impl FnMut(RowBytes<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut duplicates = 0;
        self.every(|row, repeated| {
            duplicates += u64::from(repeated);
            if repeated { Ok(()) } else { call(row) }
        })?;
        Ok(duplicates)
    }

    /// Calls with every row in order, and with whether its key stood before.
    pub(super) fn every(
        mut self,
        mut call: impl FnMut(RowBytes<'_>, bool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut last = Vec::new();
        while let Some(Head(row, source)) = self.heads.pop() {
            let view = RowBytes(&row);
            let repeated = last == view.key();
            if !repeated {
                last.clear();
                last.extend_from_slice(view.key());
            }
            call(view, repeated)?;
            self.refill(source, row)?;
        }
        Ok(())
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

fn common_prefix(arena: &[u8], index: &[(u64, u32)]) -> usize {
    let Some(((_, first), rest)) = index.split_first() else {
        return 0;
    };
    let first = key_at(arena, *first as usize);
    rest.iter().fold(first.len(), |common, (_, at)| {
        let key = key_at(arena, *at as usize);
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
    use crate::state::budget::Budget;

    /// Leases for so many sorters; in a test of its own thread nobody is waited for.
    fn leases(budget: &Budget, count: usize) -> Vec<Lease> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(budget.leases(count))
    }

    #[test]
    fn many_sorters_side_by_side_hold_no_more_than_the_budget() {
        const ROWS: u64 = 20_000;
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 20);
        // Six files at once, of one to six mappings each: 21 sorters, each of them with more rows than it may hold.
        std::thread::scope(|scope| {
            for mappings in 1..=6 {
                let (budget, directory) = (&budget, directory.path());
                scope.spawn(move || {
                    let leases = leases(budget, mappings);
                    let sorter = |lease| Sorter::new(directory, lease);
                    let mut sorters: Vec<Sorter> = leases.into_iter().map(sorter).collect();
                    for row in 0..ROWS {
                        let number = row * 7919 % ROWS;
                        for sorter in &mut sorters {
                            let key = format!("e{number:0>40}");
                            sorter.push(key.as_bytes(), 1, b"").unwrap();
                            assert!(sorter.held() <= sorter.lease.bytes());
                        }
                    }
                    for sorter in sorters {
                        assert!(!sorter.runs.is_empty(), "nothing was spilled");
                        let mut seen = 0;
                        let count = |_: RowBytes<'_>| {
                            seen += 1;
                            Ok(())
                        };
                        assert_eq!(sorter.finish().unwrap().each(count).unwrap(), 0);
                        assert_eq!(seen, ROWS);
                    }
                });
            }
        });
        assert!(budget.most_held() <= 1 << 20, "{}", budget.most_held());
    }

    proptest! {
        #[test]
        fn any_order_and_budget_gives_each_key_once(
            rows in prop::collection::vec((prop::collection::vec(1u8..4, 1..12), 1i64..5), 0..200),
            budget in 1usize..4000,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let lease = leases(&Budget::new(budget), 1).remove(0);
            let mut sorter = Sorter::new(directory.path(), lease);
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
