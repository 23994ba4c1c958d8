//! How long an answer is waited for. It sends nothing.

use std::time::Duration;

/// How patient requests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest silence inside an answer.
    pub silence: Duration,
    /// Tries where nobody ever answered.
    pub unreached: u32,
    /// After so long, nothing is tried again; none: the tries alone decide.
    pub within: Option<Duration>,
}

impl Patience {
    /// For work: what a service says to wait is waited, and trouble of minutes passes.
    pub const WORK: Self = Self {
        connect: Duration::from_secs(10),
        silence: Duration::from_mins(1),
        // A wrong host or no network does not get better in minutes.
        unreached: 4,
        within: None,
    };

    /// For a check that a pipeline waits for: longer than a look, since a long list takes its time; half a minute or so.
    pub const CHECK: Self = Self {
        connect: Duration::from_secs(5),
        silence: Duration::from_secs(15),
        unreached: 2,
        within: Some(Duration::from_secs(15)),
    };

    /// For a look while somebody waits: at most ten seconds or so.
    pub const LOOK: Self = Self {
        connect: Duration::from_secs(4),
        silence: Duration::from_secs(9),
        unreached: 2,
        within: Some(Duration::from_secs(5)),
    };
}
