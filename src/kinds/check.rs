//! What a configuration may not ask of this release, and what the kinds know to be impossible.

use crate::{config::Configuration, model::Diagnostic};

/// Returns every finding about the entries of a configuration.
pub fn check(_configuration: &Configuration) -> Vec<Diagnostic> {
    Vec::new()
}
