//! `GET /api/2/export` (amplitude.md 6). It must not hold an archive in memory.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use axum::response::Response;
use jiff::ToSpan;

use super::{
    archive::Contents,
    envelope::{authorised, refused, too_many},
    hour::Hour,
    lines::Stock,
};
use crate::sandbox::{
    app::App,
    call::{Call, chunks, hold, respond, text},
    routes::{Routes, get_waiting},
};

/// Where it is.
pub(crate) const PATH: &str = "/api/2/export";
const MOST_HOURS: i64 = 365 * 24;
/// An hour is there two hours after it ended.
const DELAY: i64 = 3;
/// Of a project without cohorts.
const PROJECT: i64 = 153_957;

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add(PATH, get_waiting(export));
}

/// Refuses a request on purpose.
pub(crate) fn refuse(status: u16) -> Response {
    match status {
        401 | 403 => text(403, "Invalid API Key"),
        404 => nothing(),
        429 => too_many("Exceeded rate limit with query of cost 1"),
        _ => refused(
            status,
            "unspecified",
            "Unspecified Error",
            "try again later",
        ),
    }
}

fn nothing() -> Response {
    text(404, "Raw data files were not found.")
}

async fn export(app: Arc<App>, call: Call) -> Response {
    if authorised(&call).is_err() {
        return refuse(403);
    }
    let hour = |name: &str| call.query(name).and_then(Hour::read);
    let (first, last) = match (hour("start"), hour("end")) {
        (Some(first), Some(last)) if (1..=MOST_HOURS).contains(&first.through(last)) => {
            (first, last)
        }
        (Some(_), Some(_)) => return bad("wanted a range of 1 hour to 365 days"),
        _ => return bad("wanted `start` and `end` as YYYYMMDDTHH"),
    };
    let built = tokio::task::spawn_blocking(move || {
        let contents = contents(&app, first, last);
        let bytes: u64 = contents
            .hours
            .iter()
            .flat_map(|(_, both)| both.iter().flatten())
            .map(|stock| stock.bytes)
            .sum();
        if bytes > app.options.export_limit {
            return Err(bad("the data is larger than 4 GB; shorten the range"));
        }
        contents
            .build(&app.world.downloads())
            .map_err(|_| refuse(500))
    });
    match built.await {
        Ok(Ok(Some(file))) => stream(file),
        Ok(Ok(None)) => nothing(),
        Ok(Err(refusal)) => refusal,
        Err(_) => refuse(500),
    }
}

fn bad(details: &str) -> Response {
    refused(400, "invalid_request", "Bad Request", details)
}

/// Finds what there is of a range, as it is now.
fn contents(app: &App, first: Hour, last: Hour) -> Contents {
    let ready = app.now().checked_sub(DELAY.hours()).map(Hour::of);
    let mut hours: BTreeMap<Hour, [Option<Stock>; 2]> = BTreeMap::new();
    let shelf = hold(&app.amplitude.shelf);
    let ingested = hold(&app.amplitude.ingested);
    let exported = shelf.events().map(|lines| lines.between(first, last));
    for (hour, stock) in exported.into_iter().flatten() {
        hours.entry(hour).or_default()[0] = Some(stock.clone());
    }
    for (hour, stock) in ingested.between(first, last) {
        hours.entry(hour).or_default()[1] = Some(stock.clone());
    }
    hours.retain(|hour, _| ready.as_ref().is_ok_and(|ready| hour <= ready));
    let project = shelf.cohorts().find_map(|cohort| cohort["appId"].as_i64());
    Contents {
        project: project.unwrap_or(PROJECT),
        exported: shelf.events().map(super::lines::Lines::source),
        ingested: ingested.source(),
        hours: hours.into_iter().collect(),
    }
}

fn stream(file: File) -> Response {
    let file = tokio::fs::File::from_std(file);
    respond(200, "application/zip", chunks(file))
}
