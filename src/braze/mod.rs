//! Braze's side: clients and wire shapes. It never meets Amplitude; only `kinds` knows both.

mod client;
mod segments;
mod track;
mod wire;

pub use client::{Error, Reader, TRACK_PER_SECOND, Writer};
pub use track::{Fate, TrackError, TrackObject, Tracked, track_object};
