//! The one test binary. Each file is a subject; `house.rs` checks that none is forgotten.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says so and ends"
)]

mod adopting;
mod algebra;
mod changed;
mod config;
mod currents;
mod destinations;
mod doctor;
mod edges;
mod editor;
mod engagement;
mod events;
mod explain;
mod faults;
mod forgetting;
mod forms;
mod golden;
mod help;
mod hours;
mod house;
mod identities;
mod importing;
mod imports;
mod ingest;
mod init;
mod kills;
mod lease;
mod log_edges;
mod narrow;
mod online;
mod parked;
mod passes;
mod presence;
mod profiles;
mod properties;
mod quickstart;
mod readme;
mod refused;
mod replacing;
mod saved;
#[cfg(target_os = "linux")]
mod scale;
mod scenarios;
mod schema;
mod secrecy;
mod seeding;
mod segments;
mod slice;
mod standin;
mod statics;
mod stopping;
mod streams;
mod support;
mod terminal;
mod valued;
mod values;
mod verifying;
mod wire;
