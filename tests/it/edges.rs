//! Where an audience goes wrong without a fault: exclusions that break, labels that meet, freezes, runs that were cut
//! and then changed. Each was once a way round a promise.

use serde_json::json;

use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, array, directly, flag, yaml};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_500))
}

const HEADER: &str = "\"amplitude_id\",\"user_id\"\n";

#[test]
fn an_excluded_cohort_that_empties_or_shrinks_stops() {
    let world = World::start(&june().dir);
    let syncs = vec![flag("Repeat buyers", "repeat1").with("exclude: [{cohort: Big spenders}]")];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    project.apply(&world).exits(0);
    let before = world.stats().writes();

    world.put_members("bigspnd", HEADER);
    let plan = project.plan(&world);
    assert_eq!(plan.code, 3, "{:#}", plan.json);
    assert!(!plan.passes("sync.repeat-buyers-flag", "empty_source"));
    project
        .apply(&world)
        .exits(3)
        .says("excluded cohort \"Big spenders\"");

    let few: Vec<&str> = june().cohort("bigspnd").lines().take(4).collect();
    world.put_members("bigspnd", &(few.join("\n") + "\n"));
    assert!(
        !project
            .plan(&world)
            .passes("sync.repeat-buyers-flag", "max_shrink")
    );
    assert_eq!(world.stats().writes(), before, "something was written");

    world.load(&june().dir);
    project.assert_settled(&world, "with the excluded cohort back");
}

#[test]
fn one_label_has_one_owner_however_it_is_named() {
    let world = World::start(&june().dir);
    let by_id =
        "  a: {kind: cohort, cohort: {id: bigspnd}, to: {attribute_array: amplitude_cohorts}}\n";
    let by_label = "  b: {kind: cohort, cohort: Repeat buyers, label: Big spenders, to: {attribute_array: amplitude_cohorts}}\n";
    let text = yaml("", 75, &[]) + by_id + by_label;
    let project = Project::written(vec![], &text);
    project
        .apply(&world)
        .exits(1)
        .says("two owners")
        .says("sync.a and sync.b");
    // What is not selected owns what it writes as well.
    let words = ["apply", "--auto-approve", "--only", "sync.b"];
    project.run(&world, &words).exits(1).says("two owners");
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn nothing_runs_in_a_freeze() {
    let world = World::start(&june().dir);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let frozen =
        "freeze: [{from: 2020-01-01T00:00:00Z, until: 2999-01-01T00:00:00Z, reason: the holidays}]";
    let project = Project::written(syncs.clone(), &yaml(frozen, 75, &syncs));
    project.apply(&world).exits(3).says("the holidays");
    assert_eq!(world.stats().tracks(), 0);
    project.write(&yaml("", 75, &syncs));
    project.assert_applies(&world, june(), "after the freeze");
}

#[test]
fn a_first_apply_that_was_cut_is_seen_by_the_next_plan() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = vec![
        flag("Repeat buyers", "repeat1"),
        flag("Big spenders", "bigspnd"),
    ];
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    let mut run = project.start_apply(&world);
    assert!(
        world.wait_for_tracks(20, &mut run),
        "it ended before it was cut"
    );
    run.kill();

    // Its block vanishes: what was sent is not forgotten.
    project.write(&yaml(OPEN, 5, &syncs[1..]));
    let plan = project.plan(&world);
    assert_eq!(plan.code, 3, "{:#}", plan.json);
    assert!(!plan.passes("sync.repeat-buyers-flag", "undeclared_removal"));

    // Its target changes: the old rows are not taken for the new ones.
    let moved = yaml(OPEN, 5, &syncs).replace("is_repeat_buyers", "is_loyal");
    project.write(&moved);
    let plan = project.plan(&world);
    assert_eq!(
        plan.resource("sync.repeat-buyers-flag")["action"],
        "replace"
    );
    assert_eq!(plan.delta("sync.repeat-buyers-flag", "before"), 0);

    project.write(&yaml(OPEN, 75, &syncs));
    project.assert_applies(&world, june(), "after the cut");
}

#[test]
fn removals_of_runs_that_were_cut_use_the_allowance_up() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = vec![flag("Lapsed", "lapsed1")];
    let project = Project::written(syncs.clone(), &yaml("", 5, &syncs));
    project.assert_applies(&world, june(), "in June");
    let lines: Vec<&str> = june().cohort("lapsed1").lines().collect();
    let keep = lines.len() / 3;
    world.put_members("lapsed1", &(lines[..keep].join("\n") + "\n"));
    let gone = lines.len() - keep;

    let allowed = |max: usize| {
        let more = format!("allow_removal: {{max: {max}, reason: spring, until: 2999-01-01}}");
        yaml("", 5, &[flag("Lapsed", "lapsed1").with(&more)])
    };
    project.write(&allowed(gone));
    world.reset();
    let mut run = project.start_apply(&world);
    assert!(
        world.wait_for_tracks(20, &mut run),
        "it ended before it was cut"
    );
    run.kill();
    let manifest = || {
        let text = std::fs::read_to_string(project.state(&world).join("manifest.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    project.run(&world, &["apply", "--auto-approve"]).exits(0);
    let used = &manifest()["resources"]["sync.lapsed-flag"]["removals_used"];
    let used: u64 = used
        .as_object()
        .unwrap()
        .values()
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert_eq!(used, gone as u64, "what went in both runs");
}

#[test]
fn a_cohort_without_identifiers_is_seen() {
    let world = World::start(&june().dir);
    let syncs = vec![flag("Visitors", "visit01").with("guards: {min_identified: 90%}")];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    // 150 of its rows are devices of anonymous people.
    project.apply(&world).exits(3).says("min_identified");
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn one_cohort_that_cannot_be_read_does_not_hide_the_others() {
    let world = World::start(&june().dir);
    let syncs = vec![
        flag("Repeat buyers", "repeat1"),
        array("Big spenders", "bigspnd"),
    ];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    world.put_cohort("repeat1", &json!({"size": 900_000}));
    let run = project.run(&world, &["plan"]).exits(1).says("900000");
    assert!(run.stdout.contains("+ sync.big-spenders-array"), "{run}");
    let downloads = world.stats().downloads();
    // Asking again is free.
    project.run(&world, &["plan"]).exits(1);
    assert_eq!(world.stats().downloads(), downloads);
}

#[test]
fn a_wrong_braze_key_writes_nothing_and_says_so() {
    let world = World::start(&june().dir);
    let project = Project::written(
        vec![flag("Big spenders", "bigspnd")],
        &yaml(OPEN, 75, &[flag("Big spenders", "bigspnd")]),
    );
    let mut command = project.command(Some(&world), &["apply", "--auto-approve"]);
    command.env("BRAZE_API_KEY", "a-bad-key");
    let run = crate::support::binary::run(command).exits(1);
    let run = run.says("users.track").says("Nothing was applied");
    assert!(!run.all().contains("in part"), "{run}");
    // The right key is welcome, and there is still everything to create.
    let plan = project.plan(&world);
    assert_eq!(plan.json["summary"]["create"], 1, "{:#}", plan.json);
    project.assert_applies(&world, june(), "with the right key");
}

#[test]
fn a_run_that_is_stopped_before_it_sends_has_written_nothing() {
    let world = World::start(&june().dir);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let text = yaml(OPEN, 75, &syncs).replace("settle: 0s", "settle: 60s");
    let project = Project::written(syncs, &text);
    project.apply(&world).exits(0);
    let few: Vec<&str> = june().cohort("bigspnd").lines().take(40).collect();
    world.put_members("bigspnd", &(few.join("\n") + "\n"));
    let before = world.stats().tracks();
    let mut run = project.start_apply(&world);
    assert!(
        !run.ends_within(std::time::Duration::from_secs(1)),
        "it did not wait"
    );
    run.terminate();
    run.finish().exits(1).says("nothing was written");
    assert_eq!(world.stats().tracks(), before);
}

#[test]
fn a_request_that_was_answered_twice_is_priced_honestly() {
    let world = World::with(
        &june().dir,
        &["--faults", "drop_after:0.5@/users/track", "--seed", "3"],
    );
    let project = Project::written(
        vec![flag("Lapsed", "lapsed1")],
        &yaml(OPEN, 20, &[flag("Lapsed", "lapsed1")]),
    );
    let run = project.apply(&world).exits(0);
    let figure = |after: &str| {
        // The report is what is said last.
        let text = run.stdout.rsplit(after).next().unwrap();
        let digits: String = text
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .collect();
        digits.replace(',', "").parse::<u64>().unwrap()
    };
    let (told, again) = (figure("requests, "), figure("up to "));
    assert!(again > 0, "{run}");
    // People whom Braze does not know are not billed, so the bill is below what is told.
    let billed = world.stats().data_points;
    assert!(
        told < billed && billed <= told + again,
        "{billed} billed, {told} and up to {again} told"
    );
}

#[test]
fn a_label_that_moves_is_not_applied_by_half() {
    let world = World::start(&june().dir);
    let sync = |name: &str, cohort: &str, label: &str| {
        format!(
            "  {name}: {{kind: cohort, cohort: {cohort}, label: {label}, to: {{attribute_array: coh}}}}\n"
        )
    };
    let before = yaml(OPEN, 75, &[]) + &sync("a", "Big spenders", "VIP");
    let project = Project::written(vec![], &before);
    project.apply(&world).exits(0);
    let after = yaml(OPEN, 75, &[])
        + &sync("a", "Big spenders", "BIG")
        + &sync("b", "Repeat buyers", "VIP");
    project.write(&after);
    let only = ["apply", "--auto-approve", "--only", "sync.b"];
    project.run(&world, &only).exits(1).says("two owners");
    project.apply(&world).exits(0);
    let with = |label: &str| {
        let holds = |value: &serde_json::Value| {
            value
                .as_array()
                .is_some_and(|labels| labels.contains(&json!(label)))
        };
        world
            .attribute("coh")
            .into_iter()
            .filter(|(_, value)| holds(value))
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    let known = crate::support::truth::known(&june().files);
    let expected = |cohort: &str| {
        let mut ids: Vec<String> = crate::support::truth::user_ids(june().cohort(cohort))
            .into_iter()
            .collect();
        ids.retain(|id| known.contains(id));
        ids.sort();
        ids
    };
    assert_eq!(
        (with("VIP"), with("BIG")),
        (expected("repeat1"), expected("bigspnd"))
    );
    let plan = project.run(&world, &["plan", "--detailed-exitcode"]);
    plan.exits(0);
}

#[test]
fn a_refusal_can_be_left_out_by_name() {
    let world = World::start(&june().dir);
    let syncs = vec![
        flag("Repeat buyers", "repeat1"),
        flag("Big spenders", "bigspnd"),
    ];
    let project = Project::written(syncs.clone(), &yaml(OPEN, 75, &syncs));
    project.apply(&world).exits(0);
    project.write(&yaml(OPEN, 75, &syncs[1..]));
    project.run(&world, &["plan"]).exits(3);
    project
        .run(&world, &["plan", "--except", "sync.repeat-buyers-flag"])
        .exits(0);
}

#[test]
fn a_state_into_which_nothing_was_written_belongs_to_nobody() {
    let (wrong, right) = (World::start(&june().dir), World::start(&june().dir));
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let at = |world: &World| directly(&yaml(OPEN, 75, &syncs), world);
    let project = Project::written(syncs.clone(), &at(&wrong));
    let apply = |key: &str| {
        let mut command = project.command(None, &["apply", "--auto-approve"]);
        command
            .env("AMPLITUDE_API_KEY", "a")
            .env("AMPLITUDE_SECRET_KEY", "b")
            .env("BRAZE_API_KEY", key);
        crate::support::binary::run(command)
    };
    apply("a-bad-key").exits(1).says("Nothing was applied");
    project.write(&at(&right));
    apply("key").exits(0);
    assert!(right.stats().tracks() > 0);
    // Now it is about that one.
    project.write(&at(&wrong));
    apply("key").exits(1).says("rebind");
}
