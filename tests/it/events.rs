//! `apply --format json`: events on stdout, one a line, each valid against the committed schema, from one `begin` to one
//! `end`, whatever becomes of the apply. Talk stays on stderr.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use jsonschema::Validator;
use regex::Regex;
use serde_json::Value;

use crate::support::binary::{Run, Running, run, start};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, flag, ten, yaml};
use crate::support::source::root;
use crate::support::world::World;

const APPLY: [&str; 4] = ["apply", "--auto-approve", "--format", "json"];

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(1_000))
}

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let text = fs::read_to_string(root().join("schema/events.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
});

/// What a run told.
struct Told {
    run: Run,
    events: Vec<Value>,
}

impl Told {
    /// Takes a run's stdout apart, which must be a whole stream that ends with the run's exit code.
    #[track_caller]
    fn of(run: Run) -> Self {
        let people = Regex::new(r"cdnow-\d|blacklisted-").unwrap();
        assert!(!people.is_match(&run.all()), "a person in {run}");
        let parse = |line: &str| {
            let event: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("`{line}` is no JSON ({error}) in {run}"));
            if let Err(error) = SCHEMA.validate(&event) {
                panic!("{error}: {event:#}");
            }
            event
        };
        let events: Vec<Value> = run.stdout.lines().map(parse).collect();
        let told = Self { run, events };
        let all = told.types();
        let count = |name: &str| all.iter().filter(|kind| **kind == name).count();
        let run = &told.run;
        assert_eq!((count("begin"), count("end")), (1, 1), "{run}");
        assert_eq!((all[0], all[all.len() - 1]), ("begin", "end"), "{run}");
        assert_eq!(told.events[0]["format_version"], "1.0", "{run}");
        assert_eq!(told.events[0]["command"], "apply", "{run}");
        assert_eq!(
            told.one("end")["exit"].as_i64(),
            run.code.map(i64::from),
            "{run}"
        );
        let times = told
            .events
            .iter()
            .map(|event| event["at"].as_str().unwrap());
        let times: Vec<jiff::Timestamp> = times.map(|at| at.parse().unwrap()).collect();
        assert!(times.is_sorted(), "time goes back in {run}");
        told
    }

    fn types(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| event["type"].as_str())
            .collect()
    }

    fn all(&self, kind: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|event| event["type"] == kind)
            .collect()
    }

    /// The only event of a type.
    #[track_caller]
    fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "one `{kind}` was wanted in {}", self.run);
        all[0]
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.run.code, Some(code), "exit code of {}", self.run);
        self
    }
}

#[track_caller]
fn told(command: Command) -> Told {
    Told::of(run(command))
}

#[track_caller]
fn applied(project: &Project, world: &World) -> Told {
    told(project.command(Some(world), &APPLY))
}

#[test]
fn an_apply_tells_all_it_does_and_then_that_there_is_nothing_to_do() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    let first = applied(&project, &world).exits(0);
    assert_eq!(first.events[0]["workspace"], "cdnow");
    assert_eq!(first.all("downloading").len(), 5);
    let rows: u64 = first
        .all("read")
        .iter()
        .filter_map(|read| read["rows"].as_u64())
        .sum();
    assert!(rows > 500, "{}", first.run);

    let plan = &first.one("plan")["plan"];
    let sending = first.one("sending");
    assert_eq!(plan["summary"]["create"], 10);
    assert_eq!(sending["objects"], plan["cost"]["people"]);
    assert_eq!(sending["addresses"].as_array().unwrap().len(), 10);
    let totals: Vec<u64> = first
        .all("sent")
        .iter()
        .map(|sent| sent["objects"].as_u64().unwrap())
        .collect();
    assert!(totals.is_sorted(), "running totals: {totals:?}");
    assert_eq!(totals.last().copied(), sending["objects"].as_u64());
    assert_eq!(
        first.one("report")["report"]["data_points"],
        plan["cost"]["data_points"]
    );
    assert_eq!(
        first
            .run
            .stderr
            .lines()
            .filter(|line| line.starts_with("Reading cohort"))
            .count(),
        5,
        "talk stays on stderr: {}",
        first.run
    );
    project.assert_exact(&world, june(), "after a streamed apply");

    let second = applied(&project, &world).exits(0);
    assert_eq!(
        second.types(),
        ["begin", "comparing", "plan", "report", "end"]
    );
    assert_eq!(
        second.one("report")["report"]["resources"],
        serde_json::json!([])
    );
    let quiet = told(project.command(Some(&world), &[&APPLY[..], &["-q"]].concat())).exits(0);
    assert_eq!(quiet.run.stderr, "");
}

#[test]
fn a_saved_plan_needs_no_approval_and_is_applied_once() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    project.run(&world, &["plan", "--out", "plan.tar"]).exits(0);
    let words = ["apply", "plan.tar", "--format", "json"];
    let first = told(project.command(Some(&world), &words)).exits(0);
    assert_eq!(first.all("report").len(), 1, "{}", first.run);
    project.assert_exact(&world, june(), "after a saved plan");
    let again = told(project.command(Some(&world), &words)).exits(5);
    assert_error(&again, "applied already");
}

#[test]
fn totals_come_about_ten_times_a_second() {
    let world = World::with(&june().dir, &["--latency", "30ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 2, &syncs));
    let told = applied(&project, &world).exits(0);
    let sent = told.all("sent");
    let at = |event: &Value| {
        event["at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let took = at(told.one("report")).duration_since(at(told.one("sending")));
    let most = took.as_millis() / 100 + 3;
    assert!(world.stats().tracks() > 200, "too few requests to tell");
    assert!(sent.len() as i128 <= most, "{} in {took}", sent.len());
    assert!(sent.len() > 2, "{}", told.run);
}

#[test]
fn what_guards_refuse_is_named() {
    let world = World::start(&june().dir);
    let syncs = vec![flag("Repeat buyers", "repeat1")];
    let project = Project::written(syncs.clone(), &yaml("", 75, &syncs));
    applied(&project, &world).exits(0);
    let few: Vec<&str> = june().cohort("repeat1").lines().take(30).collect();
    world.put_members("repeat1", &(few.join("\n") + "\n"));
    let told = applied(&project, &world).exits(3);
    let refused = told.one("refused");
    let message = refused["message"].as_str().unwrap();
    assert!(
        told.run.stderr.contains(&format!("error: {message}")),
        "{}",
        told.run
    );
    let guards = refused["guards"].as_array().unwrap();
    let removals = guards
        .iter()
        .find(|guard| guard["name"] == "max_removals")
        .unwrap();
    assert_eq!(removals["address"], "sync.repeat-buyers-flag");
    assert_eq!(removals["ok"], false);
    assert!(told.all("report").is_empty() && told.all("error").is_empty());
}

/// Fails unless there is one error, told in the same words on stderr.
#[track_caller]
fn assert_error(told: &Told, part: &str) {
    let error = told.one("error");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(part), "{}", told.run);
    assert!(told.run.stderr.contains(message), "{}", told.run);
    if let Some(hint) = error["hint"].as_str() {
        assert!(told.run.stderr.contains(hint), "{}", told.run);
    }
    assert!(told.all("report").is_empty(), "{}", told.run);
}

#[test]
fn failures_are_told_in_the_words_of_stderr() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());

    let command = project.command(Some(&world), &["apply", "--format", "json"]);
    let unasked = told(command).exits(1);
    assert_error(&unasked, "nobody can be asked");
    assert_eq!(unasked.types(), ["begin", "error", "end"]);

    let mut command = project.command(Some(&world), &APPLY);
    command.env("AMPLITUDE_API_KEY", "bad");
    assert_error(&told(command).exits(1), "");

    let gone = told(project.command(
        None,
        &[&APPLY[..], &["--sandbox=http://127.0.0.1:9"]].concat(),
    ));
    assert_error(&gone.exits(1), "no sandbox at");

    let lost = yaml(OPEN, 75, &ten()).replace("cohort: Lapsed", "cohort: Never seen");
    project.write(&lost);
    let planned = applied(&project, &world).exits(1);
    assert_error(&planned, "the plan has errors");
    assert!(
        !planned.one("plan")["plan"]["errors"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    project.write(&yaml(OPEN, 75, &ten()).replace("attribute_flag", "attribute_flags"));
    let broken = applied(&project, &world).exits(1);
    assert_eq!(broken.events[0]["workspace"], Value::Null);
    for error in broken.all("error") {
        assert_eq!(error["file"], "syncform.yaml", "{error:#}");
        assert!(error["line"].as_u64() > Some(1), "{error:#}");
        assert!(
            broken
                .run
                .stderr
                .contains(error["message"].as_str().unwrap())
        );
    }
    assert_eq!(broken.all("error").len(), 5);
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn what_is_done_in_part_or_stopped_ends_with_a_report() {
    let world = World::with(&june().dir, &["--latency", "60ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 5, &syncs));

    let mut run = start(project.command(Some(&world), &APPLY));
    assert!(
        world.wait_for_tracks(20, &mut run),
        "it ended before it was stopped"
    );
    run.terminate();
    let stopped = Told::of(run.finish()).exits(6);
    assert_eq!(
        stopped.one("report")["report"]["stopped"][0],
        "asked to stop"
    );

    // A row that Braze refuses; and what was just sent has to settle.
    let lines: Vec<&str> = june().cohort("repeat1").lines().collect();
    let mut csv = lines[..lines.len() - 1].join("\n") + "\n";
    writeln!(csv, r#""200000000001","blacklisted-1","","","","","""#).unwrap();
    world.put_members("repeat1", &csv);
    project.write(&yaml(OPEN, 5, &syncs).replace("settle: 0s", "settle: 2s"));
    let partial = applied(&project, &world).exits(6);
    assert!(partial.one("settling")["seconds"].as_u64() <= Some(2));
    let refused = partial.one("report")["report"]["resources"].to_string();
    assert!(refused.contains("\"refused\":{\""), "{refused}");
}

/// Waits until a run that writes into this file has told of something.
#[track_caller]
fn wait_for(part: &str, file: &Path, going: &mut Running) {
    while !fs::read_to_string(file).unwrap().contains(part) {
        let ended = going.ends_within(Duration::from_millis(5));
        assert!(!ended, "`{part}` was not told in time");
    }
}

#[test]
fn who_waits_for_a_run_that_is_killed_tells_of_both() {
    let world = World::with(&june().dir, &["--latency", "100ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 1, &syncs));
    let mut first = start(project.command(Some(&world), &APPLY));
    assert!(world.wait_for_tracks(20, &mut first), "it ended too early");
    let leased = told(project.command(Some(&world), &APPLY)).exits(4);
    assert_error(&leased, "");

    let file = project.dir().join("events.jsonl");
    let words = [&APPLY[..], &["--lease-timeout", "60s"]].concat();
    let mut second = project.command(Some(&world), &words);
    second.stdin(Stdio::null()).stderr(Stdio::null());
    second.stdout(fs::File::create(&file).unwrap());
    let mut second = second.spawn().unwrap();
    wait_for("\"waiting\"", &file, &mut first);
    first.kill();
    let code = second.wait().unwrap().code();
    let waited = Told::of(Run {
        asked: words.join(" "),
        code,
        stdout: fs::read_to_string(&file).unwrap(),
        stderr: String::new(),
    });
    let waited = waited.exits(0);
    let holder = waited.one("waiting")["holder"].as_str().unwrap();
    assert!(holder.contains("syncform apply"), "{holder}");
    let run = waited.one("recovered")["run"].as_str().unwrap();
    assert!(!run.is_empty());
    project.assert_exact(&world, june(), "after a kill");
}

#[test]
fn a_stop_before_anything_was_written_is_an_error() {
    let world = World::with(&june().dir, &["--latency", "300ms"]);
    let project = Project::new(ten());
    let mut run = start(project.command(Some(&world), &APPLY));
    while world.stats().requests.is_empty() {
        assert!(
            !run.ends_within(Duration::from_millis(5)),
            "it ended before it was stopped"
        );
    }
    run.terminate();
    let told = Told::of(run.finish()).exits(1);
    assert_error(&told, "nothing was written");
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn with_a_json_log_all_of_stderr_is_json() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    let objects = |run: &Run| -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {run}"));
        run.stderr.lines().map(parse).collect()
    };
    let run = project
        .run(&world, &["apply", "--auto-approve", "--log-format", "json"])
        .exits(0);
    let said = objects(&run);
    assert!(said.iter().all(|line| line["level"] == "INFO"), "{run}");
    assert!(
        said.iter()
            .any(|line| line["message"] == "Sending 10 resources to users/track.")
    );
    let run = project
        .run(&world, &["apply", "--log-format", "json"])
        .exits(1);
    let said = objects(&run);
    assert_eq!(said[0]["level"], "ERROR", "{run}");
    assert!(
        said[0]["hint"].as_str().unwrap().contains("--auto-approve"),
        "{run}"
    );
    project.write("version: 1\nworkspaces: x\n");
    let run = project
        .run(&world, &["plan", "--log-format", "json"])
        .exits(1);
    assert!(objects(&run).iter().any(|line| line["line"] == 2), "{run}");
}
