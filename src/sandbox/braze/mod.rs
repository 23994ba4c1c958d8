//! Braze as its pages describe it. It must not know that Amplitude exists.

mod aliases;
mod attributes;
mod audience;
mod catalogue;
mod census;
mod clicks;
mod cohorts;
mod definitions;
mod delete;
mod export;
mod fields;
mod gate;
mod happenings;
mod index;
mod kinds;
mod lag;
mod members;
mod merge;
mod nested;
mod objects;
mod partners;
mod people;
mod profile;
mod rates;
mod segment_export;
mod segments;
mod series;
mod shipment;
mod store;
mod times;
mod track;
mod wording;

pub(crate) use clicks::{click, load_segments};
pub(crate) use cohorts::Cohort;
pub(crate) use definitions::Definitions;
pub(crate) use gate::refused;
pub(crate) use objects::Who;
pub(crate) use partners::{locked, place};
pub(crate) use rates::rate_limited;
pub(crate) use store::Store;

use std::sync::Mutex;

use super::routes::Routes;

/// The service's state.
pub(crate) struct Braze {
    /// People, events, segments.
    pub(crate) store: Mutex<Store>,
    windows: Mutex<rates::Windows>,
    /// Cohorts that requests are working on.
    busy: partners::Busy,
    /// Segment exports of this process.
    exports: Mutex<shipment::Exports>,
}

impl Braze {
    /// Opens for business.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store: Mutex::new(store),
            windows: Mutex::default(),
            busy: partners::Busy::default(),
            exports: Mutex::default(),
        }
    }
}

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    track::routes(to);
    aliases::routes(to);
    delete::routes(to);
    merge::routes(to);
    partners::routes(to);
    export::routes(to);
    segments::routes(to);
    series::routes(to);
    segment_export::routes(to);
    catalogue::routes(to);
}
