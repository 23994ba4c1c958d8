//! Recorded people in the order of their keys, each once with all rows of some resources: a stream, whatever their number.

use crate::{
    diff::{
        join::{self, Join, Joined, Keyed},
        verify::mute,
    },
    engine::fold::Rows,
    model::{Identity, Key, Millis, Record},
    state,
};

/// Somebody who is recorded.
pub(super) struct Person {
    /// Who.
    pub(super) key: Key,
    /// Their rows, each with the number of its resource.
    pub(super) rows: Vec<(usize, Record)>,
}

/// A stream of them.
pub(super) type People = join::Rows<Person, state::Error>;

impl Keyed for Person {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Person {
    /// Returns the rows of which an answer given now would say something.
    pub(super) fn judged(&self, now: Millis) -> impl Iterator<Item = (usize, &Record)> {
        let rows = self.rows.iter().map(|(of, record)| (*of, record));
        rows.filter(move |(_, record)| mute(record, now).is_none())
    }

    /// Returns whether they are known by a device id.
    pub(super) fn is_device(&self) -> bool {
        matches!(self.key.identity(), Identity::Device(_))
    }
}

/// Joins the rows of resources, which are numbered in their order.
pub(super) fn people(resources: Vec<Rows>) -> People {
    let person = |number, record: Record| Person {
        key: record.key.clone(),
        rows: vec![(number, record)],
    };
    let streams = resources.into_iter().enumerate().map(|(number, rows)| {
        let rows = rows.map(move |record| Ok(person(number, record?)));
        Box::new(rows) as People
    });
    halves(streams.collect())
}

/// Joins streams two by two, so that a row passes few joins, however many resources there are.
fn halves(mut streams: Vec<People>) -> People {
    if streams.len() > 1 {
        let right = halves(streams.split_off(streams.len() / 2));
        let left = halves(streams);
        return Box::new(Join::new(left, right).map(|row| match row? {
            Joined::Left(person) | Joined::Right(person) => Ok(person),
            Joined::Both(mut person, other) => {
                person.rows.extend(other.rows);
                Ok(person)
            }
        }));
    }
    streams
        .pop()
        .unwrap_or_else(|| Box::new(std::iter::empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Presence;

    #[test]
    fn each_person_comes_once_with_all_rows() {
        let record = |id: &str, at| Record {
            key: Key::external(id).unwrap(),
            amplitude_id: None,
            value: "true".into(),
            maybe: None,
            presence: Presence::Unconfirmed,
            sent_at: at,
            run: "".into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        };
        let rows = |ids: &str| {
            let rows: Vec<_> = ids
                .chars()
                .map(|id| Ok(record(&id.to_string(), 0)))
                .collect();
            Box::new(rows.into_iter()) as Rows
        };
        let found = people(vec![rows("abd"), rows(""), rows("bcd"), rows("d")]);
        let of = |person: Result<Person, state::Error>| {
            let person = person.unwrap();
            let numbers = person.rows.iter().map(|(number, _)| *number);
            numbers.collect::<Vec<_>>()
        };
        let found: Vec<_> = found.map(of).collect();
        assert_eq!(found, [vec![0], vec![0, 2], vec![2], vec![0, 2, 3]]);
        assert_eq!(people(vec![]).count(), 0);
    }
}
