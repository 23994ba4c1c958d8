//! Saved plans: applied as they were reviewed, once, or refused with what differs. Wherever one was applied, a plan made
//! after it is empty.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::binary::{Run, run};
use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, ten, yaml};
use crate::support::truth;
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

fn july() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JULY).customers(2_000))
}

const FILE: &str = "plan.tar";

fn two() -> Vec<Sync> {
    vec![
        flag("Big spenders", "bigspnd"),
        array("Repeat buyers", "repeat1"),
    ]
}

fn path(project: &Project) -> PathBuf {
    project.dir().join(FILE)
}

#[track_caller]
fn save(project: &Project, world: &World) -> Run {
    project.run(world, &["plan", "--out", FILE]).exits(0)
}

#[track_caller]
fn apply(project: &Project, world: &World) -> Run {
    project.run(world, &["apply", FILE])
}

/// The plan is refused with these words, and nothing is written.
#[track_caller]
fn assert_refused(project: &Project, world: &World, words: &str) {
    let before = world.stats().writes();
    let run = apply(project, world).exits(5).says(words);
    assert!(run.stderr.contains("plan again"), "{run}");
    assert_eq!(world.stats().writes(), before, "a refused plan wrote");
}

/// The first people of a cohort's file, without its head.
fn few(scenario: &Scenario, id: &str, count: usize) -> String {
    let lines: Vec<&str> = scenario.cohort(id).lines().take(count + 1).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_saved_plan_is_shown_and_applied_as_it_was_and_once() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    let planned = save(&project, &world);
    assert!(
        planned
            .stdout
            .trim_end()
            .ends_with("syncform apply plan.tar"),
        "{planned}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path(&project)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let show = |words: &[&str]| {
        let dir = project.dir().to_str().unwrap();
        let words = ["-C", dir, "show", FILE].into_iter().chain(words.to_vec());
        run(crate::support::binary::syncform(words)).exits(0)
    };
    assert_eq!(show(&[]).stdout, planned.stdout);
    let shown = show(&["--format", "json"]).json();
    assert_eq!(shown["summary"]["create"], 2);
    let people = show(&["--show-ids"]).stdout;
    let rows = people
        .lines()
        .filter(|line| line.contains("cdnow-"))
        .count() as u64;
    let delta = |at: usize| shown["resources"][at]["delta"]["add"].as_u64().unwrap();
    assert_eq!(rows, delta(0) + delta(1));
    assert!(!show(&[]).all().contains("cdnow-"), "ids unasked");

    apply(&project, &world).exits(0).says("Applied: 2 of 2");
    project.assert_exact(&world, june(), "after a saved plan");
    project.assert_settled(&world, "after a saved plan");
    assert_refused(&project, &world, "applied already");
    // One that has nothing to do is applied once, too.
    save(&project, &world);
    apply(&project, &world).exits(0).says("Nothing to do.");
    assert_refused(&project, &world, "applied already");
    project.assert_settled(&world, "after both");
}

#[test]
fn what_moved_since_makes_a_plan_stale_and_is_named() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    save(&project, &world);
    let whole = june().cohort("bigspnd").lines().count() - 1;
    world.put_members("bigspnd", &few(june(), "bigspnd", 40));
    let words = format!("sync.big-spenders-flag: {} rows differ", whole - 40);
    assert_refused(&project, &world, &words);
    let run = apply(&project, &world);
    assert!(
        !run.all().contains("repeat-buyers"),
        "only what differs: {run}"
    );
    assert!(!run.all().contains("cdnow-0"), "a person: {run}");

    let change = |text: &str, words: &str| {
        project.write(&yaml(OPEN, 75, &two()));
        save(&project, &world);
        project.write(text);
        assert_refused(&project, &world, words);
    };
    let first = |more: &str| yaml(OPEN, 75, &[two()[0].clone().with(more), two()[1].clone()]);
    let address = "sync.big-spenders-flag:";
    let config = "its configuration changed: cadence";
    change(&first("cadence: hourly"), &format!("{address} {config}"));
    let guards = format!("{address} its guards changed: allow_empty");
    change(&first("allow_empty: true"), &guards);
    change(&yaml(OPEN, 50, &two()), "braze.objects_per_request");
    change(
        &yaml("guards: {max_removals: 90%, max_shrink: 100%}", 75, &two()),
        "guards.max_removals",
    );
    change(
        &yaml(OPEN, 75, &two()[..1]),
        "sync.repeat-buyers-array: it is no longer part of the plan",
    );
    change(
        &yaml(OPEN, 75, &[two(), vec![flag("Lapsed", "lapsed1")]].concat()),
        "sync.lapsed-flag: it was not part of the plan",
    );

    project.write(&yaml(OPEN, 75, &two()));
    save(&project, &world);
    world.put_cohort("repeat1", &json!({"definition": {"type": "another"}}));
    let words = "sync.repeat-buyers-array: the cohort's definition changed";
    assert_refused(&project, &world, words);
    // An error of the plan itself wins.
    world.put_cohort("repeat1", &json!({"archived": true}));
    apply(&project, &world).exits(1).says("archived");
    world.put_cohort("repeat1", &json!({"archived": false}));

    save(&project, &world);
    apply(&project, &world).exits(0);
    project.assert_settled(&world, "after a fresh plan");
}

#[test]
fn what_means_the_same_is_no_reason_to_refuse() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    save(&project, &world);
    // Computed again, with the same people.
    for sync in two() {
        world.put_members(sync.id, june().cohort(sync.id));
    }
    apply(&project, &world).exits(0);
    project.assert_exact(&world, june(), "though recomputed");
    project.assert_settled(&world, "though recomputed");

    // What is compared and found to be as it should means what it means at rest.
    let digest = || project.plan(&world).json["digest"].clone();
    let resting = digest();
    for sync in two() {
        world.put_members(sync.id, june().cohort(sync.id));
    }
    assert_eq!(digest(), resting);
    project.apply(&world).exits(0);
    assert_eq!(digest(), resting);

    // A sync outside of the plan was applied meanwhile.
    world.load(&july().dir);
    let (one, other) = ("sync.big-spenders-flag", "sync.repeat-buyers-array");
    let only = ["plan", "--only", one, "--out", FILE];
    project.run(&world, &only).exits(0).says("PARTIAL");
    let outside = ["apply", "--auto-approve", "--only", other];
    project.run(&world, &outside).exits(0);
    apply(&project, &world).exits(0);
    project.assert_exact(&world, july(), "applied by halves");
    project.assert_settled(&world, "applied by halves");

    // One that rests in the plan was: it rests again. (A time of its own, later than any: to load a scenario turns
    // Amplitude's times back, and one second must not stand for two files.)
    let put = |id: &str, people: &str| {
        world.put_members(id, people);
        world.put_cohort(id, &json!({"lastComputed": 4_000_000_000_u64}));
    };
    let forty = few(july(), "bigspnd", 40);
    put("bigspnd", &forty);
    save(&project, &world);
    put("repeat1", &few(july(), "repeat1", 400));
    project.run(&world, &outside).exits(0);
    apply(&project, &world).exits(0);
    project.assert_settled(&world, "though another moved");
    let flags = world.attribute("is_big_spenders");
    let known = truth::known(&july().files);
    let wanted = truth::user_ids(&forty);
    assert_eq!(
        flags.values().filter(|value| **value == true).count(),
        wanted
            .iter()
            .filter(|person| known.contains(*person))
            .count()
    );
}

#[test]
fn a_plan_expires() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    // By what it was made with, and by what is configured now: the smaller one counts.
    let short = yaml(&format!("{OPEN}\nplan_ttl: 1s"), 75, &two());
    for (made, now) in [
        (&short, &yaml(OPEN, 75, &two())),
        (&yaml(OPEN, 75, &two()), &short),
    ] {
        project.write(made);
        save(&project, &world);
        project.write(now);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1_100) {
            world.stats();
        }
        assert_refused(&project, &world, "expired at");
    }
    project.write(&yaml(OPEN, 75, &two()));
    save(&project, &world);
    apply(&project, &world).exits(0);
    project.assert_settled(&world, "before it expired");
}

#[test]
fn a_plan_is_for_one_state_and_one_target() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    project.assert_applies(&world, june(), "in June");
    world.load(&july().dir);
    save(&project, &world);

    let text = yaml(OPEN, 75, &two());
    project.write(&text.replace("workspace: cdnow", "workspace: other"));
    assert_refused(&project, &world, "made for another workspace: `cdnow`");
    let environments = "environments: {staging: {}}";
    project.write(&yaml(&format!("{OPEN}\n{environments}"), 75, &two()));
    let run = project.run(&world, &["apply", FILE, "-e", "staging"]);
    run.exits(5).says("another environment");
    project.write(&text);
    let elsewhere = World::start(&june().dir);
    assert_refused(&project, &elsewhere, "made for another Braze");

    fs::remove_dir_all(project.state(&world)).unwrap();
    assert_refused(&project, &world, "made against another state");
    project.apply(&world).exits(0);
    assert_refused(&project, &world, "made against another state");
    project.assert_settled(&world, "in a new state");
}

#[test]
fn a_killed_apply_counts_and_a_plain_one_ends_it() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    save(&project, &world);
    let mut run = project.start(&world, &["apply", FILE]);
    assert!(world.wait_for_tracks(5, &mut run), "it ended before");
    // While it writes, the state is its own.
    apply(&project, &world).exits(4);
    run.kill();
    assert_refused(&project, &world, "applied already");
    project.apply(&world).exits(0);
    project.assert_exact(&world, june(), "after a kill");
    project.assert_settled(&world, "after a kill");
}

#[test]
fn guards_and_selections_hold_for_saved_plans() {
    let world = World::start(&june().dir);
    let project = Project::written(two(), &yaml("", 75, &two()));
    project.assert_applies(&world, june(), "in June");
    world.put_members("repeat1", &few(june(), "repeat1", 20));
    // A refused plan may be saved, to be looked at.
    let plan = project.run(&world, &["plan", "--out", FILE]).exits(3);
    assert!(plan.stdout.contains("REFUSED"), "{plan}");
    let before = world.stats().writes();
    apply(&project, &world).exits(3);
    assert_eq!(world.stats().writes(), before);
    for selection in [
        &["--only", "sync.*"][..],
        &["--except", "sync.a"],
        &["--changed"],
    ] {
        let words = [&["apply", FILE][..], selection].concat();
        project
            .run(&world, &words)
            .exits(1)
            .says("takes no selection");
    }
    let except = [
        "plan",
        "--out",
        FILE,
        "--except",
        "sync.repeat-buyers-array",
    ];
    project.run(&world, &except).exits(0);
    apply(&project, &world).exits(0).says("Nothing to do.");
    world.load(&june().dir);
    project.assert_applies(&world, june(), "in June again");
}

#[test]
fn what_is_no_plan_is_said_to_be_none() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    let file = path(&project);
    for verb in ["show", "apply"] {
        project
            .run(&world, &[verb, FILE])
            .exits(1)
            .says("not a saved plan");
    }
    let mut command = project.command(Some(&world), &["plan", "--out", FILE]);
    let key = "planted-braze-71c0";
    command.env("BRAZE_API_KEY", key);
    run(command).exits(0);
    let whole = fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains(key), "a secret");
    let mut changed = whole.clone();
    changed[700] ^= 1;
    let other = String::from_utf8_lossy(&whole).contains("syncform-plan/1");
    assert!(other, "its format is told in plain");
    for bytes in [
        b"version: 1\n".to_vec(),
        vec![],
        whole[..whole.len() / 2].to_vec(),
        changed,
    ] {
        fs::write(&file, bytes).unwrap();
        for verb in ["show", "apply"] {
            let run = project.run(&world, &[verb, FILE]).exits(1);
            assert!(run.says("not a saved plan").stderr.contains("plan.tar"));
        }
    }
    assert_eq!(world.stats().tracks(), 0);

    // A plan that cannot be saved leaves what is there, and nothing half written.
    fs::write(&file, &whole).unwrap();
    world.put_cohort("repeat1", &json!({"archived": true}));
    let plan = ["plan", "--out", FILE];
    project.run(&world, &plan).exits(1).says("not saved");
    assert_eq!(fs::read(&file).unwrap(), whole);
    world.put_cohort("repeat1", &json!({"archived": false}));
    project
        .run(&world, &["plan", "--out", "nowhere/plan.tar"])
        .exits(1)
        .says("nowhere");
    let left = fs::read_dir(project.dir()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".writing-")),
        "{left:?}"
    );
    apply(&project, &world).exits(0);
    project.assert_settled(&world, "after the plan that was whole");
}

#[test]
fn what_is_not_ours_is_not_overwritten() {
    let world = World::start(&june().dir);
    let project = Project::new(two());
    let written = std::fs::read(project.dir().join("syncform.yaml")).unwrap();
    let onto = |path: &str| project.run(&world, &["plan", "--out", path]);
    onto("syncform.yaml").exits(1).says("no saved plan");
    std::os::unix::fs::symlink("syncform.yaml", project.dir().join("link")).unwrap();
    onto("link").exits(1).says("no plain file");
    onto(".").exits(1).says("no plain file");
    let now = std::fs::read(project.dir().join("syncform.yaml")).unwrap();
    assert_eq!(now, written);
    // One of ours is.
    onto("plan.tar").exits(0);
    onto("plan.tar").exits(0);
    project.apply(&world).exits(0);
    let csv = ["report", "--refused", "syncform.yaml"];
    project
        .run(&world, &csv)
        .exits(1)
        .says("no list of refused rows");
    let csv = ["report", "--refused", "refused.csv"];
    project.run(&world, &csv).exits(0);
    project.run(&world, &csv).exits(0);
    project.assert_settled(&world, "beside files");
}
