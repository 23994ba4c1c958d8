//! Labels and guards: arrays that are too short, and how few may be known.

use serde_json::json;

use super::{NOBODY_NEW, VALUES, applied, assert_empty_later, count, small, split, text};
use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::project::{Project, array, flag, yaml};
use crate::support::truth;
use crate::support::world::World;

/// Others' labels push ours out; ours comes back, and pushes one of theirs out.
#[test]
fn labels_that_are_pushed_out_of_a_full_array_come_back() {
    let world = World::start(&small().dir);
    let (known, unknown) = split(small(), "act90d1");
    world.fix_attribute("amplitude_cohorts", &json!({"array_length": 2}));
    let syncs = vec![array("Active 90d", "act90d1")];
    let text = yaml("", 75, &syncs).replace("{settle: 0s}", "{settle: 0s, recheck: 1h}");
    let project = Project::written(syncs, &text);
    let address = "sync.active-90d-array";
    project.apply(&world).exits(0);
    for person in &known[..7] {
        world.put_user(person, &json!({"amplitude_cohorts": ["One", "Two"]}));
    }
    let (_, found) = applied(&project, &world, "6m");
    assert_eq!(found[address], [count(&known) - 7, count(&unknown), 7, 0]);
    world.reset();
    applied(&project, &world, "7m");
    assert_eq!((world.stats().objects, world.stats().data_points), (7, 7));
    let labels = world.attribute("amplitude_cohorts");
    for person in &known[..7] {
        assert_eq!(labels[person], json!(["Two", "Active 90d"]));
    }
    let (_, found) = applied(&project, &world, "13m");
    assert_eq!(found[address], [7, 0, 0, 0]);
    assert_empty_later(&project, &world, "14m");
}

#[test]
fn so_few_known_people_are_refused() {
    let scenario = cdnow::scenario(&Ask::day(JUNE).customers(3_000));
    let world = World::start(&scenario.dir);
    let syncs = vec![flag("Lapsed", "lapsed1")];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    let address = syncs[0].address();
    let (known, unknown) = split(scenario, "lapsed1");
    let people = count(&known) + count(&unknown);
    assert!(people > 1_000);
    let written = |least: &str| {
        let guards = format!("guards: {{min_known: {least}, max_removals: none}}");
        project.write(&yaml(&guards, 75, &syncs));
    };
    written("99%");
    project.apply(&world).exits(0);
    applied(&project, &world, "6m");
    // Nothing to send is not refused, and some rows are.
    assert_empty_later(&project, &world, "7m");
    let leaves = |line: &&str| !line.contains(known[0].as_str());
    let lines = scenario.cohort("lapsed1").lines().filter(leaves);
    let file: String = lines.flat_map(|line| [line, "\n"]).collect();
    world.put_members("lapsed1", &file);
    let plan = project.plan_later(&world, "8m");
    assert_eq!((plan.code, plan.passes(&address, "min_known")), (3, false));
    let words = ["apply", "--auto-approve"];
    let share = (known.len() * 100) / people as usize;
    let paste = format!("guards: {{min_known: {share}%}}");
    let said = project.later(&world, "8m", &words).exits(3).says(&paste);
    assert!(!said.all().contains("cdnow-"), "{said}");
    written(&format!("{share}%"));
    project.apply_later(&world, "8m");
    assert_eq!(world.attribute("is_lapsed")[&known[0]], false);
}

#[test]
fn nothing_is_asked_where_nobody_wants_to_know() {
    let world = World::start(&small().dir);
    let syncs = vec![flag("Active 90d", "act90d1")];
    let settings = "confirm: never";
    let project = Project::written(syncs.clone(), &text("", &syncs, settings, NOBODY_NEW));
    project.apply(&world).exits(0);
    for ahead in ["6m", "25h"] {
        project.apply_later(&world, ahead);
        assert_eq!(world.stats().reads(), 0, "{ahead}");
    }
    let people = truth::user_ids(small().cohort("act90d1")).len() as u64;
    let plan = project.plan_later(&world, "26h");
    assert_eq!(plan.json["read_back"]["never_asked"], 2 * people);
    assert_eq!(plan.delta(VALUES, "unconfirmed"), people);

    // Four minutes are too few, five are enough.
    project.write(&text("", &syncs, "recheck: 1h", NOBODY_NEW));
    let world = World::start(&small().dir);
    project.apply(&world).exits(0);
    project.apply_later(&world, "4m");
    assert_eq!(world.stats().reads(), 0);
    applied(&project, &world, "6m");
    assert_eq!(world.stats().reads(), people.div_ceil(50));
}
