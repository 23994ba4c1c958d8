//! Draws what a plan says of a log: what is read, what is sent of it, and what becomes of the rest.

use std::{collections::BTreeMap, fmt::Write};

use jiff::Timestamp;

use super::text::{about, count, number, people};
use crate::model::plan::LogPlan;

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
        line("send", sent(log, points));
    } else if read.is_some() {
        line("send", "nothing".to_owned());
    }
    let rest = rest(log);
    if !rest.is_empty() {
        line("not sent", rest.join(" · "));
    }
    if !log.trimmed.is_empty() {
        line(
            "left out",
            format!("properties: {}", reasons(&log.trimmed).join(" · ")),
        );
    }
    if let Some(parked) = parked(log) {
        line("parked", parked);
    }
    out
}

/// What is said of events that wait for a decision.
pub(super) fn parked(log: &LogPlan) -> Option<String> {
    (log.parked > 0).then(|| {
        format!(
            "{} in {}: their answer never came, and they are not sent again unasked (syncform state parked check)",
            count(log.parked, "event"),
            match log.parked_batches {
                1 => "1 batch".to_owned(),
                batches => format!("{} batches", number(batches)),
            }
        )
    })
}

fn sent(log: &LogPlan, points: Option<u64>) -> String {
    let what = match (log.purchases, log.sent) {
        (0, events) => count(events, "event"),
        (purchases, all) if purchases == all => count(purchases, "purchase"),
        (purchases, all) => format!(
            "{} and {}",
            count(all - purchases, "event"),
            count(purchases, "purchase")
        ),
    };
    let mut words = vec![format!("{what} of {}{}", most(log), times(log))];
    if log.released > 0 {
        words.push(format!("{} of them released", number(log.released)));
    }
    let points = points.filter(|points| *points > 0);
    words.extend(points.map(|points| count(points, "data point")));
    words.push(format!(
        "{}, about {}",
        count(log.requests, "request"),
        about(log.seconds)
    ));
    if log.creates_people {
        words.push("people whom Braze does not know are created".to_owned());
    }
    words.join(", ")
}

fn most(log: &LogPlan) -> String {
    let more = if log.people >= 1_000_000 { "over " } else { "" };
    format!("{more}{}", people(log.people))
}

/// From when to when the events happened.
fn times(log: &LogPlan) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC");
    match (log.first, log.last) {
        (Some(first), Some(last)) if first == last => format!(", {}", day(first)),
        (Some(first), Some(last)) => format!(", {} to {}", day(first), day(last)),
        _ => String::new(),
    }
}

/// From which hour to which.
fn span(log: &LogPlan) -> String {
    match (log.ranges.first(), log.ranges.last()) {
        (Some([from, _]), Some([_, to])) => format!(" ({from} to {to})"),
        _ => String::new(),
    }
}

/// Counts by reason, in words.
fn reasons(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let counts = counts.iter();
    let words =
        counts.map(|(reason, count)| format!("{} {}", number(*count), reason.replace('_', " ")));
    words.collect()
}

/// What is read and not sent, and why.
fn rest(log: &LogPlan) -> Vec<String> {
    let mut rest = vec![];
    if log.sent_before > 0 {
        rest.push(format!("{} sent before", number(log.sent_before)));
    }
    if log.filtered > 0 {
        rest.push(format!("{} not asked for", number(log.filtered)));
    }
    rest.extend(reasons(&log.skipped));
    rest
}
