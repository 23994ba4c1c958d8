//! The one HTTP stack under both services: sending, retrying, pacing, scrubbing. It knows no service.

mod heard;
mod limit;
mod patience;
mod redact;
mod retry;
mod send;

pub use heard::Heard;
pub use limit::Limiter;
pub use patience::Patience;
pub use redact::{Scrubber, encode, without};
pub use retry::{
    Exhausted, Manner, Opened, Policy, asked_wait, backoff, opening, retrying, retrying_as,
};
pub use send::{Answer, Authorization, Failure, Request, Sender, Stage, Stream, asked, provide};
