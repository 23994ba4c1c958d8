//! Draws what a plan says of a log: what is read, what is sent of it, and what becomes of the rest.

use std::fmt::Write;

use jiff::Timestamp;

use super::text::{about, count, number, people};
use crate::model::{Hour, plan::LogPlan};

/// What is said of events that were met before among those that were read; it is no fault of theirs.
const TWICE: &str = "duplicate";

/// Draws what is read and sent; `points` where data points are what Braze bills.
pub(super) fn movement(log: &LogPlan, points: Option<u64>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, words: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "      {name:<12} {words}");
    };
    let read = match (log.hours, log.files) {
        (0, 0) => None,
        (hours, 0) => Some(count(hours, "hour")),
        (_, files) => Some(count(files, "file")),
    };
    if let Some(read) = &read {
        line(
            "read",
            format!("{} in {read}{}", count(log.found, "event"), span(log)),
        );
    }
    if log.sent > 0 {
        line("send", sent(log));
        line("cost", cost(log, points));
    } else if read.is_some() {
        line("send", "nothing".to_owned());
    }
    let rest = rest(log);
    if !rest.is_empty() {
        line("not sent", rest.join(" · "));
    }
    let skipped = reasons(log.skipped.iter().filter(|(reason, _)| *reason != TWICE));
    if !skipped.is_empty() {
        line("skipped", skipped);
    }
    if !log.trimmed.is_empty() {
        let properties = reasons(log.trimmed.iter());
        line("left out", format!("properties: {properties}"));
    }
    if let Some(parked) = parked(log) {
        line("parked", parked);
    }
    out
}

/// What is said of events that wait for a decision.
pub(super) fn parked(log: &LogPlan) -> Option<String> {
    (log.parked > 0).then(|| {
        let batches = match log.parked_batches {
            1 => "1 batch".to_owned(),
            batches => format!("{} batches", number(batches)),
        };
        format!(
            "{} in {batches}: no answer told whether Braze took them, and they are not sent again unasked (syncform state parked check)",
            count(log.parked, "parked event"),
        )
    })
}

fn sent(log: &LogPlan) -> String {
    let what = match (log.purchases, log.sent) {
        (0, events) => count(events, "event"),
        (purchases, all) if purchases == all => count(purchases, "purchase"),
        (purchases, all) => format!(
            "{} and {}",
            count(all - purchases, "event"),
            count(purchases, "purchase")
        ),
    };
    let created = if log.creates_people {
        " (created where Braze does not know them)"
    } else {
        ""
    };
    let released = match log.released {
        0 => String::new(),
        released => format!(", {} of them released", number(released)),
    };
    format!("{what}{released} of {}{created}{}", most(log), times(log))
}

fn cost(log: &LogPlan, points: Option<u64>) -> String {
    let points = points.filter(|points| *points > 0);
    let mut words: Vec<String> = points
        .map(|points| count(points, "data point"))
        .into_iter()
        .collect();
    words.push(count(log.requests, "request"));
    words.push(format!("about {}", about(log.seconds)));
    words.join(", ")
}

fn most(log: &LogPlan) -> String {
    let more = if log.people >= 1_000_000 { "over " } else { "" };
    format!("{more}{}", people(log.people))
}

/// From when to when the events happened.
fn times(log: &LogPlan) -> String {
    match (log.first, log.last) {
        (Some(first), Some(last)) => format!(", {}", between(first, last)),
        _ => String::new(),
    }
}

/// From which hour to which; the hours are whole ones.
fn span(log: &LogPlan) -> String {
    let hour = |text: &str| Timestamp::from_millisecond(Hour::parse(text)?.start()).ok();
    let last = log.ranges.last().and_then(|[_, last]| Hour::parse(last));
    let end = last.and_then(|last| Timestamp::from_millisecond(last.next().start()).ok());
    let first = log.ranges.first().and_then(|[first, _]| hour(first));
    match (first, end) {
        (Some(first), Some(end)) => format!(", {}", between(first, end)),
        _ => String::new(),
    }
}

/// Two moments of UTC, to the minute; a day that both share is said once.
fn between(first: Timestamp, last: Timestamp) -> String {
    let (day, time) = ("%Y-%m-%d", "%H:%M");
    let both = format!("{day} {time}");
    let from = first.strftime(&both).to_string();
    if last.strftime(&both).to_string() == from {
        return format!("{from} UTC");
    }
    let same = first.strftime(day).to_string() == last.strftime(day).to_string();
    let to = last.strftime(if same { time } else { &both });
    format!("{from} to {to} UTC")
}

/// Counts by reason, in words.
fn reasons<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> String {
    let words =
        counts.map(|(reason, count)| format!("{} {}", number(*count), reason.replace('_', " ")));
    words.collect::<Vec<_>>().join(" · ")
}

/// What is read and not sent, though nothing is wrong with it.
fn rest(log: &LogPlan) -> Vec<String> {
    let twice = log.skipped.get(TWICE).copied().unwrap_or_default();
    let counts = [
        (log.sent_before, "sent before"),
        (twice, "there twice"),
        (log.filtered, "not asked for"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    counts
        .map(|(count, words)| format!("{} {words}", number(*count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_said_once() {
        let at = |text: &str| text.parse().unwrap();
        for (first, last, wanted) in [
            (
                "2026-07-14T08:10:01Z",
                "2026-07-14T08:10:59Z",
                "2026-07-14 08:10 UTC",
            ),
            (
                "2026-07-14T08:10:00Z",
                "2026-07-14T10:59:00Z",
                "2026-07-14 08:10 to 10:59 UTC",
            ),
            (
                "2026-07-14T23:00:00Z",
                "2026-07-15T00:00:00Z",
                "2026-07-14 23:00 to 2026-07-15 00:00 UTC",
            ),
        ] {
            assert_eq!(between(at(first), at(last)), wanted);
        }
    }
}
