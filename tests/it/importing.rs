//! Cohorts by cohort import on a real shop's data: a first apply and the next day.
//! Figures come from plain sets over the scenario's files, never from the program.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{Project, Sync, five_imports};
use crate::support::truth::{self, To};
use crate::support::world::World;

/// People of one request (partner cohort import page).
const MOST: u64 = 1_000;

fn people(scenario: &Scenario, sync: &Sync) -> HashSet<String> {
    truth::user_ids(scenario.cohort(sync.id))
}

/// Checks a plan and an apply of these changes, cohort by cohort, with so many namings.
#[track_caller]
fn assert_moves(
    project: &Project,
    world: &World,
    scenario: &Scenario,
    moved: &[HashSet<String>],
    namings: u64,
) {
    world.reset();
    let plan = project.plan(world);
    assert_eq!(plan.code, 2, "{:#}", plan.json);
    let count = |people: &HashSet<String>| people.len() as u64;
    let changes: u64 = moved
        .iter()
        .map(|people| count(people).div_ceil(MOST))
        .sum();
    let rows: u64 = moved.iter().map(count).sum();
    assert_eq!(plan.json["cost"]["data_points"], rows);
    assert_eq!(plan.json["cost"]["requests"], changes + namings);
    for (sync, people) in project.syncs().iter().zip(moved) {
        let resource = plan.resource(&sync.address());
        assert_eq!(resource["cost"]["data_points"], count(people));
        let figure = |name| plan.delta(&sync.address(), name);
        assert_eq!(
            figure("add") + figure("remove"),
            count(people),
            "{resource:#}"
        );
    }
    assert_eq!(
        world.stats().sends() + world.stats().namings(),
        0,
        "a plan wrote"
    );

    let stats = project.assert_applies(world, scenario, "all cohorts");
    assert_eq!(stats.rejected, BTreeMap::new());
    assert_eq!((stats.changes(), stats.namings()), (changes, namings));
    assert_eq!((stats.tracks(), stats.downloads()), (0, 5));
    // Strangers were planned, since nobody can know, and are not billed.
    let known = truth::known(&scenario.files);
    let billed: u64 = moved.iter().map(|people| count(&(people & &known))).sum();
    assert_eq!(stats.data_points, billed);
    assert!(billed < rows, "a scenario with strangers");
}

#[test]
fn five_cohorts_are_filled_and_follow_the_next_day() {
    let [june, july] = [JUNE, JULY].map(|day| cdnow::scenario(&Ask::day(day)));
    let world = World::start(&june.dir);
    let project = Project::new(five_imports());
    let users = world.stats().users;
    let all: Vec<_> = project
        .syncs()
        .iter()
        .map(|sync| people(june, sync))
        .collect();
    assert_moves(&project, &world, june, &all, 5);
    assert_eq!(world.stats().users, users, "somebody was created");
    let named: Vec<_> = project
        .syncs()
        .iter()
        .zip(&all)
        .map(|(sync, people)| {
            let To::Import { id } = &sync.to else {
                panic!("an import")
            };
            let size = (people & &truth::known(&june.files)).len();
            json!({"id": id, "name": sync.cohort, "size": size})
        })
        .collect();
    let mut cohorts = world.cohorts();
    cohorts.sort_by_key(|cohort| named.iter().position(|named| named == cohort));
    assert_eq!(cohorts, named);

    world.load(&july.dir);
    let moved: Vec<_> = project
        .syncs()
        .iter()
        .map(|sync| &people(june, sync) ^ &people(july, sync))
        .collect();
    assert_moves(&project, &world, july, &moved, 0);
}
