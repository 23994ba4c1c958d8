//! The clients: one that reads, one that writes. A plan is handed the first alone.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    http::{Answer, Authorization, Exhausted, Limiter, Policy, Request, Sender, retrying},
    model::Secret,
};

/// Why Braze did not do what was asked. Texts are clean.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable answer after all tries.
    #[error("braze: {0}")]
    Exhausted(#[from] Exhausted),
    /// It answered no.
    #[error("braze: {path}: status {status} {text}")]
    Refused {
        /// The path.
        path: &'static str,
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// Its answer is not what is documented.
    #[error("braze: {path}: the answer is not what is documented")]
    Unexpected {
        /// The path.
        path: &'static str,
    },
}

impl Error {
    /// Returns the permission that a refused key lacks, by the path it was refused at (REST API keys page).
    pub fn missing_permission(&self) -> Option<&'static str> {
        match self {
            Self::Refused {
                path: "/users/track",
                status: 401 | 403,
                ..
            } => Some("users.track"),
            Self::Refused {
                path: "/segments/list",
                status: 401 | 403,
                ..
            } => Some("segments.list"),
            _ => None,
        }
    }
}

/// What both clients share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) sender: Arc<Sender>,
    base: String,
    key: Secret,
    policy: Policy,
}

impl Client {
    fn new(sender: Arc<Sender>, base: &str, key: &Secret) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self {
            sender,
            policy: Policy::for_endpoint(&base),
            base,
            key: key.clone(),
        }
    }

    pub(super) async fn call(
        &self,
        method: &'static str,
        path: &'static str,
        query: &str,
        body: Option<Bytes>,
        limiter: &Limiter,
    ) -> Result<Answer, Error> {
        let request = Request {
            method,
            url: format!("{}{path}{query}", self.base),
            path,
            authorization: Some(Authorization::Bearer(self.key.clone())),
            body,
        };
        Ok(retrying(&self.sender, &request, self.policy, limiter).await?)
    }

    pub(super) fn refused(&self, path: &'static str, answer: &Answer) -> Error {
        let text = self
            .sender
            .scrubber()
            .clean(&super::wire::error_text(&answer.body));
        Error::Refused {
            path,
            status: answer.status,
            text,
        }
    }
}

/// Reads from Braze.
#[derive(Debug)]
pub struct Reader {
    pub(super) client: Client,
    pub(super) limiter: Limiter,
}

impl Reader {
    /// Makes a reader of one workspace. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, key: &Secret, share: f64) -> Self {
        // Everything without a limit of its own: 250,000 an hour (API limits page).
        let limiter = Limiter::new(250_000.0 * share / 1200.0, Duration::from_secs(3));
        Self {
            client: Client::new(sender, base, key),
            limiter,
        }
    }
}

/// `/users/track`: 3,000 requests in 3 seconds where the contract counts data points (its page); else what the
/// headers say.
pub const TRACK_PER_SECOND: f64 = 1000.0;

/// Writes to Braze.
#[derive(Debug)]
pub struct Writer {
    pub(super) client: Client,
    pub(super) limiter: Limiter,
}

impl Writer {
    /// Makes a writer of one workspace. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, key: &Secret, share: f64) -> Self {
        let limiter = Limiter::new(3.0 * TRACK_PER_SECOND * share, Duration::from_secs(3));
        Self {
            client: Client::new(sender, base, key),
            limiter,
        }
    }
}
