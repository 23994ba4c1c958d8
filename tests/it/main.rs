//! The one test binary. Each file is a subject; `house.rs` checks that none is forgotten.

mod config;
