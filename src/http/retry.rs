//! Retries what is worth it: 408, 423 (locked by another request), 429, 5xx, timeouts and dropped connections. Nothing
//! else is ever sent again, and of what must not be processed twice less (`Manner::ONCE`).

use std::time::Duration;

use rand::RngExt;

use super::{
    Answer, Failure, Limiter, Request, Sender, Stage, Stream,
    heard::{date, number},
    redact::without,
};

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

/// The try after which whoever watches is told, or the time, if that passes first.
const TELL: (u32, Duration) = (4, Duration::from_secs(20));

/// Nothing came of any try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{last}")]
pub struct Exhausted {
    /// What the last try met; clean.
    pub last: String,
    /// How many there were.
    pub tries: u32,
    /// How many of them may have been processed.
    pub doubts: u32,
    /// How far the last one came.
    pub stage: Stage,
}

impl Exhausted {
    /// Returns whether the path answered by failing, each time: others may do well.
    pub fn is_of_one_path(&self) -> bool {
        matches!(self.stage, Stage::Status)
    }
}

/// What is particular about the answers to a request.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// Whether an answer says "too many requests" by its words, whatever its status.
    pub is_busy: fn(&Answer) -> bool,
    /// Whether an answer that would be tried again says more than that: it is given as it is.
    pub is_told: fn(&Answer) -> bool,
    /// The words of an answer that others may read.
    pub words: fn(&[u8]) -> String,
    /// Who is asked about: no text repeats the id.
    pub person: Option<&'a str>,
    /// Whether what may have been processed comes back at once: sent again, it would count twice.
    pub once: bool,
    /// Under `once`, statuses that certainly processed nothing.
    pub unserved: &'static [u16],
    /// What an answer asks to wait, by its head or its words.
    pub asks: fn(&Answer) -> Option<Duration>,
}

/// An answer as far as it is read: the body of a success is still coming.
pub enum Opened {
    /// A success.
    Stream(Stream),
    /// Any other answer that another try would not change.
    Answer(Answer),
}

impl Manner<'_> {
    /// Nothing is particular.
    pub const PLAIN: Self = Self {
        is_busy: |_| false,
        is_told: |_| false,
        words: |body| String::from_utf8_lossy(body).into_owned(),
        person: None,
        once: false,
        unserved: &[],
        asks: asked_wait,
    };

    /// The manner of what Braze must not process twice: of all that failed, only what certainly was not processed is
    /// sent again. Others promise less: what they process once lists no status as unserved.
    pub const ONCE: Self = Self {
        once: true,
        // 502 did not reach the server and 503 found no capacity (braze.md 4), which is believed only where a second try
        // would count.
        unserved: &[502, 503],
        ..Self::PLAIN
    };

    /// Whether an answer that asks for another try leaves open what became of the request. 423 never does.
    fn is_open(&self, status: u16) -> bool {
        status != 423 && !(self.once && self.unserved.contains(&status))
    }
}

/// Sends until there is an answer that another try would not change, or somebody asks to stop.
pub async fn retrying(
    sender: &Sender,
    request: &Request,
    policy: Policy,
    limiter: &Limiter,
) -> Result<Answer, Exhausted> {
    retrying_as(sender, request, policy, limiter, Manner::PLAIN).await
}

/// Does the same for a request whose answers have a manner of their own.
pub async fn retrying_as(
    sender: &Sender,
    request: &Request,
    policy: Policy,
    limiter: &Limiter,
    manner: Manner<'_>,
) -> Result<Answer, Exhausted> {
    let (answer, _) = trying(sender, request, policy, limiter, manner, true).await?;
    Ok(answer)
}

/// Does the same for an answer whose body is not to be held: that of a success is still coming.
pub async fn opening(
    sender: &Sender,
    request: &Request,
    policy: Policy,
    limiter: &Limiter,
    manner: Manner<'_>,
) -> Result<Opened, Exhausted> {
    let (answer, stream) = trying(sender, request, policy, limiter, manner, false).await?;
    Ok(stream.map_or(Opened::Answer(answer), Opened::Stream))
}

/// Sends once. The body of a success is left to come where it is not wanted whole.
async fn sent(
    sender: &Sender,
    request: &Request,
    whole: bool,
) -> Result<(Answer, Option<Stream>), Failure> {
    if whole {
        return Ok((sender.send(request).await?, None));
    }
    let stream = sender.open(request).await?;
    if stream.status == 200 {
        return Ok((stream.head(), Some(stream)));
    }
    Ok((stream.whole(sender.scrubber()).await?, None))
}

async fn trying(
    sender: &Sender,
    request: &Request,
    policy: Policy,
    limiter: &Limiter,
    manner: Manner<'_>,
    whole: bool,
) -> Result<(Answer, Option<Stream>), Exhausted> {
    let (mut doubts, mut tries) = (0, 0);
    let stopped = |tries, doubts| Exhausted {
        last: "asked to stop".to_owned(),
        tries,
        doubts,
        stage: Stage::Here,
    };
    let mut told = false;
    let (begin, patience) = (tokio::time::Instant::now(), sender.patience());
    loop {
        if !sender.waits(limiter.turn()).await {
            return Err(stopped(tries, doubts));
        }
        tries += 1;
        let mut wait = backoff(policy, tries);
        let (last, stage) = match sent(sender, request, whole).await {
            Ok((answer, stream)) if (manner.is_told)(&answer) => {
                return Ok((Answer { doubts, ..answer }, stream));
            }
            Ok((answer, stream)) => {
                let asked = (manner.asks)(&answer);
                if let Some(asked) = asked {
                    limiter.pause(asked);
                }
                let busy = answer.status == 429 || (manner.is_busy)(&answer);
                if !busy && !matches!(answer.status, 408 | 423 | 500..) {
                    return Ok((Answer { doubts, ..answer }, stream));
                }
                doubts += u32::from(!busy && manner.is_open(answer.status));
                wait = wait.max(asked.unwrap_or_default());
                let body = (manner.words)(&answer.body);
                let body = sender.scrubber().clean(&without(manner.person, &body));
                let last = format!(
                    "{} {}: status {} {body}",
                    request.method, request.path, answer.status
                );
                let last = last.trim_end().to_owned();
                let stage = if busy {
                    Stage::Busy(asked)
                } else {
                    Stage::Status
                };
                (last, stage)
            }
            Err(failure @ Failure::Never(_)) => {
                return Err(Exhausted {
                    last: failure.to_string(),
                    tries,
                    doubts,
                    stage: Stage::Here,
                });
            }
            Err(failure) => {
                doubts += u32::from(matches!(failure, Failure::Doubt(_)));
                (failure.to_string(), failure.stage())
            }
        };
        let reached = sender.reached(&request.url);
        let most = if reached {
            policy.attempts
        } else {
            policy.attempts.min(patience.unreached)
        };
        let late = |within| begin.elapsed() + wait > within;
        let open = manner.once && doubts > 0;
        if open || tries >= most || patience.within.is_some_and(late) {
            return Err(Exhausted {
                last: match tries {
                    1 => last,
                    tries => format!("{last} ({tries} tries)"),
                },
                tries,
                doubts,
                stage,
            });
        }
        if !told && (tries == TELL.0 || begin.elapsed() > TELL.1) {
            told = true;
            tracing::warn!(last, "trying again, {} times at most", most - tries);
        }
        if !sender.waits(tokio::time::sleep(wait)).await {
            return Err(stopped(tries, doubts));
        }
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

/// What the service asks to wait before anything else is sent, in its words or by saying that nothing is left of a
/// window. `x-ratelimit-reset` is documented as epoch seconds on one page of Braze's and as seconds left on another:
/// told apart by size. It stands on every answer and means nothing on a 500.
pub fn asked_wait(answer: &Answer) -> Option<Duration> {
    let headers = &answer.headers;
    let over = answer.status == 429 || number(headers, "x-ratelimit-remaining") == Some(0);
    let reset = || {
        let reset = number(headers, "x-ratelimit-reset").filter(|_| over)?;
        if reset <= 1_000_000_000 {
            Some(reset)
        } else {
            // By the service's own clock where it tells it, else not at all: ours may be wrong.
            let now = u64::try_from(date(headers)?.as_second()).ok()?;
            Some(reset.saturating_sub(now))
        }
    };
    let seconds = number(headers, "x-ratelimit-retry-after")
        .or_else(|| number(headers, "retry-after"))
        .or_else(reset);
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Answer {
            status,
            headers: headers.collect(),
            body: bytes::Bytes::new(),
            doubts: 0,
        }
    }

    #[test]
    fn what_a_service_asks_to_wait() {
        let date = ("date", "Sun, 22 Nov 2026 07:00:00 GMT");
        let table = [
            (
                answer(
                    429,
                    &[
                        ("x-ratelimit-retry-after", "7"),
                        ("x-ratelimit-reset", "60"),
                    ],
                ),
                Some(7),
            ),
            (answer(429, &[("retry-after", "3")]), Some(3)),
            (answer(429, &[("x-ratelimit-reset", "60")]), Some(60)),
            (
                answer(429, &[("x-ratelimit-reset", "1795330805"), date]),
                Some(5),
            ),
            (answer(429, &[]), None),
            // Hourly windows put the header on every answer: a 500 does not wait for the next hour.
            (
                answer(
                    500,
                    &[
                        ("x-ratelimit-reset", "2400"),
                        ("x-ratelimit-remaining", "90"),
                    ],
                ),
                None,
            ),
            (
                answer(
                    201,
                    &[("x-ratelimit-reset", "4"), ("x-ratelimit-remaining", "0")],
                ),
                Some(4),
            ),
            (
                answer(
                    201,
                    &[("x-ratelimit-reset", "4"), ("x-ratelimit-remaining", "9")],
                ),
                None,
            ),
        ];
        for (answer, seconds) in table {
            assert_eq!(
                asked_wait(&answer),
                seconds.map(Duration::from_secs),
                "{:?}",
                answer.headers
            );
        }
    }

    #[test]
    fn backoff_doubles_up_to_its_longest() {
        let policy = Policy::for_endpoint("https://rest.iad-01.braze.com");
        for tries in 1..=policy.attempts {
            let most = (policy.base * (1 << tries)).min(policy.longest);
            assert!((0..100).all(|_| backoff(policy, tries) <= most));
        }
        assert!(Policy::for_endpoint("http://127.0.0.1:8787").longest < policy.base);
    }
}
