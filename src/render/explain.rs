//! Draws one person through every sync: the first line of each answers in a sentence, what it is known from stands below.

#[cfg(test)]
mod tests;
mod words;

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Style, plan::value, text::clean};
use crate::model::{
    Presence,
    explanation::{
        Audience, Explanation, Held, Holds, Move, Refused, RowExplained, Sent, SyncExplained,
    },
};

const FOOT: &str = "Cohorts are as they were read last; a plan reads those that moved since.";
const CUT: &str = "A run was cut or is still going; what it sent is counted in.";

/// Draws an explanation for people.
pub fn human(explanation: &Explanation, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail; the results below are of that kind.
    if explanation.known {
        for sync in &explanation.syncs {
            draw(&mut out, sync, style);
        }
    }
    for profile in explanation.braze.iter().flatten() {
        let found = match (profile.found, holding(&profile.attributes)) {
            (false, _) => "no such profile".to_owned(),
            (true, None) => "a profile, without any attribute that a sync writes".to_owned(),
            (true, Some(held)) => format!("a profile; {held}"),
        };
        let _ = writeln!(out, "Braze, by {}: {found}", named(&profile.identifier));
    }
    if explanation.braze.as_ref().is_some_and(Vec::is_empty) {
        let _ = writeln!(out, "Braze was not asked: nobody is asked by a device id.");
    }
    if explanation.cut {
        let _ = writeln!(out, "{CUT}");
    }
    if explanation.known {
        let _ = writeln!(out, "{FOOT}");
    }
    out
}

fn draw(out: &mut String, sync: &SyncExplained, style: Style) {
    let address = style.bold(&sync.address);
    let _ = writeln!(out, "{address}: {}", clean(&words::answer(sync)));
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "      {name:<10} {}", clean(text));
    };
    for audience in &sync.sources {
        let name = match audience.excludes {
            true => "excludes",
            false if sync.is_in_amplitude() => "from",
            false => "cohort",
        };
        line(name, &cohort(audience));
    }
    if !sync.target.is_empty() {
        line("to", &sync.target);
    }
    for row in &sync.rows {
        details(row, sync.is_in_amplitude(), &mut line);
    }
    out.push('\n');
}

fn details(row: &RowExplained, in_amplitude: bool, line: &mut dyn FnMut(&str, &str)) {
    line("named by", &named(&row.identifier));
    if let Some(wanted) = &row.wanted {
        line("wanted", &worded(wanted));
    }
    for (attribute, why) in &row.unfit {
        line(
            "left out",
            &format!("{attribute}: {}", why.replace('_', " ")),
        );
    }
    if let Some(sent) = &row.sent {
        line("sent", &sending(sent));
        let known = match sent.presence {
            // Braze is never asked about it.
            Presence::Unconfirmed if in_amplitude => "acknowledged".to_owned(),
            _ => known(sent),
        };
        line("known", &known);
    }
    if let Some(refused) = &row.refused {
        line("refused", &refusal(refused));
    }
    let moves: Vec<String> = row.next.attributes.iter().map(moved).collect();
    if !moves.is_empty() {
        line("next", &moves.join(", "));
    }
    if let Some(held) = row.braze.as_ref().filter(|_| !in_amplitude) {
        line("Braze now", &live(held));
    }
}

fn cohort(audience: &Audience) -> String {
    let holds = match audience.holds {
        Holds::Yes => "yes",
        Holds::No => "no",
        Holds::Unnamed => "yes, by another identifier than the sync takes",
        Holds::Unread => "not known, since nothing that was read of it is kept",
    };
    let mut text = format!("\"{}\": {holds}", audience.name);
    if let Some(at) = audience.read_at {
        let _ = write!(text, " (read {}", time(at));
        if let Some(at) = audience.computed_at {
            let _ = write!(text, ", computed {}", time(at));
        }
        if audience.moved {
            text.push_str(", and anew since");
        }
        text.push(')');
    }
    text
}

fn sending(sent: &Sent) -> String {
    let what = worded(&sent.value);
    match (&sent.run, sent.run_at) {
        (None, _) if sent.presence == Presence::Absent => {
            format!("nothing, since nobody was there {}", time(sent.at))
        }
        (None, _) => format!("{what}, found in Braze {}", time(sent.at)),
        (Some(run), Some(begun)) => {
            format!("{what}, {} (run {run} of {})", time(sent.at), time(begun))
        }
        (Some(run), None) => format!("{what}, {} (run {run})", time(sent.at)),
    }
}

fn known(sent: &Sent) -> String {
    let asked = sent.checked_at.map(time);
    let asked = asked.map_or_else(String::new, |at| format!(" ({at})"));
    let read_back = sent.checked_at.is_some_and(|at| at >= sent.at);
    let mut text = match sent.presence {
        Presence::Unconfirmed => "acknowledged, not read back yet".to_owned(),
        Presence::Confirmed => format!("read back, and as it was sent{asked}"),
        Presence::Absent => format!("asked for, and nobody was there{asked}"),
        Presence::Doubt if read_back => {
            format!("read back, and not as it was sent{asked}")
        }
        Presence::Doubt => "in doubt: the answer was never seen".to_owned(),
    };
    let maybe: Vec<String> = sent.maybe.iter().map(worded).collect();
    if !maybe.is_empty() {
        let holds = if read_back { "it held" } else { "it may hold" };
        let _ = write!(text, "; {holds} {}", maybe.join(" or "));
    }
    text
}

fn refusal(refused: &Refused) -> String {
    let what = match &refused.value {
        Some(value) => worded(value),
        None => "to be taken out".to_owned(),
    };
    let at = time(refused.at);
    format!("{what}, {at} (run {}): {}", refused.run, refused.reason)
}

fn moved(step: &Move) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), value_of);
    let (before, after) = (side(&step.before), side(&step.after));
    // What was recorded is in doubt.
    if step.before == step.after {
        return format!("{}: {after} again", step.attribute);
    }
    format!("{}: {before} -> {after}", step.attribute)
}

fn live(held: &Held) -> String {
    let there = match held.profile {
        None => return "not asked: nobody is asked by a device id".to_owned(),
        Some(false) => return "no such profile".to_owned(),
        Some(true) => holding(&held.attributes).unwrap_or_else(|| "nothing of it".to_owned()),
    };
    match held.agrees {
        Some(true) => format!("{there}, as it was sent"),
        Some(false) => format!("{there}, and not what was sent"),
        None => there,
    }
}

fn holding(attributes: &Map<String, Value>) -> Option<String> {
    let each = attributes.iter();
    let each: Vec<String> = each
        .map(|(name, held)| format!("{name}: {}", value_of(held)))
        .collect();
    (!each.is_empty()).then(|| each.join(", "))
}

/// Writes the value of a row: its attributes, or its label.
fn worded(row: &Value) -> String {
    match row {
        Value::Object(members) => {
            holding(members).unwrap_or_else(|| "no value of any attribute".to_owned())
        }
        other => value_of(other),
    }
}

fn value_of(of: &Value) -> String {
    value(of)
}

fn named(identifier: &str) -> String {
    match identifier {
        "external_id" => "external id".to_owned(),
        "device_id" => "device id".to_owned(),
        alias => alias.to_owned(),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
