//! `destinations`: Amplitude's own accounts at other services, managed through its Developer API.
//!
//! From: the entry. To: `/v1/projects/{project}/destinations`. Nothing of a person travels here. What an integration can be
//! told is read from Amplitude, never guessed; a literal in a parameter that is never told back is refused.

mod spec;
mod steps;
mod wanted;

pub use spec::{EventFilter, Health, Mapping, OnlyIn, Receives, Spec};
pub use steps::steps;
pub use wanted::{Misfit, Read, no_partner, read, unheld};

use crate::diff::destination::Bounds;

/// Returns the bounds that delivery figures are held against.
pub fn bounds(health: &Health) -> Bounds {
    let percent = health.min_delivery_rate.as_deref();
    Bounds {
        // The schema has passed whatever comes here.
        min_delivery_rate: percent.and_then(|text| text.trim_end_matches('%').parse().ok()),
        max_p95_seconds: health.max_p95_seconds,
    }
}
