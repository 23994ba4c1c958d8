//! Braze as its pages describe it. It must not know that Amplitude exists.

mod attributes;
mod catalogue;
mod export;
mod fields;
mod gate;
mod happenings;
mod index;
mod lag;
mod nested;
mod objects;
mod people;
mod profile;
mod segments;
mod store;
mod track;

pub(crate) use gate::{rate_limited, refused};
pub(crate) use objects::Who;
pub(crate) use store::Store;

use std::sync::Mutex;

use super::routes::Routes;

/// The service's state.
pub(crate) struct Braze {
    /// People, events, segments.
    pub(crate) store: Mutex<Store>,
    windows: Mutex<gate::Windows>,
}

impl Braze {
    /// Opens for business.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store: Mutex::new(store),
            windows: Mutex::default(),
        }
    }
}

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    track::routes(to);
    export::routes(to);
    segments::routes(to);
    catalogue::routes(to);
}
