//! What a plan means: what it was made of and what it does, and nothing that changes by itself. Two plans that mean the
//! same are the same plan. Pure: it reads and waits for nothing.
//!
//! In it: the configuration, the services, ids and definitions of cohorts, the rows that are sent, guards, selection.
//! Not in it: times, serials, what Braze is known to hold, when a cohort was computed. So a resource that rests means
//! what it would mean if it were compared and nothing were found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Error, Session, subject::Subject};
use crate::{
    config::Resource,
    diff::fields,
    model::{Address, Cohort, digest},
};

/// Keys of an entry that are its guards.
const GUARDS: [&str; 3] = ["guards", "allow_removal", "allow_empty"];

/// The meaning of a plan, component by component, so that differences can be named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meaning {
    /// Of the whole: configuration outside of resources, services, selection.
    whole: Value,
    /// Of each resource in the plan.
    resources: BTreeMap<Address, Map<String, Value>>,
}

/// Digest of no rows.
pub(super) fn no_rows() -> String {
    digest::sha256(b"")
}

/// Digest of a whole entry as it is written.
pub(super) fn written(resource: &Resource) -> String {
    digest::sha256(digest::canonical(&resource.body).to_string().as_bytes())
}

/// Returns what an entry means by itself; no cohort, no rows.
pub(super) fn of_entry(resource: &Resource) -> Value {
    let (mut configuration, mut guards) = (digest::canonical(&resource.body), Map::new());
    if let Value::Object(members) = &mut configuration {
        for key in GUARDS {
            guards.extend(members.remove(key).map(|value| (key.to_owned(), value)));
        }
    }
    json!({"configuration": configuration, "guards": guards, "rows": no_rows()})
}

/// Returns what a resource means: its entry, its cohorts, its rows.
pub(super) fn of_subject(subject: &Subject, rows: &str) -> Value {
    let cohorts = || subject.cohorts();
    let each = |what: fn(&Cohort) -> &str| cohorts().map(what).collect::<Vec<_>>();
    let mut meaning = of_entry(subject.resource);
    meaning["cohort"] = json!(each(|cohort| &cohort.id));
    meaning["definition"] = json!(each(|cohort| &cohort.definition));
    meaning["label"] = json!(subject.label);
    meaning["rows"] = json!(rows);
    meaning
}

/// Returns what a log means: its entry, and its events.
pub(super) fn of_log(resource: &Resource, events: &str) -> Value {
    let mut meaning = of_entry(resource);
    meaning["rows"] = json!(events);
    meaning
}

impl Meaning {
    /// Begins the meaning of a plan that a session makes.
    pub(super) fn new(session: &Session) -> Self {
        let configuration = &session.configuration;
        let (amplitude, braze) = (&configuration.amplitude, &configuration.braze);
        let whole = json!({
            "workspace": configuration.workspace,
            "environment": configuration.environment,
            "services": {"braze": session.identity.braze, "amplitude": session.identity.amplitude},
            "selection": session.selection,
            "guards": configuration.guards,
            "freeze": configuration.freeze,
            "removed": configuration.removed,
            "moved": configuration.moved,
            "amplitude": {
                "region": amplitude.region,
                "endpoint": amplitude.endpoint,
                "project_id": amplitude.project_id,
            },
            "braze": {
                "endpoint": braze.endpoint.value,
                "app_id": braze.app_id,
                "billing": braze.billing,
                "objects_per_request": braze.objects_per_request,
                "use_at_most": braze.use_at_most,
                "partner": braze.cohort_import.as_ref().map(|import| &import.partner),
            },
        });
        Self {
            whole,
            resources: BTreeMap::new(),
        }
    }

    /// Notes what a resource means.
    pub(super) fn note(&mut self, address: &Address, meaning: Value) {
        let components = match meaning {
            Value::Object(components) => components,
            other => Map::from_iter([("rows".to_owned(), other)]),
        };
        self.resources.insert(address.clone(), components);
    }

    /// Notes that a resource is part of the plan.
    pub(super) fn mention(&mut self, address: &Address) {
        self.resources.entry(address.clone()).or_default();
    }

    /// Returns what the whole says at a path (`/services/braze`); none where it says nothing.
    pub(super) fn says(&self, pointer: &str) -> Option<&str> {
        self.whole.pointer(pointer).and_then(Value::as_str)
    }

    /// Returns the digest of all of it.
    pub(super) fn digest(&self) -> String {
        let all = json!([self.whole, self.resources]);
        let digest = digest::sha256(digest::canonical(&all).to_string().as_bytes());
        format!("sha256:{digest}")
    }

    /// Names what differs from another meaning, resource by resource. `rows` counts the rows of a resource that do.
    pub(super) fn differences(
        &self,
        now: &Self,
        mut rows: impl FnMut(&Address) -> Result<u64, Error>,
    ) -> Result<Vec<String>, Error> {
        let changed = |before: &Value, after: &Value| {
            let paths = fields::changes(before, after).into_iter();
            let mut paths: Vec<String> = paths.map(|change| change.path).collect();
            paths.retain(|path| !path.is_empty());
            paths.join(", ")
        };
        let mut differences = vec![];
        if self.whole != now.whole {
            let paths = changed(&self.whole, &now.whole);
            differences.push(format!("the workspace: its configuration changed: {paths}"));
        }
        for (address, before) in &self.resources {
            let Some(after) = now.resources.get(address) else {
                differences.push(format!("{address}: it is no longer part of the plan"));
                continue;
            };
            let names = before.keys();
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in names.chain(added) {
                let (was, is) = (before.get(name), after.get(name));
                if was == is {
                    continue;
                }
                let paths = was.zip(is).map(|(was, is)| changed(was, is));
                let paths = paths.filter(|paths| !paths.is_empty());
                let paths = paths.map(|paths| format!(": {paths}")).unwrap_or_default();
                let configuration = before.get("configuration");
                let computed = configuration.is_some_and(|it| it.get("members").is_some());
                let other = if computed {
                    "one of its cohorts"
                } else {
                    "an excluded cohort"
                };
                let other_than = |name: &str| before.get(name) != after.get(name);
                let words = match name.as_str() {
                    "secrets" => format!("another secret{paths}"),
                    "account" => "another account bears its name".to_owned(),
                    // That these are others says what follows from it.
                    "change"
                        if ["configuration", "secrets", "account"]
                            .into_iter()
                            .any(other_than) =>
                    {
                        continue;
                    }
                    "change" => format!("it differs otherwise from what it is to be{paths}"),
                    "manual" => "what is to be done by hand changed".to_owned(),
                    "configuration" => format!("its configuration changed{paths}"),
                    "guards" => format!("its guards changed{paths}"),
                    "cohort" if first(was) == first(is) => {
                        format!("{other} is another one")
                    }
                    "cohort" => "its cohort is another one".to_owned(),
                    // Another cohort has another definition.
                    "definition" if before.get("cohort") != after.get("cohort") => continue,
                    "definition" if first(was) == first(is) => {
                        format!("the definition of {other} changed")
                    }
                    "definition" => "the cohort's definition changed".to_owned(),
                    "label" => "its label changed".to_owned(),
                    "rows" => match rows(address)? {
                        1 => "1 row differs".to_owned(),
                        count => format!("{} rows differ", crate::model::number(count)),
                    },
                    "removed" if before.contains_key("account") => {
                        "what becomes of it changed".to_owned()
                    }
                    "removed" => "what becomes of its rows changed".to_owned(),
                    other => format!("{other} changed"),
                };
                differences.push(format!("{address}: {words}"));
            }
        }
        let fresh = now.resources.keys();
        for address in fresh.filter(|address| !self.resources.contains_key(*address)) {
            differences.push(format!("{address}: it was not part of the plan"));
        }
        Ok(differences)
    }
}

/// The first of a list: of cohorts, the sync's own.
fn first(list: Option<&Value>) -> Option<&Value> {
    list.and_then(|list| list.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(whole: Value, resources: &[(&str, Value)]) -> Meaning {
        let mut meaning = Meaning {
            whole,
            resources: BTreeMap::new(),
        };
        for (name, components) in resources {
            meaning.note(&Address::new("sync", name), components.clone());
        }
        meaning
    }

    #[test]
    fn differences_are_named_by_resource_and_component() {
        let a = json!({"configuration": {"cadence": "daily", "to": {"x": 1}}, "cohort": ["1", "2"],
            "definition": ["d", "e"], "rows": "r", "guards": {}});
        let with = |name: &str, value: Value| {
            let mut changed = a.clone();
            changed[name] = value;
            changed
        };
        let was = meaning(json!({"braze": {"billing": "mau"}}), &[("a", a.clone())]);
        let told = |now: &Meaning| was.differences(now, |_| Ok(12)).unwrap();
        let one = |name, value| {
            let now = meaning(
                json!({"braze": {"billing": "mau"}}),
                &[("a", with(name, value))],
            );
            assert_ne!(now.digest(), was.digest());
            told(&now).join("; ")
        };
        assert!(told(&was.clone()).is_empty());
        let table = [
            (
                "configuration",
                json!({"cadence": "hourly", "to": {"x": 1}}),
                "its configuration changed: cadence",
            ),
            ("cohort", json!(["3", "2"]), "its cohort is another one"),
            (
                "cohort",
                json!(["1", "3"]),
                "an excluded cohort is another one",
            ),
            (
                "definition",
                json!(["f", "e"]),
                "the cohort's definition changed",
            ),
            (
                "definition",
                json!(["d", "f"]),
                "the definition of an excluded cohort changed",
            ),
            ("rows", json!("s"), "12 rows differ"),
            (
                "guards",
                json!({"allow_empty": true}),
                "its guards changed: allow_empty",
            ),
        ];
        for (name, value, words) in table {
            assert_eq!(one(name, value), format!("sync.a: {words}"));
        }
        let account = |key: &str, secret: &str, sends: Value| json!({"configuration": {"x": 1}, "secrets": {key: secret}, "change": {"send_events": sends}});
        let of = |account: Value| meaning(json!({}), &[("a", account)]);
        let first = of(account("k", "1", json!([false, true])));
        for (other, words) in [
            (account("k", "2", json!([false, true])), "another secret: k"),
            (
                account("k", "1", json!([null, true])),
                "it differs otherwise from what it is to be: send_events",
            ),
        ] {
            let told = first.differences(&of(other), |_| Ok(0)).unwrap();
            assert_eq!(told, [format!("sync.a: {words}")]);
        }
        let now = meaning(json!({"braze": {"billing": "data_points"}}), &[("b", a)]);
        assert_eq!(
            told(&now),
            [
                "the workspace: its configuration changed: braze.billing",
                "sync.a: it is no longer part of the plan",
                "sync.b: it was not part of the plan",
            ]
        );
    }
}
