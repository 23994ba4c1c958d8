//! A documented rate: so many requests in any window of a length.

use std::time::Duration;

/// A documented rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What is counted, as people say it.
    pub what: &'static str,
    /// Requests.
    pub requests: u64,
    /// In any window of this length.
    pub window: Duration,
}

impl Rate {
    /// Returns the requests that a share of it allows; a share is 1 at most.
    pub fn share(&self, share: f64) -> f64 {
        self.requests as f64 * share
    }

    /// Returns the requests a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.window.as_secs_f64()
    }
}
