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
    fold::{Fold, header_of, recorded},
    plan::{Work, lanes, plan},
    send, target,
};
use crate::{
    braze::Writer,
    model::{Address, Event, Outcome, Report, ResourceOutcome, ResourceReport, Verb, digest},
    state::{
        self,
        journal::Journal,
        lease::Lease,
        ledger::LedgerWriter,
        manifest::{Entry, LaneEntry, Manifest, Pending, PendingLane, PendingPart, RunEntry},
        store::Store,
    },
};

/// Runs remembered in the manifest.
const RUNS: usize = 200;

/// The right to write, and a plan made under it.
pub struct Applied {
    /// The plan to show and to ask about.
    pub planned: Planned,
    lease: Lease,
}

/// How often a held lease is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Takes the lease, waiting for it as long as allowed, recovers, and plans.
pub async fn prepare(session: &Session, patience: Duration) -> Result<Applied, Error> {
    let lease = take_lease(session, patience).await?;
    recover(session).await?;
    Ok(Applied {
        planned: plan(session).await?,
        lease,
    })
}

async fn take_lease(session: &Session, patience: Duration) -> Result<Lease, Error> {
    let begin = tokio::time::Instant::now();
    let mut told = false;
    loop {
        match Lease::take(session.store.root(), &session.command) {
            Err(state::Error::Leased { holder }) if begin.elapsed() < patience => {
                if !told {
                    session.events.tell(Event::Waiting { holder }).await;
                    told = true;
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
            other => return Ok(other?),
        }
    }
}

/// Carries out what was prepared. The caller has seen to it that no guard refuses.
pub async fn apply(session: &Session, applied: Applied) -> Result<Report, Error> {
    let Applied { planned, lease } = applied;
    let Planned {
        plan,
        mut works,
        manifest,
        target,
    } = planned;
    let run = new_id(session);
    let mut report = Report {
        run: run.clone(),
        resources: vec![],
        requests: 0,
        data_points: 0,
        stopped: None,
    };
    let mut manifest = match manifest {
        Some(manifest) => Manifest { target, ..manifest },
        None => begin(session, target).await?,
    };
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
        let known = |address: &Address| manifest.resources.get(address);
        let same = settled
            .iter()
            .all(|(address, next)| match (known(address), next) {
                (Some(known), Some(next)) => alike(known, next),
                (None, None) => true,
                _ => false,
            });
        if !same {
            become_settled(&mut manifest, settled);
            remember(session, &mut manifest, &run, &plan.digest, "done");
            session.store.commit(&mut manifest)?;
        }
        return Ok(report);
    }
    settle(session, &manifest, &works, &mut report).await;
    if report.stopped.is_some() {
        report.resources = not_attempted(&plan);
        return Ok(report);
    }
    let mut pending = Pending {
        run: run.clone(),
        plan: plan.digest.clone(),
        command: session.command.clone(),
        started_at: session.clock.now(),
        lanes: vec![],
        settled,
    };
    for lane in lanes(&works) {
        let parts = works
            .iter_mut()
            .filter(|work| work.draft.is_some() && work.desired.lane() == lane);
        let parts = parts.map(|work| {
            let delta = work
                .draft
                .as_ref()
                .map(|draft| draft.digest().to_owned())
                .unwrap_or_default();
            PendingPart {
                address: work.address.clone(),
                delta,
                next: work.next.clone(),
            }
        });
        pending.lanes.push(PendingLane {
            lane: lane.name().to_owned(),
            parts: parts.collect(),
        });
    }
    for draft in works.iter().filter_map(|work| work.draft.as_ref()) {
        session.store.keep_shared(draft)?;
    }
    let mut journal = Journal::create(&session.store.journal(&run)?, &header_of(&pending))?;
    manifest.pending = Some(pending);
    session.store.commit(&mut manifest)?;
    let sent = send_all(session, &works, &mut journal, &mut report).await;
    if report.requests > 0 {
        manifest.target.braze_key =
            target::fingerprint(&manifest.lineage, &session.identity.braze_key);
    }
    let folded = tokio::task::block_in_place(|| finish(session, &mut manifest, &mut report));
    drop(lease);
    // What was sent is folded even where sending failed; that failure is told first.
    sent?;
    folded?;
    Ok(report)
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
        let sent = send::lane(session, &writer, &sending, journal, number as u8).await?;
        report.requests += sent.requests;
        report.data_points += sent.data_points;
        report.stopped = report.stopped.take().or(sent.stopped);
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
    let mut stop = session.stop.clone();
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        _ = stop.wait_for(|stop| *stop) => report.stopped = Some("asked to stop".to_owned()),
    }
}

/// Folds what a killed run left.
async fn recover(session: &Session) -> Result<(), Error> {
    let Some(mut manifest) = session.store.manifest()? else {
        return Ok(());
    };
    if let Some(pending) = &manifest.pending {
        let run = pending.run.clone();
        let mut report = Report {
            run: run.clone(),
            resources: vec![],
            requests: 0,
            data_points: 0,
            stopped: Some("recovered".to_owned()),
        };
        tokio::task::block_in_place(|| finish(session, &mut manifest, &mut report))?;
        let doubt = report.resources.iter().map(|resource| resource.doubt).sum();
        session.events.tell(Event::Recovered { run, doubt }).await;
    }
    session.store.sweep_journals(None)?;
    Ok(())
}

/// Folds the pending run into new ledgers and commits them.
fn finish(session: &Session, manifest: &mut Manifest, report: &mut Report) -> Result<(), Error> {
    let store = &session.store;
    let Some(pending) = manifest.pending.clone() else {
        return Ok(());
    };
    let fold = Fold::open(store, &pending)?;
    let mut entries = pending.settled.clone();
    for part in pending.lanes.iter().flat_map(|lane| &lane.parts) {
        let Told {
            report: resource,
            removed,
        } = told(&fold, &part.address)?;
        let done = resource.outcome == ResourceOutcome::Done;
        let known = manifest.resources.get(&part.address);
        let next = match &part.next {
            None if done => None,
            Some(next) if done => Some(next.clone()),
            // What is missing, refused or in doubt is compared again next time.
            Some(next) => Some(Entry {
                fulfilled: None,
                removals_used: used(next, known, removed),
                ..next.clone()
            }),
            None => known.map(|known| Entry {
                fulfilled: None,
                ..known.clone()
            }),
        };
        let next = next
            .map(|next| write_ledger(store, manifest, &fold, &part.address, next))
            .transpose()?;
        report.resources.push(resource);
        entries.insert(part.address.clone(), next);
    }
    for (lane, last_send) in fold.last_sends() {
        manifest
            .lanes
            .insert(lane.to_owned(), LaneEntry { last_send });
    }
    become_settled(manifest, entries);
    manifest.pending = None;
    let outcome = match &report.stopped {
        Some(why) if why == "recovered" => "recovered",
        _ if report.complete() => "done",
        _ => "partial",
    };
    remember(session, manifest, &pending.run, &pending.plan, outcome);
    store.commit(manifest)?;
    store.sweep_journals(None)?;
    store.sweep_blobs(manifest, session.clock.millis())?;
    Ok(())
}

fn write_ledger(
    store: &Store,
    manifest: &Manifest,
    fold: &Fold,
    address: &Address,
    next: Entry,
) -> Result<Entry, Error> {
    let mut writer = LedgerWriter::new(store.draft()?, address)?;
    for record in recorded(store, Some(manifest), Some(fold), address)? {
        writer.push(&record?)?;
    }
    let mut next = Entry {
        counts: writer.counts,
        ..next
    };
    next.ledger = Some(store.keep(writer.finish()?.finish()?)?);
    if let Some(peak) = next.peaks.last_mut() {
        peak.rows = next.counts.rows();
    }
    Ok(next)
}

/// What an override has used up when only some of the rows went.
fn used(next: &Entry, known: Option<&Entry>, removed: u64) -> BTreeMap<String, u64> {
    let before = |key: &String| {
        known
            .and_then(|known| known.removals_used.get(key))
            .copied()
            .unwrap_or(0)
    };
    next.removals_used
        .iter()
        .map(|(key, all)| (key.clone(), (before(key) + removed).min(*all)))
        .collect()
}

fn become_settled(manifest: &mut Manifest, entries: BTreeMap<Address, Option<Entry>>) {
    for (address, entry) in entries {
        match entry {
            Some(entry) => manifest.resources.insert(address, entry),
            None => manifest.resources.remove(&address),
        };
    }
}

/// What became of a resource, and how many rows went or may have gone.
struct Told {
    report: ResourceReport,
    removed: u64,
}

/// Counts what became of a resource's rows.
fn told(fold: &Fold, address: &Address) -> Result<Told, state::Error> {
    let (mut acknowledged, mut doubt, mut not_sent, mut removed) = (0, 0, 0, 0);
    let mut refused = BTreeMap::new();
    for change in fold.changes(address)?.into_iter().flatten() {
        let (change, outcome) = change?;
        match outcome {
            Outcome::Acknowledged(_) => acknowledged += 1,
            Outcome::Doubt(_) => doubt += 1,
            Outcome::NotSent => not_sent += 1,
            Outcome::Refused(number) => {
                let words = fold.reasons.get(&number).cloned().unwrap_or_default();
                *refused.entry(words).or_insert(0) += 1;
            }
        }
        let gone = matches!(outcome, Outcome::Acknowledged(_) | Outcome::Doubt(_));
        removed += u64::from(change.verb == Verb::Remove && gone);
    }
    let outcome = match (
        acknowledged > 0,
        doubt > 0,
        refused.is_empty(),
        not_sent > 0,
    ) {
        (_, false, true, false) => ResourceOutcome::Done,
        (true, ..) => ResourceOutcome::Partial,
        (false, false, true, true) => ResourceOutcome::NotAttempted,
        (false, false, false, false) => ResourceOutcome::Refused,
        (false, ..) => ResourceOutcome::Failed,
    };
    let report = ResourceReport {
        address: address.clone(),
        outcome,
        acknowledged,
        doubt,
        not_sent,
        refused,
    };
    Ok(Told { report, removed })
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

async fn begin(session: &Session, mut target: state::manifest::Target) -> Result<Manifest, Error> {
    let lineage = digest::hex(&rand::random::<[u8; 16]>());
    target.oldest_segment = target::oldest_segment(session).await?;
    let configuration = &session.configuration;
    Ok(Manifest::new(
        lineage,
        configuration.workspace.clone(),
        configuration.environment.clone(),
        target,
    ))
}

fn remember(session: &Session, manifest: &mut Manifest, run: &str, plan: &str, outcome: &str) {
    let now = session.clock.now();
    let started_at = manifest
        .pending
        .as_ref()
        .map_or(now, |pending| pending.started_at);
    manifest.runs.push(RunEntry {
        id: run.to_owned(),
        started_at,
        finished_at: now,
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
