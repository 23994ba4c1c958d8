//! Syncform: audience as code for Amplitude and Braze.
//!
//! ```text
//! YAML --config--> documents --kinds--> desired --+
//!                                                 +-diff-> changes -guard-> Plan -render-> eyes, CI
//! APIs --readers-> observed <-- ledger (state) ---+                          |
//!                                                                            v writers -> APIs, ledger
//! ```
//!
//! Twelve rooms and a door; arrows point down only, and `tests/it/house.rs` checks them.
//! `diff` holds every decision and no `async`; `engine` holds every `await` and no policy.

pub mod amplitude;
pub mod braze;
pub mod cli;
pub mod config;
pub mod diff;
pub mod engine;
pub mod http;
pub mod kinds;
pub mod model;
pub mod render;
pub mod sandbox;
pub mod state;
