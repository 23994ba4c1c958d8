//! What the state remembers of a person beside the syncs that can be planned: syncs that go, targets that were left, and
//! syncs with an error.

use std::collections::BTreeSet;

use super::{
    Explaining,
    row::Known,
    sync::{aside, decided, stream},
};
use crate::{
    diff::fate,
    engine::{
        Error,
        compared::Streams,
        departure::{Fate as Departure, empties},
        draft::remembered,
    },
    model::{
        Address,
        explanation::{Fate, Rest, SyncExplained},
    },
    state::manifest::Entry,
};

impl Explaining<'_> {
    /// Explains what is not among these syncs.
    pub(super) fn departed(&self, known: &BTreeSet<Address>) -> Result<Vec<SyncExplained>, Error> {
        let mut told = vec![];
        let resources = self.draft.manifest.iter();
        for (address, entry) in resources.flat_map(|manifest| &manifest.resources) {
            let owner = entry.left_by.as_ref().unwrap_or(address);
            // Logs are told of by themselves.
            let is_log = entry.log.is_some();
            if !is_log && !known.contains(address) && self.draft.takes(owner, &entry.kind) {
                told.extend(self.gone(address, owner, entry)?);
            }
        }
        // Syncs of which nothing is recorded, with an error.
        for resource in self.draft.session.configuration.resources.values() {
            let listed = |told: &SyncExplained| told.address == resource.address;
            if known.contains(&resource.address) || told.iter().any(listed) {
                continue;
            }
            told.extend(self.problem(resource).map(|problem| SyncExplained {
                address: resource.address.clone(),
                kind: resource.kind.clone(),
                target: String::new(),
                fate: Fate::Unread,
                rest: None,
                problem: Some(problem),
                sources: vec![],
                rows: vec![],
                parked: None,
            }));
        }
        Ok(told)
    }

    /// Explains one; none where it holds nothing of the person and nothing is wrong with it.
    fn gone(
        &self,
        address: &Address,
        owner: &Address,
        entry: &Entry,
    ) -> Result<Option<SyncExplained>, Error> {
        let session = self.draft.session;
        let desired = remembered(&session.configuration, address, entry);
        let mut known = Known {
            records: self.found.records(address),
            refusals: self.found.refusals(address),
            desired: vec![],
            decided: None,
        };
        let resource = session.configuration.resources.get(address);
        let problem = resource.and_then(|resource| self.problem(resource));
        if known.records.is_empty() && known.refusals.is_empty() && problem.is_none() {
            return Ok(None);
        }
        let goes = match self.draft.fate(address, owner, entry) {
            Departure::Stays => None,
            Departure::Vanished => Some(Rest::Vanished),
            Departure::Goes(removed) if empties(removed, entry) => Some(Rest::Removed),
            Departure::Goes(_) => Some(Rest::LeftInBraze),
            Departure::Left => Some(Rest::Removed),
            Departure::Waits(why) => Some(Rest::Waits(why.to_owned())),
        };
        let refused = self.draft.is_kept(address, entry) && goes.is_some();
        if let (Some(Rest::Removed), Some(desired), false) = (&goes, &desired, refused) {
            let streams = Streams {
                recorded: &|| Ok(stream(&known.records)),
                desired: &|| Ok(Box::new(std::iter::empty())),
                aside: &|| Ok(aside(&known.refusals)),
            };
            let computed = self.draft.emptied(address, entry, desired, &streams)?;
            known.decided = Some(decided(&computed)?);
        }
        let form = desired.as_ref().map(|desired| &desired.form);
        let rows = self.rows(&known, form, self.draft.patience(None).wait, goes.as_ref());
        let fate = fate::foremost(rows.iter(), |row| (false, row.fate));
        Ok(Some(SyncExplained {
            address: address.clone(),
            kind: entry.kind.clone(),
            target: desired.map_or_else(String::new, |desired| desired.target),
            fate: fate.map_or(Fate::Unread, |row| row.fate),
            rest: goes,
            problem: problem
                .or_else(|| refused.then(|| "it is protected, and cannot be removed".to_owned())),
            sources: vec![],
            rows,
            parked: None,
        }))
    }
}
