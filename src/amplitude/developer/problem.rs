//! Problem documents (RFC 9457), by which the Developer API says no. What is not as documented is said as it stands, clean.

use std::{fmt, time::Duration};

use serde_json::Value;

use crate::http::{Answer, Scrubber};

/// The longest wait that is taken from a body.
const LONGEST: u64 = 3600;

/// Why something was not done. Texts are clean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The path, without ids.
    pub path: &'static str,
    /// The status.
    pub status: u16,
    /// The service's own word for it: `insufficient_scope`.
    pub code: String,
    /// In a line.
    pub title: String,
    /// In more.
    pub detail: String,
    /// Fields of the request that are wrong, each with why.
    pub fields: Vec<(String, String)>,
    /// Earlier tries of the same request that may have been processed all the same.
    pub doubts: u32,
}

impl Problem {
    /// Reads an answer.
    pub(super) fn of(path: &'static str, answer: &Answer, scrubber: &Scrubber) -> Self {
        let body = document(answer).unwrap_or_default();
        let text = |member: &str| scrubber.clean(body[member].as_str().unwrap_or_default());
        let fields = body["validation_errors"].as_array().into_iter().flatten();
        let fields = fields.map(|error| {
            let of = |member: &str| scrubber.clean(error[member].as_str().unwrap_or_default());
            (of("field"), of("message"))
        });
        let title = match text("title") {
            title if title.is_empty() => scrubber.clean(&String::from_utf8_lossy(&answer.body)),
            title => title,
        };
        Self {
            path,
            status: answer.status,
            code: text("error_code"),
            title,
            detail: text("detail"),
            fields: fields.collect(),
            doubts: answer.doubts,
        }
    }

    /// Returns what to do, where its code or status tells.
    pub fn hint(&self) -> Option<&'static str> {
        match (self.code.as_str(), self.status) {
            ("operation_not_enabled", _) => Some(
                "the organisation is not in the early access of the Developer API: take amplitude.developer_token out, and \
                 destinations are changed by hand",
            ),
            ("insufficient_scope", _) | (_, 403) => Some(
                "amplitude.developer_token needs the scopes destinations:read and destinations:write, and a person who may \
                 change this project",
            ),
            (_, 401) => Some(
                "amplitude.developer_token must be a personal access token (PAT=amp_…) that has not ended, of the region \
                 configured; a project's keys do not do",
            ),
            (_, 404) => {
                Some("see that amplitude.project_id is the number in the project's settings")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: status {} {}", self.path, self.status, self.title)?;
        if !self.detail.is_empty() && self.detail != self.title {
            write!(f, ": {}", self.detail)?;
        }
        for (field, message) in &self.fields {
            write!(f, "; {field}: {message}")?;
        }
        Ok(())
    }
}

/// The body of an answer that is no success, if it is a document.
fn document(answer: &Answer) -> Option<Value> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    (answer.status >= 400 && body.is_object()).then_some(body)
}

/// Whether an answer says by its words that it was not even begun, and may be later.
pub(super) fn is_retryable(answer: &Answer) -> bool {
    // What a 5xx says of itself may not be all that became of it.
    (400..500).contains(&answer.status)
        && document(answer).is_some_and(|body| body["retryable"] == true)
}

/// What an answer asks to wait in its body.
pub(super) fn asked(answer: &Answer) -> Option<Duration> {
    let seconds = document(answer)?["retry_after_seconds"].as_f64()?;
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST as f64)))
}

/// The words of a body that others may read.
pub(super) fn words(body: &[u8]) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = ["title", "detail"].map(|member| parsed[member].as_str().unwrap_or_default());
    match words {
        ["", ""] => String::from_utf8_lossy(body).into_owned(),
        words => words.join(" ").trim().to_owned(),
    }
}
