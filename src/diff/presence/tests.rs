//! Rows, answers and days, in tables.

use super::*;
use crate::{
    diff::{
        decide::{Beside, fold},
        values::Policy,
    },
    model::{Key, Outcome, Verb},
};

const SENT: Millis = 1_000_000;

fn record(presence: Presence) -> Record {
    Record {
        key: Key::external("u").unwrap(),
        amplitude_id: None,
        value: "true".into(),
        maybe: None,
        presence,
        sent_at: SENT,
        run: "r".into(),
        checked_at: (presence != Presence::Unconfirmed).then_some(SENT + SETTLED),
        confirmed_once: presence == Presence::Confirmed,
        sent_again: false,
    }
}

#[test]
fn an_answer_counts_once_and_never_before_five_minutes() {
    let fresh = record(Presence::Unconfirmed);
    let counts = |record: &Record, asked_at| counts(record, asked_at, Millis::MAX);
    assert!(!counts(&fresh, SENT + SETTLED - 1));
    assert!(counts(&fresh, SENT + SETTLED));
    let checked = record(Presence::Confirmed);
    assert!(!counts(&checked, SENT + SETTLED));
    assert!(counts(&checked, SENT + SETTLED + 1));
    let lost = Record {
        checked_at: None,
        ..record(Presence::Doubt)
    };
    assert!(!counts(&lost, Millis::MAX), "its answer was never seen");
    assert!(counts(&record(Presence::Doubt), SENT + 2 * SETTLED));
    let again = after(fresh, Found::Same, SENT + SETTLED).record;
    assert!(!counts(&again, SENT + SETTLED), "taken in twice");
}

#[test]
fn a_clock_that_was_ahead_holds_no_row_for_ever() {
    let ahead = Record {
        checked_at: Some(SENT + 100 * SETTLED),
        ..record(Presence::Absent)
    };
    let now = SENT + 9 * SETTLED;
    assert_eq!(
        due(&ahead, now, 1),
        Some((Turn::Absent, SENT + 100 * SETTLED))
    );
    assert!(counts(&ahead, now, now));
    assert!(!counts(&ahead, now, SENT + 200 * SETTLED));
}

#[test]
fn an_answer_says_what_the_row_is() {
    let at = SENT + 2 * SETTLED;
    let other = || Found::Other(Some("{}".into()));
    let cases = [
        (
            Presence::Unconfirmed,
            Found::Same,
            Presence::Confirmed,
            true,
        ),
        (
            Presence::Unconfirmed,
            Found::Somebody,
            Presence::Confirmed,
            true,
        ),
        (
            Presence::Unconfirmed,
            Found::Nobody,
            Presence::Absent,
            false,
        ),
        (Presence::Unconfirmed, other(), Presence::Doubt, true),
        (Presence::Confirmed, Found::Nobody, Presence::Absent, true),
        (
            Presence::Confirmed,
            Found::Other(None),
            Presence::Doubt,
            true,
        ),
        (Presence::Absent, Found::Nobody, Presence::Absent, false),
        (Presence::Absent, Found::Same, Presence::Confirmed, true),
        // Of an imported cohort nobody can tell: it was dropped while nobody was there.
        (Presence::Absent, Found::Somebody, Presence::Doubt, true),
        (Presence::Absent, other(), Presence::Doubt, true),
        // Somebody put it right, or did not.
        (Presence::Doubt, Found::Same, Presence::Confirmed, true),
        (Presence::Doubt, other(), Presence::Doubt, true),
        (Presence::Doubt, Found::Somebody, Presence::Doubt, true),
        (Presence::Doubt, Found::Nobody, Presence::Absent, false),
    ];
    for (presence, found, wanted, once) in cases {
        let what = format!("{presence:?} {found:?}");
        let told = after(record(presence), found, at);
        assert_eq!(told.record.presence, wanted, "{what}");
        assert_eq!(told.record.confirmed_once, once, "{what}");
        assert_eq!(told.record.checked_at, Some(at), "{what}");
        assert!(!told.dropped, "{what}");
    }
    let told = after(
        record(Presence::Confirmed),
        Found::Other(Some("{}".into())),
        at,
    );
    assert_eq!(told.record.maybe.as_deref(), Some("[{}]"));
}

#[test]
fn what_was_sent_twice_and_is_not_there_is_dropped() {
    let again = |presence| Record {
        sent_again: true,
        ..record(presence)
    };
    let soon = SENT + 3 * SETTLED;
    for presence in [Presence::Unconfirmed, Presence::Confirmed] {
        let dropped = |found, at| after(again(presence), found, at).dropped;
        assert!(dropped(Found::Other(None), soon), "{presence:?}");
        assert!(!dropped(Found::Same, soon), "{presence:?}");
        assert!(!dropped(Found::Nobody, soon), "{presence:?}");
        // A week later somebody else changed it.
        assert!(dropped(Found::Other(None), SENT + WEEK - 1), "{presence:?}");
        assert!(!dropped(Found::Other(None), SENT + WEEK), "{presence:?}");
    }
    assert!(!after(record(Presence::Confirmed), Found::Other(None), soon).dropped);
    let told = Record {
        sent_again: true,
        ..record(Presence::Doubt)
    };
    assert!(
        !after(told, Found::Other(None), soon).dropped,
        "told already"
    );
}

#[test]
fn a_row_is_due_in_its_turn_and_not_before() {
    const DAY: Millis = 86_400_000;
    let last = SENT + SETTLED;
    let cases = [
        (Presence::Unconfirmed, SENT + SETTLED - 1, None),
        (
            Presence::Unconfirmed,
            SENT + SETTLED,
            Some((Turn::New, SENT)),
        ),
        (Presence::Absent, last + DAY - 1, None),
        (Presence::Absent, last + DAY, Some((Turn::Absent, last))),
        (Presence::Confirmed, last + DAY - 1, None),
        (Presence::Confirmed, last + DAY, Some((Turn::Round, last))),
        (Presence::Doubt, last + DAY - 1, None),
        (Presence::Doubt, last + DAY, Some((Turn::Round, last))),
    ];
    for (presence, now, wanted) in cases {
        assert_eq!(
            due(&record(presence), now, DAY),
            wanted,
            "{presence:?} {now}"
        );
    }
    assert!(Turn::New < Turn::Absent && Turn::Absent < Turn::Round);
}

#[test]
fn people_who_are_not_there_are_left_alone_unless_they_may_be_made() {
    let member = || Member {
        key: Key::external("u").unwrap(),
        amplitude_id: None,
        value: "\"other\"".into(),
    };
    let deleted = || Record {
        confirmed_once: true,
        ..record(Presence::Absent)
    };
    let decided = |absence: Absence, record| match absence
        .decide(&Rule::Whole, Joined::Both(record, member()))
    {
        Decision::Send(change) => Some((change.verb, change.standing)),
        _ => None,
    };
    let plain = Absence::default();
    let creates = Absence {
        creates: true,
        ..plain
    };
    let creates_since = |since| Absence {
        creates_since: Some(since),
        ..creates
    };
    let recreates = Absence {
        recreates: true,
        ..creates
    };
    let never = || record(Presence::Absent);
    let made = Some((Verb::Add, Standing::Nobody));
    for (absence, record, wanted) in [
        (plain, never(), None),
        (plain, deleted(), None),
        (creates, never(), None),
        (creates, deleted(), None),
        (creates_since(SENT + 1), never(), made),
        (creates_since(SENT), never(), None),
        (creates_since(SENT + 1), deleted(), None),
        (recreates, never(), None),
        (recreates, deleted(), made),
        (
            Absence {
                recreates: true,
                ..plain
            },
            deleted(),
            None,
        ),
    ] {
        assert_eq!(decided(absence, record), wanted, "{absence:?}");
    }
}

#[test]
fn whoever_leaves_and_is_not_there_is_taken_out_and_one_who_was_deleted_stays_remembered() {
    let left = |absence: Absence, once| {
        let record = Record {
            confirmed_once: once,
            ..record(Presence::Absent)
        };
        match absence.decide(&Rule::Whole, Joined::Left(record)) {
            Decision::Send(change) => Some((change.verb, change.standing)),
            _ => None,
        }
    };
    let creates = Absence {
        creates: true,
        ..Absence::default()
    };
    let removed = Some((Verb::Remove, Standing::Nobody));
    let gone = Some((Verb::Remove, Standing::Gone));
    assert_eq!(left(Absence::default(), true), gone);
    assert_eq!(left(creates, false), removed);
    assert_eq!(left(creates, true), None);
}

#[test]
fn of_values_only_those_that_are_not_there_are_sent_again() {
    let names = ["a", "b"].map(str::to_owned);
    let rule = Rule::Attributes(Policy {
        recorded: names.into(),
        ..Policy::default()
    });
    let sent = Record {
        value: r#"{"a":"x","b":3}"#.into(),
        ..record(Presence::Confirmed)
    };
    let found = Found::Other(Some(r#"{"a":"y","b":3}"#.into()));
    let told = after(sent, found, SENT + 3 * SETTLED).record;
    let decided = |value: &str| {
        let member = Member {
            key: Key::external("u").unwrap(),
            amplitude_id: None,
            value: value.into(),
        };
        match Absence::default().decide(&rule, Joined::Both(told.clone(), member)) {
            Decision::Send(change) => change,
            other => panic!("{other:?}"),
        }
    };
    let steps = |change: &Change| {
        let steps = crate::diff::values::steps(change).into_iter();
        steps.map(|step| step.attribute).collect::<Vec<_>>()
    };
    assert_eq!(steps(&decided(r#"{"a":"x","b":3}"#)), ["a"]);
    assert_eq!(steps(&decided(r#"{"a":"y","b":3}"#)), ["a"]);
    assert_eq!(steps(&decided(r#"{"a":"x","b":4}"#)), ["a", "b"]);
    assert_eq!(decided(r#"{"a":"x","b":3}"#).standing, Standing::There);
}

#[test]
fn whoever_is_gone_for_another_sync_is_created_by_none() {
    let creates = Absence {
        creates: true,
        ..Absence::default()
    };
    let recreates = Absence {
        recreates: true,
        ..creates
    };
    let change = || Change {
        standing: Standing::Unasked,
        key: Key::external("u").unwrap(),
        amplitude_id: None,
        verb: Verb::Add,
        before: None,
        maybe: None,
        after: Some("true".into()),
    };
    let cases = [
        (creates, true, Standing::Gone),
        (creates, false, Standing::Unasked),
        (recreates, true, Standing::Unasked),
        (Absence::default(), true, Standing::Unasked),
    ];
    for (absence, gone, wanted) in cases {
        assert_eq!(absence.spares(change(), gone).standing, wanted);
    }
}

#[test]
fn a_row_that_created_nobody_since_the_person_is_gone_remembers_that() {
    let change = |standing| Change {
        standing,
        key: Key::external("u").unwrap(),
        amplitude_id: None,
        verb: Verb::Add,
        before: None,
        maybe: None,
        after: Some("true".into()),
    };
    let folded = |standing, outcome| {
        let run = "r".into();
        fold(None, change(standing), outcome, Beside::Nothing, &run).unwrap()
    };
    for outcome in [Outcome::Acknowledged(SENT), Outcome::Doubt(SENT)] {
        let row = folded(Standing::Gone, outcome);
        assert_eq!(row.standing(), Standing::There, "{outcome:?}");
        assert_eq!(
            folded(Standing::Unasked, outcome).standing(),
            Standing::Unasked
        );
    }
    let row = folded(Standing::Gone, Outcome::Acknowledged(SENT));
    let row = after(row, Found::Nobody, SENT + SETTLED).record;
    assert_eq!(row.standing(), Standing::Gone);
    let creates = Absence {
        creates: true,
        creates_since: Some(Millis::MAX),
        recreates: false,
    };
    assert!(!creates.makes(&row) && creates.remembers(&row));
}
