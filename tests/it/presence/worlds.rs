//! Properties of rows that are read back: whatever arrives late, is lost, changed, deleted or found in between, and however late
//! an answer is taken in, Braze ends with what is desired of everybody it knows, the ledger says of Braze nothing that is
//! not so, and nobody who was found to be gone is made again. No process and no file here: a world in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use syncform::{
    diff::{
        decide::{Beside, Decision, fold},
        join::{Join, Joined},
        presence::{Absence, Found, SETTLED, after, counts},
        values::object,
    },
    kinds::{As, Attribute, Attributes, Form, Membership, Take},
    model::{
        Change, Edit, Key, Member, Millis, Outcome, Presence, Record, Standing, Text, Unsorted,
        Verb,
    },
};

type Ledger = BTreeMap<Key, Record>;
type Profile = Map<String, Value>;
type World = BTreeMap<Key, Profile>;
/// What Braze said of a person: the profile, or that nobody is there.
type Answer = (Key, Millis, Option<Profile>);

const NAMES: [&str; 2] = ["a", "b"];
const PEOPLE: u8 = 6;
const MINUTE: Millis = 60_000;

/// What others do to a person behind our back.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Delete,
    Appear,
    Set(usize, u8),
    Clear(usize),
}

#[derive(Clone, Debug)]
struct Round {
    wanted: BTreeMap<u8, [u8; 2]>,
    deeds: Vec<(u8, Deed)>,
    /// How it ends for each row that is sent: the answer, and whether Braze takes it.
    fates: Vec<(Fate, bool)>,
    /// After how many minutes what was sent arrives: less than five.
    late: Millis,
    /// Whom somebody asks about, how many minutes later.
    asked: Vec<(u8, Millis)>,
    /// Whether what was heard before is taken in before anything is sent.
    hears: bool,
    /// How many minutes later the next round begins.
    pause: Millis,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Acknowledged,
    Doubt,
    Refused,
    NotSent,
}

#[derive(Clone, Debug)]
struct State {
    form: Form,
    absence: Absence,
    ledger: Ledger,
    world: World,
    heard: Vec<Answer>,
    now: Millis,
    /// Whoever was found to be gone, and did not come back by themselves.
    buried: BTreeSet<Key>,
    /// What is on its way.
    way: Vec<(Change, bool)>,
}

fn key(person: u8) -> Key {
    Key::external(&format!("person-{person}")).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "rows of streams are fallible")]
fn ok<T>(row: T) -> Result<T, Unsorted> {
    Ok(row)
}

fn form(which: u8) -> Form {
    let attribute = |at: usize| Attribute {
        name: NAMES[at].to_owned(),
        cell: at,
        take: Take::As(As::Integer),
    };
    match which {
        0 => Form::Membership(Membership::Array("a".into())),
        1 => Form::Membership(Membership::Flag("a".into())),
        _ => Form::Attributes(Attributes::new(
            vec![attribute(0), attribute(1)],
            true,
            true,
        )),
    }
}

impl State {
    fn new(which: u8, creates: bool, recreates: bool) -> Self {
        let there = (0..PEOPLE).filter(|person| person % 3 > 0);
        Self {
            form: form(which),
            absence: Absence {
                creates,
                recreates,
                ..Absence::default()
            },
            ledger: Ledger::new(),
            world: there.map(|person| (key(person), Map::new())).collect(),
            heard: vec![],
            now: 0,
            buried: BTreeSet::new(),
            way: vec![],
        }
    }

    fn value(&self, cells: [u8; 2]) -> Text {
        match &self.form {
            Form::Membership(Membership::Array(_)) => format!("\"label {}\"", cells[0] % 2).into(),
            Form::Membership(_) => "true".into(),
            Form::Attributes(_) => json!({"a": cells[0], "b": cells[1]}).to_string().into(),
        }
    }

    fn members(&self, wanted: &BTreeMap<u8, [u8; 2]>) -> Vec<Member> {
        let member = |(person, cells): (&u8, &[u8; 2])| Member {
            key: key(*person),
            amplitude_id: None,
            value: self.value(*cells),
        };
        wanted.iter().map(member).collect()
    }

    fn diff(&self, wanted: &BTreeMap<u8, [u8; 2]>) -> Vec<Change> {
        let names = NAMES.map(str::to_owned).into();
        let rule = self.form.rule(&names, true);
        let recorded = self.ledger.values().cloned().map(ok);
        let rows = Join::new(recorded, self.members(wanted).into_iter().map(ok));
        rows.filter_map(|row| match self.absence.decide(&rule, row.unwrap()) {
            Decision::Send(change) => Some(change),
            Decision::Keep(_) | Decision::Nothing => None,
        })
        .collect()
    }

    /// What others do. Whoever appears by themselves is nobody's doing.
    fn disturb(&mut self, deeds: &[(u8, Deed)]) {
        for (person, deed) in deeds {
            let key = key(*person);
            match (*deed, self.world.get_mut(&key)) {
                (Deed::Delete, _) => {
                    self.world.remove(&key);
                }
                (Deed::Appear, None) => {
                    self.buried.remove(&key);
                    self.world.insert(key, Map::new());
                }
                (Deed::Set(at, value), Some(profile)) => {
                    let value = match self.form {
                        Form::Membership(Membership::Array(_)) => json!(["other"]),
                        Form::Membership(_) => json!(false),
                        Form::Attributes(_) => json!(value),
                    };
                    profile.insert(NAMES[at].to_owned(), value);
                }
                (Deed::Clear(at), Some(profile)) => {
                    profile.remove(NAMES[at]);
                }
                (Deed::Appear, Some(_)) | (Deed::Set(..) | Deed::Clear(_), None) => {}
            }
        }
    }

    /// What is on its way arrives.
    fn arrive(&mut self) -> Result<(), TestCaseError> {
        for (change, took) in std::mem::take(&mut self.way) {
            if !took {
                continue;
            }
            let creates = self.absence.creates
                && change.standing == Standing::Unasked
                && match change.verb {
                    Verb::Add => true,
                    Verb::Change => change.maybe.is_some(),
                    Verb::Remove => false,
                };
            if !self.world.contains_key(&change.key) {
                if !creates {
                    continue;
                }
                let gone = self.buried.contains(&change.key);
                prop_assert!(!gone || self.absence.recreates, "somebody was made again");
                self.buried.remove(&change.key);
            }
            let profile = self.world.entry(change.key.clone()).or_default();
            for edit in self.form.edits(&change) {
                edited(profile, edit);
            }
        }
        Ok(())
    }

    fn ask(&mut self, people: impl IntoIterator<Item = u8>) {
        for person in people {
            let profile = self.world.get(&key(person)).cloned();
            self.heard.push((key(person), self.now, profile));
        }
    }

    /// Takes in what was heard, in the order in which it was.
    fn hear(&mut self) {
        for (key, at, profile) in std::mem::take(&mut self.heard) {
            let Some(record) = self
                .ledger
                .get(&key)
                .filter(|record| counts(record, at, Millis::MAX))
            else {
                continue;
            };
            let found = profile.map_or(Found::Nobody, |live| self.form.found(&record.value, &live));
            let record = after(record.clone(), found, at).record;
            if record.presence == Presence::Absent && record.confirmed_once {
                if !self.world.contains_key(&key) {
                    self.buried.insert(key.clone());
                }
            } else {
                self.buried.remove(&key);
            }
            self.ledger.insert(key, record);
        }
    }

    fn send(&mut self, wanted: &BTreeMap<u8, [u8; 2]>, fates: &[(Fate, bool)]) {
        let delta = self.diff(wanted);
        let mut outcomes = vec![];
        for (change, (fate, took)) in delta.iter().zip(fates.iter().cycle()) {
            let (outcome, took) = match fate {
                Fate::Acknowledged => (Outcome::Acknowledged(self.now), true),
                Fate::Doubt => (Outcome::Doubt(self.now), *took),
                Fate::Refused => (Outcome::Refused(0), false),
                Fate::NotSent => (Outcome::NotSent, false),
            };
            self.way.push((change.clone(), took));
            outcomes.push(outcome);
        }
        let run: Text = "run".into();
        let changes = delta.into_iter().zip(outcomes).map(ok);
        let folded = Join::new(self.ledger.values().cloned().map(ok), changes);
        let folded = folded.filter_map(|row| match row.unwrap() {
            Joined::Left(record) => Some(record),
            Joined::Right((change, outcome)) => fold(None, change, outcome, Beside::Nothing, &run),
            Joined::Both(record, (change, outcome)) => {
                fold(Some(record), change, outcome, Beside::Nothing, &run)
            }
        });
        self.ledger = folded.map(|record| (record.key.clone(), record)).collect();
    }

    fn run(&mut self, round: &Round) -> Result<(), TestCaseError> {
        self.disturb(&round.deeds);
        if round.hears {
            self.hear();
        }
        self.send(&round.wanted, &round.fates);
        let sent = self.now;
        let mut asked = round.asked.clone();
        asked.sort_by_key(|(_, minutes)| *minutes);
        let arrives = sent + round.late * MINUTE;
        for (person, minutes) in asked {
            self.now = sent + minutes * MINUTE;
            if self.now >= arrives {
                self.arrive()?;
            }
            self.ask([person]);
        }
        self.now = self.now.max(arrives);
        self.arrive()?;
        self.now += round.pause * MINUTE;
        Ok(())
    }

    /// Reads everybody back, and puts right what is not as it should be.
    fn calm(&mut self, wanted: &BTreeMap<u8, [u8; 2]>) -> Result<(), TestCaseError> {
        for _ in 0..3 {
            self.hear();
            self.send(wanted, &[(Fate::Acknowledged, true)]);
            self.arrive()?;
            self.now += SETTLED + MINUTE;
            self.ask(0..PEOPLE);
        }
        self.hear();
        Ok(())
    }
}

fn edited(profile: &mut Profile, edit: Edit) {
    match edit {
        Edit::Set { attribute, value } if value.is_null() => {
            profile.remove(&attribute);
        }
        Edit::Set { attribute, value } => {
            profile.insert(attribute, value);
        }
        Edit::Array {
            attribute,
            add,
            remove,
        } => {
            let held = profile.get(&attribute).and_then(Value::as_array);
            let mut held = held.cloned().unwrap_or_default();
            held.retain(|one| !remove.contains(one) && add.as_ref() != Some(one));
            held.extend(add);
            profile.insert(attribute, Value::Array(held));
        }
        Edit::Member { .. } => panic!("nothing is imported here"),
    }
}

fn round() -> impl Strategy<Value = Round> {
    let wanted = prop::collection::btree_map(0..PEOPLE, [0u8..3, 0u8..3], 0..6);
    let deed = prop_oneof![
        3 => Just(Deed::Delete),
        2 => Just(Deed::Appear),
        2 => (0usize..2, 7u8..9).prop_map(|(at, value)| Deed::Set(at, value)),
        1 => (0usize..2).prop_map(Deed::Clear),
    ];
    let fate = prop_oneof![
        6 => Just((Fate::Acknowledged, true)),
        2 => any::<bool>().prop_map(|took| (Fate::Doubt, took)),
        1 => Just((Fate::Refused, false)),
        1 => Just((Fate::NotSent, false)),
    ];
    (
        wanted,
        prop::collection::vec((0..PEOPLE, deed), 0..4),
        prop::collection::vec(fate, 6),
        0..5i64,
        prop::collection::vec((0..PEOPLE, 0..12i64), 0..8),
        any::<bool>(),
        prop_oneof![Just(0i64), Just(3), Just(7), Just(1_500)],
    )
        .prop_map(|(wanted, deeds, fates, late, asked, hears, pause)| Round {
            wanted,
            deeds,
            fates,
            late,
            asked,
            hears,
            pause,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_was_heard_in_between_braze_ends_with_what_is_desired(
        which in 0u8..3,
        creates in any::<bool>(),
        recreates in any::<bool>(),
        rounds in prop::collection::vec(round(), 0..7),
        last in round(),
    ) {
        let mut state = State::new(which, creates, recreates);
        for round in &rounds {
            state.run(round)?;
        }
        state.disturb(&last.deeds);
        state.calm(&last.wanted)?;
        let members = state.members(&last.wanted);
        for member in &members {
            let record = state.ledger.get(&member.key);
            let Some(profile) = state.world.get(&member.key) else {
                let record = record.unwrap();
                prop_assert_eq!(record.presence, Presence::Absent);
                // Whoever was never seen there is not made again.
                prop_assert!(!(creates && recreates && record.confirmed_once), "not made again");
                continue;
            };
            let found = state.form.found(&member.value, profile);
            prop_assert_eq!(found, Found::Same, "it does not hold what is desired");
        }
        for record in state.ledger.values() {
            match (record.presence, state.world.get(&record.key)) {
                (Presence::Confirmed, Some(profile)) => {
                    let found = state.form.found(&record.value, profile);
                    prop_assert_eq!(found, Found::Same, "the ledger says what is not so");
                }
                (Presence::Absent, None) => {}
                // A removal that may have been the first time: kept, as nobody desires it.
                (Presence::Doubt, _) => prop_assert!(!last.wanted.keys().any(|of| key(*of) == record.key)),
                (presence, there) => prop_assert!(false, "{:?} of {}", presence, there.is_some()),
            }
            let held = object(&record.value);
            prop_assert!(held.len() <= NAMES.len());
        }
        prop_assert_eq!(state.diff(&last.wanted), vec![], "the next plan is empty");
    }
}
