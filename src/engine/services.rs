//! The services as they could be opened: clients that read, or what is missing for them.

use std::sync::Arc;

use crate::{amplitude, braze, http::Sender, model::Diagnostic};

/// A service.
#[derive(Debug)]
pub struct Service<R> {
    /// Which one it is, as a state remembers it: its address, or the world of a sandbox.
    pub name: String,
    /// Where it is asked; empty where nothing says it.
    pub url: String,
    /// What asks it, or what is missing for that, each at its place.
    pub reader: Result<R, Vec<Diagnostic>>,
}

/// The services, and the stack that their clients share.
#[derive(Debug)]
pub struct Services {
    /// What they send with.
    pub sender: Arc<Sender>,
    /// Amplitude.
    pub amplitude: Service<amplitude::Reader>,
    /// Amplitude's Developer API, where a token opens it.
    pub developer: Service<amplitude::Developer>,
    /// Braze.
    pub braze: Service<braze::Reader>,
}
