//! Syncs that Amplitude runs itself: what the list of cohorts tells of them.

use super::Looked;
use crate::{engine::draft::Drafting, model::Cohort};

impl Drafting<'_> {
    /// Looks at every selected sync that Amplitude runs.
    #[expect(clippy::unused_self, reason = "to be filled")]
    pub(super) fn native_syncs(&mut self, _list: &[Cohort]) -> Vec<Looked> {
        vec![]
    }
}
