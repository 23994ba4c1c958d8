//! What a lane bears: how many objects a request, how many requests at once, how much is intended ahead.

use crate::{
    amplitude::{IDS_PER_REQUEST, STATICS_PER_SECOND},
    braze::{COHORTS_PER_SECOND, MEMBERS_PER_REQUEST, TRACK_PER_SECOND},
    model::Lane,
};

/// What a lane bears.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Road {
    /// Objects of one request.
    pub(in crate::engine) most: usize,
    /// Requests under way at once.
    pub(super) at_once: usize,
    /// Batches between two syncs of the journal; a kill leaves at most so many in doubt, a fraction of a second's. With 0
    /// each batch is intended by itself.
    pub(super) window: usize,
    per_second: f64,
}

/// Requests a second of one cohort, since each waits for the one before: an answer takes about so long.
const ONE_BY_ONE: f64 = 5.0;
/// Events of one request to Amplitude.
const EVENTS_PER_REQUEST: usize = 2_000;
/// Requests a second to Amplitude: its own pace for one client is 100 batches a second.
const INGEST_PER_SECOND: f64 = 20.0;

impl Road {
    /// Returns what a lane bears.
    pub(in crate::engine) fn of(lane: &Lane, objects_per_request: usize) -> Self {
        match lane {
            Lane::UsersTrack => Self {
                most: objects_per_request,
                at_once: 16,
                window: 64,
                per_second: TRACK_PER_SECOND,
            },
            // Two requests for one cohort at once are answered 423.
            Lane::Cohort { .. } => Self {
                most: MEMBERS_PER_REQUEST,
                at_once: 1,
                window: 4,
                per_second: COHORTS_PER_SECOND,
            },
            // What is under way when a run is killed is ambiguous, and somebody has to decide it: so there is less of it.
            Lane::Events { .. } => Self {
                most: objects_per_request,
                at_once: 8,
                window: 0,
                per_second: TRACK_PER_SECOND,
            },
            // Two requests for one cohort at once are answered 429.
            Lane::Static { .. } => Self {
                most: IDS_PER_REQUEST,
                at_once: 1,
                window: 0,
                per_second: STATICS_PER_SECOND,
            },
            // Batch API: 2,000 events a request; no rate is documented but that of a device (amplitude.md 7).
            Lane::Ingest { .. } => Self {
                most: EVENTS_PER_REQUEST,
                at_once: 4,
                window: 0,
                per_second: INGEST_PER_SECOND,
            },
        }
    }

    /// Returns how many requests a second it lets through, at this share of what is documented.
    pub(in crate::engine) fn per_second(&self, share: f64) -> f64 {
        let allowed = self.per_second * share;
        if self.at_once == 1 {
            allowed.min(ONE_BY_ONE)
        } else {
            allowed
        }
    }
}
