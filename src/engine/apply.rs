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
    plan::{Work, passes, plan},
    saved::{SavedPlan, mark},
    send, target,
};
use crate::{
    braze::{ImportKeys, Writer},
    model::{Address, Event, Lane, Report, ResourceOutcome, ResourceReport, digest},
    state::{
        self,
        journal::Journal,
        lease::Lease,
        manifest::{Entry, Manifest, Pending, PendingPart, PendingPass, RunEntry},
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
        objects,
        manifest,
        rearranged,
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
        stopped: vec![],
    };
    let writer = writer(session, &works)?;
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
    let becoming: BTreeMap<Address, Option<Entry>> = works
        .iter()
        .map(|work| (work.address.clone(), work.next.clone()))
        .collect();
    for draft in works
        .iter()
        .flat_map(|work| work.drafts().chain(&work.aside))
    {
        session.store.keep_shared(draft)?;
    }
    if !works.iter().any(Work::sends) {
        let moves = rearranged || marked || changes(&manifest, &becoming);
        if moves {
            commit_settled(session, manifest, becoming, &run, &plan.digest)?;
        }
        return Ok(report);
    }
    settle(session, &manifest, &works, &mut report).await;
    if !report.stopped.is_empty() {
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
        import_key: works
            .iter()
            .any(imports)
            .then(|| target::import_key(session, &manifest.lineage))
            .flatten(),
        command: session.command.clone(),
        started_at: session.clock.now(),
        passes: pending_passes(&works),
        becoming,
    };
    let journal = Journal::create(&session.store.journal(&run)?, &header_of(&pending))?;
    manifest.pending = Some(pending);
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    let sent = send::all(session, Arc::new(writer), &works, objects, journal).await;
    session.events.tell(Event::Recording).await;
    report.requests = sent.requests;
    report.data_points = sent.data_points;
    report.repeated_data_points = sent.repeated;
    report.stopped = sent.stopped;
    let ended = Ended {
        report,
        named: sent.named,
        names: works
            .iter()
            .filter_map(|work| Some((work.address.clone(), work.name.clone()?)))
            .collect(),
    };
    let wrote = ended.report.requests > 0;
    let folded = tokio::task::block_in_place(|| finish(session, manifest, Some(ended)));
    drop(lease);
    folded.map_err(|source| Error::Unfolded { source, wrote })
}

/// Makes the one client that writes. Keys that are missing show before anything is written.
fn writer(session: &Session, works: &[Work]) -> Result<Writer, Error> {
    let braze = &session.configuration.braze;
    let import = match works.iter().find(|work| imports(work)) {
        None => None,
        Some(work) => {
            let import = braze
                .cohort_import
                .as_ref()
                .ok_or_else(|| Error::NoCohortImport(work.address.clone()))?;
            let missing = |diagnostic| Error::Missing(Box::new(diagnostic));
            Some(ImportKeys {
                partner: import.partner.clone(),
                data_import_key: import.data_import_key.require().map_err(missing)?.clone(),
                partner_api_key: import.partner_api_key.require().map_err(missing)?.clone(),
            })
        }
    };
    Ok(Writer::new(
        session.sender.clone(),
        &session.identity.braze_url,
        &session.identity.braze_key,
        import,
        braze.use_at_most / 100.0,
    ))
}

/// Whether a work writes by cohort import.
fn imports(work: &Work) -> bool {
    work.sends() && matches!(work.desired.lane(), Lane::Cohort { .. })
}

/// Whether entries differ from what the manifest knows, in more than who wrote them when.
fn changes(manifest: &Manifest, becoming: &BTreeMap<Address, Option<Entry>>) -> bool {
    !becoming.iter().all(
        |(address, next)| match (manifest.resources.get(address), next) {
            (Some(known), Some(next)) => alike(known, next),
            (None, None) => true,
            _ => false,
        },
    )
}

/// Commits what needs no request: a change of the configuration, a source that moved without changing a row.
fn commit_settled(
    session: &Session,
    mut manifest: Manifest,
    becoming: BTreeMap<Address, Option<Entry>>,
    run: &str,
    plan: &str,
) -> Result<(), Error> {
    manifest.become_settled(becoming);
    let now = session.clock.now();
    remember(
        &mut manifest,
        RunEntry {
            id: run.to_owned(),
            started_at: now,
            finished_at: now,
            command: session.command.clone(),
            plan: plan.to_owned(),
            outcome: "done".to_owned(),
            refused: None,
        },
    );
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    Ok(())
}

/// The passes of a run, each with its deltas in the order in which they are merged.
fn pending_passes(works: &[Work]) -> Vec<PendingPass> {
    let part = |(work, draft): &(&Work, &state::store::Draft)| PendingPart {
        address: work.address.clone(),
        delta: draft.digest().to_owned(),
    };
    passes(works)
        .iter()
        .map(|pass| PendingPass {
            lane: pass.lane.name(),
            parts: pass.parts.iter().map(part).collect(),
        })
        .collect()
}

/// Waits until what was sent last has settled: Braze keeps no order between requests seconds apart.
async fn settle(session: &Session, manifest: &Manifest, works: &[Work], report: &mut Report) {
    let now = session.clock.millis();
    let left = |work: &Work| {
        let last = manifest.lanes.get(&work.desired.lane().name())?.last_send;
        // A clock that went back waits once for the whole time, and no longer.
        let since = Duration::from_millis(u64::try_from(now - last).unwrap_or(0));
        work.settle.checked_sub(since)
    };
    let wait = works
        .iter()
        .filter(|work| work.sends())
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
        report.stopped = vec!["asked to stop".to_owned()];
    }
}

/// Folds what a killed run left.
pub(super) async fn recover(session: &Session) -> Result<(), Error> {
    let Some(manifest) = session.store.manifest()? else {
        return Ok(());
    };
    if let Some(pending) = &manifest.pending {
        let run = pending.run.clone();
        let report = tokio::task::block_in_place(|| finish(session, manifest, None))?;
        let doubt = report.resources.iter().map(|resource| resource.doubt).sum();
        session.events.tell(Event::Recovered { run, doubt }).await;
    }
    session.store.sweep_journals(None)?;
    Ok(())
}

/// How a run ended by itself.
struct Ended {
    report: Report,
    /// Names that Braze took.
    named: BTreeMap<Address, String>,
    /// Names that it was to be told.
    names: BTreeMap<Address, String>,
}

/// Folds the pending run into new ledgers and commits them, with its report. A run that was cut has no end of its own.
fn finish(
    session: &Session,
    manifest: Manifest,
    ended: Option<Ended>,
) -> Result<Report, state::Error> {
    let (store, now) = (&session.store, session.clock.millis());
    let pending = manifest.pending.clone();
    let cut = ended.is_none();
    let Recorded {
        mut manifest,
        drafts,
        asides,
        refused,
        resources,
    } = Recorded::of(store, manifest, now, cut)?;
    for draft in drafts.into_values().chain(asides) {
        store.keep(draft)?;
    }
    let refused = refused.map(|draft| store.keep(draft)).transpose()?;
    let mut report = Report {
        run: String::new(),
        resources,
        requests: 0,
        data_points: 0,
        repeated_data_points: 0,
        stopped: vec!["the run was cut; this is what its journal tells".to_owned()],
    };
    if let Some(Ended {
        report: told,
        named,
        names,
    }) = ended
    {
        report = Report {
            resources: report.resources,
            ..told
        };
        report.note_names(&names, &named);
        for (address, name) in named {
            if let Some(entry) = manifest.resources.get_mut(&address) {
                entry.named = Some(name);
            }
        }
    }
    let Some(pending) = pending else {
        return Ok(report);
    };
    report.run.clone_from(&pending.run);
    let outcome = match (cut, report.complete()) {
        (true, _) => "recovered",
        (false, true) => "done",
        (false, false) => "partial",
    };
    store.keep_report(&report)?;
    remember(
        &mut manifest,
        RunEntry {
            id: pending.run,
            started_at: pending.started_at,
            finished_at: session.clock.now(),
            command: session.command.clone(),
            plan: pending.plan,
            outcome: outcome.to_owned(),
            refused,
        },
    );
    store.commit(&mut manifest, now)?;
    // What could not be swept now is swept after the next run.
    for swept in [store.sweep_journals(None), store.sweep(&manifest, now)] {
        if let Err(error) = swept {
            tracing::warn!(%error, "not swept");
        }
    }
    Ok(report)
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
        named: None,
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

fn remember(manifest: &mut Manifest, run: RunEntry) {
    manifest.runs.push(run);
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
