//! How one person's row fares: what is recorded, what is wanted and what was decided, in one word. It decides nothing
//! anew; what is to be done comes in.

use super::algebra::Algebra;
use crate::model::{
    Change, Member, Presence, Record, Standing, Verb,
    explanation::{Fate, Holds},
};

/// What is known of one row.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// As it is recorded.
    pub record: Option<&'a Record>,
    /// As it is wanted.
    pub wanted: Option<&'a Member>,
    /// What is to be sent.
    pub change: Option<&'a Change>,
    /// Whether it was refused and waits.
    pub waits: bool,
    /// Whether it was decided at all: a sync may rest, or cannot be planned.
    pub decided: bool,
}

impl Facts<'_> {
    /// Returns how it fares.
    pub fn fate(&self) -> Fate {
        if self.waits {
            return Fate::Refused;
        }
        let Some(record) = self.record else {
            let gone = |change: &Change| change.standing == Standing::Gone;
            return match self.change {
                Some(change) if gone(change) => Fate::Gone,
                None if self.decided => Fate::Empty,
                _ => Fate::New,
            };
        };
        let verb = self.change.map(|change| change.verb);
        match record.presence {
            Presence::Doubt if record.is_found_other() => Fate::Differs,
            Presence::Doubt => Fate::Doubt,
            Presence::Absent if record.confirmed_once => Fate::Gone,
            Presence::Absent => Fate::Absent,
            _ if verb == Some(Verb::Remove) => Fate::Leaves,
            _ if self.decided && self.wanted.is_none() && verb.is_none() => Fate::Kept,
            _ if verb == Some(Verb::Change) => Fate::Changes,
            // No run sent it: a reading or an export found it.
            _ if record.run.is_empty() => Fate::Found,
            Presence::Confirmed => Fate::Confirmed,
            Presence::Unconfirmed => Fate::Sent,
        }
    }
}

/// Returns how a person without any row fares, by which cohorts hold them.
pub fn without_row(members: &Algebra, cohorts: &[Holds]) -> Fate {
    let told = |holds: &Holds| match holds {
        Holds::Yes => Some(true),
        Holds::No | Holds::Unnamed => Some(false),
        Holds::Unread => None,
    };
    let told: Vec<Option<bool>> = cohorts.iter().map(told).collect();
    let let_in = |at: usize| !members.keeps_out(at);
    let open = told.iter().enumerate();
    let open = open.map(|(at, told)| if let_in(at) { *told } else { Some(false) });
    let open: Vec<Option<bool>> = open.collect();
    match (members.tells(&open), members.tells(&told)) {
        (None, _) | (Some(true), None) => Fate::Unread,
        (Some(false), _) => {
            let mut unnamed = cohorts.iter().enumerate();
            if unnamed.any(|(at, holds)| *holds == Holds::Unnamed && let_in(at)) {
                Fate::Unnamed
            } else {
                Fate::Outside
            }
        }
        // Who would be in it and has no row was left out: by an exclusion, by whatever identifier.
        (Some(true), Some(_)) => Fate::Excluded,
    }
}

/// Which of several rows' fates is the person's: what is wanted stands before what goes.
pub fn foremost<T>(rows: impl Iterator<Item = T>, of: impl Fn(&T) -> (bool, Fate)) -> Option<T> {
    let rank = |(wanted, fate)| match fate {
        Fate::Leaves | Fate::Kept => 2,
        _ if wanted => 0,
        _ => 1,
    };
    rows.min_by_key(|row| rank(of(row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diff::{
            decide::{Decision, decide},
            join::Joined,
        },
        model::Key,
    };

    fn record(presence: Presence) -> Record {
        Record {
            key: Key::external("u").unwrap(),
            amplitude_id: None,
            value: "true".into(),
            maybe: None,
            presence,
            sent_at: 100,
            run: "r".into(),
            checked_at: None,
            confirmed_once: false,
            sent_again: false,
        }
    }

    fn member(value: &str) -> Member {
        Member {
            key: Key::external("u").unwrap(),
            amplitude_id: None,
            value: value.into(),
        }
    }

    /// The fate of a membership, as it is decided.
    fn fate(record: Option<&Record>, wanted: Option<&Member>, waits: bool) -> Fate {
        let row = match (record.cloned(), wanted.cloned()) {
            (Some(record), Some(member)) => Joined::Both(record, member),
            (Some(record), None) => Joined::Left(record),
            (None, Some(member)) => Joined::Right(member),
            (None, None) => panic!("no row"),
        };
        let change = match decide(row) {
            Decision::Send(change) if !waits => Some(change),
            _ => None,
        };
        let facts = Facts {
            record,
            wanted,
            change: change.as_ref(),
            waits,
            decided: true,
        };
        facts.fate()
    }

    #[test]
    fn each_row_has_its_word() {
        use Presence::{Confirmed, Doubt, Unconfirmed};
        let wanted = || Some(member("true"));
        let found = Record {
            run: "".into(),
            ..record(Confirmed)
        };
        let read = Record {
            checked_at: Some(500),
            ..record(Doubt)
        };
        let read_before = Record {
            checked_at: Some(50),
            ..record(Doubt)
        };
        let table = [
            (None, wanted(), false, Fate::New),
            (None, wanted(), true, Fate::Refused),
            (Some(record(Unconfirmed)), wanted(), false, Fate::Sent),
            (Some(record(Confirmed)), wanted(), false, Fate::Confirmed),
            (Some(found), wanted(), false, Fate::Found),
            (Some(record(Unconfirmed)), None, false, Fate::Leaves),
            (Some(record(Unconfirmed)), None, true, Fate::Refused),
            (
                Some(record(Confirmed)),
                Some(member("false")),
                false,
                Fate::Changes,
            ),
            (Some(record(Doubt)), wanted(), false, Fate::Doubt),
            (Some(record(Doubt)), None, false, Fate::Doubt),
            (Some(read), wanted(), false, Fate::Differs),
            (Some(read_before), wanted(), false, Fate::Doubt),
        ];
        for (record, wanted, waits, expected) in table {
            let words = format!("{record:?} {wanted:?} {waits}");
            let fate = fate(record.as_ref(), wanted.as_ref(), waits);
            assert_eq!(fate, expected, "{words}");
        }
    }

    #[test]
    fn who_is_not_there_is_absent_or_gone() {
        let of = |confirmed_once| {
            let record = Record {
                confirmed_once,
                sent_again: false,
                ..record(Presence::Absent)
            };
            let facts = Facts {
                record: Some(&record),
                wanted: None,
                change: None,
                waits: false,
                decided: true,
            };
            facts.fate()
        };
        assert_eq!((of(false), of(true)), (Fate::Absent, Fate::Gone));
    }

    #[test]
    fn what_was_not_decided_stays_as_it_is_known() {
        let (recorded, member) = (record(Presence::Unconfirmed), member("true"));
        let of = |record, wanted| {
            let facts = Facts {
                record,
                wanted,
                change: None,
                waits: false,
                decided: false,
            };
            facts.fate()
        };
        assert_eq!(of(Some(&recorded), None), Fate::Sent);
        assert_eq!(of(None, Some(&member)), Fate::New);
    }

    #[test]
    fn who_has_no_row_is_told_why() {
        use Holds::{No, Unnamed, Unread, Yes};
        for (cohort, excluded, expected) in [
            (No, vec![], Fate::Outside),
            (No, vec![Yes], Fate::Outside),
            (Unnamed, vec![], Fate::Unnamed),
            (Unread, vec![], Fate::Unread),
            (Yes, vec![No, Yes], Fate::Excluded),
            (Yes, vec![Unread], Fate::Unread),
        ] {
            let members = Algebra::less(excluded.len());
            let cohorts: Vec<Holds> = std::iter::once(cohort).chain(excluded).collect();
            assert_eq!(without_row(&members, &cohorts), expected);
        }
    }

    #[test]
    fn what_is_wanted_stands_before_what_goes() {
        let rows = [
            (false, Fate::Leaves),
            (true, Fate::New),
            (false, Fate::Doubt),
        ];
        assert_eq!(foremost(rows.iter(), |row| **row), Some(&rows[1]));
        assert_eq!(foremost(rows[..1].iter(), |row| **row), Some(&rows[0]));
        assert_eq!(foremost(rows[..0].iter(), |row| **row), None);
    }
}
