//! Plays the steps of one case and writes down what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use super::redact::Redactor;
use crate::support::binary::{run, syncform};
use crate::support::http;
use crate::support::source::root;
use crate::support::world::World;

/// What became of a case.
pub(super) struct Played {
    /// Every step and what it said.
    pub(super) transcript: String,
    /// What no transcript may show.
    pub(super) wrong: Vec<String>,
}

struct Stage<'a> {
    case: &'a Path,
    scenario: PathBuf,
    project: TempDir,
    world: World,
    redactor: Redactor,
    /// The lines of the cohorts that people joined or left.
    members: BTreeMap<String, Vec<String>>,
    /// Variables of the commands from now on.
    environment: BTreeMap<String, String>,
    last_run: String,
    ended: Option<(String, i32)>,
    played: Played,
}

/// Plays a case.
#[expect(
    clippy::disallowed_methods,
    reason = "the program reads the clock too, and what shows of it is taken out"
)]
pub(super) fn play(case: &Path) -> Played {
    let shared = root().join("tests/golden/cohort");
    let own_or_shared = |name: &str| {
        let own = case.join(name);
        if own.exists() { own } else { shared.join(name) }
    };
    let project = TempDir::new().unwrap();
    let workspace = project.path().join("workspace.yaml");
    fs::copy(own_or_shared("workspace.yaml"), workspace).unwrap();
    let scenario = own_or_shared("scenario");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let mut stage = Stage {
        case,
        world: World::start(&scenario),
        scenario,
        redactor: Redactor::new(project.path().to_str().unwrap(), today.date()),
        project,
        members: BTreeMap::new(),
        environment: BTreeMap::new(),
        last_run: String::new(),
        ended: None,
        played: Played {
            transcript: String::new(),
            wrong: vec![],
        },
    };
    let steps = fs::read_to_string(case.join("steps")).unwrap();
    let steps = steps.lines().map(str::trim).filter(|step| !step.is_empty());
    for step in steps {
        stage.step(step);
    }
    stage.end()
}

impl Stage<'_> {
    fn step(&mut self, step: &str) {
        if step.starts_with('#') {
            self.write(&format!("{step}\n"));
            return;
        }
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        self.write(&format!("$ {step}\n"));
        match verb {
            "config" => {
                let to = self.project.path().join("syncform.yaml");
                fs::copy(self.case.join(first), to).unwrap();
            }
            "join" | "leave" => self.moved(verb == "join", first, more),
            "members" => {
                let csv = fs::read_to_string(self.case.join(more)).unwrap();
                self.world.put_members(first, &csv);
            }
            "cohort" => {
                let entry: Value = serde_json::from_str(&timed(more)).unwrap();
                self.world.put_cohort(first, &entry);
            }
            "settings" => {
                self.ask("PUT", "/_sandbox/amplitude/settings", rest.as_bytes());
            }
            "put" => {
                let attributes: Value = serde_json::from_str(more).unwrap();
                self.world.put_user(first, &attributes);
            }
            "attribute" => {
                let definition: Value = serde_json::from_str(more).unwrap();
                self.world.fix_attribute(first, &definition);
            }
            "segment" => {
                let segment: Value = serde_json::from_str(&timed(rest)).unwrap();
                self.world.put_segments(&serde_json::json!([segment]));
            }
            "destination" => self.put_destination(rest),
            "destinations" => self.show_destinations(),
            "delete" => {
                for person in rest.split_whitespace() {
                    self.world.delete_user(person);
                }
            }
            "faults" => self.world.faults(rest),
            "env" => {
                self.environment.insert(first.to_owned(), more.to_owned());
            }
            "world" => self.show(rest),
            "lines" => self.add_lines(first, more),
            "copy" => {
                let to = self.project.path().join(more);
                fs::copy(self.case.join(first), to).unwrap();
            }
            "static" => self.show_static(rest),
            "drop" => {
                let path = format!("/_sandbox/amplitude/cohorts/{rest}");
                self.ask("DELETE", &path, b"");
            }
            "events" => self.show_events(),
            "ingested" => self.show_ingested(),
            "cat" => {
                let text = fs::read_to_string(self.project.path().join(first)).unwrap();
                self.write(&self.redactor.text(&text));
            }
            "again" => {
                let (code, said) = self.run("plan --detailed-exitcode");
                if code != 0 || !said.contains("Nothing to do.") {
                    let wrong = format!("a plan once more is not empty (exit {code}):\n{said}");
                    self.played.wrong.push(wrong);
                }
                self.ended = Some((verb.to_owned(), code));
            }
            "apply" if !rest.contains("--auto-approve") => {
                let (code, _) = self.run(&format!("{step} --auto-approve"));
                self.ended = Some((verb.to_owned(), code));
            }
            _ => {
                let (code, _) = self.run(step);
                self.ended = Some((verb.to_owned(), code));
            }
        }
        self.write("\n");
    }

    fn write(&mut self, text: &str) {
        self.played.transcript.push_str(text);
    }

    /// Runs the program; its exit code, and what it said on stdout.
    fn run(&mut self, words: &str) -> (i32, String) {
        let sandbox = format!("--sandbox={}", self.world.url());
        let words = words.split_whitespace().map(|word| match word {
            "RUN" => self.last_run.as_str(),
            word => word,
        });
        let mut command = syncform(words.chain([sandbox.as_str()]));
        command
            .current_dir(self.project.path())
            .envs(&self.environment);
        let run = run(command);
        let code = run.code.unwrap_or(-1);
        let id = Regex::new(r"Run (\d{8}T\d{6}-[0-9a-f]+)").unwrap();
        if let Some(found) = id.captures(&run.stdout) {
            found[1].clone_into(&mut self.last_run);
        }
        let (stdout, stderr) = (
            self.redactor.text(&run.stdout),
            self.redactor.talk(&run.stderr),
        );
        for line in stderr.lines() {
            self.write(&format!("2> {line}\n"));
        }
        self.write(&format!("{stdout}[exit {code}]\n"));
        (code, stdout)
    }

    /// The lines of a cohort's file in the scenario; none of a cohort that is not there.
    fn file(&self, cohort: &str) -> Vec<String> {
        let path = self.scenario.join("amplitude/cohorts");
        let text = fs::read_to_string(path.join(format!("{cohort}.csv")));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Lets people enter or leave a cohort; `*` is everybody.
    fn moved(&mut self, enter: bool, cohort: &str, people: &str) {
        let known = self.members.remove(cohort);
        let mut lines = known.unwrap_or_else(|| self.file(cohort));
        let everyone = self.file("everyone");
        if lines.is_empty() {
            lines.push(everyone[0].clone());
        }
        for person in people.split_whitespace() {
            let quoted = format!("\"{person}\"");
            let is = |line: &String| person == "*" || line.split(',').nth(1) == Some(&quoted);
            let before = lines.len();
            if enter {
                lines.extend(everyone[1..].iter().filter(|line| is(line)).cloned());
            } else {
                let rows = lines.split_off(1);
                lines.extend(rows.into_iter().filter(|line| !is(line)));
            }
            assert!(lines.len() != before, "`{person}` moved nobody");
        }
        let csv = format!("{}\n", lines.join("\n"));
        self.world.put_members(cohort, &csv);
        self.members.insert(cohort.to_owned(), lines);
    }

    /// Shows what Braze holds: people by value, members by identifier.
    fn show(&mut self, more: &str) {
        let mut shown = String::new();
        let mut names = self.attributes();
        names.extend(more.split_whitespace().map(str::to_owned));
        for name in names {
            writeln!(shown, "{name}:").unwrap();
            let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (person, value) in self.world.attribute(&name) {
                people.entry(value.to_string()).or_default().push(person);
            }
            listed(&mut shown, people);
        }
        // Braze lists them as they came, and they come side by side.
        let mut cohorts = self.world.cohorts();
        cohorts.sort_by_key(|cohort| cohort["id"].to_string());
        for cohort in cohorts {
            let id = cohort["id"].as_str().unwrap();
            writeln!(shown, "imported cohort {} ({id}):", cohort["name"]).unwrap();
            let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for member in self.world.cohort_members(id) {
                let (kind, who) = member.as_object().unwrap().iter().next().unwrap();
                let (kind, who) = match kind.as_str() {
                    "alias" => (
                        format!("alias {}", who["alias_label"].as_str().unwrap()),
                        &who["alias_name"],
                    ),
                    kind => (kind.to_owned(), who),
                };
                let who = who.as_str().unwrap().to_owned();
                people.entry(kind).or_default().push(who);
            }
            listed(&mut shown, people);
        }
        self.write(&shown);
    }

    /// Asks the sandbox itself.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Value {
        let authority = self.world.url().strip_prefix("http://").unwrap();
        let (status, answer) = http::ask(authority, method, path, body);
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Adds lines of a file to the Export API; those that do not say their hour are of this one.
    fn add_lines(&self, file: &str, hour: &str) {
        let lines = fs::read(self.case.join(file)).unwrap();
        let query = match hour {
            "" => String::new(),
            hour => format!("?hour={hour}"),
        };
        let path = format!("/_sandbox/amplitude/events{query}");
        self.ask("POST", &path, &lines);
    }

    /// Shows who is in a static cohort, and how many requests filled any.
    fn show_static(&mut self, id: &str) {
        let path = format!("/_sandbox/amplitude/cohorts/{id}/members");
        let answer = self.ask("GET", &path, b"");
        let members = answer["members"].as_array().unwrap().iter();
        let members: Vec<&str> = members.map(|one| one.as_str().unwrap()).collect();
        let shown = format!("  {} in {id}: {}\n", members.len(), members.join(" "));
        self.write(&shown);
        let stats = self.world.stats();
        let (uploads, changes) = (stats.uploads(), stats.memberships());
        self.write(&format!("  {uploads} x upload, {changes} x membership\n"));
    }

    /// The accounts that Amplitude holds.
    fn destinations(&self) -> Vec<Value> {
        let mut answer = self.ask("GET", "/_sandbox/amplitude/destinations", b"");
        match answer["destinations"].take() {
            Value::Array(all) => all,
            other => panic!("no list: {other}"),
        }
    }

    /// Changes an account of Amplitude by its name, as somebody does in its web app, or makes one.
    fn put_destination(&self, json: &str) {
        let wanted: Value = serde_json::from_str(json).unwrap();
        let name = wanted["display_name"].as_str().unwrap();
        let known = self.destinations();
        let known = known.iter().find(|one| one["display_name"] == name);
        let id = known.map_or_else(
            || format!("d-{}", name.to_lowercase().replace(' ', "-")),
            |one| one["id"].as_str().unwrap().to_owned(),
        );
        let mut named = wanted.clone();
        named.as_object_mut().unwrap().remove("id");
        let id = wanted["id"].as_str().unwrap_or(&id);
        let path = format!("/_sandbox/amplitude/destinations/{id}");
        self.ask("PUT", &path, named.to_string().as_bytes());
    }

    /// Shows the accounts that Amplitude holds, secrets and all.
    fn show_destinations(&mut self) {
        for one in self.destinations() {
            let members = [
                "kind",
                "config",
                "version",
                "enabled",
                "event_filter",
                "property_mappings",
                "send_events",
                "send_users",
            ];
            let told = members.iter().map(|key| format!("{key} {}", one[*key]));
            let told: Vec<String> = told.collect();
            let name = one["display_name"].as_str().unwrap();
            self.write(&format!("  {name}: {}\n", told.join(", ")));
        }
    }

    /// Shows the events and purchases that Braze took. They come side by side.
    fn show_events(&mut self) {
        let answer = self.ask("GET", "/_sandbox/braze/events", b"");
        for kind in ["events", "purchases"] {
            let taken = answer[kind].as_array().unwrap().iter();
            let mut lines: Vec<String> = taken.map(|one| format!("  {one}\n")).collect();
            lines.sort();
            self.write(&format!("{kind}: {}\n{}", lines.len(), lines.concat()));
        }
    }

    /// Shows how many events Amplitude took, by name.
    fn show_ingested(&mut self) {
        let answer = self.ask("GET", "/_sandbox/amplitude/events", b"");
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for event in answer["events"].as_array().unwrap() {
            *names
                .entry(event["event_type"].as_str().unwrap())
                .or_default() += 1;
        }
        let lines = names
            .iter()
            .map(|(name, count)| format!("  {count} x {name}\n"));
        let lines: String = lines.collect();
        self.write(&lines);
    }

    /// The attributes that any configuration of the case names.
    fn attributes(&self) -> BTreeSet<String> {
        let named = Regex::new(r"attribute_(?:array|flag): ?([\w.]+)").unwrap();
        let files = fs::read_dir(self.case).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let yaml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        let texts: Vec<String> = yaml.map(|path| fs::read_to_string(path).unwrap()).collect();
        let found = texts.iter().flat_map(|text| named.captures_iter(text));
        found.map(|found| found[1].to_owned()).collect()
    }

    /// Every case ends settled, or refused.
    fn end(mut self) -> Played {
        let settled = matches!(&self.ended, Some((verb, code)) if verb == "again" || *code != 0);
        if !settled {
            let wrong = "it must end with `again`, or with a refusal".to_owned();
            self.played.wrong.push(wrong);
        }
        self.played
    }
}

/// Puts times in the place of `"AGO 26h"`, by the clock that the program reads too.
#[expect(
    clippy::disallowed_methods,
    reason = "the program reads the clock too, and what shows of it is taken out"
)]
fn timed(json: &str) -> String {
    let ago = Regex::new(r"AGO (\w+)").unwrap();
    let time = |found: &regex::Captures| {
        let span: jiff::SignedDuration = found[1].parse().unwrap();
        (jiff::Timestamp::now() - span).to_string()
    };
    ago.replace_all(json, time).into_owned()
}

fn listed(shown: &mut String, groups: BTreeMap<String, Vec<String>>) {
    if groups.is_empty() {
        writeln!(shown, "  nobody").unwrap();
    }
    for (what, mut people) in groups {
        people.sort();
        writeln!(shown, "  {} x {what}: {}", people.len(), people.join(" ")).unwrap();
    }
}
