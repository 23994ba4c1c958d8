//! What became of a pass's objects, by ranges of their ordinals, as a journal tells it in any order.

use std::collections::BTreeMap;

use crate::model::{Millis, Outcome};

/// What one record of a journal says of a range of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It was about to be sent.
    Intended(Millis),
    /// Braze acknowledged it.
    Acknowledged(Millis),
    /// Braze refused it, for that reason.
    Refused(u32),
    /// It may have left until then, and no answer was seen.
    Doubted(Millis),
    /// It certainly never left.
    Released,
}

/// The outcomes of one pass. What is told of a part outweighs what is told of its object. An acknowledgement outweighs
/// a refusal, that outweighs doubt, that a release, that an intent.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    acknowledged: Ranges<Millis>,
    refused: Ranges<u32>,
    doubted: Ranges<Millis>,
    released: Ranges<()>,
    intended: Ranges<Millis>,
    /// By the part's number: where Braze refuses everybody, neighbours share an outcome.
    parts: BTreeMap<u32, Ranges<Outcome>>,
}

impl Outcomes {
    /// Takes one record in.
    pub fn tell(&mut self, first: u64, count: u64, word: Word) {
        match word {
            Word::Acknowledged(at) => self.acknowledged.insert(first, count, at),
            Word::Refused(reason) => self.refused.insert(first, count, reason),
            Word::Doubted(at) => self.doubted.insert(first, count, at),
            Word::Released => self.released.insert(first, count, ()),
            Word::Intended(at) => self.intended.insert(first, count, at),
        }
    }

    /// Takes in what became of one part of an object.
    pub fn tell_part(&mut self, ordinal: u64, part: u32, outcome: Outcome) {
        self.parts.entry(part).or_default().put(ordinal, outcome);
    }

    /// Returns what became of one part of an object.
    pub fn of_part(&self, ordinal: u64, part: u32) -> Outcome {
        let told = self.parts.get(&part).and_then(|told| told.at(ordinal));
        told.unwrap_or_else(|| self.of(ordinal))
    }

    /// Returns what became of an object.
    pub fn of(&self, ordinal: u64) -> Outcome {
        if let Some(at) = self.acknowledged.at(ordinal) {
            Outcome::Acknowledged(at)
        } else if let Some(reason) = self.refused.at(ordinal) {
            Outcome::Refused(reason)
        } else if let Some(at) = self.doubted.at(ordinal) {
            Outcome::Doubt(at)
        } else if self.released.at(ordinal).is_some() {
            Outcome::NotSent
        } else if let Some(at) = self.intended.at(ordinal) {
            Outcome::Doubt(at)
        } else {
            Outcome::NotSent
        }
    }

    /// Returns when something was last sent, as far as the journal tells.
    pub fn last_send(&self) -> Option<Millis> {
        let times = [&self.intended, &self.acknowledged, &self.doubted];
        let parts = self.parts.values().flat_map(|told| told.0.values());
        let parts = parts.filter_map(|(_, outcome)| match outcome {
            Outcome::Acknowledged(at) | Outcome::Doubt(at) => Some(*at),
            Outcome::Refused(_) | Outcome::NotSent => None,
        });
        times
            .iter()
            .flat_map(|ranges| ranges.0.values())
            .map(|(_, at)| *at)
            .chain(parts)
            .max()
    }
}

/// Values over ranges that never overlap: an ordinal is intended once, and answered once.
#[derive(Clone, Debug)]
struct Ranges<T>(BTreeMap<u64, (u64, T)>);

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy + PartialEq> Ranges<T> {
    fn insert(&mut self, first: u64, count: u64, value: T) {
        let end = first.saturating_add(count);
        match self.0.range_mut(..=first).next_back() {
            Some((_, (before, known))) if *known == value && *before == first => *before = end,
            _ => {
                self.0.insert(first, (end, value));
            }
        }
    }

    /// Sets the value of one, whatever was there.
    fn put(&mut self, ordinal: u64, value: T) {
        if let Some((_, (end, known))) = self.0.range_mut(..=ordinal).next_back() {
            if *end == ordinal && *known == value {
                *end += 1;
                return;
            }
            if ordinal < *end {
                let rest = (*end, *known);
                *end = ordinal;
                if ordinal + 1 < rest.0 {
                    self.0.insert(ordinal + 1, rest);
                }
            }
        }
        self.0.insert(ordinal, (ordinal + 1, value));
    }

    fn at(&self, ordinal: u64) -> Option<T> {
        let (_, (end, value)) = self.0.range(..=ordinal).next_back()?;
        (ordinal < *end).then_some(*value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_told_last_of_a_part_holds(told in prop::collection::vec((0u64..12, 0u32..3), 0..60)) {
            let (mut outcomes, mut expected) = (Outcomes::default(), BTreeMap::new());
            for (ordinal, reason) in told {
                outcomes.tell_part(ordinal, 1, Outcome::Refused(reason));
                expected.insert(ordinal, Outcome::Refused(reason));
            }
            for ordinal in 0..12 {
                let wanted = expected.get(&ordinal).copied().unwrap_or(Outcome::NotSent);
                prop_assert_eq!(outcomes.of_part(ordinal, 1), wanted);
                prop_assert_eq!(outcomes.of_part(ordinal, 0), Outcome::NotSent);
            }
        }
    }

    #[test]
    fn neighbours_of_one_outcome_are_kept_as_one() {
        let mut outcomes = Outcomes::default();
        (0..1000).for_each(|ordinal| outcomes.tell_part(ordinal, 0, Outcome::Refused(7)));
        assert_eq!(outcomes.parts[&0].0.len(), 1);
    }
}
