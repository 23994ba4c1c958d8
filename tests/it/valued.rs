//! Properties of rows of values: whatever is acknowledged, refused, unsent or in doubt, whichever attributes are declared
//! when, what is desired last is what Braze ends with, and the ledger says of Braze nothing that is not so. No process
//! and no file here: a world of profiles in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use syncform::{
    diff::{
        decide::{Beside, Decision, fold},
        join::{Join, Joined},
        values::{Rule, object, without},
    },
    kinds::{As, Attribute, Attributes, Form, Take},
    model::{Change, Edit, Key, Member, Outcome, Presence, Record, Text, Unsorted},
};

type Ledger = BTreeMap<Key, Record>;
/// What the source says of each person and attribute: nothing, no value, or a value.
type Wanted = BTreeMap<u8, [Option<Option<u8>>; 3]>;
type World = BTreeMap<Key, Map<String, Value>>;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// One run: what is declared and desired, and what becomes of each row.
#[derive(Clone, Debug)]
struct Round {
    declared: BTreeSet<usize>,
    clear_leavers: bool,
    clear_nulls: bool,
    empties: bool,
    wanted: Wanted,
    /// What others write into attributes that are not ours at the time.
    others: Vec<(u8, usize, u8)>,
    fates: Vec<(Outcome, bool)>,
}

#[derive(Clone, Debug, Default)]
struct State {
    ledger: Ledger,
    attributes: BTreeSet<String>,
}

fn key(person: u8) -> Key {
    Key::external(&format!("person-{person:03}")).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "rows of streams are fallible")]
fn ok<T>(row: T) -> Result<T, Unsorted> {
    Ok(row)
}

impl Round {
    fn names(&self) -> BTreeSet<String> {
        self.declared
            .iter()
            .map(|at| NAMES[*at].to_owned())
            .collect()
    }

    fn form(&self) -> Form {
        let attribute = |at: &usize| Attribute {
            name: NAMES[*at].to_owned(),
            cell: *at,
            take: Take::As(As::Integer),
        };
        let list = self.declared.iter().map(attribute).collect();
        Form::Attributes(Attributes::new(list, self.clear_leavers, self.clear_nulls))
    }

    fn rule(&self, state: &State) -> Rule {
        self.form().rule(&state.attributes, self.empties)
    }

    fn members(&self) -> Vec<Member> {
        let member = |(person, values): (&u8, &[Option<Option<u8>>; 3])| {
            let of = |at: &usize| Some((NAMES[*at].to_owned(), json!(values[*at]?)));
            let value: Map<String, Value> = self.declared.iter().filter_map(of).collect();
            Member {
                key: key(*person),
                amplitude_id: None,
                value: Value::Object(value).to_string().into(),
            }
        };
        self.wanted.iter().map(member).collect()
    }
}

fn diff(state: &State, round: &Round) -> Vec<Change> {
    let (recorded, rule) = (state.ledger.values().cloned().map(ok), round.rule(state));
    Join::new(recorded, round.members().into_iter().map(ok))
        .filter_map(|row| match rule.decide(row.unwrap()) {
            Decision::Send(change) => Some(change),
            Decision::Keep(_) | Decision::Nothing => None,
        })
        .collect()
}

/// The state after a delta with these outcomes, in the order of the delta.
fn folded(state: &State, round: &Round, delta: &[Change], outcomes: &[Outcome]) -> State {
    let run: Text = "run".into();
    let (names, none) = (round.names(), BTreeSet::new());
    let fresh = if state.ledger.is_empty() {
        none
    } else {
        &names - &state.attributes
    };
    let changes = delta.iter().cloned().zip(outcomes.iter().copied()).map(ok);
    let ledger = Join::new(state.ledger.values().cloned().map(ok), changes)
        .filter_map(|row| match row.unwrap() {
            // Nothing was sent, so nothing is written.
            Joined::Left(record) if delta.is_empty() => Some(record),
            Joined::Left(record) => Some(without(record, &fresh)),
            Joined::Right((change, outcome)) => fold(None, change, outcome, Beside::Nothing, &run),
            Joined::Both(record, (change, outcome)) => {
                let record = without(record, &fresh);
                fold(Some(record), change, outcome, Beside::Nothing, &run)
            }
        })
        .map(|record| (record.key.clone(), record))
        .collect();
    let settled = outcomes
        .iter()
        .all(|outcome| matches!(outcome, Outcome::Acknowledged(_)));
    let attributes = match (settled, delta.is_empty() && !state.ledger.is_empty()) {
        (true, true) => &names & &state.attributes,
        (false, _) if round.empties => &names | &state.attributes,
        _ => names,
    };
    State { ledger, attributes }
}

/// Braze sets attributes, and null takes them out.
fn applied(world: &mut World, form: &Form, change: &Change) {
    let edits = form.edits(change);
    assert!(!edits.is_empty(), "a row without an edit");
    for edit in edits {
        let Edit::Set { attribute, value } = edit else {
            panic!("an edit of a value")
        };
        let profile = world.entry(change.key.clone()).or_default();
        if value.is_null() {
            profile.remove(&attribute);
        } else {
            profile.insert(attribute, value);
        }
    }
}

/// Runs one round; returns the rows that were sent.
fn run(state: &State, world: &mut World, round: &Round) -> (State, usize) {
    let names = round.names();
    for (person, at, value) in &round.others {
        let name = NAMES[*at];
        if !state.attributes.contains(name) && !names.contains(name) {
            let profile = world.entry(key(*person)).or_default();
            profile.insert(name.to_owned(), json!(value));
        }
    }
    let (delta, form) = (diff(state, round), round.form());
    for (change, (_, took)) in delta.iter().zip(round.fates.iter().cycle()) {
        if *took {
            applied(world, &form, change);
        }
    }
    let outcomes = round.fates.iter().cycle().take(delta.len());
    let outcomes: Vec<Outcome> = outcomes.map(|(outcome, _)| *outcome).collect();
    (folded(state, round, &delta, &outcomes), delta.len())
}

fn fate() -> impl Strategy<Value = (Outcome, bool)> {
    prop_oneof![
        4 => Just((Outcome::Acknowledged(1), true)),
        2 => any::<bool>().prop_map(|took| (Outcome::Doubt(1), took)),
        1 => Just((Outcome::Refused(0), false)),
        1 => Just((Outcome::NotSent, false)),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let cell = prop_oneof![1 => Just(None), 2 => Just(Some(None)), 6 => (0u8..3).prop_map(|value| Some(Some(value)))];
    let row = [cell.clone(), cell.clone(), cell];
    let wanted = prop::collection::btree_map(0u8..12, row, 0..10);
    let declared = prop::collection::btree_set(0usize..3, 1..4);
    let others = prop::collection::vec((0u8..12, 0usize..3, 7u8..9), 0..6);
    let fates = prop::collection::vec(fate(), 12);
    (declared, any::<[bool; 3]>(), wanted, others, fates).prop_map(
        |(declared, flags, wanted, others, fates)| Round {
            declared,
            clear_leavers: flags[0],
            clear_nulls: flags[1],
            empties: flags[2],
            wanted,
            others,
            fates,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_went_wrong_before_what_is_desired_last_is_what_braze_ends_with(
        rounds in prop::collection::vec(round(), 0..6),
        last in round(),
    ) {
        let (mut state, mut world) = (State::default(), World::new());
        for round in &rounds {
            state = run(&state, &mut world, round).0;
        }
        let last = Round { fates: vec![(Outcome::Acknowledged(2), true)], ..last };
        let (state, _) = run(&state, &mut world, &last);
        let none = Map::new();
        for (person, values) in &last.wanted {
            let profile = world.get(&key(*person)).unwrap_or(&none);
            for at in &last.declared {
                match values[*at] {
                    Some(Some(value)) => prop_assert_eq!(profile.get(NAMES[*at]), Some(&json!(value))),
                    Some(None) if last.clear_nulls && state.ledger.contains_key(&key(*person)) => {
                        prop_assert_eq!(recorded(&state, *person, NAMES[*at]), None);
                    }
                    _ => {}
                }
            }
        }
        for record in state.ledger.values().filter(|record| record.presence != Presence::Doubt) {
            let profile = world.get(&record.key).unwrap_or(&none);
            for (name, value) in object(&record.value) {
                if state.attributes.contains(&name) {
                    prop_assert_eq!(profile.get(&name), Some(&value), "the ledger says what Braze does not hold");
                }
            }
        }
        prop_assert_eq!(diff(&state, &last), vec![], "the next plan is empty");
    }

    #[test]
    fn while_the_same_is_declared_and_all_goes_well_braze_holds_what_the_source_says(
        rounds in prop::collection::vec(round(), 1..5),
    ) {
        let (mut state, mut world) = (State::default(), World::new());
        for round in &rounds {
            let round = Round {
                declared: (0..3).collect(),
                clear_leavers: true,
                clear_nulls: true,
                fates: vec![(Outcome::Acknowledged(1), true)],
                ..round.clone()
            };
            state = run(&state, &mut world, &round).0;
            for person in 0..12 {
                let none = Map::new();
                let profile = world.get(&key(person)).unwrap_or(&none);
                match round.wanted.get(&person) {
                    None => prop_assert!(profile.is_empty(), "somebody left, and a value stayed"),
                    Some(values) => for at in 0..3 {
                        let held = profile.get(NAMES[at]);
                        if let Some(value) = values[at] {
                            prop_assert_eq!(held.cloned(), value.map(|value| json!(value)));
                        }
                    }
                }
            }
        }
    }
}

/// What counts of what the ledger says.
fn recorded(state: &State, person: u8, name: &str) -> Option<Value> {
    if !state.attributes.contains(name) {
        return None;
    }
    let record = state.ledger.get(&key(person))?;
    object(&record.value).get(name).cloned()
}

#[test]
fn what_is_declared_again_and_not_sent_is_not_taken_for_what_was_there_before() {
    let round = |at: usize, value: Option<u8>, fate| {
        let mut row = [None, None, None];
        row[at] = Some(value);
        Round {
            declared: BTreeSet::from([at]),
            clear_leavers: false,
            clear_nulls: false,
            empties: false,
            wanted: Wanted::from([(1, row)]),
            others: vec![],
            fates: vec![fate],
        }
    };
    let acknowledged = (Outcome::Acknowledged(1), true);
    for lost in [
        (Outcome::NotSent, false),
        (Outcome::Refused(0), false),
        (Outcome::Doubt(1), false),
    ] {
        let (mut state, mut world) = (State::default(), World::new());
        let other = Round {
            others: vec![(1, 0, 7)],
            ..round(1, None, acknowledged)
        };
        for round in [
            round(0, Some(0), acknowledged),
            round(1, None, acknowledged),
            other,
            round(0, Some(0), lost),
            round(0, Some(0), acknowledged),
        ] {
            state = run(&state, &mut world, &round).0;
        }
        assert_eq!(world[&key(1)].get("a"), Some(&json!(0)), "{lost:?}");
    }
}
