//! Goes through everybody block by block: others are served between two of them. It must not keep whom it saw.

use std::ops::Range;

use jiff::Timestamp;

use super::{audience::Filter, store::Store};
use crate::sandbox::{app::App, call::hold};

/// Places of a block. A file of an export holds the members of one, so at most about as many as braze.md 12 says.
const BLOCK: usize = 5_000;

/// Shows a block, by its number; none after the last.
pub(super) fn block<T>(
    app: &App,
    number: usize,
    look: impl FnOnce(&Store, Range<u32>) -> T,
) -> Option<T> {
    let store = hold(&app.braze.store);
    let (first, places) = (number * BLOCK, store.people.places());
    let last = places.min(first + BLOCK);
    (first < places).then(|| look(&store, first as u32..last as u32))
}

/// Returns whom of a block a filter means.
pub(super) fn meant(
    store: &Store,
    filter: &Filter,
    block: Range<u32>,
    now: Timestamp,
) -> impl Iterator<Item = u32> {
    block.filter(move |profile| {
        store.people.there(*profile, now) && filter.means(store, *profile, now)
    })
}
