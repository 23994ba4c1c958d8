//! Runs killed at random while they send and ask, days going by, and people who appear, vanish and change in between: after
//! calm runs Braze holds what is desired of everybody it knows, nobody who was deleted is there again, and the plan is
//! empty. `SYNCFORM_CHAOS_SEED` repeats a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::text;
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{Project, Sync, array, flag};
use crate::support::truth;
use crate::support::world::World;

const FLAG: &str = "is_active_90d";
const LABELS: &str = "amplitude_cohorts";

fn scenario() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(700))
}

fn syncs() -> Vec<Sync> {
    vec![
        array("Active 90d", "act90d1"),
        flag("Active 90d", "act90d1").with("create_users: true"),
    ]
}

/// A world, what was done to it, and what time it is there.
struct Chaos {
    world: World,
    project: Project,
    random: StdRng,
    minutes: u64,
    /// The cohort's file as it is by now.
    file: String,
    people: Vec<String>,
    /// Whoever was deleted and has not come back.
    gone: BTreeSet<String>,
    /// Profiles before.
    users: u64,
}

impl Chaos {
    /// A first apply, and everybody read back.
    fn begin(seed: u64) -> Self {
        let world = World::with(&scenario().dir, &["--latency", "8ms"]);
        let top = "guards: {max_removals: none, max_new_users: none, max_refused: none}";
        let settings = "recheck: 1h, confirm: {reads_per_run: 5}";
        let written = text(top, &syncs(), settings, "create_users: false, ");
        let written = written.replace("objects_per_request: 75", "objects_per_request: 6");
        let file = scenario().cohort("act90d1").to_owned();
        let people: BTreeSet<String> = truth::user_ids(&file).into_iter().collect();
        let mut chaos = Self {
            world,
            project: Project::written(syncs(), &written),
            random: StdRng::seed_from_u64(seed),
            minutes: 0,
            file,
            people: people.into_iter().collect(),
            gone: BTreeSet::new(),
            users: 0,
        };
        chaos.calm("at first");
        chaos.users = chaos.world.stats().users;
        chaos
    }

    fn ahead(&self) -> String {
        format!("{}m", self.minutes)
    }

    /// Others at work: some people change, some vanish, some come back; and the source moves.
    fn disturb(&mut self) {
        let random = &mut self.random;
        for _ in 0..random.random_range(1..25) {
            let person = self.people.choose(random).unwrap();
            match random.random_range(0..6) {
                0 => {
                    if self.gone.insert(person.clone()) {
                        self.world.delete_user(person);
                    }
                }
                1 => {
                    let back = self.gone.iter().next().cloned();
                    if let Some(back) = back.filter(|_| random.random_bool(0.5)) {
                        self.world.put_user(&back, &json!({}));
                        self.gone.remove(&back);
                    }
                }
                _ if self.gone.contains(person) => {}
                2 => self.world.put_user(person, &json!({FLAG: false})),
                3 => self.world.put_user(person, &json!({LABELS: ["Other"]})),
                4 => self.world.put_user(person, &json!({"tier": null})),
                _ => self
                    .world
                    .put_user(person, &json!({"tier": "tin", "lifetime_orders": -1})),
            }
        }
        if random.random_bool(0.4) {
            let tiers = ["bronze", "silver", "zinc"];
            let (from, to) = (tiers.choose(random).unwrap(), tiers.choose(random).unwrap());
            self.file = self
                .file
                .replace(&format!("\"{from}\""), &format!("\"{to}\""));
            self.world.put_members("act90d1", &self.file);
        }
        self.minutes += [1, 6, 61, 1_500].choose(random).unwrap();
    }

    /// An apply that is killed, or not.
    fn run(&mut self) {
        self.world.reset();
        let words = ["apply", "--auto-approve"];
        let mut run = self.project.start_later(&self.world, &self.ahead(), &words);
        match self.random.random_range(0..4) {
            0 => {
                run.finish().exits(0);
                return;
            }
            1 => {
                let most = self.random.random_range(0..400);
                run.ends_within(Duration::from_millis(most));
            }
            2 => {
                let sends = self.random.random_range(1..12);
                self.world.wait_for_sends(sends, &mut run);
            }
            _ => {
                let reads = self.random.random_range(1..5);
                self.world.wait_for("/users/export/ids", reads, &mut run);
            }
        }
        run.kill();
    }

    /// Runs to the end until everybody was asked about, and nothing is left to do.
    #[track_caller]
    fn calm(&mut self, when: &str) {
        let words = ["apply", "--auto-approve", "--retry-refused"];
        for _ in 0..12 {
            // Everybody is due, some a run.
            self.minutes += 61;
            for _ in 0..3 {
                self.project
                    .later(&self.world, &self.ahead(), &words)
                    .exits(0);
                self.minutes += 6;
            }
            let plan = self.project.plan_later(&self.world, &self.ahead());
            let told = &plan.json["read_back"];
            if plan.code == 0 && told["unconfirmed"] == 0 && told["doubt"] == 0 {
                return;
            }
        }
        panic!("{when}: it does not settle");
    }

    #[track_caller]
    fn assert_right(&self, when: &str) {
        let there: BTreeSet<&String> = self
            .people
            .iter()
            .filter(|of| !self.gone.contains(*of))
            .collect();
        let users = self.users - self.gone.len() as u64;
        assert_eq!(
            self.world.stats().users,
            users,
            "{when}: somebody was created, or was not"
        );
        let [flags, labels, tiers, orders] = [FLAG, LABELS, "tier", "lifetime_orders"]
            .map(|name| -> BTreeMap<String, Value> { self.world.attribute(name) });
        for held in [&flags, &labels, &tiers, &orders] {
            let held: BTreeSet<&String> = held.keys().collect();
            assert_eq!(held, there, "{when}: who holds it");
        }
        let rows = truth::rows(&self.file).into_iter().skip(1);
        for row in rows.filter(|row| there.contains(&row[1])) {
            let person = &row[1];
            assert_eq!(tiers[person], json!(row[3]), "{when}: {person}");
            let wanted = row[4].parse::<u64>().unwrap();
            assert_eq!(orders[person], json!(wanted), "{when}: {person}");
            assert_eq!(flags[person], json!(true), "{when}: {person}");
            let labelled = labels[person]
                .as_array()
                .unwrap()
                .contains(&json!("Active 90d"));
            assert!(labelled, "{when}: {person}");
        }
    }
}

fn whatever_happens(which: u64) {
    let given = std::env::var_os("SYNCFORM_CHAOS_SEED");
    let given = given.and_then(|seed| seed.to_str()?.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("run {which}, seed {seed}");
    let mut chaos = Chaos::begin(seed);
    chaos.assert_right(&format!("seed {seed}, before"));
    for round in 1..=2 {
        for _ in 0..4 {
            chaos.disturb();
            chaos.run();
        }
        let when = format!("seed {seed}, round {round}");
        chaos.calm(&when);
        chaos.assert_right(&when);
    }
}

#[test]
fn whatever_happens_in_between_calm_runs_put_all_right_a() {
    whatever_happens(1);
}

#[test]
fn whatever_happens_in_between_calm_runs_put_all_right_b() {
    whatever_happens(2);
}
