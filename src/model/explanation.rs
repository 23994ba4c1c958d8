//! What is known of one person, sync by sync, and what the next plan does about them. It holds values, since they are
//! asked for, and no id.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Address, Presence};

/// Version of an explanation's JSON.
pub const EXPLANATION_VERSION: &str = "1.0";

/// One person through every sync.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// `1.0`.
    pub format_version: &'static str,
    /// Name of the workspace.
    pub workspace: String,
    /// The environment, if any.
    pub environment: Option<String>,
    /// When it was made.
    pub at: Timestamp,
    /// Whether the person is in any cohort as it was last read, or in any row.
    pub known: bool,
    /// By what the person was found: `external_id`, `alias LABEL`, `device_id`.
    pub identifiers: Vec<String>,
    /// Whether a run was cut or is still going; what it sent is counted in.
    pub cut: bool,
    /// The syncs, and what the state remembers of others.
    pub syncs: Vec<SyncExplained>,
    /// What Braze answered, where it was asked.
    pub braze: Option<Vec<Profile>>,
    /// Why Braze did not answer, where it was asked and did not.
    pub unanswered: Option<String>,
    /// What is wrong with the question, or keeps a plan from being made.
    pub problems: Vec<String>,
}

/// One person in one sync.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SyncExplained {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// Where it writes to.
    pub target: String,
    /// How the person fares in it.
    pub fate: Fate,
    /// Why nothing of it moves, whoever it is about.
    pub rest: Option<Rest>,
    /// Why it cannot be planned now, if it cannot.
    pub problem: Option<String>,
    /// Its cohort, then those that it excludes.
    pub sources: Vec<Audience>,
    /// Rows of the person, one an identifier.
    pub rows: Vec<RowExplained>,
    /// Of a log: the person's events that are parked. Those that were sent are not remembered by whom they are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedOf>,
}

impl SyncExplained {
    /// Returns whether its rows are in Amplitude: those of a static cohort.
    pub fn is_in_amplitude(&self) -> bool {
        self.address.as_str().starts_with("cohort.")
    }
}

/// Events of a person whose answer never came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ParkedOf {
    /// Events that wait for a decision.
    pub undecided: u64,
    /// Events that are released: the next apply sends them, once.
    pub released: u64,
}

/// Whether the person is in a cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audience {
    /// Amplitude's id of it.
    pub cohort: String,
    /// Its name.
    pub name: String,
    /// Whether its people are left out.
    pub excludes: bool,
    /// Whether the person is in it.
    pub holds: Holds,
    /// When it was read last.
    pub read_at: Option<Timestamp>,
    /// When what was read had been computed.
    pub computed_at: Option<Timestamp>,
    /// Whether it was computed anew since then.
    pub moved: bool,
}

/// Whether a cohort holds a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It does, but by no identifier that the sync names people by.
    Unnamed,
    /// Nothing that was read of it is kept.
    Unread,
}

/// One row of a person in a sync.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowExplained {
    /// What names the person: `external_id`, `alias LABEL`, `device_id`.
    pub identifier: String,
    /// How it fares.
    pub fate: Fate,
    /// What Braze should hold; none where no row is wanted.
    pub wanted: Option<Value>,
    /// Attributes without a value that Braze could hold, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unfit: BTreeMap<String, String>,
    /// What was sent last; none where nothing is recorded.
    pub sent: Option<Sent>,
    /// How Braze refused it, where the row is set aside.
    pub refused: Option<Refused>,
    /// What the next plan does with it.
    pub next: Next,
    /// What Braze holds of it, where it was asked.
    pub braze: Option<Held>,
}

/// What was sent last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sent {
    /// The value.
    pub value: Value,
    /// Other values that may be there, in doubt only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maybe: Vec<Value>,
    /// When.
    pub at: Timestamp,
    /// By which run; none of what was found in Braze before a first apply.
    pub run: Option<String>,
    /// When that began, where the state remembers it.
    pub run_at: Option<Timestamp>,
    /// How much is known of it.
    pub presence: Presence,
    /// When it was last read back.
    pub checked_at: Option<Timestamp>,
    /// Whether it was ever confirmed.
    pub confirmed_once: bool,
}

/// A row that Braze refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// What was to be there; none of a removal.
    pub value: Option<Value>,
    /// Braze's words, without the person.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// In which run.
    pub run: String,
    /// Whether it waits; else it is tried again, or nobody wants it any more.
    pub waits: bool,
    /// Until when it waits, if nothing about it changes.
    pub until: Option<Timestamp>,
}

/// What the next plan does with a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// What.
    pub does: Does,
    /// Attribute by attribute; nothing of a membership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Move>,
    /// Whether it waits until the person's row under another identifier is out.
    pub later: bool,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Nothing.
    Nothing,
    /// It is added, or sent again.
    Add,
    /// It becomes another value.
    Change,
    /// It is taken out.
    Remove,
    /// Nobody can tell: the sync cannot be planned.
    Unknown,
}

/// What becomes of one attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// Its name.
    pub attribute: String,
    /// What was recorded of it.
    pub before: Option<Value>,
    /// What it is to be; none where it is cleared.
    pub after: Option<Value>,
}

/// How a person fares in a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Read back, and as it was sent.
    Confirmed,
    /// Acknowledged, and not read back yet.
    Sent,
    /// Found in Braze before a first apply, as it should be.
    Found,
    /// Wanted, and never sent.
    New,
    /// There with another value than is wanted now.
    Changes,
    /// There, and wanted no more.
    Leaves,
    /// Wanted no more, and its values stay.
    Kept,
    /// Refused by Braze.
    Refused,
    /// Sent, and the answer was never seen.
    Doubt,
    /// Read back, and not as it was sent.
    Differs,
    /// Braze does not know the person.
    Absent,
    /// Braze knew the person once and no longer does.
    Gone,
    /// In the audience, and without any value to be sent.
    Empty,
    /// In an excluded cohort.
    Excluded,
    /// In the cohort, without an identifier that the sync takes.
    Unnamed,
    /// In no cohort of it.
    Outside,
    /// In the audience, and Amplitude has no profile of that id.
    NoProfile,
    /// In the audience, and the profile cannot be read.
    UnreadableProfile,
    /// In the audience, and the profile was not read yet.
    UnreadProfile,
    /// Nothing that was read of its cohort is kept.
    Unread,
    /// It is a log: of whom the events were that it sent is not remembered.
    Log,
}

/// Why nothing of a sync moves, or all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// It is paused.
    Paused,
    /// It moves once, and has.
    Once,
    /// It is to be removed, and its rows are taken out.
    Removed,
    /// It is to be removed, and its rows stay in Braze.
    LeftInBraze,
    /// Its block is gone without a word, and a plan refuses that.
    Vanished,
    /// It is a target that a sync left; why it waits.
    Waits(String),
}

impl Rest {
    /// Returns whether no row of it moves; of what is refused nobody can tell.
    pub fn is_still(&self) -> bool {
        !matches!(self, Self::Removed | Self::Vanished)
    }
}

/// What Braze holds of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Whether there is a profile; none where Braze was not asked by such an identifier.
    pub profile: Option<bool>,
    /// Whether what is there is what was sent last; none where nothing was, or where no profile tells it.
    pub agrees: Option<bool>,
    /// Attributes of the sync that are there.
    pub attributes: Map<String, Value>,
}

/// A profile that Braze was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// By what: `external_id`, `alias LABEL`.
    pub identifier: String,
    /// Whether it is there.
    pub found: bool,
    /// What it holds of the attributes that the syncs write.
    pub attributes: Map<String, Value>,
}
