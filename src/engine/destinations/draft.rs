//! Plans one account: created, adopted, patched, or done by hand where nobody sees it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    super::{
        draft::Drafting,
        meaning::written,
        subject::{beside, is_protected},
        watched::Looked,
    },
    DestinationWork, Todo, as_sent,
    found::Found,
};
use crate::{
    config::Resource,
    diff::destination::{Difference, Sent, Wanted, drift},
    kinds::{self, destination::Spec},
    model::{
        Address, Destination, DestinationType, Secret,
        plan::{Action, Drift, Problem, ResourcePlan},
    },
    state::manifest::{DestinationEntry, Entry},
};

impl Drafting<'_> {
    /// Plans an account that is seen. None where it has errors.
    pub(super) fn account(
        &mut self,
        resource: &Resource,
        spec: &Spec,
        of: &DestinationType,
        (project, live): (u64, &[Destination]),
    ) -> Option<(Option<DestinationWork>, Option<Looked>)> {
        let address = &resource.address;
        let nothing = BTreeMap::new();
        let parameters = &self.session.configuration.parameters;
        let parameters = parameters.get(address).unwrap_or(&nothing);
        let read = match kinds::destination::read(spec, parameters, of) {
            Ok(read) => read,
            Err(misfits) => {
                for misfit in misfits {
                    self.fail(address, misfit.message, misfit.hint);
                }
                return None;
            }
        };
        let wanted = read.wanted;
        let entry = self.entry(address);
        let found = match self.find_account(address, spec, entry, live) {
            Ok(found) => found,
            Err((message, hint)) => {
                self.fail(address, message, hint);
                return None;
            }
        };
        // What is remembered was sent to the account that is remembered, and to no other.
        let known = entry.filter(|_| matches!(found, Found::Known(_)));
        let sent = self.sent(known);
        let (action, account, difference) = match found {
            Found::None if !read.lacking.is_empty() => {
                for id in &read.lacking {
                    let message = format!("a new account of {} needs `config.{id}`", spec.partner);
                    self.fail(address, message, None);
                }
                return None;
            }
            Found::None => (Action::Create, None, wanted.creation()),
            Found::Named(live) => (Action::Adopt, Some(live), wanted.difference(live, &sent)),
            Found::Known(live) => {
                let difference = wanted.difference(live, &sent);
                let action = if difference.fields.is_empty() {
                    Action::NoOp
                } else {
                    Action::Update
                };
                (action, Some(live), difference)
            }
        };
        if let Some(live) = account {
            self.connected(address, live);
        }
        if let (Found::Known(live), Some(entry)) = (&found, entry) {
            self.drifted(resource, entry, live, of);
        }
        let known: BTreeMap<String, String> = wanted
            .secrets()
            .filter_map(|(id, value)| Some((id.to_owned(), self.fingerprint(value)?)))
            .collect();
        let meant = json!({
            "configuration": wanted.shown(),
            "secrets": known,
            "account": account.map(|live| &live.id),
            "change": difference.fields,
        });
        self.note(address, meant);
        self.show_account(resource, spec, action, &difference);
        let begun = || Entry::begun(&resource.kind, json!({}), self.session.clock.now());
        let next = Entry {
            config: wanted.shown(),
            written: Some(written(resource)),
            on_destroy: "empty".to_owned(),
            protect: is_protected(resource),
            applied_at: self.session.clock.now(),
            destination: Some(Box::new(DestinationEntry {
                id: account.map(|live| live.id.clone()).unwrap_or_default(),
                secrets: known,
            })),
            ..entry.cloned().unwrap_or_else(begun)
        };
        let todo = match account {
            Some(_) if difference.patch.is_empty() => {
                let looked = Looked {
                    address: address.clone(),
                    next: Some(next),
                };
                return Some((None, Some(looked)));
            }
            Some(live) => Todo::Patch {
                live: Box::new(live.clone()),
                patch: difference.patch,
                wanted: Some(Box::new(wanted.clone())),
            },
            None => Todo::Create(difference.patch),
        };
        let work = DestinationWork {
            address: address.clone(),
            project,
            todo,
            next: Some(next),
            secrets: secrets(&wanted),
        };
        Some((Some(work), None))
    }

    /// Tells of what was filled whether it is what was sent last.
    fn sent(&self, entry: Option<&Entry>) -> impl Fn(&str, &Secret) -> Sent + use<> {
        let known = entry.and_then(|entry| entry.destination.clone());
        let lineage = self.manifest.map(|manifest| manifest.lineage.clone());
        move |id, value| sent(known.as_deref(), lineage.as_deref(), id, value)
    }

    /// Warns where Amplitude says that an account does not reach the other side.
    fn connected(&mut self, address: &Address, live: &Destination) {
        let status = live.credential_status.as_deref();
        let broken = status.filter(|status| ["disconnected", "expired"].contains(status));
        let Some(status) = broken.filter(|_| live.enabled != Some(false)) else {
            return;
        };
        let hint = "see that its key is one that the other side takes, or connect it again in Amplitude > Data > Destinations";
        self.plan.warnings.push(Problem {
            address: Some(address.clone()),
            message: format!(
                "Amplitude says that its credentials are {status}: nothing may arrive"
            ),
            hint: Some(hint.to_owned()),
        });
    }

    /// Notes what changed since it was applied.
    fn drifted(
        &mut self,
        resource: &Resource,
        entry: &Entry,
        live: &Destination,
        of: &DestinationType,
    ) {
        let telling = |id: &String| {
            let mut parameters = of.parameters.iter();
            !parameters.any(|known| known.id == *id && known.write_only)
        };
        let secrets = entry
            .destination
            .iter()
            .flat_map(|it| it.secrets.keys().cloned())
            .filter(telling);
        let same = |id: &str, told: &_| {
            let known = entry.destination.as_ref().and_then(|it| it.secrets.get(id));
            known.cloned() == self.fingerprint(&as_sent(told))
        };
        let changes = drift(&entry.config, secrets, live, &same);
        self.plan
            .drift
            .extend(changes.into_iter().map(|change| Drift {
                address: resource.address.clone(),
                path: change.path,
                before: change.before,
                after: change.after,
            }));
    }

    fn show_account(
        &mut self,
        resource: &Resource,
        spec: &Spec,
        action: Action,
        difference: &Difference,
    ) {
        let mut fields = difference.fields.clone();
        let from = self.rearranged.moved.get(&resource.address);
        fields.extend(beside(resource, self.entry(&resource.address), from));
        let action = match action {
            Action::NoOp if !fields.is_empty() => Action::Update,
            action => action,
        };
        let planned = planned(resource, spec, action);
        self.plan.resources.push(ResourcePlan { fields, ..planned });
    }

    /// Plans an account that nobody sees: all of it is a change by hand, again each time.
    pub(super) fn by_hand(&mut self, resource: &Resource, spec: &Spec) {
        let planned = planned(resource, spec, Action::Manual);
        let title = format!(
            "by hand: without amplitude.developer_token nobody sees {}",
            planned.title
        );
        let manual = kinds::destination::steps(spec);
        self.note(&resource.address, json!({"manual": manual}));
        self.plan.resources.push(ResourcePlan {
            title,
            manual,
            ..planned
        });
    }

    /// Plans nothing for an account that was not to be looked at.
    pub(super) fn unread(&mut self, resource: &Resource, spec: &Spec) {
        self.note(&resource.address, json!({"unread": true}));
        let planned = planned(resource, spec, Action::NoOp);
        let note = Some("not looked at: nothing live is read".to_owned());
        self.plan.resources.push(ResourcePlan { note, ..planned });
    }
}

/// Tells of what was filled whether it is what was sent last.
pub(super) fn sent(
    known: Option<&DestinationEntry>,
    lineage: Option<&str>,
    id: &str,
    value: &Secret,
) -> Sent {
    let known = known.and_then(|known| known.secrets.get(id));
    match known.zip(lineage) {
        None => Sent::Unknown,
        Some((known, lineage)) if *known == super::fingerprint(lineage, value) => Sent::Same,
        Some(_) => Sent::Other,
    }
}

fn secrets(wanted: &Wanted) -> BTreeMap<String, Secret> {
    let secrets = wanted.secrets();
    secrets
        .map(|(id, value)| (id.to_owned(), value.clone()))
        .collect()
}

fn planned(resource: &Resource, spec: &Spec, action: Action) -> ResourcePlan {
    let title = format!(
        "{} account \"{}\" of Amplitude",
        spec.partner, spec.display_name
    );
    ResourcePlan::of(&resource.address, &resource.kind, action, title)
}
