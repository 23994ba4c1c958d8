//! The quickstart, from a fresh clone, on the embedded sandbox, with no account.

use std::path::Path;

use tempfile::TempDir;

use crate::support::binary::{Run, run, syncform};
use crate::support::source::copied;

#[track_caller]
fn at(dir: &Path, words: &[&str]) -> Run {
    run(syncform(
        ["-C", dir.to_str().unwrap()]
            .into_iter()
            .chain(words.iter().copied()),
    ))
}

#[test]
fn a_plan_an_apply_nothing_to_do_and_the_next_day() {
    let place = TempDir::new().unwrap();
    copied("examples/quickstart", place.path());
    let dir = &place.path().join("examples/quickstart");
    let plan = at(dir, &["plan", "--sandbox"]).exits(0);
    for name in ["active-30d", "repeat-buyers", "big-spenders", "lapsed"] {
        assert!(plan.stdout.contains(&format!("+ sync.{name}")), "{plan}");
    }
    assert!(plan.stdout.contains("Plan: 4 to create"), "{plan}");
    assert!(plan.stdout.contains("Cost: "), "{plan}");
    at(dir, &["plan", "--sandbox", "--detailed-exitcode"]).exits(2);

    at(dir, &["apply", "--sandbox", "--auto-approve"]).exits(0);
    at(dir, &["plan", "--sandbox", "--detailed-exitcode"]).exits(0);

    at(dir, &["sandbox", "load", "next-day"]).exits(0);
    let plan = at(dir, &["plan", "--sandbox"]).exits(3);
    // Of 215 people 136 left Active 30d: no shop wants that unseen.
    assert!(plan.stdout.contains("+129 -136"), "{plan}");
    let plan = plan.says("max_removals").says("allow_removal");
    assert!(plan.stdout.contains("+74 -75"), "Lapsed: {plan}");
    at(dir, &["apply", "--sandbox", "--auto-approve"]).exits(3);

    let rest = ["--sandbox", "--except", "sync.active-30d"];
    at(dir, &[&["apply", "--auto-approve"], &rest[..]].concat()).exits(0);
    at(dir, &[&["plan", "--detailed-exitcode"], &rest[..]].concat()).exits(0);
    at(dir, &["plan", "--sandbox"]).exits(3);
}
