//! Behavioral Cohorts API: the list, and one cohort's file in three steps (request, poll, download).

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    Error, Reader,
    wire::{CohortItem, CohortList, Requested},
};
use crate::model::Cohort;

const LIST: &str = "/api/3/cohorts";
const REQUEST: &str = "/api/5/cohorts/request/{id}";
const STATUS: &str = "/api/5/cohorts/request-status/{id}";
const FILE: &str = "/api/5/cohorts/request/{id}/file";

/// How long a job may take before it is left for another plan. Jobs commonly take a minute (observed).
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Tries to read a file that breaks off; asking again is free for seven days.
const FILE_TRIES: u32 = 5;

impl Reader {
    /// Lists all cohorts of the project: one request, no paging.
    pub async fn cohorts(&self) -> Result<Vec<Cohort>, Error> {
        let answer = self.get(LIST, LIST).await?;
        let list: CohortList =
            serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
                path: LIST,
                what: format!("line {} column {}", error.line(), error.column()),
            })?;
        Ok(list.cohorts.into_iter().map(cohort).collect())
    }

    /// Asks for a cohort's file; spends one of the month's downloads. Returns the id of the request.
    pub async fn request_cohort(&self, id: &str) -> Result<String, Error> {
        let answer = self
            .get_cohort(
                REQUEST,
                &format!("/api/5/cohorts/request/{}?props=0", encode(id)),
            )
            .await?;
        let requested: Requested =
            serde_json::from_slice(&answer.body).map_err(|_| Error::Unexpected {
                path: REQUEST,
                what: "no request_id".to_owned(),
            })?;
        match requested.cohort_id {
            Some(other) if other != id => Err(Error::Unexpected {
                path: REQUEST,
                what: "it names another cohort".to_owned(),
            }),
            _ => Ok(requested.request_id),
        }
    }

    /// Waits until the file of a request is ready; the status alone tells (202 wait, 200 done).
    pub async fn wait_for_cohort(&self, request: &str) -> Result<(), Error> {
        let url = format!("/api/5/cohorts/request-status/{}", encode(request));
        let begin = tokio::time::Instant::now();
        let mut wait = self.policy.base;
        loop {
            if self.get(STATUS, &url).await?.status == 200 {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                return Err(Error::NotReady(PATIENCE));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// Streams the file of a request, through a redirect without credentials if there is one. `begin` is called
    /// before each try, since a file that broke off is read from its start again.
    pub async fn cohort_file<E: From<Error>>(
        &self,
        request: &str,
        mut begin: impl FnMut() -> Result<(), E>,
        mut piece: impl AsyncFnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        let url = format!("/api/5/cohorts/request/{}/file", encode(request));
        let mut tries = 0;
        loop {
            begin()?;
            tries += 1;
            let broken = match self.try_file(&url, &mut piece).await {
                Ok(()) => return Ok(()),
                Err(FileError::Theirs(error)) => error,
                Err(FileError::Ours(error)) => return Err(error),
            };
            let passing = match &broken {
                Error::Broken(_) => true,
                Error::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
                _ => false,
            };
            if !passing || tries >= FILE_TRIES.max(self.policy.attempts) {
                return Err(broken.into());
            }
            tokio::time::sleep(crate::http::backoff(self.policy, tries)).await;
        }
    }

    async fn try_file<E>(
        &self,
        url: &str,
        piece: &mut impl AsyncFnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), FileError<E>> {
        let theirs = |error: crate::http::Failure| FileError::Theirs(error.into());
        let mut stream = self.open(FILE, url, true).await.map_err(theirs)?;
        if matches!(stream.status, 301..=303 | 307 | 308) {
            let location = stream
                .headers
                .get("location")
                .and_then(|location| location.to_str().ok());
            let location = location.map(str::to_owned).ok_or_else(|| {
                FileError::Theirs(Error::Unexpected {
                    path: FILE,
                    what: "a redirect to nowhere".to_owned(),
                })
            })?;
            let location = if location.starts_with('/') {
                self.address(&location)
            } else {
                location
            };
            stream = self.open(FILE, &location, false).await.map_err(theirs)?;
        }
        if stream.status != 200 {
            let answer = stream.whole(self.scrubber()).await.map_err(theirs)?;
            return Err(FileError::Theirs(self.refused(
                FILE,
                answer.status,
                &answer.body,
            )));
        }
        stream
            .each(self.scrubber(), async |bytes| {
                piece(bytes).await.map_err(FileError::Ours)
            })
            .await
    }
}

/// Whose fault it was: Amplitude's or the network's (tried again), or the taker's.
enum FileError<E> {
    Theirs(Error),
    Ours(E),
}

impl<E> From<crate::http::Failure> for FileError<E> {
    fn from(failure: crate::http::Failure) -> Self {
        Self::Theirs(failure.into())
    }
}

fn cohort(item: CohortItem) -> Cohort {
    let definition = Sha256::digest(canonical(&item.definition).to_string().as_bytes());
    Cohort {
        id: item.id,
        name: item.name,
        archived: item.archived.unwrap_or(false),
        size: item.size.unwrap_or(0),
        computed: item.last_computed,
        project: item.app_id,
        definition: definition
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

/// Sorts the members of objects, so that equal definitions have equal text.
fn canonical(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let sorted: std::collections::BTreeMap<_, _> = members
                .iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            sorted
                .into_iter()
                .map(|(key, value)| (key.clone(), value))
                .collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

/// Percent-encodes an id for a path.
fn encode(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
