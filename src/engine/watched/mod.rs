//! What others run: it is looked at and never written. What differs is a change by hand, with its steps; what changed since the
//! last apply is drift.

mod native;
mod segments;

pub(super) use self::native::UNTOLD_HINT;

use super::{Error, draft::Drafting};
use crate::{
    model::{
        Address, Cohort,
        plan::{Action, ResourcePlan},
    },
    state::manifest::Entry,
};

/// Something that was looked at, and what an apply remembers of it.
pub(super) struct Looked {
    pub(super) address: Address,
    /// What is remembered of it; none where it goes.
    pub(super) next: Option<Entry>,
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
        Looked {
            address: address.clone(),
            next: None,
        }
    }
}
