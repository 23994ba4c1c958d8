//! Draws the report of an apply: what became of each resource, and what to do about what was not done.

use std::fmt::Write;

use super::{
    Style, presence,
    text::{clean, count, number},
};
use crate::model::{Report, ResourceOutcome, ResourceReport, UNKNOWN_THERE};

/// Draws what an apply that had nothing to send found out about people; nothing where nobody was asked about.
pub fn asked(report: &Report) -> Option<String> {
    report.asked.as_deref().map(presence::asked)
}

/// Draws a report for people.
pub fn human(report: &Report, style: Style, priced: bool) -> String {
    let mut out = resources(report, style);
    if let Some(asked) = &report.asked {
        out.push_str(&presence::asked(asked));
    }
    for stopped in &report.stopped {
        let _ = writeln!(out, "Stopped early: {stopped}");
    }
    let sum = |of: fn(&ResourceReport) -> u64| report.resources.iter().map(of).sum::<u64>();
    let (parked, double) = (sum(|of| of.parked), sum(|of| of.maybe_double));
    if parked > 0 {
        let _ = writeln!(
            out,
            "{} parked: sent, and no answer told whether Braze took them. It counts what comes twice, so they are not sent again unasked: syncform state parked check tells what arrived.",
            count(parked, "event")
        );
    }
    if double > 0 {
        let _ = writeln!(
            out,
            "Braze may hold up to {} twice: no answer told whether it took them, and they were sent again, or will be by the next apply (delivery: at_least_once).",
            count(double, "event")
        );
    }
    // What is parked, or sent again and counted, was said above.
    let doubt = sum(|of| match of.maybe_double {
        0 if !of.is_account() => of.doubt - of.parked,
        _ => 0,
    });
    if doubt > 0 {
        let _ = writeln!(
            out,
            "{} in doubt: sent, and the answer never seen. The next plan decides them anew.",
            count(doubt, "row")
        );
    }
    let done = report
        .resources
        .iter()
        .filter(|resource| resource.outcome == ResourceOutcome::Done)
        .count() as u64;
    let all = report.resources.len() as u64;
    // What was done may be a test alone, which writes nothing.
    let begin = match (done == all, done > 0 || report.wrote()) {
        (true, _) => "Applied",
        (false, true) => "Applied in part",
        (false, false) => "Nothing was applied",
    };
    let again = match report.repeated_data_points {
        0 => String::new(),
        again => format!(
            " (and up to {} for tries whose answer was lost)",
            number(again)
        ),
    };
    let rows = report.resources.iter().any(|one| !one.is_account());
    let price = if priced && rows {
        format!(", {}{again}", count(report.data_points, "data point"))
    } else {
        String::new()
    };
    if report.resources.is_empty() {
        let _ = writeln!(
            out,
            "{}: only the state changed, and nothing was sent. Run {}.",
            style.bold(begin),
            report.run
        );
        return out;
    }
    let _ = writeln!(
        out,
        "{}: {} of {}, {}{price}. Run {}.",
        style.bold(begin),
        number(done),
        count(all, "resource"),
        count(report.requests, "request"),
        report.run
    );
    refusals(&mut out, report);
    let left: u64 = report
        .resources
        .iter()
        .filter(|resource| !resource.is_account() || resource.changed == Some(false))
        .map(|resource| {
            resource.doubt - resource.parked
                + resource.not_sent
                + u64::from([resource.named, resource.changed].contains(&Some(false)))
        })
        .sum();
    if left > 0 && report.wrote() {
        let _ = writeln!(out, "Run `syncform apply` again: it sends what is left.");
    }
    out
}

/// What was refused, and what becomes of it.
fn refusals(out: &mut String, report: &Report) {
    let passed: u64 = report.resources.iter().map(|of| of.passed).sum();
    if passed > 0 {
        let _ = writeln!(
            out,
            "{} refused and passed: never sent again. syncform report {} --refused FILE lists them.",
            count(passed, "event"),
            report.run
        );
    }
    let refused = report.refused() - passed;
    if refused > 0 {
        let _ = writeln!(
            out,
            "{} set aside, and not sent again as {} for a while: syncform report {} --refused FILE lists them, apply --retry-refused tries again.",
            count(refused, "refused row"),
            if refused == 1 { "it is" } else { "they are" },
            report.run
        );
    }
}

/// What became of each resource, a line each.
fn resources(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let width = report
        .resources
        .iter()
        .map(|resource| resource.address.as_str().len())
        .max()
        .unwrap_or(0);
    // Writing to a String cannot fail; the results below are of that kind.
    for resource in &report.resources {
        let word = word(resource.outcome);
        let word = match resource.outcome {
            ResourceOutcome::Done => style.green(word),
            ResourceOutcome::Partial | ResourceOutcome::NotAttempted => style.yellow(word),
            ResourceOutcome::Failed | ResourceOutcome::Refused => style.red(word),
        };
        let _ = writeln!(
            out,
            "  {:<width$}   {word}: {}",
            resource.address,
            rows(resource)
        );
        for (reason, count) in &resource.refused {
            let _ = writeln!(out, "      {} refused: {reason}", number(*count));
        }
        if resource.skipped > 0 {
            let skipped = number(resource.skipped);
            let _ = writeln!(
                out,
                "      {skipped} skipped: {UNKNOWN_THERE}; tried again after retry_refused"
            );
        }
        if resource.named == Some(false) {
            let _ = writeln!(out, "      Braze did not take its name");
        }
        for words in &resource.told {
            let _ = writeln!(out, "      {}", clean(words));
        }
    }
    out
}

fn word(outcome: ResourceOutcome) -> &'static str {
    match outcome {
        ResourceOutcome::Done => "done",
        ResourceOutcome::Partial => "partial",
        ResourceOutcome::Failed => "failed",
        ResourceOutcome::Refused => "refused",
        ResourceOutcome::NotAttempted => "not attempted",
    }
}

fn rows(resource: &ResourceReport) -> String {
    let refused = resource.refused();
    if resource.outcome == ResourceOutcome::Refused {
        return count(refused, "row");
    }
    let parts = [
        (resource.acknowledged, "acknowledged"),
        (refused, "refused"),
        (resource.skipped, "skipped"),
        (resource.parked, "parked"),
        (resource.doubt - resource.parked, "in doubt"),
        (resource.not_sent, "not sent"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = parts
        .map(|(count, word)| format!("{} {word}", number(*count)))
        .collect();
    if resource.is_account() && resource.doubt > 0 {
        return "whether it was changed is not known".to_owned();
    }
    if words.is_empty() {
        return match (resource.named, resource.changed) {
            (Some(true), _) => "Braze took its name",
            (Some(false), _) => "not named",
            (None, Some(true)) => "changed in Amplitude",
            (None, Some(false)) => "nothing changed in Amplitude",
            (None, None) if resource.outcome == ResourceOutcome::NotAttempted => "not begun",
            (None, None) if resource.is_account() => "tested",
            (None, None) => "nothing to send",
        }
        .to_owned();
    }
    words.join(", ")
}
