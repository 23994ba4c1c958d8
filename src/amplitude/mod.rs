//! Amplitude's side: clients and wire shapes. It never meets Braze; only `kinds` knows both.

mod client;
mod cohorts;
mod deliveries;
mod developer;
mod export;
mod file;
mod ingest;
mod profile;
mod statics;
mod wire;

pub use client::{Error, RATES, Reader};
pub use cohorts::{LIST_PATH, Usage};
pub use developer::{Developer, Patched, Patcher, Problem};
pub use export::Archive;
pub use file::{CohortFile, FileError, FileRow};
pub use ingest::{BATCHES, Delivered, Delivery, EVENTS_PER_REQUEST, Ingester, LARGEST_REQUEST};
pub use statics::{
    IDS_PER_REQUEST, Made, NewCohort, Operation, STATICS_PER_SECOND, StaticError, StaticWriter,
};
