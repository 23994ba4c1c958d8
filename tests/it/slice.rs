//! The slice on a real shop's data: a first apply, the next day, the guards, and another endpoint.
//! Figures come from plain sets over the scenario's files, never from the program.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::support::binary::run;
use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, ten, yaml};
use crate::support::truth::{self, To};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE))
}

fn july() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JULY))
}

fn small_june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

/// The people of a sync's cohort.
fn people(scenario: &Scenario, sync: &Sync) -> HashSet<String> {
    truth::user_ids(scenario.cohort(sync.id))
}

/// Who enters and who leaves a sync's cohort between two days.
fn moved(sync: &Sync, before: &Scenario, after: &Scenario) -> (HashSet<String>, HashSet<String>) {
    let (before, after) = (people(before, sync), people(after, sync));
    (&after - &before, &before - &after)
}

/// What must be written: the attributes of each person that any of these rows touches, merged.
fn touched<'a>(
    rows: impl IntoIterator<Item = (&'a Sync, HashSet<String>)>,
) -> HashMap<String, HashSet<&'a str>> {
    let mut touched: HashMap<String, HashSet<&str>> = HashMap::new();
    for (sync, people) in rows {
        for person in people {
            touched
                .entry(person)
                .or_default()
                .insert(sync.to.attribute());
        }
    }
    touched
}

/// Data points: one a person and attribute, among these people.
fn points(touched: &HashMap<String, HashSet<&str>>, among: impl Fn(&str) -> bool) -> u64 {
    touched
        .iter()
        .filter(|(person, _)| among(person))
        .map(|(_, attributes)| attributes.len() as u64)
        .sum()
}

#[test]
fn a_first_apply_makes_every_profile_what_the_files_say() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    let users = world.stats().users;

    let plan = project.plan(&world);
    assert_eq!(plan.code, 2, "{:#}", plan.json);
    for sync in project.syncs() {
        let size = people(june(), sync).len() as u64;
        assert_eq!(plan.resource(&sync.address())["action"], "create");
        assert_eq!(plan.delta(&sync.address(), "before"), 0);
        assert_eq!(plan.delta(&sync.address(), "add"), size, "{}", sync.name);
        assert_eq!(plan.delta(&sync.address(), "after"), size, "{}", sync.name);
    }
    let touched = touched(
        project
            .syncs()
            .iter()
            .map(|sync| (sync, people(june(), sync))),
    );
    assert_eq!(plan.json["cost"]["data_points"], points(&touched, |_| true));
    assert_eq!(plan.json["summary"]["create"], 10);
    assert_eq!(world.stats().tracks(), 0, "a plan wrote");
    assert_eq!(
        world.stats().downloads(),
        5,
        "one download serves both syncs of a cohort"
    );
    assert!(
        !project.state(&world).join("manifest.json").exists(),
        "a plan made a manifest"
    );

    let stats = project.assert_applies(&world, june(), "after the first apply");
    assert_eq!(stats.users, users, "somebody was created");
    assert_eq!(stats.rejected, BTreeMap::new());
    assert_eq!(stats.tracks(), (touched.len() as u64).div_ceil(75));
    assert_eq!(stats.downloads(), 5, "apply reads what plan read");
    let known = truth::known(&june().files);
    assert_eq!(
        stats.data_points,
        points(&touched, |person| known.contains(person))
    );

    for sync in project.syncs() {
        if let To::Flag { attribute } = &sync.to {
            let falsely = world
                .attribute(attribute)
                .values()
                .filter(|value| **value != true)
                .count();
            assert_eq!(
                falsely, 0,
                "{attribute} was written to people who never were in the cohort"
            );
        }
    }
    // The first customer bought once, half a year before: in two of the five cohorts at most.
    let profile = world.profile("cdnow-00001");
    assert_eq!(
        profile["custom_attributes"]["amplitude_cohorts"],
        json!(["Lapsed"]),
        "{profile:#}"
    );
    assert_eq!(
        profile["custom_attributes"]["is_lapsed"], true,
        "{profile:#}"
    );

    let listed = project.run(&world, &["state", "list"]).exits(0).stdout;
    for sync in project.syncs() {
        assert!(listed.contains(&sync.address()), "{listed}");
    }
    project.apply(&world).exits(0);
    assert_eq!(
        world.stats().writes(),
        stats.writes(),
        "an apply with nothing to do wrote"
    );
}

#[test]
fn the_next_day_moves_exactly_the_difference() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    project.assert_applies(&world, june(), "in June");

    world.load(&july().dir);
    world.reset();
    let plan = project.plan(&world);
    assert_eq!(plan.code, 2);
    let mut rows = Vec::new();
    for sync in project.syncs() {
        let (entered, left) = moved(sync, june(), july());
        let address = sync.address();
        let figures = ["before", "add", "change", "remove", "after"]
            .map(|figure| plan.delta(&address, figure));
        let (before, after) = (people(june(), sync).len(), people(july(), sync).len());
        let wanted = [before, entered.len(), 0, left.len(), after].map(|count| count as u64);
        assert_eq!(
            figures, wanted,
            "before, add, change, remove, after of {address}"
        );
        rows.push((sync, &entered | &left));
    }
    let touched = touched(rows);
    assert_eq!(plan.json["cost"]["data_points"], points(&touched, |_| true));
    assert_eq!(world.stats().downloads(), 5);

    let stats = project.assert_applies(&world, july(), "in July");
    assert_eq!(
        stats.tracks(),
        (touched.len() as u64).div_ceil(75),
        "requests to /users/track"
    );
    assert_eq!(stats.downloads(), 5, "apply reads what plan read");
    let known = truth::known(&june().files);
    assert_eq!(
        stats.data_points,
        points(&touched, |person| known.contains(person))
    );
    for sync in project.syncs() {
        let To::Flag { attribute } = &sync.to else {
            continue;
        };
        let (_, left) = moved(sync, june(), july());
        let values = world.attribute(attribute);
        let off: HashSet<String> = values
            .iter()
            .filter(|(_, value)| **value == false)
            .map(|(person, _)| person.clone())
            .collect();
        assert_eq!(
            off,
            &left & &known,
            "{attribute} is false for those who left, and for nobody else"
        );
    }
}

#[test]
fn a_cohort_that_loses_most_of_its_people_is_refused_until_allowed() {
    let world = World::start(&june().dir);
    let sync = array("Active 30d", "act30d1");
    let mut project = Project::written(
        vec![sync.clone()],
        &yaml("", 75, std::slice::from_ref(&sync)),
    );
    project.assert_applies(&world, june(), "in June");
    let (_, left) = moved(&sync, june(), july());

    world.load(&july().dir);
    let before = world.stats();
    let plan = project.plan(&world);
    assert_eq!(plan.code, 3, "a guard refuses, with or without the flag");
    assert_eq!(plan.delta(&sync.address(), "remove"), left.len() as u64);
    assert!(
        !plan.passes(&sync.address(), "max_removals"),
        "{:#}",
        plan.json
    );
    project.run(&world, &["plan"]).exits(3).says("max_removals");
    let refusal = project
        .apply(&world)
        .exits(3)
        .says("max_removals")
        .says("allow_removal");
    assert!(
        refusal.all().contains("until:") && refusal.all().contains("reason:"),
        "the block to paste: {refusal}"
    );
    assert_eq!(
        world.stats().writes(),
        before.writes(),
        "a refused apply wrote"
    );
    project.assert_exact(&world, june(), "after a refusal");

    // Less than needed does not do; what is needed does.
    for (max, code) in [(left.len() - 1, 3), (left.len(), 0)] {
        let allow =
            format!("allow_removal: {{max: {max}, reason: a month went by, until: 2999-12-31}}");
        let syncs = vec![sync.clone().with(&allow)];
        let text = yaml("", 75, &syncs);
        project.rewrite(syncs, &text);
        project.apply(&world).exits(code);
    }
    project.assert_exact(&world, july(), "in July");
    project.assert_settled(&world, "in July");

    // An override whose day has passed no longer overrides.
    let past = sync.with("allow_removal: {max: 100000, reason: last year, until: 2020-01-01}");
    project.write(&yaml("", 75, &[past]));
    world.load(&june().dir);
    project.apply(&world).exits(3);
}

#[test]
fn one_refusal_stops_the_whole_apply() {
    let world = World::start(&june().dir);
    let syncs = vec![
        array("Active 30d", "act30d1"),
        flag("Repeat buyers", "repeat1"),
    ];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    project.assert_applies(&world, june(), "in June");
    world.load(&july().dir);
    project.apply(&world).exits(3);
    project.assert_exact(&world, june(), "nothing at all is written");

    // The rest alone goes through; the other stays as it was.
    project
        .run(
            &world,
            &[
                "apply",
                "--auto-approve",
                "--except",
                "sync.active-30d-array",
            ],
        )
        .exits(0);
    let known = truth::known(&june().files);
    let wanted =
        [(&syncs[0], june()), (&syncs[1], july())].map(|(sync, day)| (&sync.to, people(day, sync)));
    truth::assert_same(
        &truth::found(&project.attributes(&world)),
        &truth::expected(wanted, &known),
        "after an apply of one of two",
    );
    let run = project.run(
        &world,
        &[
            "plan",
            "--only",
            "sync.repeat-buyers-flag",
            "--detailed-exitcode",
        ],
    );
    run.exits(0);
}

#[test]
fn an_empty_cohort_is_fine_until_it_becomes_empty() {
    let world = World::start(&small_june().dir);
    let syncs = vec![
        array("Nobody yet", "nobody1"),
        flag("Big spenders", "bigspnd"),
    ];
    let project = Project::new(syncs.clone());
    project.assert_applies(&world, small_june(), "with nobody in one of two");

    let big = small_june().cohort("bigspnd");
    let head = format!("{}\n", big.lines().next().unwrap());
    world.put_members("bigspnd", &head);
    let before = world.stats();
    let plan = project.plan(&world);
    assert_eq!(plan.code, 3);
    assert!(
        !plan.passes(&syncs[1].address(), "empty_source"),
        "{:#}",
        plan.json
    );
    project.apply(&world).exits(3).says("empty_source");
    assert_eq!(
        world.stats().writes(),
        before.writes(),
        "a refused apply wrote"
    );
    project.assert_exact(&world, small_june(), "after a refusal");

    project.write(&yaml(
        OPEN,
        75,
        &[syncs[0].clone(), syncs[1].clone().with("allow_empty: true")],
    ));
    project.apply(&world).exits(0);
    let left = truth::found(&project.attributes(&world));
    assert!(
        left.is_empty(),
        "{} people are left in an empty cohort",
        left.len()
    );
    project.assert_settled(&world, "with nobody at all");
}

#[test]
fn data_points_have_a_bound() {
    let world = World::start(&small_june().dir);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let project = Project::written(
        syncs.clone(),
        &yaml("guards: {max_data_points: 127}", 75, &syncs),
    );
    let run = project.run(&world, &["plan"]);
    run.exits(3).says("max_data_points");
    project.apply(&world).exits(3);
    assert_eq!(world.stats().tracks(), 0);
    project.write(&yaml("guards: {max_data_points: 128}", 75, &syncs));
    project.assert_applies(&world, small_june(), "at the bound");
}

#[test]
fn excluded_people_are_left_out_and_paused_syncs_stay() {
    let world = World::start(&small_june().dir);
    let sync = flag("Repeat buyers", "repeat1").with("exclude: [{cohort: Lapsed}]");
    let project = Project::new(vec![sync.clone()]);
    project.apply(&world).exits(0);
    let wanted = &people(small_june(), &sync) - &truth::user_ids(small_june().cohort("lapsed1"));
    let known = truth::known(&small_june().files);
    let expected = truth::expected([(&sync.to, wanted)], &known);
    truth::assert_same(
        &truth::found(&project.attributes(&world)),
        &expected,
        "without the lapsed",
    );
    project.assert_settled(&world, "without the lapsed");

    project.write(&yaml(
        OPEN,
        75,
        &[sync.with("exclude: [{cohort: Lapsed}], paused: true")],
    ));
    world.load(&cdnow::scenario(&Ask::day(JULY).customers(2_000)).dir);
    let before = world.stats();
    project.apply(&world).exits(0);
    assert_eq!(
        world.stats().writes(),
        before.writes(),
        "a paused sync wrote"
    );
}

#[test]
fn archived_vanished_and_ambiguous_cohorts_are_errors() {
    let world = World::start(&small_june().dir);
    let sync = flag("Big spenders", "bigspnd");
    let project = Project::new(vec![sync]);
    project.assert_applies(&world, small_june(), "before");
    let list: Value = serde_json::from_str(&small_june().files["amplitude/cohorts.json"]).unwrap();
    let cohorts = list["cohorts"].as_array().unwrap();
    let big = cohorts
        .iter()
        .find(|cohort| cohort["id"] == "bigspnd")
        .unwrap();

    let mut archived = big.clone();
    archived["archived"] = true.into();
    world.put_cohort("bigspnd", &archived);
    project
        .apply(&world)
        .exits(1)
        .says("Big spenders")
        .says("archived");
    project.assert_exact(&world, small_june(), "with an archived cohort");

    // Two of one name: nobody can say which, unless the state already knows its id.
    world.put_cohort("bigspnd", big);
    let mut twin = big.clone();
    twin["id"] = "twin001".into();
    world.put_cohort("twin001", &twin);
    let fresh = Project::new(vec![flag("Big spenders", "bigspnd")]);
    fresh.apply(&world).exits(1).says("bigspnd").says("twin001");

    // Gone from the list.
    let mut files = small_june().files.clone();
    let kept: Vec<&Value> = cohorts
        .iter()
        .filter(|cohort| cohort["id"] != "bigspnd")
        .collect();
    files.insert(
        "amplitude/cohorts.json".into(),
        json!({"cohorts": kept}).to_string(),
    );
    files.remove("amplitude/cohorts/bigspnd.csv");
    let without = tempfile::TempDir::new().unwrap();
    cdnow::write(&files, without.path());
    world.load(without.path());
    project.apply(&world).exits(1).says("Big spenders");
    project.assert_exact(&world, small_june(), "with a vanished cohort");
    world.load(&small_june().dir);
    project.assert_settled(&world, "with the cohort back");

    let unknown = Project::new(vec![flag("Big spenderz", "bigspnd")]);
    unknown
        .apply(&world)
        .exits(1)
        .says("Big spenderz")
        .says("Big spenders");
    assert_eq!(world.stats().rejected, BTreeMap::new());
}

#[test]
fn a_sync_that_just_vanishes_is_refused_and_a_removed_one_empties() {
    let world = World::start(&small_june().dir);
    let syncs = vec![
        flag("Big spenders", "bigspnd"),
        flag("Repeat buyers", "repeat1"),
    ];
    let project = Project::new(syncs.clone());
    project.assert_applies(&world, small_june(), "with both");
    project.write(&yaml(OPEN, 75, &syncs[..1]));
    let run = project.apply(&world);
    let code = run.code;
    run.says("removed:")
        .says("address: sync.repeat-buyers-flag");
    assert!(
        code == Some(1) || code == Some(3),
        "a block that vanishes is refused: {code:?}"
    );
    project.assert_exact(&world, small_june(), "after a refusal");

    let removed = format!(
        "{OPEN}\nremoved: [{{address: sync.repeat-buyers-flag, on_destroy: empty, reason: no use}}]"
    );
    project.write(&yaml(&removed, 75, &syncs[..1]));
    project.apply(&world).exits(0);
    let on = world
        .attribute("is_repeat_buyers")
        .into_values()
        .filter(|value| *value == true)
        .count();
    assert_eq!(on, 0, "people are left behind");
    project.assert_settled(&world, "after a removal");
}

#[test]
fn a_run_waits_until_the_former_one_has_settled() {
    let world = World::start(&small_june().dir);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let text = yaml(OPEN, 75, &syncs).replace("settle: 0s", "settle: 3s");
    let project = Project::written(syncs, &text);
    let start = std::time::Instant::now();
    project.apply(&world).exits(0);
    let july = cdnow::scenario(&Ask::day(JULY).customers(2_000));
    world.load(&july.dir);
    project.apply(&world).exits(0);
    assert!(
        start.elapsed().as_secs_f64() >= 3.0,
        "the second run did not wait"
    );
    project.assert_exact(&world, july, "after the wait");
}

#[test]
fn another_world_has_another_state() {
    let first = World::start(&small_june().dir);
    let second = World::start(&small_june().dir);
    assert_ne!(first.id(), second.id());
    let project = Project::new(ten());
    project.assert_applies(&first, small_june(), "in the first world");
    assert!(project.state(&first).join("manifest.json").exists());

    let plan = project.plan(&second);
    assert_eq!(
        plan.code, 2,
        "the other world was never written to: {:#}",
        plan.json
    );
    assert_eq!(plan.json["summary"]["create"], 10);
    project.assert_applies(&second, small_june(), "in the second world");
    project.assert_settled(&first, "back in the first world");
}

#[test]
fn the_same_folder_at_another_endpoint_is_not_nothing_to_do() {
    let first = World::start(&small_june().dir);
    let second = World::start(&small_june().dir);
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let at = |world: &World| {
        yaml(OPEN, 75, &syncs)
            .replace(
                "amplitude: {",
                &format!("amplitude: {{endpoint: \"{}\", ", world.url()),
            )
            .replace("instance: US-01", &format!("endpoint: \"{}\"", world.url()))
    };
    let project = Project::written(syncs.clone(), &at(&first));
    project.assert_applies(&first, small_june(), "in the sandbox");

    // Now without --sandbox: the configured endpoints, the configured state.
    let command = |words: &[&str]| {
        let mut command = project.command(None, words);
        for name in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
            command.env(name, "a-key");
        }
        command
    };
    run(command(&["plan", "--detailed-exitcode"])).exits(2);
    run(command(&["apply", "--auto-approve"])).exits(0);
    run(command(&["plan", "--detailed-exitcode"])).exits(0);

    project.write(&at(&second));
    run(command(&["plan", "--detailed-exitcode"]))
        .exits(1)
        .says("rebind");
    run(command(&["apply", "--auto-approve"])).exits(1);
    assert_eq!(second.stats().tracks(), 0, "another target was written to");
}

#[test]
fn apply_asks_nobody_where_nobody_is() {
    let world = World::start(&small_june().dir);
    let project = Project::new(vec![flag("Big spenders", "bigspnd")]);
    project
        .run(&world, &["apply"])
        .exits(1)
        .says("--auto-approve");
    assert_eq!(world.stats().tracks(), 0);
}
