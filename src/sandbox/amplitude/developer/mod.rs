//! The Developer API (amplitude.md 14, and the OpenAPI file it was read from): destinations, their types, and who asks.
//! It must not keep anything itself; what is kept lies in the register.

mod catalogue;
mod changes;
mod destination;
mod destinations;
mod gate;
mod pages;
mod problem;
mod shape;

pub(crate) use destination::put;
pub(crate) use problem::refuse;

use axum::response::Response;
use serde_json::{Value, json};

use gate::{Scope, enter};
use pages::Page;
use problem::{Problem, answer};

use crate::sandbox::{
    app::App,
    call::{Call, reply},
    routes::{Routes, get},
};

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/health", get(health));
    to.add("/v1/context", get(context));
    to.add("/v1/destination-types", get(types));
    to.add("/v1/destination-types/{partner}", get(one_type));
    destinations::routes(to);
}

/// Tells these paths from others.
pub(crate) fn serves(path: &str) -> bool {
    path == "/health" || path.starts_with("/v1/")
}

fn health(_: &App, _: &Call) -> Response {
    reply(200, &json!({"status": "ok"}))
}

/// Who asks, and what they may: also of an organisation that is not in the early access.
fn context(_: &App, call: &Call) -> Response {
    answer(gate::token(call).map(|token| {
        let scopes: Vec<&str> = Scope::ALL
            .iter()
            .filter(|scope| scope.held(token))
            .map(|scope| scope.name())
            .collect();
        let body = json!({"data": {
            "object": "context",
            "principal": {
                "object": "principal", "login_id": "sandbox@example.com", "org_id": "1", "org_name": "Sandbox",
                "auth_type": if token.starts_with("PAT=") { "pat" } else { "oauth" }, "scopes": scopes,
            },
            "org": {"id": "1", "object": "org", "name": "Sandbox"},
        }});
        reply(200, &body)
    }))
}

fn types(_: &App, call: &Call) -> Response {
    let listed = || {
        enter(call, Scope::Read)?;
        let page = Page::asked(call, &[])?;
        Ok(page.of(&catalogue::all(), Clone::clone))
    };
    answer(listed())
}

fn one_type(_: &App, call: &Call) -> Response {
    let found = || {
        enter(call, Scope::Read)?;
        let partner = call.param("partner");
        let found: Option<Value> = catalogue::find(partner);
        let found = found.ok_or_else(|| Problem::missing("There is no such destination type."))?;
        Ok(reply(200, &json!({"data": found})))
    };
    answer(found())
}
