//! Winnows the events of a log: those that were sent before go, and of one that was met several times all but the first.
//! What stays comes out by place and time. Sorted within the memory that all sorting shares, however many there are.

use std::path::Path;

use super::{
    Error,
    budget::Lease,
    gathered::{decode, value},
    runs::Sorter,
    spool::{Spool, SpoolRows},
};
use crate::model::{EventId, LogRow};

/// The number of what was sent before: it sorts before every place.
const SENT: i64 = i64::MIN;
/// Bytes before the rest of an event: its time.
const TIME: usize = 8;

/// Takes events in any order.
pub struct Winnow {
    sorter: Sorter,
}

/// What is left.
pub struct Winnowed {
    rows: Spool,
    /// Events that were sent before.
    pub sent_before: u64,
    /// Events that were met before among those that were read.
    pub twice: u64,
}

impl Winnow {
    /// Begins with none.
    pub fn new(directory: &Path, lease: Lease) -> Self {
        let sorter = Sorter::new(directory, lease);
        Self { sorter }
    }

    /// Takes the id of one that was sent before.
    pub fn sent(&mut self, id: EventId) -> Result<(), Error> {
        self.sorter.push(id.bytes(), SENT, b"")
    }

    /// Takes one that was read, with the number of the place where.
    pub fn read(&mut self, row: &LogRow, place: u32) -> Result<(), Error> {
        let mut rest = row.at.to_le_bytes().to_vec();
        rest.extend(value(row));
        self.sorter.push(row.id.bytes(), place.into(), &rest)
    }

    /// Ends the input.
    pub fn finish(self, directory: &Path, lease: Lease) -> Result<Winnowed, Error> {
        let mut by_time = Sorter::new(directory, lease);
        let (mut sent_before, mut twice, mut sent) = (0, 0, false);
        self.sorter.finish()?.every(|row, repeated| {
            let place = row.amplitude_id();
            if place == SENT {
                sent = true;
                return Ok(());
            }
            sent &= repeated;
            if repeated {
                *(if sent { &mut sent_before } else { &mut twice }) += 1;
                return Ok(());
            }
            let (at, rest) = row.value().split_at(TIME);
            let at = i64::from_le_bytes(at.try_into().unwrap_or_default());
            let mut key = (place as u32).to_be_bytes().to_vec();
            // Turned so that what was before 1970 sorts first.
            key.extend((at ^ i64::MIN).to_be_bytes());
            key.extend(row.key());
            by_time.push(&key, at, rest)
        })?;
        Ok(Winnowed {
            rows: Spool::of(directory, by_time)?,
            sent_before,
            twice,
        })
    }
}

impl Winnowed {
    /// Reads what is left, with the numbers of their places.
    pub fn rows(&self) -> Rows {
        Rows(self.rows.rows())
    }
}

/// Iterates over what is left.
pub struct Rows(SpoolRows);

impl Iterator for Rows {
    type Item = Result<(u32, LogRow), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.0.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let read = || {
            let (place, rest) = row.key.split_first_chunk::<4>()?;
            let id = EventId::from_bytes(rest.get(TIME..)?)?;
            let event = decode(id, row.number, &row.value)?;
            Some((u32::from_be_bytes(*place), event))
        };
        let damaged = || Error::corrupt(Path::new("(scratch)"), "a damaged event");
        Some(read().ok_or_else(damaged))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Key, Millis},
        state::budget::Budget,
    };

    fn row(name: u8, at: Millis) -> LogRow {
        LogRow {
            id: EventId::of(&[&name.to_string()]),
            key: Key::external(&format!("u{name}")).unwrap(),
            at,
            purchase: name.is_multiple_of(2),
            data_points: u32::from(name),
            body: format!("{{\"name\":{name},\"at\":{at}}}").into(),
        }
    }

    proptest! {
        /// Against sets and a sort in memory, with a budget that makes it spill.
        #[test]
        fn each_comes_once_by_place_and_time(
            events in prop::collection::vec((any::<u8>(), 0_u32..5, -50_i64..50), 0..300),
            sent in prop::collection::btree_set(any::<u8>(), 0..40),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let budget = Budget::new(4 << 10);
            let mut leases = runtime.block_on(budget.leases(2)).into_iter();
            let directory = tempfile::tempdir().unwrap();
            let mut winnow = Winnow::new(directory.path(), leases.next().unwrap());
            for (name, place, at) in &events {
                winnow.read(&row(*name, *at), *place).unwrap();
            }
            for name in &sent {
                winnow.sent(row(*name, 0).id).unwrap();
            }
            let found = winnow.finish(directory.path(), leases.next().unwrap()).unwrap();
            let left: Vec<(u32, LogRow)> = found.rows().map(Result::unwrap).collect();
            let names: BTreeSet<u8> = events.iter().map(|(name, _, _)| *name).collect();
            let before = events.iter().filter(|(name, _, _)| sent.contains(name)).count();
            prop_assert_eq!(found.sent_before, before as u64);
            prop_assert_eq!(left.len(), names.difference(&sent).count());
            prop_assert_eq!(found.twice, (events.len() - before - left.len()) as u64);
            let order: Vec<(u32, Millis)> = left.iter().map(|(place, row)| (*place, row.at)).collect();
            prop_assert!(order.is_sorted());
            for (place, found) in &left {
                let same = |(name, at_place, at): &&(u8, u32, Millis)| row(*name, *at) == *found && at_place == place;
                let met = events.iter().find(same);
                prop_assert!(met.is_some());
                let name = met.unwrap().0;
                let first = events.iter().filter(|event| event.0 == name).map(|event| event.1).min();
                prop_assert_eq!(first, Some(*place));
            }
        }
    }
}
