//! Braze Currents in storage: where its files are, which there are, and what is in one. It says nothing of what is
//! done with an event.

mod location;

pub use location::{BadLocation, Location};
