//! Properties of the decisions: whatever is cut, refused or in doubt, what is desired last is what Braze ends with.
//! No process and no file here: a world of labels in memory, edited as Braze edits arrays.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use syncform::{
    diff::{
        decide::{Beside, Decision, decide, fold},
        join::{Join, Joined},
        merge::Merge,
        outcomes::{Outcomes, Word},
    },
    kinds::{Form, Membership},
    model::{Change, Edit, Key, Member, Outcome, Record, Text, Unsorted, Verb},
};

type Ledger = BTreeMap<Key, Record>;
type Wanted = BTreeMap<u8, u8>;
type World = BTreeMap<Key, BTreeSet<String>>;

fn key(person: u8) -> Key {
    Key::external(&format!("person-{person:03}")).unwrap()
}

fn label(number: u8) -> Text {
    serde_json::json!(format!("label {number}"))
        .to_string()
        .into()
}

#[expect(clippy::unnecessary_wraps, reason = "rows of streams are fallible")]
fn ok<T>(row: T) -> Result<T, Unsorted> {
    Ok(row)
}

/// The delta from a ledger to what is desired.
fn diff(ledger: &Ledger, wanted: &Wanted) -> Vec<Change> {
    let recorded = ledger.values().cloned().map(ok);
    let desired = wanted.iter().map(|(person, number)| {
        ok(Member {
            key: key(*person),
            amplitude_id: None,
            value: label(*number),
        })
    });
    Join::new(recorded, desired)
        .filter_map(|row| match decide(row.unwrap()) {
            Decision::Send(change) => Some(change),
            Decision::Keep(_) | Decision::Nothing => None,
        })
        .collect()
}

/// The ledger after a delta with these outcomes, in the order of the delta.
fn folded(ledger: &Ledger, delta: &[Change], outcomes: &[Outcome], run: &str) -> Ledger {
    let run: Text = run.into();
    let changes = delta.iter().cloned().zip(outcomes.iter().copied()).map(ok);
    Join::new(ledger.values().cloned().map(ok), changes)
        .filter_map(|row| match row.unwrap() {
            Joined::Left(record) => Some(record),
            Joined::Right((change, outcome)) => fold(None, change, outcome, Beside::Nothing, &run),
            Joined::Both(record, (change, outcome)) => {
                fold(Some(record), change, outcome, Beside::Nothing, &run)
            }
        })
        .map(|record| (record.key.clone(), record))
        .collect()
}

/// Braze applies an edit of an array: what is taken out goes, what is added comes.
fn applied(world: &mut World, change: &Change) {
    let form = Form::Membership(Membership::Array("labels".into()));
    for edit in form.edits(change) {
        let Edit::Array { add, remove, .. } = edit else {
            panic!("an edit of an array")
        };
        let labels = world.entry(change.key.clone()).or_default();
        for gone in remove {
            labels.remove(&gone.to_string());
        }
        labels.extend(add.map(|value| value.to_string()));
    }
}

fn people(world: &World) -> BTreeMap<Key, BTreeSet<String>> {
    let mut people = world.clone();
    people.retain(|_, labels| !labels.is_empty());
    people
}

fn exactly(wanted: &Wanted) -> BTreeMap<Key, BTreeSet<String>> {
    let labels = |number: &u8| BTreeSet::from([label(*number).to_string()]);
    wanted
        .iter()
        .map(|(person, number)| (key(*person), labels(number)))
        .collect()
}

/// What happens to a row on its way: the outcome that is recorded, and whether Braze took it.
fn fate() -> impl Strategy<Value = (Outcome, bool)> {
    prop_oneof![
        4 => Just((Outcome::Acknowledged(1), true)),
        2 => any::<bool>().prop_map(|took| (Outcome::Doubt(1), took)),
        1 => Just((Outcome::Refused(0), false)),
        1 => Just((Outcome::NotSent, false)),
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop::collection::btree_map(0u8..24, 0u8..3, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_went_wrong_before_what_is_desired_last_is_what_braze_ends_with(
        rounds in prop::collection::vec((wanted(), prop::collection::vec(fate(), 24)), 0..5),
        last in wanted(),
    ) {
        let (mut ledger, mut world) = (Ledger::new(), World::new());
        for (number, (wanted, fates)) in rounds.iter().enumerate() {
            let delta = diff(&ledger, wanted);
            for (change, (_, took)) in delta.iter().zip(fates.iter().cycle()) {
                if *took {
                    applied(&mut world, change);
                }
            }
            let outcomes: Vec<Outcome> = fates.iter().cycle().take(delta.len()).map(|(outcome, _)| *outcome).collect();
            ledger = folded(&ledger, &delta, &outcomes, &format!("run {number}"));
        }
        let delta = diff(&ledger, &last);
        delta.iter().for_each(|change| applied(&mut world, change));
        let acknowledged = vec![Outcome::Acknowledged(2); delta.len()];
        ledger = folded(&ledger, &delta, &acknowledged, "last run");
        prop_assert_eq!(people(&world), exactly(&last));
        prop_assert_eq!(diff(&ledger, &last), vec![]);
        let recorded: BTreeMap<_, _> = ledger.values().map(|record| (record.key.clone(), record.value.clone())).collect();
        let expected: BTreeMap<_, _> = last.iter().map(|(person, number)| (key(*person), label(*number))).collect();
        prop_assert_eq!(recorded, expected);
    }

    #[test]
    fn only_differences_are_sent(old in wanted(), new in wanted()) {
        let delta = diff(&Ledger::new(), &old);
        let ledger = folded(&Ledger::new(), &delta, &vec![Outcome::Acknowledged(1); delta.len()], "run");
        prop_assert_eq!(diff(&ledger, &old), vec![]);
        let delta = diff(&ledger, &new);
        let count = |verb| delta.iter().filter(|change| change.verb == verb).count();
        prop_assert_eq!(count(Verb::Add), new.keys().filter(|person| !old.contains_key(person)).count());
        prop_assert_eq!(count(Verb::Remove), old.keys().filter(|person| !new.contains_key(person)).count());
        let changed = new.iter().filter(|(person, number)| old.get(person).is_some_and(|before| before != *number));
        prop_assert_eq!(count(Verb::Change), changed.count());
    }

    #[test]
    fn a_merge_has_each_person_once_and_each_row_once(deltas in prop::collection::vec(wanted(), 1..6)) {
        let deltas: Vec<Vec<Change>> = deltas.iter().map(|wanted| diff(&Ledger::new(), wanted)).collect();
        let merge = || Merge::new(deltas.iter().map(|delta| delta.iter().cloned().map(ok)).collect());
        let objects: Vec<_> = merge().map(Result::unwrap).collect();
        let keys: Vec<&Key> = objects.iter().map(|object| &object.key).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(objects.iter().enumerate().all(|(at, object)| object.ordinal == at as u64));
        for (resource, delta) in deltas.iter().enumerate() {
            let parts = objects.iter().flat_map(|object| &object.parts);
            let own: Vec<&Change> = parts.filter(|part| part.resource == resource).map(|part| &part.change).collect();
            prop_assert_eq!(own, delta.iter().collect::<Vec<_>>());
        }
        prop_assert_eq!(merge().map(Result::unwrap).collect::<Vec<_>>(), objects);
    }

    #[test]
    fn rows_out_of_order_are_an_error_and_never_removals(rows in prop::collection::vec(0u8..9, 2..8)) {
        let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
        let desired = rows.iter().map(|person| ok(Member { key: key(*person), amplitude_id: None, value: label(0) }));
        let joined = Join::new(std::iter::empty::<Result<Record, Unsorted>>(), desired).collect::<Result<Vec<_>, _>>();
        prop_assert_eq!(joined.is_ok(), ascending);
    }

    #[test]
    fn answers_count_in_any_order(order in Just((0usize..6).collect::<Vec<_>>()).prop_shuffle()) {
        let told = [
            (0, 100, Word::Intended(1)),
            (0, 10, Word::Acknowledged(2)),
            (10, 10, Word::Acknowledged(2)),
            (20, 1, Word::Refused(7)),
            (21, 9, Word::Released),
            (90, 10, Word::Released),
        ];
        let mut outcomes = Outcomes::default();
        for at in order {
            let (first, count, word) = told[at];
            outcomes.tell(first, count, word);
        }
        let found: Vec<Outcome> = [0, 19, 20, 21, 29, 30, 89, 90, 99, 100].iter().map(|at| outcomes.of(*at)).collect();
        let (acknowledged, doubt) = (Outcome::Acknowledged(2), Outcome::Doubt(1));
        let not_sent = Outcome::NotSent;
        prop_assert_eq!(found, [acknowledged, acknowledged, Outcome::Refused(7), not_sent, not_sent, doubt, doubt,
            not_sent, not_sent, not_sent]);
    }
}
