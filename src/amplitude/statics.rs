//! Static cohorts: makes one by upload and changes its members (Behavioral Cohorts page, upload and membership). It decides
//! nothing about who is in one.
//!
//! # Guarantees
//! An upload is never sent twice: a second one would make a second cohort. A change of members may be, it comes to the same.
//! No text names a person.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Error, Reader, wire};
use crate::http::{
    Answer, Authorization, Limiter, Manner, Policy, Request, Sender, retrying_as, without,
};

/// Identifiers of one request (Behavioral Cohorts page).
pub const IDS_PER_REQUEST: usize = 100_000;
/// Requests for static cohorts a second. No page names a rate for them; one for *Get one cohort* is about a tenth of it.
pub const STATICS_PER_SECOND: f64 = 1.0;

const UPLOAD: &str = "/api/3/cohorts/upload";
const MEMBERSHIP: &str = "/api/3/cohorts/membership";

/// Makes static cohorts and changes their members.
#[derive(Debug)]
pub struct StaticWriter {
    sender: Arc<Sender>,
    base: String,
    authorization: Authorization,
    policy: Policy,
    turns: Limiter,
}

/// A cohort to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewCohort<'a> {
    /// Its name.
    pub name: &'a str,
    /// Login e-mail of the Amplitude user who is to own it.
    pub owner: &'a str,
    /// Whether others find it.
    pub published: bool,
    /// Numeric id of the project.
    pub project: u64,
}

/// A cohort that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Amplitude's id of it.
    pub id: String,
    /// Whether everybody who was uploaded is certainly in it.
    pub all: bool,
}

/// What is done with members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// They join.
    Add,
    /// They leave.
    Remove,
}

/// Why a request did nothing that can be told.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct StaticError {
    /// What Amplitude or the network said.
    pub error: Error,
    /// Whether it may have been carried out all the same.
    pub maybe: bool,
    /// Whether Amplitude knows nobody of those who were uploaded.
    pub nobody: bool,
}

impl StaticWriter {
    /// Makes a writer of the project that a reader reads.
    pub fn beside(reader: &Reader, share: f64) -> Self {
        let (sender, base, authorization) = reader.way();
        Self {
            policy: Policy::for_endpoint(&base),
            sender,
            base,
            authorization,
            turns: Limiter::new(
                (60.0 * STATICS_PER_SECOND * share).max(1.0),
                Duration::from_mins(1),
            ),
        }
    }

    /// Makes a cohort of these user ids. People whom Amplitude does not know are left out; it must know one at least.
    pub async fn upload(&self, new: &NewCohort<'_>, ids: &[&str]) -> Result<Made, StaticError> {
        let body = json!({
            "name": new.name,
            "app_id": new.project,
            "id_type": "BY_USER_ID",
            "ids": ids,
            "owner": new.owner,
            "published": new.published,
            "skip_invalid_ids": true,
        });
        // No page promises of any failure but 429 that nothing was made.
        let manner = Manner {
            words: |_| String::new(),
            once: true,
            ..Manner::PLAIN
        };
        let answer = self.send(UPLOAD, &body, manner).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !(200..=299).contains(&answer.status) {
            let nobody = answer.status == 400 && (names_all(&said, ids) || says_nobody(&said));
            return Err(StaticError {
                nobody,
                ..self.refused(UPLOAD, &answer, ids)
            });
        }
        // The page of 2023 spells it otherwise.
        let id = said["cohortId"].as_str();
        let id = id.or_else(|| said["cohort_id"].as_str());
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            return Err(unexpected(UPLOAD, "no cohortId"));
        };
        let matched = said["metadata"]["matched"].as_u64();
        let invalid = &said["metadata"]["invalid_ids_sample"];
        let none_invalid = invalid.as_array().is_none_or(Vec::is_empty);
        Ok(Made {
            id: id.to_owned(),
            all: none_invalid && matched.is_some_and(|matched| matched >= ids.len() as u64),
        })
    }

    /// Lets these user ids join or leave a cohort. Returns those that were skipped, by their place: Amplitude does not know
    /// them. Where it knows none, it may refuse the request with those words.
    pub async fn change(
        &self,
        cohort: &str,
        operation: Operation,
        ids: &[&str],
    ) -> Result<Vec<usize>, StaticError> {
        let word = match operation {
            Operation::Add => "ADD",
            Operation::Remove => "REMOVE",
        };
        let body = json!({
            "cohort_id": cohort,
            "memberships": [{"ids": ids, "id_type": "BY_NAME", "operation": word}],
            "skip_invalid_ids": true,
        });
        let manner = Manner {
            words: |_| String::new(),
            ..Manner::PLAIN
        };
        let answer = self.send(MEMBERSHIP, &body, manner).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // Whoever stays in the cohort unseen would never leave it: of those who leave, each must be named.
        let says = || operation == Operation::Add && says_nobody(&said);
        if answer.status == 400 && (names_all(&said, ids) || says()) {
            return Ok((0..ids.len()).collect());
        }
        if !(200..=299).contains(&answer.status) {
            return Err(self.refused(MEMBERSHIP, &answer, ids));
        }
        let Some(results) = said["memberships_result"].as_array() else {
            return Err(unexpected(MEMBERSHIP, "no memberships_result"));
        };
        let skipped = results
            .iter()
            .filter_map(|result| result["skipped_ids"].as_array())
            .flatten()
            .filter_map(Value::as_str);
        let skipped: HashSet<&str> = skipped.collect();
        let places = (0..ids.len()).filter(|at| skipped.contains(ids[*at]));
        Ok(places.collect())
    }

    async fn send(
        &self,
        path: &'static str,
        body: &Value,
        manner: Manner<'_>,
    ) -> Result<Answer, StaticError> {
        let request = Request {
            method: "POST",
            url: format!("{}{path}", self.base),
            path,
            authorization: Some(self.authorization.clone()),
            body: Some(Bytes::from(body.to_string())),
            if_match: None,
        };
        let sent = retrying_as(&self.sender, &request, self.policy, &self.turns, manner).await;
        sent.map_err(|exhausted| StaticError {
            maybe: exhausted.doubts > 0,
            error: exhausted.into(),
            nobody: false,
        })
    }

    /// An answer that says no. An earlier try may have been carried out, whatever became of the last.
    fn refused(&self, path: &'static str, answer: &Answer, ids: &[&str]) -> StaticError {
        let mut text = wire::error_text(&answer.body);
        // A body that is no error of the documented shape may hold ids.
        if text.len() > 500 {
            "(a long answer)".clone_into(&mut text);
        }
        for id in ids {
            text = without(Some(id), &text).into_owned();
        }
        StaticError {
            error: Error::Refused {
                path,
                status: answer.status,
                text: self.sender.scrubber().clean(&text),
            },
            maybe: answer.doubts > 0,
            nobody: false,
        }
    }
}

/// Whether a refusal names each of these as one whom Amplitude does not know. Some of them are not enough: it may be about them.
fn names_all(said: &Value, ids: &[&str]) -> bool {
    let metadata = &said["error"]["metadata"];
    let results = metadata["memberships_result"].as_array();
    let skipped = results.into_iter().flatten();
    let lists = skipped.map(|result| &result["skipped_ids"]);
    let lists = lists.chain([&metadata["invalid_ids_sample"], &metadata["invalid_ids"]]);
    let named = lists.filter_map(Value::as_array).flatten();
    let named: HashSet<&str> = named.filter_map(Value::as_str).collect();
    !ids.is_empty() && ids.iter().all(|id| named.contains(id))
}

/// Whether a refusal says that it knows nobody at all. No page words it, so only a whole clause counts: single words of
/// it stand in other refusals too.
fn says_nobody(said: &Value) -> bool {
    const CLAUSES: [&str; 5] = [
        "no id is an existing user",
        "none of the ids is an existing user",
        "no existing users",
        "no valid ids",
        "no valid users",
    ];
    let error = &said["error"];
    [&error["metadata"]["details"], &error["message"]]
        .into_iter()
        .filter_map(Value::as_str)
        .map(str::to_lowercase)
        .any(|text| CLAUSES.iter().any(|clause| text.contains(clause)))
}

fn unexpected(path: &'static str, what: &str) -> StaticError {
    StaticError {
        error: Error::Unexpected {
            path,
            what: what.to_owned(),
        },
        maybe: true,
        nobody: false,
    }
}

#[cfg(test)]
mod tests;
