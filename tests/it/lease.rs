//! One writer per state: the second apply says who holds it, a kill frees it at once, a signal ends it in order.

use std::time::Instant;

use crate::support::binary::Running;
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, ten, yaml};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

/// A slow world, small requests, and an apply that has begun to write.
fn begun() -> (World, Project, Running) {
    let world = World::with(&june().dir, &["--latency", "100ms"]);
    let syncs = ten();
    let text = yaml(OPEN, 5, &syncs);
    let project = Project::written(syncs, &text);
    let mut run = project.start_apply(&world);
    assert!(
        world.wait_for_tracks(1, &mut run),
        "it ended before it wrote"
    );
    (world, project, run)
}

#[test]
fn of_two_applies_one_works_and_the_other_names_it() {
    let (world, project, first) = begun();
    let holder = first.id().to_string();
    let second = project.apply(&world).exits(4).says(&holder);
    assert!(
        second.stderr.contains("apply"),
        "what the holder does: {second}"
    );
    // A plan takes no lease.
    let plan = project.plan(&world);
    assert!([0, 2].contains(&plan.code), "{:#}", plan.json);
    first.finish().exits(0);
    project.assert_exact(&world, june(), "after the first");
    project.assert_settled(&world, "after the first");
}

#[test]
fn a_patient_apply_waits_for_its_turn() {
    let (world, project, first) = begun();
    let second = project.start(
        &world,
        &["apply", "--auto-approve", "--lease-timeout", "120s"],
    );
    first.finish().exits(0);
    let before = world.stats().writes();
    second.finish().exits(0);
    assert_eq!(
        world.stats().writes(),
        before,
        "the second had nothing to do"
    );
    project.assert_settled(&world, "after both");
}

#[test]
fn a_kill_frees_the_lease_at_once() {
    let (world, project, first) = begun();
    first.kill();
    let start = Instant::now();
    project.apply(&world).exits(0);
    assert!(start.elapsed().as_secs() < 60, "the next run waited");
    project.assert_exact(&world, june(), "after a kill");
    project.assert_settled(&world, "after a kill");
}

#[test]
fn a_signal_ends_a_run_in_order() {
    let (world, project, first) = begun();
    first.terminate();
    let run = first.finish();
    assert!(run.code == Some(6), "applied in part was wanted: {run}");
    let written = world.stats().objects;
    assert!(written > 0);
    // What was acknowledged is recorded: the next run sends the rest, and nothing twice.
    project.apply(&world).exits(0);
    let people = project.expected(june()).len() as u64;
    let objects = world.stats().objects;
    assert!(
        objects < 2_000 + people / 2,
        "{objects} objects for {people} people: some were sent twice"
    );
    project.assert_exact(&world, june(), "after a signal");
    project.assert_settled(&world, "after a signal");
}
