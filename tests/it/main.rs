//! The one test binary. Each file is a subject; `house.rs` checks that none is forgotten.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on says so and ends")]

mod scenarios;
mod support;
