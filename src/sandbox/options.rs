//! How a sandbox behaves. It must not read the environment or the clock: both are handed in.

use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use super::{Error, Faults};

/// Tells the time; tests turn it by hand.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// Whether rate limits, quotas and waits are those of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// As documented.
    Real,
    /// None, and nothing to wait for.
    Off,
}

impl FromStr for Limits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "real" => Ok(Self::Real),
            "off" => Ok(Self::Off),
            _ => Err(Error::Setting(format!(
                "limits are `real` or `off`, not `{text}`"
            ))),
        }
    }
}

/// The kind of Braze contract, which decides the dialect of the rate-limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// 3,000 requests per 3 seconds; `x-ratelimit-reset` is an epoch; headers on every answer.
    DataPoints,
    /// Hourly windows; `x-ratelimit-reset` is seconds left; a 429 has `x-ratelimit-retry-after` alone.
    Mau,
}

impl FromStr for Contract {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "data-points" => Ok(Self::DataPoints),
            "mau" => Ok(Self::Mau),
            _ => Err(Error::Setting(format!(
                "a contract is `data-points` or `mau`, not `{text}`"
            ))),
        }
    }
}

/// Everything a sandbox is told when it starts.
#[derive(Clone)]
pub struct Options {
    /// A directory in wire shapes that first fills the world.
    pub scenario: Option<PathBuf>,
    /// Where the world is kept; without it, it is gone with the process.
    pub world: Option<PathBuf>,
    /// Rate limits, quotas and waits.
    pub limits: Limits,
    /// Added to every answer of the services: half on the way there, half on the way back.
    pub latency: Duration,
    /// How long exports do not see a write.
    pub lag: Duration,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// Makes the faults repeatable.
    pub seed: u64,
    /// Tells the time.
    pub clock: Clock,
    /// The dialect of Braze's rate-limit headers.
    pub contract: Contract,
    /// How long Amplitude prepares a download, and Braze a segment's export; none: 3 s with real limits, else no time.
    pub job_time: Option<Duration>,
    /// Compressed files above this size are answered by a redirect to a signed address.
    pub redirect_over: u64,
    /// The largest export, in bytes of its lines.
    pub export_limit: u64,
    /// How long the fault `slow` takes.
    pub slow: Duration,
    /// Says what is wrong with an object by its documented code, where it has one; else by a sentence.
    pub error_codes: bool,
    /// Puts a TAB before every header and every text of a cohort file.
    pub tab_prefix: bool,
    /// Puts `gp:` before the property headers of a cohort file.
    pub gp_prefix: bool,
}

impl Options {
    /// Returns the options of the embedded sandbox: no limits, no latency, no faults, nothing kept.
    pub fn new(clock: Clock) -> Self {
        Self {
            scenario: None,
            world: None,
            limits: Limits::Off,
            latency: Duration::ZERO,
            lag: Duration::ZERO,
            faults: Faults::default(),
            seed: 0,
            clock,
            contract: Contract::DataPoints,
            job_time: None,
            // Not documented (amplitude.md 4.6). Small enough that both ways are walked every day.
            redirect_over: 64 * 1024,
            export_limit: 4_000_000_000,
            slow: Duration::from_secs(5),
            error_codes: false,
            tab_prefix: false,
            gp_prefix: false,
        }
    }
}
