//! Many rows in little memory. The runs are processes of their own, so nothing else in this one is counted.
//!
//! The fast tests run always, on the binary that tests run on. Those of 2,000,000 rows are run by hand, with the figures
//! of `docs/performance.md` on their output:
//! `cargo test --release --locked --test it -- --ignored --nocapture --test-threads 1 scale::`

mod hour;

use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::binary::{run, syncform};
use crate::support::many::{self, Ids, Measured, measured, memory};
use crate::support::project::Project;
use crate::support::world::World;

/// What the documented maximum of a cohort is.
const TWO_MILLION: u64 = 2_000_000;
/// MiB that a plan or an apply of so many rows may take.
const CEILING: u64 = 256;
/// MiB that a sandbox may take with so many profiles.
const SANDBOX: u64 = 1536;

/// A world of many people, and a folder with a configuration.
struct Scale {
    world: World,
    project: Project,
    _scenario: TempDir,
}

impl Scale {
    /// Starts a sandbox with people, and cohorts of them named `C0`, `C1`.
    fn new(ids: Ids, people: u64, columns: u64, cohorts: u64, syncs: &str) -> Self {
        let scenario = Self::scenario(ids, people, columns, cohorts);
        Self::of(scenario, syncs)
    }

    fn scenario(ids: Ids, people: u64, columns: u64, cohorts: u64) -> TempDir {
        let scenario = TempDir::new().unwrap();
        let names: Vec<String> = (0..cohorts).map(|at| format!("C{at}")).collect();
        // Each begins a little later than the one before, so that they overlap and differ.
        let cohorts = names
            .iter()
            .zip(0..)
            .map(|(name, at)| (name.as_str(), at..people - at));
        many::write(
            scenario.path(),
            ids,
            people,
            columns,
            &cohorts.collect::<Vec<_>>(),
        );
        scenario
    }

    fn of(scenario: TempDir, syncs: &str) -> Self {
        let world = World::start(scenario.path());
        let project = Project::written(vec![], &yaml(syncs));
        Self {
            world,
            project,
            _scenario: scenario,
        }
    }

    fn rewrite(&self, syncs: &str) {
        self.project.write(&yaml(syncs));
    }

    fn command(&self, words: &[&str]) -> Command {
        self.project.command(Some(&self.world), words)
    }

    /// Runs a command that must end well within the ceiling, and says what it took.
    #[track_caller]
    fn run(&self, what: &str, words: &[&str]) -> Measured {
        self.world.reset();
        let measured = measured(self.command(words));
        tell(what, &measured, self.world.stats().sends());
        assert!(
            measured.peak <= CEILING,
            "{what} took {} MiB",
            measured.peak
        );
        assert!(
            matches!(measured.run.code, Some(0 | 2 | 6)),
            "{}",
            measured.run
        );
        measured
    }

    /// Fails unless a plan finds nothing to do.
    #[track_caller]
    fn settled(&self) -> Measured {
        let settled = self.run("plan, nothing to do", &["plan", "--detailed-exitcode"]);
        assert_eq!(settled.run.code, Some(0), "{}", settled.run);
        settled
    }

    /// The id of the last run.
    fn last_run(&self) -> String {
        let runs = self.project.state(&self.world).join("runs");
        let names = std::fs::read_dir(runs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let last = names.max().unwrap().into_string().unwrap();
        last.strip_suffix(".json").unwrap().to_owned()
    }
}

fn yaml(syncs: &str) -> String {
    format!(
        "version: 1\nworkspace: many\n\
         amplitude: {{api_key: \"${{AMPLITUDE_API_KEY}}\", secret_key: \"${{AMPLITUDE_SECRET_KEY}}\"}}\n\
         braze: {{instance: US-01, api_key: \"${{BRAZE_API_KEY}}\", use_at_most: 100%,\n  \
         cohort_import: {{partner: acme, data_import_key: \"${{DATA_KEY}}\", partner_api_key: \"${{PARTNER_KEY}}\"}}}}\n\
         defaults: {{settle: 0s, guards: {{max_removals: 100%, max_shrink: 100%}}}}\nsyncs:\n{syncs}"
    )
}

/// A sync of the first cohort.
fn sync(name: &str, more: &str) -> String {
    format!("  {name}: {{kind: cohort, cohort: C0, {more}}}\n")
}

fn flag() -> String {
    sync("flag", "to: {attribute_flag: many}")
}

fn tell(what: &str, measured: &Measured, requests: u64) {
    println!(
        "{what:<40} {:>7.2} s {:>5} MiB {requests:>6} requests with rows",
        measured.time.as_secs_f64(),
        measured.peak
    );
}

#[test]
fn memory_does_not_grow_with_rows() {
    // Both are more than is sorted or written in one piece. Ids of 200 bytes: the difference is 14 MB of ids alone. By
    // cohort import, since that takes the fewest requests; the other lanes are in the tests of two million.
    const MORE: u64 = 9;
    let takes = |rows: u64| {
        let scale = Scale::new(Ids::Long, rows, 0, 1, &sync("all", "to: cohort_import"));
        let verify = "verify --sample 2000 --ahead=10m";
        let words = [
            "plan",
            "apply --auto-approve",
            "plan --detailed-exitcode",
            verify,
        ];
        words.map(|words| {
            let mut command = scale.command(&words.split(' ').collect::<Vec<_>>());
            // How many pools threads get, and with them how much lies idle, is else a matter of chance.
            command.env("MALLOC_ARENA_MAX", "1");
            let measured = measured(command);
            tell(words, &measured, scale.world.stats().sends());
            measured.run.exits(0);
            measured.peak
        })
    };
    let (few, many) = (takes(70_000), takes(140_000));
    for (few, many) in few.into_iter().zip(many) {
        assert!(many <= few + MORE, "{few} MiB became {many} MiB");
        assert!(many <= CEILING / 2, "{many} MiB");
    }
}

#[test]
fn it_starts_at_once() {
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
    for words in [&["--version"][..], &["validate", "-C", quickstart]] {
        let best = starts(words);
        println!("{words:?} {best:?}");
        assert!(best < Duration::from_millis(200), "{words:?} took {best:?}");
    }
}

/// The best time of several runs: others may be busy beside one.
fn starts(words: &[&str]) -> Duration {
    let once = || {
        let began = Instant::now();
        run(syncform(words.iter().copied())).exits(0);
        began.elapsed()
    };
    (0..10).map(|_| once()).min().unwrap()
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows() {
    let scale = Scale::new(Ids::Short, TWO_MILLION, 0, 1, &flag());
    let resident = || memory(scale.world.process(), "VmHWM:").unwrap();
    println!("sandbox of 2,000,000 profiles {:>24} MiB", resident());
    scale.run("first plan", &["plan"]);
    scale.run("first apply", &["apply", "--auto-approve"]);
    let settled = scale.settled();
    assert!(settled.time < Duration::from_secs(2), "{:?}", settled.time);
    scale.run("plan --refresh none", &["plan", "--refresh", "none"]);
    scale.run("state list", &["state", "list"]);
    scale.run("state show", &["state", "show", "sync.flag"]);
    let values = scale.world.attribute("many");
    assert_eq!(values.len() as u64, TWO_MILLION);
    assert!(values.values().all(|value| *value == true));
    drop(values);

    // The next day: 10,000 of them went, and nobody came.
    let gone = 10_000;
    scale
        .world
        .put_members("many0", &many::csv(Ids::Short, gone..TWO_MILLION));
    scale.run("next day, plan", &["plan"]);
    scale.run("next day, apply", &["apply", "--auto-approve"]);
    let values = scale.world.attribute("many");
    let out = values.values().filter(|value| **value == false).count();
    assert_eq!(out as u64, gone);
    drop(values);
    scale.settled();

    // Another way to name the same people: all go, and all come.
    scale.rewrite(&sync(
        "flag",
        "to: {attribute_flag: many}, identify_by: [{alias: amplitude_id, name: amplitude_id}]",
    ));
    scale.run("another mapping, plan", &["plan"]);
    scale.rewrite(&flag());
    scale.run("destroy", &["destroy", "--confirm", "many"]);
    println!("sandbox, most {:>40} MiB", resident());
    assert!(resident() <= SANDBOX, "{} MiB", resident());
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_of_values() {
    let values = |columns: &str| {
        format!(
            "  values: {{kind: user_property, audience: {{cohort: C0}}, seed: send, properties: [{columns}]}}\n"
        )
    };
    let four = values("p0, p1, p2, p3");
    let scale = Scale::new(Ids::Short, TWO_MILLION, 4, 1, &four);
    scale.run("four values each, first plan", &["plan"]);
    scale.run("first apply", &["apply", "--auto-approve"]);
    scale.settled();
    assert_eq!(scale.world.attribute("p3").len() as u64, TWO_MILLION);
    scale.rewrite(&values("p0, p1, p2"));
    scale.run("one value let go, plan", &["plan"]);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_imported() {
    let scale = Scale::new(
        Ids::Short,
        TWO_MILLION,
        0,
        1,
        &sync("import", "to: cohort_import"),
    );
    scale.run("import, apply", &["apply", "--auto-approve"]);
    scale.settled();
    assert_eq!(scale.world.cohorts()[0]["size"], TWO_MILLION);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_of_a_saved_plan_that_is_killed() {
    let scale = Scale::new(Ids::Short, TWO_MILLION, 0, 1, &flag());
    let file = scale.project.dir().join("saved.plan");
    let file = file.to_str().unwrap();
    scale.run("plan --out", &["plan", "--out", file]);
    scale.run("show", &["show", file]);
    let mut applying = scale.project.start(&scale.world, &["apply", file]);
    assert!(scale.world.wait_for_tracks(12_000, &mut applying));
    applying.kill();
    scale.run("plan, after a kill", &["plan"]);
    scale.run("apply, after a kill", &["apply", "--auto-approve"]);
    scale.settled();
    assert_eq!(scale.world.attribute("many").len() as u64, TWO_MILLION);
    scale.run("report", &["report", &scale.last_run()]);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_with_others_excluded() {
    let scale = Scale::new(Ids::Short, TWO_MILLION, 0, 4, "");
    let exclude = "exclude: [{cohort: C1}, {cohort: C2}, {cohort: C3}]";
    let mixed = "identify_by: [external_id, {alias: amplitude_id, name: amplitude_id}]";
    scale.rewrite(&sync(
        "flag",
        &format!("to: {{attribute_flag: many}}, {mixed}, {exclude}"),
    ));
    scale.run("three excluded, plan", &["plan"]);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_of_a_segment() {
    let scale = Scale::new(Ids::Short, TWO_MILLION, 0, 3, "");
    let segment = "segments:\n  all: {name: All, members: {all_of: [{cohort: C0}], any_of: [{cohort: C1}, {cohort: C2}]}, \
                   to: {attribute_flag: many}}\n";
    scale.project.write(&yaml("").replace("syncs:\n", segment));
    scale.run("a segment of three, plan", &["plan"]);
    scale.run("a segment of three, apply", &["apply", "--auto-approve"]);
    scale.settled();
    assert_eq!(scale.world.attribute("many").len() as u64, TWO_MILLION - 2);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_that_are_refused() {
    let scale = Scale::new(Ids::Refused, TWO_MILLION, 0, 1, &flag());
    let apply = scale.run("all refused, apply", &["apply", "--auto-approve"]);
    assert_eq!(apply.run.code, Some(6), "{}", apply.run);
    scale.run("all set aside, plan", &["plan"]);
    let file = scale.project.dir().join("refused.csv");
    scale.run(
        "report --refused",
        &["report", "--refused", file.to_str().unwrap()],
    );
    let lines = std::fs::read_to_string(file).unwrap().lines().count();
    assert_eq!(lines as u64, TWO_MILLION + 1);
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_of_long_ids() {
    for (ids, name) in [(Ids::Uuid, "UUIDs"), (Ids::Long, "200 bytes")] {
        let scale = Scale::new(ids, TWO_MILLION, 0, 1, &flag());
        scale.run(&format!("{name}, plan"), &["plan"]);
        scale.run(&format!("{name}, apply"), &["apply", "--auto-approve"]);
        scale.settled();
    }
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn two_million_rows_in_many_shapes() {
    let ten = |mapping: bool| -> String {
        let each = (0..10).map(|at| {
            let name = if mapping {
                format!("p{at}")
            } else {
                "amplitude_id".to_owned()
            };
            let label = if mapping {
                "a".to_owned()
            } else {
                format!("a{at}")
            };
            let more = format!(
                "to: {{attribute_flag: f{at}}}, identify_by: [{{alias: {label}, name: {name}}}]"
            );
            sync(&format!("s{at}"), &more)
        });
        each.collect()
    };
    let scale = Scale::new(Ids::Short, TWO_MILLION, 10, 4, &ten(true));
    scale.run("ten mappings, plan", &["plan"]);
    let four = (0..4).map(|at| {
        format!("  s{at}: {{kind: cohort, cohort: C{at}, to: {{attribute_array: all}}}}\n")
    });
    scale.rewrite(&four.collect::<String>());
    scale.run("four cohorts, plan", &["plan"]);
    let ten_labels = (0..10).map(|at| {
        sync(
            &format!("s{at}"),
            &format!("to: {{attribute_array: all}}, label: L{at}"),
        )
    });
    scale.rewrite(&ten_labels.collect::<String>());
    scale.run("ten syncs of an array, plan", &["plan"]);
    scale.run("ten syncs of an array, apply", &["apply", "--auto-approve"]);
    scale.settled();
}

#[test]
#[ignore = "2,000,000 rows: by hand, with --release"]
fn the_sandbox_holds_two_million_profiles() {
    let scenario = Scale::scenario(Ids::Short, TWO_MILLION, 0, 1);
    many::enrich(scenario.path(), Ids::Short, TWO_MILLION);
    let began = Instant::now();
    let scale = Scale::of(scenario, &flag());
    let loaded = began.elapsed();
    let resident = || memory(scale.world.process(), "VmHWM:").unwrap();
    println!(
        "sandbox, whole profiles {loaded:>18.2?} {:>5} MiB",
        resident()
    );
    scale.run("an apply to whole profiles", &["apply", "--auto-approve"]);
    let began = Instant::now();
    let profile = scale.world.profile(&Ids::Short.of(1_234_567));
    println!("one profile {:>30.2?}", began.elapsed());
    assert_eq!(profile["custom_attributes"]["many"], true);
    println!("sandbox, after it {:>30} MiB", resident());
    assert!(resident() <= SANDBOX, "{} MiB", resident());
}

#[test]
#[ignore = "the release binary: by hand, with --release"]
fn the_release_binary_is_small_and_starts_at_once() {
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_syncform"))
        .unwrap()
        .len();
    println!("binary {:.1} MB", size as f64 / 1e6);
    assert!(size < 40_000_000);
    let best = starts(&["--version"]);
    println!("start-up {best:?}");
    assert!(best < Duration::from_millis(20), "{best:?}");
}
