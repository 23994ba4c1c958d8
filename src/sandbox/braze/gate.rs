//! What every Braze endpoint checks first: syntax, content type, key, permission, size, rate (braze.md 3 to 5, 24).
//! It must not look at the objects of a request.

use axum::{http::header, response::Response};
use serde_json::{Value, json};

use super::rates::{Area, limited, stamp};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    options::Limits,
};

/// Most endpoints (braze.md 3).
const LARGEST_BODY: usize = 4 << 20;

/// What an endpoint asks of a caller.
pub(crate) struct Needs {
    /// Who may call it.
    pub(crate) key: Key,
    /// Which limit it counts against.
    pub(crate) area: Area,
    /// Whether it takes a JSON body.
    pub(crate) body: bool,
}

/// How a caller says who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// A REST key with this permission. A key that contains `no-` and its name lacks it.
    Bearer(&'static str),
    /// A partner's key and its customer's, both in the body, and no header (braze.md 15).
    Partner,
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
    let refusal = match needs.key {
        Key::Bearer(permission) => bearer(call, permission).err(),
        Key::Partner => partner(&body).err(),
    };
    refusal.map_or(Ok(body), |refusal| Err(Box::new(refusal)))
}

fn bearer(call: &Call, permission: &str) -> Result<(), Response> {
    let key = call
        .header(&header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim())
        .filter(|key| !key.is_empty() && !key.contains("bad"));
    match key {
        None => Err(refused(401, "Invalid API Key")),
        Some(key) if key.contains(&format!("no-{permission}")) => {
            Err(refused(403, "Access Denied"))
        }
        Some(_) => Ok(()),
    }
}

/// Checks the two keys of a partner's request, with the texts of braze.md 15.3. A key that is missing or no text is a
/// wrong one. When the fourth text, `Unauthorized access`, is said is not documented, so it is not said here.
pub(crate) fn partner(body: &Value) -> Result<(), Response> {
    let key = |name: &str| {
        body[name]
            .as_str()
            .filter(|key| !key.is_empty() && !key.contains("bad"))
    };
    if key("partner_api_key").is_none() {
        return Err(refused(401, "Invalid Partner API key"));
    }
    match key("client_secret") {
        None => Err(refused(401, "Invalid client secret")),
        // Braze repeats the secret: whoever shows its texts has to look.
        Some(secret) if secret.contains("no-partner") => Err(refused(
            401,
            &format!("Partner not enabled for client with client secret: {secret}"),
        )),
        Some(_) => Ok(()),
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
