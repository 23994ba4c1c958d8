//! A length of time as people write it in YAML: `15s`, `5m`, `2h`, `7d`, `hourly`, `daily`.

use std::{fmt, str::FromStr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time, at least zero.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^([0-9]{1,6}(s|m|h|d)|hourly|daily)$", "examples" = ["15s", "5m", "2h", "7d", "hourly", "daily"], "patternErrorMessage" = "A length of time: 15s, 5m, 2h, 7d, hourly or daily."))]
pub struct Span(pub Duration);

impl Span {
    /// Makes a span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("`{text}` is not a length of time: write 15s, 5m, 2h, 7d, hourly or daily");
        let (number, unit) = match text {
            "hourly" => ("1", 3600),
            "daily" => ("1", 86_400),
            _ => {
                let at = text.len() - text.chars().last().map_or(0, char::len_utf8);
                let unit = match &text[at..] {
                    "s" => 1,
                    "m" => 60,
                    "h" => 3600,
                    "d" => 86_400,
                    _ => return Err(wrong()),
                };
                (&text[..at], unit)
            }
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number
            .checked_mul(unit)
            .map(Self::seconds)
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (number, unit) = match seconds {
            0 => (0, "s"),
            s if s % 86_400 == 0 => (s / 86_400, "d"),
            s if s % 3600 == 0 => (s / 3600, "h"),
            s if s % 60 == 0 => (s / 60, "m"),
            s => (s, "s"),
        };
        write!(f, "{number}{unit}")
    }
}
