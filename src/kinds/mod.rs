//! One file a kind of sync; the only room where Amplitude meets Braze.

pub mod cohort;
pub mod coming;
pub mod typed;

mod check;
mod identify;
mod kind;
mod registry;
mod schema;
mod values;

pub use check::{check, quota};
pub use kind::{Desired, Form, Kind, Scope, Unit};
pub use registry::{KindEntry, REGISTRY, Section, find};
pub use schema::schema;
pub use values::{As, Audience};
