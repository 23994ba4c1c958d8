//! The one HTTP stack under both services: sending, retrying, pacing, scrubbing. It knows no service.

mod limit;
mod redact;
mod retry;
mod send;

pub use limit::Limiter;
pub use redact::Scrubber;
pub use retry::{Exhausted, Policy, backoff, retrying};
pub use send::{Answer, Authorization, Failure, Request, Sender, Stream, asked};
