//! An HTTP client of forty lines: it must not hide a lost answer, a redirect or an encoding.

use std::{io::Read, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::sandbox::Running;

/// A sandbox under test.
pub(super) struct Sandbox {
    pub(super) running: Running,
    address: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn inflated(&self) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

/// Joins the chunks of a body; none if the last is missing.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = std::str::from_utf8(&rest[..line]).ok()?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + length)?);
        rest = rest.get(line + 4 + length..)?;
    }
}

impl Sandbox {
    pub(super) fn of(running: Running) -> Self {
        let address = running.url().trim_start_matches("http://").to_owned();
        Self { running, address }
    }

    /// Sends a request on a connection of its own; none if it is closed without an answer.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.push_str(body);
        let _ = stream.write_all(request.as_bytes()).await;
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
        let _ = read.await.unwrap();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&bytes[..head]).unwrap();
        let mut lines = text.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let chunked = headers.iter().any(|(_, value)| value == "chunked");
        let body = &bytes[head + 4..];
        Some(Answer {
            status,
            headers,
            body: if chunked {
                joined(body)?
            } else {
                body.to_vec()
            },
        })
    }

    /// Asks Amplitude, with a key.
    pub(super) async fn amplitude(&self, path: &str) -> Answer {
        self.send("GET", path, &["authorization: Basic a2V5OnNlY3JldA=="], "")
            .await
            .unwrap()
    }

    /// Posts to Braze, with a key.
    pub(super) async fn braze(&self, path: &str, body: &Value) -> Answer {
        self.try_braze(path, body).await.unwrap()
    }

    pub(super) async fn try_braze(&self, path: &str, body: &Value) -> Option<Answer> {
        let headers = [
            "authorization: Bearer key",
            "content-type: application/json",
        ];
        self.send("POST", path, &headers, &body.to_string()).await
    }

    pub(super) async fn track(&self, attributes: Value) -> Answer {
        self.braze(
            "/users/track",
            &serde_json::json!({"attributes": attributes}),
        )
        .await
    }

    /// Sends events to Amplitude.
    pub(super) async fn ingest(&self, path: &str, body: &Value) -> Answer {
        let headers = ["content-type: application/json"];
        self.send("POST", path, &headers, &body.to_string())
            .await
            .unwrap()
    }

    /// Uses the sandbox's own endpoints.
    pub(super) async fn own(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, &format!("/_sandbox/{path}"), &[], body)
            .await
            .unwrap()
    }

    pub(super) async fn user(&self, id: &str) -> Value {
        self.own("GET", &format!("braze/users/{id}"), "")
            .await
            .json()
    }

    pub(super) async fn stats(&self) -> Value {
        self.own("GET", "stats", "").await.json()
    }

    /// Requests a cohort and returns the request's id.
    pub(super) async fn request(&self, cohort: &str) -> String {
        let answer = self
            .amplitude(&format!("/api/5/cohorts/request/{cohort}"))
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["request_id"].as_str().unwrap().to_owned()
    }
}
