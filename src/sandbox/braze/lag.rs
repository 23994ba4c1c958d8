//! What exports still see of profiles written a moment ago. It must not change a profile.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A profile as it was before a write, none if it was not there yet.
pub(crate) type Before = Option<Map<String, Value>>;

/// Former states, each until the write after it becomes visible.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    delay: Duration,
    former: HashMap<u32, VecDeque<(Timestamp, Before)>>,
    due: VecDeque<(Timestamp, u32)>,
}

impl Lag {
    /// Delays from now on.
    pub(crate) fn set(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Tells whether former states are kept at all.
    pub(crate) fn keeps(&self) -> bool {
        !self.delay.is_zero()
    }

    /// Keeps what a profile was before the write of this moment.
    pub(crate) fn keep(&mut self, profile: u32, before: Before, now: Timestamp) {
        let until = now.checked_add(self.delay).unwrap_or(now);
        self.former
            .entry(profile)
            .or_default()
            .push_back((until, before));
        self.due.push_back((until, profile));
        while let Some((_, profile)) = self.due.pop_front_if(|(until, _)| *until <= now) {
            if let Some(states) = self.former.get_mut(&profile) {
                states.retain(|(until, _)| *until > now);
                if states.is_empty() {
                    self.former.remove(&profile);
                }
            }
        }
    }

    /// Returns what exports see instead of the profile, if anything.
    pub(crate) fn seen(&self, profile: u32, now: Timestamp) -> Option<&Before> {
        let states = self.former.get(&profile)?;
        states
            .iter()
            .find(|(until, _)| *until > now)
            .map(|(_, before)| before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_write_becomes_visible_in_its_own_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let state = |text: &str| Some(Map::from_iter([("v".to_owned(), Value::from(text))]));
        let mut lag = Lag::default();
        lag.set(Duration::from_secs(10));
        lag.keep(1, None, at(0));
        lag.keep(1, state("first"), at(5));
        assert_eq!(lag.seen(1, at(9)), Some(&None));
        assert_eq!(lag.seen(1, at(10)), Some(&state("first")));
        assert_eq!(lag.seen(1, at(15)), None);
        assert_eq!(lag.seen(2, at(0)), None);
        lag.keep(2, None, at(20));
        assert_eq!(lag.former.len(), 1);
    }
}
