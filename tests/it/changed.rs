//! `--changed`, `--refresh none`, and the state's own verbs: what the YAML changed, what was read last, who holds the
//! lease, and which services the state is about.

use serde_json::json;

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Plan, Project, Sync, array, directly, flag, ten, yaml};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

fn july() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JULY).customers(2_000))
}

fn two() -> Vec<Sync> {
    vec![
        flag("Big spenders", "bigspnd"),
        array("Repeat buyers", "repeat1"),
    ]
}

const FIRST: &str = "sync.big-spenders-flag";
const SECOND: &str = "sync.repeat-buyers-array";

#[track_caller]
fn json(project: &Project, world: &World, more: &[&str]) -> Plan {
    let words = ["plan", "--format", "json", "--detailed-exitcode"];
    let run = project.run(world, &[&words, more].concat());
    Plan {
        code: run.code.unwrap(),
        json: run.json(),
    }
}

/// The addresses that `--changed` takes.
#[track_caller]
fn changed(project: &Project, world: &World) -> Vec<String> {
    let plan = json(project, world, &["--changed"]);
    assert_eq!(plan.json["partial"], true);
    let resources = plan.json["resources"].as_array().unwrap().iter();
    resources
        .map(|resource| resource["address"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn only_what_the_yaml_changed_is_planned_and_applied() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    let apply = ["apply", "--auto-approve", "--changed"];
    assert_eq!(changed(&project, &world), [FIRST, SECOND], "all is new");
    project.run(&world, &apply).exits(0).says("PARTIAL");
    project.assert_exact(&world, june(), "all was new");
    let nothing = |when: &str| {
        let plan = ["plan", "--changed", "--detailed-exitcode"];
        let run = project.run(&world, &plan).exits(0).says("Nothing to do.");
        assert!(run.stdout.contains("PARTIAL"), "{when}: {run}");
        assert_eq!(changed(&project, &world), Vec::<String>::new(), "{when}");
        project.run(&world, &apply).exits(0);
        project.assert_settled(&world, when);
    };
    nothing("after the first apply");

    // A guard alone, which has no effect in Braze: no row, no download.
    let with = |more: &str| yaml(OPEN, 75, &[two()[0].clone().with(more), two()[1].clone()]);
    for more in [
        "allow_empty: true",
        "cadence: hourly",
        "cadence: once",
        "cadence: once, max_age: 2h",
    ] {
        project.write(&with(more));
        assert_eq!(changed(&project, &world), [FIRST], "{more}");
        let before = world.stats();
        project.run(&world, &apply).exits(0);
        let after = world.stats();
        assert_eq!(after.writes(), before.writes(), "{more}");
        assert_eq!(
            after.download_requests(),
            before.download_requests(),
            "{more}"
        );
        nothing(more);
    }
    // A pause, too.
    project.write(&with("paused: true"));
    assert_eq!(changed(&project, &world), [FIRST]);
    project.run(&world, &apply).exits(0);
    nothing("paused");
    project.write(&with(""));
    assert_eq!(changed(&project, &world), [FIRST], "no longer paused");
    project.apply(&world).exits(0);
    nothing("no longer paused");

    // Sources that moved are not what the YAML changed.
    world.load(&july().dir);
    nothing_moved(&project, &world);
    project.write(&with("cadence: hourly"));
    project.run(&world, &apply).exits(0);
    let plan = json(&project, &world, &[]);
    assert_eq!(plan.resource(FIRST)["action"], "no_op", "{:#}", plan.json);
    assert_eq!(plan.resource(SECOND)["action"], "update");
    project.assert_applies(&world, july(), "in July");

    // What is declared no longer.
    let removed = format!("{OPEN}\nremoved: [{{address: {SECOND}, reason: over}}]");
    project.write(&yaml(
        &removed,
        75,
        &[two()[0].clone().with("cadence: hourly")],
    ));
    assert_eq!(changed(&project, &world), [SECOND]);
    project.run(&world, &apply).exits(0);
    assert!(
        world
            .attribute("amplitude_cohorts")
            .values()
            .all(|labels| *labels == json!([]))
    );
    nothing("after a removal");
    // Names still count.
    project
        .run(&world, &["plan", "--changed", "--only", "sync.x"])
        .exits(1);
}

#[track_caller]
fn nothing_moved(project: &Project, world: &World) {
    let before = world.stats().downloads();
    assert_eq!(changed(project, world), Vec::<String>::new());
    assert_eq!(world.stats().downloads(), before);
}

#[test]
fn what_was_applied_in_part_is_still_changed() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    let words = ["apply", "--auto-approve", "--changed"];
    let mut run = project.start(&world, &words);
    assert!(world.wait_for_tracks(5, &mut run), "it ended before");
    run.kill();
    project.run(&world, &words).exits(0);
    project.assert_exact(&world, june(), "after a kill");
    project.assert_settled(&world, "after a kill");
}

#[test]
fn a_plan_may_read_nothing_live() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    let none = ["plan", "--refresh", "none", "--detailed-exitcode"];
    project
        .run(&world, &none)
        .exits(1)
        .says("no list of cohorts is kept");
    project.run(&world, &["plan", "--only", FIRST]).exits(0);
    world.reset();
    let partly = project.run(&world, &none).exits(1);
    let partly = partly
        .says("sync.repeat-buyers-array: the people of cohort \"Repeat buyers\" are not kept here");
    assert!(partly.stdout.contains(&format!("+ {FIRST}")), "{partly}");
    let words = [&none[..], &["--only", FIRST]].concat();
    let alone = project
        .run(&world, &words)
        .exits(2)
        .says("nothing live was read");
    assert!(alone.stdout.contains("+128"), "{alone}");
    assert!(world.stats().requests.is_empty(), "{:?}", world.stats());

    // What it planned may be saved; apply reads what is live then.
    let words = [&words[..], &["--out", "plan.tar"]].concat();
    project.run(&world, &words).exits(2);
    project.run(&world, &["apply", "plan.tar"]).exits(0);
    project.assert_applies(&world, june(), "after a plan of what was read before");
    world.load(&july().dir);
    world.reset();
    project.run(&world, &none).exits(0).says("Nothing to do.");
    let both = ["plan", "--refresh", "none", "--read-profiles"];
    project
        .run(&world, &both)
        .exits(1)
        .says("leave one of them out");
    assert!(world.stats().requests.is_empty(), "{:?}", world.stats());
    project.assert_applies(&world, july(), "in July");
}

/// A configuration whose services are a world's, without `--sandbox`.
fn at(world: &World) -> String {
    directly(&yaml(OPEN, 75, &two()), world)
}

#[test]
fn a_plan_without_services_needs_none() {
    let world = World::start(&june().dir);
    let project = Project::written(two(), &at(&world));
    project.call(&["apply", "--auto-approve"]).exits(0);
    drop(world);
    let none = ["plan", "--refresh", "none", "--detailed-exitcode"];
    project.call(&none).exits(0).says("nothing live was read");
    let text = fs_read(&project, ".syncform/cache/cohorts.json");
    assert!(
        text.contains("Big spenders") && !text.contains("cdnow-"),
        "{text}"
    );
}

fn fs_read(project: &Project, path: &str) -> String {
    std::fs::read_to_string(project.dir().join(path)).unwrap()
}

#[test]
fn a_lease_names_its_holder_and_goes_with_it() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    let unlock = || project.run(&world, &["state", "unlock"]);
    unlock().exits(0).says("Nobody holds the lease");
    let mut run = project.start_apply(&world);
    assert!(world.wait_for_tracks(1, &mut run), "it ended before");
    unlock().exits(4).says(&run.id().to_string());
    run.kill();
    unlock().exits(0).says("Nobody holds the lease");
    project.assert_applies(&world, june(), "after a kill");
}

#[test]
fn a_state_follows_a_workspace_that_moved() {
    let (old, new) = (World::start(&june().dir), World::start(&june().dir));
    let project = Project::written(two(), &at(&old));
    let plan = ["plan", "--detailed-exitcode"];
    let rebind = ["state", "rebind", "--auto-approve"];
    project.call(&rebind).exits(0).says("nothing to rebind");
    project.call(&["apply", "--auto-approve"]).exits(0);
    project.call(&rebind).exits(0).says("already");

    let moved = at(&new).replace("workspace: cdnow", "workspace: moved");
    project.write(&moved);
    let other = project.call(&plan).exits(1).says("syncform state rebind");
    assert!(!other.all().contains("later release"), "{other}");
    project.call(&["state", "rebind"]).exits(1).says("terminal");
    project.call(&plan).exits(1);
    let shown = project.call(&rebind).exits(0);
    let shown = shown
        .says(old.url())
        .says(new.url())
        .says("moved")
        .says("cdnow");
    assert!(!shown.all().contains("planted-key"), "a key: {shown}");
    project.call(&plan).exits(0).says("Nothing to do.");
    assert_eq!(new.stats().tracks(), 0, "rebinding sends nothing");
    project.write(&at(&old));
    project.call(&plan).exits(1);
}

#[test]
fn a_cut_run_is_folded_before_its_state_is_rebound() {
    let (old, new) = (
        World::with(&june().dir, &["--latency", "50ms"]),
        World::start(&june().dir),
    );
    let small =
        |world: &World| at(world).replace("objects_per_request: 75", "objects_per_request: 5");
    let project = Project::written(two(), &small(&old));
    let mut command = project.command(None, &["apply", "--auto-approve"]);
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "planted-key-5d");
    }
    let mut run = crate::support::binary::start(command);
    assert!(old.wait_for_tracks(5, &mut run), "it ended before");
    run.kill();
    project.write(&small(&new));
    project
        .call(&["state", "rebind", "--auto-approve"])
        .exits(0)
        .says("was cut");
    let manifest: serde_json::Value =
        serde_json::from_str(&fs_read(&project, ".syncform/manifest.json")).unwrap();
    assert_eq!(manifest["pending"], json!(null));
    assert_eq!(manifest["target"]["braze"], new.url());
    project.call(&["apply", "--auto-approve"]).exits(0);
    project.call(&["plan", "--detailed-exitcode"]).exits(0);
}

/// How many runs the state remembers.
#[track_caller]
fn runs(project: &Project, world: &World) -> usize {
    let shown = project.run(world, &["state", "show"]).exits(0).json();
    shown["runs"].as_array().unwrap().len()
}

#[test]
fn only_runs_that_change_something_are_remembered() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    project.apply(&world).exits(0);
    assert_eq!(runs(&project, &world), 1);
    let people = june().cohort("repeat1");
    for time in ["once", "twice"] {
        // Computed anew with the same people: it is read, and remembered as read.
        world.put_members("repeat1", people);
        let before = world.stats().downloads();
        project.apply(&world).exits(0);
        assert_eq!(world.stats().downloads(), before + 1, "{time}");
        project.assert_settled(&world, time);
        assert_eq!(runs(&project, &world), 1, "{time}");
    }
    // The configuration alone, and rows.
    let kept = two()[0].clone().with("on_destroy: keep");
    project.write(&yaml(OPEN, 75, &[kept, two()[1].clone()]));
    project.apply(&world).exits(0);
    assert_eq!(runs(&project, &world), 2);
    world.load(&july().dir);
    project.apply(&world).exits(0);
    assert_eq!(runs(&project, &world), 3);
}
