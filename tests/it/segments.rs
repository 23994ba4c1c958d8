//! Many segments: the list is read once, page by page, and nothing but it of segments that nobody declared.

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::project::{OPEN, Project};
use crate::support::world::World;

#[test]
fn a_thousand_segments_are_eleven_lists() {
    let scenario = cdnow::scenario(&Ask::day(JUNE).customers(500));
    let world = World::start(&scenario.dir);
    let one = |at: u32| {
        json!({"id": format!("s-{at}"), "name": format!("Segment {at}"), "tags": ["t"],
            "created_at": format!("2026-01-01T00:{:02}:{:02}Z", at / 60, at % 60),
            "description": "All users"})
    };
    let all: Vec<Value> = (0..1_050).map(one).collect();
    world.put_segments(&json!(all));
    let text = format!(
        "version: 1\nworkspace: cdnow\namplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\"}}\n{OPEN}\n\
         segments:\n\
         \x20 first: {{name: Segment 0, tags: [t]}}\n\
         \x20 last: {{name: Segment 1049, tags: [other]}}\n\
         \x20 near: {{name: Segment 1049x}}\n"
    );
    let project = Project::written(vec![], &text);
    let before = world.stats().requests;
    let run = project.run(&world, &["plan", "--format", "json", "--detailed-exitcode"]);
    let plan = run.exits(2).json();
    let after = world.stats().requests;
    let asked = |path: &str| {
        let count = |stats: &std::collections::BTreeMap<String, u64>| -> u64 {
            let of = stats.iter().filter(|(known, _)| known.ends_with(path));
            of.map(|(_, count)| count).sum()
        };
        count(&after) - count(&before)
    };
    assert_eq!(asked("/segments/list"), 11);
    assert_eq!(asked("/segments/details"), 2);
    assert_eq!(asked("/segments/data_series"), 0, "none is verified by it");
    let actions: Vec<&Value> = plan["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["action"])
        .collect();
    assert_eq!(actions, ["no_op", "manual", "manual"]);
    let steps = plan["resources"][2]["manual"].to_string();
    assert!(steps.contains("Segment 1049\\\""), "{steps}");
}
