//! Who was deleted: people whom Braze had once and no longer has, in whichever ledger that is known. No sync creates them
//! again unless it says `recreate`, not even one that never sent to them.

use std::collections::BTreeSet;

use crate::{
    engine::{Error, draft::Drafting, subject::Subject},
    model::{Key, Presence},
};

impl Drafting<'_> {
    /// Finds who was deleted, where anything to be compared may create people. They are few.
    pub(in crate::engine) fn deleted(&self, subjects: &[Subject]) -> Result<BTreeSet<Key>, Error> {
        let mut deleted = BTreeSet::new();
        let creates = |subject: &Subject| {
            let absence = subject.absence();
            absence.creates && !absence.recreates
        };
        let Some(manifest) = self.manifest.filter(|_| subjects.iter().any(creates)) else {
            return Ok(deleted);
        };
        let some = |counts: &crate::state::ledger::LedgerCounts| counts.deleted > 0;
        let entries = manifest.resources.iter();
        for (address, _) in entries.filter(|(_, entry)| some(&entry.counts)) {
            for record in self.rows(address)? {
                let record = record?;
                if record.presence == Presence::Absent && record.confirmed_once {
                    deleted.insert(record.key);
                }
            }
        }
        Ok(deleted)
    }
}
