//! `POST /api/3/cohorts/upload` (amplitude.md 4.7, 18). It must not make people.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{
    envelope::{missing, refused, refused_about},
    roll::Change,
    shelf::Shelf,
    statics::{MOST_IDS, Outcome, STATIC, bad, broken, find, ids, nobody, store},
};
use crate::sandbox::{
    app::App,
    call::{hold, reply},
};

/// Ids shown of those that mean nobody.
const SAMPLE: usize = 10;

/// What a body says, checked.
struct Wanted<'a> {
    name: &'a str,
    project: i64,
    owner: &'a str,
    published: bool,
    by_amplitude_id: bool,
    ids: Vec<&'a str>,
    replaces: Option<&'a str>,
}

/// Makes a static cohort, or replaces the members of one.
pub(super) fn upload(app: &App, body: &Value) -> Outcome {
    let wanted = wanted(body)?;
    let skips = switch(body, "skip_invalid_ids", true)?;
    let only_checks = switch(body, "skip_save", false)?;
    let mut shelf = hold(&app.amplitude.shelf);
    if !shelf.projects().contains(&wanted.project.to_string()) {
        let details = "the key is of another project than app_id";
        return Err(refused(403, "forbidden", "Forbidden", details));
    }
    let before = replaced(&shelf, wanted.replaces)?;
    let found = find(app, &shelf, &wanted.ids, wanted.by_amplitude_id)?;
    let sample: Vec<&String> = found.unknown.iter().take(SAMPLE).collect();
    if found.members.is_empty() || (!skips && !found.unknown.is_empty()) {
        let message = nobody(&found);
        return Err(refused_about(
            400,
            message,
            &json!({"details": message, "invalid_ids_sample": sample}),
        ));
    }
    let (matched, mut change) = (found.members.len(), Change::new(false));
    for member in found.members {
        change.say(member, true);
    }
    let metadata =
        json!({"matched": matched, "totals": change.len(), "invalid_ids_sample": sample});
    if only_checks {
        return Ok(reply(200, &json!({"metadata": metadata})));
    }
    let cohort = before.unwrap_or_else(|| made(&mut shelf, &wanted));
    let id = cohort["id"].as_str().unwrap_or_default().to_owned();
    let cohort = store(app, &mut shelf, cohort, &mut change).map_err(|_| broken())?;
    let mut by_id = Map::new();
    by_id.insert(id.clone(), shown(cohort));
    let body = json!({"cohortId": id, "cohortsById": by_id, "metadata": metadata});
    Ok(reply(200, &body))
}

fn wanted(body: &Value) -> Result<Wanted<'_>, Response> {
    let text = |name: &str| {
        let text = body[name].as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| bad(&format!("wanted `{name}`, a text")))
    };
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let ids = ids(&body["ids"]).ok_or_else(|| bad("wanted `ids`, an array of texts"))?;
    if ids.is_empty() {
        return Err(bad("ids is empty"));
    }
    if ids.len() > MOST_IDS {
        return Err(bad("more than 100000 ids"));
    }
    if !body["cg"].is_null() && body["cg"] != "User" {
        return Err(bad("no such group type"));
    }
    Ok(Wanted {
        name: text("name")?,
        project: number(&body["app_id"]).ok_or_else(|| bad("wanted `app_id`, a number"))?,
        owner: Some(text("owner")?)
            .filter(|owner| owner.contains('@'))
            .ok_or_else(|| bad("wanted `owner`, a login e-mail"))?,
        published: body["published"]
            .as_bool()
            .ok_or_else(|| bad("wanted `published`, true or false"))?,
        by_amplitude_id: match text("id_type")? {
            "BY_AMP_ID" => true,
            "BY_USER_ID" => false,
            _ => return Err(bad("id_type is BY_AMP_ID or BY_USER_ID")),
        },
        ids,
        replaces: match &body["existing_cohort_id"] {
            Value::Null => None,
            Value::String(id) => Some(id),
            _ => return Err(bad("existing_cohort_id is no text")),
        },
    })
}

/// Reads a switch that may be absent.
pub(super) fn switch(body: &Value, name: &str, otherwise: bool) -> Result<bool, Response> {
    match &body[name] {
        Value::Null => Ok(otherwise),
        Value::Bool(on) => Ok(*on),
        _ => Err(bad(&format!("{name} is true or false"))),
    }
}

fn replaced(shelf: &Shelf, id: Option<&str>) -> Result<Option<Value>, Response> {
    id.map(|id| cohort(shelf, id)).transpose()
}

/// Finds a static cohort, listed or not.
pub(super) fn cohort(shelf: &Shelf, id: &str) -> Result<Value, Response> {
    let (cohort, _) = shelf.find(id).ok_or_else(|| missing("no such cohort"))?;
    if cohort["type"] != STATIC {
        return Err(bad("only a static cohort can be changed"));
    }
    Ok(cohort.clone())
}

fn made(shelf: &mut Shelf, wanted: &Wanted<'_>) -> Value {
    let definition = json!({
        "version": 3, "countGroup": "User", "cohortType": "UNIQUES", "andClauses": [],
        "referenceFrameTimeParams": {},
    });
    json!({
        "appId": wanted.project, "archived": false, "definition": definition, "description": null, "finished": true,
        "id": shelf.cohort_id(), "name": wanted.name, "owners": [wanted.owner], "viewers": [],
        "published": wanted.published, "size": 0, "type": STATIC, "lastMod": null, "createdAt": null,
        "lastComputed": null, "hidden": false, "metadata": null, "view_count": null, "popularity": null,
        "last_viewed": null, "chart_id": null, "edit_id": null, "is_predictive": false,
        "is_official_content": false, "location_id": null, "shortcut_ids": [],
    })
}

/// As the answer was recorded: without what the list adds.
fn shown(mut cohort: Value) -> Value {
    if let Some(cohort) = cohort.as_object_mut() {
        for name in ["viewers", "syncMetadata"] {
            cohort.shift_remove(name);
        }
    }
    cohort
}
