//! What a configuration says once files are merged, variables filled and the environment laid over it.
//! Plain data that other rooms read; nothing here reads files.

use std::{collections::BTreeMap, path::PathBuf};

use indexmap::IndexMap;
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Address, Diagnostic, Guards, Place, Secret, Span};

/// One workspace in one environment.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Name of the workspace.
    pub workspace: String,
    /// The environment laid over it, where the configuration has any.
    pub environment: Option<String>,
    /// The Amplitude project.
    pub amplitude: Amplitude,
    /// The Braze workspace.
    pub braze: Braze,
    /// Where the state is kept.
    pub state: StateSettings,
    /// Guards of the whole workspace (`max_data_points` of one apply among them).
    pub guards: Guards,
    /// Everything with an address, sorted by it.
    pub resources: IndexMap<Address, Resource>,
    /// What the `config` of destinations says, by destination and parameter. In the entries themselves variables stay as
    /// they are written, so that what they hold is here alone.
    pub parameters: BTreeMap<Address, BTreeMap<String, Parameter>>,
    /// Renames.
    pub moved: Vec<Moved>,
    /// Declared deletions.
    pub removed: Vec<Removed>,
    /// Windows in which nothing runs.
    pub freeze: Vec<Freeze>,
    /// How long a saved plan may be applied; 14 days by default.
    pub plan_ttl: Span,
    /// Where everything outside of the entries stands (`/state/backend`, `/moved/0`).
    pub origin: Origin,
    /// What is worth reading though nothing stops.
    pub warnings: Vec<Diagnostic>,
}

/// A value that only some commands need: absent, or its variable unset, is an error of the command that asks.
#[derive(Clone, Debug)]
pub struct Wanted<T> {
    /// The value, where it could be had.
    pub value: Option<T>,
    /// What to say where it could not: already worded, with its place.
    pub missing: Box<Diagnostic>,
    /// Whether nobody asked for one: it is not written, or what is written is nothing (`${NAME:-}`).
    pub is_left_out: bool,
}

impl<T> Wanted<T> {
    /// Returns the value, or the diagnostic that says which variable or key is missing, and where.
    #[allow(clippy::result_large_err, reason = "asked once a command")]
    pub fn require(&self) -> Result<&T, Diagnostic> {
        self.value.as_ref().ok_or_else(|| (*self.missing).clone())
    }
}

/// A parameter of a destination.
#[derive(Clone, Debug)]
pub enum Parameter {
    /// As it stands in the file.
    Plain(Value),
    /// What variables or files hold. Nobody but Amplitude knows which is secret, so that each is taken for one.
    Filled(Filling),
}

/// A value in which variables or files were filled.
#[derive(Clone, Debug)]
pub struct Filling {
    /// The value, where it could be had: a text, or of lists and maps their JSON.
    pub value: Wanted<Secret>,
    /// Whether the value is JSON.
    pub is_json: bool,
    /// Whether a literal, or a default, stands beside what is filled.
    pub has_literal: bool,
    /// Each text that was filled, to be kept out of what others read.
    pub parts: Vec<Secret>,
}

/// The Amplitude project and how to reach it.
#[derive(Clone, Debug)]
pub struct Amplitude {
    /// `us` or `eu`; selects every host.
    pub region: Region,
    /// One base URL instead of the region's hosts (a proxy, a sandbox).
    pub endpoint: Option<String>,
    /// API key of the project.
    pub api_key: Wanted<Secret>,
    /// Secret key of the project.
    pub secret_key: Wanted<Secret>,
    /// Numeric id of the project; for static cohorts and destinations.
    pub project_id: Option<u64>,
    /// Personal token of the Developer API; for destinations.
    pub developer_token: Wanted<Secret>,
    /// Cohort downloads a month where the usage endpoint does not tell.
    pub monthly_downloads: u64,
    /// Share of every documented rate to use, in percent, 1 to 100. Default 50.
    pub use_at_most: f64,
}

/// Amplitude's data residency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    #[default]
    Us,
    /// European Union.
    Eu,
}

/// The Braze workspace and how to reach it.
#[derive(Clone, Debug)]
pub struct Braze {
    /// REST base URL, from `endpoint` or from `instance`, without a trailing slash.
    pub endpoint: Wanted<String>,
    /// The instance as written (`US-01`), if it was.
    pub instance: Option<String>,
    /// REST key of the workspace.
    pub api_key: Wanted<Secret>,
    /// App identifier; for event streams.
    pub app_id: Option<String>,
    /// What a plan prices.
    pub billing: Billing,
    /// Objects of one `/users/track` request, 1 to 75. Default 75.
    pub objects_per_request: usize,
    /// Share of every documented rate to use, in percent, 1 to 100. Default 50.
    pub use_at_most: f64,
    /// Partner cohort import, for holders of a partner key.
    pub cohort_import: Option<CohortImport>,
}

/// What Braze bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// Each value written.
    #[default]
    DataPoints,
    /// Monthly active users; a plan prices nothing.
    Mau,
}

/// Keys of the partner cohort endpoints.
#[derive(Clone, Debug)]
pub struct CohortImport {
    /// Path segment of the partner.
    pub partner: String,
    /// The customer's data import key.
    pub data_import_key: Wanted<Secret>,
    /// The partner's own key.
    pub partner_api_key: Wanted<Secret>,
}

/// Where the state is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateSettings {
    /// Kind of storage. Default local.
    #[serde(default)]
    pub backend: Backend,
    /// Directory of the local backend, relative to the configuration. Default `.syncform`.
    #[serde(default = "default_state_path")]
    #[schemars(length(min = 1))]
    pub path: PathBuf,
    /// Bucket of a remote backend.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Prefix inside the bucket.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Versions of the manifest kept. Default 30.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1))]
    pub keep: u32,
    /// Allows a local backend where `CI=true`. Default false: it would forget everything.
    #[serde(default)]
    pub allow_local_in_ci: bool,
}

fn default_state_path() -> PathBuf {
    PathBuf::from(".syncform")
}

const fn default_keep() -> u32 {
    30
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            backend: Backend::Local,
            path: default_state_path(),
            bucket: None,
            prefix: None,
            keep: default_keep(),
            allow_local_in_ci: false,
        }
    }
}

/// Kinds of storage for the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// A directory on this machine.
    #[default]
    Local,
    /// S3 and compatible.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// One thing with an address, `defaults` already merged into it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// `sync.NAME`, `segment.NAME`, …
    pub address: Address,
    /// Of a sync its `kind`; of others `segment`, `cohort`, `destination`.
    pub kind: String,
    /// The keys that every sync may say.
    pub settings: Settings,
    /// The whole entry, resolved: variables filled, defaults and environment merged. No secret is in it.
    pub body: Value,
    /// Where the entry and its keys stand.
    pub origin: Origin,
}

/// Places of an entry by JSON pointer inside it (`""`, `/to`, `/to/attribute_flag`).
#[derive(Clone, Debug, Default)]
pub struct Origin(pub IndexMap<String, Place>);

impl Origin {
    /// Returns the place of a pointer, or of the nearest parent that has one.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.0.get(pointer) {
                return Some(place.clone());
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// The keys that any sync takes; `defaults:` sets them for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// How often the sync is due. Default daily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "daily"))]
    pub cadence: Option<Cadence>,
    /// Keeps the sync as it is. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub paused: Option<bool>,
    /// Cohorts whose people are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<Exclusion>>,
    /// Identifiers in order; each row takes the first it has. Default `[external_id]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identify_by: Option<Vec<Identifier>>,
    /// What Braze shows. Default: the cohort's name when the sync was first applied; of a segment with `members` its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether people unknown to Braze are created. The kind says the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_users: Option<bool>,
    /// Whether people Braze once had and no longer has are created again. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub recreate: Option<bool>,
    /// What happens to values when a person leaves the audience. Default keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "keep"))]
    pub on_leave: Option<KeepOrClear>,
    /// What happens where the source has no value. Default keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "keep"))]
    pub on_null: Option<KeepOrClear>,
    /// What happens in Braze when the sync is removed. Default `empty` for memberships, `keep` for values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_destroy: Option<OnDestroy>,
    /// Refuses removal until `protect: false` was applied. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub protect: Option<bool>,
    /// Lifts `max_removals` and `max_shrink` for so many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_removal: Option<AllowRemoval>,
    /// Lets a source that became empty through. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub allow_empty: Option<bool>,
    /// Guards of this sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guards: Option<Guards>,
    /// How old a cohort file may be. Default: the cadence, at least an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// Wait between dependent writes to one lane. Default 15s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "15s"))]
    pub settle: Option<Span>,
    /// How a first apply learns what Braze holds. Default `send` for cohorts, `read` for values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// Budget of confirming reads, or never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
    /// How far apart absent people are asked again. Default daily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "daily"))]
    pub recheck: Option<Span>,
    /// When a refused row is tried again though its value did not change. Default 7d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "7d"))]
    pub retry_refused: Option<Span>,
}

/// How often a sync is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Cadence {
    /// One of the words.
    Word(CadenceWord),
    /// A cron expression in a time zone.
    Cron {
        /// Five fields: minute, hour, day of month, month, day of week.
        #[schemars(extend("format" = "cron", "examples" = ["0 6 * * *"]))]
        cron: String,
        /// IANA name. Default UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("format" = "time-zone", "examples" = ["UTC", "Europe/Berlin"]))]
        time_zone: Option<String>,
    },
}

/// How often a sync is due, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CadenceWord {
    /// Moves once, and never again.
    Once,
    /// Due every hour.
    Hourly,
    /// Due every day.
    Daily,
    /// Due whenever it is called.
    Realtime,
}

/// A cohort by name or by id.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged, deny_unknown_fields)]
pub enum CohortRef {
    /// By name.
    Name(#[schemars(length(min = 1))] String),
    /// By id.
    Id {
        /// Amplitude's id of the cohort.
        #[schemars(length(min = 1))]
        id: String,
    },
}

/// One cohort whose people are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// The cohort.
    pub cohort: CohortRef,
}

/// One way to name a person to Braze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Identifier {
    /// `external_id` or `device_id`.
    Word(IdentifierWord),
    /// A user alias: its label, and where the name comes from.
    Alias {
        /// Label of the alias in Braze.
        #[schemars(length(min = 1))]
        alias: String,
        /// `amplitude_id`, `user_id` or a user property.
        #[schemars(length(min = 1))]
        name: String,
    },
}

/// How a person is named to Braze, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierWord {
    /// The Amplitude user id is Braze's external id.
    ExternalId,
    /// The property `device_id` is a Braze device id.
    DeviceId,
}

/// What happens to a value: keep or clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeepOrClear {
    /// Leaves the value.
    Keep,
    /// Sets null.
    Clear,
}

/// What removal of a sync does in Braze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDestroy {
    /// Takes the rows out.
    Empty,
    /// Leaves them.
    Keep,
}

/// A budget of removals past the guards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowRemoval {
    /// Rows in all.
    pub max: u64,
    /// Why.
    pub reason: String,
    /// Last day on which it holds, to its end in UTC.
    #[schemars(with = "String", extend("format" = "date", "examples" = ["2026-12-01"]))]
    pub until: Date,
}

/// How a first apply learns what Braze holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Seed {
    /// Sends everything, whatever is there.
    Send,
    /// Reads profiles first, and sends what is not there.
    Read,
    /// Takes over whoever is in a segment of Braze, by its name there: they count as sent.
    Segment(String),
}

/// What confirming reads may cost, or never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Confirm {
    /// `never`.
    Word(Never),
    /// A budget a run.
    Budget(ConfirmBudget),
}

/// The word never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Never {
    /// No confirming reads.
    Never,
}

/// What confirming reads may cost a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBudget {
    /// Reads of 50 people. Default 200.
    #[serde(default)]
    #[schemars(extend("default" = 200))]
    pub reads_per_run: Option<u64>,
    /// Seconds. Default 30.
    #[serde(default)]
    #[schemars(extend("default" = 30))]
    pub max_seconds: Option<u64>,
}

/// A rename of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The former address, such as `sync.power-users`.
    pub from: String,
    /// The new address, such as `sync.loyal-users`.
    pub to: String,
}

/// A declared deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// Address of what is deleted, such as `sync.power-users`.
    pub address: String,
    /// What happens in Braze. Default `empty` for memberships, `keep` for values.
    #[serde(default)]
    pub on_destroy: Option<OnDestroy>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A window in which nothing runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its begin.
    #[schemars(with = "String", extend("format" = "date-time", "examples" = ["2026-12-24T00:00:00Z"]))]
    pub from: Timestamp,
    /// Its end.
    #[schemars(with = "String", extend("format" = "date-time", "examples" = ["2026-12-24T00:00:00Z"]))]
    pub until: Timestamp,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}
