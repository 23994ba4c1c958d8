//! Events whose answer never came: `state parked` tells which arrived, and what is decided of them is done once. Whatever
//! happens on the way, Braze holds each event exactly once in the end.

mod proxies;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::support::binary::{Run, run};
use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::project::{OPEN, Project, yaml};
use crate::support::world::World;

/// Long enough after the sending to ask.
const LATER: &str = "10m";
/// Events of one world.
const ALL: u64 = 120;

/// An event every four minutes, every third one an order; the first ten people have another one at the end.
fn lines(begin: Timestamp) -> String {
    let mut lines = String::new();
    for number in 0..ALL {
        let at = begin
            .checked_add((number.cast_signed() * 4).minutes())
            .unwrap();
        let at = at.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
        let kind = if number % 3 == 0 { "Order" } else { "View" };
        let event = json!({
            "event_type": kind, "user_id": format!("buyer-{:03}", number % 110), "device_id": "d",
            "$insert_id": format!("i{number}"), "uuid": format!("u{number}"), "event_time": at,
            "server_upload_time": at, "event_properties": {"number": number, "revenue": 5},
        });
        writeln!(lines, "{event}").unwrap();
    }
    lines
}

#[expect(
    clippy::disallowed_methods,
    reason = "the events of a sandbox are as old as its clock says"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A world with those events, and a project that moves them five a request.
fn begun(delivery: &str) -> (World, Project) {
    let scenario = cdnow::scenario(&Ask::day(JUNE).customers(20));
    let world = World::with(&scenario.dir, &["--seed", "7"]);
    let begin = now().checked_sub(40.hours()).unwrap();
    world.add_events(&lines(begin));
    let start = begin.checked_sub(1.hours()).unwrap();
    let text = yaml(OPEN, 5, &[])
        + &format!(
            "  stream: {{kind: event_stream, from: export, start_at: \"{start:.0}\", {delivery}properties: {{event: [number]}}, \
             events: [View, {{name: Order, as: purchase, purchase: {{product_id: {{value: cds}}, currency: {{value: USD}}, \
             revenue: revenue}}}}]}}\n"
        );
    (world, Project::written(vec![], &text))
}

/// The numbers of the events that Braze holds, each as often as it holds it.
fn held(world: &World) -> BTreeMap<u64, u64> {
    let mut held = BTreeMap::new();
    for one in world.happenings() {
        let number = one["properties"]["number"].as_u64().unwrap();
        *held.entry(number).or_default() += 1;
    }
    held
}

/// Fails unless each event is there, and once.
#[track_caller]
fn assert_each_once(world: &World, when: &str) {
    let wanted: BTreeMap<u64, u64> = (0..ALL).map(|number| (number, 1)).collect();
    assert_eq!(held(world), wanted, "{when}");
}

#[track_caller]
fn nameless(run: Run) -> Run {
    assert!(!run.all().contains("buyer-"), "a person in {run}");
    run
}

/// What `list` tells.
#[track_caller]
fn listed(project: &Project, world: &World) -> Vec<Value> {
    let words = ["state", "parked", "list", "--format", "json"];
    let run = nameless(project.run(world, &words).exits(0));
    run.json()["batches"].as_array().unwrap().clone()
}

fn count(batches: &[Value], of: &str) -> u64 {
    let each = batches.iter().map(|batch| batch[of].as_u64().unwrap());
    each.sum()
}

#[track_caller]
fn parked(project: &Project, world: &World, words: &[&str]) -> Run {
    let words: Vec<&str> = ["state", "parked"].iter().chain(words).copied().collect();
    nameless(project.later(world, LATER, &words))
}

/// The lines of a run that are about one verdict.
fn of_verdict(run: &Run, verdict: &str) -> BTreeSet<String> {
    let verdict = format!("   {verdict}");
    let lines = run.stdout.lines().filter(|line| line.contains(&verdict));
    let names = lines.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.collect()
}

/// Applies through faults until everything is sent or parked.
#[track_caller]
fn applied_through(project: &Project, world: &World, faults: &str) {
    world.faults(faults);
    for _ in 0..20 {
        project.apply(world);
        if project.plan(world).code == 0 {
            world.faults("");
            return;
        }
    }
    panic!("twenty applies were not enough");
}

#[test]
fn what_arrived_is_told_from_what_did_not_and_each_is_there_once() {
    let (world, project) = begun("");
    parked(&project, &world, &["list"])
        .exits(0)
        .says("Nothing is parked");
    parked(&project, &world, &["check"])
        .exits(0)
        .says("Nothing is parked");
    applied_through(
        &project,
        &world,
        "drop:0.3@/users/track,drop_after:0.3@/users/track",
    );

    let batches = listed(&project, &world);
    let all = count(&batches, "events") + count(&batches, "purchases");
    let there = held(&world);
    assert!(there.values().all(|times| *times == 1), "{there:?}");
    assert!(batches.len() >= 4 && batches.len() < 24, "{batches:#?}");
    let list = nameless(project.run(&world, &["state", "parked", "list"]).exits(0));
    for batch in &batches {
        assert_eq!(batch["released"], false);
        assert!(
            list.stdout.contains(batch["batch"].as_str().unwrap()),
            "{list}"
        );
    }

    // Too early nothing is known; nothing is changed.
    let early = project.run(&world, &["state", "parked", "check"]).exits(0);
    assert_eq!(
        of_verdict(&early, "unknown").len(),
        batches.len(),
        "{early}"
    );
    let early = early.says("too young to ask about");
    let none = project.run(
        &world,
        &["state", "parked", "drop", "--arrived", "--auto-approve"],
    );
    nameless(none).exits(0).says("nothing to drop");
    nameless(early);

    let check = parked(&project, &world, &["check"]).exits(0);
    let (arrived, missing) = (
        of_verdict(&check, "arrived"),
        of_verdict(&check, "not arrived"),
    );
    assert!(!arrived.is_empty() && !missing.is_empty(), "{check}");
    assert_eq!(arrived.len() + missing.len(), batches.len(), "{check}");
    let absent = ALL - there.len() as u64;
    let of = |names: &BTreeSet<String>| -> u64 {
        let is = |batch: &&Value| names.contains(batch["batch"].as_str().unwrap());
        let them: Vec<Value> = batches.iter().filter(is).cloned().collect();
        count(&them, "events") + count(&them, "purchases")
    };
    assert_eq!(
        (of(&missing), of(&arrived)),
        (absent, all - absent),
        "{check}"
    );
    let one = missing.first().unwrap();
    let named = parked(&project, &world, &["check", one]).exits(0);
    assert_eq!(of_verdict(&named, "not arrived").len(), 1, "{named}");

    parked(
        &project,
        &world,
        &["release", "--not-arrived", "--auto-approve"],
    )
    .exits(0)
    .says(&format!("Left as they are: {} arrived.", arrived.len()));
    let released = listed(&project, &world);
    let released: Vec<&Value> = released
        .iter()
        .filter(|one| one["released"] == true)
        .collect();
    assert_eq!(released.len(), missing.len());
    let plan = project.plan(&world);
    assert_eq!(plan.code, 2);
    let log = &plan.resource("sync.stream")["log"];
    assert_eq!(
        (log["released"].as_u64(), log["sent"].as_u64()),
        (Some(absent), Some(absent))
    );
    parked(&project, &world, &["drop", "--arrived", "--auto-approve"])
        .exits(0)
        .says(&format!("Left as they are: {} not arrived.", missing.len()));
    let left = listed(&project, &world);
    assert_eq!(left.len(), missing.len());

    project.apply(&world).exits(0);
    assert_each_once(&world, "after what never arrived was released");
    project.assert_settled(&world, "after that");
    assert!(listed(&project, &world).is_empty());
    let run = project
        .run(&world, &["state", "show", "sync.stream"])
        .exits(0);
    assert!(run.json()["log"].get("parked").is_none(), "{run}");
}

#[test]
fn what_is_released_and_lost_again_is_parked_anew() {
    let (world, project) = begun("");
    applied_through(&project, &world, "drop:1@/users/track");
    let first = listed(&project, &world);
    assert_eq!(count(&first, "events") + count(&first, "purchases"), ALL);
    parked(&project, &world, &["release", "--all", "--auto-approve"]).exits(0);
    // Once more is the same.
    parked(&project, &world, &["release", "--all", "--auto-approve"])
        .exits(0)
        .says("nothing to release");
    applied_through(
        &project,
        &world,
        "drop:0.5@/users/track,drop_after:0.2@/users/track",
    );
    let again = listed(&project, &world);
    let names = |batches: &[Value]| -> BTreeSet<String> {
        let names = batches
            .iter()
            .map(|one| one["batch"].as_str().unwrap().to_owned());
        names.collect()
    };
    assert!(
        !again.is_empty() && names(&first).is_disjoint(&names(&again)),
        "{again:#?}"
    );
    assert!(
        again.iter().all(|one| one["released"] == false),
        "{again:#?}"
    );
    parked(&project, &world, &["drop", "--arrived", "--auto-approve"]).exits(0);
    parked(
        &project,
        &world,
        &["release", "--not-arrived", "--auto-approve"],
    )
    .exits(0);
    project.apply(&world).exits(0);
    assert_each_once(&world, "after two losses");
    project.assert_settled(&world, "after that");
    assert!(listed(&project, &world).is_empty());
}

#[test]
fn a_decision_needs_names_that_are_there_and_a_yes() {
    let (world, project) = begun("");
    applied_through(&project, &world, "drop:1@/users/track");
    let before = listed(&project, &world);
    let known = before[0]["batch"].as_str().unwrap();
    for verb in ["release", "drop"] {
        parked(&project, &world, &[verb, "--auto-approve"]).exits(1);
        parked(&project, &world, &[verb, known, "--all", "--auto-approve"]).exits(1);
        let wrong = [verb, known, "nothing-0", "nothing-1", "--auto-approve"];
        parked(&project, &world, &wrong)
            .exits(1)
            .says("no batch is parked by the name of `nothing-0`, `nothing-1`");
        parked(&project, &world, &[verb, known])
            .exits(1)
            .says("--auto-approve");
    }
    parked(&project, &world, &["check", "nothing-0"])
        .exits(1)
        .says("`nothing-0`");
    assert_eq!(listed(&project, &world), before);
    // One alone, by its name; then all that are left, the released one too.
    parked(&project, &world, &["release", known, "--auto-approve"]).exits(0);
    let after = listed(&project, &world);
    assert_eq!(
        after.iter().filter(|one| one["released"] == true).count(),
        1
    );
    let rest = before.len();
    parked(&project, &world, &["drop", "--all", "--auto-approve"])
        .exits(0)
        .says(&format!("Dropped: {rest} batches"));
    assert!(listed(&project, &world).is_empty());
    project.assert_settled(&world, "after all was dropped");
    assert_eq!(held(&world), BTreeMap::new());
}

#[test]
fn killed_while_it_is_decided_all_is_decided_or_nothing() {
    let (world, project) = begun("");
    applied_through(&project, &world, "drop:1@/users/track");
    let all = listed(&project, &world).len();
    let mut amid = 0;
    for wait in (0..12).map(|step| Duration::from_millis(step * 12)) {
        let words = ["state", "parked", "release", "--all", "--auto-approve"];
        let mut run = project.start(&world, &words);
        amid += u32::from(!run.ends_within(wait));
        run.kill();
        let batches = listed(&project, &world);
        let released = batches.iter().filter(|one| one["released"] == true).count();
        assert!(released == 0 || released == all, "{batches:#?}");
        assert_eq!(
            count(&batches, "events") + count(&batches, "purchases"),
            ALL
        );
    }
    assert!(amid > 0, "no kill met a run that was still going");
    parked(&project, &world, &["release", "--all", "--auto-approve"]).exits(0);
    project.apply(&world).exits(0);
    assert_each_once(&world, "after the kills");
    project.assert_settled(&world, "after that");
}

#[test]
fn what_a_killed_apply_had_under_way_is_listed_and_decided() {
    let (world, project) = begun("");
    world.faults("slow:0.5@/users/track");
    let mut run = project.start_apply(&world);
    assert!(world.wait_for_tracks(6, &mut run), "it ended before");
    run.kill();
    world.faults("");
    let pending = listed(&project, &world);
    assert!(!pending.is_empty());
    parked(&project, &world, &["check"]).exits(0);
    project.apply(&world).exits(0);
    let folded = listed(&project, &world);
    // What is in doubt may have left up to when the cut run was found.
    let counted = |mut batches: Vec<Value>| {
        for batch in &mut batches {
            batch["left_at"].take();
        }
        batches
    };
    assert_eq!(
        counted(folded),
        counted(pending),
        "recovered as they were counted"
    );
    // What was under way has arrived by now, or never will.
    parked(
        &project,
        &world,
        &["release", "--not-arrived", "--auto-approve"],
    )
    .exits(0);
    parked(&project, &world, &["drop", "--arrived", "--auto-approve"]).exits(0);
    project.apply(&world).exits(0);
    assert_each_once(&world, "after a kill");
    project.assert_settled(&world, "after that");
}

#[test]
fn nothing_is_parked_where_it_is_sent_again() {
    let (world, project) = begun("delivery: at_least_once, ");
    applied_through(
        &project,
        &world,
        "drop:0.3@/users/track,drop_after:0.2@/users/track",
    );
    assert!(listed(&project, &world).is_empty());
    let held = held(&world);
    assert_eq!(held.len() as u64, ALL, "none is lost");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program reads the clock too")]
fn released_under_at_least_once_is_not_lost() {
    let (world, project) = begun("");
    applied_through(&project, &world, "drop:1@/users/track");
    parked(&project, &world, &["release", "--all", "--auto-approve"]).exits(0);
    let begin = Timestamp::now().checked_sub(40.hours()).unwrap();
    let start = begin.checked_sub(1.hours()).unwrap();
    let text = yaml(OPEN, 5, &[])
        + &format!(
            "  stream: {{kind: event_stream, from: export, start_at: \"{start:.0}\", delivery: at_least_once, properties: {{event: [number]}}, \
             events: [View, {{name: Order, as: purchase, purchase: {{product_id: {{value: cds}}, currency: {{value: USD}}, \
             revenue: revenue}}}}]}}\n"
        );
    project.write(&text);
    world.faults("drop:1@/users/track");
    project.apply(&world).exits(6);
    world.faults("");
    project.apply(&world).exits(0);
    project.apply(&world).exits(0);
    assert_eq!(held(&world).len() as u64, ALL, "none is lost");
}

#[test]
fn a_page_of_400_is_no_refusal_of_each() {
    let (world, project) = begun("");
    let text = std::fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    project.write(&text.replace("objects_per_request: 5", "objects_per_request: 75"));
    let mode = std::sync::Arc::new(std::sync::atomic::AtomicU8::new(1));
    let url = proxies::proxy(world.url(), mode.clone());
    let url = format!("--sandbox={url}");
    run(project.command(None, &["apply", "--auto-approve", &url])).exits(1);
    mode.store(0, std::sync::atomic::Ordering::SeqCst);
    run(project.command(None, &["apply", "--auto-approve", &url])).exits(0);
    assert_eq!(held(&world).len(), ALL as usize, "none is lost");
}

#[test]
fn unnamed_errors_are_not_sent_again_and_again() {
    let (world, project) = begun("delivery: at_least_once, ");
    let mode = std::sync::Arc::new(std::sync::atomic::AtomicU8::new(2));
    let url = proxies::proxy(world.url(), mode.clone());
    let url = format!("--sandbox={url}");
    for _ in 0..3 {
        run(project.command(None, &["apply", "--auto-approve", &url])).exits(0);
    }
    assert!(held(&world).values().all(|times| *times <= 2));
}
