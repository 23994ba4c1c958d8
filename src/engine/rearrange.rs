//! What changes its place in the state before anything is compared: a sync that bears another name, and a target that
//! a sync left. Nothing of it touches Braze.
//!
//! A sync whose `to` changed is filled under its address as if it were new. What it wrote before is kept under an
//! address of its own and emptied by the apply after the one that filled the new target. A sync that comes back to a
//! target it left takes up there what it had.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Session,
    draft::{Drafting, scope},
    fold::Recorded,
};
use crate::{
    config::Resource,
    kinds,
    model::Address,
    state::manifest::{Entry, Peak},
};

/// What changed its place.
#[derive(Debug, Default)]
pub(super) struct Rearranged {
    /// New addresses, each with the former one.
    pub(super) moved: BTreeMap<Address, Address>,
    /// Syncs whose target changes, each as it was before.
    pub(super) left: BTreeMap<Address, Entry>,
    /// Renames that cannot be made, by the address they begin at.
    pub(super) clashes: BTreeMap<Address, Address>,
    /// Whether a sync whose new target never got anything came back to the one it left.
    pub(super) back: bool,
    /// Syncs whose target would change, and that are protected.
    pub(super) protected: BTreeSet<Address>,
}

impl Rearranged {
    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.left.is_empty() && !self.back
    }
}

/// Puts what moved where it belongs now.
pub(super) fn rearrange(session: &Session, recorded: &mut Recorded) -> Rearranged {
    let mut rearranged = Rearranged::default();
    for moved in &session.configuration.moved {
        let (Some(from), Some(to)) = (Address::parse(&moved.from), Address::parse(&moved.to))
        else {
            continue;
        };
        let resources = &recorded.manifest.resources;
        let left = left_by(recorded, &from);
        if !resources.contains_key(&from) && left.is_empty() {
            continue;
        }
        if resources.contains_key(&to) {
            rearranged.clashes.insert(from, to);
            continue;
        }
        rename(recorded, &from, &to);
        for (address, entry) in left {
            let target = address
                .as_str()
                .split_once('@')
                .map_or("", |(_, target)| target);
            let next = to.left(target);
            rename(recorded, &address, &next);
            let entry = Entry {
                left_by: Some(to.clone()),
                ..entry
            };
            recorded.manifest.resources.insert(next, entry);
        }
        // One that moves twice in a row moved from its first address.
        let first = rearranged.moved.remove(&from).unwrap_or(from);
        rearranged.moved.insert(to, first);
    }
    if session.how.destroy {
        return rearranged;
    }
    for resource in session.configuration.resources.values() {
        let selected = session.selection.takes(&resource.address, &resource.kind);
        if selected && resource.settings.paused != Some(true) {
            leave(session, recorded, resource, &mut rearranged);
        }
    }
    rearranged
}

/// Sets a target aside that a sync wrote, where the sync writes another one now, and takes up what the sync left
/// before where it comes back to that.
fn leave(
    session: &Session,
    recorded: &mut Recorded,
    resource: &Resource,
    rearranged: &mut Rearranged,
) {
    let address = &resource.address;
    let Some(kind) = kinds::find(resource) else {
        return;
    };
    // What is wrong with it is said when it is drafted.
    let desired = |known: Option<&Entry>| {
        let scope = scope(&session.configuration, known);
        kind.desired(resource, &scope).ok()
    };
    let entry = recorded.manifest.resources.get(address).cloned();
    // What somebody else ran wrote nothing that could be left.
    if entry.as_ref().is_some_and(|entry| entry.observed.is_some()) {
        return;
    }
    if let Some(entry) = &entry {
        let Some(desired) = desired(Some(entry)) else {
            return;
        };
        if entry.kind != resource.kind || entry.config["to"] == desired.config["to"] {
            return;
        }
        if entry.protect {
            rearranged.protected.insert(address.clone());
            return;
        }
        set_aside(session, recorded, address, entry);
        rearranged.left.insert(address.clone(), entry.clone());
    }
    // What it wrote there before is asked as if it stood: an id that was pinned then is the id.
    let back = left_by(recorded, address).into_iter().find(|(_, known)| {
        desired(Some(known)).is_some_and(|desired| desired.config["to"] == known.config["to"])
    });
    if let Some((known, back)) = back {
        rename(recorded, &known, address);
        let back = Entry {
            left_by: None,
            ..back
        };
        rearranged.back |= entry.is_none();
        recorded.manifest.resources.insert(address.clone(), back);
    }
}

/// Keeps what a sync wrote under an address of its own, until it is emptied; one that holds nothing is let go.
fn set_aside(session: &Session, recorded: &mut Recorded, address: &Address, entry: &Entry) {
    let former = super::draft::remembered(&session.configuration, address, entry);
    let target = former.map_or_else(|| entry.kind.clone(), |former| former.target);
    if entry.counts.rows() == 0 {
        recorded.manifest.resources.remove(address);
        recorded.drafts.remove(address);
        return;
    }
    let mut left = address.left(&target);
    while recorded.manifest.resources.contains_key(&left) {
        left = left.left("again");
    }
    rename(recorded, address, &left);
    let kept = Entry {
        left_by: Some(address.clone()),
        fulfilled: None,
        set_aside: None,
        ..entry.clone()
    };
    recorded.manifest.resources.insert(left, kept);
}

impl<'a> Drafting<'a> {
    /// Returns what a sync was before its target changed, until the new target has anything: in this plan, or in one
    /// whose apply came to nothing.
    pub(super) fn left(&self, address: &Address) -> Option<&'a Entry> {
        if let Some(entry) = self.rearranged.left.get(address) {
            return Some(entry);
        }
        if self.entry(address).is_some() {
            return None;
        }
        let known = self
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.resources);
        known
            .map(|(_, entry)| entry)
            .filter(|entry| entry.left_by.as_ref() == Some(address))
            .max_by_key(|entry| entry.applied_at)
    }
}

/// The targets that a sync left and that still hold rows.
fn left_by(recorded: &Recorded, address: &Address) -> Vec<(Address, Entry)> {
    recorded
        .manifest
        .resources
        .iter()
        .filter(|(_, entry)| entry.left_by.as_ref() == Some(address))
        .map(|(address, entry)| (address.clone(), entry.clone()))
        .collect()
}

fn rename(recorded: &mut Recorded, from: &Address, to: &Address) {
    if let Some(entry) = recorded.manifest.resources.remove(from) {
        recorded.manifest.resources.insert(to.clone(), entry);
    }
    if let Some(draft) = recorded.drafts.remove(from) {
        recorded.drafts.insert(to.clone(), draft);
    }
}

/// The peaks of a sync, those from before its target changed too: a source that collapses shows whatever it is
/// written to.
pub(super) fn peaks(entry: Option<&Entry>, left: Option<&Entry>) -> Vec<Peak> {
    let known = entry.iter().flat_map(|entry| &entry.peaks);
    let before = left.iter().flat_map(|left| &left.peaks);
    let mut peaks: Vec<Peak> = before.chain(known).cloned().collect();
    peaks.sort_by_key(|peak| peak.at);
    peaks
}
