//! What the head of an answer tells beside its status: the time there, and what is left of a limit.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

/// First heads by host and path, and when they came.
pub(super) type Heads = BTreeMap<String, BTreeMap<&'static str, (Instant, HeaderMap)>>;

/// What a head told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The time at the service, by `Date`, in whole seconds.
    pub date: Option<jiff::Timestamp>,
    /// Requests that a window allows, by `x-ratelimit-limit`.
    pub limit: Option<u64>,
    /// Requests left of it, by `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// How long ago it came.
    pub ago: Duration,
}

impl Heard {
    pub(super) fn of((at, headers): &(Instant, HeaderMap)) -> Self {
        Self {
            date: date(headers),
            limit: number(headers, "x-ratelimit-limit"),
            remaining: number(headers, "x-ratelimit-remaining"),
            ago: at.elapsed(),
        }
    }
}

/// The service's own clock, where it tells it.
pub(super) fn date(headers: &HeaderMap) -> Option<jiff::Timestamp> {
    let date = headers.get("date")?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date)
        .ok()
        .map(|date| date.timestamp())
}

/// A header that is a whole number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
