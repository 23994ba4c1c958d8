//! Finds one person's rows in everything that is kept: cohorts as they were read last, recorded rows, rows set aside.
//!
//! # Expected flow
//! One pass over each file, up to where the person's keys end. Where people go by several identifiers, a second pass
//! finds the rows that have the same Amplitude id under another one.

use std::collections::{BTreeMap, BTreeSet};

use super::log;
use crate::{
    diff::join::Keyed,
    engine::{Error, draft::Drafting, observe::Readings, subject::Subject},
    model::{Address, Identity, Key, Mapping, Member, Record, Refusal, explanation::ParkedOf},
    state,
};

/// Whom a question is about. Debug is masked.
pub struct Person {
    /// An external id, the name of an alias, or a device id.
    pub id: String,
    /// Which of these, where that is said.
    pub by: Option<By>,
}

/// What names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The external id.
    ExternalId,
    /// An alias with this label.
    Alias(String),
    /// A device id.
    DeviceId,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person(***, {:?})", self.by)
    }
}

impl Person {
    /// Returns whether a key is the person's by itself.
    fn is(&self, key: &Key) -> bool {
        match (key.identity(), &self.by) {
            (Identity::External(id), None | Some(By::ExternalId))
            | (Identity::Device(id), None | Some(By::DeviceId)) => id == self.id,
            (Identity::Alias { name, .. }, None) => name == self.id,
            (Identity::Alias { label, name }, Some(By::Alias(wanted))) => {
                label == wanted && name == self.id
            }
            _ => false,
        }
    }

    /// Returns the key by which Braze is asked for somebody of whom nothing is kept.
    pub(super) fn key(&self) -> Option<Key> {
        let key = match &self.by {
            None | Some(By::ExternalId) => Key::external(&self.id),
            Some(By::Alias(label)) => Key::alias(label, &self.id),
            Some(By::DeviceId) => Key::device(&self.id),
        };
        key.ok()
    }
}

/// What names a key's person, without the id.
pub(super) fn word(key: &Key) -> String {
    match key.identity() {
        Identity::Alias { label, .. } => format!("alias {label}"),
        identity => identity.word().to_owned(),
    }
}

/// One person's rows.
#[derive(Default)]
pub(super) struct Traces {
    /// By cohort and by how people are named.
    people: BTreeMap<(String, Mapping), Vec<Member>>,
    records: BTreeMap<Address, Vec<Record>>,
    refusals: BTreeMap<Address, Vec<Refusal>>,
    parked: BTreeMap<Address, ParkedOf>,
    /// Every key of the person.
    pub(super) keys: BTreeSet<Key>,
}

impl Traces {
    /// Returns the person's rows of a cohort.
    pub(super) fn people(&self, cohort: &str, mapping: &Mapping) -> Vec<Member> {
        let key = (cohort.to_owned(), mapping.clone());
        self.people.get(&key).cloned().unwrap_or_default()
    }

    /// Returns whether a cohort holds the person, however its people are named.
    pub(super) fn is_in(&self, cohort: &str) -> bool {
        let mut people = self.people.iter();
        people.any(|((of, _), rows)| of == cohort && !rows.is_empty())
    }

    /// Returns the person's recorded rows of a resource.
    pub(super) fn records(&self, address: &Address) -> Vec<Record> {
        self.records.get(address).cloned().unwrap_or_default()
    }

    /// Returns the person's rows of a resource that are set aside.
    pub(super) fn refusals(&self, address: &Address) -> Vec<Refusal> {
        self.refusals.get(address).cloned().unwrap_or_default()
    }

    /// Returns how many events of the person are parked in a log.
    pub(super) fn parked(&self, address: &Address) -> ParkedOf {
        self.parked.get(address).copied().unwrap_or_default()
    }
}

/// Finds a person's rows.
pub(super) fn find(
    draft: &Drafting,
    subjects: &[&Subject],
    readings: &Readings,
    person: &Person,
) -> Result<Traces, Error> {
    let mut search = Search {
        person,
        ids: BTreeSet::new(),
        mixed: false,
        groups: Groups::default(),
        found: Traces::default(),
    };
    search.pass(draft, subjects, readings)?;
    let people = search.groups.people();
    if people.len() > 1 {
        let words = people.into_iter().map(|words| words.join(" and "));
        return Err(Error::SeveralPeople(words.collect::<Vec<_>>().join(", ")));
    }
    search.ids = std::mem::take(&mut search.groups).ids();
    if search.mixed && !search.ids.is_empty() {
        search.pass(draft, subjects, readings)?;
    }
    let mut found = search.found;
    found.parked = log::parked(draft, |key| person.is(key), &mut found.keys)?;
    Ok(found)
}

struct Search<'a> {
    person: &'a Person,
    /// Amplitude's numbers of the person, once they are known.
    ids: BTreeSet<i64>,
    /// Whether anybody is known by anything but an external id.
    mixed: bool,
    groups: Groups,
    found: Traces,
}

impl Search<'_> {
    fn pass(
        &mut self,
        draft: &Drafting,
        subjects: &[&Subject],
        readings: &Readings,
    ) -> Result<(), Error> {
        let each = subjects.iter().flat_map(|subject| {
            let cohorts = subject.cohorts();
            cohorts.map(|cohort| (cohort.id.clone(), subject.desired.identify_by.clone()))
        });
        for (cohort, mapping) in each.collect::<BTreeSet<_>>() {
            if readings.of(&cohort, &mapping).is_some() {
                let rows = self.rows(readings.open(&cohort, &mapping)?)?;
                self.found.people.insert((cohort, mapping), rows);
            }
        }
        let resources = draft
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.resources);
        for (address, entry) in resources {
            let records = self.rows(draft.rows(address)?)?;
            self.found.records.insert(address.clone(), records);
            let refusals = self.rows(draft.aside(address, Some(entry))?)?;
            self.found.refusals.insert(address.clone(), refusals);
        }
        Ok(())
    }

    /// Takes the person's rows out of a stream.
    fn rows<T: Row>(
        &mut self,
        rows: impl Iterator<Item = Result<T, state::Error>>,
    ) -> Result<Vec<T>, state::Error> {
        let mut taken = vec![];
        for row in rows {
            let row = row?;
            let (key, id) = (row.key(), row.amplitude_id());
            self.mixed = self.mixed || key.is_other_than_external();
            let by_id = id.is_some_and(|id| self.ids.contains(&id));
            if by_id || self.person.is(key) {
                self.groups.meet(key, id);
                self.found.keys.insert(key.clone());
                taken.push(row);
            } else if self.ids.is_empty() && self.is_past(key) {
                break;
            }
        }
        Ok(taken)
    }

    /// Returns whether no key of the person comes after one: external ids are the last.
    fn is_past(&self, key: &Key) -> bool {
        matches!(key.identity(), Identity::External(id) if id > self.person.id.as_str())
    }
}

/// What has a key and may have Amplitude's number.
trait Row: Keyed {
    fn amplitude_id(&self) -> Option<i64>;
}

impl Row for Member {
    fn amplitude_id(&self) -> Option<i64> {
        self.amplitude_id
    }
}

impl Row for Record {
    fn amplitude_id(&self) -> Option<i64> {
        self.amplitude_id
    }
}

impl Row for Refusal {
    fn amplitude_id(&self) -> Option<i64> {
        self.amplitude_id
    }
}

/// Keys that were met, each with the Amplitude ids of its rows.
#[derive(Default)]
struct Groups(BTreeMap<Key, BTreeSet<i64>>);

impl Groups {
    fn meet(&mut self, key: &Key, id: Option<i64>) {
        self.0.entry(key.clone()).or_default().extend(id);
    }

    fn ids(self) -> BTreeSet<i64> {
        self.0.into_values().flatten().collect()
    }

    /// Returns by what each person is known: keys that share an Amplitude id are one person's.
    fn people(&self) -> Vec<Vec<String>> {
        let mut people: Vec<(BTreeSet<i64>, Vec<String>)> = vec![];
        for (key, ids) in &self.0 {
            let (mut all, mut words) = (ids.clone(), vec![word(key)]);
            let (same, others): (Vec<_>, Vec<_>) = people
                .into_iter()
                .partition(|(known, _)| !known.is_disjoint(ids));
            for (known, names) in same {
                all.extend(known);
                words.splice(0..0, names);
            }
            people = others;
            people.push((all, words));
        }
        people.into_iter().map(|(_, words)| words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(by: Option<By>) -> Person {
        Person {
            id: "7".to_owned(),
            by,
        }
    }

    #[test]
    fn a_person_is_found_by_what_was_said_or_by_any() {
        let keys = [
            Key::alias("crm", "7"),
            Key::alias("mail", "7"),
            Key::device("7"),
            Key::external("7"),
            Key::external("8"),
        ]
        .map(Result::unwrap);
        let found = |by: Option<By>| keys.each_ref().map(|key| person(by.clone()).is(key));
        assert_eq!(found(None), [true, true, true, true, false]);
        let crm = By::Alias("crm".to_owned());
        assert_eq!(found(Some(crm)), [true, false, false, false, false]);
        assert_eq!(
            found(Some(By::DeviceId)),
            [false, false, true, false, false]
        );
        assert_eq!(
            found(Some(By::ExternalId)),
            [false, false, false, true, false]
        );
    }

    #[test]
    fn keys_that_share_an_amplitude_id_are_one_person() {
        let mut groups = Groups::default();
        let alias = Key::alias("crm", "7").unwrap();
        let external = Key::external("7").unwrap();
        groups.meet(&alias, Some(1));
        groups.meet(&external, Some(2));
        assert_eq!(groups.people(), [["alias crm"], ["external_id"]]);
        groups.meet(&external, Some(1));
        assert_eq!(groups.people(), [["alias crm", "external_id"]]);
        assert_eq!(groups.ids(), BTreeSet::from([1, 2]));
    }

    #[test]
    fn debug_names_nobody() {
        assert!(!format!("{:?}", person(None)).contains('7'));
    }
}
