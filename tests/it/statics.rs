//! A segment of Braze as a static cohort of Amplitude, of more people than one sees: made by one request, and followed by as few
//! as can be.

use std::collections::BTreeSet;

use serde_json::json;
use tempfile::TempDir;

use crate::forgetting::places;
use crate::support::many::{self, Ids};
use crate::support::project::{OPEN, Project};
use crate::support::world::World;

const PEOPLE: u64 = 23_700;

/// Everybody but these.
fn segment(world: &World, out: std::ops::Range<u64>) -> BTreeSet<String> {
    let gone: Vec<String> = out.clone().map(|person| Ids::Short.of(person)).collect();
    world.put_segments(&json!([{"id": "vip", "name": "VIP",
        "filter": {"all_of": [{"everybody": true}], "none_of": [{"external_ids": gone}]}}]));
    let people = (0..PEOPLE).filter(|person| !out.contains(person));
    people.map(|person| Ids::Short.of(person)).collect()
}

/// The id of the cohort that was made, as the state remembers it.
fn made(project: &Project, world: &World) -> String {
    let manifest = std::fs::read(project.state(world).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let id = &manifest["resources"]["cohort.back"]["uploaded"]["id"];
    id.as_str().unwrap().to_owned()
}

#[test]
fn a_segment_of_23_000_people_becomes_a_cohort_that_follows_it() {
    let scenario = TempDir::new().unwrap();
    many::write(
        scenario.path(),
        Ids::Short,
        PEOPLE,
        0,
        &[("Everybody", 0..PEOPLE)],
    );
    let world = World::start(scenario.path());
    let text = format!(
        "version: 1\nworkspace: acme\n\
         amplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\", project_id: 153957}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\n\
         cohorts:\n\
         \x20 back: {{name: Back, members: {{braze_segment: VIP}}, owner: me@acme.com, max_age: 0s}}\n"
    );
    let project = Project::written(vec![], &text);
    let mut counts = vec![];
    for out in [0..700, 300..900, 300..900] {
        let people = segment(&world, out);
        world.reset();
        let run = project.run(&world, &["plan", "--format", "json"]).exits(0);
        let plan = run.json();
        assert_eq!(plan["cost"]["data_points"], 0);
        let delta = &plan["resources"][0]["delta"];
        project.run(&world, &["apply", "--auto-approve"]).exits(0);
        let stats = world.stats();
        let moved = (delta["add"].as_u64(), delta["remove"].as_u64());
        counts.push((moved, stats.uploads(), stats.memberships()));
        let found: BTreeSet<String> = world
            .static_members(&made(&project, &world))
            .into_iter()
            .collect();
        assert_eq!(found.len(), people.len());
        assert!(found == people, "other people than those of the segment");
    }
    let expected = [
        ((Some(23_000), Some(0)), 1, 0),
        ((Some(300), Some(200)), 0, 2),
        ((Some(0), Some(0)), 0, 0),
    ];
    assert_eq!(counts, expected);
}

/// Killed while its first request, or one of those that follow, is under way: once more, and it is as it should be.
#[test]
fn killed_at_any_request_the_next_apply_ends_in_the_same_cohort() {
    let scenario = TempDir::new().unwrap();
    many::write(scenario.path(), Ids::Short, 60, 0, &[("Everybody", 0..60)]);
    let world = World::with(scenario.path(), &["--latency", "150ms"]);
    let text = format!(
        "version: 1\nworkspace: acme\n\
         amplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\", project_id: 153957}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\n\
         cohorts: {{back: {{name: Back, members: {{file: back.csv}}, owner: me@acme.com}}}}\n"
    );
    let project = Project::written(vec![], &text);
    let rounds = [
        (0..40, "POST /api/3/cohorts/upload", 1),
        (10..50, "POST /api/3/cohorts/membership", 1),
        (30..60, "POST /api/3/cohorts/membership", 2),
    ];
    for (people, path, count) in rounds {
        let people: BTreeSet<String> = people.map(|person| Ids::Short.of(person)).collect();
        let list: Vec<&str> = people.iter().map(String::as_str).collect();
        std::fs::write(project.dir().join("back.csv"), list.join("\n")).unwrap();
        world.reset();
        let mut run = project.start_apply(&world);
        assert!(world.wait_for(path, count, &mut run), "it ended before");
        run.kill();
        project.apply(&world).exits(0);
        let found: BTreeSet<String> = world
            .static_members(&made(&project, &world))
            .into_iter()
            .collect();
        assert_eq!(found, people, "{path}");
        let plan = project.run(&world, &["plan", "--detailed-exitcode"]);
        plan.exits(0).says("Nothing to do.");
    }
    let said = project.run(&world, &["doctor"]).exits(0);
    said.says("cohort.back: back.csv has 30 user ids");
    // All of it once more, and then somebody is forgotten.
    let again = project.run(&world, &["resync", "cohort.back", "--auto-approve"]);
    again.exits(0).says("30 acknowledged");
    let (state, person) = (project.state(&world), Ids::Short.of(45));
    assert!(!places(&state, &person, None).is_empty());
    let forgotten = project.run(&world, &["state", "forget", &person, "--auto-approve"]);
    forgotten.exits(0);
    assert_eq!(places(&state, &person, None), BTreeSet::new());
}
