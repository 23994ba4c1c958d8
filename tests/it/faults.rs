//! Services that refuse, break and drop answers: whatever happens on the way, every profile ends exact.

use serde_json::Value;

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{
    OPEN, Project, Sync, flag, four_forms, imports_and_flags, ten, yaml,
};
use crate::support::values::{properties_and_worth, with_holes};
use crate::support::world::{Stats, World};

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

/// Applies until it says that all is done; a run that gives up says so by its code and is run again.
#[track_caller]
fn apply_through(project: &Project, world: &World, when: &str) {
    for _ in 0..5 {
        let run = project.apply(world);
        match run.code {
            Some(0) => return,
            Some(1 | 6) => {}
            _ => panic!("{when}: {run}"),
        }
    }
    panic!("{when}: five runs were not enough");
}

/// June, then July, both through the faults; then a look without them.
#[track_caller]
fn exact_through(spec: &str, seed: &str) {
    // Small requests, so that there are enough of them for faults to meet.
    let july = cdnow::scenario(&Ask::day(JULY).customers(2_000));
    let stats = syncs_exact_through(spec, seed, ten(), 20, [june(), july]);
    assert!(stats.tracks() > 100, "{stats:?}");
}

/// The same with cohorts by import beside flags. Cohort import has large requests: more people give more of them.
#[track_caller]
fn imports_exact_through(spec: &str, seed: &str) {
    let days = [JUNE, JULY].map(|day| cdnow::scenario(&Ask::day(day).customers(6_000)));
    let stats = syncs_exact_through(spec, seed, imports_and_flags(), 75, days);
    assert!(stats.changes() > 15 && stats.tracks() > 50, "{stats:?}");
}

#[track_caller]
fn syncs_exact_through(
    spec: &str,
    seed: &str,
    syncs: Vec<Sync>,
    objects_per_request: usize,
    days: [&'static Scenario; 2],
) -> Stats {
    let text = yaml(OPEN, objects_per_request, &syncs);
    project_exact_through(spec, seed, &Project::written(syncs, &text), days)
}

#[track_caller]
fn project_exact_through(
    spec: &str,
    seed: &str,
    project: &Project,
    [june, july]: [&'static Scenario; 2],
) -> Stats {
    let world = World::with(&june.dir, &["--faults", spec, "--seed", seed]);
    apply_through(project, &world, "in June");
    project.assert_exact(&world, june, "in June, through faults");
    world.load(&july.dir);
    apply_through(project, &world, "in July");
    project.assert_exact(&world, july, "in July, through faults");
    let stats = world.stats();
    world.faults("");
    project.assert_settled(&world, "after the faults");
    stats
}

const MIX: &str = "429:0.1,500:0.1,drop:0.05,drop_after:0.05";

#[test]
fn a_quarter_of_all_requests_fails_seed_1() {
    exact_through(MIX, "1");
}

#[test]
fn a_quarter_of_all_requests_fails_seed_2() {
    exact_through(MIX, "2");
}

#[test]
fn a_quarter_of_all_requests_fails_seed_3() {
    exact_through(MIX, "3");
}

#[test]
fn a_quarter_of_all_requests_fails_seed_4() {
    exact_through(MIX, "4");
}

#[test]
fn a_quarter_of_all_requests_fails_seed_5() {
    exact_through(MIX, "5");
}

#[test]
fn answers_that_nobody_can_read_are_in_doubt() {
    exact_through("garbage:0.1@/users/track,503:0.1@/users/track", "6");
}

/// Partners are answered 423 as well.
const IMPORT_MIX: &str = "429:0.08,500:0.06,drop:0.06,drop_after:0.06,423:0.05";

#[test]
fn a_quarter_of_all_requests_fails_with_imports_too_seed_1() {
    imports_exact_through(IMPORT_MIX, "1");
}

#[test]
fn a_quarter_of_all_requests_fails_with_imports_too_seed_2() {
    imports_exact_through(IMPORT_MIX, "2");
}

#[test]
fn answers_to_imports_that_nobody_can_read_are_in_doubt() {
    imports_exact_through("garbage:0.25@/partners,garbage:0.1@/users/track", "4");
}

#[test]
fn a_quarter_of_all_requests_fails_with_every_kind() {
    let days = [JUNE, JULY].map(|day| with_holes(&Ask::day(day).customers(300)));
    let seed = rand::random_range(1..1_000_000u32).to_string();
    println!("seed {seed}");
    let project = Project::with_values(four_forms(), properties_and_worth(), 3);
    let stats = project_exact_through(MIX, &seed, &project, days);
    assert!(stats.sends() > 40, "{stats:?}");
    assert!(stats.profile_reads() > 20, "{stats:?}");
}

#[test]
fn a_file_that_is_not_what_the_list_says_is_an_error() {
    let world = World::start(&june().dir);
    let project = Project::new(vec![flag("Repeat buyers", "repeat1")]);
    project.assert_applies(&world, june(), "before");
    let list: Value = serde_json::from_str(&june().files["amplitude/cohorts.json"]).unwrap();
    let cohorts = list["cohorts"].as_array().unwrap();
    let mut repeat = cohorts
        .iter()
        .find(|cohort| cohort["id"] == "repeat1")
        .unwrap()
        .clone();
    repeat["size"] = 5_000.into();
    repeat["lastComputed"] = (repeat["lastComputed"].as_i64().unwrap() + 60).into();
    world.put_cohort("repeat1", &repeat);
    let before = world.stats();
    project.apply(&world).exits(1).says("Repeat buyers");
    assert_eq!(
        world.stats().writes(),
        before.writes(),
        "a truncated file was applied"
    );
    project.assert_exact(&world, june(), "after a truncated file");
}
