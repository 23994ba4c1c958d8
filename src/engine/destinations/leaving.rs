//! Accounts that are no longer declared, or no longer seen. No call deletes one: a `removed` entry disables it, or with `on_destroy: keep`
//! leaves it as it is.

use serde_json::json;

use super::{
    super::{
        departure::{Fate, empties},
        draft::Drafting,
        watched::Looked,
    },
    DestinationWork, Seen, Todo,
};
use crate::{
    diff::destination::Patch,
    kinds,
    model::{
        Address, Destination,
        plan::{Action, FieldChange, Problem, ResourcePlan},
    },
    state::manifest::Entry,
};

impl Drafting<'_> {
    /// Returns the selected accounts that go, and whether they are disabled. One that just vanished is refused.
    pub(super) fn leaving_accounts(&mut self) -> Vec<(Address, Entry, bool)> {
        let mut leaving = vec![];
        for (address, entry) in self.manifest.into_iter().flat_map(|it| &it.resources) {
            if entry.destination.is_none() || !self.takes(address, &entry.kind) {
                continue;
            }
            match self.fate(address, address, entry) {
                Fate::Stays | Fate::Left | Fate::Waits(_) => {}
                Fate::Vanished | Fate::Goes(_) if self.is_kept(address, entry) => {
                    self.protected(address);
                }
                Fate::Vanished => self.vanished(address, entry),
                Fate::Goes(removed) => {
                    let disables = empties(removed, entry);
                    leaving.push((address.clone(), entry.clone(), disables));
                }
            }
        }
        leaving
    }

    /// Plans that an account goes.
    pub(super) fn leave_account(
        &mut self,
        address: &Address,
        entry: &Entry,
        disables: bool,
        seen: &Seen,
    ) -> (Option<DestinationWork>, Option<Looked>) {
        let text = |key: &str| entry.config[key].as_str().unwrap_or_default();
        let name = format!("{} account \"{}\"", text("partner"), text("display_name"));
        let id = entry.destination.as_ref().and_then(|it| it.id.as_deref());
        // One that nobody has seen yet has its name alone.
        let is_it = |live: &&Destination| match id {
            Some(id) => live.id == id,
            None => live.partner == text("partner") && live.display_name == text("display_name"),
        };
        let found: Vec<&Destination> = match seen {
            Seen::Live { accounts, .. } => accounts.iter().filter(is_it).collect(),
            _ => vec![],
        };
        // Whoever else means it by its name keeps it.
        let other = match found.as_slice() {
            [one] if id.is_none() => self.claims(address, one),
            _ => None,
        };
        if let [_, _, ..] = found.as_slice() {
            let message = format!("{} accounts bear the name of {name}", found.len());
            let hint = "switch off the right one in Amplitude > Data > Destinations, then say on_destroy: keep";
            self.fail(address, message, Some(hint.to_owned()));
            return (None, None);
        }
        let (mut fields, mut work) = (vec![], None);
        let fate = match seen {
            Seen::Failed(message, hint) if disables => {
                self.fail(address, message.clone(), hint.clone());
                return (None, None);
            }
            Seen::Unread if disables => {
                let hint = Some("plan without --refresh none".to_owned());
                self.fail(
                    address,
                    "is not looked at, and so not disabled".to_owned(),
                    hint,
                );
                return (None, None);
            }
            Seen::Blind if disables => {
                self.switched_off_by_hand(address, entry, &name);
                return (None, None);
            }
            Seen::Live { .. } if disables && other.is_some() => {
                "forgotten here, and left as it is in Amplitude: it is another entry's now"
            }
            Seen::Live { project, .. } if disables => match found.first() {
                None => "gone from Amplitude already",
                Some(live) if live.enabled == Some(false) => {
                    "disabled already; no call deletes one"
                }
                Some(live) => {
                    fields.push(FieldChange {
                        path: "enabled".to_owned(),
                        before: json!(live.enabled),
                        after: json!(false),
                    });
                    work = Some(DestinationWork {
                        address: address.clone(),
                        project: *project,
                        todo: Todo::Patch {
                            live: Box::new((*live).clone()),
                            patch: Patch::disabling(),
                            wanted: None,
                        },
                        next: None,
                        secrets: std::collections::BTreeMap::new(),
                    });
                    "disabled: no call deletes one"
                }
            },
            _ => "forgotten here, and left as it is in Amplitude",
        };
        self.note(address, json!({"removed": fate, "account": id}));
        let planned = ResourcePlan::of(
            address,
            &entry.kind,
            Action::Delete,
            format!("{name}: {fate}"),
        );
        self.plan.resources.push(ResourcePlan { fields, ..planned });
        let looked = work.is_none().then(|| Looked::of(address, None));
        (work, looked)
    }

    /// Returns who else means an account: an entry of the state, or one that is declared.
    fn claims(&self, address: &Address, account: &Destination) -> Option<&Address> {
        let resources = self.session.configuration.resources.values();
        let mut declared = resources.filter(|resource| {
            resource.address != *address
                && kinds::is_managed(resource)
                && resource.body["partner"] == account.partner
                && resource.body["display_name"] == account.display_name
        });
        let declared = declared.next().map(|resource| &resource.address);
        let declared = declared.filter(|_| !self.session.how.destroy);
        declared.or_else(|| self.owner(address, &account.id))
    }

    /// Plans that an account is switched off by hand. It stays remembered: nobody sees whether that was done.
    fn switched_off_by_hand(&mut self, address: &Address, entry: &Entry, name: &str) {
        let manual = vec![
            format!("Amplitude > Data > Destinations: switch {name} off"),
            format!(
                "then say removed: [{{address: {address}, on_destroy: keep}}], which forgets it here"
            ),
        ];
        self.note(address, json!({"manual": manual}));
        let title = format!(
            "by hand: without amplitude.developer_token nobody sees {name}, which is to go"
        );
        let planned = ResourcePlan::of(address, &entry.kind, Action::Manual, title);
        self.plan.resources.push(ResourcePlan { manual, ..planned });
    }

    /// Warns of each account that was applied and that nobody sees now, where no token is given.
    pub(in crate::engine) fn unseen(&mut self) {
        let token = &self.session.configuration.amplitude.developer_token;
        if self.session.developer.reader.is_ok() || !token.is_left_out {
            return;
        }
        for (address, entry) in self.manifest.into_iter().flat_map(|it| &it.resources) {
            if entry.destination.is_none() || !self.takes(address, &entry.kind) {
                continue;
            }
            let hint = "give the token: whether it changed in Amplitude is not known";
            self.plan.warnings.push(Problem {
                address: Some(address.clone()),
                message: "is not looked at: there is no amplitude.developer_token".to_owned(),
                hint: Some(hint.to_owned()),
            });
        }
    }
}
