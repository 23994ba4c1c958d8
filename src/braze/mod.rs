//! Braze's side: clients and wire shapes. It never meets Amplitude; only `kinds` knows both.

mod client;
mod cohorts;
mod segments;
mod track;
mod wire;
mod write;

use client::Client;

pub use client::{COHORTS_PER_SECOND, Error, ImportKeys, Reader, TRACK_PER_SECOND, Writer};
pub use cohorts::{MEMBERS_PER_REQUEST, member};
pub use track::track_object;
pub use write::{Fate, Object, WriteError, Written};
