//! `destinations`: Amplitude's own accounts at other services, managed through its Developer API.
//!
//! From: the entry. To: `/v1/projects/{project}/destinations`. Nothing of a person travels here.

mod spec;

pub use spec::{EventFilter, Health, Mapping, OnlyIn, Receives, Spec};
