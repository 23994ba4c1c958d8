//! The one type that writes accounts. It decides nothing about what is written.
//!
//! # Guarantees
//! Creating is never tried again once it may have been done: each time makes another account. A patch names the version
//! that it is for, so that it is never laid over what somebody else did.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{DESTINATION, DESTINATIONS, Door, ONCE, PLAIN, single, wire::DestinationItem};
use crate::{
    amplitude::Error,
    http::{Sender, encode},
    model::{Destination, DryRun, Secret, Tested},
};

/// Asks what a write would do.
const DRY: &str = "?dry_run=true";
/// A test of an account.
const TEST: &str = "/v1/projects/…/destinations/…/test";

/// Writes accounts of one project.
#[derive(Debug)]
pub struct Patcher {
    door: Door,
    project: u64,
}

/// What became of a patch.
#[derive(Debug)]
pub enum Patched {
    /// It was made, and this is the account now.
    Done(Box<Destination>),
    /// The account has another version by now. An earlier try of the same patch may be why.
    Stale {
        /// Whether an earlier try may have been processed.
        doubted: bool,
    },
}

impl Patcher {
    /// Makes a writer. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, token: &Secret, project: u64, share: f64) -> Self {
        Self {
            door: Door::new(sender, base, token, share),
            project,
        }
    }

    /// Asks what creating an account would do. Nothing is created.
    pub async fn would_create(&self, body: &Value) -> Result<DryRun, Error> {
        let url = format!("{}{DRY}", self.url());
        let request = self
            .door
            .request("POST", DESTINATIONS, &url, Some(bytes(body)));
        self.dry_run(DESTINATIONS, &self.door.send(&request, PLAIN).await?.body)
    }

    /// Creates an account.
    pub async fn create(&self, body: &Value) -> Result<Destination, Error> {
        let url = self.url();
        let request = self
            .door
            .request("POST", DESTINATIONS, &url, Some(bytes(body)));
        let answer = self.door.send(&request, ONCE).await?;
        Ok(single::<DestinationItem>(DESTINATIONS, &answer.body)?.into())
    }

    /// Asks what a patch would do. Nothing is changed; none where the account has another version by now.
    pub async fn would_patch(
        &self,
        id: &str,
        version: Option<u64>,
        body: &Value,
    ) -> Result<Option<DryRun>, Error> {
        let url = format!("{}{DRY}", self.one(id));
        let mut request = self
            .door
            .request("PATCH", DESTINATION, &url, Some(bytes(body)));
        request.if_match = version;
        match self.door.send(&request, PLAIN).await {
            Ok(answer) => Ok(Some(self.dry_run(DESTINATION, &answer.body)?)),
            Err(error) if error.status() == Some(412) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Patches an account of a version.
    pub async fn patch(
        &self,
        id: &str,
        version: Option<u64>,
        body: &Value,
    ) -> Result<Patched, Error> {
        let mut request = self
            .door
            .request("PATCH", DESTINATION, &self.one(id), Some(bytes(body)));
        request.if_match = version;
        match self.door.send(&request, PLAIN).await {
            Ok(answer) => {
                let item = single::<DestinationItem>(DESTINATION, &answer.body)?;
                Ok(Patched::Done(Box::new(item.into())))
            }
            Err(Error::Problem(problem)) if problem.status == 412 => Ok(Patched::Stale {
                doubted: problem.doubts > 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// Tests an account of events.
    pub async fn test(&self, id: &str) -> Result<Tested, Error> {
        let url = format!("{}/test", self.one(id));
        let request = self
            .door
            .request("POST", TEST, &url, Some(Bytes::from_static(b"{}")));
        let answer = self.door.send(&request, PLAIN).await?;
        let body: Value = single(TEST, &answer.body)?;
        let detail = match &body["detail"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        Ok(Tested {
            ok: body["ok"].as_bool().ok_or(Error::Unexpected {
                path: TEST,
                what: "no ok".to_owned(),
            })?,
            detail: self.door.sender.scrubber().clean(&detail),
        })
    }

    fn url(&self) -> String {
        format!("/v1/projects/{}/destinations", self.project)
    }

    fn one(&self, id: &str) -> String {
        format!("{}/{}", self.url(), encode(id))
    }

    fn dry_run(&self, path: &'static str, body: &[u8]) -> Result<DryRun, Error> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let plan = &body["plan"];
        let action = plan["action"].as_str().ok_or(Error::Unexpected {
            path,
            what: "no plan of a dry run".to_owned(),
        })?;
        let fields = plan["diff"].as_object().into_iter().flatten();
        let warnings = plan["warnings"].as_array().into_iter().flatten();
        let words = |warning: &Value| match warning {
            Value::String(text) => text.clone(),
            other => other["message"]
                .as_str()
                .map_or_else(|| other.to_string(), str::to_owned),
        };
        let scrubber = self.door.sender.scrubber();
        Ok(DryRun {
            action: action.to_owned(),
            fields: fields.map(|(name, _)| name.clone()).collect(),
            warnings: warnings
                .map(|warning| scrubber.clean(&words(warning)))
                .collect(),
        })
    }
}

fn bytes(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}
