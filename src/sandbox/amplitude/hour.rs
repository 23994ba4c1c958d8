//! An hour of the Export API, and the times that say which one (amplitude.md 6). It must not look at an event.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const SECONDS: i64 = 3600;

/// An hour in UTC, counted from the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hour(i64);

impl Hour {
    /// Returns the hour a moment is in.
    pub(crate) fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(SECONDS))
    }

    /// Reads `20260714T10`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = |from: usize, to: usize| -> Option<i16> {
            let part = text.get(from..to)?;
            let whole = part.bytes().all(|byte| byte.is_ascii_digit());
            whole.then(|| part.parse().ok())?
        };
        if text.len() != 11 || text.as_bytes()[8] != b'T' {
            return None;
        }
        let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
        let start = DateTime::new(year, month as i8, day as i8, digits(9, 11)? as i8, 0, 0, 0);
        Some(Self::of(utc(start.ok()?)?))
    }

    /// Returns when it starts.
    pub(crate) fn start(self) -> Timestamp {
        Timestamp::from_second(self.0 * SECONDS).unwrap_or_default()
    }

    /// Returns how many hours there are up to another, both counted.
    pub(crate) fn through(self, last: Self) -> i64 {
        last.0 - self.0 + 1
    }

    /// Returns its date and its number, as the names of files have them: the number without a leading zero.
    pub(crate) fn named(self) -> String {
        let start = self.start().to_zoned(TimeZone::UTC);
        format!("{}_{}", start.date(), start.hour())
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().strftime("%Y%m%dT%H"))
    }
}

/// Reads `2026-07-14 10:00:00.000000`, in UTC, and ISO 8601.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
}

/// Writes a time as exports do.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

fn utc(at: DateTime) -> Option<Timestamp> {
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_names_hours() {
        let hour = Hour::read("20240302T00").unwrap();
        assert_eq!(
            (hour.to_string(), hour.named()),
            ("20240302T00".to_owned(), "2024-03-02_0".to_owned())
        );
        assert_eq!(hour.through(Hour::read("20240302T23").unwrap()), 24);
        for wrong in [
            "",
            "20240302",
            "20240302T24",
            "20240230T00",
            "20240302T0x",
            "2024-03-02T",
            "+0240302T00",
        ] {
            assert_eq!(Hour::read(wrong), None, "{wrong}");
        }
        for text in [
            "2024-03-02 00:59:59.999999",
            "2024-03-02T00:00:00Z",
            "2024-03-02T02:30:00+02:00",
            "2024-03-02T00:00:00",
        ] {
            assert_eq!(moment(text).map(Hour::of), Some(hour), "{text}");
        }
        assert_eq!(moment("soon"), None);
        assert_eq!(written(hour.start()), "2024-03-02 00:00:00.000000");
    }
}
