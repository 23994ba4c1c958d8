//! Carries out what was planned of accounts, one after the other, and commits each as soon as it is acknowledged.

use super::{
    super::{Error, Session, target::fingerprint},
    DestinationWork, Todo,
    patching::{Written, create, patch},
};
use crate::{
    amplitude::Patcher,
    model::{Address, Destination, ResourceOutcome, ResourceReport},
    state::manifest::{DestinationEntry, Manifest},
};

/// What became of the accounts.
pub(in crate::engine) struct Done {
    pub(in crate::engine) reports: Vec<ResourceReport>,
    /// Writes that were acknowledged.
    pub(in crate::engine) requests: u64,
}

impl Done {
    /// Returns the first account that was not done.
    pub(in crate::engine) fn failed(&self) -> Option<&Address> {
        let mut reports = self.reports.iter();
        let failed = reports.find(|report| report.outcome != ResourceOutcome::Done)?;
        Some(&failed.address)
    }
}

/// Carries out what was planned. A failure of one is told in its report and does not stop the others, unless the first
/// failure is to end all.
pub(in crate::engine) async fn apply(
    session: &Session,
    patcher: Option<&Patcher>,
    manifest: &mut Manifest,
    works: Vec<DestinationWork>,
    run: &str,
) -> Result<Done, Error> {
    let mut done = Done {
        reports: vec![],
        requests: 0,
    };
    let Some(patcher) = patcher else {
        return Ok(done);
    };
    for work in works {
        let ended = session.how.fail_fast && done.failed().is_some();
        if ended || *session.stop.borrow() {
            done.reports.push(untouched(work.address));
            continue;
        }
        let written = match &work.todo {
            Todo::Create(body) => create(patcher, body).await,
            Todo::Patch { .. } => patch(session, patcher, manifest, &work).await,
        };
        let mut report = ResourceReport::of(work.address.clone(), ResourceOutcome::Failed);
        match written {
            Written::Done {
                account,
                requests,
                told,
            } => {
                done.requests += requests;
                report.told = told;
                report.changed = Some(true);
                report.outcome = ResourceOutcome::Done;
                commit(session, manifest, &work, &account, run)?;
                if let Some(said) = trial(patcher, &work, &account).await {
                    report.told.extend(said.words);
                    if said.failed {
                        report.outcome = ResourceOutcome::Failed;
                    }
                }
            }
            Written::Maybe(why) => {
                report.doubt = 1;
                report.told.push(why);
            }
            Written::Not(why) => {
                report.changed = Some(false);
                report.told.push(why);
            }
        }
        done.reports.push(report);
    }
    Ok(done)
}

/// The report of what was not begun.
pub(in crate::engine) fn untouched(address: Address) -> ResourceReport {
    ResourceReport::of(address, ResourceOutcome::NotAttempted)
}

/// Remembers what was acknowledged.
fn commit(
    session: &Session,
    manifest: &mut Manifest,
    work: &DestinationWork,
    account: &Destination,
    run: &str,
) -> Result<(), Error> {
    match work.next.clone() {
        None => {
            manifest.resources.remove(&work.address);
        }
        Some(mut next) => {
            run.clone_into(&mut next.run);
            let secrets = work.secrets.iter();
            let secrets = secrets.map(|(id, value)| {
                let print = fingerprint(&manifest.lineage, value);
                (id.clone(), print)
            });
            next.destination = Some(Box::new(DestinationEntry {
                id: account.id.clone(),
                secrets: secrets.collect(),
            }));
            manifest.resources.insert(work.address.clone(), next);
        }
    }
    // Where no cohort tells the project, an account was written in it all the same.
    manifest.target.project.get_or_insert(work.project);
    let committed = session.store.commit(manifest, session.clock.millis());
    committed.map_err(|source| Error::Unfolded {
        source,
        wrote: true,
    })
}

/// What a test said.
struct Words {
    words: Vec<String>,
    failed: bool,
}

/// Tests an account after a change, where it is one of events that runs.
async fn trial(patcher: &Patcher, work: &DestinationWork, account: &Destination) -> Option<Words> {
    let streams = |kind: &String| ["event", "identify"].contains(&kind.as_str());
    let runs = work.next.is_some() && account.enabled != Some(false);
    if !runs || !account.kind.iter().any(streams) {
        return None;
    }
    let (words, failed) = match patcher.test(&account.id).await {
        Ok(tested) if tested.ok => return None,
        Ok(tested) if tested.detail.is_empty() => ("its test failed".to_owned(), true),
        Ok(tested) => (format!("its test failed: {}", tested.detail), true),
        Err(error) => (format!("it could not be tested: {error}"), false),
    };
    Some(Words {
        words: vec![words],
        failed,
    })
}
