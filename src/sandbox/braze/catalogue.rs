//! `GET /custom_attributes` (braze.md 14.1, 14.5). It must not know what a type means.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    gate::{Key, Needs, pass, refused},
    rates::Area,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    routes::{Routes, get},
};

const NEEDS: Needs = Needs {
    key: Key::Bearer("custom_attributes.get"),
    area: Area::Catalogue,
    body: false,
};
const PAGE: usize = 50;

/// Lists the endpoint.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/custom_attributes", get(list));
}

/// Alphabetical; the cursor is `skip:N` in Base64, with its padding.
fn list(app: &App, call: &Call) -> Response {
    pass(app, call, &NEEDS, |_| {
        let skip = match call.query("cursor") {
            None => Some(0),
            Some(cursor) => skipped(cursor),
        };
        let Some(skip) = skip else {
            return refused(400, "Invalid cursor");
        };
        let (page, known) = {
            let store = hold(&app.braze.store);
            let known = &store.people.definitions;
            let page: Vec<_> = known.shown().skip(skip).take(PAGE).collect();
            (page, known.len())
        };
        let mut links = Vec::new();
        let link = |skip: usize, way: &str| {
            let cursor = STANDARD.encode(format!("skip:{skip}"));
            format!("</custom_attributes?cursor={cursor}>; rel=\"{way}\"")
        };
        if skip > 0 {
            links.push(link(skip.saturating_sub(PAGE), "prev"));
        }
        if skip + PAGE < known {
            links.push(link(skip + PAGE, "next"));
        }
        let mut response = reply(200, &json!({"message": "success", "attributes": page}));
        if let (false, Ok(value)) = (links.is_empty(), HeaderValue::from_str(&links.join(","))) {
            response.headers_mut().insert(header::LINK, value);
        }
        response
    })
}

fn skipped(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("skip:")?.parse().ok()
}
