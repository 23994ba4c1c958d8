//! A declared resource on its way through a plan: what it asks for, whose people, and what was applied before.

use std::time::Duration;

use serde_json::json;

use super::{Session, observe::Readings};
use crate::{
    config::{AllowRemoval, Cadence, CadenceWord, CohortRef, Resource},
    diff::pin::{Named, Unresolved},
    kinds::{Desired, Kind},
    model::{
        Cohort, Millis, digest,
        plan::{Action, Cost, Delta, FieldChange, GuardResult, ResourcePlan, Source},
    },
    state::{
        ledger::LedgerCounts,
        manifest::{CohortPin, Entry, Fulfilled, Peak, SourceStamp},
    },
};

/// The settle that a sync has unless it says otherwise: Braze keeps no order between requests seconds apart.
pub(super) const SETTLE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// A resource on its way through a plan.
pub(super) struct Subject<'a> {
    pub(super) resource: &'a Resource,
    pub(super) kind: &'static dyn Kind,
    pub(super) desired: Desired,
    pub(super) entry: Option<&'a Entry>,
    pub(super) cohort: Cohort,
    pub(super) exclude: Vec<Cohort>,
    pub(super) label: String,
}

impl Subject<'_> {
    /// Digest of what is asked for: configuration and label.
    pub(super) fn digest(&self) -> String {
        let meaning = json!([digest::canonical(&self.desired.config), self.label]);
        digest::sha256(meaning.to_string().as_bytes())
    }

    fn title(&self) -> String {
        format!(
            "{} \"{}\" -> {}",
            self.resource.kind, self.cohort.name, self.desired.target
        )
    }

    pub(super) fn planned(
        &self,
        action: Action,
        fields: Vec<FieldChange>,
        delta: Option<Delta>,
        cost: Option<Cost>,
        guards: Vec<GuardResult>,
        note: Option<String>,
    ) -> ResourcePlan {
        let computed_at = self
            .cohort
            .computed
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        ResourcePlan {
            address: self.resource.address.clone(),
            kind: self.resource.kind.clone(),
            action,
            title: self.title(),
            fields,
            delta,
            cost,
            guards,
            manual: vec![],
            source: Some(Source {
                cohort: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                computed_at,
                size: self.cohort.size,
            }),
            note,
        }
    }

    /// What changes in the configuration against what was applied.
    pub(super) fn fields(&self) -> Vec<FieldChange> {
        let Some(entry) = self.entry else {
            return vec![];
        };
        let mut fields = crate::diff::fields::changes(&entry.config, &self.desired.config);
        if let Some(pin) = entry.cohort.as_ref().filter(|pin| pin.id != self.cohort.id) {
            let path = "cohort.id".to_owned();
            fields.push(FieldChange {
                path,
                before: json!(pin.id),
                after: json!(self.cohort.id),
            });
        }
        fields
    }

    /// What the resource becomes once everything is acknowledged.
    pub(super) fn next(&self, session: &Session, readings: &Readings, delta: &Delta) -> Entry {
        let now = session.clock.millis();
        let known = self.entry;
        let stamps = std::iter::once(&self.cohort)
            .chain(&self.exclude)
            .filter_map(|cohort| {
                let reading = readings.by_cohort.get(&cohort.id)?;
                let (computed, read_at, rows) =
                    (reading.computed, reading.about.read_at, reading.about.rows);
                Some(SourceStamp {
                    cohort: cohort.id.clone(),
                    computed,
                    read_at,
                    rows,
                })
            });
        let settings = &self.resource.settings;
        let on_destroy = settings
            .on_destroy
            .map_or_else(|| json!("empty"), |on_destroy| json!(on_destroy));
        let mut peaks = known
            .map(|entry| recent(&entry.peaks, now))
            .unwrap_or_default();
        peaks.push(Peak {
            at: now,
            rows: delta.after,
            source: delta.after,
        });
        let allowance = settings.allow_removal.as_ref().map(allowance_key);
        let mut removals_used = known
            .map(|entry| entry.removals_used.clone())
            .unwrap_or_default();
        removals_used.retain(|key, _| Some(key) == allowance.as_ref());
        Entry {
            kind: self.resource.kind.clone(),
            config: self.desired.config.clone(),
            cohort: Some(CohortPin {
                id: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                written: json!(self.desired.source),
            }),
            label: Some(self.label.clone()),
            on_destroy: on_destroy.as_str().unwrap_or("empty").to_owned(),
            protect: settings.protect.unwrap_or(false),
            ledger: known.and_then(|entry| entry.ledger.clone()),
            counts: known.map_or_else(LedgerCounts::default, |entry| entry.counts),
            fulfilled: Some(Fulfilled {
                desired: self.digest(),
                sources: stamps.collect(),
            }),
            peaks,
            removals_used,
            set_aside: known.and_then(|entry| entry.set_aside.clone()),
            applied_at: session.clock.now(),
            run: String::new(),
        }
    }
}

/// Peaks that still held within the last 24 hours: those since then, and the last before.
pub(super) fn recent(peaks: &[Peak], now: Millis) -> Vec<Peak> {
    let since = now - i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let before = peaks.iter().rev().find(|peak| peak.at < since);
    before
        .into_iter()
        .chain(peaks.iter().filter(|peak| peak.at >= since))
        .copied()
        .collect()
}

/// How old a cohort's file may be: as configured, else the cadence, at least an hour.
pub(super) fn max_age(resource: &Resource) -> Duration {
    let settings = &resource.settings;
    settings.max_age.map_or_else(
        || match settings.cadence {
            None | Some(Cadence::Word(CadenceWord::Daily | CadenceWord::Once)) => DAY,
            Some(Cadence::Word(_) | Cadence::Cron { .. }) => HOUR,
        },
        |span| span.0,
    )
}

pub(super) fn allowance_key(allowed: &AllowRemoval) -> String {
    format!(
        "{} rows until {}: {}",
        allowed.max, allowed.until, allowed.reason
    )
}

pub(super) fn named(reference: &CohortRef) -> Named<'_> {
    match reference {
        CohortRef::Name(name) => Named::Name(name),
        CohortRef::Id { id } => Named::Id(id),
    }
}

pub(super) fn unresolved(reference: &CohortRef, why: Unresolved) -> (String, Option<String>) {
    let which = match reference {
        CohortRef::Name(name) => format!("cohort \"{name}\""),
        CohortRef::Id { id } => format!("cohort with id {id}"),
    };
    match why {
        Unresolved::Missing(near) => {
            let hint = match near.as_slice() {
                [] => "it may be renamed, deleted, or not published (discoverable) in Amplitude".to_owned(),
                near => format!("did you mean {}?", near.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")),
            };
            (format!("Amplitude lists no {which}"), Some(hint))
        }
        Unresolved::Archived(id) => (
            format!("{which} is archived in Amplitude (id {id})"),
            Some("un-archive it, or pause the sync; an archived cohort is never taken for an empty one".to_owned()),
        ),
        Unresolved::Ambiguous(ids) => (
            format!("{} cohorts are named like {which}: {}", ids.len(), ids.join(", ")),
            Some(format!("say which by its id: cohort: {{id: {}}}", ids.first().map_or("", String::as_str))),
        ),
    }
}
