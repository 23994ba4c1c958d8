//! `kind: currents`: engagement events of Braze, into Amplitude.

mod spec;

pub use spec::{Source, SourceWord, Spec};
