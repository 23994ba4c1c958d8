//! Who may ask the Developer API (amplitude.md 14). It must not look at a body.

use axum::http::header;

use super::problem::Problem;
use crate::sandbox::call::Call;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// See projects.
    Projects,
    /// See destinations and their types.
    Read,
    /// Create, change and test destinations.
    Write,
}

impl Scope {
    /// Every one there is here.
    pub(crate) const ALL: [Self; 3] = [Self::Projects, Self::Read, Self::Write];

    /// Returns what it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects:read",
            Self::Read => "destinations:read",
            Self::Write => "destinations:write",
        }
    }

    /// A token lacks a scope if it contains `no-` and its name; one that contains `readonly` cannot write.
    pub(crate) fn held(self, token: &str) -> bool {
        let readonly = self == Self::Write && token.contains("readonly");
        !readonly && !token.contains(&format!("no-{}", self.name()))
    }
}

/// Returns the token. Any will do unless it contains `bad`; a personal one starts with `PAT=amp_`.
pub(crate) fn token(call: &Call) -> Result<&str, Problem> {
    let token = call
        .header(&header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let known = |token: &&str| {
        let personal = token.strip_prefix("PAT=");
        let well_made = personal.is_none_or(|rest| rest.len() > 4 && rest.starts_with("amp_"));
        !token.is_empty() && !token.contains("bad") && well_made
    };
    token
        .filter(known)
        .ok_or_else(|| Problem::new(401, "invalid_api_key", "The token is not known."))
}

/// Checks the token, the early access of its organisation (none where it contains `early`), and its scope.
pub(crate) fn enter(call: &Call, scope: Scope) -> Result<(), Problem> {
    let token = token(call)?;
    if token.contains("early") {
        return Err(Problem::new(
            403,
            "operation_not_enabled",
            "This endpoint is unavailable for your organization.",
        ));
    }
    if !scope.held(token) {
        let detail = "Token missing required scopes.";
        return Err(Problem::new(403, "insufficient_scope", detail));
    }
    Ok(())
}
