//! Syncs that Amplitude runs itself: what the list of cohorts tells of them, held against what is declared. One that nobody
//! declares is listed as unmanaged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Looked;
use crate::{
    config::Resource,
    diff::native::{Found, Frequency, Verdict, cadence, health, judge, share, to_braze, told},
    engine::{
        Refresh,
        draft::{Drafting, other_kind},
        meaning,
        reference::{meant, pin},
        subject::moved,
    },
    kinds::{
        self, Watched,
        cohort::{Native, matter, native, steps, when},
    },
    model::{
        Cohort, NativeSync,
        plan::{Action, Drift, Problem, ResourcePlan, Source},
    },
    state::manifest::Entry,
};

const UNTOLD: &str = "not verified: Amplitude does not tell this project of its syncs";
pub(in crate::engine) const UNTOLD_HINT: &str = "sync information is not enabled for this organisation: ask Amplitude's support for it; until then \
     Amplitude's web app alone tells";

/// A declared sync, and the cohort that it means.
struct Declared<'a> {
    resource: &'a Resource,
    native: Native,
    cohort: Cohort,
}

impl<'a> Drafting<'a> {
    /// Looks at every selected sync that Amplitude runs.
    pub(super) fn native_syncs(&mut self, list: &[Cohort]) -> Vec<Looked> {
        let (declared, claimed) = self.declared(list);
        let found = shared(&declared, list);
        let why = match (told(list), self.session.how.refresh) {
            (false, _) => Some(UNTOLD),
            (true, Refresh::None) => Some("not looked at live (--refresh none)"),
            (true, _) => None,
        };
        let mut looked = vec![];
        for (one, found) in declared.iter().zip(&found) {
            let Resource {
                address,
                kind,
                settings,
                ..
            } = one.resource;
            if settings.paused != Some(true) && self.takes(address, kind) {
                looked.push(self.native_sync(one, found, why));
            }
        }
        if why == Some(UNTOLD) && !looked.is_empty() {
            self.plan.warnings.push(Problem {
                address: None,
                message: "what Amplitude runs cannot be verified: it tells this project of no sync"
                    .to_owned(),
                hint: Some(UNTOLD_HINT.to_owned()),
            });
        }
        if !self.session.selection.is_partial() {
            self.plan.unmanaged.extend(unmanaged(&claimed, list));
        }
        looked
    }

    /// Returns whether the syncs run well that were applied: what is the matter, with its times.
    pub(in crate::engine) fn native_health(&mut self, list: &[Cohort]) -> Vec<Drift> {
        let errors = self.plan.errors.len();
        let (declared, _) = self.declared(list);
        // What is wrong with them was told when they were looked at.
        self.plan.errors.truncate(errors);
        let found = shared(&declared, list);
        let mut drift = vec![];
        for (one, found) in declared.iter().zip(&found) {
            let Resource {
                address,
                kind,
                settings,
                ..
            } = one.resource;
            let entry = self
                .entry(address)
                .filter(|_| settings.paused != Some(true));
            let (Some(sync), Some(entry), true) = (found.sync, entry, self.takes(address, kind))
            else {
                continue;
            };
            let verdicts = health(sync, Some(since(entry)), self.session.clock.now());
            drift.extend(verdicts.iter().map(|verdict| Drift {
                address: address.clone(),
                path: "health".to_owned(),
                before: Value::Null,
                after: told_as(verdict, sync),
            }));
        }
        drift
    }

    /// Returns what is declared and means a cohort, whether selected or not, and the cohorts that are meant. What cannot be looked
    /// at is refused, where it is selected.
    fn declared(&mut self, list: &[Cohort]) -> (Vec<Declared<'a>>, BTreeSet<String>) {
        let session = self.session;
        let (mut declared, mut claimed) = (vec![], BTreeSet::new());
        for resource in session.configuration.resources.values() {
            if kinds::find_watched(resource) != Some(Watched::NativeSync) {
                continue;
            }
            let Some(native) = native(resource) else {
                continue;
            };
            let entry = self.entry(&resource.address);
            let meant = meant(&native.cohort, entry, list);
            claimed.extend(meant.iter().map(|cohort| cohort.id.clone()));
            let wrong = entry.and_then(|entry| was_moved(resource, entry));
            match wrong.map_or(meant, Err) {
                Ok(cohort) => declared.push(Declared {
                    resource,
                    native,
                    cohort,
                }),
                Err((message, hint)) => {
                    let paused = resource.settings.paused == Some(true);
                    if !paused && self.takes(&resource.address, &resource.kind) {
                        self.fail(&resource.address, message, hint);
                    }
                }
            }
        }
        (declared, claimed)
    }

    /// Plans one sync; `why` is said where nothing can be said of it.
    fn native_sync(&mut self, one: &Declared<'a>, found: &Found, why: Option<&str>) -> Looked {
        let Declared {
            resource,
            native,
            cohort,
        } = one;
        let (address, now) = (&resource.address, self.session.clock.now());
        let entry = self.entry(address);
        let verdicts = match why {
            Some(_) => vec![],
            None => judge(native.cadence, found, entry.map(since), now),
        };
        let before = entry.and_then(|entry| entry.observed.clone());
        let observed = match (&before, why) {
            (Some(before), Some(_)) => before.clone(),
            (None, Some(_)) => json!({}),
            (_, None) => {
                let since = seen(entry, cohort).unwrap_or(now);
                observed(one, found, before.as_ref(), since)
            }
        };
        let drift = match why {
            Some(_) => vec![],
            None => drifted(one, found, before.as_ref()),
        };
        let drift = drift.into_iter();
        self.plan
            .drift
            .extend(drift.map(|(path, before, after)| Drift {
                address: address.clone(),
                path: path.to_owned(),
                before,
                after,
            }));
        let fields: Vec<_> = self
            .rearranged
            .moved
            .get(address)
            .map(|from| moved(from, address))
            .into_iter()
            .collect();
        let action = match (verdicts.is_empty(), fields.is_empty()) {
            (false, _) => Action::Manual,
            (true, false) => Action::Update,
            (true, true) => Action::NoOp,
        };
        let words = verdicts
            .iter()
            .map(|verdict| matter(&cohort.name, native.cadence, verdict, now));
        let words: Vec<String> = words.collect();
        let title = match words.as_slice() {
            [] => title(
                cohort,
                native.cadence,
                found.sync.filter(|_| why.is_none()),
                now,
            ),
            [one] if verdicts == [Verdict::Missing] => format!("by hand: {one}"),
            words => format!(
                "by hand: cohort \"{}\" -> braze, by Amplitude: {}",
                cohort.name,
                words.join("; ")
            ),
        };
        let manual = match words.as_slice() {
            [] => vec![],
            _ => steps(&cohort.name, native.cadence, &verdicts),
        };
        self.plan.resources.push(ResourcePlan {
            title,
            fields,
            manual,
            source: Some(source(cohort)),
            ..plain(resource, action, why)
        });
        let mut meaning = meaning::of_entry(resource);
        meaning["cohort"] = json!([cohort.id]);
        meaning["definition"] = json!([cohort.definition]);
        self.note(address, meaning);
        let next = Entry {
            written: Some(meaning::written(resource)),
            cohort: Some(pin(cohort, &native.cohort, entry)),
            observed: Some(observed),
            ..Entry::begun(&resource.kind, native.config.clone(), now)
        };
        Looked::of(address, Some(next))
    }
}

/// Why something that Syncform moved cannot be looked at under the same name, and what to do.
fn was_moved(resource: &Resource, entry: &Entry) -> Option<(String, Option<String>)> {
    if entry.kind != resource.kind {
        return Some(other_kind(resource, entry));
    }
    let wrote = entry.ledger.is_some() || entry.named.is_some() || entry.set_aside.is_some();
    let address = &resource.address;
    wrote.then(|| {
        (
            "was moved by Syncform, and what that wrote in Braze would stay there with nobody to take it out".to_owned(),
            Some(format!(
                "give the sync that Amplitude runs another name, and take this one out: removed: [{{address: {address}, on_destroy: {}}}]",
                entry.on_destroy
            )),
        )
    })
}

/// Gives every declared sync what there is of it: those of one cohort share its syncs.
fn shared<'l>(declared: &[Declared], list: &'l [Cohort]) -> Vec<Found<'l>> {
    let mut by_cohort: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, one) in declared.iter().enumerate() {
        by_cohort.entry(&one.cohort.id).or_default().push(at);
    }
    let none = || Found {
        sync: None,
        left: vec![],
    };
    let mut found: Vec<Found> = declared.iter().map(|_| none()).collect();
    for (id, places) in by_cohort {
        let wanted: Vec<Frequency> = places
            .iter()
            .map(|at| declared[*at].native.cadence)
            .collect();
        let cohort = list.iter().find(|cohort| cohort.id == id);
        let syncs = cohort.map(to_braze).unwrap_or_default();
        for (at, one) in places.into_iter().zip(share(&wanted, &syncs)) {
            found[at] = one;
        }
    }
    found
}

/// What is neither as it was remembered nor as it is declared. More syncs than are declared are of interest, and fewer are not.
fn drifted(
    one: &Declared,
    found: &Found,
    before: Option<&Value>,
) -> Vec<(&'static str, Value, Value)> {
    let Some(before) = before else {
        return vec![];
    };
    let (was, is) = (&before["cadence"], json!(going(found)));
    let agrees = is == one.native.cadence.word();
    let cadence = (was.is_string() && *was != is && !agrees).then(|| ("cadence", was.clone(), is));
    let (was, is) = (&before["syncs"], to_braze(&one.cohort).len() as u64);
    let more = !found.left.is_empty() && was.as_u64().is_some_and(|was| is > was);
    let syncs = more.then(|| ("syncs", was.clone(), json!(is)));
    cadence.into_iter().chain(syncs).collect()
}

/// How often a sync goes, in the words of a configuration; none where there is none.
fn going<'f>(found: &Found<'f>) -> Option<&'f str> {
    found.sync.map(|sync| cadence(&sync.frequency))
}

/// What is remembered of a sync: nothing that moves by itself, and how often it goes, and how many there are of its cohort, as it
/// was when that was last as declared.
fn observed(one: &Declared, found: &Found, before: Option<&Value>, since: Timestamp) -> Value {
    let was = |key: &str| before.map_or(Value::Null, |before| before[key].clone());
    let declared = one.native.cadence.word();
    let agrees = going(found) == Some(declared);
    let alone = found.left.is_empty();
    json!({
        "cadence": if agrees { json!(declared) } else { was("cadence") },
        "syncs": if alone { json!(to_braze(&one.cohort).len()) } else { was("syncs") },
        "there": found.sync.is_some(),
        "since": since,
    })
}

/// The time before which a sync was certainly not there, as far as is known: later applies do not move it.
fn since(entry: &Entry) -> Timestamp {
    let since = entry.observed.as_ref().and_then(|it| it["since"].as_str());
    let since = since.and_then(|text| text.parse().ok());
    since.unwrap_or(entry.applied_at)
}

/// The same, of a sync of the same cohort that an apply saw already.
fn seen(entry: Option<&Entry>, cohort: &Cohort) -> Option<Timestamp> {
    let entry = entry?;
    let same = entry.cohort.as_ref().is_some_and(|pin| pin.id == cohort.id);
    // An older state says by a cadence that there was one.
    let there = entry
        .observed
        .as_ref()
        .is_some_and(|it| it["there"].as_bool().unwrap_or(it["cadence"].is_string()));
    (same && there).then(|| since(entry))
}

/// Syncs to Braze that no file declares, in the order of their cohorts.
fn unmanaged(claimed: &BTreeSet<String>, list: &[Cohort]) -> Vec<Value> {
    let free = |cohort: &&Cohort| !cohort.archived && !claimed.contains(&cohort.id);
    let mut cohorts: Vec<&Cohort> = list.iter().filter(free).collect();
    cohorts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let each = cohorts.into_iter().flat_map(|cohort| {
        let mut syncs = to_braze(cohort);
        syncs.sort_by(|a, b| {
            (&a.frequency, a.last_successful).cmp(&(&b.frequency, b.last_successful))
        });
        let syncs = syncs.into_iter();
        syncs.map(move |sync| {
            json!({
                "kind": "native_sync",
                "cohort": cohort.name,
                "id": cohort.id,
                "target": sync.target,
                "frequency": sync.frequency,
                "last_successful": sync.last_successful,
            })
        })
    });
    each.collect()
}

fn title(
    cohort: &Cohort,
    wanted: Frequency,
    sync: Option<&NativeSync>,
    now: jiff::Timestamp,
) -> String {
    let last = sync.and_then(|sync| sync.last_successful);
    let last = match (sync, last) {
        (Some(_), Some(last)) => format!(", last success {}", when(last, now)),
        (Some(_), None) => ", not run yet".to_owned(),
        (None, _) => String::new(),
    };
    format!(
        "cohort \"{}\" -> braze, by Amplitude, {}{last}",
        cohort.name,
        wanted.word()
    )
}

/// A verdict for machines.
fn told_as(verdict: &Verdict, sync: &NativeSync) -> Value {
    let word = match verdict {
        Verdict::Failing { .. } => "failing",
        Verdict::NeverRan => "never_ran",
        _ => "stale",
    };
    json!({
        "verdict": word,
        "cadence": cadence(&sync.frequency),
        "last_successful": sync.last_successful,
        "last_failure": sync.last_failure,
    })
}

fn source(cohort: &Cohort) -> Source {
    let computed = cohort.computed;
    Source {
        cohort: cohort.id.clone(),
        name: cohort.name.clone(),
        computed_at: computed.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
        size: cohort.size,
    }
}

fn plain(resource: &Resource, action: Action, note: Option<&str>) -> ResourcePlan {
    let (address, kind) = (&resource.address, &resource.kind);
    ResourcePlan {
        note: note.map(str::to_owned),
        ..ResourcePlan::of(address, kind, action, kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::manifest::CohortPin;

    #[test]
    fn a_sync_that_was_seen_is_as_old_as_it_was_then() {
        let cohort = |id: &str| Cohort {
            id: id.to_owned(),
            name: "Lapsed".to_owned(),
            archived: false,
            size: 1,
            computed: None,
            project: None,
            definition: String::new(),
            computes: false,
            syncs: None,
        };
        let [first, later]: [Timestamp; 2] =
            ["2026-11-01T00:00:00Z", "2026-11-23T00:00:00Z"].map(|time| time.parse().unwrap());
        let observed = |there: bool, since: Timestamp| json!({"there": there, "since": since});
        let entry = |applied_at, observed| Entry {
            observed: Some(observed),
            cohort: Some(CohortPin {
                id: "c1".to_owned(),
                name: "Lapsed".to_owned(),
                written: json!("Lapsed"),
                definition: None,
            }),
            ..Entry::begun("cohort", json!({}), applied_at)
        };
        // Applied again and again, it does not grow young.
        let known = entry(later, observed(true, first));
        assert_eq!(since(&known), first);
        assert_eq!(seen(Some(&known), &cohort("c1")), Some(first));
        assert_eq!(seen(Some(&known), &cohort("c2")), None, "another one");
        // One that was made since was not there at the last apply.
        let missing = entry(later, observed(false, later));
        assert_eq!(since(&missing), later);
        assert_eq!(seen(Some(&missing), &cohort("c1")), None);
        assert_eq!(since(&entry(later, json!({}))), later);
        assert_eq!(seen(None, &cohort("c1")), None);
    }
}
