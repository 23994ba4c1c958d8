//! Who may ask, and the shape of a refusal (amplitude.md 1 and 3). It must not know an endpoint.

use axum::{http::header, response::Response};
use serde_json::{Value, json};

use crate::sandbox::call::{Call, reply};

/// Refuses in the envelope of `amplitude.com`: the useful text is in `metadata.details`.
pub(crate) fn refused(status: u16, kind: &str, message: &str, details: &str) -> Response {
    reply(
        status,
        &json!({"error": {
            "http_code": status, "type": kind, "message": message, "metadata": {"details": details},
        }}),
    )
}

/// Refuses ids, and says which (amplitude.md 4.7, 4.8).
pub(crate) fn refused_about(status: u16, message: &str, metadata: &Value) -> Response {
    let error = json!({"http_code": status, "type": "invalid_request", "message": message, "metadata": metadata});
    reply(status, &json!({"error": error}))
}

/// Refuses what is not there.
pub(crate) fn missing(what: &str) -> Response {
    refused(404, "not_found", "Not Found", what)
}

/// Refuses what is too much: over a rate, over a number at once, over a month's quota.
pub(crate) fn too_many(details: &str) -> Response {
    refused(
        429,
        "unspecified",
        "Unspecified Error",
        &format!("Too Many Requests: {details}"),
    )
}

/// Refuses a request on purpose, or for a path that is none.
pub(crate) fn refuse(status: u16) -> Response {
    match status {
        401 => unauthorised(),
        403 => refused(403, "forbidden", "Forbidden", "Invalid API Key"),
        404 => missing("no such endpoint"),
        429 => too_many("Exceeded rate limit with query of cost 1"),
        _ => refused(
            status,
            "unspecified",
            "Unspecified Error",
            "try again later",
        ),
    }
}

fn unauthorised() -> Response {
    refused(
        401,
        "unauthorized",
        "Unauthorized",
        "Invalid API key or secret key",
    )
}

/// Checks `Authorization: Basic base64(api_key:secret_key)`. Any pair will do unless it contains `bad`.
pub(crate) fn authorised(call: &Call) -> Result<(), Box<Response>> {
    let pair = call
        .header(&header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| decode(encoded.trim()))
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let known = pair
        .as_deref()
        .and_then(|pair| pair.split_once(':'))
        .is_some_and(|(api_key, secret_key)| {
            !api_key.is_empty()
                && !secret_key.is_empty()
                && !api_key.contains("bad")
                && !secret_key.contains("bad")
        });
    if known {
        return Ok(());
    }
    Err(Box::new(unauthorised()))
}

/// Decodes base64 with its padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::with_capacity(text.len()));
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes_base64() {
        assert_eq!(decode("a2V5OnNlY3JldA==").unwrap(), b"key:secret");
        assert_eq!(decode("a2V5OnM=").unwrap(), b"key:s");
        assert_eq!(decode("+/8=").unwrap(), [0xfb, 0xff]);
        assert!(decode("not base64!").is_none());
    }
}
