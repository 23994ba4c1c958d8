//! What Braze answers about one person now: whether there is a profile, and what it holds of the attributes that syncs
//! write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::person::{Person, Traces, word};
use crate::{
    diff::presence::Found,
    engine::{Error, Session},
    kinds::Form,
    model::{
        Identity, Key, Record,
        explanation::{Held, Profile},
    },
};

/// What Braze answered.
pub(super) struct Answers {
    by_key: BTreeMap<Key, Option<Map<String, Value>>>,
    /// Attributes that the syncs write; nothing else of a profile is shown.
    shown: BTreeSet<String>,
}

/// Asks Braze for the person, by every identifier that is known; by what was given where none is. Device ids are not
/// asked.
pub(super) async fn ask(
    session: &Session,
    person: &Person,
    found: &Traces,
    attributes: BTreeSet<String>,
) -> Result<Answers, Error> {
    let given = person.key().filter(|_| found.keys.is_empty());
    let keys = found.keys.iter().cloned().chain(given);
    let keys = keys.filter(|key| !matches!(key.identity(), Identity::Device(_)));
    let keys: Vec<Key> = keys.take(crate::braze::PEOPLE_PER_READ).collect();
    if keys.is_empty() {
        return Ok(Answers {
            by_key: BTreeMap::new(),
            shown: attributes,
        });
    }
    let profiles = session.braze.people(&keys).await?;
    Ok(Answers {
        by_key: keys.into_iter().zip(profiles).collect(),
        shown: attributes,
    })
}

impl Answers {
    /// Returns each profile that was asked for.
    pub(super) fn profiles(&self) -> Vec<Profile> {
        let each = self.by_key.iter().map(|(key, profile)| Profile {
            identifier: word(key),
            found: profile.is_some(),
            attributes: only(profile.as_ref(), |name| self.shown.contains(name)),
        });
        each.collect()
    }

    /// Returns what Braze holds of a row, and whether that is what was sent.
    pub(super) fn of(&self, key: &Key, record: Option<&Record>, form: Option<&Form>) -> Held {
        let asked = self.by_key.get(key);
        let live = asked.and_then(Option::as_ref);
        let told_by = form.map(Form::told_by).unwrap_or_default();
        let found = record.zip(form).zip(live);
        let found = found.map(|((record, form), live)| form.found(&record.value, live));
        Held {
            profile: asked.map(Option::is_some),
            agrees: found.and_then(|found| match found {
                Found::Same => Some(true),
                Found::Other(_) => Some(false),
                Found::Somebody | Found::Nobody => None,
            }),
            attributes: only(live, |name| told_by.contains(&name)),
        }
    }
}

/// Returns those attributes of a profile that are wanted and there, in the order of their names.
fn only(live: Option<&Map<String, Value>>, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let all = live.into_iter().flatten();
    let there = all.filter(|(name, value)| wanted(name) && !value.is_null());
    let mut there: Map<String, Value> = there
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    there.sort_keys();
    there
}
