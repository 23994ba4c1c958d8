//! Carries a plan out.
//!
//! # Expected flow
//! 1. Take the lease.
//! 2. Recover what an earlier run left.
//! 3. Plan. (The caller shows it and asks.)
//! 4. Wait until `settle` has passed since the last send into the same lane.
//! 5. Make the deltas blobs, create the journal, commit a manifest that names the run as pending.
//! 6. Send.
//! 7. Fold the journal into new ledgers and commit.
//! 8. Remove the journal.
//!
//! # Guarantees
//! Killed before 5 is committed, nothing was sent. Killed after, the next plan sees in the journal what was. Killed
//! after 7, a stray journal is left, known by its run's id. Recovery is 7 and 8 alone; an old delta is never continued.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Error, Planned, Session,
    fold::{Recorded, header_of},
    plan::{Work, lanes, plan},
    saved::{SavedPlan, mark},
    send, target,
};
use crate::{
    braze::Writer,
    kinds::Lane,
    model::{Address, Event, Report, ResourceOutcome, ResourceReport, digest},
    state::{
        self,
        journal::Journal,
        lease::Lease,
        manifest::{Entry, Manifest, Pending, PendingLane, PendingPart, RunEntry},
    },
};

/// Runs remembered in the manifest.
const RUNS: usize = 200;

/// The right to write, and a plan made under it.
pub struct Prepared {
    /// The plan to show and to ask about.
    pub planned: Planned,
    /// The saved plan that is applied, if one is.
    saved: Option<String>,
    lease: Lease,
}

/// How often a held lease is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Takes the lease, waiting for it as long as allowed, recovers, and plans. A saved plan is compared with the one made
/// now, which is what is applied; one with errors is not compared.
pub async fn prepare(
    session: &Session,
    patience: Duration,
    saved: Option<&SavedPlan>,
) -> Result<Prepared, Error> {
    let lease = take_lease(session, patience).await?;
    recover(session).await?;
    if let Some(saved) = saved {
        saved.usable(session)?;
    }
    let planned = plan(session).await?;
    if let Some(saved) = saved.filter(|_| planned.plan.errors.is_empty()) {
        tokio::task::block_in_place(|| saved.same_as(&planned))?;
    }
    Ok(Prepared {
        planned,
        saved: saved.map(|saved| saved.about.id.clone()),
        lease,
    })
}

pub(super) async fn take_lease(session: &Session, patience: Duration) -> Result<Lease, Error> {
    let begin = tokio::time::Instant::now();
    let mut told = false;
    loop {
        match Lease::take(session.store.root(), &session.command) {
            Err(state::Error::Leased { holder }) if begin.elapsed() < patience => {
                if !told {
                    session.events.tell(Event::Waiting { holder }).await;
                    told = true;
                }
                if !session.sender.waits(tokio::time::sleep(ASK_AGAIN)).await {
                    return Err(Error::Stopped);
                }
            }
            other => return Ok(other?),
        }
    }
}

/// Carries out what was prepared. The caller has seen to it that no guard refuses.
pub async fn apply(session: &Session, prepared: Prepared) -> Result<Report, Error> {
    let Prepared {
        planned,
        saved,
        lease,
    } = prepared;
    let Planned {
        plan,
        mut works,
        manifest,
        target,
        ..
    } = planned;
    let run = new_id(session);
    let mut report = Report {
        run: run.clone(),
        resources: vec![],
        requests: 0,
        data_points: 0,
        repeated_data_points: 0,
        stopped: None,
    };
    let mut manifest = match manifest {
        Some(manifest) => Manifest { target, ..manifest },
        None => begin(session, target),
    };
    // In the commit that makes the run pending, or settles it: a plan is applied once, killed or not.
    let marked = saved.is_some();
    if let Some(id) = saved {
        mark(&mut manifest, id, session.clock.now());
    }
    for work in &mut works {
        if let Some(next) = &mut work.next {
            next.run.clone_from(&run);
        }
    }
    let settled = works.iter().filter(|work| work.draft.is_none());
    let settled: BTreeMap<Address, Option<Entry>> = settled
        .map(|work| (work.address.clone(), work.next.clone()))
        .collect();
    if works.iter().all(|work| work.draft.is_none()) {
        commit_settled(session, manifest, settled, &run, &plan.digest, marked)?;
        return Ok(report);
    }
    settle(session, &manifest, &works, &mut report).await;
    if report.stopped.is_some() {
        report.resources = not_attempted(&plan);
        return Ok(report);
    }
    if manifest.target.oldest_segment.is_none() {
        manifest.target.oldest_segment = target::oldest_segment(session).await?;
    }
    let pending = Pending {
        run: run.clone(),
        plan: plan.digest.clone(),
        braze_key: target::fingerprint(&manifest.lineage, &session.identity.braze_key),
        command: session.command.clone(),
        started_at: session.clock.now(),
        lanes: pending_lanes(&works),
        settled,
    };
    for draft in works.iter().filter_map(|work| work.draft.as_ref()) {
        session.store.keep_shared(draft)?;
    }
    let mut journal = Journal::create(&session.store.journal(&run)?, &header_of(&pending))?;
    manifest.pending = Some(pending);
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    if let Err(error) = send_all(session, &works, &mut journal, &mut report).await {
        report.stopped = Some(error.to_string());
    }
    drop(journal);
    let folded = tokio::task::block_in_place(|| finish(session, manifest, false));
    drop(lease);
    report.resources = folded.map_err(|source| Error::Unfolded {
        source,
        wrote: report.requests > 0,
    })?;
    Ok(report)
}

/// Commits what needs no request: a change of the configuration, a source that moved without changing a row.
fn commit_settled(
    session: &Session,
    mut manifest: Manifest,
    settled: BTreeMap<Address, Option<Entry>>,
    run: &str,
    plan: &str,
    marked: bool,
) -> Result<(), Error> {
    let same =
        settled.iter().all(
            |(address, next)| match (manifest.resources.get(address), next) {
                (Some(known), Some(next)) => alike(known, next),
                (None, None) => true,
                _ => false,
            },
        );
    if same && !marked {
        return Ok(());
    }
    manifest.become_settled(settled);
    remember(
        session,
        &mut manifest,
        session.clock.now(),
        run,
        plan,
        "done",
    );
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    Ok(())
}

/// The lanes of a run, each with its deltas in the order in which they are merged.
fn pending_lanes(works: &[Work]) -> Vec<PendingLane> {
    let part = |work: &Work| {
        let delta = work.draft.as_ref()?.digest().to_owned();
        Some(PendingPart {
            address: work.address.clone(),
            delta,
            next: work.next.clone(),
        })
    };
    let lane = |lane: Lane| PendingLane {
        lane: lane.name().to_owned(),
        parts: works
            .iter()
            .filter(|work| work.desired.lane() == lane)
            .filter_map(part)
            .collect(),
    };
    lanes(works).into_iter().map(lane).collect()
}

/// Sends every lane, one after the other.
async fn send_all(
    session: &Session,
    works: &[Work],
    journal: &mut Journal,
    report: &mut Report,
) -> Result<(), Error> {
    let share = session.configuration.braze.use_at_most / 100.0;
    let identity = &session.identity;
    let writer = Arc::new(Writer::new(
        session.sender.clone(),
        &identity.braze_url,
        &identity.braze_key,
        share,
    ));
    for (number, lane) in lanes(works).into_iter().enumerate() {
        let sending: Vec<&Work> = works
            .iter()
            .filter(|work| work.draft.is_some() && work.desired.lane() == lane)
            .collect();
        let addresses = sending.iter().map(|work| work.address.clone()).collect();
        session
            .events
            .tell(Event::Sending {
                lane: lane.name(),
                addresses,
            })
            .await;
        let mut sent = send::Sent::default();
        let ended = send::lane(session, &writer, &sending, journal, number as u8, &mut sent).await;
        report.requests += sent.requests;
        report.data_points += sent.data_points;
        report.repeated_data_points += sent.repeated;
        let asked = session.stop.borrow().then(|| "asked to stop".to_owned());
        report.stopped = report
            .stopped
            .take()
            .or(asked.filter(|_| sent.stopped.is_some()))
            .or(sent.stopped);
        ended?;
        if report.stopped.is_some() {
            break;
        }
    }
    Ok(())
}

/// Waits until what was sent last has settled: Braze keeps no order between requests seconds apart.
async fn settle(session: &Session, manifest: &Manifest, works: &[Work], report: &mut Report) {
    let now = session.clock.millis();
    let left = |work: &Work| {
        let last = manifest.lanes.get(work.desired.lane().name())?.last_send;
        // A clock that went back waits once for the whole time, and no longer.
        let since = Duration::from_millis(u64::try_from(now - last).unwrap_or(0));
        work.settle.checked_sub(since)
    };
    let wait = works
        .iter()
        .filter(|work| work.draft.is_some())
        .filter_map(left)
        .max()
        .unwrap_or_default();
    if wait.is_zero() {
        return;
    }
    session
        .events
        .tell(Event::Settling {
            seconds: wait.as_secs_f64().ceil() as u64,
        })
        .await;
    if !session.sender.waits(tokio::time::sleep(wait)).await {
        report.stopped = Some("asked to stop".to_owned());
    }
}

/// Folds what a killed run left.
pub(super) async fn recover(session: &Session) -> Result<(), Error> {
    let Some(manifest) = session.store.manifest()? else {
        return Ok(());
    };
    if let Some(pending) = &manifest.pending {
        let run = pending.run.clone();
        let resources = tokio::task::block_in_place(|| finish(session, manifest, true))?;
        let doubt = resources.iter().map(|resource| resource.doubt).sum();
        session.events.tell(Event::Recovered { run, doubt }).await;
    }
    session.store.sweep_journals(None)?;
    Ok(())
}

/// Folds the pending run into new ledgers and commits them.
fn finish(
    session: &Session,
    manifest: Manifest,
    cut: bool,
) -> Result<Vec<ResourceReport>, state::Error> {
    let (store, now) = (&session.store, session.clock.millis());
    let Some(pending) = manifest.pending.clone() else {
        return Ok(vec![]);
    };
    let Recorded {
        mut manifest,
        drafts,
        resources,
    } = Recorded::of(store, manifest, now, cut)?;
    for draft in drafts.into_values() {
        store.keep(draft)?;
    }
    let done = resources
        .iter()
        .all(|resource| resource.outcome == ResourceOutcome::Done);
    let outcome = match (cut, done) {
        (true, _) => "recovered",
        (false, true) => "done",
        (false, false) => "partial",
    };
    remember(
        session,
        &mut manifest,
        pending.started_at,
        &pending.run,
        &pending.plan,
        outcome,
    );
    store.commit(&mut manifest, now)?;
    // What could not be swept now is swept after the next run.
    for swept in [store.sweep_journals(None), store.sweep(&manifest, now)] {
        if let Err(error) = swept {
            tracing::warn!(%error, "not swept");
        }
    }
    Ok(resources)
}

fn not_attempted(plan: &crate::model::plan::Plan) -> Vec<ResourceReport> {
    let sending = plan.resources.iter().filter_map(|resource| {
        let delta = resource.delta.as_ref().filter(|delta| !delta.is_empty())?;
        Some((
            resource.address.clone(),
            delta.add + delta.change + delta.remove,
        ))
    });
    let report = |(address, not_sent)| ResourceReport {
        address,
        outcome: ResourceOutcome::NotAttempted,
        acknowledged: 0,
        doubt: 0,
        not_sent,
        refused: BTreeMap::new(),
    };
    sending.map(report).collect()
}

fn begin(session: &Session, target: state::manifest::Target) -> Manifest {
    let lineage = digest::hex(&rand::random::<[u8; 16]>());
    let configuration = &session.configuration;
    Manifest::new(
        lineage,
        configuration.workspace.clone(),
        configuration.environment.clone(),
        target,
    )
}

fn remember(
    session: &Session,
    manifest: &mut Manifest,
    started_at: jiff::Timestamp,
    run: &str,
    plan: &str,
    outcome: &str,
) {
    manifest.runs.push(RunEntry {
        id: run.to_owned(),
        started_at,
        finished_at: session.clock.now(),
        command: session.command.clone(),
        plan: plan.to_owned(),
        outcome: outcome.to_owned(),
    });
    let excess = manifest.runs.len().saturating_sub(RUNS);
    manifest.runs.drain(..excess);
}

/// Whether two entries differ in nothing but who wrote them when.
fn alike(known: &Entry, next: &Entry) -> bool {
    let plain = |entry: &Entry| Entry {
        run: String::new(),
        applied_at: next.applied_at,
        peaks: vec![],
        ..entry.clone()
    };
    plain(known) == plain(next)
}

/// An id that sorts by time: `20261122T060000-1a2b3c`.
fn new_id(session: &Session) -> String {
    let random: [u8; 3] = rand::random();
    format!(
        "{}-{}",
        session.clock.now().strftime("%Y%m%dT%H%M%S"),
        digest::hex(&random)
    )
}
