//! Draws what other rooms found, for eyes and machines. It never sees a client and decides nothing.

pub mod annotation;
pub mod bars;
pub mod diagnostic;
pub mod doctor;
pub mod drifted;
pub mod explain;
mod found;
pub mod imported;
mod log;
pub mod parked;
pub mod plan;
mod presence;
pub mod progress;
pub mod refused;
pub mod report;
pub mod stream;
pub mod verify;

mod screen;
mod text;
mod values;
mod wrap;

pub use text::{Style, count};
pub use wrap::wrap;
