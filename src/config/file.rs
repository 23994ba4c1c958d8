//! The top level of a file as people write it; the schema's descriptions are these comments.
//! Only words: nothing is merged, filled or checked here.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Billing, Freeze, Moved, Region, Removed, Settings, StateSettings};
use crate::model::{Guards, Span};

/// Syncform: one workspace of Amplitude and Braze, described. The `*.yaml` files of a directory are one configuration.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "only its schema is used: a file is read as a tree, with its places"
)]
pub struct File {
    /// Version of this language; in each file.
    #[schemars(extend("const" = 1))]
    pub version: u8,
    /// Name of the workspace: one Amplitude project with one Braze workspace.
    #[schemars(default, length(min = 1))]
    pub workspace: Option<String>,
    /// The Amplitude project.
    #[schemars(default)]
    pub amplitude: Option<AmplitudeBlock>,
    /// The Braze workspace.
    #[schemars(default)]
    pub braze: Option<BrazeBlock>,
    /// Where the state is kept.
    #[schemars(default)]
    pub state: Option<StateSettings>,
    /// Bounds past which an apply refuses, for every sync.
    #[schemars(default)]
    pub guards: Option<Guards>,
    /// What every sync says unless it says otherwise.
    #[schemars(default)]
    pub defaults: Option<Settings>,
    /// Overlays of this configuration, by name; each has its own state. Maps merge, lists and scalars replace, null removes.
    #[schemars(default)]
    pub environments: Option<Entries>,
    /// What is moved, by Syncform or by Amplitude itself, by name.
    #[schemars(default)]
    pub syncs: Option<Entries>,
    /// Segments in Braze, by name: looked at, or computed here from cohorts.
    #[schemars(default)]
    pub segments: Option<Entries>,
    /// Static cohorts in Amplitude, by name: filled from a file or from a segment of Braze.
    #[schemars(default)]
    pub cohorts: Option<Entries>,
    /// Amplitude's own accounts for other services, by name, through its Developer API.
    #[schemars(default)]
    pub destinations: Option<Entries>,
    /// Other names: the state follows, and nothing moves.
    #[schemars(default)]
    pub moved: Option<Vec<Moved>>,
    /// What goes, though it was applied, and what becomes of it.
    #[schemars(default)]
    pub removed: Option<Vec<Removed>>,
    /// Windows in which nothing runs.
    #[schemars(default)]
    pub freeze: Option<Vec<Freeze>>,
    /// How long a saved plan may be applied. Default 14d.
    #[schemars(default, extend("default" = "14d"))]
    pub plan_ttl: Option<Span>,
}

/// A map by name. `kinds` puts the schema of its entries here.
type Entries = std::collections::BTreeMap<String, Value>;

/// The Amplitude project and how to reach it.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AmplitudeBlock {
    /// Data residency; selects every host. Default us.
    #[schemars(extend("default" = "us"))]
    pub region: Option<Region>,
    /// One base URL instead of the region's hosts.
    #[schemars(extend("examples" = ["https://amplitude.example.com"]))]
    pub endpoint: Option<String>,
    /// API key of the project, from a variable.
    #[schemars(extend("examples" = ["${AMPLITUDE_API_KEY}"]))]
    pub api_key: Option<String>,
    /// Secret key of the project, from a variable.
    #[schemars(extend("examples" = ["${AMPLITUDE_SECRET_KEY}"]))]
    pub secret_key: Option<String>,
    /// Numeric id of the project; for static cohorts and destinations.
    pub project_id: Option<u64>,
    /// Token of the Developer API, from a variable; for destinations.
    #[schemars(extend("examples" = ["${AMPLITUDE_PAT:-}"]))]
    pub developer_token: Option<String>,
    /// Cohort downloads a month, where the usage endpoint does not tell. Default 500.
    #[schemars(extend("default" = 500))]
    pub monthly_downloads: Option<u64>,
    /// Share of every documented rate to use; the rest is for others. Default 50%.
    #[schemars(extend("default" = "50%"))]
    pub use_at_most: Option<Share>,
}

/// What an editor offers for `instance`: all of them.
fn instances() -> Value {
    let one = |name: &str| json!({"label": name, "body": name, "description": format!("The Braze instance {name}.")});
    super::instance::names().map(one).collect()
}

/// The Braze workspace and how to reach it.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrazeBlock {
    /// The instance, as the dashboard names it.
    #[schemars(extend("examples" = ["US-01", "EU-01"], "defaultSnippets" = instances()))]
    pub instance: Option<String>,
    /// REST base URL, instead of `instance`.
    #[schemars(extend("examples" = ["https://rest.iad-01.braze.com"]))]
    pub endpoint: Option<String>,
    /// REST API key, from a variable.
    #[schemars(extend("examples" = ["${BRAZE_API_KEY}"]))]
    pub api_key: Option<String>,
    /// App identifier; needed by event streams.
    pub app_id: Option<String>,
    /// What a plan prices. Default data_points.
    #[schemars(extend("default" = "data_points"))]
    pub billing: Option<Billing>,
    /// Objects of one `/users/track` request. Default 75.
    #[schemars(range(min = 1, max = 75), extend("default" = 75))]
    pub objects_per_request: Option<usize>,
    /// Share of every documented rate to use; the rest is for others. Default 50%.
    #[schemars(extend("default" = "50%"))]
    pub use_at_most: Option<Share>,
    /// Partner cohort import; only for holders of a partner key of their own.
    pub cohort_import: Option<CohortImportBlock>,
}

/// Keys of the partner cohort endpoints.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CohortImportBlock {
    /// Name of the partner, as Braze gave it.
    #[schemars(length(min = 1))]
    pub partner: String,
    /// Data import key of the workspace, from a variable.
    #[serde(default)]
    #[schemars(extend("examples" = ["${BRAZE_DATA_IMPORT_KEY}"]))]
    pub data_import_key: Option<String>,
    /// Key of the partner, from a variable.
    #[serde(default)]
    #[schemars(extend("examples" = ["${BRAZE_PARTNER_API_KEY}"]))]
    pub partner_api_key: Option<String>,
}

/// A share from 1% to 100%.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend(
    "pattern" = "^(100(\\.0+)?|[1-9][0-9]?(\\.[0-9]+)?)%$",
    "examples" = ["50%", "100%"],
    "patternErrorMessage" = "A share from 1% to 100%, such as 50%."
))]
pub struct Share(pub String);

impl Share {
    /// Returns the number before the percent sign.
    pub fn percent(&self) -> Option<f64> {
        self.0.strip_suffix('%')?.parse().ok()
    }
}
