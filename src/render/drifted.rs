//! Words for what changed outside Syncform, and for what nobody declares: in a plan, and by itself (`drift`).

use std::fmt::Write;

use serde_json::Value;

use super::{
    Style,
    text::{clean, count, number, people},
};
use crate::model::{
    Drifted, NobodyRead, Verified,
    plan::{Drift, Problem, SECRET},
};

/// Unmanaged things that are shown.
const SHOWN: usize = 10;

/// Says what changed, without whose it is.
pub(super) fn words(drift: &Drift) -> String {
    let (before, after) = (&drift.before, &drift.after);
    let time = |key: &str| {
        let time = after[key].as_str();
        time.map_or_else(
            || "never".to_owned(),
            |time| time.get(..16).unwrap_or(time).replace('T', " ") + " UTC",
        )
    };
    match (drift.path.as_str(), after) {
        ("cohort", Value::Null) => {
            format!("cohort {before} is listed no more: deleted, or not published")
        }
        ("cohort.id", _) => format!(
            "another cohort bears the name: its id was {before} when it was applied and is {after} now"
        ),
        ("cohort.archived", _) => "the cohort was archived since it was applied".to_owned(),
        ("cohort.definition", _) => {
            "the definition of the cohort changed since it was applied".to_owned()
        }
        ("cadence", Value::Null) => format!(
            "Amplitude runs no such sync any more; it went {} when it was last as declared",
            plain(before)
        ),
        ("cadence", after) if before.is_string() && after.is_string() => format!(
            "Amplitude's sync goes {} now; it went {} when it was last as declared",
            plain(after),
            plain(before)
        ),
        ("syncs", _) => format!(
            "Amplitude runs {after} syncs of the cohort to Braze, more than are declared; it ran {before} when all were declared"
        ),
        ("listed", _) => "Braze no longer lists the segment: it is archived or deleted".to_owned(),
        ("twins", Value::Array(ids)) => format!(
            "{} segments of Braze bear the name now (ids {}), and one did when it was applied",
            ids.len(),
            ids.iter().map(plain).collect::<Vec<_>>().join(", ")
        ),
        ("id", after) if after.is_string() => format!(
            "another segment bears the name: its id was {before} when it was applied and is {after} now"
        ),
        ("verify.size", _) => format!(
            "Braze counts about {} people in the segment, and {} are expected",
            figure(after),
            figure(before)
        ),
        ("health.min_delivery_rate" | "health.max_p95_seconds", _) => format!(
            "{path} is {}, and over the last day it was {}",
            plain(before),
            plain(after),
            path = drift.path
        ),
        ("verify.members", _) => in_the_segment(before, after),
        ("health", _) => match after["verdict"].as_str().unwrap_or_default() {
            "failing" => format!(
                "Amplitude's sync fails: last failure {}, last success {}",
                time("last_failure"),
                time("last_successful")
            ),
            "never_ran" => "Amplitude's sync was never seen to run".to_owned(),
            _ => format!(
                "Amplitude's sync is late: it goes {}, last success {}",
                plain(&after["cadence"]),
                time("last_successful")
            ),
        },
        // It may never have been so.
        ("acknowledge", _) => format!("acknowledged was {before}, and Braze says {after}"),
        ("paused", Value::Bool(true)) => {
            "it was paused in Amplitude since it was applied".to_owned()
        }
        ("version", _) if before.is_u64() => format!(
            "its version was {before} when it was applied and is {after} now, and nothing declared differs: somebody changed something else of it, a key perhaps"
        ),
        (path, _) if before == SECRET && after == SECRET => {
            format!("{path} {SECRET} was changed since it was applied")
        }
        // In quotes, as JSON has texts: names are words among words here.
        (path, _) => format!("{path} was {before} when it was applied and is {after} now"),
    }
}

/// How many of a sync's members a segment holds, and how many others.
fn in_the_segment(before: &Value, after: &Value) -> String {
    let sync = plain(&before["sync"]);
    let members = match after["members"].as_u64() {
        None | Some(0) => format!("no member of {sync} is in the segment"),
        Some(many) => format!(
            "{} of {} members of {sync} are in the segment",
            number(many),
            figure(&before["members"])
        ),
    };
    match after["others"].as_u64() {
        None | Some(0) => members,
        Some(1) => format!("{members}; 1 person in it is no member"),
        Some(many) => format!("{members}; {} people in it are no members", number(many)),
    }
}

fn figure(value: &Value) -> String {
    number(value.as_u64().unwrap_or_default())
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("no more")
}

/// Lists what nobody declares, and how it is taken under management.
pub(super) fn unmanaged(out: &mut String, unmanaged: &[Value]) {
    for one in unmanaged.iter().take(SHOWN) {
        let last = match one["last_successful"].as_str() {
            Some(time) => format!("last success {}", time.get(..10).unwrap_or(time)),
            None => "no success yet".to_owned(),
        };
        let frequency = match one["frequency"].as_str().unwrap_or_default() {
            "minute" => "realtime",
            other => other,
        };
        let _ = writeln!(
            out,
            "unmanaged: cohort {} -> {}, by Amplitude, {frequency}, {last}",
            one["cohort"],
            one["target"].as_str().unwrap_or_default(),
        );
    }
    if unmanaged.len() > SHOWN {
        let more = number((unmanaged.len() - SHOWN) as u64);
        let _ = writeln!(out, "unmanaged: and {more} more: syncform import");
    }
    if !unmanaged.is_empty() {
        out.push_str("  hint: declare one as a sync with run_by: amplitude, and it is looked at from then on\n\n");
    }
}

/// Draws what `drift` found, a line each, for people.
pub fn human(drifted: &Drifted, style: Style) -> String {
    let mut out = String::new();
    for error in &drifted.errors {
        let _ = writeln!(out, "{}: {}", style.red("error"), problem(error));
    }
    for warning in &drifted.warnings {
        let _ = writeln!(out, "{}: {}", style.yellow("warning"), problem(warning));
    }
    for line in lines(drifted) {
        let _ = writeln!(out, "{}: {line}", style.yellow("drift"));
    }
    let _ = writeln!(out, "{}", sum(drifted));
    out
}

/// Draws it as Markdown, for a message or a comment.
pub fn markdown(drifted: &Drifted) -> String {
    let mut out = String::new();
    let problems = [("error", &drifted.errors), ("warning", &drifted.warnings)];
    for (word, problems) in problems {
        for one in problems {
            let _ = writeln!(out, "- **{word}** {}", escaped(&problem(one)));
        }
    }
    for line in lines(drifted) {
        let _ = writeln!(out, "- **drift** {}", escaped(&line));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", escaped(&sum(drifted)));
    out
}

/// Draws it as one JSON object, for machines.
pub fn json(drifted: &Drifted) -> String {
    format!("{:#}\n", serde_json::json!(drifted))
}

fn problem(problem: &Problem) -> String {
    let at = problem.address.as_ref();
    let at = at.map(|address| format!("{address}: ")).unwrap_or_default();
    let hint = problem.hint.as_ref();
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    clean(&format!("{at}{}{hint}", problem.message))
}

/// Everything that is not as it was applied.
fn lines(drifted: &Drifted) -> Vec<String> {
    let drift = drifted.drift.iter();
    let drift = drift.map(|drift| clean(&format!("{}: {}", drift.address, words(drift))));
    let read = drifted.people.iter().flat_map(|read| &read.resources);
    let read = read.filter_map(|of| Some(format!("{}: in Braze {}", of.address, rows(of)?)));
    drift.chain(read).collect()
}

/// What people who were read back hold otherwise, in figures.
fn rows(of: &Verified) -> Option<String> {
    let attributes = of.attributes.iter();
    let attributes: Vec<String> = attributes
        .map(|one| format!("{} {}", clean(&one.name), number(one.other + one.none)))
        .collect();
    let attributes = match attributes.as_slice() {
        [] => String::new(),
        each => format!(" ({})", each.join(", ")),
    };
    let parts = [
        (of.differ, format!("other than recorded{attributes}")),
        (of.missing, "of people who are not there".to_owned()),
        (of.appeared, "of people who have appeared".to_owned()),
    ];
    let parts = parts.iter().filter(|(many, _)| *many > 0);
    let parts: Vec<String> = parts
        .map(|(many, words)| format!("{} {words}", count(*many, "row")))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The last line: a sign of life where there is nothing else to say.
fn sum(drifted: &Drifted) -> String {
    let Some(applied_at) = drifted.applied_at else {
        return "No drift: nothing was applied yet.".to_owned();
    };
    let asked = drifted.people.as_ref().map_or(0, |read| read.asked);
    let read = match drifted.nobody_read {
        None => format!("{} read", people(asked)),
        Some(NobodyRead::NoSample) => "nobody read (no sample asked for)".to_owned(),
        Some(NobodyRead::NoRows) => "nobody read (no rows of people in Braze)".to_owned(),
        Some(NobodyRead::JustSent) => "nobody read (all was sent within five minutes)".to_owned(),
        Some(NobodyRead::NobodyToAsk) => "nobody read (no row can be asked about)".to_owned(),
    };
    let looked = format!(
        "{} looked at, {read}, state {} of {}",
        count(drifted.resources, "resource"),
        drifted.state.serial,
        applied_at.strftime("%Y-%m-%d")
    );
    match lines(drifted).len() as u64 {
        0 if !drifted.errors.is_empty() => {
            format!("{}: {looked}.", count(drifted.errors.len() as u64, "error"))
        }
        0 => format!("No drift: {looked}."),
        many => format!("Drift in {}: {looked}.", count(many, "place")),
    }
}

/// Text in which nothing is Markdown.
fn escaped(text: &str) -> String {
    let special = |letter: char| {
        matches!(
            letter,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#'
        )
    };
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, letter| {
            if special(letter) {
                out.push('\\');
            }
            out.push(letter);
            out
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Address, Differing, Verification, plan::StateRef};

    fn drifted() -> Drifted {
        let one = |path: &str, before: Value, after: Value| Drift {
            address: Address::new("sync", "lapsed"),
            path: path.to_owned(),
            before,
            after,
        };
        let failing = json!({"verdict": "failing", "cadence": "daily", "last_failure": "2026-11-23T05:12:00Z", "last_successful": null});
        Drifted {
            drift: vec![
                one("cohort.name", json!("Lapsed"), json!("La*psed\u{1b}")),
                one("cohort.definition", json!("1"), json!("2")),
                one("cadence", json!("daily"), Value::Null),
                one("health", Value::Null, failing),
            ],
            people: Some(Verification {
                asked: 100,
                disagree: 3,
                resources: vec![Verified {
                    differ: 3,
                    attributes: vec![Differing {
                        name: "tier".to_owned(),
                        other: 2,
                        none: 1,
                    }],
                    ..Verified::new(Address::new("sync", "tier"))
                }],
                ..Verification::default()
            }),
            resources: 14,
            state: StateRef {
                lineage: "l".to_owned(),
                serial: 41,
            },
            applied_at: Some("2026-11-23T05:12:00Z".parse().unwrap()),
            ..Drifted::default()
        }
    }

    #[test]
    fn what_was_seen_of_others_is_said_in_words() {
        let members = |of: u64, others: u64| json!({"members": of, "others": others});
        for (path, before, after, wanted) in [
            (
                "listed",
                json!(true),
                json!(false),
                "Braze no longer lists the segment: it is archived or deleted",
            ),
            (
                "twins",
                json!(["s-1"]),
                json!(["s-1", "s-2"]),
                "2 segments of Braze bear the name now (ids s-1, s-2), and one did when it was applied",
            ),
            (
                "id",
                json!("s-1"),
                json!("s-2"),
                "another segment bears the name: its id was \"s-1\" when it was applied and is \"s-2\" now",
            ),
            (
                "verify.size",
                json!(20_000),
                json!(17),
                "Braze counts about 17 people in the segment, and 20,000 are expected",
            ),
            (
                "verify.members",
                json!({"sync": "sync.vip", "members": 20}),
                members(0, 0),
                "no member of sync.vip is in the segment",
            ),
            (
                "verify.members",
                json!({"sync": "sync.vip", "members": 20}),
                members(17, 1),
                "17 of 20 members of sync.vip are in the segment; 1 person in it is no member",
            ),
            (
                "syncs",
                json!(1),
                json!(2),
                "Amplitude runs 2 syncs of the cohort to Braze, more than are declared; it ran 1 when all were declared",
            ),
            (
                "health.min_delivery_rate",
                json!("99%"),
                json!("90.00%"),
                "health.min_delivery_rate is 99%, and over the last day it was 90.00%",
            ),
        ] {
            let drift = Drift {
                address: Address::new("sync", "lapsed"),
                path: path.to_owned(),
                before,
                after,
            };
            assert_eq!(words(&drift), wanted);
        }
    }

    #[test]
    fn a_line_each_and_a_sign_of_life() {
        let wanted = "\
drift: sync.lapsed: cohort.name was \"Lapsed\" when it was applied and is \"La*psed\\u001b\" now
drift: sync.lapsed: the definition of the cohort changed since it was applied
drift: sync.lapsed: Amplitude runs no such sync any more; it went daily when it was last as declared
drift: sync.lapsed: Amplitude's sync fails: last failure 2026-11-23 05:12 UTC, last success never
drift: sync.tier: in Braze 3 rows other than recorded (tier 3)
Drift in 5 places: 14 resources looked at, 100 people read, state 41 of 2026-11-23.
";
        assert_eq!(human(&drifted(), Style::default()), wanted);
        let none = Drifted {
            drift: vec![],
            people: None,
            nobody_read: Some(NobodyRead::NoRows),
            ..drifted()
        };
        let wanted = "No drift: 14 resources looked at, nobody read (no rows of people in Braze), state 41 of 2026-11-23.\n";
        assert_eq!(human(&none, Style::default()), wanted);
        assert_eq!(markdown(&none), wanted);
        assert!(markdown(&drifted()).contains("La\\*psed"));
        let first = markdown(&drifted());
        assert!(
            first.starts_with("- **drift** sync.lapsed: cohort.name was"),
            "{first}"
        );
    }
}
