//! `GET /api/2/event-streaming/delivery-metrics-summary` (amplitude.md 9). It must not measure anything: the figures are set
//! by a scenario or by hand.

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    envelope::{authorised, refused, too_many},
    hour::written,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    options::Limits,
    routes::{Routes, get},
};

/// Where it is.
pub(crate) const PATH: &str = "/api/2/event-streaming/delivery-metrics-summary";

/// Periods up to now, in minutes.
const PERIODS: [(&str, i64); 6] = [
    ("TEN_MINUTES", 10),
    ("ONE_HOUR", 60),
    ("FOUR_HOURS", 240),
    ("ONE_DAY", 24 * 60),
    ("ONE_WEEK", 7 * 24 * 60),
    ("TWO_WEEKS", 14 * 24 * 60),
];

/// Figures are kept so long.
const DAYS: i64 = 90;

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add(PATH, get(summary));
}

fn summary(app: &App, call: &Call) -> Response {
    told(app, call).unwrap_or_else(|refusal| *refusal)
}

fn told(app: &App, call: &Call) -> Result<Response, Box<Response>> {
    authorised(call)?;
    let now = app.now();
    if app.options.limits == Limits::Real && !hold(&app.amplitude.measured).take(now) {
        return Err(Box::new(too_many(
            "Exceeded rate limit with query of cost 1",
        )));
    }
    let bad = |details: &str| Box::new(refused(400, "invalid_request", "Bad Request", details));
    let sync = call
        .query("sync_id")
        .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let sync = sync.ok_or_else(|| bad("wanted `sync_id`, a number"))?;
    let period = call.query("time_period").unwrap_or_default();
    let (start, end) = span(call, period, now).ok_or_else(|| {
        bad("wanted `time_period`, and with CUSTOM a `start` before an `end` in ISO 8601 with a zone")
    })?;
    let shelf = hold(&app.amplitude.shelf);
    let Some(figures) = shelf
        .register()
        .deliveries
        .get(sync)
        .and_then(Value::as_object)
    else {
        let refusal = refused(
            403,
            "forbidden",
            "Forbidden",
            "the sync is none of this project",
        );
        return Err(Box::new(refusal));
    };
    if start
        < now
            .checked_sub(SignedDuration::from_hours(DAYS * 24))
            .unwrap_or(now)
    {
        let details = "no figures are kept of that time";
        return Err(Box::new(refused(
            500,
            "unspecified",
            "Internal Server Error",
            details,
        )));
    }
    Ok(reply(200, &shown(figures, period, start, end)))
}

fn span(call: &Call, period: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    if period == "CUSTOM" {
        let time = |name: &str| call.query(name)?.parse::<Timestamp>().ok();
        return Some((time("start")?, time("end")?)).filter(|(start, end)| start < end);
    }
    let (_, minutes) = PERIODS.iter().find(|(name, _)| *name == period)?;
    Some((
        now.checked_sub(SignedDuration::from_mins(*minutes)).ok()?,
        now,
    ))
}

/// What is not set follows from what is; of nothing at all nothing failed.
fn shown(figures: &Map<String, Value>, period: &str, start: Timestamp, end: Timestamp) -> Value {
    let count = |name: &str| {
        figures
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let (delivered, lost) = (count("eventsDelivered"), count("eventsNotDelivered"));
    let rate = if delivered + lost == 0 {
        1.0
    } else {
        delivered as f64 / (delivered + lost) as f64
    };
    let or = |name: &str, other: Value| figures.get(name).cloned().unwrap_or(other);
    let retried = count("successAfterRetry");
    json!({
        "timePeriod": period, "eventsDelivered": delivered, "eventsNotDelivered": lost,
        "deliveryRate": or("deliveryRate", json!(rate)), "latencyInSeconds": or("latencyInSeconds", json!(0.0)),
        "timePeriodStart": written(start), "timePeriodEnd": written(end),
        "successOnFirstAttempt": or("successOnFirstAttempt", json!(delivered.saturating_sub(retried))),
        "successAfterRetry": retried, "eventsExpired": or("eventsExpired", json!(lost)),
        "eventsDiscarded": count("eventsDiscarded"),
    })
}
