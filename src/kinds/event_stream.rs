//! `kind: event_stream`: events of Amplitude, as custom events or purchases in Braze.

mod spec;

pub use spec::{Becomes, Delivery, Event, Part, Properties, Purchase, Source, Spec};
