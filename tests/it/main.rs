//! The one test binary. Each file is a subject; `house.rs` checks that none is forgotten.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says so and ends"
)]

mod config;
mod edges;
mod faults;
mod golden;
mod house;
mod identities;
mod imports;
mod kills;
mod lease;
mod properties;
mod quickstart;
mod scenarios;
mod schema;
mod secrecy;
mod slice;
mod support;
mod wire;
