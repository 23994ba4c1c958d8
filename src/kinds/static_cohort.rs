//! `cohorts`: static cohorts of Amplitude, filled from a file or from a segment of Braze.

mod spec;

pub use spec::{Members, Spec};
