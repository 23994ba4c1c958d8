//! Properties of people who are known by two identifiers: a mapping changes, a visitor signs up, and what is sent goes
//! in two passes. Whatever is acknowledged, refused, unsent or in doubt on the way, what is desired last is what Braze
//! ends with. No process and no file here: a world of profiles in memory, each opened by an external id and, where it
//! has one, by an alias. Requests of one pass are processed in any order, passes one after the other.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use syncform::{
    diff::{
        aside::Patience,
        decide::{Beside, Decision, again, decide, fold},
        join::Join,
        leaving::Leaving,
    },
    kinds::{Form, Membership},
    model::{Address, Change, Edit, Key, Member, Outcome, Record, Refusal, Text, Unsorted, Verb},
};

type Ledger = BTreeMap<Key, Record>;
type Aside = BTreeMap<Key, Refusal>;
/// Who is wanted: by the alias or by the external id, with which label.
type Wanted = BTreeMap<u8, (bool, u8)>;
/// What the profiles hold.
type World = BTreeMap<u8, BTreeSet<String>>;

const PEOPLE: u8 = 6;

fn key(person: u8, by_alias: bool) -> Key {
    if by_alias {
        Key::alias("amplitude_id", &person.to_string()).unwrap()
    } else {
        Key::external(&format!("person-{person}")).unwrap()
    }
}

/// Whose profile a key opens: one in three has no alias.
fn opened(key: &Key) -> Option<u8> {
    let known = |person: &u8| key_opens(key, *person);
    (0..PEOPLE).find(known)
}

fn key_opens(one: &Key, person: u8) -> bool {
    *one == key(person, false) || has_alias(person) && *one == key(person, true)
}

fn has_alias(person: u8) -> bool {
    !person.is_multiple_of(3)
}

fn value(form: &Membership, label: u8) -> Text {
    match form {
        Membership::Array(_) => format!("\"label {label}\"").into(),
        Membership::Flag(_) | Membership::Static(_) => "true".into(),
        Membership::Import(id) => format!("\"{id}\"").into(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "rows of streams are fallible")]
fn ok<T>(row: T) -> Result<T, Unsorted> {
    Ok(row)
}

/// What is to be sent now and later, and what stays set aside.
#[derive(Debug, Default, PartialEq)]
struct Compared {
    now: Vec<Change>,
    later: Vec<Change>,
    aside: Aside,
}

/// A state and what it knows of Braze.
#[derive(Clone, Debug, Default)]
struct State {
    ledger: Ledger,
    aside: Aside,
}

impl State {
    fn compared(&self, form: &Membership, wanted: &Wanted, patience: Patience) -> Compared {
        let (compared, leaving) = self.scan(form, wanted, patience, None);
        match leaving.known() {
            Some(leaving) => self.scan(form, wanted, patience, Some(&leaving)).0,
            None => compared,
        }
    }

    fn scan(
        &self,
        form: &Membership,
        wanted: &Wanted,
        patience: Patience,
        leaving: Option<&Leaving>,
    ) -> (Compared, Leaving) {
        let mut found = Leaving::default();
        let mut desired: Vec<Member> = wanted
            .iter()
            .map(|(person, (by_alias, label))| Member {
                key: key(*person, *by_alias),
                amplitude_id: Some(i64::from(*person)),
                value: value(form, *label),
            })
            .collect();
        desired.sort_by(|a, b| a.key.cmp(&b.key));
        let recorded = self.ledger.values().cloned().map(ok);
        let mut compared = Compared::default();
        for row in Join::new(recorded, desired.into_iter().map(ok)) {
            let decision = decide(row.unwrap());
            let stays = |record: &Record| {
                !leaving.is_some_and(|leaving| leaving.holds(record.amplitude_id))
            };
            let change = match decision {
                Decision::Nothing => continue,
                Decision::Keep(record) => {
                    found.meet(&record.key);
                    if stays(&record) {
                        continue;
                    }
                    again(record)
                }
                Decision::Send(change) => change,
            };
            let refusal = self.aside.get(&change.key);
            if let Some(refusal) = refusal.filter(|refusal| patience.holds(&change, refusal)) {
                compared.aside.insert(change.key, refusal.clone());
                continue;
            }
            found.send(&change);
            let later = change.verb != Verb::Remove
                && leaving.is_some_and(|leaving| leaving.holds(change.amplitude_id));
            let into = if later {
                &mut compared.later
            } else {
                &mut compared.now
            };
            into.push(change);
        }
        (compared, found)
    }

    /// The state after a run whose changes came to this.
    fn after(&self, aside: Aside, told: &BTreeMap<Key, (Change, Outcome, bool)>) -> Self {
        let run: Text = "run".into();
        let mut next = Self {
            ledger: self.ledger.clone(),
            aside,
        };
        for (key, (change, outcome, later)) in told {
            if let Outcome::Refused(_) = outcome {
                next.aside.insert(key.clone(), refused(change));
            }
            let beside = if *later {
                Beside::Before
            } else {
                Beside::Perhaps
            };
            let old = next.ledger.remove(key);
            let folded = fold(old, change.clone(), *outcome, beside, &run);
            next.ledger
                .extend(folded.map(|record| (key.clone(), record)));
        }
        next
    }
}

fn refused(change: &Change) -> Refusal {
    Refusal {
        address: Address::new("sync", "any"),
        key: change.key.clone(),
        amplitude_id: change.amplitude_id,
        verb: change.verb,
        value: change.after.clone(),
        reason: "no".into(),
        at: 1,
        run: "run".into(),
    }
}

/// Braze applies what is asked of a profile.
fn applied(world: &mut World, form: &Membership, change: &Change) {
    let Some(person) = opened(&change.key) else {
        return;
    };
    let held = world.entry(person).or_default();
    for edit in Form::Membership(form.clone()).edits(change) {
        let is = match edit {
            Edit::Array { add, remove, .. } => {
                for gone in remove {
                    held.remove(&gone.to_string());
                }
                held.extend(add.map(|value| value.to_string()));
                continue;
            }
            Edit::Set { value, .. } => value == true,
            Edit::Member { joins } => joins,
        };
        held.clear();
        held.extend(is.then(|| value(form, 0).to_string()));
    }
}

/// What happens to a row on its way: the outcome that is recorded, and whether Braze took it.
fn fate() -> impl Strategy<Value = (Outcome, bool)> {
    prop_oneof![
        6 => Just((Outcome::Acknowledged(1), true)),
        1 => any::<bool>().prop_map(|took| (Outcome::Doubt(1), took)),
        2 => Just((Outcome::Refused(0), false)),
        1 => Just((Outcome::NotSent, false)),
    ]
}

/// A mapping is changed for all, or it names some by one identifier and some by the other.
fn wanted() -> impl Strategy<Value = Wanted> {
    let labels = || prop::collection::btree_map(0..PEOPLE, 0u8..2, 0..6);
    let by = |by_alias| {
        move |labels: BTreeMap<u8, u8>| -> Wanted {
            let named = labels.into_iter();
            named
                .map(|(person, label)| (person, (by_alias, label)))
                .collect()
        }
    };
    prop_oneof![
        2 => labels().prop_map(by(true)),
        2 => labels().prop_map(by(false)),
        1 => prop::collection::btree_map(0..PEOPLE, (any::<bool>(), 0u8..2), 0..6),
    ]
}

/// One run: what is wanted, the fate of each change, the order in which Braze processes them, whether rows set aside
/// are tried again.
#[derive(Clone, Debug)]
struct Round {
    wanted: Wanted,
    fates: Vec<(Outcome, bool)>,
    order: Vec<usize>,
    retry: bool,
}

fn round() -> impl Strategy<Value = Round> {
    let fates = prop_oneof![
        2 => prop::collection::vec(fate(), 24),
        // A run that ends well, rows that Braze refuses aside.
        1 => prop::collection::vec(fate(), 24).prop_map(|fates| {
            let well = |(outcome, _): (Outcome, bool)| match outcome {
                Outcome::Refused(_) => (outcome, false),
                _ => (Outcome::Acknowledged(1), true),
            };
            fates.into_iter().map(well).collect()
        }),
    ];
    let order = Just((0..24).collect::<Vec<usize>>()).prop_shuffle();
    (wanted(), fates, order, any::<bool>()).prop_map(|(wanted, fates, order, retry)| Round {
        wanted,
        fates,
        order,
        retry,
    })
}

fn patience(retry: bool) -> Patience {
    Patience {
        now: 1,
        wait: (!retry).then_some(1_000),
    }
}

/// Plans and applies; what is not acknowledged or refused in one pass keeps the next from being sent.
fn run(state: &State, world: &mut World, form: &Membership, round: &Round) -> State {
    let compared = state.compared(form, &round.wanted, patience(round.retry));
    let mut fates = round.fates.iter();
    let mut told = BTreeMap::new();
    let mut goes_on = true;
    for (later, pass) in [(false, compared.now), (true, compared.later)] {
        let mut pass: Vec<(Change, (Outcome, bool))> = pass
            .into_iter()
            .map(|change| {
                let fate = fates.next().copied().unwrap();
                (
                    change,
                    if goes_on {
                        fate
                    } else {
                        (Outcome::NotSent, false)
                    },
                )
            })
            .collect();
        goes_on = pass.iter().all(|(_, (outcome, _))| {
            matches!(outcome, Outcome::Acknowledged(_) | Outcome::Refused(_))
        });
        let mut at = round.order.iter();
        pass.sort_by_cached_key(|_| at.next().copied());
        for (change, (outcome, took)) in pass {
            if took {
                applied(world, form, &change);
            }
            told.insert(change.key.clone(), (change, outcome, later));
        }
    }
    state.after(compared.aside, &told)
}

fn held(world: &World) -> World {
    let mut held = world.clone();
    held.retain(|_, values| !values.is_empty());
    held
}

fn exactly(form: &Membership, wanted: &Wanted) -> World {
    let reached = wanted
        .iter()
        .filter(|(person, (by_alias, _))| !by_alias || has_alias(**person));
    let values = |label| BTreeSet::from([value(form, label).to_string()]);
    reached
        .map(|(person, (_, label))| (*person, values(*label)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_went_wrong_in_either_pass_what_is_desired_last_is_what_braze_ends_with(
        rounds in prop::collection::vec(round(), 0..6),
        last in round(),
        form in prop_oneof![
            3 => Just(Membership::Array("labels".to_owned())),
            1 => Just(Membership::Flag("flag".to_owned())),
            1 => Just(Membership::Import("id".to_owned())),
        ],
    ) {
        let (mut state, mut world) = (State::default(), World::new());
        for round in &rounds {
            state = run(&state, &mut world, &form, round);
            let settled = round.fates.iter().all(|(outcome, _)| {
                matches!(outcome, Outcome::Acknowledged(_) | Outcome::Refused(_))
            });
            if settled {
                let again = state.compared(&form, &round.wanted, patience(false));
                prop_assert_eq!((again.now, again.later), (vec![], vec![]), "the next plan is empty");
            }
        }
        let last = Round { fates: vec![(Outcome::Acknowledged(2), true); 24], retry: true, ..last };
        state = run(&state, &mut world, &form, &last);
        prop_assert_eq!(held(&world), exactly(&form, &last.wanted));
        prop_assert_eq!(state.compared(&form, &last.wanted, patience(false)), Compared::default());
        let recorded: BTreeMap<_, _> = state.ledger.values().map(|record| (record.key.clone(), record.value.clone())).collect();
        let expected: BTreeMap<_, _> = last.wanted.iter()
            .map(|(person, (by_alias, label))| (key(*person, *by_alias), value(&form, *label)))
            .collect();
        prop_assert_eq!(recorded, expected);
    }
}

#[test]
fn a_change_that_was_not_sent_after_a_removal_is_in_doubt() {
    let form = Membership::Array("labels".to_owned());
    let (acknowledged, refused) = (
        (Outcome::Acknowledged(1), true),
        (Outcome::Refused(0), false),
    );
    let lost = (Outcome::NotSent, false);
    let round = |wanted: (bool, u8), fates: [(Outcome, bool); 2]| Round {
        wanted: Wanted::from([(1, wanted)]),
        fates: fates.into(),
        order: vec![0, 1],
        retry: true,
    };
    let (mut state, mut world) = (State::default(), World::new());
    for round in [
        round((true, 0), [acknowledged, acknowledged]),
        // Braze keeps the row under the alias, and takes the same under the external id.
        round((false, 0), [refused, acknowledged]),
        // The row under the alias goes, with the label, and the run is killed before the other is sent.
        round((false, 1), [acknowledged, lost]),
        round((false, 0), [acknowledged, acknowledged]),
    ] {
        state = run(&state, &mut world, &form, &round);
    }
    assert_eq!(
        held(&world),
        exactly(&form, &Wanted::from([(1, (false, 0))]))
    );
}

#[test]
fn a_removal_that_was_not_sent_beside_one_that_was_is_in_doubt() {
    let form = Membership::Array("labels".to_owned());
    let acknowledged = (Outcome::Acknowledged(1), true);
    let (refused, lost) = ((Outcome::Refused(0), false), (Outcome::NotSent, false));
    let round = |wanted: Option<bool>, fates: [(Outcome, bool); 2], retry| Round {
        wanted: wanted
            .map(|by_alias| (1, (by_alias, 0)))
            .into_iter()
            .collect(),
        fates: fates.into(),
        order: vec![0, 1],
        retry,
    };
    let (mut state, mut world) = (State::default(), World::new());
    for round in [
        round(Some(false), [acknowledged, acknowledged], false),
        // Braze keeps the row under the external id, and takes the same under the alias.
        round(None, [refused, acknowledged], false),
        round(Some(true), [acknowledged, acknowledged], false),
        // Both are to go: the row under the external id does, with the label, and the other never leaves.
        round(None, [lost, acknowledged], true),
        round(Some(true), [acknowledged, acknowledged], false),
    ] {
        state = run(&state, &mut world, &form, &round);
    }
    assert_eq!(
        held(&world),
        exactly(&form, &Wanted::from([(1, (true, 0))]))
    );
}
