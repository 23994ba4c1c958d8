//! The endpoints of destinations (amplitude.md 14): listed, made, read, changed, tried. It must not say what a destination is.

use axum::{http::header, response::Response, routing::MethodRouter};
use serde_json::{Map, Value, json};

use super::{
    catalogue,
    changes::{diff, merged},
    destination::{changed, complete, shown, tried, type_of, wrong},
    gate::{Scope, enter},
    pages::Page,
    problem::{Problem, answer},
    shape,
};
use crate::sandbox::{
    amplitude::shelf::Shelf,
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, get, patch, post},
};

const FILTERS: [&str; 4] = ["q", "partner", "enabled", "kind"];

type Outcome = Result<Response, Problem>;

/// Lists the endpoints.
pub(super) fn routes(to: &mut Routes) {
    let all: MethodRouter<_> = get(|app, call| answer(list(app, call)));
    let all = all.merge(post(|app, call| answer(create(app, call))));
    to.add("/v1/projects/{project}/destinations", all);
    let one: MethodRouter<_> = get(|app, call| answer(read(app, call)));
    let one = one.merge(patch(|app, call| answer(update(app, call))));
    to.add("/v1/projects/{project}/destinations/{id}", one);
    let test = post(|app, call| answer(test(app, call)));
    to.add("/v1/projects/{project}/destinations/{id}/test", test);
}

/// Checks who asks, and for which project.
fn admit(shelf: &Shelf, call: &Call, scope: Scope) -> Result<(), Problem> {
    enter(call, scope)?;
    if shelf.projects().contains(&call.param("project").to_owned()) {
        return Ok(());
    }
    Err(Problem::missing("There is no such project."))
}

/// Finds the destination a path names.
fn find<'a>(shelf: &'a Shelf, call: &Call) -> Result<&'a Map<String, Value>, Problem> {
    let is = |destination: &&Map<String, Value>, name: &str, value: &str| {
        destination.get(name).is_some_and(|known| known == value)
    };
    let mut all = shelf.register().destinations.iter();
    let found = all.find(|known| {
        is(known, "id", call.param("id")) && is(known, "project_id", call.param("project"))
    });
    found.ok_or_else(|| Problem::missing("There is no such destination."))
}

fn list(app: &App, call: &Call) -> Outcome {
    let shelf = hold(&app.amplitude.shelf);
    admit(&shelf, call, Scope::Read)?;
    let enabled = switch(call, "enabled")?;
    if call
        .query("kind")
        .is_some_and(|kind| !catalogue::KINDS.contains(&kind))
    {
        return Err(Problem::field("kind", "is no connector kind"));
    }
    let page = Page::asked(call, &FILTERS)?;
    let text = |known: &Map<String, Value>, name: &str| {
        known
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = |known: &&Map<String, Value>| {
        let words = call.query("q").map(str::to_lowercase);
        let named = text(known, "display_name").to_lowercase();
        text(known, "project_id") == call.param("project")
            && words.is_none_or(|words| named.contains(&words))
            && call
                .query("partner")
                .is_none_or(|partner| text(known, "partner") == partner)
            && call
                .query("kind")
                .is_none_or(|kind| shape::kinds_of(known).contains(&kind))
            && enabled.is_none_or(|enabled| known.get("enabled") == Some(&json!(enabled)))
    };
    let all: Vec<&Map<String, Value>> = shelf
        .register()
        .destinations
        .iter()
        .filter(wanted)
        .collect();
    Ok(page.of(&all, |known| shown(known)))
}

fn switch(call: &Call, name: &str) -> Result<Option<bool>, Problem> {
    match call.query(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Problem::field(name, "must be true or false")),
    }
}

fn body(call: &Call, new: bool) -> Result<Map<String, Value>, Problem> {
    let Some(Value::Object(body)) = call.json() else {
        return Err(Problem::new(
            400,
            "invalid_request",
            "The body is not a JSON object.",
        ));
    };
    shape::body(&body, new)?;
    Ok(body)
}

fn create(app: &App, call: &Call) -> Outcome {
    let mut shelf = hold(&app.amplitude.shelf);
    admit(&shelf, call, Scope::Write)?;
    let dry = switch(call, "dry_run")?.unwrap_or(false);
    let mut given = body(call, true)?;
    let partner = given
        .get("partner")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let of = catalogue::find(partner)
        .ok_or_else(|| unfit("partner", "is no partner of the catalogue"))?;
    if !given.contains_key("kind") {
        given.insert("kind".to_owned(), only_kind(&of)?);
    }
    let id = shelf.register().next_id();
    let mut made = complete(&given, &id, call.param("project"), app.now());
    if !shape::streams(&made) {
        made.insert(
            "send_events".to_owned(),
            given.get("send_events").cloned().unwrap_or_default(),
        );
        made.insert(
            "send_users".to_owned(),
            given.get("send_users").cloned().unwrap_or_default(),
        );
    }
    shape::fits(&made, &of)?;
    tried(&mut made);
    if dry {
        let again = shelf.register().destinations.iter();
        let again = again.filter(|known| known.get("display_name") == made.get("display_name"));
        let warning = (again.count() > 0).then_some("Another destination has this display_name.");
        return Ok(planned(
            &made,
            "create",
            &diff(&Map::new(), &made, &of),
            warning,
        ));
    }
    let data = shown(&made);
    kept(shelf.register_mut(|register| register.add(made)))?;
    Ok(reply(201, &json!({"data": data})))
}

/// Returns the kind of a partner that has one family alone.
fn only_kind(of: &Value) -> Result<Value, Problem> {
    let types = of["types"].as_array().cloned().unwrap_or_default();
    if types.len() == 1 {
        return Ok(json!(types));
    }
    Err(unfit("kind", "is required: the partner has several"))
}

fn unfit(field: &str, message: &str) -> Problem {
    let mut errors = super::problem::Errors::default();
    errors.add(field, "not_in_schema", message);
    let refused = errors.into_result(422, "not_in_schema");
    refused
        .err()
        .unwrap_or_else(|| Problem::missing("Nothing is wrong."))
}

fn read(app: &App, call: &Call) -> Outcome {
    let shelf = hold(&app.amplitude.shelf);
    admit(&shelf, call, Scope::Read)?;
    Ok(reply(200, &json!({"data": shown(find(&shelf, call)?)})))
}

fn update(app: &App, call: &Call) -> Outcome {
    let mut shelf = hold(&app.amplitude.shelf);
    admit(&shelf, call, Scope::Write)?;
    let dry = switch(call, "dry_run")?.unwrap_or(false);
    let before = find(&shelf, call)?.clone();
    if let Some(version) = call.header(&header::IF_MATCH) {
        let version: u64 = version
            .parse()
            .map_err(|_| Problem::field("If-Match", "must be a version"))?;
        if before.get("version") != Some(&json!(version)) {
            let detail = "The destination has another version.";
            return Err(Problem::new(412, "precondition_failed", detail));
        }
    }
    let named = body(call, false)?;
    let mut after = merged(&before, &named);
    if shape::streams(&before) != shape::streams(&after) {
        return Err(unfit("kind", "cannot become a kind of another family"));
    }
    let of = type_of(&before);
    shape::fits(&after, &of)?;
    let difference = diff(&before, &after, &of);
    if difference.is_empty() && !dry {
        return Ok(reply(200, &json!({"data": shown(&before)})));
    }
    if !difference.is_empty() {
        changed(&mut after, app.now());
        tried(&mut after);
    }
    if dry {
        let action = if difference.is_empty() {
            "noop"
        } else {
            "update"
        };
        return Ok(planned(&after, action, &difference, None));
    }
    let data = shown(&after);
    kept(shelf.register_mut(|register| register.set(after)))?;
    Ok(reply(200, &json!({"data": data})))
}

fn planned(
    destination: &Map<String, Value>,
    action: &str,
    diff: &Map<String, Value>,
    warning: Option<&str>,
) -> Response {
    let warnings: Vec<&str> = warning.into_iter().collect();
    let plan = json!({"action": action, "dry_run": true, "diff": diff, "warnings": warnings});
    reply(200, &json!({"data": shown(destination), "plan": plan}))
}

fn kept<T, E>(written: Result<T, E>) -> Result<T, Problem> {
    written.map_err(|_| Problem::new(500, "internal_error", "The world cannot be written."))
}

/// Only streams can be tried. The partner takes any secret that does not contain `wrong`.
fn test(app: &App, call: &Call) -> Outcome {
    let shelf = hold(&app.amplitude.shelf);
    admit(&shelf, call, Scope::Write)?;
    let destination = find(&shelf, call)?;
    if !shape::streams(destination) {
        let detail = "Only event streaming destinations can be tested.";
        return Err(Problem::new(400, "unsupported_destination_kind", detail));
    }
    let ok = !wrong(destination);
    let events = destination
        .get("event_filter")
        .map(|filter| filter["events"][0].clone());
    let event = events
        .filter(Value::is_string)
        .unwrap_or_else(|| json!("Test Event"));
    let detail = if ok {
        "The partner answered 201."
    } else {
        "The partner answered 401: Invalid API Key."
    };
    let payload = json!({"event_type": event, "user_id": "test-user", "event_properties": {}});
    let data = json!({"ok": ok, "detail": detail, "example_payload": payload});
    Ok(reply(200, &json!({"data": data})))
}
