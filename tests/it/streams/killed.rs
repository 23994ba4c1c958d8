//! `kill -9` at random moments amid sending: nothing is lost, nothing is sent twice, and what is not known is parked.
//!
//! Ten kills a test, so that they run side by side. Each prints its seed; `SYNCFORM_KILL_SEED` repeats one (the moments
//! are counts of requests, and which are under way then is not the same twice).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::ToSpan as _;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use super::shop::{Clock, Order, Recorded, Shop, configured, counted, orders};
use crate::support::cdnow::{self, Ask, Scenario};
use crate::support::project::Project;

/// Days of orders; all of them are remembered to the end.
const DAYS: i64 = 6;
/// A day of spring, when the shop had some hundred orders a day.
const SPRING: &str = "1997-03-15";
/// What goes wrong beside.
const MIX: &str = "429:0.1,500:0.1,drop:0.05,drop_after:0.05";
/// Hours from one kill to the next: the events of so many more can be read then.
const STEP: i64 = 14;

/// A stream of six days, of which a command sees what its clock lets it see.
struct Case {
    shop: Shop,
    scenario: &'static Scenario,
    random: StdRng,
    seed: u64,
    /// Hours after noon of the last command; negative before it.
    hours: i64,
}

impl Case {
    fn new(name: &str, faults: &str, keys: &str) -> Self {
        let given = std::env::var_os("SYNCFORM_KILL_SEED");
        let given = given.and_then(|seed| seed.to_str()?.parse().ok());
        let seed: u64 = given.unwrap_or_else(|| rand::rng().next_u64());
        println!("{name}: seed {seed}");
        let clock = Clock::noon();
        let ask = Ask::day(SPRING).customers(18_000);
        let scenario = cdnow::scenario(&Ask {
            event_days: DAYS,
            as_if: Some(clock.yesterday),
            ..ask
        });
        let digits = (seed >> 1).to_string();
        let more = ["--latency", "10ms", "--faults", faults, "--seed", &digits];
        let world = clock.world(&scenario.dir, &more);
        let start = clock.yesterday - (DAYS - 1).days();
        let project = Project::written(vec![], &configured(start, 4, keys));
        Self {
            shop: Shop {
                clock,
                world,
                project,
            },
            scenario,
            random: StdRng::seed_from_u64(seed),
            seed,
            hours: -STEP * 10,
        }
    }

    /// Kills an apply at a random moment, of those that have more to send than the last one.
    fn kill(&mut self) -> bool {
        self.hours += STEP;
        self.shop.world.reset();
        let mut run = self.shop.start(self.hours, &["apply", "--auto-approve"]);
        let going = if self.random.random_bool(0.2) {
            let moment = Duration::from_millis(self.random.random_range(0..400));
            !run.ends_within(moment)
        } else {
            let count = self.random.random_range(1..60);
            self.shop.world.wait_for_tracks(count, &mut run)
        };
        run.kill();
        going
    }

    /// Kills ten, then applies until a plan finds nothing to do.
    fn run(&mut self) -> Recorded {
        let amid = (0..10).filter(|_| self.kill()).count();
        println!(
            "seed {}: {amid} of ten kills met a run that was still going",
            self.seed
        );
        assert!(amid > 0, "no kill met a run that was still going");
        // So late that the last order can be read.
        self.hours = 0;
        for _ in 0..6 {
            let run = self.shop.apply(self.hours);
            assert!(
                matches!(run.code, Some(0 | 1 | 6)),
                "seed {}: {run}",
                self.seed
            );
            let plan = self.shop.plan(self.hours);
            if plan.code == 0 {
                return self.shop.recorded();
            }
        }
        panic!("seed {}: six runs were not enough", self.seed);
    }

    /// Orders that can be read, by their ids.
    fn due(&self) -> BTreeMap<String, Order> {
        orders(self.scenario)
    }
}

/// What is parked and what is done are all that is due; Braze has no order twice, none that is not due, and every one that
/// is done.
fn at_most_once(name: &str, faults: &str) {
    let case = &mut Case::new(name, faults, "");
    let recorded = case.run();
    let when = format!("{name}, seed {}", case.seed);
    let due = case.due();
    let ids: BTreeSet<&String> = due.keys().collect();
    let known: BTreeSet<&String> = recorded.done.iter().chain(recorded.parked.keys()).collect();
    assert_eq!(
        known.len(),
        recorded.done.len() + recorded.parked.len(),
        "{when}"
    );
    assert_eq!(known, ids, "{when}");
    assert_eq!(recorded.acknowledged, recorded.done.len() as u64, "{when}");
    let braze = counted(case.shop.bought());
    let twice: Vec<_> = braze.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{when}: {twice:?}");
    let orders: BTreeSet<&Order> = due.values().collect();
    let strange: Vec<_> = braze
        .keys()
        .filter(|order| !orders.contains(order))
        .collect();
    assert!(strange.is_empty(), "{when}: {strange:?}");
    let lost = recorded
        .done
        .iter()
        .filter(|id| !braze.contains_key(&due[*id]));
    assert_eq!(lost.count(), 0, "{when}: acknowledged, and not in Braze");
    println!(
        "{when}: {} of {} orders are parked in {} batches, {} of them are in Braze",
        recorded.parked.len(),
        due.len(),
        recorded.batches().len(),
        braze.len() - recorded.done.len(),
    );
    assert!(!recorded.parked.is_empty(), "{when}: nothing was in doubt");
    let log = case.shop.log(case.hours);
    assert_eq!(log["parked"], recorded.parked.len(), "{when}");
    assert_eq!(log["parked_batches"], recorded.batches().len(), "{when}");
    decided(case, &recorded, &when);
}

/// What is parked is decided by what Braze shows, and what that does not show by what its world holds: every order is in
/// Braze once then.
fn decided(case: &mut Case, recorded: &Recorded, when: &str) {
    // Whatever is decided is not lost once more, and is asked for when Braze shows what it took.
    case.shop.world.faults("");
    case.hours += 1;
    let shop = &case.shop;
    let parked = |words: &[&str]| {
        let words = [&["state", "parked"], words].concat();
        shop.run(case.hours, &words)
    };
    let check = parked(&["check"]).exits(0);
    assert!(!check.all().contains("cdnow-0"), "a person in {check}");
    parked(&["drop", "--arrived", "--auto-approve"]).exits(0);
    parked(&["release", "--not-arrived", "--auto-approve"]).exits(0);
    shop.apply(case.hours).exits(0);
    let due = case.due();
    let braze: BTreeSet<Order> = shop.bought().into_iter().collect();
    let left = shop.recorded();
    let (few, all) = (left.batches().len(), recorded.batches().len());
    println!("{when}: {few} of {all} batches are left, of which Braze shows too little");
    assert!(
        few <= all / 2,
        "{when}: {few} of {all} batches are left:\n{check}"
    );
    for batch in left.batches() {
        let of = left.parked.iter().filter(|(_, own)| *own == batch);
        let there: BTreeSet<bool> = of.map(|(id, _)| braze.contains(&due[id])).collect();
        assert_eq!(there.len(), 1, "{when}: {batch} is there in part");
        let verb = if there.contains(&true) {
            "drop"
        } else {
            "release"
        };
        parked(&[verb, batch, "--auto-approve"]).exits(0);
    }
    shop.apply(case.hours).exits(0);
    let bought = counted(shop.bought());
    assert_eq!(bought, counted(due.into_values()), "{when}, decided");
    assert_eq!(shop.recorded().parked.len(), 0, "{when}, decided");
    shop.assert_settled(case.hours, &format!("{when}, decided"));
}

/// None is lost, and no more are double than it says.
fn at_least_once(name: &str, faults: &str) {
    let case = &mut Case::new(name, faults, "    delivery: at_least_once\n");
    let recorded = case.run();
    let when = format!("{name}, seed {}", case.seed);
    let due = case.due();
    assert_eq!(recorded.parked.len(), 0, "{when}");
    assert_eq!(recorded.done, due.keys().cloned().collect(), "{when}");
    let braze = counted(case.shop.bought());
    let missing: Vec<_> = due
        .values()
        .filter(|order| !braze.contains_key(order))
        .collect();
    assert!(missing.is_empty(), "{when}: {missing:?}");
    assert_eq!(braze.len(), due.len(), "{when}: strange orders");
    let double: u64 = braze.values().map(|count| count - 1).sum();
    println!(
        "{when}: {double} are double, {} may be",
        recorded.maybe_double
    );
    assert!(
        double <= recorded.maybe_double,
        "{when}: {double} of {}",
        recorded.maybe_double
    );
    assert!(recorded.maybe_double > 0, "{when}: nothing was in doubt");
    let log = case.shop.log(case.hours);
    assert_eq!(log["maybe_double"], recorded.maybe_double, "{when}");
}

#[test]
fn killed_at_ten_moments_a() {
    at_most_once("a", "");
}

#[test]
fn killed_at_ten_moments_b() {
    at_most_once("b", "");
}

#[test]
fn killed_at_ten_moments_through_faults_a() {
    at_most_once("faults a", MIX);
}

#[test]
fn killed_at_ten_moments_through_faults_b() {
    at_most_once("faults b", MIX);
}

#[test]
fn killed_at_ten_moments_and_sent_again() {
    at_least_once("again", "");
}

#[test]
fn killed_at_ten_moments_and_sent_again_through_faults() {
    at_least_once("again, faults", MIX);
}

#[test]
fn asked_to_stop_it_waits_for_its_answers_and_parks_nothing() {
    let case = &mut Case::new("stopped", "", "");
    case.hours = 0;
    let due = case.due();
    let mut run = case.shop.start(0, &["apply", "--auto-approve"]);
    assert!(
        case.shop.world.wait_for_tracks(40, &mut run),
        "it ended too early"
    );
    run.terminate();
    let run = run.finish().exits(6).says("asked to stop");
    let recorded = case.shop.recorded();
    assert_eq!(recorded.parked.len(), 0, "{run}");
    assert!((1..due.len()).contains(&recorded.done.len()), "{run}");
    let braze: BTreeSet<Order> = case.shop.bought().into_iter().collect();
    let done: BTreeSet<Order> = recorded.done.iter().map(|id| due[id].clone()).collect();
    assert_eq!(braze, done, "what left is what is recorded");
    case.shop.apply(0).exits(0);
    assert_eq!(counted(case.shop.bought()), counted(due.into_values()));
    case.shop.assert_settled(0, "after it went on");
}
