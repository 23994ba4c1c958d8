//! What Braze answers about one person now: whether there is a profile, and what it holds of the attributes that syncs
//! write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::person::{Found, Person, word};
use crate::{
    diff::values::object,
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
}

/// Asks Braze for the person, by every identifier that is known; by what was given where none is. Device ids are not
/// asked.
pub(super) async fn ask(
    session: &Session,
    person: &Person,
    found: &Found,
    attributes: BTreeSet<String>,
) -> Result<Answers, Error> {
    let given = person.key().filter(|_| found.keys.is_empty());
    let keys = found.keys.iter().cloned().chain(given);
    let keys = keys.filter(|key| !matches!(key.identity(), Identity::Device(_)));
    let keys: Vec<Key> = keys.take(crate::braze::PEOPLE_PER_READ).collect();
    if keys.is_empty() {
        let by_key = BTreeMap::new();
        return Ok(Answers { by_key });
    }
    let profiles = session.braze.people(&keys).await?;
    let only = |mut profile: Map<String, Value>| {
        profile.retain(|name, value| attributes.contains(name) && !value.is_null());
        profile.sort_keys();
        profile
    };
    let profiles = profiles.into_iter().map(|profile| profile.map(only));
    Ok(Answers {
        by_key: keys.into_iter().zip(profiles).collect(),
    })
}

impl Answers {
    /// Returns each profile that was asked for.
    pub(super) fn profiles(&self) -> Vec<Profile> {
        let each = self.by_key.iter().map(|(key, profile)| Profile {
            identifier: word(key),
            found: profile.is_some(),
            attributes: profile.clone().unwrap_or_default(),
        });
        each.collect()
    }

    /// Returns what Braze holds of a row, and whether that is what was sent.
    pub(super) fn of(&self, key: &Key, record: Option<&Record>, form: Option<&Form>) -> Held {
        let asked = self.by_key.get(key);
        let live = asked.cloned().flatten().unwrap_or_default();
        let told_by = form.map(Form::told_by).unwrap_or_default();
        let there = asked.is_some_and(Option::is_some);
        let same = |record: &Record, form: &Form| {
            let held = form.held(&record.value, &live);
            match form {
                Form::Membership(_) => held.is_some(),
                Form::Attributes(_) => {
                    held.as_deref().map(object).unwrap_or_default() == object(&record.value)
                }
            }
        };
        let told = record.zip(form).filter(|_| there && !told_by.is_empty());
        let attributes = live
            .iter()
            .filter(|(name, _)| told_by.contains(&name.as_str()));
        Held {
            profile: asked.map(Option::is_some),
            agrees: told.map(|(record, form)| same(record, form)),
            attributes: attributes
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        }
    }
}
