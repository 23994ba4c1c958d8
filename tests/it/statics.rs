//! A segment of Braze as a static cohort of Amplitude, of more people than one sees: made by one request, and followed by as few
//! as can be.

use std::collections::BTreeSet;

use serde_json::json;
use tempfile::TempDir;

use crate::support::many::{self, Ids};
use crate::support::project::{OPEN, Project};
use crate::support::world::World;

const PEOPLE: u64 = 23_700;
/// The id of the first cohort that a sandbox makes.
const FIRST: &str = "t5gpu93";

/// Everybody but these.
fn segment(world: &World, out: std::ops::Range<u64>) -> BTreeSet<String> {
    let gone: Vec<String> = out.clone().map(|person| Ids::Short.of(person)).collect();
    world.put_segments(&json!([{"id": "vip", "name": "VIP",
        "filter": {"all_of": [{"everybody": true}], "none_of": [{"external_ids": gone}]}}]));
    let people = (0..PEOPLE).filter(|person| !out.contains(person));
    people.map(|person| Ids::Short.of(person)).collect()
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
        let found: BTreeSet<String> = world.static_members(FIRST).into_iter().collect();
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
