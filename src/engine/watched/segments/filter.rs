//! What a filter means here: where the syncs that it names write, and how many members they have.

use serde_json::from_value;

use crate::{
    config::{CohortRef, Resource},
    engine::{
        draft::{Drafting, scope},
        reference::meant,
    },
    kinds::{
        self, Form,
        segment::{Filter, Shown, Words, worded},
    },
    model::{Address, Cohort},
    state::manifest::Entry,
};

impl Drafting<'_> {
    /// Words a filter by where the syncs write that it names.
    pub(super) fn words(&self, filter: &Filter, list: &[Cohort]) -> Words {
        worded(filter, &|address| self.shown(address, list))
    }

    /// Words a filter in a line in which a cohort that Amplitude brings stands by its id: its name may change.
    pub(super) fn meant(&self, filter: &Filter, list: &[Cohort]) -> String {
        let shown = |address: &str| self.shown(address, list).map(Shown::by_id);
        let mut lines = worded(filter, &shown).lines().into_iter();
        lines.next().unwrap_or_default()
    }

    fn shown(&self, address: &str, list: &[Cohort]) -> Option<Shown> {
        let configuration = &self.session.configuration;
        let resource = configuration.resources.get(&Address::parse(address)?)?;
        let entry = self.entry(&resource.address);
        let import = configuration.braze.cohort_import.as_ref();
        let partner = import.map(|import| import.partner.as_str());
        if let Some(cohort) = native(resource) {
            let known = meant(&cohort, entry, list).ok();
            let (name, id) = match (known, cohort) {
                (Some(cohort), _) => (cohort.name, Some(cohort.id)),
                (None, CohortRef::Name(name)) => (name, None),
                (None, CohortRef::Id { id }) => (id.clone(), Some(id)),
            };
            return Some(Shown::Native { name, id });
        }
        let scope = scope(configuration, entry);
        let desired = kinds::find(resource)?.desired(resource, &scope).ok()?;
        let Form::Membership(membership) = &desired.form else {
            return None;
        };
        let pinned = || entry.and_then(|entry| entry.label.clone());
        // What has another source is in Amplitude, and Braze knows nothing of it.
        let source = desired.source.cohort()?;
        let named = || match (meant(source, entry, list), source) {
            (Ok(cohort), _) => cohort.name,
            (Err(_), CohortRef::Name(name) | CohortRef::Id { id: name }) => name.clone(),
        };
        let called = || desired.called.clone();
        let label = desired.label.clone().or_else(pinned).or_else(called);
        let label = label.unwrap_or_else(named);
        Shown::of(membership, &label, partner)
    }

    /// Returns how many members of a sync Braze holds, at least and at most: recorded rows that were read back, and all but
    /// those with nobody there. Of one that Amplitude runs, nobody to its whole cohort.
    pub(super) fn members(&self, address: &str, list: &[Cohort]) -> Option<(u64, u64)> {
        let configuration = &self.session.configuration;
        let resource = configuration.resources.get(&Address::parse(address)?)?;
        let entry = self.entry(&resource.address);
        match native(resource) {
            Some(cohort) => Some((0, meant(&cohort, entry, list).ok()?.size)),
            None => entry.and_then(rows),
        }
    }
}

fn rows(entry: &Entry) -> Option<(u64, u64)> {
    entry.ledger.as_ref()?;
    let counts = entry.counts;
    Some((counts.confirmed, counts.rows() - counts.absent))
}

/// The cohort of a sync that Amplitude runs.
fn native(resource: &Resource) -> Option<CohortRef> {
    let by_amplitude = resource.body["run_by"] == "amplitude";
    let cohort = || from_value(resource.body["cohort"].clone()).ok();
    by_amplitude.then(cohort).flatten()
}
