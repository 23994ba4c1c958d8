//! `kind: event_stream`: events of Amplitude, as custom events or purchases in Braze.
//!
//! From: the Export API, hour by hour, behind its delay (Export API page). To: `/users/track` (75 objects a request; see
//! Braze's page of it), which counts every event as often as it is processed. What is here is pure: it says what becomes of
//! one event, and neither reads nor sends.

mod decimal;
mod filter;
mod fit;
mod lookup;
mod purchase;
mod spec;
mod take;

pub(super) use filter::End;
pub(super) use fit::{RESERVED, RESERVED_OF_PURCHASE, names};
pub(super) use lookup::Property;
pub(super) use purchase::constant;
pub use spec::{
    Becomes, Bound, Condition, Delivery, Event, Part, Picked, Properties, Purchase, Scalar, Source,
    Spec,
};
pub use take::Taker;
