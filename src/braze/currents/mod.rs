//! Braze Currents in storage: where its files are, which there are, and what is in one. It says nothing of what is
//! done with an event.
//!
//! `Store` and `Listing` wait and belong on async threads; `Fetched::events` and what it returns read files and
//! belong on a thread that may block.

mod avro;
mod layout;
mod listing;
mod location;
mod store;

pub use avro::Events;
pub use layout::File;
pub use listing::{Listing, Strangers};
pub use location::{BadLocation, Location};
pub use store::{Error, Fetched, Store};
