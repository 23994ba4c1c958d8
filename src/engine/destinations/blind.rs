//! Plans one account that nobody sees, since no token was given: what is declared is held against what was declared before. A
//! person does what differs by hand, and says so by an apply, which remembers what was declared then.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{draft::Drafting, subject::beside, watched::Looked},
    draft::{planned, secrets},
};
use crate::{
    config::Resource,
    diff::destination::{Wanted, reworded},
    kinds::{self, destination::Spec},
    model::{
        SeenAccount,
        plan::{Action, FieldChange, ResourcePlan, SECRET},
    },
    state::manifest::{DestinationEntry, Entry},
};

impl Drafting<'_> {
    /// Plans an account that nobody sees.
    pub(super) fn by_hand(&mut self, resource: &Resource, spec: &Spec) -> Looked {
        let address = &resource.address;
        let nothing = BTreeMap::new();
        let parameters = self.session.configuration.parameters.get(address);
        let (wanted, unset) = kinds::destination::unheld(spec, parameters.unwrap_or(&nothing));
        let said = wanted.shown();
        let entry = self.entry(address);
        let known = entry.and_then(|it| Some((it, it.destination.as_deref()?)));
        let known = known.filter(|(_, known)| !known.is_begun());
        let changes = known.map(|(entry, known)| self.differs(entry, known, &wanted, &said));
        self.left_as_is(resource, entry, &said);
        match (&changes, known) {
            (Some(changes), Some((entry, _))) if changes.is_empty() => {
                self.note(address, json!({"unseen": said}));
                let day = entry.applied_at.strftime("%Y-%m-%d");
                let unset = match unset.join(", ") {
                    unset if unset.is_empty() => unset,
                    unset => format!(" (but for {unset}: no variable of it is set here)"),
                };
                let note = format!(
                    "not seen, since there is no amplitude.developer_token: declared as it was on {day}{unset}"
                );
                self.show_account(resource, spec, (Action::NoOp, Some(note)), &[]);
            }
            _ => {
                let manual = kinds::destination::steps(spec, changes.as_deref());
                self.note(address, json!({"manual": manual}));
                let mut fields = changes.clone().unwrap_or_default();
                let from = self.rearranged.moved.get(address);
                fields.extend(beside(resource, entry, from));
                let planned = planned(resource, spec, Action::Manual);
                let title = format!(
                    "by hand: without amplitude.developer_token nobody sees {}",
                    planned.title
                );
                self.plan.resources.push(ResourcePlan {
                    title,
                    fields,
                    manual,
                    ..planned
                });
            }
        }
        let before = entry.and_then(|entry| entry.destination.clone());
        let mut next = *before.unwrap_or_default();
        let says = |id: &String| parameters.is_some_and(|them| them.contains_key(id));
        next.secrets.retain(|id, _| says(id));
        if changes.is_some_and(|changes| changes.is_empty()) {
            next.by_hand
                .iter_mut()
                .for_each(|them| them.retain(|id, _| says(id)));
            let next = self.next_account(resource, said, next);
            return Looked::of(address, Some(next));
        }
        let kept = |id: &String| Some((id.clone(), next.set(id)?.clone()));
        let by_hand = unset.iter().filter_map(kept).collect();
        // What somebody sets otherwise by hand is not what an apply sent.
        for (id, value) in wanted.secrets() {
            let print = self.fingerprint(value);
            next.secrets
                .retain(|sent, known| sent != id || Some(&*known) == print.as_ref());
        }
        next.by_hand = Some(by_hand);
        next.seen = SeenAccount::default();
        let next = self.next_account(resource, said, next);
        Looked {
            secrets: secrets(&wanted),
            ..Looked::of(address, Some(next))
        }
    }

    /// Returns what is declared otherwise than before.
    fn differs(
        &self,
        entry: &Entry,
        known: &DestinationEntry,
        wanted: &Wanted,
        said: &Value,
    ) -> Vec<FieldChange> {
        let mut changes = reworded(&entry.config, said);
        let secrets = wanted.secrets().filter_map(|(id, value)| {
            let before = known.set(id);
            let same = before.is_some() && before == self.fingerprint(value).as_ref();
            (!same).then(|| FieldChange {
                path: format!("config.{id}"),
                before: before.map_or(Value::Null, |_| json!(SECRET)),
                after: json!(SECRET),
            })
        });
        changes.extend(secrets);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }
}
