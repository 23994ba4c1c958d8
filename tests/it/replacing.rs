//! People who are named by another identifier than before: a changed mapping, a visitor who signs up. What went is taken
//! out first, and what comes follows once that has settled. An alias and an external id open one profile: a wrong order
//! would leave people out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::identities::{BY_ALIAS, by_alias, by_external_id, column};
use crate::support::binary::Running;
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, flag, import, yaml};
use crate::support::truth::{self, Profiles};
use crate::support::world::World;

const KILLS: usize = 4;
const BY_DEVICE: &str = "identify_by: [external_id, device_id]";

fn small() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_500))
}

/// Replaces the syncs' keys; a replacement waits so long between its passes.
fn mapped(project: &mut Project, syncs: &[Sync], more: &str, settle: &str) {
    let syncs: Vec<Sync> = syncs.iter().map(|sync| sync.clone().with(more)).collect();
    let text = yaml(OPEN, 5, &syncs).replace("settle: 0s", &format!("settle: {settle}"));
    project.rewrite(syncs, &text);
}

/// What the profiles hold where each of these syncs reaches these people.
fn reached<'a>(
    syncs: impl IntoIterator<Item = &'a Sync>,
    people: impl Fn(&Sync) -> BTreeSet<String>,
) -> Profiles {
    let wanted: Vec<_> = syncs
        .into_iter()
        .map(|sync| (&sync.to, people(sync).into_iter().collect()))
        .collect();
    let known = wanted
        .iter()
        .flat_map(|(_, people): &(_, std::collections::HashSet<String>)| people.clone())
        .collect();
    truth::expected(wanted, &known)
}

/// External ids of members, and how many have none.
fn members(world: &World, id: &str) -> (BTreeSet<String>, usize) {
    let members = world.cohort_members(id);
    let (named, others): (Vec<_>, Vec<_>) = members
        .iter()
        .partition(|member| member["external_id"].is_string());
    let ids = named
        .iter()
        .filter_map(|member| member["external_id"].as_str());
    (ids.map(str::to_owned).collect(), others.len())
}

#[test]
fn visitors_are_named_by_device_then_by_alias_then_by_external_id() {
    let june = cdnow::scenario(&Ask::day(JUNE));
    let world = World::start(&june.dir);
    let sync = import("Visitors", "visit01");
    let mut project = Project::new(vec![]);
    mapped(&mut project, std::slice::from_ref(&sync), BY_DEVICE, "0s");
    let (address, id) = (sync.address(), sync.to.attribute());
    let identified =
        |project: &Project| project.plan(&world).resource(&address)["delta"]["identified"].clone();
    let by_name = by_external_id(june, "visit01");

    assert_eq!(
        identified(&project),
        json!({"external_id": 948, "device_id": 150})
    );
    project
        .run(&world, &["plan"])
        .exits(0)
        .says("948 by external_id, 150 by device_id");
    project.apply(&world).exits(0);
    assert_eq!(members(&world, id), (by_name.clone(), 150));
    let devices: BTreeSet<String> = world
        .cohort_members(id)
        .iter()
        .filter_map(|member| Some(member["device_id"].as_str()?.to_owned()))
        .collect();
    assert_eq!(devices.len(), 150);
    assert!(devices.is_subset(&column(june, "visit01", "device_id")));
    project.assert_settled(&world, "by device");

    // Everybody goes, and those who have the alias come, in one apply.
    mapped(&mut project, std::slice::from_ref(&sync), BY_ALIAS, "1s");
    let plan = project.plan(&world);
    assert_eq!(
        plan.resource(&address)["action"],
        "replace",
        "{:#}",
        plan.json
    );
    let figures = ["before", "remove", "add", "later", "gap_seconds"]
        .map(|figure| plan.delta(&address, figure));
    assert_eq!(figures, [1_098, 1_098, 1_098, 1_098, 1]);
    world.reset();
    let start = Instant::now();
    project.apply(&world).exits(0);
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "it did not settle"
    );
    let stats = world.stats();
    assert_eq!(
        (stats.changes(), stats.namings(), stats.tracks()),
        (4, 0, 0)
    );
    assert_eq!(members(&world, id), (by_alias(june, "visit01"), 0));
    project.assert_settled(&world, "by alias");

    mapped(&mut project, std::slice::from_ref(&sync), "", "0s");
    let plan = project.plan(&world);
    let figures = ["remove", "add", "later"].map(|figure| plan.delta(&address, figure));
    assert_eq!(figures, [1_098, 948, 948]);
    project.apply(&world).exits(0);
    assert_eq!(members(&world, id), (by_name, 0));
    project.assert_settled(&world, "by external id");
}

/// One cohort to all three targets.
fn three() -> Vec<Sync> {
    let (name, id) = ("Repeat buyers", "repeat1");
    vec![array(name, id), flag(name, id), import(name, id)]
}

/// What the profiles should hold under a mapping.
fn mapping(alias: bool) -> (&'static str, Profiles) {
    let people = if alias {
        by_alias(small(), "repeat1")
    } else {
        by_external_id(small(), "repeat1")
    };
    let more = if alias { BY_ALIAS } else { "" };
    (more, reached(&three(), |_| people.clone()))
}

/// When a replacement is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Once so many requests with rows came: amid a pass.
    Requests(u64),
    /// So long after the last request of the first pass came: as it ends, between the passes, as the second begins.
    After(Duration),
}

fn kill(world: &World, mut run: Running, moment: Moment, first_pass: u64) {
    match moment {
        Moment::Requests(count) => {
            world.wait_for_sends(count, &mut run);
        }
        Moment::After(time) => {
            world.wait_for_sends(first_pass, &mut run);
            run.ends_within(time);
        }
    }
    run.kill();
}

/// Changes the mapping back and forth, kills most of the replacements, and runs each again.
fn killed_and_run_again(name: &str) {
    let seed: u64 = rand::rng().next_u64();
    let random = &mut StdRng::seed_from_u64(seed);
    let world = World::with(&small().dir, &["--latency", "10ms"]);
    let syncs = three();
    let mut project = Project::new(vec![]);
    mapped(&mut project, &syncs, "", "0s");
    project.apply(&world).exits(0);
    let rows = column(small(), "repeat1", "user_id").len() as u64;
    // Array and flag share objects, five a request; the import has one request.
    let first_pass = rows.div_ceil(5) + 1;
    let (mut alias, turn) = (false, random.random_range(0..3));
    for number in 1..=KILLS {
        alias = !alias;
        mapped(&mut project, &syncs, mapping(alias).0, "1s");
        // In turn: amid the first pass, between the passes or about then, amid the second.
        let moment = match (number + turn) % 3 {
            0 => Moment::Requests(random.random_range(1..first_pass)),
            1 => Moment::After(Duration::from_millis(random.random_range(0..1_300))),
            _ => Moment::Requests(first_pass + random.random_range(1..first_pass)),
        };
        world.reset();
        kill(&world, project.start_apply(&world), moment, first_pass);
        let back = random.random_bool(0.4);
        if back {
            alias = !alias;
            mapped(&mut project, &syncs, mapping(alias).0, "1s");
        }
        let when = format!(
            "{name}, seed {seed}, kill {number} at {moment:?} of {first_pass} and as many, back: {back}, alias: {alias}"
        );
        println!("{when}");
        project.apply(&world).exits(0);
        truth::assert_same(&project.found(&world), &mapping(alias).1, &when);
        project.assert_settled(&world, &when);
    }
}

#[test]
fn replacements_are_killed_at_four_moments_and_run_again_a() {
    killed_and_run_again("a");
}

#[test]
fn replacements_are_killed_at_four_moments_and_run_again_b() {
    killed_and_run_again("b");
}

/// A file of a cohort in which some have no user id yet.
fn anonymous(scenario: &Scenario, cohort: &str, who: &BTreeSet<String>) -> String {
    let lines = scenario.cohort(cohort).lines().map(|line| {
        let signed_up = line.split(',').nth(1).unwrap_or_default();
        if who.contains(signed_up.trim_matches('"')) {
            line.replace(signed_up, "\"\"")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn visitors_who_sign_up_stay_in_wherever_they_were() {
    let world = World::start(&small().dir);
    let both = "identify_by: [external_id, {alias: amplitude_id, name: amplitude_id}]";
    let mut project = Project::new(vec![]);
    mapped(&mut project, &three(), both, "0s");
    // All who have the alias are anonymous to Amplitude at first: Braze knows them by both.
    let visitors = by_alias(small(), "repeat1");
    assert!(visitors.len() > 50, "a scenario with aliases");
    let everybody = reached(&three(), |_| by_external_id(small(), "repeat1"));
    let before = anonymous(small(), "repeat1", &visitors);
    let address = three()[2].address();
    let many = visitors.len() as u64;

    world.put_members("repeat1", &before);
    let plan = project.plan(&world);
    let delta = &plan.resource(&address)["delta"];
    assert_eq!(delta["identified"]["alias amplitude_id"], many, "{delta:#}");
    project.apply(&world).exits(0);
    truth::assert_same(&project.found(&world), &everybody, "by both");

    for (day, file) in [
        ("they sign up", small().cohort("repeat1")),
        ("they sign off", &before),
    ] {
        world.put_members("repeat1", file);
        let plan = project.plan(&world);
        let figures = ["add", "remove", "later"].map(|figure| plan.delta(&address, figure));
        assert_eq!(figures, [many, many, many], "{day}");
        project.apply(&world).exits(0);
        truth::assert_same(&project.found(&world), &everybody, day);
        project.assert_settled(&world, day);
    }
}

#[test]
fn a_device_that_becomes_a_user_gives_its_place_to_them() {
    let world = World::start(&small().dir);
    let sync = import("Visitors", "visit01");
    let mut project = Project::new(vec![]);
    mapped(&mut project, std::slice::from_ref(&sync), BY_DEVICE, "0s");
    project.apply(&world).exits(0);
    let (mut people, devices) = members(&world, sync.to.attribute());
    assert_eq!(devices, 150);

    let mut signed_up = BTreeMap::new();
    let lines = small()
        .cohort("visit01")
        .lines()
        .enumerate()
        .map(|(number, line)| {
            if number % 3 > 0 || !line.contains(",\"\",") {
                return line.to_owned();
            }
            let id = format!("new-{number}");
            let line = line.replacen(",\"\",", &format!(",\"{id}\","), 1);
            signed_up.insert(id, Value::Null);
            line
        });
    let file = lines.collect::<Vec<_>>().join("\n") + "\n";
    for id in signed_up.keys() {
        world.put_user(id, &json!({"plan": "new"}));
    }
    world.put_members("visit01", &file);
    let many = signed_up.len();
    assert!(many >= 40, "{many}");
    let plan = project.plan(&world);
    assert_eq!(plan.delta(&sync.address(), "later"), many as u64);
    project.apply(&world).exits(0);
    people.extend(signed_up.into_keys());
    assert_eq!(members(&world, sync.to.attribute()), (people, 150 - many));
    project.assert_settled(&world, "after they signed up");
}

/// Two labels of one array, each with the people of the other's cohort after a swap.
fn labelled(first: &str, second: &str) -> Vec<Sync> {
    let named = |mut sync: Sync, label: &str| {
        sync.to = truth::To::Array {
            attribute: "amplitude_cohorts".to_owned(),
            label: label.to_owned(),
        };
        sync.with(&format!("label: {label}"))
    };
    vec![
        named(array("Repeat buyers", "repeat1"), first),
        named(array("Big spenders", "bigspnd"), second),
    ]
}

#[test]
fn labels_swapped_and_killed_amid_that_go_on() {
    let world = World::with(&small().dir, &["--latency", "20ms"]);
    let mut project = Project::new(vec![]);
    let mut labels = ["A", "B"];
    let mut swap = |project: &mut Project| {
        labels.reverse();
        let syncs = labelled(labels[0], labels[1]);
        let text = yaml(OPEN, 5, &syncs);
        project.rewrite(syncs, &text);
    };
    swap(&mut project);
    project.assert_applies(&world, small(), "at first");
    for requests in [2, 15] {
        swap(&mut project);
        world.reset();
        let mut run = project.start_apply(&world);
        assert!(world.wait_for_tracks(requests, &mut run), "it ended before");
        run.kill();
        let when = format!("killed at request {requests}");
        project.assert_applies(&world, small(), &when);
    }
}

#[test]
fn a_label_that_rows_still_hold_is_nobody_elses_however_often_it_was_changed_since() {
    let world = World::with(&small().dir, &["--latency", "20ms"]);
    let mut project = Project::new(vec![]);
    let label = |project: &mut Project, first: &str, second: &str| {
        let syncs = labelled(first, second);
        let text = yaml(OPEN, 5, &syncs);
        project.rewrite(syncs, &text);
    };
    label(&mut project, "A", "B");
    project.apply(&world).exits(0);
    for first in ["C", "D"] {
        label(&mut project, first, "B");
        world.reset();
        let mut run = project.start_apply(&world);
        assert!(world.wait_for_tracks(2, &mut run), "it ended before");
        run.kill();
    }
    for held in ["A", "C"] {
        label(&mut project, "D", held);
        let alone = ["plan", "--only", "sync.big-spenders-array"];
        let plan = project.run(&world, &alone).exits(1);
        plan.says(&format!(
            "label \"{held}\" in attribute amplitude_cohorts would have two owners"
        ));
    }
    // Together they move on in the same objects, cut or not.
    label(&mut project, "D", "A");
    let mut run = project.start_apply(&world);
    world.reset();
    assert!(world.wait_for_tracks(2, &mut run), "it ended before");
    run.kill();
    for only in ["sync.big-spenders-array", "sync.repeat-buyers-array"] {
        let alone = ["apply", "--auto-approve", "--only", only];
        let run = project.run(&world, &alone);
        let refused = run.code == Some(1);
        assert_eq!(refused, only.contains("big"), "{run}");
    }
    project.assert_applies(&world, small(), "together, after a cut");
}
