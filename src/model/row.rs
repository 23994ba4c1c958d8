//! Rows: what should be there (`Member`), what was acknowledged (`Record`), and what is to be done (`Change`).

use std::sync::Arc;

use serde::Serialize;

use super::{Address, Key};

/// A row's value as JSON text: a membership's label, `true`, a property. Shared, since many rows hold the same.
pub type Text = Arc<str>;

/// Milliseconds since 1970 in UTC.
pub type Millis = i64;

/// A row as it is desired. Debug is safe: keys are masked, values are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub key: Key,
    /// Amplitude's own number of the person, where the source tells it.
    pub amplitude_id: Option<i64>,
    /// What Braze should hold.
    pub value: Text,
}

/// How much is known of a recorded row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Acknowledged by Braze, not yet read back.
    Unconfirmed,
    /// Read back and equal.
    Confirmed,
    /// Asked for, and nobody was there.
    Absent,
    /// Sent, and the answer never seen. Doubt equals nothing: the next plan decides it anew.
    Doubt,
}

impl Presence {
    /// Returns the word that ledgers hold.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
            Self::Absent => "absent",
            Self::Doubt => "doubt",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Unconfirmed,
            Self::Confirmed,
            Self::Absent,
            Self::Doubt,
        ]
        .into_iter()
        .find(|p| p.word() == word)
    }
}

/// Whether Braze knows a person, as far as anybody asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody asked.
    Unasked,
    /// A profile was there when Braze was last asked. If none is now, it was deleted.
    There,
    /// No profile was there when Braze was last asked.
    Nobody,
    /// The same, and there was one before: it was deleted, and nothing may make it anew unasked.
    Gone,
}

impl Standing {
    /// Returns the word that deltas hold.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::There => "there",
            Self::Nobody => "nobody",
            Self::Gone => "gone",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Unasked, Self::There, Self::Nobody, Self::Gone]
            .into_iter()
            .find(|standing| standing.word() == word)
    }
}

/// A row of the ledger.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub key: Key,
    /// Amplitude's own number of the person, where it was known.
    pub amplitude_id: Option<i64>,
    /// What was sent last.
    pub value: Text,
    /// In doubt only: what else may be there, a JSON array of values; a removal takes these out too.
    pub maybe: Option<Text>,
    /// How much is known.
    pub presence: Presence,
    /// When it was sent.
    pub sent_at: Millis,
    /// The run that sent it.
    pub run: Text,
    /// When it was last read back.
    pub checked_at: Option<Millis>,
    /// Whether it was ever confirmed: one who is gone later was there once.
    pub confirmed_once: bool,
    /// Whether it was sent again, as it was, because it had been read back and was not there.
    pub sent_again: bool,
}

impl Record {
    /// Returns whether it is in doubt because it was read back, and was not as it had been sent.
    pub fn is_found_other(&self) -> bool {
        self.presence == Presence::Doubt && self.checked_at >= Some(self.sent_at)
    }

    /// Returns whether Braze knows the person.
    pub fn standing(&self) -> Standing {
        match self.presence {
            Presence::Absent if self.confirmed_once => Standing::Gone,
            Presence::Absent => Standing::Nobody,
            _ if self.confirmed_once => Standing::There,
            _ => Standing::Unasked,
        }
    }
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// It was not there, or that is in doubt.
    Add,
    /// It holds, or may hold, another value.
    Change,
    /// It goes.
    Remove,
}

impl Verb {
    /// Returns the word that deltas hold.
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Add, Self::Change, Self::Remove]
            .into_iter()
            .find(|verb| verb.word() == word)
    }
}

/// One row of a delta.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub key: Key,
    /// Amplitude's own number of the person, where it is known.
    pub amplitude_id: Option<i64>,
    /// What is done.
    pub verb: Verb,
    /// What was sent last, of a change or removal.
    pub before: Option<Text>,
    /// Of a row in doubt: what else may be there (see `Record::maybe`); an empty array, or of values an empty object in it,
    /// where that is nothing.
    pub maybe: Option<Text>,
    /// What is to be there, of an addition or change.
    pub after: Option<Text>,
    /// Whether Braze knows the person, as far as the ledger tells.
    pub standing: Standing,
}

/// A row that Braze refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose row it is.
    pub address: Address,
    /// Who.
    pub key: Key,
    /// Amplitude's own number of the person, where it is known.
    pub amplitude_id: Option<i64>,
    /// What was to be done.
    pub verb: Verb,
    /// What was to be there; none of a removal.
    pub value: Option<Text>,
    /// Braze's words.
    pub reason: Text,
    /// When.
    pub at: Millis,
    /// In which run.
    pub run: Text,
}

/// What became of one row that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Braze acknowledged it, at that time.
    Acknowledged(Millis),
    /// Braze refused it; the number names the reason.
    Refused(u32),
    /// It left, or may have left, and no answer was seen; at that time.
    Doubt(Millis),
    /// It certainly never left.
    NotSent,
}

/// A stream of rows whose keys do not ascend: cut, damaged, or never sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rows are not in ascending order of their keys, or one key stands twice")]
pub struct Unsorted;

macro_rules! masked_debug {
    ($($row:ident),*) => {$(
        impl std::fmt::Debug for $row {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($row)).field("key", &self.key).finish_non_exhaustive()
            }
        }
    )*};
}
masked_debug!(Member, Record, Change, Refusal);
