//! `--changed`: what the YAML changed since it was last applied. The state remembers a digest of each entry as it was
//! written, what has no effect in Braze included; a change of a guard alone is a change.

use super::{
    draft::Drafting,
    meaning::written,
    plan::Work,
    subject::{is_protected, settle},
};
use crate::{config::Resource, kinds::Desired, model::Address, state::manifest::Entry};

impl<'a> Drafting<'a> {
    /// Returns what the state remembers of a resource.
    pub(super) fn entry(&self, address: &Address) -> Option<&'a Entry> {
        self.manifest
            .and_then(|manifest| manifest.resources.get(address))
    }

    /// Returns whether a resource is selected.
    pub(super) fn takes(&self, address: &Address, kind: &str) -> bool {
        let selection = &self.session.selection;
        let changed = || {
            let resource = self.session.configuration.resources.get(address);
            let moved = self.rearranged.moved.contains_key(address);
            moved || resource.is_none_or(|resource| self.is_rewritten(resource))
        };
        selection.takes(address, kind) && (!selection.changed || changed())
    }

    /// Returns whether the entry is another than the one that was applied last, or new. An older state may not know of its
    /// protection; what is only looked at has none.
    pub(super) fn is_rewritten(&self, resource: &Resource) -> bool {
        self.entry(&resource.address).is_none_or(|entry| {
            entry.written.as_ref() != Some(&written(resource))
                || entry.observed.is_none() && entry.protect != is_protected(resource)
        })
    }

    /// What is to be remembered of a resource that is not compared: how it is written now.
    pub(super) fn rewritten(
        &self,
        resource: &Resource,
        entry: Option<&Entry>,
        desired: Desired,
    ) -> Option<Work> {
        let entry = entry.filter(|_| self.is_rewritten(resource))?;
        let next = Entry {
            written: Some(written(resource)),
            protect: is_protected(resource),
            ..entry.clone()
        };
        Some(Work::remembering(resource, desired, next))
    }
}

impl Work {
    /// What sends nothing, and is remembered.
    pub(super) fn remembering(resource: &Resource, desired: Desired, next: Entry) -> Self {
        Self {
            address: resource.address.clone(),
            desired,
            now: None,
            later: None,
            aside: None,
            found: None,
            name: None,
            next: Some(next),
            fills: None,
            settle: settle(&resource.settings),
        }
    }
}
