//! One file a kind of sync; the only room where Amplitude meets Braze.

pub mod cohort;
pub mod coming;

mod check;
mod registry;
mod schema;

pub use check::check;
pub use registry::{KindEntry, REGISTRY, Section};
pub use schema::schema;
