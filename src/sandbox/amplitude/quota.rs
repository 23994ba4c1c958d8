//! The month's download requests (amplitude.md 2 and 4.3). It must not refuse anybody itself.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

/// Requests of *Get one cohort* in a month, on Growth and Enterprise.
pub(crate) const MONTHLY: u64 = 500;

/// What was used of it, in the calendar month, UTC.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    month: String,
    used: u64,
}

impl Quota {
    /// Reads it back from where [`Quota::written`] put it.
    pub(crate) fn read(value: &Value) -> Self {
        Self {
            month: value["month"].as_str().unwrap_or_default().to_owned(),
            used: value["used"].as_u64().unwrap_or_default(),
        }
    }

    /// Returns it as it is kept.
    pub(crate) fn written(&self) -> Value {
        json!({"month": self.month, "used": self.used})
    }

    /// Counts one request.
    pub(crate) fn spend(&mut self, at: Timestamp) {
        let month = month(at);
        if self.month != month {
            (self.month, self.used) = (month, 0);
        }
        self.used += 1;
    }

    /// Returns what this month has used.
    pub(crate) fn used(&self, now: Timestamp) -> u64 {
        if self.month == month(now) {
            self.used
        } else {
            0
        }
    }

    /// Returns the body of the usage endpoint.
    pub(crate) fn shown(&self, now: Timestamp) -> Value {
        json!({"rest_download": {
            "limit": MONTHLY, "usage": self.used(now), "resets_at": next_month(now),
        }})
    }
}

fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

fn next_month(now: Timestamp) -> String {
    now.to_zoned(TimeZone::UTC)
        .date()
        .first_of_month()
        .checked_add(1.month())
        .map_or_else(|_| String::new(), |day| format!("{day}T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_with_the_month() {
        let mut quota = Quota::default();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        quota.spend(at("2026-12-31T23:59:59Z"));
        quota.spend(at("2026-12-31T23:59:59Z"));
        let read = Quota::read(&quota.written());
        assert_eq!(read.used(at("2026-12-01T00:00:00Z")), 2);
        assert_eq!(read.used(at("2027-01-01T00:00:00Z")), 0);
        let shown = read.shown(at("2026-12-31T00:00:00Z"));
        assert_eq!(shown["rest_download"]["resets_at"], "2027-01-01T00:00:00Z");
    }
}
