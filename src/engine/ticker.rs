//! Tells how far a long reading is, at most ten times a second. It never slows the reading.

use std::time::{Duration, Instant};

use super::Events;
use crate::model::Event;

/// Time between two mentions.
const PACE: Duration = Duration::from_millis(100);
/// Rows between two looks at the clock.
const STRIDE: u64 = 4096;

/// Counts the rows of one cohort's file.
pub(super) struct Ticker {
    events: Events,
    cohort: String,
    last: Instant,
}

impl Ticker {
    pub(super) fn new(events: &Events, cohort: &str) -> Self {
        Self {
            events: events.clone(),
            cohort: cohort.to_owned(),
            last: Instant::now(),
        }
    }

    /// Takes note that so many rows were read.
    pub(super) fn row(&mut self, rows: u64) {
        if rows.is_multiple_of(STRIDE) && self.last.elapsed() >= PACE {
            self.last = Instant::now();
            let cohort = self.cohort.clone();
            self.events.mention(Event::Reading { cohort, rows });
        }
    }
}
