//! Draws what a look at the set-up found: a line a check, words first, colour second.

use std::fmt::Write;

use super::{
    Style,
    text::{clean, count},
};
use crate::model::{Check, Checkup, Verdict};

/// Draws the checks for people.
pub fn human(checkup: &Checkup, style: Style) -> String {
    let mut out = String::new();
    let names = checkup.checks.iter().map(|check| check.name.len());
    let width = names.max().unwrap_or(0);
    // Writing to a String cannot fail; the results below are of that kind.
    for Check {
        name,
        verdict,
        found,
        hint,
    } in &checkup.checks
    {
        let word = match verdict {
            Verdict::Ok => style.green("ok  "),
            Verdict::Warn => style.yellow("warn"),
            Verdict::Fail => style.red("fail"),
        };
        let _ = writeln!(out, "{word}  {name:<width$}  {}", clean(found));
        if let Some(hint) = hint {
            let _ = writeln!(out, "      hint: {}", clean(hint));
        }
    }
    let all = count(checkup.checks.len() as u64, "check");
    let of = |verdict, noun: &str| match checkup.count(verdict) {
        0 => None,
        number => Some(count(number, noun)),
    };
    let bad = [of(Verdict::Warn, "warning"), of(Verdict::Fail, "failure")];
    let bad: Vec<String> = bad.into_iter().flatten().collect();
    let sum = if bad.is_empty() {
        "all ok".to_owned()
    } else {
        bad.join(", ")
    };
    let _ = writeln!(out, "\n{all}: {sum}.");
    out
}

/// Draws the checks as one JSON object, for machines.
pub fn json(checkup: &Checkup) -> String {
    format!("{:#}\n", serde_json::json!(checkup))
}
