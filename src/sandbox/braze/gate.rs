//! What every Braze endpoint checks first: syntax, content type, key, permission, size, rate (braze.md 3 to 5, 24).
//! It must not look at the objects of a request.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use serde_json::{Value, json};

use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    options::{Contract, Limits},
    windows::{Fixed, Standing},
};

/// Most endpoints (braze.md 3).
const LARGEST_BODY: usize = 4 << 20;

/// What an endpoint asks of a caller.
pub(crate) struct Needs {
    /// The key's permission. A key that contains `no-` and its name lacks it.
    pub(crate) permission: &'static str,
    /// Which limit it counts against.
    pub(crate) area: Area,
    /// Whether it takes a JSON body.
    pub(crate) body: bool,
}

/// Endpoints that share a limit (braze.md 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// `/users/track`.
    Track,
    /// `/users/export/ids`: the faster limit is for calls that list their fields.
    Export,
    /// Attribute and event catalogues.
    Catalogue,
    /// Everything without its own line.
    Rest,
}

/// The windows of a workspace.
pub(crate) struct Windows {
    track: Fixed,
    track_hour: Fixed,
    export: Fixed,
    export_listed: Fixed,
    catalogue: Fixed,
    rest: Fixed,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            track: Fixed::new(3_000, 3),
            // By contract; a round number of that order.
            track_hour: Fixed::new(1_000_000, 3_600),
            export: Fixed::new(250, 60),
            export_listed: Fixed::new(40, 1),
            catalogue: Fixed::new(1_000, 3_600),
            rest: Fixed::new(250_000, 3_600),
        }
    }
}

impl Windows {
    /// Counts a request; returns the window its headers speak of.
    fn take(
        &mut self,
        area: Area,
        listed: bool,
        contract: Contract,
        now: jiff::Timestamp,
    ) -> Standing {
        match area {
            Area::Track if contract == Contract::Mau => {
                let burst = self.track.take(now);
                if burst.over {
                    burst
                } else {
                    self.track_hour.take(now)
                }
            }
            Area::Track => self.track.take(now),
            Area::Export if listed => self.export_listed.take(now),
            Area::Export => self.export.take(now),
            Area::Catalogue => self.catalogue.take(now),
            Area::Rest => self.rest.take(now),
        }
    }
}

/// Refuses with Braze's envelope.
pub(crate) fn refused(status: u16, message: &str) -> Response {
    reply(status, &json!({"message": message}))
}

/// Checks a call, does the work, and adds the rate-limit headers. The order is that of braze.md 24.3.
pub(crate) fn pass(
    app: &App,
    call: &Call,
    needs: &Needs,
    work: impl FnOnce(&Value) -> Response,
) -> Response {
    let body = match check(call, needs) {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    if app.options.limits == Limits::Off {
        return work(&body);
    }
    let (now, contract) = (app.now(), app.options.contract);
    let standing = hold(&app.braze.windows).take(needs.area, lists_fields(&body), contract, now);
    if standing.over {
        return limited(contract, standing, now.as_second());
    }
    let mut response = work(&body);
    // "Every single request" on one contract; the other names the same three on success.
    stamp(&mut response, contract, standing, now.as_second());
    response
}

fn check(call: &Call, needs: &Needs) -> Result<Value, Box<Response>> {
    let refuse = |status, message: &str| Err(Box::new(refused(status, message)));
    let mut body = Value::Null;
    if needs.body {
        if call.body.len() > LARGEST_BODY {
            return refuse(413, "Request Entity Too Large");
        }
        let Some(read) = call.json() else {
            let text = "Error while parsing request body. Please check your syntax.";
            return Err(Box::new(reply(400, &json!({"error": text}))));
        };
        body = read;
        let kind = call.header(&header::CONTENT_TYPE).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("application/json") {
            return refuse(415, "Unsupported Media Type");
        }
    }
    let key = call
        .header(&header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim())
        .filter(|key| !key.is_empty() && !key.contains("bad"));
    match key {
        None => refuse(401, "Invalid API Key"),
        Some(key) if key.contains(&format!("no-{}", needs.permission)) => {
            refuse(403, "Access Denied")
        }
        Some(_) => Ok(body),
    }
}

/// Tells whether an export has the faster limit (braze.md 5).
fn lists_fields(body: &Value) -> bool {
    body["fields_to_export"].as_array().is_some_and(|fields| {
        !fields
            .iter()
            .any(|field| field == "canvases_received" || field == "campaigns_received")
    })
}

fn limited(contract: Contract, standing: Standing, now: i64) -> Response {
    let mut response = refused(429, "Rate Limited");
    match contract {
        Contract::DataPoints => stamp(&mut response, contract, standing, now),
        Contract::Mau => set(
            &mut response,
            "x-ratelimit-retry-after",
            (standing.ends - now) as u64,
        ),
    }
    response
}

/// Refuses a request on purpose, in a contract's dialect. With limits off there is nothing to wait for.
pub(crate) fn rate_limited(app: &App) -> Response {
    let now = app.now().as_second();
    let wait = i64::from(app.options.limits == Limits::Real);
    let standing = Standing {
        limit: 3_000,
        remaining: 0,
        ends: now + wait,
        over: true,
    };
    limited(app.options.contract, standing, now)
}

fn stamp(response: &mut Response, contract: Contract, standing: Standing, now: i64) {
    let reset = match contract {
        Contract::DataPoints => standing.ends,
        Contract::Mau => standing.ends - now,
    };
    set(response, "x-ratelimit-limit", standing.limit);
    set(response, "x-ratelimit-remaining", standing.remaining);
    set(response, "x-ratelimit-reset", reset as u64);
}

fn set(response: &mut Response, name: &'static str, value: u64) {
    let name = HeaderName::from_static(name);
    response
        .headers_mut()
        .insert(name, HeaderValue::from(value));
}
