//! Which rows are about one person, who is known by one text: under other identifiers too, as far as rows tell it by
//! Amplitude's number. It reads nothing; whoever reads the rows tells them.

use std::collections::BTreeSet;

use crate::model::{Identity, Key};

/// A person who is looked for. Debug would show who, so there is none.
pub struct Person {
    name: Option<String>,
    numbers: BTreeSet<i64>,
    keys: BTreeSet<Key>,
}

impl Person {
    /// Somebody whose external id, device id or name of an alias, of whatever label, is this.
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            numbers: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }

    /// Somebody who has this number in Amplitude.
    pub fn numbered(number: i64) -> Self {
        Self {
            name: None,
            numbers: BTreeSet::from([number]),
            keys: BTreeSet::new(),
        }
    }

    /// Takes the number of a row that bears the name. All rows are told before any `meet`.
    pub fn number(&mut self, key: &Key, amplitude_id: Option<i64>) {
        if self.bears_name(key) {
            // A source without numbers writes none, or nought.
            self.numbers.extend(amplitude_id.filter(|id| *id != 0));
        }
    }

    /// Takes what a row of one of the numbers is called: elsewhere a row may be called so and bear no number. What such a
    /// row bears is not followed any further, since an identifier can pass from one person to the next.
    pub fn meet(&mut self, key: &Key, amplitude_id: Option<i64>) {
        if self.bears_number(amplitude_id) && !self.bears_name(key) && !self.keys.contains(key) {
            self.keys.insert(key.clone());
        }
    }

    /// Returns whether a row is what the person was asked for by.
    pub fn asked_for(&self, key: &Key, amplitude_id: Option<i64>) -> bool {
        match self.name {
            Some(_) => self.bears_name(key),
            None => self.bears_number(amplitude_id),
        }
    }

    /// Returns whether a row is about the person.
    pub fn is(&self, key: &Key, amplitude_id: Option<i64>) -> bool {
        self.bears_name(key) || self.bears_number(amplitude_id) || self.keys.contains(key)
    }

    fn bears_number(&self, amplitude_id: Option<i64>) -> bool {
        amplitude_id.is_some_and(|id| self.numbers.contains(&id))
    }

    fn bears_name(&self, key: &Key) -> bool {
        let (Identity::Alias { name: id, .. } | Identity::Device(id) | Identity::External(id)) =
            key.identity();
        self.name.as_deref() == Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (Key, Option<i64>);

    fn rows() -> [Row; 9] {
        let (external, device) = (
            |id| Key::external(id).unwrap(),
            |id| Key::device(id).unwrap(),
        );
        [
            (external("jane"), Some(7)),
            (Key::alias("phone", "jane").unwrap(), None),
            (device("d-1"), Some(7)),
            (device("d-1"), None),
            // The device had another owner once.
            (device("d-1"), Some(8)),
            (external("joe"), Some(8)),
            (external("7"), Some(9)),
            (external("janet"), Some(0)),
            (Key::alias("jane", "7").unwrap(), None),
        ]
    }

    fn found(mut person: Person) -> Vec<usize> {
        let rows = rows();
        rows.iter().for_each(|(key, id)| person.number(key, *id));
        rows.iter().for_each(|(key, id)| person.meet(key, *id));
        let is = |(_, (key, id)): &(usize, &Row)| person.is(key, *id);
        rows.iter()
            .enumerate()
            .filter(is)
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn a_name_leads_to_its_numbers_and_they_to_other_names_and_no_further() {
        assert_eq!(found(Person::named("jane")), [0, 1, 2, 3, 4]);
        assert_eq!(found(Person::named("joe")), [2, 3, 4, 5]);
        assert_eq!(found(Person::named("nobody")), [0; 0]);
        assert_eq!(
            found(Person::named("janet")),
            [7],
            "nought is nobody's number"
        );
    }

    #[test]
    fn digits_are_a_name_unless_they_are_said_to_be_a_number() {
        assert_eq!(found(Person::named("7")), [6, 8]);
        assert_eq!(found(Person::numbered(7)), [0, 2, 3, 4]);
    }

    #[test]
    fn what_was_asked_for_is_told_from_what_it_led_to() {
        let person = Person::named("jane");
        let [(jane, _), _, (device, _), ..] = rows();
        assert!(person.asked_for(&jane, None) && !person.asked_for(&device, Some(7)));
        assert!(Person::numbered(7).asked_for(&device, Some(7)));
    }
}
