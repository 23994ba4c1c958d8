//! Retries what is worth it: 429, 408, 5xx, timeouts and dropped connections. Nothing else is ever sent again.

use std::time::{Duration, SystemTime};

use rand::RngExt;
use reqwest::header::HeaderMap;

use super::{Answer, Failure, Limiter, Request, Sender};

/// How long and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries in all. With a quarter of all requests failing, fewer than 12 lose a run now and then.
    pub attempts: u32,
    /// First wait at most; doubled each time.
    pub base: Duration,
    /// Longest wait of our own; the service may ask for more.
    pub longest: Duration,
}

impl Policy {
    /// Returns the policy for a service at this address: a sandbox on loopback needs no long waits.
    pub fn for_endpoint(endpoint: &str) -> Self {
        let host = endpoint.split("://").nth(1).unwrap_or_default();
        let loopback = ["127.", "localhost", "[::1]"]
            .iter()
            .any(|start| host.starts_with(start));
        let base = Duration::from_millis(if loopback { 2 } else { 500 });
        Self {
            attempts: 16,
            base,
            longest: base * 64,
        }
    }
}

/// Nothing came of any try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{last} ({tries} tries)")]
pub struct Exhausted {
    /// What the last try met; clean.
    pub last: String,
    /// How many there were.
    pub tries: u32,
    /// Whether one of them may have been processed.
    pub doubt: bool,
}

/// Sends until there is an answer that another try would not change.
pub async fn retrying(
    sender: &Sender,
    request: &Request,
    policy: Policy,
    limiter: &Limiter,
) -> Result<Answer, Exhausted> {
    let mut doubt = false;
    let mut tries = 0;
    loop {
        limiter.turn().await;
        tries += 1;
        let (last, wait) = match sender.send(request).await {
            Ok(answer) => {
                let asked = asked_wait(&answer.headers);
                match answer.status {
                    429 => {
                        limiter.pause(asked.unwrap_or_default());
                    }
                    408 | 500.. => doubt = true,
                    _ => {
                        if let Some(0) = number(&answer.headers, "x-ratelimit-remaining") {
                            limiter.pause(asked.unwrap_or_default());
                        }
                        return Ok(answer);
                    }
                }
                let body = sender
                    .scrubber()
                    .clean(&String::from_utf8_lossy(&answer.body));
                (
                    format!(
                        "{} {}: status {} {body}",
                        request.method, request.path, answer.status
                    ),
                    asked,
                )
            }
            Err(failure) => {
                doubt |= matches!(failure, Failure::Doubt(_));
                (failure.to_string(), None)
            }
        };
        if tries >= policy.attempts {
            return Err(Exhausted { last, tries, doubt });
        }
        tokio::time::sleep(wait.unwrap_or_default().max(backoff(policy, tries))).await;
    }
}

/// Returns a random wait up to the doubled base ("full jitter"), so that many senders do not come back at once.
pub fn backoff(policy: Policy, tries: u32) -> Duration {
    let most = policy
        .base
        .saturating_mul(1 << tries.min(16))
        .min(policy.longest);
    most.mul_f64(rand::rng().random_range(0.0..=1.0))
}

/// What the service asks to wait. `x-ratelimit-reset` is documented as epoch seconds on one page of Braze's and as
/// seconds left on another: told apart by size.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let reset = || {
        let reset = number(headers, "x-ratelimit-reset")?;
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        if reset <= 1_000_000_000 {
            Some(reset)
        } else {
            Some(reset.saturating_sub(epoch(date)?))
        }
    };
    let seconds = number(headers, "x-ratelimit-retry-after")
        .or_else(|| number(headers, "retry-after"))
        .or_else(reset);
    seconds.map(Duration::from_secs)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The service's own clock where it tells it, else none: ours may be wrong.
fn epoch(date: Option<&str>) -> Option<u64> {
    let date = jiff::fmt::rfc2822::parse(date?).ok()?;
    SystemTime::from(date.timestamp())
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs())
}
