//! What is to be done with a row, from what is recorded and what is desired. The heart of every plan.

use std::{collections::BTreeSet, sync::Arc};

use super::join::Joined;
use crate::model::{Change, Member, Outcome, Presence, Record, Standing, Text, Verb};

/// The decision on one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Braze acknowledged exactly this; nothing is sent.
    Keep(Record),
    /// There is no row, and none is wanted.
    Nothing,
    /// Something is to be sent.
    Send(Change),
}

/// Decides one row. A row in doubt is never kept: what is desired now is sent again, a removal included.
pub fn decide(row: Joined<Record, Member>) -> Decision {
    match row {
        Joined::Left(record) => Decision::Send(Change {
            standing: record.standing(),
            key: record.key,
            amplitude_id: record.amplitude_id,
            verb: Verb::Remove,
            before: Some(record.value),
            maybe: record.maybe,
            after: None,
        }),
        Joined::Right(member) => Decision::Send(add(member, Standing::Unasked)),
        Joined::Both(record, member) => {
            let same = record.value == member.value;
            match record.presence {
                Presence::Doubt if same && record.maybe.is_none() => {
                    Decision::Send(add(member, record.standing()))
                }
                Presence::Doubt => Decision::Send(change(record, member)),
                _ if same => Decision::Keep(record),
                _ => Decision::Send(change(record, member)),
            }
        }
    }
}

fn add(member: Member, standing: Standing) -> Change {
    Change {
        standing,
        key: member.key,
        amplitude_id: member.amplitude_id,
        verb: Verb::Add,
        before: None,
        maybe: None,
        after: Some(member.value),
    }
}

/// Adds a kept row again: another row of the same person goes, and may take with it what this one put there.
pub fn again(record: Record) -> Change {
    Change {
        standing: record.standing(),
        key: record.key,
        amplitude_id: record.amplitude_id,
        verb: Verb::Add,
        before: None,
        maybe: None,
        after: Some(record.value),
    }
}

fn change(record: Record, member: Member) -> Change {
    Change {
        standing: record.standing(),
        key: member.key,
        amplitude_id: member.amplitude_id,
        verb: Verb::Change,
        before: Some(record.value),
        // A change of a row in doubt says so, whatever else may be there: the row may not be there at all.
        maybe: match record.presence {
            Presence::Doubt => Some(record.maybe.unwrap_or_else(|| "[]".into())),
            _ => record.maybe,
        },
        after: Some(member.value),
    }
}

/// What a run did beside a row, under another identifier of the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing: all of the resource's people are named by external ids alone.
    Nothing,
    /// Perhaps something: people go by other identifiers too.
    Perhaps,
    /// The row was to be sent after another one of the same person went.
    Before,
}

/// What the ledger says of a row after a run: the old row, what was to be done with it, and what became of that.
/// The same for a run that ended, was cut, or was killed.
pub fn fold(
    old: Option<Record>,
    change: Change,
    outcome: Outcome,
    beside: Beside,
    run: &Text,
) -> Option<Record> {
    let in_doubt = |record| Record {
        presence: Presence::Doubt,
        ..record
    };
    // Another row of the person told it: this one is to remember it too.
    let gone = change.standing == Standing::Gone;
    match outcome {
        // The row that went may have taken with it what this one had put there.
        Outcome::Refused(_) | Outcome::NotSent if beside == Beside::Before => old.map(in_doubt),
        // It stays, and whatever is done under the person's other identifier may take it out.
        Outcome::Refused(_) if change.verb == Verb::Remove => old.map(in_doubt),
        Outcome::NotSent if change.verb == Verb::Remove && beside == Beside::Perhaps => {
            old.map(in_doubt)
        }
        Outcome::Refused(_) | Outcome::NotSent => old,
        Outcome::Acknowledged(at) => {
            let value = change.after?;
            let again = |old: &Record| old.is_found_other() && old.value == value;
            let sent_again = old.as_ref().is_some_and(again);
            // Whoever was not there, and was made anew, was not confirmed since.
            let was = |old: Record| old.confirmed_once && old.presence != Presence::Absent;
            Some(Record {
                confirmed_once: gone || old.is_some_and(was),
                key: change.key,
                amplitude_id: change.amplitude_id,
                value,
                maybe: None,
                presence: Presence::Unconfirmed,
                sent_at: at,
                run: run.clone(),
                checked_at: None,
                sent_again,
            })
        }
        Outcome::Doubt(at) => {
            let once = |record: &Record| record.confirmed_once;
            let confirmed_once = gone || old.as_ref().is_some_and(once);
            let sent_again = old.as_ref().is_some_and(|record| record.sent_again);
            let checked_at = old.as_ref().and_then(|record| record.checked_at);
            let mut values = old.map(possible).unwrap_or_default();
            values.extend(change.maybe.as_deref().map(from_array).unwrap_or_default());
            let value = match change.after {
                Some(after) => after,
                None => change.before?,
            };
            values.remove(&value);
            Some(Record {
                key: change.key,
                amplitude_id: change.amplitude_id,
                maybe: (!values.is_empty()).then(|| to_array(&values)),
                value,
                presence: Presence::Doubt,
                sent_at: at,
                run: run.clone(),
                checked_at,
                confirmed_once,
                sent_again,
            })
        }
    }
}

/// Every value that Braze may hold of a recorded row.
fn possible(record: Record) -> BTreeSet<Text> {
    let mut values: BTreeSet<Text> = record
        .maybe
        .as_deref()
        .map(from_array)
        .unwrap_or_default()
        .into_iter()
        .collect();
    values.insert(record.value);
    values
}

/// Reads the JSON array of `Record::maybe`.
pub fn from_array(text: &str) -> Vec<Text> {
    serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text)
        .map(|values| values.iter().map(|value| Arc::from(value.get())).collect())
        .unwrap_or_default()
}

pub(super) fn to_array(values: &BTreeSet<Text>) -> Text {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    Arc::from(format!("[{}]", values.join(",")))
}
