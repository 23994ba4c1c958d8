//! The asking that does not get through: killed, asked to stop, out of time, not permitted, refused by a service in trouble. The
//! apply is done all the same, and no answer that came is lost.

use super::{NOBODY_NEW, VALUES, applied, asked, assert_empty_later, count, small, split, text};
use crate::support::binary::run;
use crate::support::project::{OPEN, Project, Sync, flag};
use crate::support::world::World;

fn syncs() -> Vec<Sync> {
    vec![flag("Lapsed", "lapsed1")]
}

/// A flag of some, values of the others: everybody, once.
fn begun(settings: &str, more: &[&str]) -> (World, Project, u64) {
    let world = World::with(&small().dir, more);
    let project = Project::written(syncs(), &text(OPEN, &syncs(), settings, NOBODY_NEW));
    project.apply(&world).exits(0);
    let [lapsed, active] = ["lapsed1", "act90d1"].map(|id| split(small(), id));
    let people = [&lapsed.0, &lapsed.1, &active.0, &active.1];
    let people = people.iter().map(|people| count(people)).sum();
    assert!(people > 1_000, "{people}");
    (world, project, people)
}

/// How many rows a plan takes for read back.
fn told(project: &Project, world: &World, ahead: &str) -> u64 {
    let plan = project.plan_later(world, ahead);
    let of = |address, figure| plan.delta(address, figure);
    [VALUES, "sync.lapsed-flag"]
        .iter()
        .map(|address| of(address, "confirmed") + of(address, "absent"))
        .sum()
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const READS: &str = "POST /users/export/ids";

#[test]
fn killed_while_asking_no_answer_is_lost() {
    let (world, project, people) = begun("", &["--latency", "100ms"]);
    let mut running = project.start_later(&world, "6m", &APPLY);
    assert!(world.wait_for(READS, 10, &mut running), "it ended before");
    running.kill();
    let known = told(&project, &world, "7m");
    let reads = world.stats().reads();
    assert!(known >= 50 && known < people, "{known} of {people}");
    assert!(
        reads * 50 <= known + 8 * 50 + 50,
        "{known} after {reads} reads"
    );
    let (who, _) = applied(&project, &world, "7m");
    assert_eq!(who, people - known, "the rest alone");
    assert_eq!(told(&project, &world, "8m"), people);
    assert_empty_later(&project, &world, "8m");
}

#[test]
fn asked_to_stop_while_asking_what_came_is_kept() {
    let (world, project, people) = begun("", &["--latency", "100ms"]);
    let mut running = project.start_later(&world, "6m", &APPLY);
    assert!(world.wait_for(READS, 10, &mut running), "it ended before");
    running.terminate();
    let run = running.finish().exits(0).says("Stopping in order");
    let known = told(&project, &world, "7m");
    assert!(known >= 50 && known < people, "{known} of {people}: {run}");
    assert_eq!(applied(&project, &world, "7m").0, people - known);
    assert_eq!(told(&project, &world, "8m"), people);
}

#[test]
fn the_asking_ends_when_its_time_is_up() {
    let settings = "confirm: {max_seconds: 1}";
    let (world, project, people) = begun(settings, &["--latency", "500ms"]);
    let (who, _) = asked(&project.apply_later(&world, "6m"));
    assert!(who >= 50 && who < people, "{who} of {people}");
    assert_eq!(told(&project, &world, "7m"), who);
    let (next, _) = asked(&project.apply_later(&world, "7m"));
    assert!(next >= 50 && who + next <= people, "nobody twice");
}

#[test]
fn a_key_that_may_not_read_people_is_told_and_stops_nothing() {
    let (world, project, people) = begun("", &[]);
    let mut command = project.command(Some(&world), &["apply", "--auto-approve", "--ahead=6m"]);
    command.env("BRAZE_API_KEY", "key-no-users.export.ids");
    let said = run(command)
        .exits(0)
        .says("Not all people could be asked about");
    said.says("users.export.ids");
    assert_eq!(told(&project, &world, "7m"), 0);
    assert_eq!(applied(&project, &world, "7m").0, people);
}

#[test]
fn trouble_while_asking_writes_nothing_wrong() {
    let (world, project, people) = begun("", &[]);
    let [lapsed, active] = ["lapsed1", "act90d1"].map(|id| split(small(), id));
    world.faults("429:0.2@/users/export/ids,500:0.2@/users/export/ids,drop:0.1@/users/export/ids,garbage:0.1@/users/export/ids");
    let mut who = 0;
    for minute in 6..10 {
        let report = project.apply_later(&world, &format!("{minute}m"));
        who += asked(&report).0;
        let plan = project.plan_later(&world, "10m");
        plan.assert_empty("in trouble");
        for (address, (known, unknown)) in [("sync.lapsed-flag", &lapsed), (VALUES, &active)] {
            let [confirmed, absent, unconfirmed, doubt] =
                ["confirmed", "absent", "unconfirmed", "doubt"].map(|of| plan.delta(address, of));
            assert!(confirmed <= count(known) && absent <= count(unknown));
            assert_eq!(
                confirmed + absent + unconfirmed,
                count(known) + count(unknown)
            );
            assert_eq!(doubt, 0);
        }
        assert_eq!(told(&project, &world, "10m"), who);
    }
    world.faults("");
    assert_eq!(who + applied(&project, &world, "11m").0, people);
    assert_eq!(told(&project, &world, "12m"), people);
    // Nobody answers at all: the apply is done.
    world.faults("500:1@/users/export/ids");
    let report = project.apply_later(&world, "25h");
    assert!(report["asked"]["problem"].is_string(), "{report:#}");
    assert_eq!(told(&project, &world, "25h"), people);
}
