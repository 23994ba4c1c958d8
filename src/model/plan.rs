//! The plan: plain data that is drawn, compared, saved and applied. No person and no secret is in it.
//! Its JSON is a promise: within "1.x" fields are only added (`schema/plan.schema.json`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Address;

/// Version of the plan's JSON.
pub const FORMAT_VERSION: &str = "1.0";

/// What stands for a value that nobody may see.
pub const SECRET: &str = "(secret)";

/// What an apply would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `1.0`.
    pub format_version: String,
    /// Name of the workspace.
    pub workspace: String,
    /// The environment, if any.
    pub environment: Option<String>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Whether some resources were left out by a selection.
    pub partial: bool,
    /// The bound under which it may move and still be applied.
    pub bounded: Option<String>,
    /// Semantic digest: configuration, cohorts, effects, guards; not times, serials or presence.
    pub digest: String,
    /// Which state it was made against.
    pub state: StateRef,
    /// What keeps it from being applied.
    pub errors: Vec<Problem>,
    /// What is worth reading.
    pub warnings: Vec<Problem>,
    /// Every selected resource, those with nothing to do too.
    pub resources: Vec<ResourcePlan>,
    /// What runs at the services and no file declares.
    pub unmanaged: Vec<Value>,
    /// What changed outside Syncform.
    pub drift: Vec<Drift>,
    /// Guards of the whole apply.
    pub guards: Vec<GuardResult>,
    /// How many of each.
    pub summary: Summary,
    /// What it costs in all.
    pub cost: TotalCost,
    /// Who of all recorded people is known to be there; absent before anything was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
}

/// A state and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRef {
    /// Its lineage; empty before the first apply.
    pub lineage: String,
    /// Its serial; 0 before the first apply.
    pub serial: u64,
}

/// An error or a warning of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Whose, if one resource's.
    pub address: Option<Address>,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Something that changed outside Syncform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Whose.
    pub address: Address,
    /// What.
    pub path: String,
    /// As it was when last applied.
    pub before: Value,
    /// As it is.
    pub after: Value,
}

/// How many recorded rows were read back from Braze, and what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadBack {
    /// Rows recorded, doubt included.
    pub rows: u64,
    /// Rows read back and equal.
    pub confirmed: u64,
    /// Rows with nobody there.
    pub absent: u64,
    /// Rows not read back yet.
    pub unconfirmed: u64,
    /// Rows in doubt: the answer was never seen, or something else was found.
    pub doubt: u64,
    /// Of those not read back, rows that nobody asks about: by device id, of paused syncs, or under `confirm: never`.
    pub never_asked: u64,
    /// People an apply may ask about.
    pub people_a_run: u64,
    /// Seconds until everybody was asked about once, at most; absent where nobody is.
    pub round_seconds: Option<u64>,
}

/// What is done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was not applied before.
    Create,
    /// Something about it changes.
    Update,
    /// It becomes another thing under the same name.
    Replace,
    /// It goes.
    Delete,
    /// It exists and is taken under management.
    Adopt,
    /// Somebody has to do it by hand.
    Manual,
    /// Nothing to do.
    NoOp,
}

/// One resource of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourcePlan {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// What is done.
    pub action: Action,
    /// From where to where, in a line.
    pub title: String,
    /// What changes in its configuration.
    pub fields: Vec<FieldChange>,
    /// What changes in its rows; absent where no rows were compared.
    pub delta: Option<Delta>,
    /// What is read and sent of a log; absent of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPlan>,
    /// What it costs by itself.
    pub cost: Option<Cost>,
    /// Its guards.
    pub guards: Vec<GuardResult>,
    /// What changes in each attribute; nothing of a membership.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributePlan>,
    /// Steps by hand; a line that begins with spaces belongs to the step before it.
    pub manual: Vec<String>,
    /// Where its rows come from; absent where no source was asked.
    pub source: Option<Source>,
    /// Why there is nothing to do, where that needs a word (`paused`).
    pub note: Option<String>,
    /// What belongs to the note, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

impl ResourcePlan {
    /// Begins what is said of a resource: nothing yet but what is done with it.
    pub fn of(address: &Address, kind: &str, action: Action, title: String) -> Self {
        Self {
            address: address.clone(),
            kind: kind.to_owned(),
            action,
            title,
            fields: vec![],
            delta: None,
            log: None,
            cost: None,
            guards: vec![],
            attributes: vec![],
            manual: vec![],
            source: None,
            note: None,
            lines: vec![],
        }
    }
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Its path.
    pub path: String,
    /// As it was applied.
    pub before: Value,
    /// As it is to be.
    pub after: Value,
}

/// The source of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Amplitude's id of the cohort.
    pub cohort: String,
    /// Its name now.
    pub name: String,
    /// When Amplitude computed it.
    #[schemars(with = "Option<String>")]
    pub computed_at: Option<Timestamp>,
    /// Members it says it has.
    pub size: u64,
}

/// What changes in the rows of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// Rows recorded, without those in doubt.
    pub before: u64,
    /// Rows desired.
    pub after: u64,
    /// Rows that come, those in doubt and desired among them.
    pub add: u64,
    /// Rows whose value changes.
    pub change: u64,
    /// Rows that go.
    pub remove: u64,
    /// Whether these are estimates.
    pub estimated: bool,
    /// Rows of the source left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rows desired by what names their person: `external_id`, `device_id`, `alias LABEL`; empty where none were read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identified: BTreeMap<String, u64>,
    /// Recorded rows read back and equal.
    pub confirmed: u64,
    /// Recorded rows with nobody there.
    pub absent: u64,
    /// Recorded rows not read back.
    pub unconfirmed: u64,
    /// Recorded rows whose answer was never seen.
    pub doubt: u64,
    /// Rows among those that come which wait until the same people's rows under another identifier are out.
    #[serde(default)]
    pub later: u64,
    /// Seconds that those wait.
    #[serde(default)]
    pub gap_seconds: u64,
    /// Rows that Braze refused, and that are not sent again as they are for a while.
    #[serde(default)]
    pub set_aside: u64,
    /// Rows that come and may create a person: nobody has asked whether Braze knows them.
    #[serde(default)]
    pub may_create: u64,
    /// People of the audience, those left out aside; 0 of a membership, whose rows they are.
    #[serde(default)]
    pub people: u64,
    /// Rows that stay and lose a value. For the guards they are removals.
    #[serde(default)]
    pub cleared: u64,
    /// Rows of a first apply that Braze holds already as they should be: found, and not sent.
    #[serde(default)]
    pub adopted: u64,
    /// Members of the segment that a first apply begins with: those who are not desired go.
    #[serde(default)]
    pub exported: u64,
    /// People of a first apply whom Braze was asked for.
    #[serde(default)]
    pub asked: u64,
    /// Of those, people whom Braze does not know.
    #[serde(default)]
    pub unknown: u64,
    /// Rows that come, of people whom Braze does not know and nothing of the apply creates: Braze drops them in silence.
    #[serde(default)]
    pub dropped: u64,
    /// People of a first apply whom nobody asked for, though what Braze holds was read.
    #[serde(default)]
    pub unasked: u64,
    /// People whose values were not read: the figures are estimates from those that were.
    #[serde(default)]
    pub unread: u64,
}

impl Delta {
    /// Returns whether any row is to be sent.
    pub fn is_empty(&self) -> bool {
        self.add + self.change + self.remove == 0
    }
}

/// What is read of a log, and what becomes of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPlan {
    /// Hours of the Export API that are read.
    pub hours: u64,
    /// Files that are read.
    #[serde(default)]
    pub files: u64,
    /// First and last hour of each range that is read, as `20261122T05`.
    #[serde(default)]
    pub ranges: Vec<[String; 2]>,
    /// Events in what is read.
    pub found: u64,
    /// Events that are sent, released ones among them.
    pub sent: u64,
    /// Events that nobody asked for.
    pub filtered: u64,
    /// Events that were asked for and cannot be sent, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Properties of events in what is read that cannot be sent, and are left out, by reason.
    #[serde(default)]
    pub trimmed: BTreeMap<String, u64>,
    /// Events whose answer never came, and that wait for a decision.
    pub parked: u64,
    /// Batches that those were in.
    #[serde(default)]
    pub parked_batches: u64,
    /// Events among those sent that were parked, and that somebody released.
    #[serde(default)]
    pub released: u64,
    /// Events that were sent before, or may have been: an hour is read twice.
    #[serde(default)]
    pub sent_before: u64,
    /// Of the events sent, purchases.
    #[serde(default)]
    pub purchases: u64,
    /// People whose events are sent; past a million, a million.
    #[serde(default)]
    pub people: u64,
    /// Whether people whom Braze does not know are created.
    #[serde(default)]
    pub creates_people: bool,
    /// When the first of the events sent happened.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// When the last of the events sent happened.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Requests that send them.
    #[serde(default)]
    pub requests: u64,
    /// Seconds that sending them takes at the allowed pace, rounded up.
    #[serde(default)]
    pub seconds: u64,
    /// Events sent in the past that may be double, since an answer was lost and they were sent again.
    #[serde(default)]
    pub maybe_double: u64,
}

/// What changes in one attribute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributePlan {
    /// Its name in Braze.
    pub name: String,
    /// People who get it, or may have it and get it again.
    pub added: u64,
    /// People for whom it becomes another.
    pub changed: u64,
    /// People from whom it is taken.
    pub cleared: u64,
    /// Data points of these.
    pub data_points: u64,
    /// Data points of sending it to everybody who has a value.
    pub full_push_data_points: u64,
    /// People of a first apply who have it already.
    #[serde(default)]
    pub adopted: u64,
    /// People on whose profile another value was found before a first apply, which this one takes the place of.
    #[serde(default)]
    pub overwritten: u64,
    /// People whose value Braze could not hold, by reason; they keep what they have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, u64>,
    /// The most frequent changes, where values repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<Transition>,
}

/// A change that several people share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// What it was.
    pub before: Value,
    /// What it becomes.
    pub after: Value,
    /// For how many.
    pub count: u64,
}

impl AttributePlan {
    /// Begins what is known of an attribute.
    pub fn named(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Returns whether anything of it is sent.
    pub fn is_empty(&self) -> bool {
        self.added + self.changed + self.cleared == 0
    }
}

/// What a resource costs by itself, before merging with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Data points of its rows.
    pub data_points: u64,
    /// Data points of sending every desired row.
    pub full_push_data_points: u64,
    /// People it would create: those asked for whom Braze does not know.
    pub new_users: u64,
}

/// What an apply costs in all, after merging everything for one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotalCost {
    /// Data points.
    pub data_points: u64,
    /// Data points of sending every desired row.
    pub full_push_data_points: u64,
    /// Requests that write.
    pub requests: u64,
    /// People with any change: objects sent.
    pub people: u64,
    /// People who would be created: those asked for whom Braze does not know, each once.
    #[serde(default)]
    pub new_users: u64,
    /// Cohort downloads this plan spent.
    pub downloads: u64,
    /// Downloads a month that the project has, where it is known.
    pub downloads_limit: Option<u64>,
    /// Downloads of the month spent, this plan's included, where it is known.
    pub downloads_used: Option<u64>,
    /// Seconds that sending takes at the allowed pace, rounded up.
    pub seconds: u64,
    /// Profiles of Amplitude that this plan read.
    #[serde(default)]
    pub profiles: u64,
    /// Profiles that an apply has yet to read.
    #[serde(default)]
    pub profiles_left: u64,
    /// Seconds that reading those takes at the allowed pace, rounded up.
    #[serde(default)]
    pub profiles_seconds: u64,
}

/// A guard and what it found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardResult {
    /// Its name.
    pub name: String,
    /// Its limit as written.
    pub limit: String,
    /// What was found.
    pub value: String,
    /// Whether it lets the apply through.
    pub ok: bool,
    /// What refuses, in words; or which override let it through.
    #[serde(default)]
    pub message: Option<String>,
    /// What to paste into the YAML to allow it.
    #[serde(default)]
    pub paste: Option<String>,
}

/// How many resources of each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// See `Action`.
    pub create: u64,
    /// See `Action`.
    pub update: u64,
    /// See `Action`.
    pub replace: u64,
    /// See `Action`.
    pub delete: u64,
    /// See `Action`.
    pub adopt: u64,
    /// See `Action`.
    pub manual: u64,
    /// See `Action`.
    pub no_op: u64,
}

impl Summary {
    /// Counts one resource.
    pub fn count(&mut self, action: Action) {
        let slot = match action {
            Action::Create => &mut self.create,
            Action::Update => &mut self.update,
            Action::Replace => &mut self.replace,
            Action::Delete => &mut self.delete,
            Action::Adopt => &mut self.adopt,
            Action::Manual => &mut self.manual,
            Action::NoOp => &mut self.no_op,
        };
        *slot += 1;
    }

    /// Returns whether anything is to be done, by hand included.
    pub fn changes(&self) -> bool {
        self.create + self.update + self.replace + self.delete + self.adopt + self.manual > 0
    }
}

impl ResourcePlan {
    /// Returns whether its rows are in Amplitude: it is a static cohort.
    pub fn is_in_amplitude(&self) -> bool {
        self.address.as_str().starts_with("cohort.")
    }
}

impl Plan {
    /// Returns the guards that refuse, each with its resource if it has one.
    pub fn refusals(&self) -> impl Iterator<Item = (Option<&Address>, &GuardResult)> {
        let resources = self.resources.iter();
        let own = resources.flat_map(|resource| {
            resource
                .guards
                .iter()
                .map(|guard| (Some(&resource.address), guard))
        });
        own.chain(self.guards.iter().map(|guard| (None, guard)))
            .filter(|(_, guard)| !guard.ok)
    }
}
