//! Writes into the journal what is about to be sent and what became of it, for one pass.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::answered::{Answered, Told};
use crate::{
    model::{Millis, UNKNOWN_THERE},
    state::{
        self,
        journal::{Entry, Journal, Part, PartWord, Range},
    },
};

/// Writes for one pass.
pub(super) struct Scribe<'a> {
    journal: &'a Mutex<Journal>,
    pass: u16,
    reasons: BTreeMap<String, u32>,
    intended: u64,
    dispatched: u64,
}

impl<'a> Scribe<'a> {
    pub(super) fn new(journal: &'a Mutex<Journal>, pass: u16) -> Self {
        Self {
            journal,
            pass,
            reasons: BTreeMap::new(),
            intended: 0,
            dispatched: 0,
        }
    }

    /// Says that objects up to `end` leave now; `ahead` are intended at once, so that few syncs are needed.
    pub(super) fn dispatch(
        &mut self,
        (first, end): (u64, u64),
        ahead: u64,
        at: Millis,
    ) -> Result<(), state::Error> {
        if end > self.intended {
            let range = self.range(first, ahead.max(end - first));
            self.intended = first + u64::from(range.count);
            tokio::task::block_in_place(|| self.journal().intend(range, at))?;
        }
        self.dispatched = end;
        Ok(())
    }

    /// Says that objects that left before leave once more.
    pub(super) fn again(&self, (first, end): (u64, u64), at: Millis) -> Result<(), state::Error> {
        let range = self.range(first, end - first);
        tokio::task::block_in_place(|| self.journal().intend(range, at))
    }

    /// Says that what was intended and not dispatched never left.
    pub(super) fn release(&self) -> Result<(), state::Error> {
        if self.intended <= self.dispatched {
            return Ok(());
        }
        let range = self.range(self.dispatched, self.intended - self.dispatched);
        self.journal().tell(&Entry::Released(range))
    }

    /// Writes what a batch came to.
    pub(super) fn tell(&mut self, answered: &Answered, at: Millis) -> Result<(), state::Error> {
        let mut left = answered.told.as_slice();
        while let Some((ordinal, part, told)) = left.first() {
            if let Some(part) = part {
                let part = Part {
                    pass: self.pass,
                    ordinal: *ordinal,
                    delta: *part,
                };
                let word = match told {
                    Told::Acknowledged => PartWord::Acknowledged(at),
                    Told::Refused(reason) => PartWord::Refused(self.reason(reason)?),
                    Told::Skipped => PartWord::Refused(self.reason(UNKNOWN_THERE)?),
                    Told::Released => PartWord::Released,
                    Told::Doubted => PartWord::Doubted(at),
                };
                self.journal().tell(&Entry::Part(part, word))?;
                left = &left[1..];
                continue;
            }
            let follows = |(at, (next, part, other)): &(usize, &(u64, Option<u32>, Told))| {
                let apart = *at > 0 && answered.borders.contains(next);
                *next == ordinal + *at as u64 && part.is_none() && other == told && !apart
            };
            let count = left.iter().enumerate().take_while(follows).count();
            let range = self.range(*ordinal, count as u64);
            let entry = match told {
                Told::Acknowledged => Entry::Acknowledged(range, at),
                Told::Refused(reason) => Entry::Refused(range, self.reason(reason)?),
                Told::Skipped => Entry::Refused(range, self.reason(UNKNOWN_THERE)?),
                Told::Released => Entry::Released(range),
                Told::Doubted => Entry::Doubted(range, at),
            };
            self.journal().tell(&entry)?;
            left = &left[count..];
        }
        Ok(())
    }

    /// Returns the number of a reason, after its words were written once.
    fn reason(&mut self, words: &str) -> Result<u32, state::Error> {
        if let Some(known) = self.reasons.get(words) {
            return Ok(*known);
        }
        let number = self.reasons.len() as u32;
        let entry = Entry::Reason(self.pass, number, words.to_owned());
        self.journal().tell(&entry)?;
        self.reasons.insert(words.to_owned(), number);
        Ok(number)
    }

    fn range(&self, first: u64, count: u64) -> Range {
        Range {
            pass: self.pass,
            first,
            count: count as u32,
        }
    }

    fn journal(&self) -> MutexGuard<'a, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
