//! Braze's side: clients and wire shapes. It never meets Amplitude; only `kinds` knows both.

pub mod currents;

mod attributes;
mod client;
mod cohorts;
mod exports;
mod happenings;
mod people;
mod permission;
mod segments;
mod time;
mod track;
mod value;
mod wire;
mod write;

use client::Client;

pub use attributes::ATTRIBUTES_PATH;
pub use client::{COHORTS_PER_SECOND, Error, ImportKeys, RATES, Reader, TRACK_PER_SECOND, Writer};
pub use cohorts::{MEMBERS_PER_REQUEST, member};
pub use exports::SegmentArchive;
pub use happenings::{Happened, Happenings, Worded, worded};
pub use people::{PEOPLE_PATH, PEOPLE_PER_READ};
pub use permission::{Asked, TRACK_PATH};
pub use segments::{DETAILS_PATH, LIST_PATH, SIZES_PATH};
pub use time::{time, utc};
pub use track::{addressed, track_object};
pub use value::{LARGEST, LONGEST_ARRAY, LONGEST_TEXT, Unfit, data_points, fits};
pub use write::{Fate, Object, WriteError, Written};
