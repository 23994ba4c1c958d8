//! Sends a prepared download: from here, or from a signed address elsewhere (amplitude.md 4.6). It must not prepare one.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};

use super::{
    downloads::{Job, find},
    envelope::{authorised, missing, refused},
    signed::Wrong,
};
use crate::sandbox::{
    app::App,
    call::{Call, chunks, respond},
    routes::{Routes, get_waiting},
};

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/api/5/cohorts/request/{id}/file", get_waiting(file));
    to.add("/signed/{id}", get_waiting(signed));
}

async fn file(app: Arc<App>, call: Call) -> Response {
    let job = match authorised(&call).and_then(|()| find(&app, &call)) {
        Ok(job) if job.done(app.now()) => job,
        // Not documented; amplitude.md 18.
        Ok(_) => return missing("the request is not complete"),
        Err(refusal) => return *refusal,
    };
    let length = match job.spool.ready() {
        Some(Ok(ready)) => ready.length,
        _ => {
            return refused(
                500,
                "unspecified",
                "Internal Server Error",
                "the download failed",
            );
        }
    };
    if length <= app.options.redirect_over {
        return stream(&job).await;
    }
    let host = call.header(&header::HOST).unwrap_or("127.0.0.1");
    let target = format!(
        "http://{host}{}",
        app.amplitude.signer.sign(&job.request, app.now())
    );
    let mut response = respond(302, "text/html; charset=utf-8", Body::empty());
    if let Ok(value) = HeaderValue::from_str(&target) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// The bucket behind the redirect: not Amplitude's application, so other errors and no Basic credentials.
async fn signed(app: Arc<App>, call: Call) -> Response {
    let refuse = |status, code: &str, message: &str| {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        respond(status, "application/xml", body)
    };
    if call.header(&header::AUTHORIZATION).is_some() {
        return refuse(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    let id = call.param("id");
    let checked = app.amplitude.signer.check(
        id,
        call.query("Expires"),
        call.query("Signature"),
        app.now(),
    );
    match checked {
        Err(Wrong::Signature) => {
            return refuse(403, "SignatureDoesNotMatch", "The signature does not match");
        }
        Err(Wrong::Expired) => return refuse(403, "AccessDenied", "Request has expired"),
        Ok(()) => {}
    }
    match find(&app, &call) {
        Ok(job) => stream(&job).await,
        Err(_) => refuse(404, "NoSuchKey", "The specified key does not exist"),
    }
}

/// Sends the prepared file. The job is kept until the last byte: its file goes with it.
async fn stream(job: &Job) -> Response {
    let failed = || {
        refused(
            500,
            "unspecified",
            "Internal Server Error",
            "the download failed",
        )
    };
    let Some(Ok(ready)) = job.spool.ready() else {
        return failed();
    };
    let Ok(file) = tokio::fs::File::open(&ready.path).await else {
        return failed();
    };
    let mut response = respond(200, "text/csv", chunks(file));
    let headers = response.headers_mut();
    // Whatever Accept-Encoding said (amplitude.md 4.6).
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(ready.length));
    response
}
