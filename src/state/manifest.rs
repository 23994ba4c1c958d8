//! The manifest: everything the state knows but rows. Small JSON, swapped whole; rows are in blobs it names.
//! It holds no secret and no person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ledger::LedgerCounts;
use crate::model::{Address, Cursor, Millis, SeenAccount};

/// Format of the file.
pub const FORMAT: &str = "syncform-state/1";

/// The state of one workspace in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `syncform-state/1`.
    pub format: String,
    /// Random; another lineage is another state.
    pub lineage: String,
    /// Grows with each commit.
    pub serial: u64,
    /// Name of the workspace.
    pub workspace: String,
    /// The environment, if any.
    pub environment: Option<String>,
    /// Which services it is about.
    pub target: Target,
    /// What was applied.
    pub resources: BTreeMap<Address, Entry>,
    /// Lanes by name.
    pub lanes: BTreeMap<String, LaneEntry>,
    /// A run that has begun to send and not yet committed.
    pub pending: Option<Pending>,
    /// Past runs, newest last.
    pub runs: Vec<RunEntry>,
    /// Saved plans that were applied, and are not again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied_plans: Vec<AppliedPlan>,
}

/// Which services a state is about. Another target is an error until `state rebind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Braze's REST endpoint.
    pub braze: String,
    /// Keyed fingerprint of the Braze key; empty until Braze took something with it.
    pub braze_key: String,
    /// The partner that cohorts are imported for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Keyed fingerprint of the data import key that cohorts were last imported with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_key: Option<String>,
    /// The oldest segment of the workspace: proof that a rotated key opens the same one.
    #[serde(default)]
    pub oldest_segment: Option<String>,
    /// Amplitude's host.
    pub amplitude: String,
    /// Amplitude's project, once a cohort told it.
    pub project: Option<u64>,
}

/// What is remembered of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its kind.
    pub kind: String,
    /// Its configuration as applied; no secrets.
    pub config: Value,
    /// Digest of the whole entry of the YAML, what has no effect in Braze included, as it was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The cohort it was pinned to.
    pub cohort: Option<CohortPin>,
    /// The cohorts whose people are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<CohortPin>,
    /// What Braze shows, pinned.
    pub label: Option<String>,
    /// Labels before, while rows may still hold them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_labels: BTreeSet<String>,
    /// Attributes that its rows hold values of; those no longer declared too, until every row is rid of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub attributes: BTreeSet<String>,
    /// What removal does in Braze: `empty` or `keep`.
    pub on_destroy: String,
    /// Whether removal takes two commits.
    pub protect: bool,
    /// Blob of the ledger; none before anything was acknowledged.
    pub ledger: Option<String>,
    /// Data points of sending everything it asks for, when it was last compared; absent where that is a row each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_push: Option<u64>,
    /// Rows of the ledger.
    pub counts: LedgerCounts,
    /// What the ledger fulfils, rows set aside left out; none while something is missing or in doubt.
    pub fulfilled: Option<Fulfilled>,
    /// The most rows and the largest source of late.
    pub peaks: Vec<Peak>,
    /// Removals done under an override, by the override.
    pub removals_used: BTreeMap<String, u64>,
    /// Rows set aside after a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<SetAside>,
    /// The name that Braze last acknowledged for it, of an imported cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// Milliseconds between dependent writes, as applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_ms: Option<u64>,
    /// Of a target that was left: the resource that wrote it and writes another one now. Emptied by the next apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_by: Option<Address>,
    /// How far a log was read and sent; none of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Box<LogEntry>>,
    /// What was found of something that others run, when it was last applied; none of what is moved here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Value>,
    /// Which account of Amplitude it is; none of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Box<DestinationEntry>>,
    /// Which cohort of Amplitude it fills; none of all but static cohorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<Box<Uploaded>>,
    /// Since when it creates people, where it did not from the first: what was sent before created nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates_since: Option<Millis>,
    /// When it was last applied.
    pub applied_at: Timestamp,
    /// The run that did.
    pub run: String,
}

/// Which account of Amplitude a destination is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationEntry {
    /// Amplitude's id of it; none while nobody has seen it: its creation was begun and the answer is not known, or it was to
    /// be made by hand. The next plan that sees accounts finds it by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Keyed fingerprints of its secrets as they were last sent, by parameter: they are never read back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Fingerprints of the secrets that somebody was last told to set by hand; none where an apply did all there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<BTreeMap<String, String>>,
    /// A test of it that has yet to succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestDue>,
    /// What else it was like when it was last applied.
    #[serde(default)]
    pub seen: SeenAccount,
}

/// A test of an account that has yet to succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestDue {
    /// None was made since it was last written.
    NotYet,
    /// The last one failed, in its own words; clean.
    Failed(String),
}

impl DestinationEntry {
    /// Returns whether its creation was begun, and nobody knows what became of that.
    pub fn is_begun(&self) -> bool {
        self.id.is_none() && self.by_hand.is_none()
    }

    /// Returns the fingerprint of a secret as it was last set, by an apply or, as somebody said, by hand.
    pub fn set(&self, id: &str) -> Option<&String> {
        let by_hand = self.by_hand.iter().find_map(|secrets| secrets.get(id));
        by_hand.or_else(|| self.secrets.get(id))
    }
}

/// Which cohort of Amplitude a static cohort is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// Amplitude's id of it; none where an upload was begun and nobody knows yet what it made. The next plan finds that by
    /// its name.
    pub id: Option<String>,
    /// Its name there, when that was last what the configuration says.
    pub name: String,
    /// Whether the list shows it. One that it never shows is not gone.
    #[serde(default = "listed", skip_serializing_if = "is_listed")]
    pub published: bool,
}

const fn listed() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
const fn is_listed(published: &bool) -> bool {
    *published
}

/// What is remembered of a log sync instead of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// How far it was read, and all of it sent.
    pub cursor: Cursor,
    /// Ids of events that are not sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Events whose answer never came, until somebody decides what becomes of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedEvents>,
    /// Events acknowledged in all.
    pub acknowledged: u64,
    /// Events that may be double in Braze, since they were sent again after an answer was lost.
    #[serde(default)]
    pub maybe_double: u64,
    /// Whether a batch whose answer was lost is sent again; else it is parked.
    #[serde(default)]
    pub sent_again: bool,
}

/// Events that are not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Blob of their ids.
    pub blob: String,
    /// How many there are.
    pub events: u64,
}

/// Events whose answer never came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEvents {
    /// Blob of the events.
    pub blob: String,
    /// How many there are, released ones too.
    pub events: u64,
    /// In how many batches.
    pub batches: u64,
    /// Of these events, those that somebody released: the next apply sends them, once.
    pub released: u64,
    /// When the first batch left, or may have.
    pub oldest: Millis,
}

/// Rows that Braze refused, and that are not sent again as they are for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Blob of the rows.
    pub blob: String,
    /// How many there are.
    pub rows: u64,
    /// When the first of them was refused.
    pub oldest: Millis,
}

/// The cohort a sync follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortPin {
    /// Amplitude's id.
    pub id: String,
    /// Its name when it was last applied.
    pub name: String,
    /// What the YAML called it.
    pub written: Value,
    /// Digest of its canonical definition then; absent in states of older releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// Which sources, under which configuration, the ledger is the answer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilled {
    /// Digest of what the configuration asks for.
    pub desired: String,
    /// The cohorts read, the sync's own first.
    pub sources: Vec<SourceStamp>,
}

/// One reading of a cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStamp {
    /// Amplitude's id.
    pub cohort: String,
    /// `lastComputed` of what was read, in seconds.
    pub computed: Option<i64>,
    /// When it was read.
    pub read_at: Millis,
    /// People with a usable identifier.
    pub rows: u64,
}

/// How many there were at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// From then on.
    pub at: Millis,
    /// Rows recorded, doubt included.
    pub rows: u64,
    /// Rows of the source, before anybody was excluded.
    pub source: u64,
    /// Rows of the excluded cohorts, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub excluded: BTreeMap<String, u64>,
}

/// What is remembered of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneEntry {
    /// When something was last sent.
    pub last_send: Millis,
}

/// A run between its first byte and its commit. Its journal tells what became of the deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The run; names the journal.
    pub run: String,
    /// Digest of its plan.
    pub plan: String,
    /// Keyed fingerprint of the Braze key it sends with.
    pub braze_key: String,
    /// The partner, if cohorts are imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Keyed fingerprint of the data import key, if cohorts are imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_key: Option<String>,
    /// Who ran what.
    pub command: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Passes in the journal's order.
    pub passes: Vec<PendingPass>,
    /// What the resources of the run become if all of it is acknowledged; none where one goes.
    pub becoming: BTreeMap<Address, Option<Entry>>,
}

/// One pass of a pending run: objects of a lane that do not wait for each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingPass {
    /// Name of the lane.
    pub lane: String,
    /// Its deltas in the order of the merge.
    pub parts: Vec<PendingPart>,
}

/// One delta of a pending run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingPart {
    /// Whose it is.
    pub address: Address,
    /// Blob of the delta.
    pub delta: String,
}

/// A past run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was committed.
    pub finished_at: Timestamp,
    /// What was called.
    pub command: String,
    /// Digest of its plan.
    pub plan: String,
    /// `done`, `partial`, `recovered`.
    pub outcome: String,
    /// Blob of the rows that Braze refused in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A saved plan that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPlan {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
}

impl Entry {
    /// Begins the entry of a resource that was never applied and has no rows.
    pub fn begun(kind: &str, config: Value, applied_at: Timestamp) -> Self {
        Self {
            kind: kind.to_owned(),
            config,
            written: None,
            cohort: None,
            excluded: vec![],
            label: None,
            former_labels: BTreeSet::new(),
            attributes: BTreeSet::new(),
            on_destroy: "keep".to_owned(),
            protect: false,
            ledger: None,
            full_push: None,
            counts: LedgerCounts::default(),
            fulfilled: None,
            peaks: vec![],
            removals_used: BTreeMap::new(),
            set_aside: None,
            named: None,
            settle_ms: None,
            left_by: None,
            log: None,
            observed: None,
            destination: None,
            uploaded: None,
            creates_since: None,
            applied_at,
            run: String::new(),
        }
    }
}

impl Manifest {
    /// Makes the manifest of a state in which nothing was applied.
    pub fn new(
        lineage: String,
        workspace: String,
        environment: Option<String>,
        target: Target,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            lineage,
            serial: 0,
            workspace,
            environment,
            target,
            resources: BTreeMap::new(),
            lanes: BTreeMap::new(),
            pending: None,
            runs: vec![],
            applied_plans: vec![],
        }
    }

    /// Puts entries in their places; none takes one away.
    pub fn become_settled(&mut self, entries: BTreeMap<Address, Option<Entry>>) {
        for (address, entry) in entries {
            match entry {
                Some(entry) => self.resources.insert(address, entry),
                None => self.resources.remove(&address),
            };
        }
    }

    /// Returns the names of all blobs it needs.
    pub fn blobs(&self) -> impl Iterator<Item = &str> {
        let pending = self.pending.iter();
        let passes = pending.clone().flat_map(|pending| &pending.passes);
        let deltas = passes.flat_map(|pass| &pass.parts).map(|part| &part.delta);
        let coming = pending.flat_map(|pending| pending.becoming.values());
        let entries = self.resources.values().chain(coming.flatten());
        let rows = entries.flat_map(|entry| {
            let aside = entry.set_aside.as_ref().map(|aside| &aside.blob);
            let log = entry.log.as_ref();
            let seen = log.and_then(|log| Some(&log.seen.as_ref()?.blob));
            let parked = log.and_then(|log| Some(&log.parked.as_ref()?.blob));
            entry.ledger.iter().chain(aside).chain(seen).chain(parked)
        });
        let refused = self.runs.iter().filter_map(|run| run.refused.as_ref());
        rows.chain(deltas).chain(refused).map(String::as_str)
    }
}
