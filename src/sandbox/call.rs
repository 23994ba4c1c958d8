//! A request as the endpoints see it, and the few ways to answer. It must not know one endpoint from another.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio::io::AsyncReadExt;

/// A request with everything read: what a synchronous endpoint needs.
#[derive(Debug)]
pub(crate) struct Call {
    /// As sent.
    pub(crate) headers: HeaderMap,
    /// Of the templated path, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// In order; keys may repeat.
    pub(crate) query: Vec<(String, String)>,
    /// Whole; the server bounds it.
    pub(crate) body: Bytes,
}

impl Call {
    /// Returns a parameter of the templated path, or the empty string.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// Returns the first value of a query key.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads the body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        json(&self.body)
    }
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let bad = || text(400, "the request cannot be read");
        let params = RawPathParams::from_request_parts(&mut parts, state)
            .await
            .map_err(|_| bad())?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| bad())?;
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|_| bad())?;
        Ok(Self {
            params: params
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            query: query.0,
            headers: parts.headers,
            body,
        })
    }
}

/// Reads JSON. `Value`'s own parser is compiled, optimised, in its crate; a generic one would be slow in a debug build.
pub(crate) fn json(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Answers with JSON.
pub(crate) fn reply(status: u16, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

/// Answers with plain text.
pub(crate) fn text(status: u16, body: impl Into<String>) -> Response {
    respond(status, "text/plain; charset=utf-8", body.into())
}

/// Answers with a body of a type.
pub(crate) fn respond(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Returns a file as a body, in chunks: how long it is, nobody says.
pub(crate) fn chunks(file: tokio::fs::File) -> Body {
    let chunks = futures_util::stream::try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(1 << 16);
        let read = file.read_buf(&mut chunk).await?;
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, file)))
    });
    Body::from_stream(chunks)
}

/// Locks; what a panicking request left behind is still the world.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
