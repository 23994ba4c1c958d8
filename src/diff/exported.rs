//! What the people in a segment's export say of recorded ones. It must not ask anybody.

use super::join::{Join, Joined};
use crate::model::{Identity, Member, Presence, Record, Unsorted};

/// How the people of an export and recorded ones agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// In the export, and not recorded.
    pub only_there: u64,
    /// Read back once, and not in the export.
    pub only_here: u64,
    /// Recorded, not in the export, and never read back: Braze may know nobody by their id.
    pub unread: u64,
    /// In both.
    pub both: u64,
    /// Recorded, not in the export, and nothing to wonder at: nobody in Braze goes by their id.
    pub absent: u64,
    /// Recorded, not in the export, and in doubt: their answer was never seen.
    pub doubt: u64,
    /// Recorded by another identifier than the external id: an export does not tell of them.
    pub other: u64,
}

impl Compared {
    /// Returns whether nothing speaks against what is recorded.
    pub fn agrees(&self) -> bool {
        self.only_here == 0 && self.only_there == 0
    }

    /// Returns whether it cannot be told: people who are recorded by another identifier are in the export by their external
    /// id, so those who are only there may be they, or strangers.
    pub fn is_open(&self) -> bool {
        self.only_here == 0 && (1..=self.other).contains(&self.only_there)
    }
}

/// Compares the people of an export with recorded ones, both in the order of their keys.
pub fn compare<E: From<Unsorted>>(
    there: impl Iterator<Item = Result<Member, E>>,
    here: impl Iterator<Item = Result<Record, E>>,
) -> Result<Compared, E> {
    let mut compared = Compared::default();
    for row in Join::new(there, here) {
        match row? {
            Joined::Left(_) => compared.only_there += 1,
            Joined::Both(..) => compared.both += 1,
            Joined::Right(record) => {
                let external = matches!(record.key.identity(), Identity::External(_));
                let count = match record.presence {
                    _ if !external => &mut compared.other,
                    Presence::Absent => &mut compared.absent,
                    Presence::Doubt => &mut compared.doubt,
                    Presence::Unconfirmed => &mut compared.unread,
                    Presence::Confirmed => &mut compared.only_here,
                };
                *count += 1;
            }
        }
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn an_export_is_compared_person_by_person() {
        let there = ["a", "b", "c"].map(|id| {
            Ok::<_, Unsorted>(Member {
                key: Key::external(id).unwrap(),
                amplitude_id: None,
                value: "".into(),
            })
        });
        let record = |key: Key, presence| Record {
            key,
            amplitude_id: None,
            value: "x".into(),
            maybe: None,
            presence,
            sent_at: 0,
            run: "".into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        };
        let external = |id, presence| record(Key::external(id).unwrap(), presence);
        let here = [
            record(Key::alias("a", "1").unwrap(), Presence::Confirmed),
            external("b", Presence::Confirmed),
            external("c", Presence::Absent),
            external("d", Presence::Absent),
            external("e", Presence::Confirmed),
            external("f", Presence::Doubt),
            external("g", Presence::Unconfirmed),
        ];
        let found = compare(there.into_iter(), here.into_iter().map(Ok)).unwrap();
        let wanted = Compared {
            only_there: 1,
            only_here: 1,
            unread: 1,
            both: 2,
            absent: 1,
            doubt: 1,
            other: 1,
        };
        assert_eq!(found, wanted);
        assert!(!found.agrees() && !found.is_open());
        let here = |only_there, other| Compared {
            only_here: 0,
            only_there,
            other,
            ..found
        };
        assert!(here(0, 0).agrees() && here(0, 9).agrees());
        for (only_there, other, open) in [(1, 1, true), (9, 9, true), (10, 9, false), (1, 0, false)]
        {
            let found = here(only_there, other);
            assert!(!found.agrees(), "strangers are never agreed to");
            assert_eq!(found.is_open(), open, "{only_there} of {other}");
        }
    }
}
