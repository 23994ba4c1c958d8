//! What the README promises: the quickstart, from a fresh clone, on the embedded sandbox, with no account.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::binary::{Run, run, syncform};
use crate::support::source::{root, walk};

/// A copy of the quickstart, so that its own folder stays as it was cloned.
fn copy() -> TempDir {
    let copy = TempDir::new().unwrap();
    let from = root().join("examples/quickstart");
    let mut files: Vec<PathBuf> = Vec::new();
    walk(&from, &mut files);
    for file in files.iter().filter(|file| {
        !file
            .components()
            .any(|part| part.as_os_str() == ".syncform")
    }) {
        let to = copy.path().join(file.strip_prefix(&from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
    copy
}

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
    let project = copy();
    let dir = project.path();
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

#[test]
fn the_readme_saves_a_plan_and_applies_it() {
    let project = copy();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("## Saved plans").nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let start = "cargo run --locked -- -C examples/quickstart ";
    assert_eq!(block.lines().count(), 3);
    for line in block.lines() {
        let words: Vec<&str> = line.strip_prefix(start).unwrap().split(' ').collect();
        at(project.path(), &words).exits(0);
    }
    let again = at(project.path(), &["apply", "--sandbox", "plan.tar"]);
    again.exits(5).says("applied already");
    let rest = [
        "plan",
        "--sandbox",
        "--detailed-exitcode",
        "--except",
        "sync.active-30d",
    ];
    at(project.path(), &rest).exits(0);
}

/// The README's blocks of plain text, without what changes from day to day.
fn readme_blocks() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```text\n").skip(1);
    blocks
        .map(|block| timeless(block.split("```").next().unwrap()))
        .collect()
}

fn timeless(text: &str) -> String {
    let date = regex::Regex::new(r"until: \d{4}-\d\d-\d\d").unwrap();
    date.replace_all(text.trim_end(), "until: DAY").into_owned()
}

#[test]
fn the_readme_shows_what_is_printed() {
    let project = copy();
    let dir = project.path();
    let first = at(dir, &["plan", "--sandbox"]).exits(0).stdout;
    at(dir, &["apply", "--sandbox", "--auto-approve"]).exits(0);
    at(dir, &["sandbox", "load", "next-day"]).exits(0);
    let second = at(dir, &["plan", "--sandbox"]).exits(3).stdout;
    assert_eq!(readme_blocks(), [timeless(&first), timeless(&second)]);
}
