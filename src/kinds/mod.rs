//! One file a kind of sync; the only room where Amplitude meets Braze.

pub mod cohort;
pub mod computation;
pub mod currents;
pub mod destination;
pub mod event_stream;
pub mod recommendation;
pub mod segment;
pub mod static_cohort;
pub mod typed;
pub mod user_property;

mod applied;
mod audience;
mod check;
mod form;
mod identify;
mod imported;
mod kind;
mod log;
mod registry;
mod schema;
mod values;

pub use check::{check, quota, writes};
pub use form::{Attribute, Attributes, Form, Membership, Take, Valued};
pub use imported::{Declared, import_accounts, imported};
pub use kind::{Desired, Kind, Reads, Scope, Source, Unit, Upload};
pub use log::{Log, LogSource, Stream, TakesLines, TakesRecords};
pub use registry::{
    KindEntry, Moves, REGISTRY, Section, Watched, find, find_log, find_watched, is_managed, moves,
};
pub use schema::schema;
pub use values::{As, Audience};
