//! Sends one request once. The answer, "it certainly never left", or "it may have arrived": callers need no more.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::{
    Client, Method, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH},
    redirect,
};
use tokio::sync::watch;

use super::{
    Patience, Scrubber,
    heard::{Heads, Heard},
};
use crate::model::Secret;

/// A request as a value. Debug shows neither body nor address: people's ids are in them.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Whole address.
    pub url: String,
    /// The path as documented, without ids: for logs and messages.
    pub path: &'static str,
    /// `Authorization`, if any.
    pub authorization: Option<Authorization>,
    /// JSON body, if any.
    pub body: Option<Bytes>,
    /// The version that what is changed must have (`If-Match`), if that matters.
    pub if_match: Option<u64>,
}

/// How a request proves who sends it.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// A user and a password.
    Basic(Secret, Secret),
    /// A token.
    Bearer(Secret),
    /// A key by itself, as `Api-Key` writes it.
    ApiKey(Secret),
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.path)
    }
}

/// An answer read whole. Debug does not show the body.
#[derive(Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Earlier tries of the same request that may have been processed all the same.
    pub doubts: u32,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

/// An answer whose body is still coming.
pub struct Stream {
    /// Status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
}

/// Why there is no answer. The text is clean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be sent from here, however often: a wrong address, no certificates.
    #[error("{0}")]
    Never(String),
    /// No byte of the request left.
    #[error("{text}")]
    NotSent {
        /// What happened.
        text: String,
        /// How far it came.
        stage: Stage,
    },
    /// It may have arrived.
    #[error("{0}")]
    Doubt(String),
}

/// How far a request came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It could not be made here: a wrong address, no certificates.
    Here,
    /// The host's name has no address.
    Name,
    /// The host, or the proxy before it, takes no connection.
    Connection,
    /// There is a connection, and TLS does not come about.
    Tls,
    /// It may have arrived, and no whole answer came.
    Answer,
    /// There were answers, each saying that it does not go now.
    Status,
    /// The last answer was "too many requests": how long it asks to wait, if it says so.
    Busy(Option<Duration>),
}

impl Failure {
    /// Returns how far the request came.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Never(_) => Stage::Here,
            Self::NotSent { stage, .. } => *stage,
            Self::Doubt(_) => Stage::Answer,
        }
    }
}

/// Sends requests. Plain http only to loopback; redirects are never followed on their own.
#[derive(Debug)]
pub struct Sender {
    scrubber: Scrubber,
    stop: watch::Receiver<bool>,
    patience: Patience,
    heads: Mutex<Heads>,
    remote: OnceLock<Client>,
    loopback: OnceLock<Client>,
}

impl Sender {
    /// Makes a sender that knows which secrets to keep out of texts, and waits for nothing once `stop` is true.
    pub fn new(scrubber: Scrubber, stop: watch::Receiver<bool>, patience: Patience) -> Self {
        Self {
            scrubber,
            stop,
            patience,
            heads: Mutex::default(),
            remote: OnceLock::new(),
            loopback: OnceLock::new(),
        }
    }

    /// Returns whether the host of an address ever answered: one that was never reached is not waited for long.
    pub(super) fn reached(&self, url: &str) -> bool {
        self.heads().contains_key(host(url))
    }

    /// Returns how patient it is.
    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Returns what the head of the first answer said, of a host at a path.
    pub fn heard(&self, url: &str, path: &str) -> Option<Heard> {
        self.heads().get(host(url))?.get(path).map(Heard::of)
    }

    /// Returns whether a client for other machines can be made: it needs certificates to trust.
    pub fn certificates(&self) -> Result<(), Failure> {
        self.client_for(false).map(|_| ())
    }

    fn heads(&self) -> MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the first head of each host and path.
    fn hear(&self, request: &Request, headers: &HeaderMap) {
        let mut heads = self.heads();
        let host = host(&request.url);
        if !heads.contains_key(host) {
            heads.insert(host.to_owned(), BTreeMap::new());
        }
        if let Some(paths) = heads.get_mut(host)
            && !paths.contains_key(request.path)
        {
            let now = tokio::time::Instant::now();
            paths.insert(request.path, (now, headers.clone()));
        }
    }

    /// Waits, and returns true, or false at once when somebody asks to stop.
    pub async fn waits(&self, wait: impl Future<Output = ()>) -> bool {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = asked(&mut stop) => false,
            () = wait => true,
        }
    }

    /// Returns the scrubber, for foreign texts that others read.
    pub fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// Sends and reads the whole answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let begin = tokio::time::Instant::now();
        let Stream {
            status,
            headers,
            response,
        } = self.open(request).await?;
        let body = response
            .bytes()
            .await
            .map_err(|error| self.failure(error, request));
        tracing::debug!(
            method = request.method,
            path = request.path,
            status,
            ms = begin.elapsed().as_millis() as u64,
            "request"
        );
        Ok(Answer {
            status,
            headers,
            body: body?,
            doubts: 0,
        })
    }

    /// Sends and returns as soon as the head of the answer is there.
    pub async fn open(&self, request: &Request) -> Result<Stream, Failure> {
        let url = Url::parse(&request.url)
            .map_err(|_| Failure::Never("the address is not a URL".to_owned()))?;
        let client = self.client(&url)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Failure::Never("an unknown method".to_owned()))?;
        let mut builder = client.request(method, url);
        builder = match &request.authorization {
            Some(Authorization::Basic(user, password)) => {
                builder.basic_auth(user.expose(), Some(password.expose()))
            }
            Some(Authorization::Bearer(token)) => builder.bearer_auth(token.expose()),
            Some(Authorization::ApiKey(key)) => builder.header(AUTHORIZATION, api_key(key)?),
            None => builder,
        };
        if let Some(version) = request.if_match {
            builder = builder.header(IF_MATCH, version);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let response = builder
            .send()
            .await
            .map_err(|error| self.failure(error, request))?;
        self.hear(request, response.headers());
        Ok(Stream {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            response,
        })
    }

    fn client(&self, url: &Url) -> Result<&Client, Failure> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let loopback =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if url.scheme() == "http" && !loopback {
            return Err(Failure::Never(
                "plain http is for loopback only: use https".to_owned(),
            ));
        }
        self.client_for(loopback)
    }

    fn client_for(&self, loopback: bool) -> Result<&Client, Failure> {
        let slot = if loopback {
            &self.loopback
        } else {
            &self.remote
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = build(loopback, self.patience).map_err(|error| {
            Failure::Never(self.scrubber.clean(&format!(
                "no HTTP client: {error} (are CA certificates installed?)"
            )))
        })?;
        Ok(slot.get_or_init(|| client))
    }

    fn failure(&self, error: reqwest::Error, request: &Request) -> Failure {
        let unsent = error.is_connect() || error.is_builder();
        let stage = stage(&error, request);
        let what = match stage {
            _ if error.is_timeout() && error.is_connect() => "no connection in time",
            _ if error.is_timeout() => "no answer in time",
            Stage::Name => "no address for the host's name",
            Stage::Tls => "no TLS connection",
            Stage::Connection => "no connection",
            _ => "the connection broke",
        };
        let mut text = format!(
            "{} {}{}: {what}",
            request.method,
            host(&request.url),
            request.path
        );
        let error = error.without_url();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            if inner.source().is_none() {
                text = format!("{text} ({inner})");
            }
            cause = inner.source();
        }
        tracing::debug!(
            method = request.method,
            path = request.path,
            what,
            "request failed"
        );
        let text = self.scrubber.clean(&text);
        if unsent {
            Failure::NotSent { text, stage }
        } else {
            Failure::Doubt(text)
        }
    }
}

/// How far a request came, by the words of the layers below; they have no better way to tell.
fn stage(error: &reqwest::Error, request: &Request) -> Stage {
    if error.is_builder() {
        return Stage::Here;
    }
    if !error.is_connect() {
        return Stage::Answer;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(known) = known(&inner.to_string()) {
            return known;
        }
        cause = inner.source();
    }
    if error.is_timeout() || !request.url.starts_with("https:") {
        Stage::Connection
    } else {
        Stage::Tls
    }
}

/// What one layer says, where its words are whole: a host may be named after any of them.
fn known(words: &str) -> Option<Stage> {
    match words {
        "dns error" => Some(Stage::Name),
        "tcp connect error" => Some(Stage::Connection),
        _ if words.starts_with("tunnel error: ") || words.starts_with("SOCKS error: ") => {
            Some(Stage::Connection)
        }
        _ => None,
    }
}

/// The part of an address between its scheme and its path or query, less a user and a password.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

/// Writes a key as a header that logs leave out.
fn api_key(key: &Secret) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(&format!("Api-Key {}", key.expose()))
        .map_err(|_| Failure::Never("a key with characters that no header takes".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Waits until somebody asks to stop; for ever where nobody can.
pub async fn asked(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Says which cryptography TLS uses, for every client of this process.
pub fn provide() {
    // A second install is refused, and the first one stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn build(loopback: bool, patience: Patience) -> Result<Client, reqwest::Error> {
    provide();
    // One version of HTTP: what a broken connection says of a request is known of that one.
    let builder = Client::builder()
        .http1_only()
        .user_agent(concat!("syncform/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        .read_timeout(patience.silence)
        .redirect(redirect::Policy::none());
    // Loopback needs no proxy and no certificates, and reading those takes most of a start-up.
    if loopback {
        builder.no_proxy().tls_certs_only([]).build()
    } else {
        builder.build()
    }
}

impl Stream {
    /// Returns what is known of the answer before its body.
    pub(super) fn head(&self) -> Answer {
        Answer {
            status: self.status,
            headers: self.headers.clone(),
            body: Bytes::new(),
            doubts: 0,
        }
    }

    /// Calls with each piece of the body; stops at the first error of either.
    pub async fn each<E: From<Failure>>(
        self,
        scrubber: &Scrubber,
        mut each: impl AsyncFnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut body = self.response.bytes_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| {
                Failure::Doubt(scrubber.clean(&error.without_url().to_string()))
            })?;
            each(piece).await?;
        }
        Ok(())
    }

    /// Reads the rest into memory: for small answers.
    pub async fn whole(self, scrubber: &Scrubber) -> Result<Answer, Failure> {
        let body =
            self.response.bytes().await.map_err(|error| {
                Failure::Doubt(scrubber.clean(&error.without_url().to_string()))
            })?;
        Ok(Answer {
            status: self.status,
            headers: self.headers,
            body,
            doubts: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_without_secrets() {
        for (url, wanted) in [
            ("https://h.example/path?sig=1", "h.example"),
            ("https://h.example?sig=planted", "h.example"),
            ("https://h.example?sig=a/b@c", "h.example"),
            ("https://h.example#planted", "h.example"),
            ("https://user:pass@h.example:8443?sig=1", "h.example:8443"),
            ("http://[::1]:8787/x", "[::1]:8787"),
        ] {
            assert_eq!(host(url), wanted);
        }
    }

    #[test]
    fn only_whole_phrases_tell_a_stage() {
        for (words, wanted) in [
            ("dns error", Some(Stage::Name)),
            ("tcp connect error", Some(Stage::Connection)),
            (
                "tunnel error: proxy authorization required",
                Some(Stage::Connection),
            ),
            (
                "SOCKS error: failed parsing server response",
                Some(Stage::Connection),
            ),
            (
                "invalid peer certificate: certificate not valid for name \"proxy.example.com\"",
                None,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"tunnel.example.com\"",
                None,
            ),
        ] {
            assert_eq!(known(words), wanted, "{words}");
        }
    }
}
