//! `GET /segments/data_series` (braze.md 13.3). It must not remember a size: of days that a segment says nothing of, the size
//! now stands in.

use std::sync::Arc;

use axum::{extract::State, response::Response, routing};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    audience::filter_of,
    census::{block, meant},
    gate::{Key, Needs, pass, refused},
    rates::Area,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::Routes,
};

const NEEDS: Needs = Needs {
    key: Key::Bearer("segments.data_series"),
    area: Area::Rest,
    body: false,
};
/// Days of one request.
const MOST: i64 = 100;

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/segments/data_series", routing::get(series));
}

/// On a thread of its own: two million people are counted for seconds.
async fn series(State(app): State<Arc<App>>, call: Call) -> Response {
    let counted = tokio::task::spawn_blocking(move || {
        pass(&app, &call, &NEEDS, |_| {
            answer(&app, &call).unwrap_or_else(|problem| refused(400, problem))
        })
    });
    counted
        .await
        .unwrap_or_else(|_| refused(500, "Internal Server Error"))
}

/// The texts of the refusals are assumed.
fn answer(app: &App, call: &Call) -> Result<Response, &'static str> {
    let now = app.now();
    let segment = hold(&app.braze.store).segment(call.query("segment_id"));
    let segment = segment.ok_or("Invalid segment_id")?;
    let length = call.query("length").and_then(|text| text.parse().ok());
    let length = length
        .filter(|length| (1..=MOST).contains(length))
        .ok_or("'length' must be an integer between 1 and 100")?;
    let ending = match call.query("ending_at") {
        None => Some(day_of(now)),
        Some(text) => day(text),
    };
    let ending = ending.ok_or("'ending_at' must be a valid ISO 8601 date")?;
    // "Analytics tracking may have to be enabled" (braze.md 13.3): here it has to.
    if segment["analytics_tracking_enabled"] == false {
        return Ok(reply(200, &json!({"message": "success", "data": []})));
    }
    let size = size(app, &segment, now);
    let mut data = Vec::new();
    for ago in (0..length).rev() {
        let Ok(day) = ending.checked_sub(ago.days()) else {
            continue;
        };
        let said = segment["sizes"][day.to_string()].as_u64();
        data.push(json!({"time": day.to_string(), "size": said.unwrap_or(size)}));
    }
    Ok(reply(200, &json!({"message": "success", "data": data})))
}

/// Counts whom a segment means now. One without a filter means nobody.
fn size(app: &App, segment: &Value, now: Timestamp) -> u64 {
    let members = segment.as_object();
    let filter = members.and_then(|members| filter_of(members).ok().flatten());
    let Some(filter) = filter else {
        return 0;
    };
    let count = |number| {
        block(app, number, |store, range| {
            meant(store, &filter, range, now).count()
        })
    };
    (0..).map_while(count).sum::<usize>() as u64
}

/// A time with its zone, a time without one (in UTC), or a day.
fn day(text: &str) -> Option<Date> {
    let time = text.parse::<Timestamp>().ok().map(day_of);
    time.or_else(|| text.parse().ok())
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
