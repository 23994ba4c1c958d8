//! One person through every sync, on the shop's data: it says what a plan does, whatever became of the run before, and
//! neither changes anything nor names anybody.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Project, ten, yaml};
use crate::support::truth;
use crate::support::world::World;

fn day(day: &str) -> &'static Scenario {
    cdnow::scenario(&Ask::day(day).customers(500))
}

/// What a plan does with each row: the sign by address and person.
fn signs(project: &Project, world: &World) -> BTreeMap<(String, String), String> {
    let run = project.run(world, &["plan", "--show-ids"]);
    let lines = run.stdout.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [address, sign @ ("+" | "~" | "-"), "external_id", id]
                if address.starts_with("sync.") =>
            {
                Some((
                    (String::from(*address), String::from(*id)),
                    String::from(*sign),
                ))
            }
            _ => None,
        }
    });
    lines.collect()
}

fn explained(project: &Project, world: &World, person: &str) -> Value {
    let words = ["explain", person, "--format", "json"];
    let run = project.run(world, &words).exits(0);
    assert!(!run.all().contains(person), "a person is named: {run}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// Compares what is told of some people with what a plan does.
#[track_caller]
fn assert_agrees(project: &Project, world: &World, people: &[String], when: &str) {
    let signs = signs(project, world);
    assert!(!signs.is_empty(), "{when}: nothing to compare with");
    for person in people {
        let told = explained(project, world, person);
        for sync in told["syncs"].as_array().unwrap() {
            let address = sync["address"].as_str().unwrap();
            let rows = sync["rows"].as_array().unwrap();
            let does = rows
                .first()
                .map_or("nothing", |row| row["next"]["does"].as_str().unwrap());
            let sign = match does {
                "add" => Some("+"),
                "change" => Some("~"),
                "remove" => Some("-"),
                other => {
                    assert_eq!(other, "nothing", "{when}: {sync}");
                    None
                }
            };
            let key = (address.to_owned(), person.clone());
            let planned = signs.get(&key).map(String::as_str);
            assert_eq!(sign, planned, "{when}: {sync}");
        }
    }
}

/// Some of those whom a plan moves, and some of a cohort, moved or not.
fn some(project: &Project, world: &World) -> Vec<String> {
    let moved: Vec<String> = signs(project, world)
        .into_keys()
        .map(|(_, id)| id)
        .collect();
    let every = (moved.len() / 12).max(1);
    let mut people: Vec<String> = moved.into_iter().step_by(every).collect();
    let stay = truth::user_ids(day(JUNE).cohort("repeat1"));
    people.extend(stay.into_iter().step_by(40));
    people.sort();
    people.dedup();
    people
}

fn files(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
}

#[test]
fn it_says_what_a_plan_does_and_changes_nothing() {
    let world = World::start(&day(JUNE).dir);
    let project = Project::written(ten(), &yaml(OPEN, 25, &ten()));
    project.run(&world, &["plan"]).exits(0);
    assert_agrees(&project, &world, &some(&project, &world), "before anything");
    project.apply(&world).exits(0);
    world.load(&day(JULY).dir);
    let people = some(&project, &world);
    assert_agrees(&project, &world, &people, "a month later");

    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    files(&project.state(&world), &mut before);
    let sent = world.stats();
    for person in &people {
        let words = ["explain", person, "--live", "-vv"];
        let run = project.run(&world, &words).exits(0);
        assert!(!run.all().contains(person.as_str()), "{run}");
        assert!(run.stdout.contains("Braze, by external id: "), "{run}");
    }
    files(&project.state(&world), &mut after);
    assert_eq!(before, after);
    let now = world.stats();
    assert_eq!(now.writes(), sent.writes());
    assert_eq!(now.download_requests(), sent.download_requests());
}

#[test]
fn what_a_killed_run_sent_is_counted_in() {
    let world = World::with(&day(JUNE).dir, &["--latency", "20ms"]);
    let project = Project::written(ten(), &yaml(OPEN, 5, &ten()));
    let mut run = project.start_apply(&world);
    assert!(world.wait_for_tracks(8, &mut run), "it ended before that");
    run.kill();
    let people = some(&project, &world);
    assert_agrees(&project, &world, &people, "after a kill");
    let told: Vec<Value> = people
        .iter()
        .map(|person| explained(&project, &world, person))
        .collect();
    assert!(told.iter().all(|told| told["cut"] == true));
    let fates: Vec<&str> = told
        .iter()
        .flat_map(|told| told["syncs"].as_array().unwrap())
        .map(|sync| sync["fate"].as_str().unwrap())
        .collect();
    assert!(fates.contains(&"new"), "{fates:?}");
    project.apply(&world).exits(0);
    project.assert_exact(&world, day(JUNE), "after a kill");
}
