//! An Amplitude cohort in Braze, as a label in an array attribute or as a flag.
//! It says what is wanted and never sends.

mod spec;

pub use spec::{ImportId, RunBy, Spec, Target, TargetWord};
