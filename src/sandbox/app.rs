//! Everything a running sandbox holds. It must not do anything with it.

use std::sync::Mutex;

use jiff::Timestamp;

use super::{
    amplitude::Amplitude, braze::Braze, faults::Draws, options::Options, stats::Stats, world::World,
};

/// The state behind the routes. No lock in it is held across a wait.
pub(crate) struct App {
    /// As started.
    pub(crate) options: Options,
    /// Counters.
    pub(crate) stats: Mutex<Stats>,
    /// What goes wrong next.
    pub(crate) faults: Mutex<Draws>,
    /// One service.
    pub(crate) amplitude: Amplitude,
    /// The other.
    pub(crate) braze: Braze,
    /// Where both are kept.
    pub(crate) world: World,
}

impl App {
    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.options.clock)()
    }
}
