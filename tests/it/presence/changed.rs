//! What others do behind our back: values changed, labels and flags taken out, people deleted and merged. The reads find
//! exactly those, and the next apply sends exactly what differs, within the guards.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    NOBODY_NEW, VALUES, all, applied, assert_empty_later, count, lines, small, split, text,
};
use crate::support::project::{OPEN, Project, Sync, array, flag};
use crate::support::world::World;

const LABEL: &str = "sync.active-90d-array";
const FLAG: &str = "sync.active-90d-flag";

fn both() -> Vec<Sync> {
    vec![
        array("Active 90d", "act90d1"),
        flag("Active 90d", "act90d1"),
    ]
}

fn project(top: &str, settings: &str) -> Project {
    Project::written(both(), &text(top, &both(), settings, NOBODY_NEW))
}

#[test]
fn what_was_changed_behind_our_back_is_found_and_put_right() {
    let world = World::start(&small().dir);
    let (known, unknown) = split(small(), "act90d1");
    let project = project(OPEN, "recheck: 1h");
    project.apply(&world).exits(0);
    let nobody = count(&unknown);
    let there = [count(&known), nobody, 0, 0];
    let (_, found) = applied(&project, &world, "6m");
    assert_eq!(
        found,
        all(&[(LABEL, there), (FLAG, there), (VALUES, there)])
    );

    let change = |people: &[String], attributes: serde_json::Value| {
        for person in people {
            world.put_user(person, &attributes);
        }
    };
    change(&known[..10], json!({"tier": "tin"}));
    change(&known[10..15], json!({"amplitude_cohorts": ["Other"]}));
    change(&known[15..20], json!({"is_active_90d": false}));
    change(&known[20..25], json!({"lifetime_orders": null}));
    change(
        &known[25..30],
        json!({"tier": "tin", "lifetime_revenue": 1}),
    );
    for person in &known[30..33] {
        world.delete_user(person);
    }
    world.merge_users(&known[33], &known[35]);
    world.merge_users(&known[34], &known[35]);
    let users = world.stats().users;
    world.reset();
    let (who, found) = applied(&project, &world, "67m");
    assert_eq!(who, count(&known) + nobody);
    let of = |doubt: u64| [count(&known) - 5 - doubt, nobody + 5, doubt, 0];
    assert_eq!(
        found,
        all(&[(LABEL, of(5)), (FLAG, of(5)), (VALUES, of(20))])
    );
    assert_eq!(world.stats().sends(), 0);

    let plan = project.plan_later(&world, "68m");
    assert_eq!(plan.json["cost"]["data_points"], 10 + 5 + 5 + 5 + 10);
    assert_eq!(plan.json["read_back"]["doubt"], 30);
    assert_eq!(plan.json["read_back"]["absent"], 3 * (nobody + 5));
    let figures = |address| ["before", "add", "change", "doubt"].map(|of| plan.delta(address, of));
    let rows = count(&known) + nobody;
    assert_eq!(figures(FLAG), [rows - 5, 5, 0, 5]);
    let [before, add, change, doubt] = figures(VALUES);
    assert_eq!([before, add + change, doubt], [rows - 20, 20, 20]);

    // A guard holds for what is put right as for anything else.
    let settings = "recheck: 1h";
    let tight = "guards: {max_data_points: 34, max_removals: none}";
    project.write(&text(tight, &both(), settings, NOBODY_NEW));
    assert_eq!(project.plan_later(&world, "68m").code, 3);
    project
        .later(&world, "68m", &["apply", "--auto-approve"])
        .exits(3)
        .says("max_data_points");
    assert_eq!(world.stats().sends(), 0);
    project.write(&text(
        &tight.replace("34", "35"),
        &both(),
        settings,
        NOBODY_NEW,
    ));
    applied(&project, &world, "68m");
    let stats = world.stats();
    assert_eq!(
        (stats.objects, stats.data_points, stats.users),
        (30, 35, users)
    );
    let labels = world.attribute("amplitude_cohorts");
    for person in &known[10..15] {
        assert_eq!(labels[person], json!(["Other", "Active 90d"]));
    }
    let (tiers, flags) = (world.attribute("tier"), world.attribute("is_active_90d"));
    for person in known[..30].iter().chain(&known[35..]) {
        assert!(tiers[person] != "tin" && flags[person] == true);
    }
    let orders = world.attribute("lifetime_orders");
    assert!(
        known[20..25]
            .iter()
            .all(|person| orders.contains_key(person))
    );
    assert_empty_later(&project, &world, "69m");
    let (who, found) = applied(&project, &world, "75m");
    // Whatever else they hold was told as well.
    assert_eq!((who, found[VALUES]), (30, [30, 0, 0, 0]));
    assert_empty_later(&project, &world, "76m");
}

/// Everything creates people, and on leaving a value is kept or cleared.
fn creating(more: &str, on_leave: &str) -> String {
    let flagged = format!("create_users: true{more}");
    let syncs = [both()[0].clone(), both()[1].clone().with(&flagged)];
    let values = format!("create_users: true{more}, on_leave: {on_leave}, ");
    let top = "guards: {max_removals: none, max_shrink: none, max_new_users: none}";
    text(top, &syncs, "recheck: 1h", &values)
}

#[track_caller]
fn assert_gone(world: &World, people: &[String], when: &str) {
    let known: BTreeSet<String> = ["tier", "is_active_90d", "gender"]
        .iter()
        .flat_map(|name| world.attribute(name).into_keys())
        .collect();
    let back: Vec<&String> = people.iter().filter(|who| known.contains(*who)).collect();
    assert_eq!(back, Vec::<&String>::new(), "{when}: created again");
}

fn deleted_people_stay_deleted(on_leave: &str) {
    let world = World::start(&small().dir);
    let (known, unknown) = split(small(), "act90d1");
    let project = Project::written(both(), &creating("", on_leave));
    project.apply(&world).exits(0);
    let everybody = count(&known) + count(&unknown);
    let (_, found) = applied(&project, &world, "6m");
    assert_eq!(found[FLAG], [everybody, 0, 0, 0], "all were created");
    // The last two are found changed first, and are deleted before that is put right.
    for person in &known[4..6] {
        world.put_user(person, &json!({"tier": "tin", "is_active_90d": false}));
    }
    for person in &known[..4] {
        world.delete_user(person);
    }
    let (_, found) = applied(&project, &world, "67m");
    assert_eq!(found[FLAG], [everybody - 6, 4, 2, 0]);
    let gone = &known[..6];
    for person in &known[4..6] {
        world.delete_user(person);
    }
    let users = world.stats().users;
    applied(&project, &world, "68m");
    assert_gone(&world, gone, "rows in doubt");
    let (_, found) = applied(&project, &world, "74m");
    assert_eq!(found[FLAG], [0, 2, 0, 0]);

    let tin = small().cohort("act90d1").replace("\"bronze\"", "\"tin\"");
    world.put_members("act90d1", &tin);
    applied(&project, &world, "75m");
    assert_gone(&world, gone, "other values");
    let left = |line: &&str| !gone.iter().any(|person| line.contains(person.as_str()));
    let without: String = lines(&tin).filter(left).collect();
    world.put_members("act90d1", &without);
    project.apply_later(&world, "76m");
    assert_gone(&world, gone, "after they left");
    world.put_members("act90d1", &tin.replace("\"tin\"", "\"zinc\""));
    project.apply_later(&world, "77m");
    assert_gone(&world, gone, "after they came back");
    assert_eq!(world.stats().users, users);
    assert_empty_later(&project, &world, "77m");

    // Another sync, which never had them, does not create them either: neither of its own knowing nor by asking.
    let mut others = String::new();
    for (minute, seed) in [(78, "send"), (79, "read")] {
        let other = format!(
            "  by-{seed}: {{kind: user_property, audience: {{cohort: Active 90d}}, create_users: true, seed: {seed}, \
             properties: [{{from: tier, to: tier_by_{seed}}}]}}\n"
        );
        others += &other;
        let before = world.stats();
        project.write(&(creating("", on_leave) + &others));
        let ahead = format!("{minute}m");
        let plan = project.plan_later(&world, &ahead);
        let address = format!("sync.by-{seed}");
        assert_eq!(plan.resource(&address)["cost"]["new_users"], 0, "{seed}");
        assert_eq!(plan.delta(&address, "dropped"), 6, "{seed}");
        project.apply_later(&world, &ahead);
        assert_gone(&world, gone, "another sync");
        let after = world.stats();
        assert_eq!(after.users, users, "another sync made them");
        let billed = after.data_points - before.data_points;
        assert_eq!(plan.json["cost"]["data_points"], billed, "{seed}");
        assert_empty_later(&project, &world, &ahead);
    }

    project.write(&(creating(", recreate: true", on_leave) + &others));
    project.apply_later(&world, "80m");
    assert_eq!(world.stats().users, users + 6);
    let flags = world.attribute("is_active_90d");
    assert!(gone.iter().all(|person| flags[person] == true));
    assert_empty_later(&project, &world, "81m");
}

#[test]
fn deleted_people_are_not_created_again_where_values_stay() {
    deleted_people_stay_deleted("keep");
}

#[test]
fn deleted_people_are_not_created_again_where_values_are_cleared() {
    deleted_people_stay_deleted("clear");
}

#[test]
fn what_braze_drops_twice_is_set_aside() {
    let world = World::start(&small().dir);
    let (known, unknown) = split(small(), "act90d1");
    world.fix_attribute("tier", &json!({"data_type": "Number"}));
    let text_of = |limit: &str| {
        let top = format!("guards: {{max_removals: none, max_refused: {limit}}}");
        text(&top, &both(), "recheck: 1h", NOBODY_NEW)
    };
    let project = Project::written(both(), &text_of("none"));
    project.apply(&world).exits(0);
    assert_eq!(world.attribute("tier").len(), 0);
    let rows = count(&known);
    let (_, found) = applied(&project, &world, "6m");
    assert_eq!(found[VALUES], [0, count(&unknown), rows, 0]);
    assert_eq!(found[FLAG], [rows, count(&unknown), 0, 0]);

    // One attribute of four: it is sent once more.
    world.reset();
    let plan = project.plan_later(&world, "7m");
    assert_eq!(plan.json["cost"]["data_points"], rows);
    applied(&project, &world, "7m");
    assert_eq!(world.stats().objects, rows);
    let twice = format!("{rows} set aside: sent again, and not there");
    let words = ["apply", "--auto-approve"];
    project.later(&world, "13m", &words).exits(0).says(&twice);
    world.reset();
    project.plan_later(&world, "14m").assert_empty("set aside");
    let plan = project.plan_later(&world, "14m");
    assert_eq!(plan.delta(VALUES, "set_aside"), rows);
    let said = project.later(&world, "14m", &["plan"]).exits(0);
    said.says("set aside");
    project.apply_later(&world, "20m");
    project.apply_later(&world, "80m");
    assert_eq!(world.stats().sends(), 0, "not sent for ever");

    // Whoever has another value is tried, and everybody whom somebody asks to be tried again.
    let file = small()
        .cohort("act90d1")
        .replace("\"gold\"", "\"platinum\"");
    let changed = file.matches("platinum").count() as u64;
    let lost = unknown.iter().filter(|person| {
        let mut lines = file.lines();
        lines.any(|line| line.contains(person.as_str()) && line.contains("platinum"))
    });
    let changed = changed - lost.count() as u64;
    assert!(changed > 0);
    world.put_members("act90d1", &file);
    // So many who wait are more than a guard bears by itself.
    project.write(&text_of("1%"));
    let plan = project.plan_later(&world, "81m");
    assert_eq!((plan.code, plan.passes(VALUES, "max_refused")), (3, false));
    project.write(&text_of("none"));
    project.apply_later(&world, "81m");
    assert_eq!(world.stats().objects, changed);
    world.fix_attribute("tier", &json!({"data_type": "String"}));
    let words = ["apply", "--auto-approve", "--retry-refused"];
    project.later(&world, "82m", &words).exits(0);
    applied(&project, &world, "89m");
    project.later(&world, "90m", &words).exits(0);
    applied(&project, &world, "97m");
    assert_eq!(world.attribute("tier").len() as u64, rows);
    assert_empty_later(&project, &world, "98m");
    assert_eq!(
        project.plan_later(&world, "98m").delta(VALUES, "set_aside"),
        0
    );
}
