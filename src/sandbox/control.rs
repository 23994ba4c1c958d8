//! `/_sandbox/`: for tests and the curious (design 9). It must not be slowed, counted or hit by faults.

mod amplitude;
mod attributes;
mod happened;
mod profiles;
mod segments;
mod users;

use std::{fmt::Write as _, io, path::PathBuf, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
    routing,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{
    Error, Faults,
    amplitude::count_rows,
    app::App,
    braze::Cohort,
    call::{Call, hold, reply, respond, text},
    routes::{Routes, delete, get, post, put},
    stats::Stats,
};

/// Where these endpoints are.
pub(crate) const ROOT: &str = "/_sandbox/";

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/_sandbox/stats", get(stats));
    to.add("/_sandbox/stats/reset", post(reset));
    to.add("/_sandbox/faults", post(faults));
    to.add("/_sandbox/scenario", routing::post(scenario));
    to.add("/_sandbox/braze/events", get(events));
    to.add("/_sandbox/braze/cohorts", get(imported));
    to.add(
        "/_sandbox/braze/cohorts/{id}/members",
        get(imported_members),
    );
    to.add(
        "/_sandbox/amplitude/cohorts/{id}",
        put(cohort).merge(delete(amplitude::remove)),
    );
    to.add(
        "/_sandbox/amplitude/cohorts/{id}/members",
        routing::put(members).merge(routing::get(amplitude::members)),
    );
    amplitude::routes(to);
    attributes::routes(to);
    users::routes(to);
    profiles::routes(to);
    segments::routes(to);
    happened::routes(to);
}

fn stats(app: &App, _: &Call) -> Response {
    let users = hold(&app.braze.store).people.len();
    reply(200, &hold(&app.stats).shown(&app.world.id, users))
}

fn reset(app: &App, _: &Call) -> Response {
    *hold(&app.stats) = Stats::default();
    reply(200, &json!({}))
}

fn faults(app: &App, call: &Call) -> Response {
    let body = call.json().unwrap_or_default();
    let Some(spec) = body["spec"].as_str() else {
        return text(400, "wanted {\"spec\": \"429:0.1\"}\n");
    };
    match spec.parse::<Faults>() {
        Ok(faults) => {
            hold(&app.faults).replace(faults);
            reply(200, &json!({}))
        }
        Err(error) => text(400, format!("{error}\n")),
    }
}

async fn scenario(State(app): State<Arc<App>>, call: Call) -> Response {
    let body = call.json().unwrap_or_default();
    let Some(dir) = body["dir"].as_str().map(PathBuf::from) else {
        return text(400, "wanted {\"dir\": \"a scenario's directory\"}\n");
    };
    let replaced = tokio::task::spawn_blocking(move || {
        let mut shelf = hold(&app.amplitude.shelf);
        shelf.replace(&dir).map(|()| shelf.len())
    });
    match replaced.await {
        Ok(Ok(cohorts)) => reply(200, &json!({"cohorts": cohorts})),
        Ok(Err(error)) => failed(&error),
        Err(_) => text(500, "the scenario could not be loaded\n"),
    }
}

fn failed(error: &Error) -> Response {
    let because = std::error::Error::source(error).map(|source| format!(": {source}"));
    text(400, format!("{error}{}\n", because.unwrap_or_default()))
}

fn events(app: &App, _: &Call) -> Response {
    let store = hold(&app.braze.store);
    let of = |wanted: bool| -> Vec<Value> {
        let kind = store
            .happenings
            .iter()
            .filter(|(purchase, _)| *purchase == wanted);
        kind.filter_map(|(_, line)| line.parse().ok()).collect()
    };
    reply(200, &json!({"events": of(false), "purchases": of(true)}))
}

fn imported(app: &App, _: &Call) -> Response {
    let store = hold(&app.braze.store);
    let shown = |cohort: &Cohort| json!({"id": cohort.id, "name": cohort.name, "size": cohort.members.len()});
    let cohorts: Vec<Value> = store.cohorts.iter().map(shown).collect();
    reply(200, &json!({"cohorts": cohorts}))
}

/// As text, one by one: a value each for two million people would be a gigabyte. `?partner=` says whose, where two
/// partners chose one id.
fn imported_members(app: &App, call: &Call) -> Response {
    let store = hold(&app.braze.store);
    let Some(cohort) = store.cohorts.find(call.param("id"), call.query("partner")) else {
        return text(404, "no such cohort\n");
    };
    let mut body = String::from("{\"members\":[");
    for (place, profile) in cohort.members.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(body, "{comma}{}", store.people.called(profile));
    }
    body.push_str("]}");
    respond(200, "application/json", body)
}

fn cohort(app: &App, call: &Call) -> Response {
    let Some(Value::Object(cohort)) = call.json() else {
        return text(400, "wanted a cohort object\n");
    };
    match hold(&app.amplitude.shelf).put(call.param("id"), &cohort, app.now()) {
        Ok(()) => reply(200, &json!({})),
        Err(error) => failed(&error),
    }
}

async fn members(State(app): State<Arc<App>>, Path(id): Path<String>, body: Body) -> Response {
    let received = receive(&app, body).await;
    let Ok(path) = received else {
        return text(500, "the members could not be received\n");
    };
    let put = tokio::task::spawn_blocking(move || {
        let rows = count_rows(&path).map_err(Error::file(&*path))?;
        let now = app.now();
        let known = hold(&app.amplitude.shelf).put_members(&id, &path, rows, now);
        known.map(|known| known.then_some(rows))
    });
    match put.await {
        Ok(Ok(Some(rows))) => reply(200, &json!({"size": rows})),
        Ok(Ok(None)) => text(404, "no such cohort: put its object first\n"),
        Ok(Err(error)) => failed(&error),
        Err(_) => text(500, "the members could not be stored\n"),
    }
}

/// Writes a body of any size to a file of the world.
async fn receive(app: &App, body: Body) -> io::Result<tempfile::TempPath> {
    let (file, path) = tempfile::NamedTempFile::new_in(app.world.downloads())?.into_parts();
    let mut file = tokio::io::BufWriter::with_capacity(1 << 17, tokio::fs::File::from_std(file));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        file.write_all(&chunk.map_err(io::Error::other)?).await?;
    }
    file.flush().await?;
    Ok(path)
}
