//! `segments`: what a segment of Braze should be. One that filters is looked at, since no public endpoint writes segments; one
//! with members is a table, computed here.

mod materialized;
mod spec;

pub use materialized::Materialized;
pub use spec::{Filter, Members, Spec, Term};
