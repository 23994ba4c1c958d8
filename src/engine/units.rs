//! Target units: what a resource writes in Braze and no other may.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    draft::{Drafting, remembered, scope},
    subject::Subject,
};
use crate::{
    config::OnDestroy,
    kinds::{self, Unit},
    model::Address,
    state::manifest::Entry,
};

/// Units, each with a resource that wants it, or still holds it.
#[derive(Default)]
pub(super) struct Units(Vec<Claim>);

struct Claim {
    unit: Unit,
    address: Address,
    /// Whether only rows that were not moved on yet hold it. Whoever has it not wholly yet waits for them, unless this
    /// plan moves them on in the same objects.
    former: bool,
    /// Whether rows of the resource may not have it yet.
    new: bool,
}

impl Units {
    /// Notes that a resource wants a unit; `new` where rows of it may not have it yet.
    pub(super) fn want(&mut self, unit: Unit, address: &Address, new: bool) {
        self.0.push(Claim {
            unit,
            address: address.clone(),
            former: false,
            new,
        });
    }

    /// Returns the pairs that cannot both be, each once.
    fn clashes(&self) -> Vec<(&Unit, &Address, &Address)> {
        let mut by_target = BTreeMap::<&str, BTreeMap<Option<&str>, Vec<&Claim>>>::new();
        for claim in &self.0 {
            let of = by_target.entry(&claim.unit.target).or_default();
            let label = claim.unit.label.as_deref();
            of.entry(label).or_default().push(claim);
        }
        let mut found = BTreeMap::new();
        for by_label in by_target.into_values() {
            // Who wants all of a target meets everybody there, who wants a label those who want the same.
            let whole = by_label.get(&None).cloned().unwrap_or_default();
            for claims in by_label.values() {
                let mut others = claims.iter().chain(&whole);
                while let Some(one) = others.next() {
                    for other in others.clone().filter(|other| one.meets(other)) {
                        let (one, other) = if one.address < other.address {
                            (one, other)
                        } else {
                            (other, one)
                        };
                        found.insert((&one.address, &other.address), &one.unit);
                    }
                }
            }
        }
        let found = found.into_iter();
        found
            .map(|((one, other), unit)| (unit, one, other))
            .collect()
    }
}

impl Claim {
    /// Whether two claims cannot both be. A label that rows still hold is in the way of whoever wants it anew alone.
    fn meets(&self, other: &Self) -> bool {
        let free = (self.former && !other.new) || (other.former && !self.new);
        self.address != other.address && !free
    }
}

impl Drafting<'_> {
    /// Notes what a resource owns from what the state remembers of it.
    pub(super) fn own(&self, units: &mut Units, address: &Address) {
        let owned = self.entry(address).and_then(|entry| {
            let desired = remembered(&self.session.configuration, address, entry)?;
            Some(
                desired
                    .form
                    .units(entry.label.as_deref().unwrap_or_default()),
            )
        });
        for unit in owned.into_iter().flatten() {
            units.want(unit, address, false);
        }
    }

    /// Returns the attributes that rows of a resource still hold, and that it is to be rid of. Nobody else may write one
    /// meanwhile: what is cleared for one person would be gone for the other owner, and nothing would tell.
    fn dropped(&self, address: &Address, entry: &Entry) -> BTreeSet<String> {
        let configuration = &self.session.configuration;
        let resource = configuration.resources.get(address);
        // What is declared now is claimed as such, and says whether it lets the rest go as it is.
        let now = resource.and_then(|resource| {
            let scope = scope(configuration, Some(entry));
            let desired = kinds::find(resource)?.desired(resource, &scope);
            let desired = desired.ok()?;
            let keeps = match resource.settings.on_destroy {
                Some(on_destroy) => on_destroy == OnDestroy::Keep,
                None => desired.form.on_destroy() == "keep",
            };
            Some((desired, keeps))
        });
        let before = || Some((remembered(configuration, address, entry)?, false));
        let Some((desired, false)) = now.or_else(before) else {
            return BTreeSet::new();
        };
        let declared = desired.form.attributes().iter();
        &entry.attributes - &declared.map(|attribute| attribute.name.clone()).collect()
    }

    /// Refuses units with two owners. What is no longer declared owns what it wrote until it is gone, and a label that
    /// was changed is held until every row has the new one; an attribute that is to be cleared, until it is.
    pub(super) fn one_owner_each(&mut self, mut units: Units, subjects: &[Subject]) {
        let resources = &self.session.configuration.resources;
        let known = self
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.resources);
        for (address, entry) in known {
            if !resources.contains_key(address) {
                self.own(&mut units, address);
            }
            let moves_on = entry.set_aside.is_none()
                && subjects
                    .iter()
                    .any(|subject| subject.resource.address == *address);
            let held = entry.former_labels.iter().filter(|_| !moves_on);
            let former = held.filter_map(|label| {
                let desired = remembered(&self.session.configuration, address, entry)?;
                desired.form.units(label).pop()
            });
            for name in self.dropped(address, entry) {
                units.want(Unit::attribute(&name), address, false);
            }
            units.0.extend(former.map(|unit| Claim {
                unit,
                address: address.clone(),
                former: true,
                new: false,
            }));
        }
        for (unit, one, other) in units.clashes() {
            let message = format!("{unit} would have two owners: {one} and {other}");
            let holds = |address: &Address| {
                let entry = self.entry(address);
                entry.is_some_and(|entry| !entry.attributes.is_empty())
            };
            let values = holds(one) || holds(other);
            let mut hint = "give one of them another `label` or `to`; where one is removed, left, or not done yet, apply that before another takes its place".to_owned();
            if values {
                hint += "; `on_destroy: keep` lets an attribute go as it is";
            }
            self.fail(one, message, Some(hint));
        }
    }
}
