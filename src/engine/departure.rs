//! Resources that were applied and are no longer declared. A `removed` entry takes them out, from what the state
//! remembers; a block that just vanishes is refused, with the entry to paste.

use super::{
    Error,
    compute::{Computed, compute},
    draft::{Drafting, remembered},
    plan::Work,
    subject::SETTLE,
};
use crate::{
    config::{OnDestroy, Removed},
    model::{
        Address,
        plan::{Action, Cost, Delta, GuardResult, Problem, ResourcePlan},
    },
    state::manifest::Entry,
};

impl Drafting<'_> {
    /// Plans what goes: a work for each declared removal, a refusal for each other.
    pub(super) fn departures(&mut self) -> Result<Vec<Work>, Error> {
        let Some(manifest) = self.manifest else {
            return Ok(vec![]);
        };
        let configuration = &self.session.configuration;
        let mut works = vec![];
        for (address, entry) in &manifest.resources {
            let declared = configuration.resources.contains_key(address);
            if declared || !self.takes(address, &entry.kind) {
                continue;
            }
            let removed = configuration
                .removed
                .iter()
                .find(|removed| removed.address == address.as_str());
            match removed {
                None => self.vanished(address, entry),
                Some(_) if entry.protect => self.plan.errors.push(Problem {
                    address: Some(address.clone()),
                    message: "is protected and cannot be removed".to_owned(),
                    hint: Some(
                        "declare it once more with `protect: false`, apply that, and remove it then".to_owned(),
                    ),
                }),
                Some(removed) => works.extend(self.remove(address, entry, removed)?),
            }
        }
        Ok(works)
    }

    fn remove(
        &mut self,
        address: &Address,
        entry: &Entry,
        removed: &Removed,
    ) -> Result<Option<Work>, Error> {
        let Some((kind, desired)) = remembered(address, entry) else {
            self.plan.errors.push(Problem {
                address: Some(address.clone()),
                message: format!(
                    "this release cannot remove what it remembers of a {}",
                    entry.kind
                ),
                hint: None,
            });
            return Ok(None);
        };
        let empties = match removed.on_destroy {
            Some(on_destroy) => on_destroy == OnDestroy::Empty,
            None => entry.on_destroy == "empty",
        };
        let rows = self.rows(address)?;
        let computed = if empties {
            compute(&self.session.store, address, rows, std::iter::empty())?
        } else {
            let delta = Delta {
                before: entry.counts.rows(),
                ..Delta::default()
            };
            Computed {
                draft: None,
                delta,
                digest: String::new(),
            }
        };
        let fate = if empties {
            "taken out of Braze"
        } else {
            "left as they are in Braze"
        };
        self.note(
            address,
            serde_json::json!({"removed": fate, "rows": computed.digest}),
        );
        self.plan.resources.push(ResourcePlan {
            cost: Some(Cost::default()),
            delta: Some(computed.delta),
            ..departing(
                address,
                entry,
                format!("{}: {} rows, {fate}", desired.target, entry.counts.rows()),
            )
        });
        Ok(Some(Work {
            address: address.clone(),
            kind,
            desired,
            draft: computed.draft,
            next: None,
            settle: SETTLE,
        }))
    }

    fn vanished(&mut self, address: &Address, entry: &Entry) {
        let rows = entry.counts.rows();
        let guard = GuardResult {
            name: "undeclared_removal".to_owned(),
            limit: "declared".to_owned(),
            value: format!("{rows} rows"),
            ok: false,
            message: Some(
                "its block is gone, and what it wrote is not taken out unasked".to_owned(),
            ),
            paste: Some(format!(
                "removed: [{{address: {address}, on_destroy: {}, reason: \"why\"}}]",
                entry.on_destroy
            )),
        };
        let title = format!("{}: no longer declared", entry.kind);
        self.plan.resources.push(ResourcePlan {
            guards: vec![guard],
            ..departing(address, entry, title)
        });
    }
}

fn departing(address: &Address, entry: &Entry, title: String) -> ResourcePlan {
    ResourcePlan {
        address: address.clone(),
        kind: entry.kind.clone(),
        action: Action::Delete,
        title,
        fields: vec![],
        delta: None,
        cost: None,
        guards: vec![],
        manual: vec![],
        source: None,
        note: None,
    }
}
