//! `POST /api/3/cohorts/membership` (amplitude.md 4.8, 18). It must not make people, or touch a cohort that is computed.

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    envelope::refused_about,
    known::Found,
    roll::Change,
    statics::{MOST_IDS, Outcome, bad, broken, find, ids, nobody, store},
    upload::{cohort, switch},
};
use crate::sandbox::{
    app::App,
    call::{hold, reply},
};

/// Ids to add or to remove.
struct Entry<'a> {
    ids: Vec<&'a str>,
    id_type: &'a str,
    operation: &'a str,
}

/// Adds and removes, in the order of the request: what comes last of a person counts.
pub(super) fn change(app: &App, body: &Value) -> Outcome {
    let id = body["cohort_id"]
        .as_str()
        .ok_or_else(|| bad("wanted `cohort_id`, a text"))?;
    let entries = entries(body)?;
    let skips = switch(body, "skip_invalid_ids", true)?;
    let mut shelf = hold(&app.amplitude.shelf);
    let cohort = cohort(&shelf, id)?;
    if !body["count_group"].is_null() && body["count_group"] != "User" {
        return Err(bad("count_group is another than the cohort's"));
    }
    let (mut all, mut results, mut change) = (Found::default(), Vec::new(), Change::new(true));
    for entry in &entries {
        let found = find(app, &shelf, &entry.ids, entry.id_type == "BY_ID")?;
        results.push(json!({
            "skipped_ids": found.unknown, "id_type": entry.id_type, "operation": entry.operation,
        }));
        all.unknown.extend(found.unknown);
        for member in found.members {
            all.members.push(member.clone());
            change.say(member, entry.operation == "ADD");
        }
    }
    let told = json!({"cohort_id": id, "memberships_result": results});
    if all.members.is_empty() || (!skips && !all.unknown.is_empty()) {
        return Err(refused_about(400, nobody(&all), &told));
    }
    store(app, &mut shelf, cohort, &mut change).map_err(|_| broken())?;
    Ok(reply(200, &told))
}

fn entries(body: &Value) -> Result<Vec<Entry<'_>>, Response> {
    let all = body["memberships"].as_array().filter(|all| !all.is_empty());
    let mut entries = Vec::new();
    for entry in all.ok_or_else(|| bad("wanted `memberships`, an array"))? {
        let ids = ids(&entry["ids"]).filter(|ids| !ids.is_empty());
        let of = |name: &str, known: [&str; 2]| {
            let value = entry[name].as_str().filter(|value| known.contains(value));
            value.ok_or_else(|| bad(&format!("{name} is {} or {}", known[0], known[1])))
        };
        entries.push(Entry {
            ids: ids.ok_or_else(|| bad("wanted `ids`, an array of at least one text"))?,
            id_type: of("id_type", ["BY_ID", "BY_NAME"])?,
            operation: of("operation", ["ADD", "REMOVE"])?,
        });
    }
    if entries.iter().map(|entry| entry.ids.len()).sum::<usize>() > MOST_IDS {
        return Err(bad("more than 100000 ids"));
    }
    Ok(entries)
}
