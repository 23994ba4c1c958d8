//! Carries a plan out.
//!
//! # Expected flow
//! 1. Take the lease.
//! 2. Recover what an earlier run left, and take in what was heard of people since.
//! 3. Plan. (The caller shows it and asks.)
//! 4. Wait until `settle` has passed since the last send into the same lane.
//! 5. Make the deltas blobs, create the journal, commit a manifest that names the run as pending.
//! 6. Send; beside it, ask about people who were sent to before.
//! 7. Fold the journal into new ledgers and commit.
//! 8. Remove the journal, and take in what was heard.
//!
//! # Guarantees
//! Killed before 5 is committed, nothing was sent. Killed after, the next plan sees in the journal what was. Killed
//! after 7, a stray journal is left, known by its run's id. Recovery is 7 and 8 alone; an old delta is never continued.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Error, Planned, Session, destinations,
    ending::{self, Difference, Ended, Name},
    log::{self, LogWork},
    pending::header_of,
    plan::{Work, passes, plan_within},
    presence,
    saved::{SavedPlan, mark},
    send, target,
    watched::remembered,
    writer,
};
use crate::{
    model::{Address, Event, Millis, Report, ResourceReport, digest},
    state::{
        self,
        journal::Journal,
        lease::Lease,
        manifest::{Entry, Manifest, Pending, PendingPart, PendingPass},
    },
};

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
    ending::recover(session).await?;
    presence::fold(session).await?;
    if let Some(saved) = saved {
        saved.usable(session)?;
    }
    let bounds = saved.map(|saved| log::bounds(&saved.about.plan));
    let planned = plan_within(session, &bounds.unwrap_or_default()).await?;
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
#[expect(
    clippy::too_many_lines,
    reason = "its steps are one order, as the head of this file tells them"
)]
pub async fn apply(session: &Session, prepared: Prepared) -> Result<Report, Error> {
    let Prepared {
        planned,
        saved,
        lease,
    } = prepared;
    let Planned {
        plan,
        mut works,
        mut logs,
        looked,
        destinations: accounts,
        objects,
        manifest,
        rearranged,
        target,
        ..
    } = planned;
    let run = new_id(session);
    let mut report = Report::of(run.clone());
    let doors = writer::doors(session, &works, &logs)?;
    let patcher = writer::patcher(session, &accounts)?;
    let mut manifest = match manifest {
        Some(manifest) => Manifest { target, ..manifest },
        None => begin(session, target),
    };
    let queue = tokio::task::block_in_place(|| presence::queue(session, &manifest))?;
    // In the commit that makes the run pending, or settles it: a plan is applied once, killed or not.
    let marked = saved.is_some();
    if let Some(id) = saved {
        mark(&mut manifest, id, session.clock.now());
    }
    let names = named(&mut works, &run);
    let looked = remembered(looked, &manifest.lineage).collect();
    let mut becoming = becoming(&works, &mut logs, looked, &run);
    keep(session, &works, &logs)?;
    let changed = destinations::apply(session, patcher.as_ref(), &mut manifest, accounts, &run);
    let changed = Box::pin(changed).await?;
    report.requests = changed.requests;
    if let Some(failed) = changed.failed().filter(|_| session.how.fail_fast) {
        let why = format!("{failed} was not done, and --fail-fast was said");
        report.stopped.push(why);
        report.resources = unsent(&mut works, &mut logs);
        becoming.clear();
    }
    report.resources.splice(0..0, changed.reports);
    if !works.iter().any(Work::sends) && log::passes(&logs).next().is_none() {
        let wrote = !report.resources.is_empty();
        let difference = if rearranged || marked || wrote {
            Difference::Entries
        } else {
            ending::difference(&manifest, &becoming)
        };
        if wrote {
            session.store.keep_report(&report)?;
        }
        let outcome = if report.complete() { "done" } else { "partial" };
        ending::settled(
            session,
            manifest,
            becoming,
            difference,
            (&run, &plan.digest, outcome),
        )?;
        let reading = presence::read(session, &queue).await;
        report.asked = presence::told(session, reading).await;
        return Ok(report);
    }
    settle(session, &manifest, &works).await?;
    if manifest.target.oldest_segment.is_none() {
        manifest.target.oldest_segment = target::oldest_segment(session).await?;
    }
    let pending = pending(
        session,
        &manifest,
        (&works, &logs),
        &run,
        plan.digest,
        becoming,
    );
    let journal = Journal::create(&session.store.journal(&run)?, &header_of(&pending))?;
    manifest.pending = Some(pending);
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    let sending = async {
        let sent = send::all(session, doors, (&works, &logs), objects, journal).await;
        session.events.tell(Event::Recording).await;
        report.requests += sent.requests;
        report.data_points = sent.data_points;
        report.repeated_data_points = sent.repeated;
        report.stopped = sent.stopped;
        let ended = Ended {
            report,
            named: sent.named,
            made: sent.made,
            short: sent.short,
            names,
        };
        let wrote = ended.report.requests > 0;
        let folded = tokio::task::block_in_place(|| ending::finish(session, manifest, Some(ended)));
        folded.map_err(|source| Error::Unfolded { source, wrote })
    };
    let (folded, reading) = tokio::join!(sending, presence::read(session, &queue));
    let mut report = folded?;
    report.asked = presence::told(session, reading).await;
    if report.asked.is_some()
        && let Err(error) = session.store.keep_report(&report)
    {
        tracing::warn!(%error, "what was found about people is not in the kept report");
    }
    drop(lease);
    Ok(report)
}

/// Takes everything out that was to be sent, and tells of it as not begun.
fn unsent(works: &mut Vec<Work>, logs: &mut Vec<LogWork>) -> Vec<ResourceReport> {
    let sending = works.iter().filter(|work| work.sends());
    let sending = sending.map(|work| &work.address);
    let sending = sending.chain(log::passes(logs).map(|(log, _)| &log.address));
    let left = sending.cloned().map(destinations::untouched).collect();
    works.clear();
    logs.clear();
    left
}

/// Makes everything that is to be sent blobs.
fn keep(session: &Session, works: &[Work], logs: &[LogWork]) -> Result<(), state::Error> {
    let drafts = works.iter();
    let drafts = drafts.flat_map(|work| work.drafts().chain(&work.aside).chain(&work.found));
    let events = log::passes(logs).map(|(_, events)| events);
    drafts
        .chain(events)
        .try_for_each(|draft| session.store.keep_shared(draft))
}

/// What each resource becomes if all of it is acknowledged; none where one goes.
fn becoming(
    works: &[Work],
    logs: &mut [LogWork],
    mut looked: Vec<(Address, Option<Entry>)>,
    run: &str,
) -> BTreeMap<Address, Option<Entry>> {
    let of_logs = logs.iter_mut().map(|log| &mut log.next);
    let of_looked = looked.iter_mut().map(|(_, next)| next);
    for next in of_logs.chain(of_looked).flatten() {
        run.clone_into(&mut next.run);
    }
    let tables = works.iter().map(|work| (&work.address, &work.next));
    let logs = logs.iter().map(|log| (&log.address, &log.next));
    let all = tables.chain(logs);
    all.map(|(address, next)| (address.clone(), next.clone()))
        .chain(looked)
        .collect()
}

/// Takes out of works the names that Braze is told: one is written down once Braze took it.
fn named(works: &mut [Work], run: &str) -> BTreeMap<Address, Name> {
    let mut names = BTreeMap::new();
    for work in works {
        let Some(next) = &mut work.next else { continue };
        run.clone_into(&mut next.run);
        if let Some(name) = work.name.clone() {
            let written = next.written.take();
            names.insert(work.address.clone(), Name { name, written });
        }
    }
    names
}

/// What the manifest says of a run while it sends.
fn pending(
    session: &Session,
    manifest: &Manifest,
    (works, logs): (&[Work], &[LogWork]),
    run: &str,
    plan: String,
    becoming: BTreeMap<Address, Option<Entry>>,
) -> Pending {
    let imports = works.iter().any(writer::imports);
    let import_key = || target::import_key(&session.configuration, &manifest.lineage);
    Pending {
        run: run.to_owned(),
        plan,
        braze_key: target::fingerprint(&manifest.lineage, &session.identity.braze_key),
        partner: imports
            .then(|| target::partner(&session.configuration))
            .flatten(),
        import_key: imports.then(import_key).flatten(),
        command: session.command.clone(),
        started_at: session.clock.now(),
        passes: pending_passes(works, logs),
        becoming,
    }
}

/// The passes of a run, each with its deltas in the order in which they are merged.
fn pending_passes(works: &[Work], logs: &[LogWork]) -> Vec<PendingPass> {
    let part = |(work, draft): &(&Work, &state::store::Draft)| PendingPart {
        address: work.address.clone(),
        delta: draft.digest().to_owned(),
    };
    let tables = passes(works).into_iter().map(|pass| PendingPass {
        lane: pass.lane.name(),
        parts: pass.parts.iter().map(part).collect(),
    });
    let logs = log::passes(logs).map(|(log, events)| PendingPass {
        lane: log.lane.name(),
        parts: vec![PendingPart {
            address: log.address.clone(),
            delta: events.digest().to_owned(),
        }],
    });
    tables.chain(logs).collect()
}

/// How long what was sent last has yet to settle before works may be sent into the same lanes.
fn unsettled(manifest: &Manifest, works: &[Work], now: Millis) -> Duration {
    let left = |work: &Work| {
        let last = manifest.lanes.get(&work.desired.lane().name())?.last_send;
        // A clock that went back waits once for the whole time, and no longer.
        let since = Duration::from_millis(u64::try_from(now - last).unwrap_or(0));
        work.settle.checked_sub(since)
    };
    let sending = works.iter().filter(|work| work.sends());
    sending.filter_map(left).max().unwrap_or_default()
}

/// Waits until what was sent last has settled: Braze keeps no order between requests seconds apart.
async fn settle(session: &Session, manifest: &Manifest, works: &[Work]) -> Result<(), Error> {
    let wait = unsettled(manifest, works, session.clock.millis());
    if wait.is_zero() {
        return Ok(());
    }
    session
        .events
        .tell(Event::Settling {
            seconds: wait.as_secs_f64().ceil() as u64,
        })
        .await;
    if session.sender.waits(tokio::time::sleep(wait)).await {
        Ok(())
    } else {
        Err(Error::Stopped)
    }
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

/// An id that sorts by time: `20261122T060000-1a2b3c`.
pub(super) fn new_id(session: &Session) -> String {
    let random: [u8; 3] = rand::random();
    format!(
        "{}-{}",
        session.clock.now().strftime("%Y%m%dT%H%M%S"),
        digest::hex(&random)
    )
}
