//! Who is reached by `identify_by`: aliases, devices, properties, in order; and that one download serves every mapping.
//! The truth is read from the scenario's files; one customer in five has an alias named by the Amplitude id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, yaml};
use crate::support::truth::{self, rows};
use crate::support::world::World;

pub(crate) const BY_ALIAS: &str = "identify_by: [{alias: amplitude_id, name: amplitude_id}]";
const BY_DEVICE_PROPERTY: &str = "identify_by: [{alias: phone, name: device_id}]";
const BY_TIER: &str = "identify_by: [external_id, {alias: tier, name: tier}]";

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_500))
}

/// One column of a cohort's file; cells that are empty are left out.
pub(crate) fn column(scenario: &Scenario, cohort: &str, name: &str) -> BTreeSet<String> {
    let mut rows = rows(scenario.cohort(cohort)).into_iter();
    let head = rows.next().unwrap();
    let at = head.iter().position(|column| column == name).unwrap();
    rows.map(|row| row[at].clone())
        .filter(|cell| !cell.is_empty())
        .collect()
}

/// The external ids of those who have an alias with this label, by its name.
fn aliases(scenario: &Scenario, label: &str) -> BTreeMap<String, String> {
    let users = scenario.files["braze/users.jsonl"]
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = BTreeMap::new();
    for user in users {
        for alias in user["user_aliases"].as_array().unwrap() {
            if alias["alias_label"] == label {
                let name = alias["alias_name"].as_str().unwrap().to_owned();
                found.insert(name, user["external_id"].as_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Whom a cohort reaches by the alias that bears the Amplitude id.
pub(crate) fn by_alias(scenario: &Scenario, cohort: &str) -> BTreeSet<String> {
    let aliases = aliases(scenario, "amplitude_id");
    let numbers = column(scenario, cohort, "amplitude_id");
    numbers
        .iter()
        .filter_map(|number| aliases.get(number).cloned())
        .collect()
}

/// Whom a cohort reaches by external id.
pub(crate) fn by_external_id(scenario: &Scenario, cohort: &str) -> BTreeSet<String> {
    let known = truth::known(&scenario.files);
    let mut people = column(scenario, cohort, "user_id");
    people.retain(|person| known.contains(person));
    people
}

/// Who has a flag that is true.
fn flagged(world: &World, attribute: &str) -> BTreeSet<String> {
    let values = world.attribute(attribute).into_iter();
    values
        .filter(|(_, value)| value == true)
        .map(|(person, _)| person)
        .collect()
}

fn many(people: &BTreeSet<String>) -> u64 {
    people.len() as u64
}

#[track_caller]
fn rewrite(project: &mut Project, syncs: &[Sync]) {
    project.rewrite(syncs.to_vec(), &yaml(OPEN, 75, syncs));
}

#[test]
fn an_alias_reaches_exactly_those_who_have_it() {
    let world = World::start(&june().dir);
    let project = Project::new(vec![flag("Active 90d", "act90d1").with(BY_ALIAS)]);
    let everybody = many(&column(june(), "act90d1", "amplitude_id"));
    let expected = by_alias(june(), "act90d1");
    assert!(expected.len() > 20, "a scenario with aliases");

    let plan = project.plan(&world);
    let delta = &plan.resource("sync.active-90d-flag")["delta"];
    assert_eq!(delta["after"], everybody);
    assert_eq!(
        delta["identified"],
        json!({"alias amplitude_id": everybody})
    );
    project
        .run(&world, &["plan"])
        .exits(0)
        .says(&format!("{everybody} by alias amplitude_id"));

    project.apply(&world).exits(0);
    assert_eq!(flagged(&world, "is_active_90d"), expected);
    let stats = world.stats();
    assert_eq!(stats.data_points, many(&expected));
    assert_eq!(stats.rejected, BTreeMap::new());
    project.assert_settled(&world, "after people were named by alias");
}

#[test]
fn each_row_takes_the_first_it_has() {
    let world = World::start(&june().dir);
    let both = "identify_by: [external_id, {alias: amplitude_id, name: amplitude_id}]";
    let project = Project::new(vec![flag("Visitors", "visit01").with(both)]);
    let named = many(&column(june(), "visit01", "user_id"));

    let plan = project.plan(&world);
    let delta = &plan.resource("sync.visitors-flag")["delta"];
    let identified = json!({"external_id": named, "alias amplitude_id": 150});
    assert_eq!(delta["identified"], identified);
    assert_eq!(delta["skipped"], json!({}), "the anonymous have a number");
    let (most, least) = (
        format!("{named} by external_id"),
        "150 by alias amplitude_id",
    );
    let words = if named > 150 {
        format!("{most}, {least}")
    } else {
        format!("{least}, {most}")
    };
    project.run(&world, &["plan"]).exits(0).says(&words);

    project.apply(&world).exits(0);
    assert_eq!(
        flagged(&world, "is_visitors"),
        by_external_id(june(), "visit01")
    );
    project.assert_settled(&world, "after two identifiers");
}

#[test]
fn what_braze_does_not_take_falls_to_the_next() {
    let world = World::start(&june().dir);
    let both = "identify_by: [external_id, {alias: amplitude_id, name: amplitude_id}]";
    let project = Project::new(vec![flag("Big spenders", "bigspnd").with(both)]);
    let long = "x".repeat(988);
    let (head, number) = ("\"amplitude_id\",\"user_id\"", 100_000_000_005_u64);
    world.put_members(
        "bigspnd",
        &format!("{head}\n\"{number}\",\"{long}\"\n\"\",\"{long}\"\n\"\",\"\"\n"),
    );

    let plan = project.plan(&world);
    let delta = &plan.resource("sync.big-spenders-flag")["delta"];
    assert_eq!(
        delta["skipped"],
        json!({"no_identifier": 1, "bad_identifier": 1})
    );
    assert_eq!(delta["identified"], json!({"alias amplitude_id": 1}));
    project.apply(&world).exits(0);
    let reached = BTreeSet::from(["cdnow-00005".to_owned()]);
    assert_eq!(flagged(&world, "is_big_spenders"), reached);
    project.assert_settled(&world, "after a user id that Braze does not take");
}

#[test]
fn those_left_out_are_found_by_the_same_identifier() {
    let world = World::start(&june().dir);
    let more = format!("{BY_ALIAS}, exclude: [{{cohort: Big spenders}}]");
    let project = Project::new(vec![
        flag("Active 90d", "act90d1").with(&more),
        flag("Big spenders", "bigspnd"),
    ]);
    let active = column(june(), "act90d1", "amplitude_id");
    let spenders = column(june(), "bigspnd", "amplitude_id");
    let excluded = active.intersection(&spenders).count() as u64;
    assert!(excluded > 0, "a scenario where they meet");

    let plan = project.plan(&world);
    let delta = &plan.resource("sync.active-90d-flag")["delta"];
    assert_eq!(delta["skipped"], json!({"excluded": excluded}));
    assert_eq!(
        delta["identified"],
        json!({"alias amplitude_id": many(&active) - excluded})
    );
    project.apply(&world).exits(0);
    let spenders = by_alias(june(), "bigspnd");
    let mut expected = by_alias(june(), "act90d1");
    expected.retain(|person| !spenders.contains(person));
    assert_eq!(flagged(&world, "is_active_90d"), expected);
    assert_eq!(
        flagged(&world, "is_big_spenders"),
        by_external_id(june(), "bigspnd")
    );
    assert_eq!(world.stats().downloads(), 2, "one a cohort");
    project.assert_settled(&world, "after an exclusion by alias");
}

#[test]
fn syncs_of_one_cohort_share_a_download_whatever_their_mappings() {
    let world = World::with(&june().dir, &["--latency", "0ms"]);
    let mut tiers = flag("Lapsed", "lapsed1").with(BY_TIER);
    tiers.name = "tiers".to_owned();
    tiers.to = truth::To::Flag {
        attribute: "lapsed_tier".to_owned(),
    };
    let project = Project::new(vec![
        array("Lapsed", "lapsed1"),
        flag("Lapsed", "lapsed1").with(BY_ALIAS),
        tiers,
    ]);
    project.plan(&world);
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 1);

    let people = by_external_id(june(), "lapsed1");
    let labelled: BTreeSet<String> = world.attribute("amplitude_cohorts").into_keys().collect();
    assert_eq!(labelled, people);
    assert_eq!(flagged(&world, "is_lapsed"), by_alias(june(), "lapsed1"));
    assert_eq!(flagged(&world, "lapsed_tier"), people);
    project.assert_settled(&world, "after three mappings of one cohort");
}

#[test]
fn a_mapping_added_later_uses_the_request_that_lives() {
    let world = World::start(&june().dir);
    let mut syncs = vec![array("Repeat buyers", "repeat1")];
    let mut project = Project::new(syncs.clone());
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 1);

    syncs.push(flag("Repeat buyers", "repeat1").with(BY_ALIAS));
    rewrite(&mut project, &syncs);
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 1, "no new column is needed");
    assert_eq!(
        flagged(&world, "is_repeat_buyers"),
        by_alias(june(), "repeat1")
    );
    project.assert_settled(&world, "after a mapping without a column");

    let named = |name: &str, more: &str| {
        let mut sync = flag("Repeat buyers", "repeat1").with(more);
        sync.name = name.to_owned();
        sync.to = truth::To::Flag {
            attribute: name.replace('-', "_"),
        };
        sync
    };
    syncs.push(named("by-device", BY_DEVICE_PROPERTY));
    rewrite(&mut project, &syncs);
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 2, "a column is needed");

    let other = "identify_by: [{alias: tablet, name: device_id}, external_id]";
    syncs.push(named("by-device-too", other));
    rewrite(&mut project, &syncs);
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 2, "that column is there");
    project.assert_settled(&world, "after mappings with one column");
}

#[test]
fn what_is_not_selected_yet_is_downloaded_along() {
    let world = World::start(&june().dir);
    let project = Project::new(vec![
        array("Repeat buyers", "repeat1"),
        flag("Repeat buyers", "repeat1").with(BY_DEVICE_PROPERTY),
    ]);
    let only = [
        "apply",
        "--auto-approve",
        "--only",
        "sync.repeat-buyers-array",
    ];
    project.run(&world, &only).exits(0);
    project.apply(&world).exits(0);
    assert_eq!(world.stats().downloads(), 1);
    project.assert_settled(&world, "after a partial apply");
}

#[test]
fn a_property_that_the_file_lacks_is_named_and_stops_only_who_needs_it() {
    let world = World::start(&june().dir);
    let lacking = "identify_by: [external_id, {alias: crm, name: shoe size}]";
    let mut syncs = vec![
        array("Big spenders", "bigspnd"),
        flag("Big spenders", "bigspnd").with(lacking),
    ];
    let mut project = Project::new(syncs.clone());
    for _ in 0..2 {
        project
            .run(&world, &["plan"])
            .exits(1)
            .says("sync.big-spenders-flag: cohort \"Big spenders\"")
            .says("no column of the property `shoe size`");
    }
    assert_eq!(world.stats().downloads(), 1, "the request lives");
    let only = [
        "apply",
        "--auto-approve",
        "--only",
        "sync.big-spenders-array",
    ];
    project.run(&world, &only).exits(0);

    syncs[1] = flag("Big spenders", "bigspnd");
    rewrite(&mut project, &syncs);
    project.apply(&world).exits(0);
    project.assert_exact(&world, june(), "without the property");
    project.assert_settled(&world, "without the property");
}

#[test]
fn another_mapping_is_another_set_of_rows() {
    let world = World::start(&june().dir);
    let mut project = Project::new(vec![flag("Active 30d", "act30d1")]);
    project.apply(&world).exits(0);
    let people = many(&column(june(), "act30d1", "user_id"));

    rewrite(
        &mut project,
        &[flag("Active 30d", "act30d1").with(BY_ALIAS)],
    );
    let plan = project.plan(&world);
    let resource = plan.resource("sync.active-30d-flag");
    let fields = resource["fields"].as_array().unwrap();
    assert!(
        fields
            .iter()
            .any(|field| field["path"].as_str().unwrap().starts_with("identify_by")),
        "{resource:#}"
    );
    for figure in ["before", "after", "add", "remove"] {
        assert_eq!(plan.delta("sync.active-30d-flag", figure), people);
    }
    assert_eq!(
        world.stats().downloads(),
        1,
        "the old file has what is needed"
    );

    rewrite(&mut project, &[flag("Active 30d", "act30d1")]);
    project.assert_settled(&world, "with the old mapping back");
}
