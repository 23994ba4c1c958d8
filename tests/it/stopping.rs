//! Asked to stop, or stopped by a failure: amid an import, between the passes of a replacement, with a key that is
//! wrong. What was sent is recorded, the lease is free, and the next run ends exact.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::identities::{BY_ALIAS, by_alias, by_external_id};
use crate::support::binary::{Run, run, start};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, import, yaml};
use crate::support::truth;
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

#[test]
fn a_signal_amid_an_import_ends_it_after_the_request_under_way() {
    let all = cdnow::scenario(&Ask::day(JUNE));
    let world = World::with(&all.dir, &["--latency", "150ms"]);
    let project = Project::new(vec![import("Lapsed", "lapsed1")]);
    let requests = truth::user_ids(all.cohort("lapsed1")).len().div_ceil(1_000) as u64;
    assert!(requests > 8, "a large cohort");
    let mut run = project.start_apply(&world);
    assert!(
        world.wait_for_sends(2, &mut run),
        "it ended before it wrote"
    );
    run.terminate();
    let run = run.finish().exits(6).says("asked to stop");
    let sent = world.stats().changes();
    assert!(
        sent < requests / 2,
        "{sent} of {requests} requests: it went on"
    );
    assert!(
        !run.all().contains("in doubt"),
        "the answer was waited for: {run}"
    );

    // What was acknowledged is not sent again.
    project.apply(&world).exits(0);
    assert_eq!(world.stats().changes(), requests);
    project.assert_exact(&world, all, "after a signal");
    project.assert_settled(&world, "after a signal");
}

/// Two lanes, people by this mapping.
fn replaced(project: &mut Project, more: &str, settle: &str) {
    let (name, id) = ("Repeat buyers", "repeat1");
    let syncs: Vec<Sync> = [array(name, id), import(name, id)]
        .map(|sync| sync.with(more))
        .into();
    let text = yaml(OPEN, 25, &syncs).replace("settle: 0s", &format!("settle: {settle}"));
    project.rewrite(syncs, &text);
}

#[track_caller]
fn assert_reached(project: &Project, world: &World, people: BTreeSet<String>, when: &str) {
    let people: std::collections::HashSet<String> = people.into_iter().collect();
    let wanted = project
        .syncs()
        .iter()
        .map(|sync| (&sync.to, people.clone()));
    truth::assert_same(
        &project.found(world),
        &truth::expected(wanted, &people),
        when,
    );
    project.assert_settled(world, when);
}

#[test]
fn a_signal_while_a_replacement_settles_ends_it_at_once() {
    let world = World::start(&june().dir);
    let mut project = Project::new(vec![]);
    replaced(&mut project, "", "0s");
    project.apply(&world).exits(0);
    let people = truth::user_ids(june().cohort("repeat1")).len() as u64;
    let first_pass = people.div_ceil(25) + people.div_ceil(1_000);

    // Before the first pass it waits for the run before, which was a moment ago.
    replaced(&mut project, BY_ALIAS, "1h");
    world.reset();
    let mut waiting = project.start_apply(&world);
    assert!(
        !waiting.ends_within(Duration::from_millis(700)),
        "it did not wait"
    );
    waiting.terminate();
    waiting.finish().exits(1);
    assert_eq!(world.stats().sends(), 0);

    // Between the passes it waits longer than any test.
    replaced(&mut project, BY_ALIAS, "3s");
    let mut settling = project.start_apply(&world);
    assert!(
        world.wait_for_sends(first_pass, &mut settling),
        "no second pass"
    );
    assert!(
        !settling.ends_within(Duration::from_millis(500)),
        "it did not settle"
    );
    settling.terminate();
    let run = settling
        .finish()
        .exits(6)
        .says("asked to stop")
        .says("not sent");
    assert_eq!(world.stats().sends(), first_pass, "{run}");
    let found = project.found(&world);
    assert!(
        found.is_empty(),
        "{} people before the second pass",
        found.len()
    );

    replaced(&mut project, BY_ALIAS, "0s");
    project.apply(&world).exits(0);
    assert_reached(&project, &world, by_alias(june(), "repeat1"), "by alias");
}

#[test]
fn a_signal_amid_a_replacement_ends_it_in_order() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let mut project = Project::new(vec![]);
    replaced(&mut project, BY_ALIAS, "0s");
    project.apply(&world).exits(0);
    let people = truth::user_ids(june().cohort("repeat1")).len() as u64;
    let first_pass = people.div_ceil(25) + people.div_ceil(1_000);
    let mut mapping = BY_ALIAS;
    for requests in [1, first_pass + 2] {
        mapping = if mapping.is_empty() { BY_ALIAS } else { "" };
        replaced(&mut project, mapping, "0s");
        world.reset();
        let mut run = project.start_apply(&world);
        assert!(world.wait_for_sends(requests, &mut run), "it ended before");
        run.terminate();
        run.finish().exits(6).says("asked to stop");
        project.apply(&world).exits(0);
        let reached = if mapping.is_empty() {
            by_external_id
        } else {
            by_alias
        };
        assert_reached(&project, &world, reached(june(), "repeat1"), mapping);
    }
}

/// An import whose key is wrong, beside many small requests to another lane.
fn wrong_key(world: &World, syncs: Vec<Sync>, more: &[&str]) -> (Project, Run) {
    let text = yaml(OPEN, 5, &syncs);
    let project = Project::written(syncs, &text);
    let mut words = vec!["apply", "--auto-approve"];
    words.extend(more);
    let mut command = project.command(Some(world), &words);
    command.env("BRAZE_DATA_IMPORT_KEY", "bad-key");
    let run = start(command).finish();
    (project, run)
}

fn beside() -> Vec<Sync> {
    vec![
        import("Big spenders", "bigspnd"),
        flag("Repeat buyers", "repeat1"),
    ]
}

#[test]
fn a_refused_lane_does_not_stop_the_others() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let (project, run) = wrong_key(&world, beside(), &[]);
    let run = run
        .exits(6)
        .says("sync.big-spenders-import")
        .says("not attempted");
    assert!(
        run.all().contains("data_import_key") || run.all().contains("client secret"),
        "{run}"
    );
    assert!(!run.all().contains("bad-key"), "{run}");
    let people = truth::user_ids(june().cohort("repeat1")).len();
    assert_eq!(world.stats().tracks(), people.div_ceil(5) as u64);
    assert_eq!(
        world.stats().changes(),
        0,
        "a cohort was filled without its name"
    );

    world.reset();
    project.apply(&world).exits(0);
    assert_eq!(world.stats().tracks(), 0);
    project.assert_exact(&world, june(), "with the right key");
    project.assert_settled(&world, "with the right key");
}

#[test]
fn fail_fast_stops_the_others() {
    let world = World::with(&june().dir, &["--latency", "200ms"]);
    let (project, run) = wrong_key(&world, beside(), &["--fail-fast"]);
    run.exits(6)
        .says("--fail-fast")
        .says("sync.big-spenders-import")
        .says("not attempted")
        .says("not sent");
    let all = truth::user_ids(june().cohort("repeat1")).len().div_ceil(5) as u64;
    let sent = world.stats().tracks();
    assert!(sent > 0 && sent < all / 2, "{sent} of {all} requests");
    project.apply(&world).exits(0);
    // Nothing that was acknowledged is sent again.
    assert_eq!(world.stats().tracks(), all);
    project.assert_exact(&world, june(), "with the right key");
    project.assert_settled(&world, "with the right key");
}

#[test]
fn a_wrong_key_alone_writes_nothing() {
    let world = World::start(&june().dir);
    let syncs = vec![import("Big spenders", "bigspnd")];
    let (project, run) = wrong_key(&world, syncs, &[]);
    run.exits(1)
        .says("sync.big-spenders-import")
        .says("not attempted");
    assert_eq!(world.stats().changes(), 0);
    assert!(world.cohorts().is_empty());
    let plan = project.plan(&world);
    assert_eq!(
        plan.resource("sync.big-spenders-import")["action"],
        "create"
    );
    project.assert_applies(&world, june(), "with the right key");
}

#[test]
fn a_key_that_is_missing_shows_before_anything_is_written() {
    let world = World::start(&june().dir);
    let syncs = beside();
    let text = yaml(OPEN, 75, &syncs)
        .replace("instance: US-01", &format!("endpoint: \"{}\"", world.url()))
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{}\", ", world.url()),
        );
    let project = Project::written(syncs, &text);
    let mut command = project.command(None, &["apply", "--auto-approve"]);
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "key");
    }
    run(command).exits(1).says("BRAZE_DATA_IMPORT_KEY");
    assert_eq!(world.stats().sends() + world.stats().namings(), 0);
}
