//! Plans one account that is seen: created, adopted, patched, tested.

use std::collections::BTreeMap;

use serde_json::{Value, json};

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
    diff::destination::{Sent, Wanted, drift, dropped},
    kinds::{self, destination::Spec},
    model::{
        Address, Destination, DestinationType, Secret,
        plan::{Action, Drift, FieldChange, Problem, ResourcePlan},
        streams,
    },
    state::manifest::{DestinationEntry, Entry, TestDue},
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
        let (account, mut difference) = match &found {
            Found::None if !read.lacking.is_empty() => {
                for id in &read.lacking {
                    let message = format!("a new account of {} needs `config.{id}`", spec.partner);
                    self.fail(address, message, None);
                }
                return None;
            }
            Found::None => (None, wanted.creation()),
            Found::Named(live) | Found::Known(live) => {
                (Some(*live), wanted.difference(live, &sent))
            }
        };
        if let Some(live) = account {
            self.connected(address, live);
        }
        if let (Found::Known(live), Some(entry)) = (&found, entry) {
            self.drifted(resource, entry, live, of);
        }
        self.left_as_is(resource, entry, &wanted.shown());
        // An account that was begun and one that is known are tested until that succeeds.
        let before = entry.and_then(|entry| entry.destination.as_deref());
        let ours = before.filter(|before| before.is_begun() || known.is_some());
        let due = ours.and_then(|before| before.test.as_ref());
        let testable = |live: &&Destination| {
            let runs = wanted.enabled.or(live.enabled) != Some(false);
            streams(&wanted.kind) && runs
        };
        let due = due.filter(|_| account.as_ref().is_some_and(testable));
        difference.fields.extend(due.map(untested));
        let action = match &found {
            Found::None => Action::Create,
            _ if difference.fields.is_empty() => Action::NoOp,
            Found::Named(_) => Action::Adopt,
            Found::Known(_) => Action::Update,
        };
        let prints = self.prints(&wanted);
        let meant = json!({
            "configuration": wanted.shown(),
            "secrets": prints,
            "account": account.map(|live| &live.id),
            "change": as_meant(&difference.fields),
        });
        self.note(address, meant);
        let note = noted(spec, before, &found);
        self.show_account(resource, spec, (action, note), &difference.fields);
        let next = self.next_account(
            resource,
            wanted.shown(),
            DestinationEntry {
                id: account.map(|live| live.id.clone()),
                secrets: prints,
                by_hand: None,
                test: ours.and_then(|before| before.test.clone()),
                seen: account.map(Destination::seen).unwrap_or_default(),
            },
        );
        let todo = match account {
            None => Todo::Create(difference.patch),
            Some(live) if !difference.patch.is_empty() => Todo::Patch {
                live: Box::new(live.clone()),
                patch: difference.patch,
                wanted: Some(Box::new(wanted.clone())),
            },
            Some(live) if due.is_some() => Todo::Test(Box::new(live.clone())),
            Some(_) => return Some((None, Some(Looked::of(address, Some(next))))),
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

    /// Fingerprints of what variables hold of an account.
    fn prints(&self, wanted: &Wanted) -> BTreeMap<String, String> {
        let secrets = wanted.secrets();
        secrets
            .filter_map(|(id, value)| Some((id.to_owned(), self.fingerprint(value)?)))
            .collect()
    }

    /// What is remembered of an entry once it is as it says.
    pub(super) fn next_account(
        &self,
        resource: &Resource,
        config: Value,
        destination: DestinationEntry,
    ) -> Entry {
        let entry = self.entry(&resource.address).cloned();
        let begun = || Entry::begun(&resource.kind, json!({}), self.session.clock.now());
        Entry {
            config,
            written: Some(written(resource)),
            on_destroy: "empty".to_owned(),
            protect: is_protected(resource),
            applied_at: self.session.clock.now(),
            destination: Some(Box::new(destination)),
            ..entry.unwrap_or_else(begun)
        }
    }

    /// Warns of what was applied and is no longer said: no call is made for it.
    pub(super) fn left_as_is(&mut self, resource: &Resource, entry: Option<&Entry>, said: &Value) {
        let Some((entry, known)) = entry.and_then(|it| Some((it, it.destination.as_ref()?))) else {
            return;
        };
        let parameters = self.session.configuration.parameters.get(&resource.address);
        let says = |id: &str| parameters.is_some_and(|them| them.contains_key(id));
        let by_hand = known.by_hand.iter().flat_map(BTreeMap::keys);
        let secrets = known.secrets.keys().chain(by_hand);
        let dropped = dropped(&entry.config, secrets, said, says);
        if dropped.is_empty() {
            return;
        }
        let hint = "the next apply takes note of that; declare a value to change it";
        self.plan.warnings.push(Problem {
            address: Some(resource.address.clone()),
            message: format!(
                "no longer declared, and stays as it is in Amplitude: {}",
                dropped.join(", ")
            ),
            hint: Some(hint.to_owned()),
        });
    }

    /// Tells of what was filled whether it is what was sent last.
    fn sent(&self, entry: Option<&Entry>) -> impl Fn(&str, &Secret) -> Sent + use<> {
        let known = entry.and_then(|entry| entry.destination.clone());
        let lineage = self.manifest.map(|manifest| manifest.lineage.clone());
        move |id, value| sent(known.as_deref(), lineage.as_deref(), id, value)
    }

    /// Warns where Amplitude says that an account does not reach the other side.
    fn connected(&mut self, address: &Address, live: &Destination) {
        if live.enabled == Some(false) {
            return;
        }
        let status = live.credential_status.as_deref();
        let broken = status.filter(|status| ["disconnected", "expired"].contains(status));
        let broken = broken.map(|status| {
            let hint = "see that its key is one that the other side takes, or connect it again in Amplitude > Data > Destinations";
            let message = format!("Amplitude says that its credentials are {status}: nothing may arrive");
            (message, hint)
        });
        let paused = (live.paused == Some(true)).then(|| {
            let hint = "resume it in Amplitude > Data > Destinations: no call does";
            ("is paused in Amplitude: nothing arrives".to_owned(), hint)
        });
        let problems = broken.into_iter().chain(paused);
        self.plan
            .warnings
            .extend(problems.map(|(message, hint)| Problem {
                address: Some(address.clone()),
                message,
                hint: Some(hint.to_owned()),
            }));
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
        let seen = entry.destination.as_ref().map(|it| it.seen);
        let seen = seen.unwrap_or_default();
        let changes = drift((&entry.config, seen), secrets, live, &same);
        self.plan
            .drift
            .extend(changes.into_iter().map(|change| Drift {
                address: resource.address.clone(),
                path: change.path,
                before: change.before,
                after: change.after,
            }));
    }

    pub(super) fn show_account(
        &mut self,
        resource: &Resource,
        spec: &Spec,
        (action, note): (Action, Option<String>),
        fields: &[FieldChange],
    ) {
        let mut fields = fields.to_vec();
        let from = self.rearranged.moved.get(&resource.address);
        fields.extend(beside(resource, self.entry(&resource.address), from));
        let action = match action {
            Action::NoOp if !fields.is_empty() => Action::Update,
            action => action,
        };
        let planned = planned(resource, spec, action);
        self.plan.resources.push(ResourcePlan {
            fields,
            note,
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

/// What changes, by its path.
fn as_meant(fields: &[FieldChange]) -> Value {
    let pair = |field: &FieldChange| (field.path.clone(), json!([field.before, field.after]));
    Value::Object(fields.iter().map(pair).collect())
}

/// A test that has yet to succeed, as what changes.
fn untested(due: &TestDue) -> FieldChange {
    let before = match due {
        TestDue::NotYet => "not tested yet".to_owned(),
        TestDue::Failed(words) if words.is_empty() => "its last test failed".to_owned(),
        TestDue::Failed(words) => format!("its last test failed: {words}"),
    };
    FieldChange {
        path: "test".to_owned(),
        before: json!(before),
        after: json!("tested"),
    }
}

/// What is to be known of an account beside what changes.
fn noted(spec: &Spec, before: Option<&DestinationEntry>, found: &Found) -> Option<String> {
    let begun = before.is_some_and(DestinationEntry::is_begun);
    let words = match found {
        Found::None if begun => {
            "an earlier apply was cut while it created it, and Amplitude lists no such account"
        }
        Found::Named(_) if begun => {
            "found by its name: an earlier apply was cut while it created it"
        }
        Found::Named(live) | Found::Known(live)
            if spec.enabled.is_none() && live.enabled == Some(false) =>
        {
            "it is switched off in Amplitude, and `enabled` is not declared"
        }
        _ => return None,
    };
    Some(words.to_owned())
}

pub(super) fn secrets(wanted: &Wanted) -> BTreeMap<String, Secret> {
    let secrets = wanted.secrets();
    secrets
        .map(|(id, value)| (id.to_owned(), value.clone()))
        .collect()
}

pub(super) fn planned(resource: &Resource, spec: &Spec, action: Action) -> ResourcePlan {
    let title = format!(
        "{} account \"{}\" of Amplitude",
        spec.partner, spec.display_name
    );
    ResourcePlan::of(&resource.address, &resource.kind, action, title)
}
