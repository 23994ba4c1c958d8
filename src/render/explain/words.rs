//! One sync's answer in a sentence: how the person fares, and what the next plan does.

use super::{named, time, worded};
use crate::{
    model::explanation::{Does, Fate, Holds, ParkedOf, Rest, RowExplained, SyncExplained},
    render::text::{count, number},
};

/// The kind of what is made of several cohorts.
const SEGMENT: &str = "segment";

/// Answers how a person fares in a sync.
pub(super) fn answer(sync: &SyncExplained) -> String {
    let row = row(sync);
    let state = state(sync, row);
    match next(sync, row) {
        Some(next) => format!("{state}. {next}."),
        None => format!("{state}."),
    }
}

/// The row that the answer is about.
fn row(sync: &SyncExplained) -> Option<&RowExplained> {
    let mut rows = sync.rows.iter();
    rows.find(|row| row.fate == sync.fate)
}

fn state(sync: &SyncExplained, row: Option<&RowExplained>) -> String {
    let cohort = sync.sources.first();
    let cohort = match cohort {
        _ if sync.kind == SEGMENT => format!("members of {}", sync.address),
        Some(of) => format!("\"{}\"", of.name),
        None => "its cohort".to_owned(),
    };
    let sent = row.and_then(|row| row.sent.as_ref());
    let at = |words: &str| match sent {
        Some(sent) => format!("{words} {}", time(sent.at)),
        None => words.to_owned(),
    };
    let read = |words: &str| match sent.and_then(|sent| sent.checked_at) {
        Some(at) => format!("{words} (asked {})", time(at)),
        None => words.to_owned(),
    };
    let holder = holder(sync);
    match sync.fate {
        Fate::Confirmed => read(&format!("in: {holder} holds it as it was sent")),
        Fate::Sent if sync.is_in_amplitude() => format!(
            "{}, known from the ledger alone (plan --refresh full reads the cohort)",
            at("in: acknowledged by Amplitude")
        ),
        Fate::Sent => format!("{}, not read back yet", at("in: acknowledged by Braze")),
        Fate::Found => at("in: Braze held it already before the first apply, as was seen"),
        Fate::New => match row.and_then(|row| row.refused.as_ref()) {
            None => format!("not in yet: in {cohort}, and never sent"),
            Some(refused) => {
                format!(
                    "not in yet: {holder} refused it the last time ({})",
                    refused.reason
                )
            }
        },
        Fate::Changes => "in, with another value than is wanted now".to_owned(),
        Fate::Leaves => format!("still in, and wanted no more{}", left(sync, &cohort)),
        Fate::Kept => format!("not wanted any more{}", left(sync, &cohort)),
        Fate::Refused => refused(row, holder),
        Fate::Doubt => format!("in doubt: {}, and the answer was never seen", at("sent")),
        Fate::Differs => read(&format!("in doubt: {holder} does not hold what was sent")),
        Fate::Absent => read(&format!("not in: {holder} does not know the person")),
        Fate::Gone => read("not in: Braze knew the person once, and no longer does"),
        Fate::Empty => format!("in {cohort}, without any value that is to be sent"),
        Fate::Excluded => format!("not in{}", left(sync, &cohort)),
        Fate::Unnamed => {
            format!("not in: in {cohort}, without an identifier that `identify_by` takes")
        }
        Fate::Outside if sync.kind == SEGMENT => {
            "not in: its cohorts do not make the person a member".to_owned()
        }
        Fate::Outside => format!("not in: {cohort} does not hold the person"),
        Fate::NoProfile => {
            format!("in {cohort}, and Amplitude has no profile of that user id")
        }
        Fate::UnreadableProfile => {
            format!("in {cohort}, and the profile in Amplitude cannot be read")
        }
        Fate::UnreadProfile => {
            format!("in {cohort}, and the profile in Amplitude was not read yet")
        }
        Fate::Unread => format!("not known: nothing that was read of {cohort} is kept"),
        Fate::Log => log(sync.parked.unwrap_or_default()),
    }
}

/// Where its rows are.
fn holder(sync: &SyncExplained) -> &'static str {
    if sync.is_in_amplitude() {
        "Amplitude"
    } else {
        "Braze"
    }
}

/// What is known of a person's events.
fn log(parked: ParkedOf) -> String {
    let parked = match (parked.undecided, parked.released) {
        (0, 0) => "none of the person is parked".to_owned(),
        (0, released) => format!(
            "{} released, and the next apply sends {}",
            are(released),
            it(released)
        ),
        (undecided, 0) => format!(
            "{} parked: no answer ever came (syncform state parked check)",
            are(undecided)
        ),
        (undecided, released) => format!(
            "{} parked: no answer ever came (syncform state parked check); {} released, and the next apply sends {}",
            are(undecided),
            number(released),
            it(released)
        ),
    };
    format!("events are not remembered person by person; {parked}")
}

fn are(events: u64) -> String {
    let verb = if events == 1 { "is" } else { "are" };
    format!("{} of the person {verb}", count(events, "event"))
}

fn it(events: u64) -> &'static str {
    if events == 1 { "it" } else { "them" }
}

/// Why a person is wanted no more.
fn left(sync: &SyncExplained, cohort: &str) -> String {
    let excluding = sync.sources.iter().filter(|of| of.excludes);
    let excluding: Vec<String> = excluding
        .filter(|of| of.holds == Holds::Yes)
        .map(|of| format!("\"{}\"", of.name))
        .collect();
    match sync.sources.first().map(|of| of.holds) {
        _ if sync.kind == SEGMENT && excluding.is_empty() => {
            ": its cohorts do not make the person a member".to_owned()
        }
        _ if sync.kind == SEGMENT => format!(": excluded by {}", excluding.join(" and ")),
        Some(Holds::Yes) if excluding.is_empty() => {
            ": an excluded cohort holds the person by another identifier".to_owned()
        }
        Some(Holds::Yes) => format!(": excluded by {}", excluding.join(" and ")),
        Some(Holds::No) => format!(": left {cohort}"),
        Some(Holds::Unnamed) => {
            format!(": in {cohort}, by no identifier that `identify_by` takes")
        }
        Some(Holds::Unread) | None => String::new(),
    }
}

fn refused(row: Option<&RowExplained>, holder: &str) -> String {
    let refused = row.and_then(|row| row.refused.as_ref());
    let reason = refused.map_or("", |refused| refused.reason.as_str());
    match refused.map(|refused| refused.value.is_some()) {
        Some(false) => format!("still in: {holder} refused to take it out ({reason})"),
        _ => format!("not as wanted: {holder} refused the row ({reason})"),
    }
}

/// What the next plan does; none where all is said.
fn next(sync: &SyncExplained, row: Option<&RowExplained>) -> Option<String> {
    if let Some(problem) = &sync.problem {
        return Some(format!("It cannot be planned: {problem}"));
    }
    match &sync.rest {
        Some(Rest::Paused) => return Some("The sync is paused, and nothing moves".to_owned()),
        Some(Rest::Once) => {
            let words = "The sync moves once (`cadence: once`), and has";
            return Some(words.to_owned());
        }
        Some(Rest::LeftInBraze) if sync.fate == Fate::Log => {
            let words =
                "The sync is removed: how far it was read is forgotten, and what it sent stays";
            return Some(words.to_owned());
        }
        Some(Rest::LeftInBraze) => {
            let words = format!("The sync is removed, and its rows stay in {}", holder(sync));
            return Some(words);
        }
        Some(Rest::Vanished) => {
            let words =
                "The sync is gone from the configuration, and a plan asks for a `removed` entry";
            return Some(words.to_owned());
        }
        Some(Rest::Waits(why)) => return Some(format!("The sync writes elsewhere now; {why}")),
        Some(Rest::Removed) | None => {}
    }
    let row = row?;
    let removed = if sync.rest == Some(Rest::Removed) {
        ", since the sync is removed or writes elsewhere"
    } else {
        ""
    };
    let later = match sync
        .rows
        .iter()
        .find(|other| other.next.does == Does::Remove)
    {
        Some(other) if row.next.later => {
            format!(", once the row by {} is out", named(&other.identifier))
        }
        _ => String::new(),
    };
    let words = match (row.next.does, row.fate) {
        (Does::Unknown, _) => return None,
        (Does::Add, Fate::Gone) if row.sent.is_none() => {
            "It is not created again without `recreate`".to_owned()
        }
        (Does::Add, Fate::Absent | Fate::Gone) => {
            "The next apply sends it, and creates the person".to_owned()
        }
        (Does::Add, _) if row.sent.is_some() => format!("The next apply sends it again{later}"),
        (Does::Add, _) => format!("The next apply adds it{later}"),
        (Does::Change, Fate::Doubt | Fate::Differs) => {
            format!("The next apply sends it again{later}")
        }
        (Does::Change, _) => format!("The next apply changes {}{later}", changed(row)),
        (Does::Remove, _) if row.next.attributes.is_empty() => {
            format!("The next apply takes it out{removed}")
        }
        (Does::Remove, _) => format!("The next apply clears its values{removed}"),
        (Does::Nothing, Fate::Refused) => return Some(waits(row)),
        (Does::Nothing, Fate::Absent) => "It is sent again once Braze knows the person".to_owned(),
        (Does::Nothing, Fate::Gone) => {
            "It is not created again without `create_users` and `recreate`".to_owned()
        }
        (Does::Nothing, Fate::Kept) => "Its values stay, since `on_leave` is keep".to_owned(),
        (Does::Nothing, Fate::UnreadProfile) => {
            "An apply reads it, and `plan --read-profiles`".to_owned()
        }
        (Does::Nothing, _) => "Nothing to do".to_owned(),
    };
    Some(words)
}

fn changed(row: &RowExplained) -> String {
    let (before, after) = (row.sent.as_ref(), row.wanted.as_ref());
    match row.next.attributes.as_slice() {
        [] => match (before, after) {
            (Some(sent), Some(wanted)) => {
                format!("it from {} to {}", worded(&sent.value), worded(wanted))
            }
            _ => "it".to_owned(),
        },
        [one] => super::moved(one)
            .replacen(": ", " from ", 1)
            .replacen(" -> ", " to ", 1),
        several => {
            let names: Vec<&str> = several.iter().map(|of| of.attribute.as_str()).collect();
            names.join(", ")
        }
    }
}

fn waits(row: &RowExplained) -> String {
    let until = row.refused.as_ref().and_then(|refused| refused.until);
    match until {
        Some(at) => format!(
            "It is tried again {}, when its value changes, or with --retry-refused",
            time(at)
        ),
        None => "It is tried again when its value changes, or with --retry-refused".to_owned(),
    }
}
