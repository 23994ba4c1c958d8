//! Accounts of Amplitude at other services: compared field by field, and patched.
//!
//! # Guarantees
//! Each change is committed as soon as it is acknowledged, before anything is sent that rows are in. Creating one is never
//! idempotent: one that was created and not committed is found again by its name, which is unique. What variables hold is
//! compared by keyed fingerprints and stands in no plan, state or text.

mod apply;
mod blind;
mod draft;
mod found;
mod health;
mod leaving;
mod patching;
mod project;

use std::collections::BTreeMap;

use serde_json::Value;

pub(super) use self::apply::{apply, untouched};
pub(super) use self::found::ambiguous;
pub(super) use self::project::which;
use super::{Error, Refresh, draft::Drafting, target::fingerprint, watched::Looked};
use crate::{
    amplitude,
    config::Resource,
    diff::destination::{Patch, Wanted},
    kinds::{self, destination::Spec},
    model::{Address, Cohort, Destination, DestinationType, Secret},
    state::manifest::Entry,
};

/// What is to be done with one account.
pub(super) struct DestinationWork {
    pub(super) address: Address,
    /// The project that it is in.
    pub(super) project: u64,
    /// What is written.
    todo: Todo,
    /// What is remembered of it once that is done; none where it goes. Its id and its fingerprints come with the answer.
    next: Option<Entry>,
    /// What was filled into it, to be remembered by fingerprints.
    secrets: BTreeMap<String, Secret>,
}

/// What is written.
enum Todo {
    Create(Patch),
    Patch {
        live: Box<Destination>,
        patch: Patch,
        /// What it is to be; none where it is to stop.
        wanted: Option<Box<Wanted>>,
    },
    /// Nothing: the last test of it failed, or was never made.
    Test(Box<Destination>),
}

/// What is seen of the accounts of the project.
enum Seen {
    /// All of them.
    Live {
        project: u64,
        accounts: Vec<Destination>,
    },
    /// Nothing: no token was given, on purpose.
    Blind,
    /// Nothing: nothing live was to be read.
    Unread,
    /// Nothing, which is an error: what happened, and what to do.
    Failed(String, Option<String>),
}

impl Drafting<'_> {
    /// Plans every selected account, those that go too. What needs no request is pushed to what an apply remembers.
    pub(super) async fn destinations(
        &mut self,
        list: &[Cohort],
        looked: &mut Vec<Looked>,
    ) -> Result<Vec<DestinationWork>, Error> {
        let session = self.session;
        let resources = session.configuration.resources.values();
        let declared: Vec<&Resource> = resources
            .filter(|resource| kinds::is_managed(resource) && !session.how.destroy)
            .filter(|resource| self.takes(&resource.address, &resource.kind))
            .collect();
        let leaving = self.leaving_accounts();
        let mut works = vec![];
        if declared.is_empty() && leaving.is_empty() {
            return Ok(works);
        }
        let seen = self.see(list).await?;
        for resource in declared {
            // The schema has passed whatever comes here.
            let Ok(spec) = serde_json::from_value::<Spec>(resource.body.clone()) else {
                let message = "cannot be read as it stands".to_owned();
                self.fail(&resource.address, message, None);
                continue;
            };
            let health = self.health(resource, &spec).await?;
            let from = self.plan.resources.len();
            match &seen {
                Seen::Live { project, accounts } => {
                    if let Some(of) = self.integration(resource, &spec).await? {
                        let planned = self.account(resource, &spec, &of, (*project, accounts));
                        let (work, remembered) = planned.unwrap_or_default();
                        works.extend(work);
                        looked.extend(remembered);
                    }
                }
                Seen::Blind => looked.push(self.by_hand(resource, &spec)),
                Seen::Unread => self.unread(resource, &spec),
                Seen::Failed(message, hint) => {
                    self.fail(&resource.address, message.clone(), hint.clone());
                }
            }
            for planned in &mut self.plan.resources[from..] {
                let notes: Vec<String> = planned
                    .note
                    .take()
                    .into_iter()
                    .chain(health.clone())
                    .collect();
                planned.note = (!notes.is_empty()).then(|| notes.join("; "));
            }
        }
        for (address, entry, disables) in leaving {
            let (work, remembered) = self.leave_account(&address, &entry, disables, &seen);
            works.extend(work);
            looked.extend(remembered);
        }
        self.plan.cost.requests += works.len() as u64;
        Ok(works)
    }

    /// Looks at all accounts of the project.
    async fn see(&self, list: &[Cohort]) -> Result<Seen, Error> {
        let session = self.session;
        if session.how.refresh == Refresh::None {
            return Ok(Seen::Unread);
        }
        let settings = &session.configuration.amplitude;
        let reader = match &session.developer.reader {
            Ok(reader) => reader,
            Err(_) if settings.developer_token.is_left_out => return Ok(Seen::Blind),
            // One that is written and cannot be had is a mistake, and not a wish to do without.
            Err(_) => {
                let missing = &settings.developer_token.missing;
                return Ok(Seen::Failed(missing.message.clone(), missing.hint.clone()));
            }
        };
        let recorded = self.manifest.and_then(|manifest| manifest.target.project);
        let told = || list.iter().find_map(|cohort| cohort.project);
        let project = match project::which(settings.project_id, recorded, told()) {
            Ok(project) => project,
            Err((message, hint)) => return Ok(Seen::Failed(message, Some(hint))),
        };
        match reader.destinations(project).await {
            Ok(accounts) => Ok(Seen::Live { project, accounts }),
            Err(error) => said(error).map(|(message, hint)| Seen::Failed(message, hint)),
        }
    }

    /// Returns what the integration of an account can be told; where there is none, that is an error of the account.
    async fn integration(
        &mut self,
        resource: &Resource,
        spec: &Spec,
    ) -> Result<Option<DestinationType>, Error> {
        let Ok(reader) = &self.session.developer.reader else {
            return Ok(None);
        };
        let (message, hint) = match reader.destination_type(&spec.partner).await {
            Ok(Some(of)) => return Ok(Some(of)),
            Ok(None) => {
                let types = reader.destination_types().await.unwrap_or_default();
                let names: Vec<String> = types.into_iter().map(|of| of.partner).collect();
                kinds::destination::no_partner(&spec.partner, &names)
            }
            Err(error) => said(error)?,
        };
        self.fail(&resource.address, message, hint);
        Ok(None)
    }

    /// Returns the fingerprint of what was filled, where there is a state to key it by.
    fn fingerprint(&self, value: &Secret) -> Option<String> {
        let manifest = self.manifest?;
        Some(fingerprint(&manifest.lineage, value))
    }
}

/// What an answer that said no is for one account: what happened, and what to do. Anything else ends the plan.
fn said(error: amplitude::Error) -> Result<(String, Option<String>), Error> {
    match error {
        amplitude::Error::Problem(_) | amplitude::Error::Refused { .. } => {
            Ok((error.to_string(), error.key_hint().map(str::to_owned)))
        }
        amplitude::Error::Unexpected { .. } => Ok((error.to_string(), None)),
        amplitude::Error::Exhausted(ref exhausted) if exhausted.is_of_one_path() => Ok((
            error.to_string(),
            Some("plan again once Amplitude answers".to_owned()),
        )),
        other => Err(other.into()),
    }
}

/// A value that an account tells, as a secret that can be fingerprinted like one that was sent.
fn as_sent(told: &Value) -> Secret {
    match told {
        Value::String(text) => Secret::new(text.clone()),
        other => Secret::new(other.to_string()),
    }
}
