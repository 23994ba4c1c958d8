//! Behavioral Cohorts API: the list, and one cohort's file in three steps (request, poll, download).

use std::{collections::BTreeSet, time::Duration};

use super::{
    Error, Reader,
    wire::{CohortItem, CohortList, Requested, SyncItem},
};
use crate::{
    http::{Stream, backoff, encode},
    model::{Cohort, NativeSync, digest},
};

const LIST: &str = "/api/3/cohorts";
const USAGE: &str = "/api/3/cohorts/usage";
const REQUEST: &str = "/api/5/cohorts/request/{id}";
const STATUS: &str = "/api/5/cohorts/request-status/{id}";
const FILE: &str = "/api/5/cohorts/request/{id}/file";

/// How long a job may take before it is left for another plan. Jobs commonly take a minute (observed).
const PATIENCE: Duration = Duration::from_mins(20);

/// Where the list is, for what its answers' heads tell.
pub const LIST_PATH: &str = LIST;

/// What the month's downloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many the month allows.
    pub limit: u64,
    /// How many are spent.
    pub used: u64,
    /// When they are counted from nothing again, where that is told and can be read.
    pub resets_at: Option<jiff::Timestamp>,
}

impl Reader {
    /// Lists all cohorts of the project, with the syncs that Amplitude runs of each where the project is told: one request, no
    /// paging.
    pub async fn cohorts(&self) -> Result<Vec<Cohort>, Error> {
        let url = format!("{LIST}?includeSyncInfo=true");
        let answer = self.get(LIST, &url).await?;
        let list: CohortList =
            serde_json::from_slice(&answer.body).map_err(|error| Error::Unexpected {
                path: LIST,
                what: format!("line {} column {}", error.line(), error.column()),
            })?;
        Ok(list.cohorts.into_iter().map(cohort).collect())
    }

    /// Returns what the project tells of the month's downloads, if it does.
    pub async fn usage(&self) -> Result<Option<Usage>, Error> {
        let answer = self.get(USAGE, USAGE).await?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // Seen nested (a connector's code) and flat (another client's).
        let usage = if body["rest_download"].is_object() {
            &body["rest_download"]
        } else {
            &body
        };
        let spent = usage["usage"].as_u64().or_else(|| usage["count"].as_u64());
        let of = |(limit, used)| Usage {
            limit,
            used,
            resets_at: usage["resets_at"].as_str().and_then(|at| at.parse().ok()),
        };
        Ok(usage["limit"].as_u64().zip(spent).map(of))
    }

    /// Asks for a cohort's file with the columns of these properties. Returns the id of the request, and how many of the month's downloads it may have
    /// spent: one, and one for each try whose answer was lost.
    pub async fn request_cohort(
        &self,
        id: &str,
        properties: &BTreeSet<String>,
    ) -> Result<(String, u64), Error> {
        let url = format!(
            "/api/5/cohorts/request/{}?{}",
            encode(id),
            columns(properties)
        );
        let answer = self.get_cohort(REQUEST, &url).await?;
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
            _ => Ok((requested.request_id, 1 + u64::from(answer.doubts))),
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
            self.wait(wait).await?;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// Opens the file of a request, through a redirect without credentials if there is one.
    pub async fn cohort_file(&self, request: &str) -> Result<Stream, Error> {
        let url = self.address(&format!("/api/5/cohorts/request/{}/file", encode(request)));
        let mut stream = self.open(FILE, url, true).await?;
        if matches!(stream.status, 301..=303 | 307 | 308) {
            let location = stream
                .headers
                .get("location")
                .and_then(|location| location.to_str().ok());
            let location = location.ok_or_else(|| Error::Unexpected {
                path: FILE,
                what: "a redirect to nowhere".to_owned(),
            })?;
            let location = if location.starts_with('/') {
                self.address(location)
            } else {
                location.to_owned()
            };
            stream = self.open(FILE, location, false).await?;
        }
        if stream.status == 200 {
            return Ok(stream);
        }
        let answer = stream.whole(self.scrubber()).await?;
        Err(self.refused(FILE, answer.status, &answer.body))
    }

    /// Returns how long to wait before a file that broke off is read from its start again; none where another try
    /// would end the same.
    pub fn again(&self, error: &Error, tries: u32) -> Option<Duration> {
        let passing = match error {
            Error::Broken(_) => true,
            Error::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        };
        (passing && tries < self.policy.attempts).then(|| backoff(self.policy, tries))
    }
}

/// The type of a cohort of which Amplitude computes who is in it (Behavioral Cohorts page, its sample).
const COMPUTED: &str = "redshift";

fn cohort(item: CohortItem) -> Cohort {
    let syncs = item
        .sync_metadata
        .map(|syncs| syncs.into_iter().map(native).collect());
    Cohort {
        syncs,
        computes: item.kind.as_deref() == Some(COMPUTED),
        id: item.id,
        name: item.name,
        archived: item.archived.unwrap_or(false),
        size: item.size.unwrap_or(0),
        computed: item.last_computed,
        project: item.app_id,
        definition: digest::sha256(digest::canonical(&item.definition).to_string().as_bytes()),
    }
}

fn native(item: SyncItem) -> NativeSync {
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    NativeSync {
        target: item.target,
        frequency: item.frequency,
        last_successful: time(item.last_successful),
        last_failure: time(item.last_failure),
    }
}

/// Words the columns: `props=1` alone would ask for all, so each is named. None asked, none sent.
fn columns(properties: &BTreeSet<String>) -> String {
    if properties.is_empty() {
        return "props=0".to_owned();
    }
    properties
        .iter()
        .fold("props=1".to_owned(), |query, property| {
            query + "&propKeys=" + &encode(property)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_is_named_and_none_means_none() {
        let of = |names: &[&str]| columns(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&[]), "props=0");
        assert_eq!(
            of(&["plan tier", "a&b"]),
            "props=1&propKeys=a%26b&propKeys=plan%20tier"
        );
    }
}
