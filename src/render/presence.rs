//! Draws who of the recorded people is known to be in Braze, and what an apply found out about them.

use std::fmt::Write;

use super::text::{about, count, number, people};
use crate::model::{AskedPeople, FoundRows, plan::Delta, plan::ReadBack};

/// Why no round ever ends.
const FULL: &str =
    "; those not there take up all that may be asked, so raise `confirm.reads_per_run`";

/// Says how many of all recorded rows are there: a line.
pub(super) fn known(told: &ReadBack) -> String {
    let waiting = told.unconfirmed.saturating_sub(told.never_asked);
    let parts = [
        (told.absent, "not there"),
        (told.doubt, "in doubt"),
        (waiting, "not yet asked"),
        (told.never_asked, "never asked"),
    ];
    let mut words = vec![format!(
        "{} of {} confirmed",
        number(told.confirmed),
        count(told.rows, "row")
    )];
    words.extend(few(&parts));
    let round = told.round_seconds.map(|seconds| {
        let round = about(seconds);
        format!("; a full round takes at most {round}")
    });
    let full = told.round_seconds.is_none() && told.absent > 0 && told.people_a_run > 0;
    let round = round.or_else(|| full.then(|| FULL.to_owned()));
    format!(
        "In Braze: {}{}.",
        words.join(", "),
        round.unwrap_or_default()
    )
}

/// Says the same of one resource; nothing where nobody was asked yet.
pub(super) fn of(delta: &Delta) -> Option<String> {
    if delta.confirmed + delta.absent == 0 {
        return None;
    }
    let parts = [
        (delta.confirmed, "confirmed"),
        (delta.absent, "not there"),
        (delta.unconfirmed, "not yet asked"),
    ];
    Some(few(&parts).join(", "))
}

fn few(parts: &[(u64, &str)]) -> Vec<String> {
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, words)| format!("{} {words}", number(*count)))
        .collect()
}

/// How many rows the next apply sends again.
fn again(of: &FoundRows) -> u64 {
    of.doubt - of.set_aside - of.left
}

/// Says what an apply found out, a line a resource.
pub(super) fn asked(told: &AskedPeople) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    if told.people > 0 {
        let _ = writeln!(out, "Asked Braze about {}:", people(told.people));
    }
    let width = told.found.iter().map(|of| of.address.as_str().len()).max();
    let width = width.unwrap_or(0);
    for of in &told.found {
        let parts = [
            (of.confirmed, "as sent"),
            (of.absent, "not in Braze"),
            (again(of), "to be sent again"),
            (of.left, "not as sent, and left so: the sync rests"),
            (of.set_aside, "set aside: sent again, and not there"),
        ];
        let _ = writeln!(out, "  {:<width$}   {}", of.address, few(&parts).join(", "));
    }
    if told.found.iter().any(|of| of.set_aside > 0) {
        out.push_str("What was set aside was sent again, and Braze does not hold it: `syncform verify` names the attributes, `syncform validate --online` tells of types and arrays.\n");
    }
    if let Some(problem) = &told.problem {
        let _ = writeln!(out, "Not all people could be asked about: {problem}");
        if let Some(hint) = &told.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
    }
    let again: u64 = told.found.iter().map(again).sum();
    if again > 0 {
        let rows = count(again, "row");
        let them = if again == 1 { "it" } else { "them" };
        let _ = writeln!(
            out,
            "{rows} not as sent, or of people who have appeared: the next apply sends {them} again."
        );
    }
    if let Some(read_back) = &told.read_back {
        let _ = writeln!(out, "{}", known(read_back));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    fn told() -> ReadBack {
        ReadBack {
            rows: 12_480,
            confirmed: 11_020,
            absent: 830,
            unconfirmed: 630,
            people_a_run: 6_250,
            round_seconds: Some(3 * 86_400),
            ..ReadBack::default()
        }
    }

    #[test]
    fn who_is_there_is_a_line() {
        let wanted = "In Braze: 11,020 of 12,480 rows confirmed, 830 not there, 630 not yet asked; a full round takes at most 3 days.";
        assert_eq!(known(&told()), wanted);
        let never = ReadBack {
            rows: 3,
            unconfirmed: 3,
            never_asked: 3,
            ..ReadBack::default()
        };
        assert_eq!(
            known(&never),
            "In Braze: 0 of 3 rows confirmed, 3 never asked."
        );
    }

    #[test]
    fn what_an_apply_found_is_told_by_resource() {
        let said = asked(&AskedPeople {
            people: 1_200,
            found: vec![FoundRows {
                address: Address::new("sync", "a"),
                confirmed: 1_100,
                absent: 80,
                doubt: 20,
                set_aside: 5,
                left: 0,
            }],
            problem: None,
            hint: None,
            read_back: Some(told()),
        });
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "Asked Braze about 1,200 people:");
        assert_eq!(
            lines[1],
            "  sync.a   1,100 as sent, 80 not in Braze, 15 to be sent again, 5 set aside: sent again, and not there"
        );
        assert!(lines[2].contains("names the attributes"), "{said}");
        assert!(lines[3].starts_with("15 rows not as sent"), "{said}");
        assert_eq!(lines.len(), 5);
    }
}
