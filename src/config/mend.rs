//! What to write instead of a value that does not fit. It is sure of what it says, or silent.

use std::fmt::Write as _;

use jiff::{Timestamp, civil};

use super::{
    cron, load,
    suggest::nearest,
    tree::{Data, Node},
    wanted::Wanted,
};

/// Letters of a value that is shown once more.
const LONGEST: usize = 40;

/// Returns what to do about a value; `written` is how it stands in the file, where that may be shown.
pub(super) fn hint(
    name: Option<&str>,
    node: &Node,
    written: Option<&str>,
    wanted: &Wanted,
) -> Option<String> {
    let written = written.filter(|text| text.chars().count() <= LONGEST);
    match &node.data {
        Data::Null => Some(if wanted.wants("a map") {
            "write its keys below it, each indented".to_owned()
        } else {
            "write a value".to_owned()
        }),
        Data::Bool(_) | Data::Number(_) if wanted.text => {
            written.map(|text| format!("put it in quotes: \"{text}\""))
        }
        Data::Filled(_) => None,
        Data::Number(number) => like(&number.to_string(), wanted).or_else(|| whole(number, wanted)),
        Data::Text(text) if wanted.wants("true or false") && is_boolean_elsewhere(text) => {
            Some("YAML's booleans are true and false".to_owned())
        }
        Data::Text(text)
            if (wanted.wants("a whole number") || wanted.wants("true or false"))
                && matches!(load::scalar(text), Data::Bool(_) | Data::Number(_)) =>
        {
            Some("take the quotes away".to_owned())
        }
        // What filters and members are made of.
        Data::List(_) if wanted.has("all_of") => Some(format!(
            "say how they are joined: write {}: {{all_of: […]}}, or any_of",
            name.unwrap_or("…")
        )),
        Data::Text(text) if text.starts_with("sync.") && wanted.has("in") => {
            Some(format!("write {}: {{in: {text}}}", name.unwrap_or("…")))
        }
        Data::Text(text) if wanted.single.contains(text) => Some(format!("write {{{text}: …}}")),
        Data::Text(_) | Data::Map(_) if wanted.wants("a list") => {
            Some(list(node.text().and(written), wanted.items.as_deref()))
        }
        Data::Text(text) => grouped(text, wanted)
            .or_else(|| like(text, wanted))
            .or_else(|| {
                let words = wanted.words.iter().map(String::as_str);
                nearest(text, words).map(|near| format!("did you mean `{near}`?"))
            })
            .or_else(|| map(name, wanted)),
        Data::List(items) if items.len() == 1 && wanted.text => {
            Some("write the one text, without [ ] or `- `".to_owned())
        }
        _ => map(name, wanted),
    }
}

/// How a list is written, with what was written as its item if it may be one.
fn list(written: Option<&str>, items: Option<&Wanted>) -> String {
    let plain = "a list stands in [ ], or each item on a line that begins with `- `".to_owned();
    let (Some(text), Some(items)) = (written, items) else {
        return plain;
    };
    match items.single.as_slice() {
        [key] if items.forms.len() == 1 => {
            format!("a list stands in brackets: [{{{key}: {text}}}]")
        }
        _ if items.text || items.words.iter().any(|word| word == text) => {
            format!("a list stands in brackets: [{text}]")
        }
        _ => plain,
    }
}

/// How a map is written.
fn map(name: Option<&str>, wanted: &Wanted) -> Option<String> {
    if !wanted.wants("a map") {
        return None;
    }
    let name = name.unwrap_or("…");
    Some(if wanted.wants("a map of names") {
        format!("each entry stands under a name of its own: {name}: {{NAME: {{…}}}}")
    } else if wanted.keys.is_empty() {
        format!("write {name}: {{KEY: …}}")
    } else if wanted.forms.len() > 1 {
        format!("a map has keys of {}", wanted.keys.join(", "))
    } else {
        format!(
            "write {name}: {{KEY: …}}; its keys are {}",
            wanted.keys.join(", ")
        )
    })
}

fn whole(number: &serde_json::Number, wanted: &Wanted) -> Option<String> {
    if !wanted.wants("a whole number") || wanted.wants("a whole number ") {
        return None;
    }
    let words = match number.as_f64() {
        Some(number) if number < 0.0 => "it cannot be below zero",
        Some(number) if number.fract() != 0.0 => "it has no fraction",
        _ => "it is too large",
    };
    Some(words.to_owned())
}

/// A number written with marks between its digits.
fn grouped(text: &str, wanted: &Wanted) -> Option<String> {
    let counts = wanted.wants("a whole number") || wanted.examples.iter().any(|one| one == "1000");
    let digits: String = text
        .chars()
        .filter(|letter| !"_,' ".contains(*letter))
        .collect();
    let plain = digits.len() < text.len() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (counts && plain && !digits.is_empty()).then(|| format!("write {digits}"))
}

fn is_boolean_elsewhere(text: &str) -> bool {
    let words = ["yes", "on", "no", "off", "y", "n"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What a text with a form of its own would have to be.
fn like(text: &str, wanted: &Wanted) -> Option<String> {
    let example = |one: &str| wanted.examples.iter().any(|example| example == one);
    match wanted.format.as_deref() {
        Some("cron") => return cron::wrong(text),
        Some("date") => return day(text),
        Some("date-time") => return time(text),
        Some("time-zone") => return Some(zone(text)),
        _ => {}
    }
    if example("15s") {
        span(text)
    } else if wanted.examples.iter().any(|example| example.ends_with('%')) {
        share(text, example("none"))
    } else {
        None
    }
}

fn day(text: &str) -> Option<String> {
    let day = text
        .get(..10)
        .filter(|day| day.parse::<civil::Date>().is_ok());
    match (day, text.len()) {
        (Some(day), 11..) => Some(format!("write the day alone: {day}")),
        (None, 8..=10) if text.bytes().next()?.is_ascii_digit() => {
            Some("a day is year-month-day, and stands in the calendar".to_owned())
        }
        _ => None,
    }
}

fn time(text: &str) -> Option<String> {
    if let Ok(date) = text.parse::<civil::Date>()
        && text.len() == 10
    {
        return Some(format!("say the time and its zone: {date}T00:00:00Z"));
    }
    let zoned = format!("{}Z", text.trim().replace(' ', "T"));
    zoned
        .parse::<Timestamp>()
        .is_ok()
        .then(|| format!("say its zone: {zoned} is UTC"))
}

fn zone(text: &str) -> String {
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    // Most people know the city.
    let city = |name: &&str| {
        name.rsplit('/')
            .next()
            .is_some_and(|city| city.eq_ignore_ascii_case(text))
    };
    let all = || names.iter().map(String::as_str);
    let near = all().find(city).or_else(|| nearest(text, all()));
    let hint = near.map(|near| format!("did you mean `{near}`?"));
    hint.unwrap_or_else(|| "write the name of a time zone, as in the IANA list".to_owned())
}

fn span(text: &str) -> Option<String> {
    let text: String = text.to_lowercase().split_whitespace().collect();
    let at = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().ok().filter(|number| *number < 1_000_000)?;
    let (number, unit) = match unit {
        "" => {
            let mut hint = "a length of time has a unit:".to_owned();
            // Writing to a String cannot fail.
            let _ = write!(hint, " {number}s, {number}m, {number}h or {number}d");
            return Some(hint);
        }
        "s" | "sec" | "secs" | "second" | "seconds" => (number, 's'),
        "m" | "min" | "mins" | "minute" | "minutes" => (number, 'm'),
        "h" | "hr" | "hrs" | "hour" | "hours" => (number, 'h'),
        "d" | "day" | "days" => (number, 'd'),
        "w" | "week" | "weeks" => (number * 7, 'd'),
        _ if unit.chars().any(|letter| letter.is_ascii_digit()) => {
            return Some("write one number and one unit".to_owned());
        }
        _ => return None,
    };
    Some(format!("write {number}{unit}"))
}

fn share(text: &str, counts: bool) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let percent = text.strip_suffix('%');
    let number: f64 = percent.unwrap_or(&text).parse().ok()?;
    let most = if counts { "0% to 100%" } else { "1% to 100%" };
    Some(match percent {
        _ if number < 0.0 => "it cannot be below zero".to_owned(),
        Some(_) if number > 100.0 || !counts && number < 1.0 => format!("a share goes from {most}"),
        Some(_) => format!("write {number}%"),
        None if number > 100.0 => return None,
        None => format!("a share has a percent sign: {text}%"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mends_lengths_of_time_and_shares() {
        for (text, wanted) in [
            ("3 days", Some("write 3d")),
            ("1w", Some("write 7d")),
            (
                "90",
                Some("a length of time has a unit: 90s, 90m, 90h or 90d"),
            ),
            ("1h30m", Some("write one number and one unit")),
            ("soon", None),
        ] {
            assert_eq!(span(text).as_deref(), wanted, "{text}");
        }
        for (text, counts, wanted) in [
            ("10 %", true, Some("write 10%")),
            ("101%", true, Some("a share goes from 0% to 100%")),
            ("0%", false, Some("a share goes from 1% to 100%")),
            ("50", false, Some("a share has a percent sign: 50%")),
            ("-1", true, Some("it cannot be below zero")),
            ("many", true, None),
        ] {
            assert_eq!(share(text, counts).as_deref(), wanted, "{text}");
        }
    }
}
