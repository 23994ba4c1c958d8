//! Target units: what a resource writes in Braze and no other may.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Drafting, remembered};
use crate::model::Address;

/// Units, each with the resources that want it.
#[derive(Default)]
pub(super) struct Units(BTreeMap<String, BTreeSet<Address>>);

impl Units {
    /// Notes that a resource wants a unit.
    pub(super) fn want(&mut self, unit: String, address: &Address) {
        self.0.entry(unit).or_default().insert(address.clone());
    }
}

impl Drafting<'_> {
    /// Notes what a resource owns from what the state remembers of it.
    pub(super) fn own(&self, units: &mut Units, address: &Address) {
        let unit = self.entry(address).and_then(|entry| {
            let (kind, desired) = remembered(&self.session.configuration, address, entry)?;
            Some(kind.unit(&desired, entry.label.as_deref().unwrap_or_default()))
        });
        if let Some(unit) = unit {
            units.want(unit, address);
        }
    }

    /// Refuses units with two owners. What is no longer declared owns what it wrote until it is gone.
    pub(super) fn one_owner_each(&mut self, mut units: Units) {
        let resources = &self.session.configuration.resources;
        let known = self
            .manifest
            .iter()
            .flat_map(|manifest| manifest.resources.keys());
        for address in known.filter(|address| !resources.contains_key(*address)) {
            self.own(&mut units, address);
        }
        for (unit, owners) in units.0.into_iter().filter(|(_, owners)| owners.len() > 1) {
            let owners: Vec<&Address> = owners.iter().collect();
            let names: Vec<&str> = owners.iter().map(|address| address.as_str()).collect();
            let message = format!("{unit} would have two owners: {}", names.join(" and "));
            let hint = "give one of them another `label` or `to`; one that is removed goes before another takes its place";
            self.fail(owners[0], message, Some(hint.to_owned()));
        }
    }
}
