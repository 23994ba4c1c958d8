//! `POST /users/export/ids` (braze.md 11). It must not change anything.

use axum::response::Response;
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

use super::{
    gate::{Key, Needs, pass, refused},
    happenings::written,
    objects::Who,
    people::People,
    rates::Area,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, post},
};

const NEEDS: Needs = Needs {
    key: Key::Bearer("users.export.ids"),
    area: Area::Export,
    body: true,
};
/// External ids and aliases of one request, together.
const MOST: usize = 50;
/// `created_from` is listed for segment exports only.
const FIELDS: [&str; 33] = [
    "apps",
    "attributed_campaign",
    "attributed_source",
    "attributed_adgroup",
    "attributed_ad",
    "braze_id",
    "campaigns_received",
    "canvases_received",
    "cards_clicked",
    "country",
    "created_at",
    "custom_attributes",
    "custom_events",
    "devices",
    "dob",
    "email",
    "email_subscribe",
    "external_id",
    "first_name",
    "gender",
    "home_city",
    "language",
    "last_coordinates",
    "last_name",
    "phone",
    "purchases",
    "push_subscribe",
    "push_tokens",
    "random_bucket",
    "time_zone",
    "total_revenue",
    "uninstalled_at",
    "user_aliases",
];

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/users/export/ids", post(export));
}

fn export(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |body| answer(app, body))
}

fn answer(app: &App, body: &Value) -> Response {
    let fields = match fields(body) {
        Ok(fields) => fields,
        Err(message) => return refused(400, &message),
    };
    let asked = match asked(body) {
        Ok(asked) => asked,
        Err(message) => return refused(400, message),
    };
    let now = app.now();
    let store = hold(&app.braze.store);
    let (mut users, mut invalid) = (Vec::new(), Vec::new());
    let mut shown = Vec::new();
    for who in asked {
        let found = found(&store.people, &who, now);
        if found.is_empty() {
            invalid.push(named(&who));
        }
        for (profile, mut user) in found {
            // A profile asked for twice is one profile.
            if !shown.contains(&profile) {
                shown.push(profile);
                trim(&mut user, &fields, now);
                users.push(Value::Object(user));
            }
        }
    }
    drop(store);
    let mut answer = json!({"message": "success", "users": users});
    if !invalid.is_empty() {
        answer["invalid_user_ids"] = json!(invalid);
    }
    reply(201, &answer)
}

/// Reads the fields wanted; every one where none are named, as older contracts may. The texts are assumed.
pub(super) fn fields(body: &Value) -> Result<Vec<&'static str>, String> {
    let listed = match &body["fields_to_export"] {
        Value::Null => return Ok(FIELDS.to_vec()),
        Value::Array(listed) => listed,
        _ => return Err("'fields_to_export' must be an array of strings".to_owned()),
    };
    let known = |field: &Value| FIELDS.into_iter().find(|known| field == known);
    let unknown = |field: &Value| format!("'{field}' is not a valid value of 'fields_to_export'");
    listed
        .iter()
        .map(|field| known(field).ok_or_else(|| unknown(field)))
        .collect()
}

fn asked(body: &Value) -> Result<Vec<Who<'_>>, &'static str> {
    let items = |name: &str| body[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (ids, aliases) = (items("external_ids"), items("user_aliases"));
    if ids.len() + aliases.len() > MOST {
        return Err("The max number of external_ids and aliases per request was exceeded");
    }
    let mut asked: Vec<Who<'_>> = ids
        .iter()
        .filter_map(Value::as_str)
        .map(Who::External)
        .collect();
    asked.extend(aliases.iter().filter_map(|alias| {
        let (name, label) = (
            alias["alias_name"].as_str()?,
            alias["alias_label"].as_str()?,
        );
        Some(Who::Alias { name, label })
    }));
    let text = |name: &str| body[name].as_str();
    let single = [
        text("device_id").map(Who::Device),
        text("braze_id").map(Who::Braze),
        text("email_address").map(Who::Email),
        text("phone").map(Who::Phone),
    ];
    asked.extend(single.into_iter().flatten());
    if asked.is_empty() {
        return Err("At least one user identifier is required");
    }
    Ok(asked)
}

/// Looks as exports see it: a shared email or device has several people, a write within the lag none.
fn found(people: &People, who: &Who<'_>, now: Timestamp) -> Vec<(u32, Map<String, Value>)> {
    let all = people.all(who);
    all.filter_map(|profile| Some((profile, people.seen(profile, now)?)))
        .collect()
}

fn named(who: &Who<'_>) -> Value {
    match who {
        Who::Alias { name, label } => json!({"alias_name": name, "alias_label": label}),
        Who::External(id) | Who::Braze(id) | Who::Email(id) | Who::Phone(id) | Who::Device(id) => {
            json!(id)
        }
    }
}

/// Leaves of a profile what was asked for.
pub(super) fn trim(user: &mut Map<String, Value>, fields: &[&str], now: Timestamp) {
    user.retain(|name, _| fields.contains(&name.as_str()));
    // Only what happened in the last 90 days is listed; `first` and `count` cover all time.
    let since = now
        .checked_sub((90 * 24).hours())
        .map(written)
        .unwrap_or_default();
    for list in ["custom_events", "purchases"] {
        if let Some(Value::Array(items)) = user.get_mut(list) {
            items.retain(|item| {
                item["last"]
                    .as_str()
                    .is_none_or(|last| last >= since.as_str())
            });
            if items.is_empty() {
                user.shift_remove(list);
            }
        }
    }
}
