//! `GET /api/3/cohorts` and `/api/3/cohorts/usage` (amplitude.md 4.2, 4.3). It must not change anything.

use axum::response::Response;
use serde_json::{Value, json};

use super::envelope::authorised;
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, get},
};

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/api/3/cohorts", get(list));
    to.add("/api/3/cohorts/usage", get(usage));
}

/// Only discoverable cohorts; archived and hidden ones are for the client to leave out.
fn list(app: &App, call: &Call) -> Response {
    if let Err(refusal) = authorised(call) {
        return *refusal;
    }
    let with_syncs = call.query("includeSyncInfo") == Some("true");
    // An undocumented filter that one of Amplitude's own libraries sends.
    let only: Option<Vec<&str>> = call.query("cohortIds").map(|ids| ids.split(',').collect());
    let shelf = hold(&app.amplitude.shelf);
    // An organisation without the feature gets nothing of it, whoever asks (amplitude.md 4.2).
    let with_syncs = with_syncs && shelf.register().sync_info;
    let cohorts: Vec<Value> = shelf
        .cohorts()
        .filter(|cohort| discoverable(cohort))
        .filter(|cohort| {
            let id = cohort["id"].as_str().unwrap_or_default();
            only.as_ref().is_none_or(|ids| ids.contains(&id))
        })
        .map(|cohort| shown(cohort, with_syncs))
        .collect();
    reply(200, &json!({"cohorts": cohorts}))
}

/// Tells whether the API speaks of a cohort at all.
pub(crate) fn discoverable(cohort: &Value) -> bool {
    cohort["published"] == true
}

fn shown(cohort: &Value, with_syncs: bool) -> Value {
    let mut cohort = cohort.clone();
    if let Some(object) = cohort.as_object_mut() {
        if with_syncs {
            object.entry("syncMetadata").or_insert_with(|| json!([]));
        } else {
            object.shift_remove("syncMetadata");
        }
    }
    cohort
}

fn usage(app: &App, call: &Call) -> Response {
    if let Err(refusal) = authorised(call) {
        return *refusal;
    }
    reply(200, &hold(&app.amplitude.quota).shown(app.now()))
}
