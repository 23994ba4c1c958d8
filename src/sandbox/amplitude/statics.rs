//! Static cohorts: what upload and membership have in common (amplitude.md 4.7, 4.8, 18). It must not read their bodies
//! further than to the cohort they are about.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    sync::{Arc, Mutex},
};

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    envelope::{authorised, refused, too_many},
    known::{Found, by_number},
    membership,
    roll::{Change, Member, edit},
    shelf::Shelf,
    upload,
};
use crate::sandbox::{
    Error,
    app::App,
    call::{Call, hold, json as read},
    routes::{Routes, post_waiting},
};

/// Where cohorts are uploaded.
const UPLOAD: &str = "/api/3/cohorts/upload";
/// Where they are changed.
const MEMBERSHIP: &str = "/api/3/cohorts/membership";
/// Identifiers of a request (amplitude.md 2).
pub(super) const MOST_IDS: usize = 100_000;
/// What `type` says of a cohort that nobody computes.
pub(super) const STATIC: &str = "manual_upload";
/// People who left, written down at once.
const BATCH: usize = 4096;

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add(
        UPLOAD,
        post_waiting(|app, call| off_thread(app, call, upload::upload)),
    );
    to.add(
        MEMBERSHIP,
        post_waiting(|app, call| off_thread(app, call, membership::change)),
    );
}

/// An answer that may be a refusal.
pub(super) type Outcome = Result<Response, Response>;

async fn off_thread(app: Arc<App>, call: Call, work: fn(&App, &Value) -> Outcome) -> Response {
    let worked = tokio::task::spawn_blocking(move || {
        authorised(&call).map_err(|refusal| *refusal)?;
        let body = call.json().filter(Value::is_object);
        work(
            &app,
            &body.ok_or_else(|| bad("the body is not a JSON object"))?,
        )
    });
    match worked.await {
        Ok(outcome) => outcome.unwrap_or_else(|refusal| refusal),
        Err(_) => broken(),
    }
}

/// Refuses a request that says what it must not.
pub(super) fn bad(details: &str) -> Response {
    refused(400, "invalid_request", "Bad Request", details)
}

/// Says that the world's files cannot be read or written.
pub(super) fn broken() -> Response {
    let details = "the world cannot be written";
    refused(500, "unspecified", "Internal Server Error", details)
}

/// Static cohorts that requests are working on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<Mutex<HashSet<String>>>);

/// A cohort held by one request, for as long as the request is in the server.
#[derive(Debug)]
pub(crate) struct Place {
    busy: Busy,
    cohort: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        hold(&self.busy.0).remove(&self.cohort);
    }
}

/// Says that another request holds the cohort.
#[derive(Debug)]
pub(crate) struct Taken;

/// Takes the cohort that a write is about: never two at once (amplitude.md 2, 4.8).
pub(crate) fn place(app: &App, path: &str, body: &[u8]) -> Result<Option<Place>, Taken> {
    let name = match path {
        UPLOAD => "existing_cohort_id",
        MEMBERSHIP => "cohort_id",
        _ => return Ok(None),
    };
    let Some(cohort) = read(body).and_then(|body| body[name].as_str().map(str::to_owned)) else {
        return Ok(None);
    };
    let busy = app.amplitude.busy.clone();
    if !hold(&busy.0).insert(cohort.clone()) {
        return Err(Taken);
    }
    Ok(Some(Place { busy, cohort }))
}

/// Refuses a write on a cohort that another has in hand.
pub(crate) fn busy() -> Response {
    too_many("Exceeded concurrent limit: another request is changing this cohort")
}

/// Reads an array of ids; none if it is not one of texts.
pub(super) fn ids(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Says what is wrong with ids.
pub(super) fn nobody(found: &Found) -> &'static str {
    if found.members.is_empty() {
        "no id is an existing user"
    } else {
        "some ids are no existing users"
    }
}

/// Finds whom Amplitude knows: by Amplitude id, or else by user id.
pub(super) fn find(
    app: &App,
    shelf: &Shelf,
    ids: &[&str],
    by_amplitude_id: bool,
) -> Result<Found, Response> {
    let ingested = hold(&app.amplitude.ingested);
    let found = if by_amplitude_id {
        by_number(shelf, &ingested, ids)
    } else {
        hold(&app.amplitude.known).by_user(shelf, &ingested, ids)
    };
    found.map_err(|_| broken())
}

/// Writes a static cohort's file anew and keeps it under the object, which gets its size and times, unless nobody came or
/// left. Who leaves is still known to Amplitude.
pub(super) fn store(
    app: &App,
    shelf: &mut Shelf,
    mut cohort: Value,
    change: &mut Change,
) -> Result<Value, Error> {
    let before = shelf.find(cohort["id"].as_str().unwrap_or_default());
    let before = before.and_then(|(_, file)| file);
    let (now, dir) = (app.now(), app.world.downloads());
    let named = |error: io::Error| Error::file(&dir)(error);
    let (file, path) = tempfile::NamedTempFile::new_in(&dir)
        .map_err(named)?
        .into_parts();
    let old: Box<dyn Read> = match &before {
        Some(stored) => Box::new(File::open(&stored.path).map_err(named)?),
        None => Box::new(io::empty()),
    };
    let mut left = Vec::new();
    let leaves = |number: &str, id: &str| {
        left.push(Member {
            amplitude_id: number.parse().unwrap_or_default(),
            user_id: id.to_owned(),
        });
        if left.len() < BATCH {
            return Ok(());
        }
        shelf
            .name(&std::mem::take(&mut left), now)
            .map_err(io::Error::other)
    };
    let mut out = BufWriter::with_capacity(1 << 17, file);
    let edited = edit(
        BufReader::with_capacity(1 << 17, old),
        change,
        leaves,
        &mut out,
    )
    .map_err(named)?;
    out.flush().map_err(named)?;
    if !edited.changed {
        return Ok(cohort);
    }
    shelf.name(&left, now)?;
    let now = now.as_second();
    // Strictly: two computations in one second are still two.
    let computed = cohort["lastComputed"]
        .as_i64()
        .map_or(now, |before| now.max(before + 1));
    if cohort["createdAt"].is_null() {
        cohort["createdAt"] = json!(computed);
    }
    for name in ["lastComputed", "lastMod"] {
        cohort[name] = json!(computed);
    }
    cohort["size"] = json!(edited.rows);
    let name = shelf.store(cohort.clone(), &path)?;
    hold(&app.amplitude.known).pass(name);
    Ok(cohort)
}
