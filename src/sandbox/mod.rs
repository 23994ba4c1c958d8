//! A faithful local stand-in for Amplitude and Braze over real HTTP: what every example and test runs against.
//!
//! An island: it must not use anything outside itself, so that it stays a second, independent reading of the
//! vendors' pages. Raw JSON in, raw JSON out.
//!
//! ```text
//! server ─ faults, latency, counting ─▶ routes ─▶ amplitude/…, braze/…, control ─▶ world (files, log)
//! ```
//!
//! Beside what serves, `currents` makes files as Braze's Currents writes them.
//!
//! A new endpoint is a file beside its neighbours and a line in `routes.rs`.

mod amplitude;
mod app;
mod braze;
mod call;
mod control;
mod currents;
mod error;
mod faults;
mod options;
mod routes;
mod server;
mod stats;
mod windows;
mod world;

#[cfg(test)]
mod tests;

pub use currents::{Made, Making, external_ids, make as make_currents};
pub use error::Error;
pub use faults::Faults;
pub use options::{Clock, Contract, Limits, Options};
pub use server::{Running, start};
pub use world::{Loaded, load_scenario_into};
