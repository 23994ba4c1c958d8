//! One person in logs. Of events that were sent only a digest is remembered, so nothing of a person is known there but
//! events that are parked.

use std::collections::{BTreeMap, BTreeSet};

use super::Explaining;
use crate::{
    engine::{departure::Fate as Departure, draft::Drafting},
    kinds,
    model::{
        Address, Key,
        explanation::{Fate, ParkedOf, Rest, SyncExplained},
    },
    state::{self, events::EventReader},
};

/// Counts the parked events of a person, whose keys grow by those that are met.
pub(super) fn parked(
    draft: &Drafting,
    is: impl Fn(&Key) -> bool,
    keys: &mut BTreeSet<Key>,
) -> Result<BTreeMap<Address, ParkedOf>, state::Error> {
    let mut found = BTreeMap::<Address, ParkedOf>::new();
    let resources = draft.manifest.iter();
    for (address, entry) in resources.flat_map(|manifest| &manifest.resources) {
        let log = entry.log.as_ref();
        let Some(parked) = log.and_then(|log| log.parked.as_ref()) else {
            continue;
        };
        for event in EventReader::open(&draft.file(&parked.blob)?)? {
            let event = event?;
            let key = &event.row.key;
            if !is(key) && !keys.contains(key) {
                continue;
            }
            keys.insert(key.clone());
            let of = found.entry(address.clone()).or_default();
            let released = event.parked.is_some_and(|parked| parked.released);
            of.released += u64::from(released);
            of.undecided += u64::from(!released);
        }
    }
    Ok(found)
}

impl Explaining<'_> {
    /// Explains every log, those that go too.
    pub(super) fn logs(&self) -> Vec<SyncExplained> {
        let session = self.draft.session;
        let declared = session.configuration.resources.values();
        let declared = declared.filter_map(|resource| {
            let log = kinds::find_log(resource)?;
            if !self.draft.takes(&resource.address, &resource.kind) {
                return None;
            }
            let app_id = session.configuration.braze.app_id.as_deref();
            let (target, problem) = match log.stream(resource, app_id) {
                Ok(stream) => (stream.title, None),
                Err(diagnostic) => (String::new(), Some(diagnostic.message)),
            };
            let paused = resource.settings.paused == Some(true);
            Some(SyncExplained {
                rest: paused.then_some(Rest::Paused),
                problem,
                ..self.log(&resource.address, &resource.kind, target)
            })
        });
        let remembered = self.draft.manifest.iter();
        let gone = remembered.flat_map(|manifest| &manifest.resources);
        let gone = gone.filter_map(|(address, entry)| {
            let of = entry.log.is_some() && self.draft.takes(address, &entry.kind);
            let rest = match self.draft.fate(address, address, entry) {
                _ if !of => return None,
                Departure::Stays | Departure::Left | Departure::Waits(_) => return None,
                Departure::Goes(_) => Rest::LeftInBraze,
                Departure::Vanished => Rest::Vanished,
            };
            Some(SyncExplained {
                rest: Some(rest),
                ..self.log(address, &entry.kind, String::new())
            })
        });
        declared.chain(gone).collect()
    }

    fn log(&self, address: &Address, kind: &str, target: String) -> SyncExplained {
        SyncExplained {
            address: address.clone(),
            kind: kind.to_owned(),
            target,
            fate: Fate::Log,
            rest: None,
            problem: None,
            sources: vec![],
            rows: vec![],
            parked: Some(self.found.parked(address)),
        }
    }
}
