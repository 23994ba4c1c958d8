//! Acknowledged is not applied: people are read back within a budget, found absent, found again once they have appeared, and
//! nobody else is sent again. Time is the clock's, moved by `--ahead`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, import, yaml};
use crate::support::truth;
use crate::support::world::World;

mod changed;
mod chaos;
mod fates;
mod stopped;
mod worlds;

/// The sync of values of these tests.
const VALUES: &str = "sync.values";

fn small() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_200))
}

/// People of a cohort in the order of their ids: those whom Braze knows, and those whom it does not.
fn split(scenario: &Scenario, cohort: &str) -> (Vec<String>, Vec<String>) {
    let known = truth::known(&scenario.files);
    let people: BTreeSet<String> = truth::user_ids(scenario.cohort(cohort))
        .into_iter()
        .collect();
    people
        .into_iter()
        .partition(|person| known.contains(person))
}

/// The lines of a file with their ends.
fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.split_inclusive('\n')
}

fn count(people: &[String]) -> u64 {
    people.len() as u64
}

/// Syncs of memberships, and one of four values that creates nobody. `settings` are of every sync, `more` of the values.
fn text(top: &str, syncs: &[Sync], settings: &str, more: &str) -> String {
    let values = format!(
        "  values: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, {more}properties: \
         [tier, {{from: lifetime_orders, as: integer}}, {{from: lifetime_revenue, as: number}}, \
         {{from: last_order_date, as: time}}]}}\n"
    );
    let text = yaml(top, 75, syncs) + &values;
    let text = text.replace("{settle: 0s}", &format!("{{settle: 0s, {settings}}}"));
    text.replace("instance: US-01", "instance: US-01, use_at_most: 100%")
}

const NOBODY_NEW: &str = "create_users: false, ";

/// What an apply said of people: how many it asked, and of each resource how many rows are confirmed, absent, in doubt, and
/// set aside of these.
#[track_caller]
fn asked(report: &Value) -> (u64, BTreeMap<String, [u64; 4]>) {
    let asked = &report["asked"];
    let figures = |of: &Value| {
        ["confirmed", "absent", "doubt", "set_aside"].map(|figure| of[figure].as_u64().unwrap())
    };
    let found = asked["found"].as_array().cloned().unwrap_or_default();
    let found = found
        .iter()
        .map(|of| (of["address"].as_str().unwrap().to_owned(), figures(of)));
    (asked["people"].as_u64().unwrap_or(0), found.collect())
}

/// Applies later and returns what it said of people, and the requests with people in them that it took.
#[track_caller]
fn applied(project: &Project, world: &World, ahead: &str) -> (u64, BTreeMap<String, [u64; 4]>) {
    let report = project.apply_later(world, ahead);
    assert!(report["asked"]["problem"].is_null(), "{report:#}");
    asked(&report)
}

fn all(rows: &[(&str, [u64; 4])]) -> BTreeMap<String, [u64; 4]> {
    rows.iter()
        .map(|(address, figures)| ((*address).to_owned(), *figures))
        .collect()
}

#[track_caller]
fn assert_empty_later(project: &Project, world: &World, ahead: &str) {
    let before = world.stats();
    project.plan_later(world, ahead).assert_empty(ahead);
    let after = world.stats();
    assert_eq!(after.writes(), before.writes(), "a plan wrote");
    assert_eq!(after.reads(), before.reads(), "a plan asked");
}

/// Fails unless a plan says of each resource what was found, and of all together.
#[track_caller]
fn assert_told(project: &Project, world: &World, wanted: &BTreeMap<String, [u64; 4]>) {
    let plan = project.plan_later(world, "21h");
    plan.assert_empty("everybody was asked");
    for (address, [confirmed, absent, ..]) in wanted {
        let figures = ["confirmed", "absent", "unconfirmed"];
        let found = figures.map(|figure| plan.delta(address, figure));
        assert_eq!(found, [*confirmed, *absent, 0], "{address}");
    }
    let (all_rows, absent) = (2 * 23_570, 2 * 1_386);
    let said = &plan.json["read_back"];
    assert_eq!(said["rows"], all_rows);
    assert_eq!(said["confirmed"], all_rows - absent);
    assert_eq!(said["absent"], absent);
    assert_eq!(said["unconfirmed"], 0);
    assert_eq!(said["people_a_run"], 10_000);
    project
        .later(world, "21h", &["plan"])
        .exits(0)
        .says("In Braze: 44,368 of 47,140 rows confirmed, 2,772 not there; a full round takes at most 7 days.");
}

/// Fails unless these people have the label and are members, and those have the flag and the values.
#[track_caller]
fn assert_sent(world: &World, lapsed: &[String], active: &[String]) {
    let labels = world.attribute("amplitude_cohorts");
    let members = world.cohort_members("cdnow/lapsed-import");
    for person in lapsed {
        assert_eq!(labels[person], json!(["Lapsed"]));
        assert!(
            members.contains(&json!({"external_id": person})),
            "{person}"
        );
    }
    for person in active {
        let held = world.profile(person)["custom_attributes"].clone();
        assert_eq!(held["is_active_90d"], true);
        for name in [
            "tier",
            "lifetime_orders",
            "lifetime_revenue",
            "last_order_date",
        ] {
            assert!(!held[name].is_null(), "{name} in {held}");
        }
    }
}

#[test]
fn customers_unknown_to_braze_are_found_within_the_budget_and_sent_once_they_appear() {
    let scenario = cdnow::scenario(&Ask::day(JUNE));
    let world = World::start(&scenario.dir);
    let (lapsed, active) = (split(scenario, "lapsed1"), split(scenario, "act90d1"));
    let rows = [&lapsed, &active].map(|(known, unknown)| count(known) + count(unknown));
    let absent = [&lapsed, &active].map(|(_, unknown)| count(unknown));
    let [people, nobody] = [rows, absent].map(|of| of.iter().sum::<u64>());
    assert_eq!((people, nobody), (23_570, 1_386));

    let syncs = vec![
        array("Lapsed", "lapsed1"),
        import("Lapsed", "lapsed1"),
        flag("Active 90d", "act90d1"),
    ];
    let settings = "confirm: {reads_per_run: 200}";
    let project = Project::written(syncs.clone(), &text(OPEN, &syncs, settings, NOBODY_NEW));
    project.apply(&world).exits(0);
    assert_eq!(
        world.stats().reads(),
        0,
        "nobody is asked within five minutes"
    );
    let users = world.stats().users;

    // In three runs everybody was asked about once, as far as each run's budget goes.
    let mut told: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for (ahead, reads, most) in [
        ("6m", 200, 10_000),
        ("7m", 200, 10_000),
        ("8m", 72, 3_570),
        ("9m", 0, 0),
        ("20h", 0, 0),
    ] {
        let before = world.stats();
        let (who, found) = applied(&project, &world, ahead);
        let after = world.stats();
        assert_eq!(after.reads() - before.reads(), reads, "{ahead}");
        assert_eq!(who, most, "{ahead}: nobody twice");
        assert_eq!(after.writes(), before.writes(), "{ahead}: it wrote");
        for (address, figures) in found {
            let sum = told.entry(address).or_default();
            for (sum, figure) in sum.iter_mut().zip(figures) {
                *sum += figure;
            }
        }
    }
    let of = |index: usize| [rows[index] - absent[index], absent[index], 0, 0];
    let wanted = all(&[
        ("sync.lapsed-array", of(0)),
        ("sync.lapsed-import", of(0)),
        ("sync.active-90d-flag", of(1)),
        (VALUES, of(1)),
    ]);
    assert_eq!(told, wanted, "exactly those are absent");
    assert_told(&project, &world, &wanted);

    // A hundred of them appear. Nobody asks before the day is over.
    let new: Vec<&String> = lapsed.1[..50].iter().chain(&active.1[..50]).collect();
    for person in &new {
        world.put_user(person, &json!({}));
    }
    world.reset();
    assert_eq!(applied(&project, &world, "22h").0, 0);
    assert_empty_later(&project, &world, "23h");
    assert_eq!((world.stats().reads(), world.stats().sends()), (0, 0));

    // Those who were absent are asked first, then as many of the others as the budget lets.
    let (who, found) = applied(&project, &world, "25h");
    assert_eq!(
        (who, world.stats().reads(), world.stats().sends()),
        (10_000, 200, 0)
    );
    let said = found
        .values()
        .map(|[_, absent, doubt, _]| (*absent, *doubt));
    let said = said.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    assert_eq!(said, (2 * nobody - 200, 200));
    let plan = project.plan_later(&world, "25h");
    world.reset();
    applied(&project, &world, "25h");
    let stats = world.stats();
    assert_eq!(stats.objects, 100, "exactly those");
    assert_eq!(stats.changes(), 1);
    assert_eq!(plan.json["cost"]["data_points"], stats.data_points);
    assert_eq!(stats.data_points, 50 * (1 + 1) + 50 * (1 + 4));
    assert_eq!(stats.users, users + 100, "nobody was created");
    assert_sent(&world, &lapsed.1[..50], &active.1[..50]);
    assert_empty_later(&project, &world, "25h");
}

/// Who is absent is asked again when `recheck` says so, and neither sent nor priced before.
#[test]
fn absent_people_are_neither_sent_nor_priced() {
    let world = World::start(&small().dir);
    let (known, unknown) = split(small(), "act90d1");
    let syncs = vec![
        array("Active 90d", "act90d1"),
        flag("Active 90d", "act90d1"),
    ];
    let written = |label: &str, settings: &str| {
        let own = if label.is_empty() {
            String::new()
        } else {
            format!("label: {label}")
        };
        let syncs = [syncs[0].clone().with(&own), syncs[1].clone()];
        text(
            OPEN,
            &syncs,
            settings,
            &format!("{NOBODY_NEW}on_leave: clear, "),
        )
    };
    let project = Project::written(syncs.clone(), &written("", "recheck: 2h"));
    project.apply(&world).exits(0);
    let (who, _) = applied(&project, &world, "6m");
    assert_eq!(who, count(&known) + count(&unknown));
    assert_eq!(applied(&project, &world, "2h"), (0, BTreeMap::new()));
    let (who, found) = applied(&project, &world, "2h7m");
    assert_eq!(who, count(&known) + count(&unknown));
    assert_eq!(found[VALUES], [count(&known), count(&unknown), 0, 0]);

    // Everybody has another value, and half of the absent leave.
    let file = small().cohort("act90d1").replace("\"bronze\"", "\"tin\"");
    let leaves = |line: &str| {
        unknown
            .iter()
            .step_by(2)
            .any(|person| line.contains(person.as_str()))
    };
    let lines = lines(&file).filter(|line| !leaves(line));
    let file: String = lines.collect();
    let bronze = |people: &[String]| {
        let rows = truth::rows(small().cohort("act90d1"));
        let of = rows
            .iter()
            .filter(|row| row[3] == "bronze" && people.contains(&row[1]));
        of.count() as u64
    };
    assert!(bronze(&unknown) > 2 && bronze(&known) > 20);
    world.put_members("act90d1", &file);
    world.reset();
    let plan = project.plan_later(&world, "2h30m");
    assert_eq!(
        plan.json["cost"]["data_points"],
        bronze(&known),
        "{:#}",
        plan.json
    );
    applied(&project, &world, "2h30m");
    let stats = world.stats();
    // Who left is taken out all the same, in case they have appeared; Braze drops that and bills nothing.
    let left = unknown.len().div_ceil(2) as u64;
    assert_eq!(
        (stats.data_points, stats.objects),
        (bronze(&known), bronze(&known) + left)
    );
    assert_empty_later(&project, &world, "2h31m");

    // Another label is no reason either.
    project.write(&written("Busy", "recheck: 2h"));
    world.reset();
    let plan = project.plan_later(&world, "2h32m");
    assert_eq!(plan.json["cost"]["data_points"], count(&known));
    applied(&project, &world, "2h32m");
    assert_eq!(world.stats().objects, count(&known));
    assert_empty_later(&project, &world, "2h33m");

    // Whoever appears then gets all of it as it is by now; whoever left in between gets nothing.
    for person in &unknown {
        world.put_user(person, &json!({}));
    }
    applied(&project, &world, "4h30m");
    world.reset();
    let stayed: Vec<&String> = unknown.iter().skip(1).step_by(2).collect();
    project.apply_later(&world, "4h31m");
    assert_eq!(world.stats().objects, stayed.len() as u64);
    let (labels, tiers) = (
        world.attribute("amplitude_cohorts"),
        world.attribute("tier"),
    );
    for person in &unknown {
        let labelled = stayed.contains(&person).then(|| json!(["Busy"]));
        assert_eq!(labels.get(person), labelled.as_ref(), "{person}");
        assert_eq!(tiers.contains_key(person), labelled.is_some(), "{person}");
        assert_ne!(tiers.get(person), Some(&json!("bronze")));
    }
    assert_empty_later(&project, &world, "4h32m");
}

/// Lets the first so many of a cohort be in it.
fn first(world: &World, id: &str, scenario: &Scenario, count: usize) {
    let lines = lines(scenario.cohort(id)).take(count + 1);
    let file: String = lines.collect();
    world.put_members(id, &file);
}

#[test]
fn new_rows_are_asked_about_before_absent_ones_and_those_before_the_others() {
    let world = World::start(&small().dir);
    let syncs = vec![flag("Repeat buyers", "repeat1")];
    let address = syncs[0].address();
    let settings = "guards: {max_removals: none}, confirm: {reads_per_run: 1}";
    let text = yaml("", 75, &syncs).replace("{settle: 0s}", &format!("{{settle: 0s, {settings}}}"));
    let project = Project::written(syncs, &text);
    let known = truth::known(&small().files);
    let unknown = |from: usize, to: usize| {
        let rows = truth::rows(small().cohort("repeat1"));
        let rows = rows[from + 1..=to].iter();
        rows.filter(|row| !known.contains(&row[1])).count() as u64
    };
    first(&world, "repeat1", small(), 100);
    project.apply(&world).exits(0);
    for ahead in ["6m", "7m"] {
        assert_eq!(applied(&project, &world, ahead).0, 50);
    }
    assert_eq!(applied(&project, &world, "8m").0, 0);
    first(&world, "repeat1", small(), 160);
    // What is sent now is too new; those who were absent come before those who were there.
    let gone = unknown(0, 100);
    assert!(gone > 2, "{gone}");
    let (who, found) = applied(&project, &world, "25h");
    assert_eq!((who, found[&address]), (50, [50 - gone, gone, 0, 0]));
    let figures = ["confirmed", "absent", "unconfirmed"];
    let plan = |ahead| figures.map(|of| project.plan_later(&world, ahead).delta(&address, of));
    assert_eq!(plan("25h1m"), [100 - gone, gone, 60]);
    let (who, found) = applied(&project, &world, "25h6m");
    assert_eq!(who, 50);
    let [confirmed, absent, ..] = found[&address];
    assert_eq!(
        (confirmed + absent, plan("25h7m")[2]),
        (50, 10),
        "new ones first"
    );
    let (who, found) = applied(&project, &world, "25h7m");
    let [confirmed, absent, ..] = found[&address];
    assert_eq!((who, confirmed + absent), (50, 50));
    let told = unknown(0, 160);
    assert_eq!(plan("25h8m"), [160 - told, told, 0]);
    // Ten new ones, then whoever waits longest, and none of those who were asked an hour ago.
    assert_eq!(applied(&project, &world, "25h8m").0, 100 - 50 - 40);
}

#[test]
fn ledgers_of_applies_that_only_ask_do_not_pile_up() {
    let syncs = vec![flag("Lapsed", "lapsed1")];
    let world = World::with(&small().dir, &[]);
    let project = Project::written(syncs.clone(), &yaml(OPEN, 75, &syncs));
    project.apply(&world).exits(0);
    for ahead in ["6m", "30h", "55h", "80h", "105h"] {
        let (people, _) = applied(&project, &world, ahead);
        assert!(people > 0, "{ahead}");
    }
    let blobs = std::fs::read_dir(project.state(&world).join("blobs")).unwrap();
    let blobs = blobs.count();
    assert!(blobs <= 2, "the ledger, and the one before: {blobs}");
}
