//! Wire shapes of Amplitude, private to this room. Members that nothing reads are left out; all but ids are optional.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

#[derive(Deserialize)]
pub(super) struct CohortList {
    pub(super) cohorts: Vec<CohortItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CohortItem {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) app_id: Option<u64>,
    #[serde(default)]
    pub(super) archived: Option<bool>,
    #[serde(default)]
    pub(super) size: Option<u64>,
    #[serde(default)]
    pub(super) last_computed: Option<i64>,
    #[serde(default)]
    pub(super) definition: Value,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// Only of projects that are told of them.
    #[serde(default)]
    pub(super) sync_metadata: Option<Vec<SyncItem>>,
}

/// A sync that Amplitude runs. Its `params` may name people, and are not read.
#[derive(Deserialize)]
pub(super) struct SyncItem {
    #[serde(default)]
    pub(super) target: String,
    #[serde(default)]
    pub(super) frequency: String,
    #[serde(default)]
    pub(super) last_successful: Option<String>,
    #[serde(default)]
    pub(super) last_failure: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Requested {
    pub(super) request_id: String,
    #[serde(default)]
    pub(super) cohort_id: Option<String>,
}

/// A profile; what was not asked is null.
#[derive(Deserialize)]
pub(super) struct Profile {
    #[serde(rename = "userData")]
    pub(super) data: ProfileData,
}

#[derive(Deserialize)]
pub(super) struct ProfileData {
    /// As they are written: a long number keeps its digits.
    #[serde(default)]
    pub(super) amp_props: Option<BTreeMap<String, Box<RawValue>>>,
    #[serde(default)]
    pub(super) recommendations: Option<Vec<RecommendedItem>>,
}

#[derive(Deserialize)]
pub(super) struct RecommendedItem {
    #[serde(default)]
    pub(super) rec_id: Option<Value>,
    #[serde(default)]
    pub(super) child_rec_id: Option<Value>,
    #[serde(default)]
    pub(super) items: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) is_control: Option<bool>,
    #[serde(default)]
    pub(super) last_updated: Option<f64>,
}

/// Returns the words of a flat error, `{"error": "…"}`; nothing where the body is anything else.
pub(super) fn flat_error(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Flat {
        error: String,
    }
    serde_json::from_slice(body).map_or_else(|_| String::new(), |flat: Flat| flat.error)
}

/// Finds the words of an error: an envelope, a flat body, or plain text.
pub(super) fn error_text(body: &[u8]) -> String {
    let plain = || String::from_utf8_lossy(body).into_owned();
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return plain();
    };
    let candidates = [
        &body["error"]["metadata"]["details"],
        &body["error"]["message"],
        &body["error"],
        &body["message"],
    ];
    candidates
        .into_iter()
        .find_map(Value::as_str)
        .map_or_else(plain, str::to_owned)
}
