//! Amplitude's Developer API (amplitude.md 14): accounts at other services, and what integrations can be told. What is here
//! reads; what writes is another type (`developer/patcher.rs`).
//!
//! # Guarantees
//! No error names a secret. What asks for another try says so by its status or in its words, and is waited for as told.

mod patcher;
mod problem;
mod wire;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::de::DeserializeOwned;

pub use self::patcher::{Patched, Patcher};
pub use self::problem::Problem;
use self::wire::{DestinationItem, Page, TypeItem, single};
use super::Error;
use crate::{
    http::{
        Answer, Authorization, Limiter, Manner, Policy, Request, Sender, asked_wait, encode,
        retrying_as,
    },
    model::{Destination, DestinationType, Rate, Secret},
};

/// No rate of this API is documented: a pace that a person with a browser could have.
const CALLS: Rate = Rate {
    what: "developer calls",
    requests: 20,
    window: Duration::from_secs(1),
};

/// Accounts of a project, without ids.
const DESTINATIONS: &str = "/v1/projects/…/destinations";
/// One account.
const DESTINATION: &str = "/v1/projects/…/destinations/…";
/// What an integration can be told.
const TYPES: &str = "/v1/destination-types";
/// Whom a token is of.
const CONTEXT: &str = "/v1/context";

/// Accounts of one page at most.
const PER_PAGE: u32 = 200;
/// Pages at most: lists are 10,000 deep.
const PAGES: usize = 50;

/// What every call needs.
#[derive(Clone, Debug)]
struct Door {
    sender: Arc<Sender>,
    base: String,
    authorization: Authorization,
    policy: Policy,
    limiter: Arc<Limiter>,
}

/// Reads from the Developer API.
#[derive(Debug)]
pub struct Developer(Door);

impl Developer {
    /// Makes a reader. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, token: &Secret, share: f64) -> Self {
        Self(Door::new(sender, base, token, share))
    }

    /// Lists all accounts of a project.
    pub async fn destinations(&self, project: u64) -> Result<Vec<Destination>, Error> {
        let path = format!("/v1/projects/{project}/destinations?limit={PER_PAGE}");
        self.list::<DestinationItem, _>(DESTINATIONS, &path).await
    }

    /// Returns one account; none where there is none of this id.
    pub async fn destination(&self, project: u64, id: &str) -> Result<Option<Destination>, Error> {
        let path = format!("/v1/projects/{project}/destinations/{}", encode(id));
        match self.0.get(DESTINATION, &path).await {
            Ok(answer) => Ok(Some(
                single::<DestinationItem>(DESTINATION, &answer.body)?.into(),
            )),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns what an integration can be told; none where there is no such integration.
    pub async fn destination_type(&self, partner: &str) -> Result<Option<DestinationType>, Error> {
        let path = format!("{TYPES}/{}", encode(partner));
        match self.0.get(TYPES, &path).await {
            Ok(answer) => Ok(Some(single::<TypeItem>(TYPES, &answer.body)?.into())),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists what integrations there are.
    pub async fn destination_types(&self) -> Result<Vec<DestinationType>, Error> {
        let path = format!("{TYPES}?limit={PER_PAGE}");
        self.list::<TypeItem, _>(TYPES, &path).await
    }

    /// Returns of what kind the token is, if it is told.
    pub async fn context(&self) -> Result<Option<String>, Error> {
        let answer = self.0.get(CONTEXT, CONTEXT).await?;
        let body: serde_json::Value = single(CONTEXT, &answer.body)?;
        let kind = body["principal"]["auth_type"].as_str();
        Ok(kind.map(str::to_owned))
    }

    /// Asks whether the token may write accounts, by a dry run that names no integration: nothing can come of it. A
    /// refused token is an error.
    pub async fn may_write(&self, project: u64) -> Result<(), Error> {
        let path = format!("/v1/projects/{project}/destinations?dry_run=true");
        let body = Bytes::from_static(b"{}");
        let request = self.0.request("POST", DESTINATIONS, &path, Some(body));
        match self.0.send(&request, PLAIN).await {
            Ok(_) => Ok(()),
            // It was looked at, and found to say nothing.
            Err(error) if matches!(error.status(), Some(400 | 422)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads a list to its end.
    async fn list<W: DeserializeOwned, T: From<W>>(
        &self,
        path: &'static str,
        url: &str,
    ) -> Result<Vec<T>, Error> {
        let (mut all, mut cursor) = (vec![], None::<String>);
        for _ in 0..PAGES {
            let url = match &cursor {
                Some(cursor) => format!("{url}&cursor={}", encode(cursor)),
                None => url.to_owned(),
            };
            let answer = self.0.get(path, &url).await?;
            let page: Page<W> =
                serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
                    path,
                    what: format!("line {} column {}", error.line(), error.column()),
                })?;
            all.extend(page.data.into_iter().map(T::from));
            let next = page.pagination.next(cursor.as_deref());
            let cut = |what: &str| Error::Unexpected {
                path,
                what: what.to_owned(),
            };
            cursor = next.map_err(cut)?;
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Err(Error::Unexpected {
            path,
            what: "the list does not end".to_owned(),
        })
    }
}

/// The manner of what may be sent again.
const PLAIN: Manner<'static> = Manner {
    is_busy: problem::is_retryable,
    words: problem::words,
    asks: |answer| asked_wait(answer).or_else(|| problem::asked(answer)),
    ..Manner::PLAIN
};

/// The manner of what makes something each time it is processed.
const ONCE: Manner<'static> = Manner {
    once: true,
    ..PLAIN
};

impl Door {
    fn new(sender: Arc<Sender>, base: &str, token: &Secret, share: f64) -> Self {
        // A personal token by itself is written as one is pasted.
        let token = match token.expose() {
            text if text.starts_with("amp_") => Secret::new(format!("PAT={text}")),
            _ => token.clone(),
        };
        Self {
            sender,
            base: base.trim_end_matches('/').to_owned(),
            authorization: Authorization::Bearer(token),
            policy: Policy::for_endpoint(base),
            limiter: Arc::new(Limiter::new(CALLS.share(share), CALLS.window)),
        }
    }

    fn request(
        &self,
        method: &'static str,
        path: &'static str,
        url: &str,
        body: Option<Bytes>,
    ) -> Request {
        Request {
            method,
            url: format!("{}{url}", self.base),
            path,
            authorization: Some(self.authorization.clone()),
            body,
            if_match: None,
        }
    }

    async fn get(&self, path: &'static str, url: &str) -> Result<Answer, Error> {
        self.send(&self.request("GET", path, url, None), PLAIN)
            .await
    }

    /// Sends until there is an answer; one that is no success is an error.
    async fn send(&self, request: &Request, manner: Manner<'_>) -> Result<Answer, Error> {
        let answer = retrying_as(&self.sender, request, self.policy, &self.limiter, manner).await?;
        match answer.status {
            200..=299 => Ok(answer),
            _ => Err(Error::Problem(Box::new(Problem::of(
                request.path,
                &answer,
                self.sender.scrubber(),
            )))),
        }
    }
}
