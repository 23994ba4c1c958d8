//! How bad a figure of the set-up is. Thresholds only: what is read, and how it is worded, is known elsewhere.

use jiff::{Timestamp, tz::TimeZone};

use crate::model::Verdict;

/// Seconds that a clock may be off before it is worth a look: answers tell whole seconds, and take some.
const OFF: u64 = 30;
/// Seconds after which windows, days and certificates are no longer those of the services.
const FAR_OFF: u64 = 300;

/// How a question that wants a key was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// As it should be.
    Well,
    /// By a status that no refused key gets, and in words that nobody documented.
    Oddly,
    /// By 403: the key may not.
    Forbidden,
    /// By 401: the key is wrong, or may not.
    Unauthorized,
    /// By nothing that tells of the key.
    Nothing,
}

/// What answers say of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// It was accepted.
    Accepted,
    /// It was taken, and what it may is not proven.
    Taken,
    /// It is known, and lacks a permission.
    Known,
    /// It was refused.
    Refused,
    /// Nothing is known.
    Unknown,
}

/// Judges a key of Braze by what came of an empty write and of the list of segments. A permission that is lacking is
/// answered by 403, and by 401 as well. An odd answer proves something only beside a proper refusal: anything between
/// here and there may answer oddly.
pub fn key(track: Answered, segments: Answered) -> Key {
    use Answered::{Forbidden, Nothing, Oddly, Unauthorized, Well};
    match (track, segments) {
        (Well, _) | (_, Well) => Key::Accepted,
        (Oddly, Forbidden | Unauthorized) => Key::Taken,
        (Forbidden, _) | (_, Forbidden) => Key::Known,
        (Unauthorized, _) | (_, Unauthorized) => Key::Refused,
        (Oddly | Nothing, Oddly | Nothing) => Key::Unknown,
    }
}

/// Judges how far this machine's clock is from a service's, in seconds.
pub fn clock(off: i64) -> Verdict {
    let off = off.unsigned_abs();
    if off > FAR_OFF {
        Verdict::Fail
    } else if off > OFF {
        Verdict::Warn
    } else {
        Verdict::Ok
    }
}

/// Judges the month's downloads: what is used of the limit, what a month needs, and what the rest of this one needs.
pub fn downloads(limit: u64, used: u64, month: u64, rest: u64) -> Verdict {
    if rest > 0 && used >= limit {
        Verdict::Fail
    } else if month > limit || used.saturating_add(rest) > limit {
        Verdict::Warn
    } else {
        Verdict::Ok
    }
}

/// Returns what is left of a month's need, today included; a month of needs has thirty days.
pub fn rest_of_month(need: u64, now: Timestamp) -> u64 {
    let today = now.to_zoned(TimeZone::UTC).date();
    let left = today.days_in_month() - today.day() + 1;
    need.saturating_mul(u64::try_from(left).unwrap_or(30))
        .div_ceil(30)
}

/// Judges what is left of a service's limit: under a tenth, somebody else uses it up.
pub fn left(remaining: u64, limit: u64) -> Verdict {
    if remaining.saturating_mul(10) < limit {
        Verdict::Warn
    } else {
        Verdict::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_a_little_off() {
        for (off, verdict) in [
            (0, Verdict::Ok),
            (30, Verdict::Ok),
            (-30, Verdict::Ok),
            (31, Verdict::Warn),
            (-300, Verdict::Warn),
            (301, Verdict::Fail),
            (-86_400, Verdict::Fail),
        ] {
            assert_eq!(clock(off), verdict, "{off}");
        }
    }

    #[test]
    fn downloads_are_judged_by_what_is_still_needed() {
        for (limit, used, month, rest, verdict) in [
            (500, 0, 120, 36, Verdict::Ok),
            (500, 464, 120, 36, Verdict::Ok),
            (500, 465, 120, 36, Verdict::Warn),
            (500, 0, 501, 36, Verdict::Warn),
            (500, 500, 120, 36, Verdict::Fail),
            (500, 500, 0, 0, Verdict::Ok),
        ] {
            assert_eq!(
                downloads(limit, used, month, rest),
                verdict,
                "{used} {rest}"
            );
        }
    }

    #[test]
    fn the_rest_of_a_month_counts_today() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(rest_of_month(120, at("2026-11-01T00:00:00Z")), 120);
        assert_eq!(rest_of_month(120, at("2026-11-22T12:00:00Z")), 36);
        assert_eq!(rest_of_month(30, at("2026-11-30T23:59:59Z")), 1);
        assert_eq!(rest_of_month(0, at("2026-11-01T00:00:00Z")), 0);
    }

    #[test]
    fn a_limit_that_others_use_up_shows() {
        assert_eq!(left(25_000, 250_000), Verdict::Ok);
        assert_eq!(left(24_999, 250_000), Verdict::Warn);
        assert_eq!(left(0, 0), Verdict::Ok);
    }
}
