//! Refusals as RFC 9457 problem documents (amplitude.md 14). It must not know an endpoint.

use axum::response::Response;
use serde_json::{Value, json};

use crate::sandbox::call::respond;

/// A client that is told nothing else waits so long.
const RETRY_AFTER: u64 = 1;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    code: &'static str,
    detail: String,
    errors: Vec<Value>,
}

impl Problem {
    /// Refuses with a code and a sentence.
    pub(crate) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// Refuses what is not there.
    pub(crate) fn missing(detail: &str) -> Self {
        Self::new(404, "not_found", detail)
    }

    /// Refuses one parameter of a request.
    pub(crate) fn field(field: &str, message: &str) -> Self {
        let mut errors = Errors::default();
        errors.add(field, "invalid", message);
        Self::listed(400, "validation_failed", errors)
    }

    fn listed(status: u16, code: &'static str, errors: Errors) -> Self {
        let mut problem = Self::new(status, code, "The request is not valid.");
        problem.errors = errors.0;
        problem
    }

    fn document(&self) -> Value {
        let title = self.code.replace('_', " ");
        let title =
            title.get(..1).unwrap_or_default().to_uppercase() + title.get(1..).unwrap_or_default();
        let retryable = [408, 429, 500, 502, 503, 504].contains(&self.status);
        let mut document = json!({
            "type": format!("https://developer-api.amplitude.com/problems/{}", self.code.replace('_', "-")),
            "title": title, "status": self.status, "detail": self.detail, "error_code": self.code,
            "retryable": retryable,
        });
        if self.status == 429 {
            document["retry_after_seconds"] = json!(RETRY_AFTER);
        }
        if !self.errors.is_empty() {
            document["validation_errors"] = json!(self.errors);
        }
        document
    }
}

/// Answers with what came out, or with the problem.
pub(crate) fn answer(result: Result<Response, Problem>) -> Response {
    result.unwrap_or_else(|problem| {
        let body = problem.document().to_string();
        respond(problem.status, "application/problem+json", body)
    })
}

/// Refuses a request on purpose, or for a path that is none.
pub(crate) fn refuse(status: u16) -> Response {
    let (code, detail) = match status {
        401 => ("invalid_api_key", "The token is not known."),
        403 => ("insufficient_scope", "Token missing required scopes."),
        404 => ("not_found", "There is no such endpoint."),
        429 => ("rate_limit_exceeded", "Too many requests."),
        503 => ("service_unavailable", "Try again later."),
        _ => ("internal_error", "Something went wrong."),
    };
    answer(Err(Problem::new(status, code, detail)))
}

/// Everything that is wrong with a request, at once.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Value>);

impl Errors {
    /// Notes one thing.
    pub(crate) fn add(&mut self, field: &str, code: &str, message: impl Into<String>) {
        self.0
            .push(json!({"field": field, "message": message.into(), "code": code}));
    }

    /// Refuses, if there is anything to refuse.
    pub(crate) fn into_result(self, status: u16, code: &'static str) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::listed(status, code, self))
    }
}
