//! Segments with members on CDNOW: what Braze holds equals the sets of the scenario's own files, on both days.

use std::collections::{BTreeSet, HashSet};

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Project, yaml};
use crate::support::truth;
use crate::support::world::World;

const SEGMENTS: &str = "
segments:
  core:
    name: Core buyers
    members: {all_of: [{cohort: Repeat buyers}, {cohort: Big spenders}], none_of: [{cohort: Active 90d}]}
    to: {attribute_flag: core_buyer}
    guards: {max_removals: 100%, max_shrink: 100%, max_new_users: 100%}
  either:
    name: Either
    members: {any_of: [{cohort: Lapsed}, {all_of: [{cohort: Big spenders}, {cohort: Active 90d}]}], none_of: [{cohort: Visitors}, {cohort: Repeat buyers}]}
    to: {attribute_array: segments}
    guards: {max_removals: 100%, max_shrink: 100%, max_new_users: 100%}
";

/// The people of a cohort who have a user id.
fn people(scenario: &Scenario, id: &str) -> HashSet<String> {
    truth::user_ids(scenario.cohort(id))
}

#[track_caller]
fn assert_computed(world: &World, scenario: &Scenario) {
    let of = |id: &str| people(scenario, id);
    let (repeat, big, active) = (of("repeat1"), of("bigspnd"), of("act90d1"));
    let (lapsed, visitors) = (of("lapsed1"), of("visit01"));
    let known = truth::known(&scenario.files);
    let of_everybody = |is_in: &dyn Fn(&String) -> bool| -> BTreeSet<String> {
        let everybody = [&repeat, &big, &active, &lapsed, &visitors]
            .into_iter()
            .flatten();
        let found = everybody.filter(|person| is_in(person) && known.contains(*person));
        found.cloned().collect()
    };
    let core =
        of_everybody(&|who| repeat.contains(who) && big.contains(who) && !active.contains(who));
    let either = of_everybody(&|who| {
        (lapsed.contains(who) || (big.contains(who) && active.contains(who)))
            && !visitors.contains(who)
            && !repeat.contains(who)
    });
    assert!(
        core.len() > 10 && either.len() > 100,
        "{} {}",
        core.len(),
        either.len()
    );
    let flags = world.attribute("core_buyer").into_iter();
    let flagged: BTreeSet<String> = flags
        .filter(|(_, value)| value == true)
        .map(|(who, _)| who)
        .collect();
    assert_eq!(flagged, core);
    let arrays = world.attribute("segments").into_iter();
    let labelled: BTreeSet<String> = arrays
        .filter(|(_, value)| {
            value
                .as_array()
                .is_some_and(|labels| labels.iter().any(|label| label == "Either"))
        })
        .map(|(who, _)| who)
        .collect();
    assert_eq!(labelled, either);
}

#[test]
fn what_is_computed_is_what_the_files_say_on_both_days() {
    let day = |day| cdnow::scenario(&Ask::day(day).customers(4_000));
    let world = World::start(&day(JUNE).dir);
    let text = format!("{}{SEGMENTS}", yaml(OPEN, 75, &[]).replace("syncs:\n", ""));
    let project = Project::written(vec![], &text);
    for scenario in [day(JUNE), day(JULY)] {
        world.load(&scenario.dir);
        project.apply(&world).exits(0);
        assert_computed(&world, scenario);
        project.assert_settled(&world, "computed");
    }
}
