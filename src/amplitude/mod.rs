//! Amplitude's side: clients and wire shapes. It never meets Braze; only `kinds` knows both.

mod client;
mod cohorts;
mod file;
mod wire;

pub use client::{Error, Reader};
pub use file::{CohortFile, FileError, FileRow};
