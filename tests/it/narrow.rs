//! Colour where it is wanted and nowhere else, and lines that break between words on a narrow terminal.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::binary::{run, syncform};
use crate::support::source::root;
use crate::support::terminal::{Screen, Terminal};

const ESCAPE: char = '\u{1b}';

fn quickstart(words: &[&str]) -> Command {
    let dir = root().join("examples/quickstart");
    let dir = dir.to_str().unwrap().to_owned();
    let mut command = syncform(["-C", &dir].into_iter().chain(words.iter().copied()));
    command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
}

/// A command on which both streams say something in colour: an unknown flag and help.
fn coloured(command: Command) -> bool {
    let run = run(command);
    run.all().contains(ESCAPE)
}

#[test]
fn a_pipe_gets_no_escape_unless_it_asks() {
    let wrong = ["validate", "-C", "nowhere"];
    for words in [&["--help"][..], &["plan", "--nonsense"], &wrong] {
        let with = |name: &str, value: &str, flag: Option<&str>| {
            let flag = flag.map(|when| ["--color", when]).into_iter().flatten();
            let words: Vec<&str> = flag.chain(words.iter().copied()).collect();
            let mut command = quickstart(&words);
            command.env(name, value);
            coloured(command)
        };
        assert!(!with("A", "1", None), "{words:?}");
        assert!(with("A", "1", Some("always")), "{words:?}");
        assert!(with("SYNCFORM_COLOR", "always", None), "{words:?}");
        assert!(
            !with("SYNCFORM_COLOR", "always", Some("never")),
            "{words:?}"
        );
        assert!(with("CLICOLOR_FORCE", "1", None), "{words:?}");
        assert!(!with("CLICOLOR_FORCE", "0", None), "{words:?}");
        assert!(!with("CLICOLOR_FORCE", "1", Some("never")), "{words:?}");
        assert!(with("NO_COLOR", "1", Some("always")), "{words:?}");
    }
    let mut command = quickstart(&["--help"]);
    command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    assert!(!coloured(command), "NO_COLOR stands above CLICOLOR_FORCE");
}

#[test]
fn each_stream_is_looked_at_by_itself() {
    let dir = TempDir::new().unwrap();
    for (words, to, elsewhere) in [
        ("--help", ">", false),
        ("--help", "2>", true),
        ("plan --nonsense", ">", true),
        ("plan --nonsense", "2>", false),
        ("validate", "2>", false),
        ("validate", ">", true),
    ] {
        let mut command = Command::new("/bin/sh");
        let script = format!("\"$0\" {words} {to}file");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_syncform")])
            .env_clear()
            .env("TERM", "xterm-256color")
            .current_dir(dir.path());
        let screen = shown(command, 100);
        let file = fs::read_to_string(dir.path().join("file")).unwrap();
        assert!(!file.contains(ESCAPE), "{words} {to}: {file}");
        assert_eq!(screen.written.contains(ESCAPE), elsewhere, "{words} {to}");
    }
}

fn shown(command: Command, columns: u16) -> Screen {
    Terminal::start(command, columns).finish()
}

#[test]
fn a_terminal_gets_colour_unless_it_is_dumb_or_refuses() {
    for words in [
        &["--help"][..],
        &["plan", "--nonsense"],
        &["validate", "-C", "nowhere"],
    ] {
        let with = |name: &str, value: &str| {
            let mut command = quickstart(words);
            command.env(name, value);
            shown(command, 100).written.contains(ESCAPE)
        };
        assert!(
            with("NO_COLOR", ""),
            "an empty NO_COLOR says nothing: {words:?}"
        );
        assert!(!with("NO_COLOR", "0"), "{words:?}");
        assert!(!with("TERM", "dumb"), "{words:?}");
        assert!(!with("CLICOLOR", "0"), "{words:?}");
        assert!(!with("SYNCFORM_COLOR", "never"), "{words:?}");
    }
}

/// A project whose next plan a guard refuses, once it was applied.
fn project() -> TempDir {
    let dir = TempDir::new().unwrap();
    let words = ["init", "--workspace", "acme", "--cohort", "Loyal customers"];
    run(at(dir.path(), &words)).exits(0);
    dir
}

fn at(dir: &Path, words: &[&str]) -> Command {
    let mut command = syncform(words.iter().copied());
    command.current_dir(dir).env("TERM", "xterm-256color");
    command
}

/// What a terminal shows; a line that the terminal itself had to break is longer than it is wide.
#[track_caller]
fn fits(dir: &Path, words: &[&str], columns: u16) -> String {
    let screen = shown(at(dir, words), columns);
    for line in &screen.lines {
        let wide = line.chars().count();
        assert!(wide <= usize::from(columns), "{line}\n{screen:#?}");
    }
    let text = screen.lines.join("\n");
    let changing =
        regex::Regex::new(r"\d\d:\d\d UTC|\d{8}T\d{6}-[0-9a-f]{6}|\d{4}-\d\d-\d\d").unwrap();
    changing.replace_all(&text, "WHEN").into_owned()
}

#[test]
fn a_narrow_terminal_breaks_between_words() {
    let project = project();
    let dir = project.path();
    insta::assert_snapshot!(fits(dir, &["plan", "--sandbox"], 40), @r#"
      + sync.loyal-customers   cohort "Loyal
          customers" -> attribute_array
          amplitude_cohorts
          members      0 -> 20
              +20   computed WHEN

    What was in Braze before a first apply
      is not known: only what Syncform adds
      is ever removed.

    Plan: 1 to create, 0 to update, 0 to
      delete.
    Cost: 20 data points (a full push would
      log 20), 1 request, 1 download (1 of
      500 this month), about 1 s.
    "#);
    insta::assert_snapshot!(fits(dir, &["apply", "--sandbox", "--auto-approve"], 60), @r#"
      + sync.loyal-customers   cohort "Loyal customers" ->
          attribute_array amplitude_cohorts
          members      0 -> 20              +20
              computed WHEN

    What was in Braze before a first apply is not known: only
      what Syncform adds is ever removed.

    Plan: 1 to create, 0 to update, 0 to delete.
    Cost: 20 data points (a full push would log 20), 1 request,
      about 1 s.

      sync.loyal-customers   done: 20 acknowledged
    Applied: 1 of 1 resource, 1 request, 20 data points. Run
      WHEN.
    "#);
    let path = dir.join("syncform.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let csv = dir.join("sandbox/amplitude/cohorts/example.csv");
    let people: Vec<String> = fs::read_to_string(&csv)
        .unwrap()
        .lines()
        .take(8)
        .map(str::to_owned)
        .collect();
    fs::write(&csv, people.join("\n") + "\n").unwrap();
    let list = dir.join("sandbox/amplitude/cohorts.json");
    let moved = fs::read_to_string(&list)
        .unwrap()
        .replace("\"size\": 20", "\"size\": 7");
    let stamp = regex::Regex::new("\"lastComputed\": \\d+").unwrap();
    fs::write(
        &list,
        stamp
            .replace(&moved, "\"lastComputed\": 1000000000")
            .as_bytes(),
    )
    .unwrap();
    run(at(dir, &["sandbox", "load", "sandbox"])).exits(0);
    insta::assert_snapshot!(fits(dir, &["plan", "--sandbox"], 40), @r#"
    REFUSED: guards stop this plan, and
      nothing of it can be applied.
      sync.loyal-customers: max_removals: 13
          of 20 rows would be removed (65%,
          limit 30%)
      sync.loyal-customers: max_shrink: the
          source shrank from 20 to 7 (65%,
          limit 50%)
          if this is right, put this into
              sync.loyal-customers:
            allow_removal: {max: 13, reason:
                "why this is right", until:
                WHEN}

      ~ sync.loyal-customers   cohort "Loyal
          customers" -> attribute_array
          amplitude_cohorts
          members      20 -> 7
              -13   computed WHEN

    In Braze: 0 of 20 rows confirmed, 20 not
      yet asked; a full round takes at most
      1 day.
    Plan: 0 to create, 1 to update, 0 to
      delete.
    Cost: 13 data points (a full push would
      log 7), 1 request, 1 download (2 of
      500 this month), about 1 s.
    "#);
    fs::write(
        &path,
        text.replace("    cadence: daily ", "    cadance: daily "),
    )
    .unwrap();
    insta::assert_snapshot!(fits(dir, &["validate"], 40), @r"
    error: `cadance` is no key here
      --> syncform.yaml:41:5
       |
    41 |     cadance: daily…
       |     ^^^^^^^
       hint: did you mean `cadence`?

    1 error
    ");
    fits(dir, &["plan", "--help"], 40);
}

#[test]
fn what_is_no_terminal_is_never_broken() {
    let project = project();
    let mut narrow = at(project.path(), &["plan", "--sandbox"]);
    narrow.env("COLUMNS", "30");
    let plan = run(narrow).exits(0);
    let line = "  + sync.loyal-customers   cohort \"Loyal customers\" -> attribute_array amplitude_cohorts\n";
    assert!(plan.stdout.starts_with(line), "{plan}");
    // Not on a terminal either, where a machine reads.
    let plan = shown(
        at(project.path(), &["plan", "--sandbox", "--format", "json"]),
        60,
    );
    assert!(plan.written.contains(
        "\"title\": \"cohort \\\"Loyal customers\\\" -> attribute_array amplitude_cohorts\""
    ));
}
