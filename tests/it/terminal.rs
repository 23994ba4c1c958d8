//! On a terminal bars move while plan and apply work, and nothing of them is left: not under the plan, not at the
//! question, not at a Ctrl-C, not at an error. Where nobody watches, plain lines.

use std::process::Command;

use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, ten, yaml};
use crate::support::terminal::{Screen, Terminal};
use crate::support::world::World;

const ASKS: &str = "Only `yes` is taken for yes: ";

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_500))
}

/// A world that is slow enough to be watched.
fn slow() -> (World, Project) {
    let world = World::with(&june().dir, &["--latency", "120ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));
    (world, project)
}

fn command(project: &Project, world: &World, words: &[&str]) -> Command {
    let mut command = project.command(Some(world), words);
    command.env("TERM", "xterm-256color");
    command
}

/// Fails if anything of a bar is left.
#[track_caller]
fn assert_clean(lines: &[String]) {
    for line in lines {
        let left = ["[=", "[ ", "Sending", "Reading", "^C"];
        assert!(
            !left.iter().any(|part| line.contains(part)),
            "`{line}` is left in\n{}",
            lines.join("\n")
        );
    }
}

#[track_caller]
fn assert_says(screen: &Screen, part: &str) {
    assert!(
        screen.lines.iter().any(|line| line.contains(part)),
        "`{part}` is missing in\n{}",
        screen.lines.join("\n")
    );
}

#[test]
fn bars_vanish_under_the_plan_the_question_and_the_report() {
    let (world, project) = slow();
    for columns in [100, 70] {
        let mut terminal = Terminal::start(command(&project, &world, &["apply"]), columns);
        if columns == 100 {
            terminal.wait_for("] Active 30d: 0/");
        }
        terminal.wait_for(ASKS);
        let asked = terminal.lines();
        assert_clean(&asked);
        assert_eq!(
            asked.last().map(String::as_str),
            Some(format!("Apply this? {ASKS}").trim_end())
        );
        assert!(asked[0].contains("sync.active-30d-array"), "{asked:#?}");
        terminal.keys(if columns == 100 { "no\n" } else { "yes\n" });
        if columns == 100 {
            let screen = terminal.finish();
            assert_eq!(screen.code, Some(1));
            assert_says(&screen, "error: nothing was written: not approved");
            assert_clean(&screen.lines);
            continue;
        }
        terminal.wait_for("Sending [=");
        terminal.wait_for("/s, ");
        let screen = terminal.finish();
        assert_eq!(screen.code, Some(0), "{screen:#?}");
        assert_clean(&screen.lines);
        // Below the answer stands the report and nothing else.
        let answered = screen
            .lines
            .iter()
            .position(|line| line.ends_with("yes"))
            .unwrap();
        assert_eq!(screen.lines[answered + 1], "", "{screen:#?}");
        // The last line of it is longer than the terminal.
        assert_eq!(screen.lines.len(), answered + 2 + 10 + 2, "{screen:#?}");
        assert_says(&screen, "Applied: 10 of 10 resources");
    }
    project.assert_exact(&world, june(), "after an apply on a terminal");
}

#[test]
fn bars_vanish_at_ctrl_c_and_at_an_error() {
    let (world, project) = slow();
    let words = ["apply", "--auto-approve"];
    let mut terminal = Terminal::start(command(&project, &world, &words), 100);
    terminal.wait_for("Sending [=");
    terminal.interrupt();
    let screen = terminal.finish();
    assert_eq!(screen.code, Some(6), "{screen:#?}");
    assert_clean(&screen.lines);
    assert_says(&screen, "Stopping in order");
    assert_says(&screen, "Stopped early: asked to stop");

    // While it reads, before anything was written.
    std::fs::remove_dir_all(project.dir().join(".syncform")).unwrap();
    let mut terminal = Terminal::start(command(&project, &world, &words), 100);
    terminal.wait_for("] Active 30d: 0/");
    terminal.interrupt();
    let screen = terminal.finish();
    assert_eq!(screen.code, Some(1), "{screen:#?}");
    assert_clean(&screen.lines);
    assert_says(&screen, "error: asked to stop; nothing was written");

    world.faults("garbage:1@/api/3/cohorts");
    let screen = Terminal::start(command(&project, &world, &words), 100).finish();
    assert_eq!(screen.code, Some(1), "{screen:#?}");
    assert_clean(&screen.lines);
    assert_says(&screen, "error: ");
}

#[test]
fn what_waits_says_for_what_and_how_long() {
    let (world, project) = slow();
    let syncs = ten();
    project.write(&yaml(OPEN, 1, &syncs));
    let mut first = project.start_apply(&world);
    assert!(
        world.wait_for_tracks(1, &mut first),
        "it ended before it wrote"
    );
    project.write(&yaml(OPEN, 75, &syncs).replace("settle: 0s", "settle: 3s"));
    let words = ["apply", "--auto-approve", "--lease-timeout", "60s"];
    let terminal = Terminal::start(command(&project, &world, &words), 100);
    terminal.wait_for("/ Waiting for the lease, 1 s");
    first.kill();
    terminal.wait_for("Comparing with what was sent before, ");
    terminal.wait_for(" s, so that what was sent before is applied before (settle)");
    terminal.wait_for("Recording what was answered, ");
    let screen = terminal.finish();
    assert_eq!(screen.code, Some(0), "{screen:#?}");
    assert_clean(&screen.lines);
    assert_says(&screen, "Waiting for the lease, held by `syncform apply`");
    assert_says(&screen, "was cut; its answers are in the ledgers now");
    project.assert_exact(&world, june(), "after waiting");
}

#[test]
fn who_does_not_watch_gets_plain_lines() {
    let world = World::with(&june().dir, &["--latency", "30ms"]);
    let project = Project::new(ten());
    let escape = '\u{1b}';
    for (name, value) in [("TERM", "dumb"), ("CI", "true")] {
        let mut command = command(&project, &world, &["plan"]);
        command.env(name, value);
        let screen = Terminal::start(command, 100).finish();
        assert_says(&screen, "Plan: 10 to create");
        assert!(!screen.written.contains(escape), "{name}: {screen:#?}");
        if name == "TERM" {
            assert_says(&screen, "Reading cohort \"Active 30d\"");
        }
    }
    let quiet = command(&project, &world, &["apply", "--auto-approve", "-q"]);
    let screen = Terminal::start(quiet, 100).finish();
    assert!(!screen.written.contains(escape), "{screen:#?}");
    assert_says(&screen, "Applied: 10 of 10 resources");
}
