//! Draws batches whose answer never came, what people's events say of them, and what to do. No person is in it.

use std::{collections::BTreeMap, fmt::Write};

use jiff::Timestamp;
use serde_json::json;

use super::text::{Style, count, number, people};
use crate::model::{CheckedBatch, Decision, Evidence, ParkedBatch};

/// Draws what is parked.
pub fn list(batches: &[ParkedBatch]) -> String {
    if batches.is_empty() {
        return "Nothing is parked: no batch waits for a decision.\n".to_owned();
    }
    let released = batches.iter().filter(|batch| batch.released).count() as u64;
    let waiting = batches.len() as u64 - released;
    let mut out = lines(batches.iter());
    out.push('\n');
    // Writing to a String cannot fail; the results below are of that kind.
    if waiting > 0 {
        let _ = writeln!(
            out,
            "{} without an answer, not sent again unasked: `syncform state parked check` asks Braze about {}.",
            of_batches(waiting),
            them(waiting)
        );
    }
    if released > 0 {
        let _ = writeln!(
            out,
            "{} released: the next apply sends {} once.",
            of_batches(released),
            them(released)
        );
    }
    out
}

/// The same for machines.
pub fn json(batches: &[ParkedBatch]) -> String {
    format!("{:#}\n", json!({"batches": batches}))
}

/// A line each: which, whose, when it left, and what is in it.
pub fn lines<'a>(batches: impl Iterator<Item = &'a ParkedBatch> + Clone) -> String {
    let mut out = String::new();
    let (names, addresses) = widths(batches.clone());
    for batch in batches {
        let _ = writeln!(
            out,
            "  {:<names$}   {:<addresses$}   left {}   {} of {}, {}{}",
            batch.batch,
            batch.address,
            minute(batch.left_at),
            content(batch),
            people(batch.people),
            times(batch),
            released(batch)
        );
    }
    out
}

/// Draws what was found of batches, a line each, and in words what to do.
pub fn checked(checked: &[CheckedBatch], style: Style) -> String {
    if checked.is_empty() {
        return list(&[]);
    }
    format!("{}\n{}", found(checked, style), advice(checked))
}

/// A line each: which, whose, and what was found of it.
pub fn found(checked: &[CheckedBatch], style: Style) -> String {
    let (names, addresses) = widths(checked.iter().map(|one| &one.batch));
    let mut out = String::new();
    for one in checked {
        let word = format!("{:<11}", word(one.evidence));
        let word = match one.evidence {
            Evidence::Arrived => style.green(word),
            Evidence::NotArrived => style.yellow(word),
            Evidence::Mixed => style.red(word),
            Evidence::Unknown => word,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  {:<names$}   {:<addresses$}   {word}   {} found, {} missing, {} open{}",
            one.batch.batch,
            one.batch.address,
            number(one.found),
            number(one.missing),
            number(one.open),
            released(&one.batch)
        );
    }
    out
}

/// Says what to do about what was found.
fn advice(checked: &[CheckedBatch]) -> String {
    let of = |evidence, released| {
        let is =
            move |one: &&CheckedBatch| one.evidence == evidence && one.batch.released == released;
        checked.iter().filter(is)
    };
    let early = of(Evidence::Unknown, false).filter(|one| one.early).count();
    let unknown = of(Evidence::Unknown, false).count() - early;
    let sent = checked.iter().filter(|one| one.batch.released).count();
    let words = [
        (
            of(Evidence::Arrived, false).count(),
            "arrived: `syncform state parked drop --arrived` forgets what needs no decision.",
        ),
        (
            of(Evidence::NotArrived, false).count(),
            "not arrived: `syncform state parked release --not-arrived` lets the next apply send that, once.",
        ),
        (
            of(Evidence::Mixed, false).count(),
            "mixed, with events that are there and events that are not: look at those people in Braze, then release or drop by name.",
        ),
        (
            early,
            "too young to ask about: check again five minutes after the sending.",
        ),
        (
            unknown,
            "unknown: no profile tells. Dropped, events may be lost; released, they may be double. Decide by name.",
        ),
        (sent, "released: the next apply sends what is in it, once."),
        (
            of(Evidence::Arrived, true).count(),
            "released that arrived: drop it before the next apply, or its events are double.",
        ),
    ];
    let mut out = String::new();
    for (count, words) in words.iter().filter(|(count, _)| *count > 0) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{} {words}", of_batches(*count as u64));
    }
    out
}

/// Says which batches a decision leaves, by what was found.
pub fn left(checked: &[&CheckedBatch]) -> String {
    let mut words: BTreeMap<&str, u64> = BTreeMap::new();
    for one in checked {
        *words.entry(word(one.evidence)).or_default() += 1;
    }
    let words = words.iter();
    let words: Vec<String> = words
        .map(|(word, count)| format!("{} {word}", number(*count)))
        .collect();
    if words.is_empty() {
        return String::new();
    }
    format!("Left as they are: {}.\n", words.join(", "))
}

/// Says what a decision means, before it is taken.
pub fn meaning(decision: Decision, batches: &[&ParkedBatch]) -> String {
    let events = batches.iter().map(|batch| batch.count()).sum();
    let events = count(events, "event");
    match decision {
        Decision::Release => format!(
            "The next apply sends {events} of them, once; what arrived before all the same is double then. Nothing is sent now.\n"
        ),
        Decision::Drop => format!(
            "{events} of them are forgotten here and never sent again; what did not arrive is lost. Braze is told nothing.\n"
        ),
    }
}

/// Names so many batches.
pub fn of_batches(batches: u64) -> String {
    match batches {
        1 => "1 batch".to_owned(),
        batches => format!("{} batches", number(batches)),
    }
}

fn them(batches: u64) -> &'static str {
    if batches == 1 { "it" } else { "them" }
}

/// What is found of a batch, in a word.
fn word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Arrived => "arrived",
        Evidence::NotArrived => "not arrived",
        Evidence::Mixed => "mixed",
        Evidence::Unknown => "unknown",
    }
}

fn released(batch: &ParkedBatch) -> &'static str {
    if batch.released { "   released" } else { "" }
}

fn content(batch: &ParkedBatch) -> String {
    match (batch.events, batch.purchases) {
        (events, 0) => count(events, "event"),
        (0, purchases) => count(purchases, "purchase"),
        (events, purchases) => format!(
            "{} and {}",
            count(events, "event"),
            count(purchases, "purchase")
        ),
    }
}

fn times(batch: &ParkedBatch) -> String {
    let (first, last) = (minute(batch.first), minute(batch.last));
    if first == last {
        return first;
    }
    format!("{first} to {last}")
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Widths of the first two columns.
fn widths<'a>(batches: impl Iterator<Item = &'a ParkedBatch>) -> (usize, usize) {
    batches.fold((0, 0), |(names, addresses), batch| {
        let (name, address) = (batch.batch.len(), batch.address.as_str().len());
        (names.max(name), addresses.max(address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    fn batch(number: u64, released: bool) -> ParkedBatch {
        ParkedBatch {
            batch: format!("20261122T060000-1a2b3c-0-{number}"),
            address: Address::new("sync", "orders"),
            left_at: "2026-11-22T06:00:07Z".parse().unwrap(),
            events: number % 2 * 15,
            purchases: 60,
            people: number / 75,
            first: "2026-11-20T10:00:00Z".parse().unwrap(),
            last: "2026-11-21T11:30:00Z".parse().unwrap(),
            released,
        }
    }

    fn found(number: u64, evidence: Evidence, early: bool) -> CheckedBatch {
        CheckedBatch {
            batch: batch(number, false),
            evidence,
            found: 1,
            missing: 0,
            open: 1_074,
            early,
        }
    }

    #[test]
    fn what_is_parked_is_a_line_a_batch() {
        insta::assert_snapshot!(list(&[batch(75, false), batch(150, true)]), @r"
          20261122T060000-1a2b3c-0-75    sync.orders   left 2026-11-22 06:00 UTC   15 events and 60 purchases of 1 person, 2026-11-20 10:00 UTC to 2026-11-21 11:30 UTC
          20261122T060000-1a2b3c-0-150   sync.orders   left 2026-11-22 06:00 UTC   60 purchases of 2 people, 2026-11-20 10:00 UTC to 2026-11-21 11:30 UTC   released

        1 batch without an answer, not sent again unasked: `syncform state parked check` asks Braze about it.
        1 batch released: the next apply sends it once.
        ");
        assert_eq!(
            list(&[]),
            "Nothing is parked: no batch waits for a decision.\n"
        );
        let told: serde_json::Value = serde_json::from_str(&json(&[batch(75, true)])).unwrap();
        assert_eq!(told["batches"][0]["address"], "sync.orders");
        assert_eq!(told["batches"][0]["left_at"], "2026-11-22T06:00:07Z");
        assert_eq!(told["batches"][0]["released"], true);
    }

    #[test]
    fn what_was_found_says_what_to_do() {
        let mut released = found(375, Evidence::Arrived, false);
        released.batch.released = true;
        let all = [
            found(0, Evidence::Arrived, false),
            found(75, Evidence::NotArrived, false),
            found(150, Evidence::Mixed, false),
            found(225, Evidence::Unknown, false),
            found(300, Evidence::Unknown, true),
            released,
        ];
        insta::assert_snapshot!(checked(&all, Style::default()), @r"
          20261122T060000-1a2b3c-0-0     sync.orders   arrived       1 found, 0 missing, 1,074 open
          20261122T060000-1a2b3c-0-75    sync.orders   not arrived   1 found, 0 missing, 1,074 open
          20261122T060000-1a2b3c-0-150   sync.orders   mixed         1 found, 0 missing, 1,074 open
          20261122T060000-1a2b3c-0-225   sync.orders   unknown       1 found, 0 missing, 1,074 open
          20261122T060000-1a2b3c-0-300   sync.orders   unknown       1 found, 0 missing, 1,074 open
          20261122T060000-1a2b3c-0-375   sync.orders   arrived       1 found, 0 missing, 1,074 open   released

        1 batch arrived: `syncform state parked drop --arrived` forgets what needs no decision.
        1 batch not arrived: `syncform state parked release --not-arrived` lets the next apply send that, once.
        1 batch mixed, with events that are there and events that are not: look at those people in Braze, then release or drop by name.
        1 batch too young to ask about: check again five minutes after the sending.
        1 batch unknown: no profile tells. Dropped, events may be lost; released, they may be double. Decide by name.
        1 batch released: the next apply sends what is in it, once.
        1 batch released that arrived: drop it before the next apply, or its events are double.
        ");
        let others: Vec<&CheckedBatch> = all[1..5].iter().collect();
        assert_eq!(
            left(&others),
            "Left as they are: 1 mixed, 1 not arrived, 2 unknown.\n"
        );
        assert_eq!(left(&[]), "");
    }
}
