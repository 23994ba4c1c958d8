//! Who is really there, and with what: what an answer of Braze says of a recorded row, when a row is asked about, and what
//! is done about people who are not there. Braze answers success to much that it does not do, so what was acknowledged
//! is read back.
//!
//! # Guarantees
//! An answer from within five minutes of the sending says nothing: what was sent may not have arrived yet. Taking the
//! same answer in twice is the same as once.

use super::{
    decide::{Decision, to_array},
    join::Joined,
    values::Rule,
};
use crate::model::{Change, Member, Millis, Presence, Record, Standing, Text};

/// How long after the sending a row is read back at the earliest: what Braze recommends between calls that depend on
/// each other (API limits page).
pub const SETTLED: Millis = 5 * 60_000;

/// How long after it was sent again a row that is not there has not been changed by somebody else, but dropped.
pub const WEEK: Millis = 7 * 24 * 3_600_000;

/// Why a row is set aside that Braze took twice, and that was not there either time.
pub const NOT_HELD: &str = "Braze took it again, and does not hold it";

/// What Braze was found to hold of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nobody is known by that identifier.
    Nobody,
    /// The person is there; whether the row is, no profile tells.
    Somebody,
    /// The row is as it was sent.
    Same,
    /// It is not: the label or flag is not there, or these are the values that are.
    Other(Option<Text>),
}

/// A row after an answer was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The row.
    pub record: Record,
    /// Whether it was sent again after it had not been there, and is not there all the same.
    pub dropped: bool,
}

/// Returns whether an answer of that time says anything about a row that it does not say already. Of a row whose answer
/// was never seen nothing is: it is sent again, whatever is there.
pub fn counts(record: &Record, asked_at: Millis, now: Millis) -> bool {
    (record.presence != Presence::Doubt || record.is_found_other())
        && asked_at >= record.sent_at.saturating_add(SETTLED)
        && record
            .checked_at
            // A clock that was ahead once does not hold a row for ever.
            .is_none_or(|checked| checked < asked_at || checked > now)
}

/// Takes an answer in that counts.
pub fn after(record: Record, found: Found, asked_at: Millis) -> After {
    let checked = Record {
        checked_at: Some(asked_at),
        ..record
    };
    let plain = |record| After {
        record,
        dropped: false,
    };
    let doubt = |maybe| Record {
        presence: Presence::Doubt,
        maybe,
        // A profile is there, whatever it holds.
        confirmed_once: true,
        ..checked.clone()
    };
    let confirmed = || Record {
        presence: Presence::Confirmed,
        maybe: None,
        confirmed_once: true,
        ..checked.clone()
    };
    match found {
        Found::Nobody => plain(Record {
            presence: Presence::Absent,
            maybe: None,
            ..checked
        }),
        // What was sent while nobody was there was dropped.
        Found::Somebody if matches!(checked.presence, Presence::Absent | Presence::Doubt) => {
            plain(doubt(None))
        }
        Found::Somebody | Found::Same => plain(confirmed()),
        Found::Other(there) => {
            let maybe = there.map(|there| to_array(&[there].into()));
            After {
                // One that is in doubt already was told then.
                dropped: record.presence != Presence::Doubt
                    && record.sent_again
                    && asked_at < record.sent_at.saturating_add(WEEK),
                record: doubt(maybe),
            }
        }
    }
}

/// In which order people are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// What was sent and never read back.
    New,
    /// Whoever was not there when last asked.
    Absent,
    /// What was as it should be when last asked, or is set aside.
    Round,
}

/// Returns whether a row is to be read back now, in which turn, and since when it waits; `recheck` is how far apart two
/// readings of one row are.
pub fn due(record: &Record, now: Millis, recheck: Millis) -> Option<(Turn, Millis)> {
    let last = record.checked_at.unwrap_or(record.sent_at);
    let (turn, since, wait) = match record.presence {
        Presence::Unconfirmed => (Turn::New, record.sent_at, SETTLED),
        Presence::Absent => (Turn::Absent, last, recheck.max(SETTLED)),
        Presence::Confirmed => (Turn::Round, last, recheck.max(SETTLED)),
        // It may be set aside, and somebody may have put it right.
        Presence::Doubt if record.is_found_other() => (Turn::Round, last, recheck.max(SETTLED)),
        // It is sent again, whatever is there.
        Presence::Doubt => return None,
    };
    let ahead = since > now;
    (ahead || since.saturating_add(wait) <= now).then_some((turn, since))
}

/// What is done about people who are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    /// Whether the sync creates people: whoever was deleted then stays remembered, so as not to be created again.
    pub creates: bool,
    /// Since when it does so, where it did not from the first: what was sent before created nobody.
    pub creates_since: Option<Millis>,
    /// Whether people are created again whom Braze had once.
    pub recreates: bool,
}

impl Absence {
    /// Decides a row: as its rule does, but for people who are not there. They are not sent to, and whoever may be created
    /// is added.
    pub fn decide(self, rule: &Rule, row: Joined<Record, Member>) -> Decision {
        let decided = match row {
            Joined::Both(record, member) if record.presence == Presence::Absent => {
                if !self.makes(&record) {
                    return Decision::Keep(record);
                }
                let standing = Standing::Nobody;
                return match rule.decide(Joined::Right(member)) {
                    Decision::Send(change) => Decision::Send(Change { standing, ..change }),
                    other => other,
                };
            }
            Joined::Left(record) if self.remembers(&record) => return Decision::Keep(record),
            row => rule.decide(row),
        };
        match decided {
            Decision::Send(change)
                if self.creates && self.recreates && change.standing == Standing::There =>
            {
                let standing = Standing::Unasked;
                Decision::Send(Change { standing, ..change })
            }
            decided => decided,
        }
    }

    /// Returns whether it matters who was found to be gone by other syncs: nobody who was deleted is created again.
    pub fn heeds_others(self) -> bool {
        self.creates && !self.recreates
    }

    /// Lets a row that is sent create nobody who is gone.
    pub fn spares(self, change: Change, gone: bool) -> Change {
        if !gone || !self.heeds_others() {
            return change;
        }
        Change {
            standing: Standing::Gone,
            ..change
        }
    }

    /// Whether somebody who is not there is to be created.
    fn makes(self, record: &Record) -> bool {
        if record.confirmed_once {
            self.creates && self.recreates
        } else {
            let sent_before = |since| record.sent_at < since;
            self.creates && self.creates_since.is_some_and(sent_before)
        }
    }

    /// Whether somebody who left, and was deleted before, is remembered all the same.
    fn remembers(self, record: &Record) -> bool {
        record.presence == Presence::Absent && record.confirmed_once && self.creates
    }
}

#[cfg(test)]
mod tests;
