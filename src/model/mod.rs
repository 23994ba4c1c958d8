//! Nouns that every room speaks. Data only: no I/O, no clock, nothing of ours imported.

mod address;
mod diagnostic;
mod guards;
mod secret;
mod span;

pub use address::Address;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use guards::{Guards, Limit};
pub use secret::Secret;
pub use span::Span;
