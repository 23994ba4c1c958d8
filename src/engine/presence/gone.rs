//! Who was in Braze once and is gone, as the rows of all resources tell: one resource may know of somebody's deletion what
//! another, which never had them, cannot. One row a resource in memory.

use crate::{
    diff::join::union,
    engine::fold::Rows,
    model::{Key, Record, Standing},
    state::Error,
};

/// Walks along the people who are gone.
pub(in crate::engine) struct Gone {
    rows: Rows,
    head: Option<Record>,
}

impl Gone {
    /// Begins a walk along what these resources record.
    pub(in crate::engine) fn of(ledgers: Vec<Rows>) -> Result<Self, Error> {
        let gone = |ledger: Rows| -> Rows {
            Box::new(ledger.filter(|row| row.as_ref().map_or(true, is_gone)))
        };
        let mut rows = union(ledgers.into_iter().map(gone));
        let head = rows.next().transpose()?;
        Ok(Self { rows, head })
    }

    /// Returns whether somebody is gone; keys must ascend.
    pub(in crate::engine) fn holds(&mut self, key: &Key) -> Result<bool, Error> {
        while self.head.as_ref().is_some_and(|head| head.key < *key) {
            self.head = self.rows.next().transpose()?;
        }
        Ok(self.head.as_ref().is_some_and(|head| head.key == *key))
    }
}

fn is_gone(record: &Record) -> bool {
    record.standing() == Standing::Gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, Presence};

    fn rows(people: &[(&str, Presence, bool)]) -> Rows {
        let record = |(id, presence, confirmed_once): &(&str, Presence, bool)| Record {
            key: Key::external(id).unwrap(),
            amplitude_id: None,
            value: "true".into(),
            maybe: None,
            presence: *presence,
            sent_at: 0,
            run: "r".into(),
            checked_at: None::<Millis>,
            confirmed_once: *confirmed_once,
            sent_again: false,
        };
        let records: Vec<_> = people.iter().map(record).map(Ok).collect();
        Box::new(records.into_iter())
    }

    #[test]
    fn whoever_is_gone_for_one_resource_is_gone() {
        let first = rows(&[
            ("a", Presence::Absent, true),
            ("b", Presence::Absent, false),
            ("c", Presence::Confirmed, true),
        ]);
        let second = rows(&[("a", Presence::Absent, true), ("d", Presence::Absent, true)]);
        let mut gone = Gone::of(vec![first, second]).unwrap();
        let found = ["a", "b", "c", "d", "e"].map(|id| {
            let key = Key::external(id).unwrap();
            gone.holds(&key).unwrap()
        });
        assert_eq!(found, [true, false, false, true, false]);
    }
}
