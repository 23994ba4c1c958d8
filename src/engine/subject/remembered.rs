//! What is remembered of a resource once it is applied, and what changes of that alone.

use std::collections::BTreeSet;

use serde_json::json;

use super::{DAY, Subject};
use crate::{
    config::{AllowRemoval, Resource},
    engine::{Session, meaning::written, observe::Readings, rearrange::peaks, reference::pin},
    kinds::Source,
    model::{
        Address, Millis,
        plan::{Delta, FieldChange},
    },
    state::{
        ledger::LedgerCounts,
        manifest::{CohortPin, Entry, Fulfilled, Peak, SourceStamp},
    },
};

impl Subject<'_> {
    /// Returns whose people it follows, to be remembered.
    fn pin(&self) -> CohortPin {
        match &self.desired.source {
            Source::Cohort(reference) => pin(&self.cohort, reference, self.entry),
            source => CohortPin {
                id: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                written: source.written(),
                definition: None,
            },
        }
    }

    /// What is remembered of it where its cohorts are defined otherwise than is remembered, and nothing else changed.
    pub(in crate::engine) fn redefined(&self) -> Option<Entry> {
        let entry = self.entry?;
        let known = |pin: &CohortPin| {
            let definition = self.cohorts().find(|cohort| cohort.id == pin.id);
            let definition = definition.map(|cohort| cohort.definition.clone());
            CohortPin {
                definition: definition.or_else(|| pin.definition.clone()),
                ..pin.clone()
            }
        };
        let next = Entry {
            cohort: entry.cohort.as_ref().map(known),
            excluded: entry.excluded.iter().map(known).collect(),
            ..entry.clone()
        };
        (next != *entry).then_some(next)
    }

    /// What the resource becomes once everything is acknowledged. `source` is how many people its source holds, `oldest`
    /// when the first of their profiles was asked for.
    pub(in crate::engine) fn next(
        &self,
        session: &Session,
        readings: &Readings,
        delta: &Delta,
        (source, oldest): (u64, Option<Millis>),
    ) -> Entry {
        let now = session.clock.millis();
        let known = self.entry;
        let stamps = std::iter::once(&self.cohort)
            .chain(&self.exclude)
            .filter_map(|cohort| {
                let reading = readings.of(&cohort.id, &self.desired.identify_by)?;
                let (computed, rows) = (reading.computed, reading.about.rows);
                // What was learnt of profiles may be older than the list of the people.
                let read_at = oldest.map_or(reading.about.read_at, |oldest| {
                    oldest.min(reading.about.read_at)
                });
                Some(SourceStamp {
                    cohort: cohort.id.clone(),
                    computed,
                    read_at,
                    rows,
                })
            });
        let settings = &self.resource.settings;
        let mut peaks = recent(&peaks(known, self.left), now);
        peaks.push(Peak {
            at: now,
            rows: delta.after,
            source,
            excluded: self.excluded(readings),
        });
        let allowance = settings.allow_removal.as_ref().map(allowance_key);
        let mut removals_used = known
            .or(self.left)
            .map(|entry| entry.removals_used.clone())
            .unwrap_or_default();
        removals_used.retain(|key, _| Some(key) == allowance.as_ref());
        Entry {
            kind: self.resource.kind.clone(),
            config: self.desired.config.clone(),
            written: Some(written(self.resource)),
            cohort: Some(self.pin()),
            excluded: self
                .exclude
                .iter()
                .zip(&self.desired.exclude)
                .map(|(cohort, named)| pin(cohort, named, known))
                .collect(),
            label: Some(self.label.clone()),
            former_labels: known
                .filter(|_| self.filled.is_none())
                .iter()
                .flat_map(|entry| entry.former_labels.iter().chain(&entry.label))
                .filter(|label| **label != self.label)
                .cloned()
                .collect(),
            attributes: BTreeSet::new(),
            on_destroy: self.on_destroy().to_owned(),
            protect: is_protected(self.resource),
            ledger: known.and_then(|entry| entry.ledger.clone()),
            full_push: None,
            counts: known.map_or_else(LedgerCounts::default, |entry| entry.counts),
            fulfilled: Some(Fulfilled {
                desired: self.digest(),
                sources: stamps.collect(),
            }),
            peaks,
            removals_used,
            set_aside: None,
            named: known.and_then(|entry| entry.named.clone()),
            settle_ms: u64::try_from(self.settle().as_millis()).ok(),
            left_by: None,
            log: None,
            observed: None,
            destination: None,
            uploaded: self.uploaded(),
            creates_since: self.creates_since(now),
            applied_at: session.clock.now(),
            run: String::new(),
        }
    }
}

/// Whether an entry says that removal takes two commits.
pub(in crate::engine) fn is_protected(resource: &Resource) -> bool {
    resource.body["protect"] == json!(true)
}

/// What changes of what is remembered beside a configuration: its protection, and its address.
pub(in crate::engine) fn beside(
    resource: &Resource,
    entry: Option<&Entry>,
    from: Option<&Address>,
) -> Vec<FieldChange> {
    let protect = is_protected(resource);
    let known = entry.filter(|entry| entry.protect != protect);
    let protection = known.map(|entry| FieldChange {
        path: "protect".to_owned(),
        before: json!(entry.protect),
        after: json!(protect),
    });
    let address = from.map(|from| moved(from, &resource.address));
    protection.into_iter().chain(address).collect()
}

/// A new address as a change.
pub(in crate::engine) fn moved(from: &Address, to: &Address) -> FieldChange {
    FieldChange {
        path: "address".to_owned(),
        before: json!(from),
        after: json!(to),
    }
}

/// Peaks that still held within the last 24 hours: those since then, and the last before.
pub(in crate::engine) fn recent(peaks: &[Peak], now: Millis) -> Vec<Peak> {
    let since = now - i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let before = peaks.iter().rev().find(|peak| peak.at < since);
    before
        .into_iter()
        .chain(peaks.iter().filter(|peak| peak.at >= since))
        .cloned()
        .collect()
}

/// What names an override: one whose `max` is raised is the same, and what it used up stays so.
pub(in crate::engine) fn allowance_key(allowed: &AllowRemoval) -> String {
    format!("until {}: {}", allowed.until, allowed.reason)
}
