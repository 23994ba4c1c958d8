//! Draws events as JSON, a line each, for machines. Running totals come at most ten times a second.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::model::{Event, EventLine};

/// Time between two running totals of the same thing.
pub const PACE: Duration = Duration::from_millis(100);

/// Draws an event as a line.
pub fn line(at: Timestamp, event: Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&EventLine { at, event }).map(|json| json + "\n")
}

/// Holds running totals back until it is their time, and lets none be the last that was not shown.
#[derive(Debug, Default)]
pub struct Pace {
    shown: BTreeMap<String, Duration>,
    held: BTreeMap<String, Event>,
}

impl Pace {
    /// Takes an event that came at this time since the begin; returns what is to be shown now.
    pub fn take(&mut self, event: Event, at: Duration) -> Vec<Event> {
        let Some(total) = total(&event) else {
            let mut due = self.rest(at);
            due.push(event);
            return due;
        };
        if self.shown.get(&total).is_some_and(|last| at < *last + PACE) {
            self.held.insert(total, event);
            return vec![];
        }
        self.held.remove(&total);
        self.shown.insert(total, at);
        vec![event]
    }

    /// Returns whether a total is held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns what was held back.
    pub fn rest(&mut self, at: Duration) -> Vec<Event> {
        let held = std::mem::take(&mut self.held);
        held.into_iter()
            .map(|(total, event)| {
                self.shown.insert(total, at);
                event
            })
            .collect()
    }
}

/// What an event is a running total of, if it is one.
fn total(event: &Event) -> Option<String> {
    match event {
        Event::Reading { cohort, .. } => Some(format!("reading {cohort}")),
        Event::ProfilesRead { cohort, .. } => Some(format!("profiles {cohort}")),
        Event::Asked { .. } => Some("asked".to_owned()),
        Event::Sent { lane, .. } => Some(format!("sent {lane}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(objects: u64) -> Event {
        let lane = "users/track".to_owned();
        Event::Sent { lane, objects }
    }

    #[test]
    fn totals_are_paced_and_the_last_one_is_shown() {
        let at = Duration::from_millis;
        let mut pace = Pace::default();
        assert_eq!(pace.take(sent(1), at(0)), [sent(1)]);
        assert_eq!(pace.take(sent(2), at(50)), []);
        assert_eq!(pace.take(sent(3), at(99)), []);
        assert!(pace.holds());
        assert_eq!(pace.take(sent(4), at(100)), [sent(4)]);
        assert!(!pace.holds());
        assert_eq!(pace.take(sent(5), at(101)), []);
        let settling = Event::Settling { seconds: 1 };
        assert_eq!(
            pace.take(settling.clone(), at(102)),
            [sent(5), settling],
            "what is held comes before what is not"
        );
        assert_eq!(pace.take(sent(6), at(103)), []);
        assert_eq!(pace.rest(at(203)), [sent(6)]);
        assert_eq!(pace.rest(at(204)), []);
    }

    #[test]
    fn totals_of_two_things_do_not_hide_each_other() {
        let reading = |cohort: &str, rows| Event::Reading {
            cohort: cohort.to_owned(),
            rows,
        };
        let mut pace = Pace::default();
        for (cohort, rows) in [("a", 1), ("b", 1)] {
            let event = reading(cohort, rows);
            assert_eq!(pace.take(event.clone(), Duration::ZERO), [event]);
        }
        for (cohort, rows) in [("b", 2), ("a", 2), ("b", 3)] {
            assert_eq!(pace.take(reading(cohort, rows), Duration::ZERO), []);
        }
        assert_eq!(pace.rest(PACE), [reading("a", 2), reading("b", 3)]);
    }

    #[test]
    fn a_line_is_flat_and_tagged() {
        let at = Timestamp::UNIX_EPOCH;
        let drawn = line(at, Event::End { exit: 6 }).unwrap();
        let wanted = r#"{"at":"1970-01-01T00:00:00Z","type":"end","exit":6}"#;
        assert_eq!(drawn, format!("{wanted}\n"));
    }
}
