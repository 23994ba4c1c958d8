//! Carries out what was planned of accounts, one after the other. What a kill may leave behind is committed before each write,
//! what was done as soon as it is acknowledged, and then what its test said.

use super::{
    super::{Error, Session, target::fingerprint},
    DestinationWork, Todo,
    patching::{Written, create, patch},
};
use crate::{
    amplitude::Patcher,
    model::{Address, Destination, ResourceOutcome, ResourceReport, veiled},
    state::manifest::{DestinationEntry, Entry, Manifest, TestDue},
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
        let mut report = ResourceReport::of(work.address.clone(), ResourceOutcome::Done);
        let account = match &work.todo {
            Todo::Test(account) => {
                // What is said beside the account counts, whatever the test says.
                note_said(manifest, &work, run);
                Some(account.clone())
            }
            _ => {
                write(
                    session,
                    patcher,
                    manifest,
                    (&work, run),
                    &mut report,
                    &mut done,
                )
                .await?
            }
        };
        match account.filter(|account| work.next.is_some() && account.is_testable()) {
            Some(account) => {
                let due = trial(patcher, &account.id, &mut report).await;
                note_test(session, manifest, &work.address, due)?;
            }
            // It streams no more: nothing is left to be tested.
            None if report.outcome == ResourceOutcome::Done => {
                note_test(session, manifest, &work.address, None)?;
            }
            None => {}
        }
        done.reports.push(report);
    }
    Ok(done)
}

/// Writes one account; none where that was not done. What may be left behind by a kill is committed before.
async fn write(
    session: &Session,
    patcher: &Patcher,
    manifest: &mut Manifest,
    (work, run): (&DestinationWork, &str),
    report: &mut ResourceReport,
    done: &mut Done,
) -> Result<Option<Box<Destination>>, Error> {
    let before = manifest.resources.get(&work.address).cloned();
    if let Some(begun) = begun(work, before.as_ref()) {
        manifest.resources.insert(work.address.clone(), begun);
        swap(session, manifest, false)?;
    }
    let written = match &work.todo {
        Todo::Create(body) => create(patcher, body).await,
        _ => patch(session, patcher, manifest, work).await,
    };
    match written {
        Written::Done {
            account,
            requests,
            told,
        } => {
            done.requests += requests;
            report.told = told;
            report.changed = Some(true);
            commit(session, manifest, work, &account, run)?;
            return Ok(Some(account));
        }
        Written::Maybe(why) => {
            report.doubt = 1;
            report.told.push(why);
        }
        Written::Not(why) => {
            report.changed = Some(false);
            report.told.push(why);
            if manifest.resources.get(&work.address) != before.as_ref() {
                match before {
                    Some(before) => manifest.resources.insert(work.address.clone(), before),
                    None => manifest.resources.remove(&work.address),
                };
                swap(session, manifest, false)?;
            }
        }
    }
    report.outcome = ResourceOutcome::Failed;
    Ok(None)
}

/// The report of what was not begun.
pub(in crate::engine) fn untouched(address: Address) -> ResourceReport {
    ResourceReport::of(address, ResourceOutcome::NotAttempted)
}

/// What is remembered of an account while it is written: that it is to be tested, and of one that is created or taken over,
/// that this was begun. None where a kill leaves nothing behind that the next plan would not see.
fn begun(work: &DestinationWork, before: Option<&Entry>) -> Option<Entry> {
    let next = work.next.as_ref()?;
    let id = match &work.todo {
        Todo::Patch { live, .. } => Some(live.id.clone()),
        Todo::Create(_) | Todo::Test(_) => None,
    };
    let known = before.and_then(|before| Some((before, before.destination.as_deref()?)));
    let known = known.filter(|(_, known)| id.is_some() && known.id == id);
    let (entry, known) = match known {
        Some((before, known)) => (before.clone(), known.clone()),
        None => (
            bare(next),
            DestinationEntry {
                id,
                ..DestinationEntry::default()
            },
        ),
    };
    let test = known.test.clone().or(Some(TestDue::NotYet));
    let destination = DestinationEntry { test, ..known };
    Some(Entry {
        destination: Some(Box::new(destination)),
        ..entry
    })
}

/// An entry of which nothing was applied yet but its name.
fn bare(next: &Entry) -> Entry {
    let mut config = next.config.clone();
    if let Some(members) = config.as_object_mut() {
        members.retain(|key, _| ["partner", "display_name"].contains(&key.as_str()));
    }
    Entry {
        config,
        written: None,
        ..next.clone()
    }
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
                id: Some(account.id.clone()),
                secrets: secrets.collect(),
                by_hand: None,
                test: account.is_testable().then_some(TestDue::NotYet),
                seen: account.seen(),
            }));
            manifest.resources.insert(work.address.clone(), next);
        }
    }
    // Where no cohort tells the project, an account was written in it all the same.
    manifest.target.project.get_or_insert(work.project);
    swap(session, manifest, true)
}

/// Remembers what is declared of an account of which nothing is left but its test. The commit is that of the test.
fn note_said(manifest: &mut Manifest, work: &DestinationWork, run: &str) {
    if let Some(mut next) = work.next.clone() {
        run.clone_into(&mut next.run);
        manifest.resources.insert(work.address.clone(), next);
    }
}

/// Remembers what became of a test.
fn note_test(
    session: &Session,
    manifest: &mut Manifest,
    address: &Address,
    due: Option<TestDue>,
) -> Result<(), Error> {
    let entry = manifest.resources.get_mut(address);
    let known = entry.and_then(|entry| entry.destination.as_mut());
    match known.filter(|known| known.test != due) {
        None => Ok(()),
        Some(known) => {
            known.test = due;
            swap(session, manifest, true)
        }
    }
}

fn swap(session: &Session, manifest: &mut Manifest, wrote: bool) -> Result<(), Error> {
    let committed = session.store.commit(manifest, session.clock.millis());
    committed.map_err(|source| Error::Unfolded { source, wrote })
}

/// Tests an account, and returns what of that is left to be done.
async fn trial(patcher: &Patcher, id: &str, report: &mut ResourceReport) -> Option<TestDue> {
    let (words, outcome, due) = match patcher.test(id).await {
        Ok(tested) if tested.ok => return None,
        Ok(tested) => {
            // The event that it tried may be somebody's.
            let detail = veiled(&tested.detail);
            let words = match detail.as_str() {
                "" => "its test failed".to_owned(),
                detail => format!("its test failed: {detail}"),
            };
            let due = Some(TestDue::Failed(detail));
            (words, ResourceOutcome::Failed, due)
        }
        // There is no such test, and there never will be.
        Err(error) if matches!(error.status(), Some(400 | 404 | 405 | 422)) => {
            let words = format!("Amplitude does not test it: {error}");
            (words, ResourceOutcome::Done, None)
        }
        Err(error) => {
            let words = format!("it could not be tested, and is by the next apply: {error}");
            let due = Some(TestDue::NotYet);
            (words, ResourceOutcome::Partial, due)
        }
    };
    report.told.push(words);
    report.outcome = outcome;
    due
}
