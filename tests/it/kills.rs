//! `kill -9` at forty random moments, the source moving on or back between a kill and the next run in half of
//! them: after the next run every profile is exact for what is desired then, and nothing is left to do.
//!
//! Four tests of ten kills each, so that they run side by side, two of four with cohorts by import beside flags, six
//! lanes at once, and one of four with every kind of sync, profiles of Amplitude read on the way. Each prints its seed; `SYNCFORM_KILL_SEED` repeats one (the moments are shares of a measured run, so
//! a repetition is close, not the same).

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::support::cdnow::{self, Ask, Scenario};
use crate::support::project::{OPEN, Project, Sync, four_forms, imports_and_flags, ten, yaml};
use crate::support::values::{assert_held, found, properties_and_worth, with_holes};
use crate::support::world::World;

const DAYS: [&str; 4] = ["1997-04-30", "1997-06-30", "1997-07-31", "1997-09-30"];

/// What is killed, and how often.
struct Case {
    name: &'static str,
    kills: usize,
    customers: u64,
    syncs: fn() -> Vec<Sync>,
    objects_per_request: usize,
    /// A kill amid the sending comes before this request.
    requests: u64,
    /// Whether values are moved too, some of them missing.
    values: bool,
}

/// Labels and flags: one lane, small requests.
const TRACK: Case = Case {
    name: "",
    kills: 10,
    customers: 1_500,
    syncs: ten,
    objects_per_request: 5,
    requests: 60,
    values: false,
};

/// Cohort import takes 1,000 people a request: enough of them that a cohort takes several.
const IMPORT: Case = Case {
    name: "",
    kills: 4,
    customers: 5_000,
    syncs: imports_and_flags,
    objects_per_request: 25,
    requests: 90,
    values: false,
};

/// Every kind of sync. Profiles are read ten a second, so there are few big spenders.
const ALL: Case = Case {
    name: "all kinds",
    kills: 4,
    customers: 220,
    syncs: four_forms,
    objects_per_request: 2,
    requests: 25,
    values: true,
};

impl Case {
    fn day(&self, index: usize) -> &'static Scenario {
        let ask = Ask::day(DAYS[index]).customers(self.customers);
        if self.values {
            with_holes(&ask)
        } else {
            cdnow::scenario(&ask)
        }
    }

    fn project(&self) -> Project {
        let syncs = (self.syncs)();
        if self.values {
            let valued = properties_and_worth();
            return Project::with_values(syncs, valued, self.objects_per_request);
        }
        let text = yaml(OPEN, self.objects_per_request, &syncs);
        Project::written(syncs, &text)
    }
}

/// Another day than this one.
fn other(random: &mut StdRng, than: usize) -> usize {
    (than + random.random_range(1..DAYS.len())) % DAYS.len()
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After this long: anywhere between the first instruction and the last.
    Time(Duration),
    /// Once so many requests have been written: amid the sending.
    Requests(u64),
}

impl Moment {
    fn random(random: &mut StdRng, usual: Duration, requests: u64) -> Self {
        if random.random_bool(0.5) {
            Self::Time(usual.mul_f64(random.random_range(0.0..1.1)))
        } else {
            Self::Requests(random.random_range(1..requests))
        }
    }
}

/// Starts an apply and kills it at the moment; true if it was still going.
fn kill(project: &Project, world: &World, moment: Moment) -> bool {
    world.reset();
    let mut run = project.start_apply(world);
    let going = match moment {
        Moment::Time(time) => !run.ends_within(time),
        Moment::Requests(count) => world.wait_for_sends(count, &mut run),
    };
    run.kill();
    going
}

fn killed_and_run_again(case: &Case) {
    let Case { name, kills, .. } = *case;
    let given = std::env::var_os("SYNCFORM_KILL_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("{name}: seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);

    let mut now = random.random_range(0..DAYS.len());
    let world = World::with(&case.day(now).dir, &["--latency", "20ms"]);
    // How long a whole apply takes here and now.
    let start = Instant::now();
    case.project().apply(&world).exits(0);
    let usual = start.elapsed();

    // A world of its own for the kills; the first ones meet a first apply.
    let world = World::with(&case.day(now).dir, &["--latency", "20ms"]);
    let project = case.project();
    let mut amid = 0;
    for number in 1..=kills {
        if number > 2 {
            now = other(random, now);
            world.load(&case.day(now).dir);
        }
        let moment = match Moment::random(random, usual, case.requests) {
            // At least one meets a run that is still going, however the others fell.
            _ if number == kills && amid == 0 => Moment::Requests(1),
            moment => moment,
        };
        amid += u32::from(kill(&project, &world, moment));
        let moves = number % 2 == 0;
        if moves {
            now = other(random, now);
            world.load(&case.day(now).dir);
        }
        let when = format!(
            "{name}, seed {seed}, kill {number} at {moment:?}, source moved: {moves}, then {}",
            DAYS[now]
        );
        println!("{when}");
        if random.random_bool(0.3) {
            // A plan after a kill tells the truth and writes nothing. What the killed run had under way arrives beside
            // the first one.
            project.plan(&world);
            let before = world.stats().writes();
            let plan = project.plan(&world);
            assert!([0, 2].contains(&plan.code), "{when}: {:#}", plan.json);
            assert_eq!(world.stats().writes(), before, "{when}: a plan wrote");
        }
        project.assert_applies(&world, case.day(now), &when);
    }
    println!(
        "{name}: {amid} of {kills} kills met a run that was still going; a whole one takes {usual:?}"
    );
    assert!(amid > 0, "no kill met a run that was still going");
}

#[test]
fn killed_at_ten_moments_and_run_again_a() {
    killed_and_run_again(&Case { name: "a", ..TRACK });
}

#[test]
fn killed_at_ten_moments_and_run_again_b() {
    killed_and_run_again(&Case { name: "b", ..TRACK });
}

#[test]
fn killed_at_ten_moments_and_run_again_c() {
    killed_and_run_again(&Case { name: "c", ..TRACK });
}

#[test]
fn killed_at_ten_moments_and_run_again_d() {
    killed_and_run_again(&Case { name: "d", ..TRACK });
}

#[test]
fn killed_while_lanes_go_side_by_side_a() {
    killed_and_run_again(&Case {
        name: "lanes a",
        ..IMPORT
    });
}

#[test]
fn killed_while_lanes_go_side_by_side_b() {
    killed_and_run_again(&Case {
        name: "lanes b",
        ..IMPORT
    });
}

#[test]
fn killed_while_every_kind_is_moved() {
    killed_and_run_again(&ALL);
}

/// Two syncs of one audience, either of which has the orders; whoever gives them away leaves them as they are.
fn handed(to_tier: bool) -> String {
    let [tier, ltv] = if to_tier {
        ["tier, lifetime_orders", "lifetime_revenue"]
    } else {
        ["tier", "lifetime_revenue, lifetime_orders"]
    };
    let sync = |name: &str, list: &str| {
        format!(
            "  {name}: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, \
             create_users: false, properties: [{list}]}}\n"
        )
    };
    yaml(OPEN, 1, &[]) + &sync("a-tier", tier) + &sync("b-worth", ltv)
}

#[test]
fn killed_while_a_property_goes_from_one_sync_to_another() {
    let seed: u64 = rand::rng().next_u64();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let scenario = cdnow::scenario(&Ask::day(DAYS[1]).customers(200));
    let world = World::with(&scenario.dir, &["--latency", "5ms"]);
    let project = Project::written(vec![], &handed(true));
    project.apply(&world).exits(0);
    let names = ["tier", "lifetime_orders", "lifetime_revenue"];
    let held = found(&world, &names);
    assert!(held.len() > 30 && held.values().all(|of| of.len() == 3));
    let mut to_tier = true;
    for number in 0..6 {
        to_tier = !to_tier;
        project.write(&handed(to_tier));
        let moment = Moment::Requests(random.random_range(1..30));
        kill(&project, &world, moment);
        // The next run goes on, or everything goes back.
        to_tier ^= random.random_bool(0.5);
        project.write(&handed(to_tier));
        project.apply(&world).exits(0);
        let when = format!("seed {seed}, kill {number} at {moment:?}");
        assert_held(&found(&world, &names), &held, &when);
        project.assert_settled(&world, &when);
    }
}

#[test]
fn killed_again_and_again_while_recovering() {
    let case = TRACK;
    let seed: u64 = rand::rng().next_u64();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let world = World::with(&case.day(0).dir, &["--latency", "20ms"]);
    let project = case.project();
    let mut now = 0;
    for _ in 0..6 {
        now = other(random, now);
        world.load(&case.day(now).dir);
        kill(
            &project,
            &world,
            Moment::Requests(random.random_range(1..20)),
        );
    }
    project.assert_applies(
        &world,
        case.day(now),
        &format!("after six kills in a row, seed {seed}"),
    );
}
