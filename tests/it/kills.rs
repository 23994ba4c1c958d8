//! `kill -9` at forty random moments, the source moving on or back between a kill and the next run in half of
//! them: after the next run every profile is exact for what is desired then, and nothing is left to do.
//!
//! Four tests of ten kills each, so that they run side by side. Each prints its seed; `SYNCFORM_KILL_SEED` repeats
//! one (the moments are shares of a measured run, so a repetition is close, not the same).

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::support::cdnow::{self, Ask, Scenario};
use crate::support::project::{OPEN, Project, ten, yaml};
use crate::support::world::World;

const KILLS: usize = 10;
const DAYS: [&str; 4] = ["1997-04-30", "1997-06-30", "1997-07-31", "1997-09-30"];

fn day(index: usize) -> &'static Scenario {
    cdnow::scenario(&Ask::day(DAYS[index]).customers(1_500))
}

/// Another day than this one.
fn other(random: &mut StdRng, than: usize) -> usize {
    (than + random.random_range(1..DAYS.len())) % DAYS.len()
}

fn project() -> Project {
    let syncs = ten();
    let text = yaml(OPEN, 5, &syncs);
    Project::written(syncs, &text)
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
    fn random(random: &mut StdRng, usual: Duration) -> Self {
        if random.random_bool(0.5) {
            Self::Time(usual.mul_f64(random.random_range(0.0..1.1)))
        } else {
            Self::Requests(random.random_range(1..60))
        }
    }
}

/// Starts an apply and kills it at the moment; true if it was still going.
fn kill(project: &Project, world: &World, moment: Moment) -> bool {
    world.reset();
    let mut run = project.start_apply(world);
    let going = match moment {
        Moment::Time(time) => !run.ends_within(time),
        Moment::Requests(count) => world.wait_for_tracks(count, &mut run),
    };
    run.kill();
    going
}

fn killed_and_run_again(name: &str) {
    let given = std::env::var_os("SYNCFORM_KILL_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| rand::rng().next_u64());
    println!("{name}: seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);

    let mut now = random.random_range(0..DAYS.len());
    let world = World::with(&day(now).dir, &["--latency", "20ms"]);
    // How long a whole apply takes here and now.
    let start = Instant::now();
    project().apply(&world).exits(0);
    let usual = start.elapsed();

    // A world of its own for the kills; the first ones meet a first apply.
    let world = World::with(&day(now).dir, &["--latency", "20ms"]);
    let project = project();
    let mut amid = 0;
    for number in 1..=KILLS {
        if number > 2 {
            now = other(random, now);
            world.load(&day(now).dir);
        }
        let moment = Moment::random(random, usual);
        amid += u32::from(kill(&project, &world, moment));
        let moves = number % 2 == 0;
        if moves {
            now = other(random, now);
            world.load(&day(now).dir);
        }
        let when = format!(
            "{name}, seed {seed}, kill {number} at {moment:?}, source moved: {moves}, then {}",
            DAYS[now]
        );
        println!("{when}");
        if random.random_bool(0.3) {
            // A plan after a kill tells the truth and writes nothing.
            let before = world.stats().writes();
            let plan = project.plan(&world);
            assert!([0, 2].contains(&plan.code), "{when}: {:#}", plan.json);
            assert_eq!(world.stats().writes(), before, "{when}: a plan wrote");
        }
        project.assert_applies(&world, day(now), &when);
    }
    println!(
        "{name}: {amid} of {KILLS} kills met a run that was still going; a whole one takes {usual:?}"
    );
    assert!(amid > 0, "no kill met a run that was still going");
}

#[test]
fn killed_at_ten_moments_and_run_again_a() {
    killed_and_run_again("a");
}

#[test]
fn killed_at_ten_moments_and_run_again_b() {
    killed_and_run_again("b");
}

#[test]
fn killed_at_ten_moments_and_run_again_c() {
    killed_and_run_again("c");
}

#[test]
fn killed_at_ten_moments_and_run_again_d() {
    killed_and_run_again("d");
}

#[test]
fn killed_again_and_again_while_recovering() {
    let seed: u64 = rand::rng().next_u64();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let world = World::with(&day(0).dir, &["--latency", "20ms"]);
    let project = project();
    let mut now = 0;
    for _ in 0..6 {
        now = other(random, now);
        world.load(&day(now).dir);
        kill(
            &project,
            &world,
            Moment::Requests(random.random_range(1..20)),
        );
    }
    project.assert_applies(
        &world,
        day(now),
        &format!("after six kills in a row, seed {seed}"),
    );
}
