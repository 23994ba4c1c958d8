//! How a run ends: its journal folded into ledgers, its report kept, the manifest swapped. The same for one that ended
//! by itself and for one that was cut.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Error, Session, fold::Recorded};
use crate::{
    model::{Address, Event, Report},
    state::{
        self,
        manifest::{Entry, Manifest, RunEntry},
    },
};

/// Runs remembered in the manifest.
const RUNS: usize = 200;

/// Folds what a killed run left.
pub(super) async fn recover(session: &Session) -> Result<(), Error> {
    let Some(manifest) = session.store.manifest()? else {
        return Ok(());
    };
    if let Some(pending) = &manifest.pending {
        let run = pending.run.clone();
        let report = tokio::task::block_in_place(|| finish(session, manifest, None))?;
        let each = || report.resources.iter();
        let parked = each().map(|resource| resource.parked).sum();
        let doubt = each().map(|resource| resource.doubt).sum::<u64>() - parked;
        let recovered = Event::Recovered { run, doubt, parked };
        session.events.tell(recovered).await;
    }
    session.store.sweep_journals(None)?;
    Ok(())
}

/// How a run ended by itself.
pub(super) struct Ended {
    pub(super) report: Report,
    /// Names that Braze took.
    pub(super) named: BTreeSet<Address>,
    /// Static cohorts that were made, each with its id.
    pub(super) made: BTreeMap<Address, String>,
    /// Static cohorts of whose members Amplitude knows too few: not what was wanted, though all was answered.
    pub(super) short: BTreeSet<Address>,
    /// Names that it was to be told.
    pub(super) names: BTreeMap<Address, Name>,
}

/// A name that Braze is told.
pub(super) struct Name {
    pub(super) name: String,
    /// How the entry is written that says it, to be remembered once Braze took it.
    pub(super) written: Option<String>,
}

/// Folds the pending run into new ledgers and commits them, with its report. A run that was cut has no end of its own.
pub(super) fn finish(
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
        fresh,
        refused,
        resources,
    } = Recorded::of(store, manifest, now, cut)?;
    for draft in drafts.into_values().chain(fresh.into_values()) {
        store.keep(draft)?;
    }
    let refused = refused.map(|draft| store.keep(draft)).transpose()?;
    let mut report = Report {
        resources,
        stopped: vec!["the run was cut; this is what its journal tells".to_owned()],
        ..Report::of(String::new())
    };
    if let Some(Ended {
        report: told,
        named,
        made,
        short,
        names,
    }) = ended
    {
        for (address, id) in made {
            let entry = manifest.resources.get_mut(&address);
            if let Some(uploaded) = entry.and_then(|entry| entry.uploaded.as_mut()) {
                uploaded.id = Some(id);
            }
        }
        let mut resources = told.resources;
        resources.append(&mut report.resources);
        report = Report { resources, ..told };
        report.fall_short(&short);
        report.note_names(names.keys(), &named);
        if let Some(pending) = pending.as_ref().filter(|_| !named.is_empty()) {
            // A name that was taken tells that the keys are right, as rows do.
            manifest.target.partner.clone_from(&pending.partner);
            manifest.target.import_key.clone_from(&pending.import_key);
        }
        for (address, Name { name, written }) in names {
            let entry = manifest.resources.get_mut(&address);
            if let Some(entry) = entry.filter(|_| named.contains(&address)) {
                entry.named = Some(name);
                // What is not whole stays what the YAML changed.
                entry.written = written.filter(|_| entry.fulfilled.is_some());
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
            command: pending.command,
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

/// How far entries differ from what the manifest knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// In nothing but who wrote them when.
    None,
    /// In when their sources were read.
    Readings,
    /// In more.
    Entries,
}

/// Returns how far entries differ from what the manifest knows.
pub(super) fn difference(
    manifest: &Manifest,
    becoming: &BTreeMap<Address, Option<Entry>>,
) -> Difference {
    let each =
        becoming.iter().map(
            |(address, next)| match (manifest.resources.get(address), next) {
                (Some(known), Some(next)) => differs(known, next),
                (None, None) => Difference::None,
                _ => Difference::Entries,
            },
        );
    each.max().unwrap_or(Difference::None)
}

/// What moves by itself of what others run.
const BY_ITSELF: [&str; 1] = ["since"];

fn differs(known: &Entry, next: &Entry) -> Difference {
    let plain = |entry: &Entry, readings: bool| {
        let mut entry = Entry {
            run: String::new(),
            applied_at: next.applied_at,
            peaks: vec![],
            ..entry.clone()
        };
        if let Some(Value::Object(observed)) = &mut entry.observed {
            observed.retain(|name, _| !BY_ITSELF.contains(&name.as_str()));
        }
        if let Some(fulfilled) = entry.fulfilled.as_mut().filter(|_| !readings) {
            fulfilled.sources.clear();
        }
        // A cohort that is defined otherwise and has the same people changed no row.
        for pin in entry.cohort.iter_mut().chain(&mut entry.excluded) {
            pin.definition.take_if(|_| !readings);
        }
        if let Some((log, next)) = entry
            .log
            .as_mut()
            .zip(next.log.as_ref())
            .filter(|_| !readings)
        {
            log.cursor.clone_from(&next.cursor);
        }
        entry
    };
    if plain(known, true) == plain(next, true) {
        Difference::None
    } else if plain(known, false) == plain(next, false) {
        Difference::Readings
    } else {
        Difference::Entries
    }
}

/// Commits what needs no request: a change of the configuration, or, without a word in the history, a source that
/// moved without changing a row.
pub(super) fn settled(
    session: &Session,
    mut manifest: Manifest,
    becoming: BTreeMap<Address, Option<Entry>>,
    difference: Difference,
    (run, plan, outcome): (&str, &str, &str),
) -> Result<(), Error> {
    if difference == Difference::None {
        return Ok(());
    }
    manifest.become_settled(becoming);
    if difference == Difference::Entries {
        let now = session.clock.now();
        let run = RunEntry {
            id: run.to_owned(),
            started_at: now,
            finished_at: now,
            command: session.command.clone(),
            plan: plan.to_owned(),
            outcome: outcome.to_owned(),
            refused: None,
        };
        remember(&mut manifest, run);
    }
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    Ok(())
}

/// Adds a run to the history.
pub(super) fn remember(manifest: &mut Manifest, run: RunEntry) {
    manifest.runs.push(run);
    let excess = manifest.runs.len().saturating_sub(RUNS);
    manifest.runs.drain(..excess);
}
