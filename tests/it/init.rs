//! The first minutes: `init` writes what validates, plans and applies at once, asks on a terminal, and never overwrites.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::binary::{Run, run, syncform};
use crate::support::terminal::Terminal;
use crate::support::world::World;

/// The program in a directory.
fn at(dir: &Path, words: &[&str]) -> Command {
    let mut command = syncform(words.iter().copied());
    command.current_dir(dir);
    command
}

#[track_caller]
fn done(dir: &Path, words: &[&str]) -> Run {
    run(at(dir, words))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_new_project_validates_plans_and_applies_at_once() {
    for to in ["attribute_array", "attribute_flag", "cohort_import"] {
        let dir = TempDir::new().unwrap();
        let dir = dir.path();
        let said = done(dir, &["init", "--to", to, "--workspace", "acme"]).exits(0);
        assert_eq!(said.stderr, "", "{said}");
        done(dir, &["validate"])
            .exits(0)
            .says("Valid: 1 resource in workspace acme.");
        let plan = done(dir, &["plan", "--sandbox"]).exits(0);
        plan.says("+20").says("Plan: 1 to create");
        done(dir, &["apply", "--sandbox", "--auto-approve"])
            .exits(0)
            .says("20 acknowledged");
        let plan = ["plan", "--sandbox", "--detailed-exitcode"];
        done(dir, &plan).exits(0).says("Nothing to do.");
    }
}

#[test]
fn what_stands_there_as_a_comment_is_valid_without_the_mark() {
    let dir = TempDir::new().unwrap();
    done(dir.path(), &["init", "--workspace", "acme"]).exits(0);
    let path = dir.path().join("syncform.yaml");
    let text = read(&path);
    let (head, block) = text.split_once("  # orders:").unwrap();
    let block = block.replace("  #   ", "    ");
    fs::write(&path, format!("{head}  orders:{block}")).unwrap();
    done(dir.path(), &["validate"])
        .exits(0)
        .says("Valid: 2 resources");
    done(dir.path(), &["plan", "--sandbox"])
        .exits(0)
        .says("sync.orders");
}

#[test]
fn it_says_what_it_wrote_and_what_to_do_next() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join(".git")).unwrap();
    let said = done(dir.path(), &["-C", "shop/eu", "init", "--region", "EU"]).exits(0);
    let lines: Vec<&str> = said
        .stdout
        .lines()
        .filter(|line| !line.contains("doctor"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
      written  shop/eu/syncform.yaml
      written  shop/eu/.syncform.schema.json
      written  shop/eu/.gitignore
      written  shop/eu/sandbox/amplitude/cohorts.json
      written  shop/eu/sandbox/amplitude/cohorts/example.csv
      written  shop/eu/sandbox/braze/users.jsonl
      written  .github/workflows/syncform.yml

    Next:
      syncform -C shop/eu plan --sandbox    try it: no key is needed
      syncform -C shop/eu apply --sandbox   a plan after it has nothing to do
      syncform -C shop/eu validate          after each edit
      export AMPLITUDE_API_KEY=… AMPLITUDE_SECRET_KEY=… BRAZE_API_KEY=…
      syncform -C shop/eu plan              what would change in Braze
    ");
    let workflow = read(dir.path().join(".github/workflows/syncform.yml"));
    assert!(workflow.contains("SYNCFORM_CHDIR: shop/eu\n"), "{workflow}");
    let dir = dir.path().join("shop/eu");
    let mode = fs::metadata(dir.join("syncform.yaml"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o644);
    let schema = done(&dir, &["schema", "config"]).stdout;
    assert_eq!(read(dir.join(".syncform.schema.json")), schema);
    let configuration = read(dir.join("syncform.yaml"));
    let first = "# yaml-language-server: $schema=./.syncform.schema.json\n";
    assert!(configuration.starts_with(first), "{configuration}");
    assert!(configuration.contains("workspace: eu\n"), "{configuration}");
    assert!(configuration.contains("region: eu "), "{configuration}");
}

/// Every file below a directory, but what runs leave.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    crate::support::source::walk(dir, &mut paths);
    let name = |path: &Path| path.strip_prefix(dir).unwrap().display().to_string();
    let files = paths.iter().map(|path| (name(path), read(path)));
    files
        .filter(|(name, _)| !name.starts_with(".syncform/"))
        .collect()
}

#[test]
fn a_second_run_changes_nothing() {
    let dir = TempDir::new().unwrap();
    done(dir.path(), &["init"]).exits(0);
    let before = files(dir.path());
    assert_eq!(before.len(), 7, "{:?}", before.keys());
    done(dir.path(), &["init"])
        .exits(0)
        .says("All is there already; nothing was changed.");
    assert_eq!(files(dir.path()), before);
    done(dir.path(), &["init", "--region", "eu"])
        .exits(1)
        .says("a configuration is there already (syncform.yaml)")
        .says("--region can change nothing");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn what_is_there_is_kept() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::write(dir.join("audiences.yml"), "version: 1\n").unwrap();
    fs::write(dir.join(".gitignore"), "/target\n.syncform\n").unwrap();
    fs::create_dir_all(dir.join(".github/workflows")).unwrap();
    let said = done(dir, &["init"]).exits(0);
    let said = said
        .says("kept     audiences.yml")
        .says("kept     .gitignore")
        .says("Add to .gitignore, since these hold people's ids:\n  plan.tar\n")
        .says("written  .github/workflows/syncform.yml")
        .says("SYNCFORM_STATE_DIR:-.syncform");
    assert!(!said.stdout.contains("export"), "{said}");
    assert!(!dir.join("syncform.yaml").exists() && !dir.join("sandbox").exists());
    assert_eq!(read(dir.join("audiences.yml")), "version: 1\n");
    assert_eq!(read(dir.join(".gitignore")), "/target\n.syncform\n");
    // YAML of others is no configuration, and would be read as one.
    fs::rename(dir.join("audiences.yml"), dir.join("compose.yml")).unwrap();
    fs::write(dir.join("compose.yml"), "version: '3'\nservices: {}\n").unwrap();
    done(dir, &["init"])
        .exits(1)
        .says("compose.yml is there, and would be read as configuration")
        .says("hint: give the configuration a directory of its own");
    assert!(!dir.join("syncform.yaml").exists());
    fs::rename(dir.join("compose.yml"), dir.join("audiences.yml")).unwrap();
    // A link that leads nowhere is somebody's, too.
    fs::remove_file(dir.join("audiences.yml")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("syncform.yaml")).unwrap();
    done(dir, &["init"]).exits(0);
    assert!(fs::read_link(dir.join("syncform.yaml")).is_ok());
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_written() {
    let dir = TempDir::new().unwrap();
    let wrong = "init --region asia --instance US-99 --to nowhere --ci gitlab --cohort= --endpoint http://braze.example.com";
    let words: Vec<&str> = wrong.split(' ').collect();
    let said = done(dir.path(), &words).exits(1);
    for flag in [
        "--region: `asia` is none of us, eu",
        "--instance: `US-99` is no Braze instance: they are US-01,",
        "--endpoint: `http://braze.example.com` is plain http",
        "--cohort: a name is not empty",
        "--to: `nowhere` is none of attribute_array,",
        "--ci: `gitlab` is none of github, none",
        "--instance and --endpoint say the same",
        "7 errors",
    ] {
        assert!(said.stderr.contains(flag), "{flag}: {said}");
    }
    assert!(files(dir.path()).is_empty());

    let mut command = at(dir.path(), &["init"]);
    command.env("SYNCFORM_INSTANCE", "ap-1");
    run(command).exits(1).says("`ap-1` is no Braze instance");
    fs::write(dir.path().join("file"), "").unwrap();
    done(dir.path(), &["-C", "file/below", "init"])
        .exits(1)
        .says("file/below");
}

#[test]
fn names_of_any_letters_stay_what_they_are() {
    let dir = TempDir::new().unwrap();
    for (at, cohort) in [
        "30d: \"big\" #1",
        "${HOME}",
        "no",
        "Übergrößen – 50 %",
        "@TO@ *a",
    ]
    .into_iter()
    .enumerate()
    {
        let dir = dir.path().join(at.to_string());
        fs::create_dir(&dir).unwrap();
        let words = ["init", "--cohort", cohort, "--workspace", cohort, "--yes"];
        done(&dir, &words).exits(0);
        let plan = done(&dir, &["plan", "--sandbox", "--format", "json"]).exits(0);
        let plan = plan.json();
        assert_eq!(plan["workspace"], cohort);
        assert_eq!(plan["resources"][0]["delta"]["add"], 20);
    }
}

#[test]
fn a_directory_is_no_expression_of_the_workflow() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join(".git")).unwrap();
    let at = |name: &str| root.path().join(name);
    let odd = at("a${{ github.token }}b");
    fs::create_dir(&odd).unwrap();
    done(&odd, &["init", "--yes"])
        .exits(1)
        .says("GitHub would read an expression");
    assert!(files(&odd).is_empty() && !at(".github").exists());
    done(&odd, &["init", "--yes", "--ci", "none"]).exits(0);

    let named = at("a${b}");
    fs::create_dir(&named).unwrap();
    done(&named, &["init", "--yes"]).exits(0);
    let workflow: Value =
        serde_yaml::from_str(&read(at(".github/workflows/syncform.yml"))).unwrap();
    assert_eq!(workflow["env"]["SYNCFORM_CHDIR"].as_str(), Some("a${b}"));
}

fn terminal(dir: &Path, words: &[&str]) -> Terminal {
    let mut command = at(dir, words);
    command.env("TERM", "xterm-256color");
    Terminal::start(command, 100)
}

#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let dir = TempDir::new().unwrap();
    let mut terminal = terminal(dir.path(), &["init", "--region", "eu"]);
    terminal.wait_for("Name of the workspace [");
    terminal.keys("acme\n");
    terminal.wait_for("REST URL [US-01]: ");
    terminal.keys("US-99\n");
    terminal.wait_for("`US-99` is no Braze instance");
    terminal.wait_for("KR-01");
    terminal.keys("eu-02\n");
    terminal.wait_for("in Amplitude [Power users]: ");
    terminal.keys("Trialists\n");
    terminal.wait_for("Where it goes [attribute_array]: ");
    terminal.keys("attribute_flag\n");
    terminal.wait_for("CI workflow: github or none [github]: ");
    terminal.keys("none\n");
    terminal.wait_for("without any key [yes]: ");
    assert!(
        files(dir.path()).is_empty(),
        "nothing before the last answer"
    );
    terminal.keys("\n");
    let screen = terminal.finish();
    assert_eq!(screen.code, Some(0), "{screen:#?}");
    let text = read(dir.path().join("syncform.yaml"));
    for line in [
        "workspace: acme",
        "region: eu ",
        "instance: EU-02",
        "cohort: Trialists",
        "to: {attribute_flag: trialists}",
        "state: {backend: local, path: .syncform}",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!dir.path().join(".github").exists());
    done(dir.path(), &["plan", "--sandbox"])
        .exits(0)
        .says("+20");
    // All is there: nothing is asked but for what is missing.
    let mut again = self::terminal(dir.path(), &["init"]);
    again.wait_for("CI workflow: github or none [github]: ");
    again.keys("none\n");
    assert_eq!(again.finish().code, Some(0));
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let mut ended = terminal(dir.path(), &["init"]);
    ended.wait_for("Name of the workspace [");
    ended.keys("acme\n");
    ended.wait_for("us or eu [us]: ");
    ended.keys("\x04");
    let screen = ended.finish();
    assert_eq!(screen.code, Some(1), "{screen:#?}");
    assert!(
        screen
            .written
            .contains("nothing was written: not all was answered")
    );
    let mut cut = terminal(dir.path(), &["init"]);
    cut.wait_for("Name of the workspace [");
    cut.interrupt();
    assert_ne!(cut.finish().code, Some(0));
    assert!(files(dir.path()).is_empty());
    // Nobody is asked with --yes.
    let screen = terminal(dir.path(), &["init", "--yes"]).finish();
    assert_eq!(screen.code, Some(0), "{screen:#?}");
    assert_eq!(files(dir.path()).len(), 7);
}

/// The steps of a job that run something: their variables and their script.
fn steps(workflow: &Value, job: &str) -> Vec<(BTreeMap<String, String>, String)> {
    let steps = workflow["jobs"][job]["steps"].as_sequence().unwrap();
    let runs = steps.iter().filter_map(|step| {
        let script = step["run"].as_str()?.to_owned();
        assert_eq!(step["shell"].as_str(), Some("bash"), "{script}");
        let variables = step["env"].as_mapping().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let variables = variables.map(|(name, value)| (text(name), text(value)));
        Some((variables.collect(), script))
    });
    runs.collect()
}

/// Runs a job as a runner does.
fn job(workflow: &Value, name: &str, root: &Path, state: &Path) -> Vec<Run> {
    let binary = Path::new(env!("CARGO_BIN_EXE_syncform"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let steps = steps(workflow, name).into_iter();
    let runs = steps.map(|(variables, script)| {
        let mut command = Command::new("/bin/bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script])
            .env_clear()
            .current_dir(root)
            .env("PATH", &path)
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("RUNNER_TEMP", state.parent().unwrap())
            .env("GITHUB_STEP_SUMMARY", state.with_extension("summary"));
        for (name, value) in workflow["env"].as_mapping().unwrap() {
            command.env(name.as_str().unwrap(), value.as_str().unwrap());
        }
        for (name, value) in variables {
            assert_eq!(value, format!("${{{{ secrets.{name} }}}}"));
            command.env(name, "a-key");
        }
        command.env("SYNCFORM_STATE_DIR", state);
        run(command)
    });
    runs.collect()
}

#[test]
fn the_workflow_validates_plans_and_applies() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("repository");
    fs::create_dir_all(root.join(".git")).unwrap();
    let words = [
        "-C",
        "audiences",
        "init",
        "--endpoint",
        "https://braze.example.com",
    ];
    done(&root, &words).exits(0);
    // Both services are a sandbox; nothing else is other than written.
    let sandbox = World::with(&root.join("audiences/sandbox"), &[]);
    let path = root.join("audiences/syncform.yaml");
    let endpoint = format!("amplitude:\n  endpoint: {}\n", sandbox.url());
    let text = read(&path)
        .replace("amplitude:\n", &endpoint)
        .replace("https://braze.example.com", sandbox.url());
    fs::write(&path, &text).unwrap();
    let workflow: Value =
        serde_yaml::from_str(&read(root.join(".github/workflows/syncform.yml"))).unwrap();
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
    let state = dir.path().join("state");
    let exits = |name: &str, codes: &[i32]| {
        let runs = job(&workflow, name, &root, &state);
        let found: Vec<i32> = runs.iter().map(|run| run.code.unwrap()).collect();
        assert_eq!(found, codes, "{name}: {}", runs.last().unwrap());
        runs.last().unwrap().clone()
    };
    exits("plan", &[0, 0]).says("Plan: 1 to create");
    let summary = read(state.with_extension("summary"));
    assert!(summary.starts_with("```text\n"), "{summary}");
    assert!(
        summary.contains("+20") && !summary.contains("person-"),
        "{summary}"
    );
    assert!(
        !state.join("manifest.json").exists(),
        "a plan changes no state"
    );
    exits("apply", &[0]).says("20 acknowledged");
    assert!(state.join("manifest.json").exists());
    assert!(!root.join("audiences/.syncform").exists());
    exits("plan", &[0, 0]).says("Nothing to do.");
    // A guard stops both jobs, with its exit code and a word in the log.
    fs::write(
        &path,
        text.replace("max_removals: 30%", "max_data_points: 0")
            .replace("Power users\n", "Power users\n    label: Other\n"),
    )
    .unwrap();
    exits("plan", &[0, 3]).says("::error::A guard refuses this plan");
    exits("apply", &[3]).says("nothing was written");
    fs::write(&path, text.replace("cadence: daily", "cadance: daily")).unwrap();
    exits("plan", &[1, 1]).says("cadance");
}

#[test]
fn a_second_directory_of_a_repository_is_told_that_ci_knows_nothing_of_it() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join(".git")).unwrap();
    let first = done(dir.path(), &["-C", "one", "init"]).exits(0);
    assert!(!first.stdout.contains("another directory"), "{first}");
    let again = done(dir.path(), &["-C", "one", "init"]).exits(0);
    assert!(!again.stdout.contains("another directory"), "{again}");
    done(dir.path(), &["-C", "two", "init"])
        .exits(0)
        .says("The workflow that is there is about another directory");
}

#[test]
fn what_init_writes_is_refused_by_any_other_ci() {
    let dir = TempDir::new().unwrap();
    done(dir.path(), &["init"]).exits(0);
    let mut command = syncform(["-C", dir.path().to_str().unwrap(), "plan"]);
    command.env("CI", "true");
    for key in ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"] {
        command.env(key, "a-key");
    }
    run(command)
        .exits(1)
        .says("would be forgotten with the machine");
}
