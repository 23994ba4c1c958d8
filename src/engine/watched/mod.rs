//! What others run: it is looked at and never written. What differs is a change by hand, with its steps; what changed since the
//! last apply is drift.

mod native;
mod segments;

pub(super) use self::native::UNTOLD_HINT;

use std::collections::BTreeMap;

use super::{Error, draft::Drafting, target::fingerprint};
use crate::{
    model::{
        Address, Cohort, Secret,
        plan::{Action, ResourcePlan},
    },
    state::manifest::Entry,
};

/// Something that was looked at, and what an apply remembers of it.
pub(super) struct Looked {
    pub(super) address: Address,
    /// What is remembered of it; none where it goes.
    pub(super) next: Option<Entry>,
    /// What somebody was told to set by hand, to be remembered by fingerprints.
    pub(super) secrets: BTreeMap<String, Secret>,
}

impl Looked {
    /// What is remembered as it stands.
    pub(super) fn of(address: &Address, next: Option<Entry>) -> Self {
        Self {
            address: address.clone(),
            next,
            secrets: BTreeMap::new(),
        }
    }

    /// Returns it with its fingerprints in it.
    fn printed(self, lineage: &str) -> (Address, Option<Entry>) {
        let mut next = self.next;
        let known = next.as_mut().and_then(|next| next.destination.as_mut());
        if let Some(by_hand) = known.and_then(|known| known.by_hand.as_mut()) {
            let prints = self.secrets.iter();
            by_hand.extend(prints.map(|(id, value)| (id.clone(), fingerprint(lineage, value))));
        }
        (self.address, next)
    }
}

/// Returns what an apply remembers of what was looked at.
pub(super) fn remembered(
    looked: Vec<Looked>,
    lineage: &str,
) -> impl Iterator<Item = (Address, Option<Entry>)> {
    looked.into_iter().map(move |of| of.printed(lineage))
}

impl Drafting<'_> {
    /// Looks at everything selected that others run, and plans what is to be done by hand.
    pub(super) async fn watch(&mut self, list: &[Cohort]) -> Result<Vec<Looked>, Error> {
        let mut looked = vec![];
        if !self.session.how.destroy {
            looked.extend(self.segments(list).await?);
            looked.extend(self.native_syncs(list));
        }
        Ok(looked)
    }

    /// Plans that something is looked at no more: nothing of it changes.
    pub(super) fn looked_away(&mut self, address: &Address, entry: &Entry) -> Looked {
        let title = format!("{}: no longer looked at; it stays as it is", entry.kind);
        let planned = ResourcePlan::of(address, &entry.kind, Action::Delete, title);
        self.plan.resources.push(planned);
        self.note(
            address,
            serde_json::json!({"removed": "no longer looked at"}),
        );
        Looked::of(address, None)
    }
}
