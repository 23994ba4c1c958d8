//! The configuration: its schema, its golden cases, and that no secret is ever shown.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod machines;
mod merging;
mod mutations;
mod recovery;
mod secrets;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Instant,
};

use jiff::civil::date;
use similar::TextDiff;
use syncform::{
    config::{Configuration, Request, load_checked},
    kinds,
    model::{Diagnostic, Severity},
    render::diagnostic::human,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blessing() -> bool {
    std::env::vars_os().any(|(name, _)| name == "BLESS")
}

/// Compares with a committed file, or rewrites it.
fn compare(path: &Path, fresh: &str) -> Result<(), String> {
    if blessing() {
        fs::write(path, fresh).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed == fresh {
        return Ok(());
    }
    let diff = TextDiff::from_lines(&committed, fresh)
        .unified_diff()
        .context_radius(3)
        .to_string();
    Err(format!(
        "{} differs (BLESS=1 rewrites it):\n{diff}",
        path.display()
    ))
}

/// What a case asks for, from its file `request`: `env NAME`, `set NAME=VALUE`, `sandbox`.
#[derive(Default)]
struct Asked {
    environment: Option<String>,
    variables: BTreeMap<String, String>,
    sandbox: bool,
}

impl Asked {
    fn of(case: &Path) -> Self {
        let mut asked = Self::default();
        for line in fs::read_to_string(case.join("request"))
            .unwrap_or_default()
            .lines()
        {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("env", name) => asked.environment = Some(name.into()),
                ("set", pair) => {
                    let (name, value) = pair.split_once('=').unwrap();
                    asked.variables.insert(name.into(), value.into());
                }
                ("sandbox", _) => asked.sandbox = true,
                other => panic!("{}: {other:?}", case.display()),
            }
        }
        asked
    }
}

/// Composed once: much is loaded here.
static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(kinds::schema);

fn load(directory: &Path, asked: &Asked) -> Result<Configuration, Vec<Diagnostic>> {
    let request = Request {
        directory,
        environment: asked.environment.as_deref(),
        variables: &|name| asked.variables.get(name).cloned(),
        schema: &SCHEMA,
        today: date(2026, 11, 22),
        sandbox: asked.sandbox,
    };
    load_checked(&request, &kinds::check)
}

fn drawn(loaded: &Result<Configuration, Vec<Diagnostic>>) -> String {
    match loaded {
        Ok(configuration) => {
            let mut out = human(&configuration.warnings, false);
            for (address, resource) in &configuration.resources {
                writeln!(out, "{address} {}", resource.kind).unwrap();
            }
            out.push_str("valid\n");
            out
        }
        Err(diagnostics) => human(diagnostics, false),
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/golden/config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn schema_is_fresh() {
    assert!(jsonschema::meta::is_valid(&kinds::schema()));
    let mut fresh = serde_json::to_string_pretty(&kinds::schema()).unwrap();
    fresh.push('\n');
    compare(&root().join("schema/syncform.schema.json"), &fresh)
        .unwrap_or_else(|diff| panic!("{diff}"));
}

#[test]
fn golden_cases() {
    let cases = cases();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let drawn = drawn(&load(case, &Asked::of(case)));
            let drawn = drawn.replace(&*case.to_string_lossy(), "DIRECTORY");
            compare(&case.join("expected.txt"), &drawn).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 20, "only {} cases", cases.len());
}

/// A configuration in a directory of its own.
fn written(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("syncform.yaml"), text).unwrap();
    directory
}

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}

const HEAD: &str = r#"
version: 1
workspace: acme
amplitude: {region: us, api_key: "${A_KEY}", secret_key: "${A_SECRET}", project_id: 1, developer_token: "${A_PAT:-}"}
braze:
  instance: US-01
  api_key: "${B_KEY}"
  app_id: app
  cohort_import: {partner: acme, data_import_key: "${B_DATA}", partner_api_key: "${B_PARTNER}"}
"#;

/// Ten thousand syncs: all are read, and each mistake is found once, in a time that grows with their number alone.
#[test]
fn ten_thousand_syncs_are_read_and_ten_thousand_mistakes_found() {
    let syncs = |many: usize, extra: &dyn Fn(usize) -> String| {
        let mut text = format!("{HEAD}syncs:\n");
        for number in 0..many {
            let target = format!("{{attribute_flag: flag_{number}}}");
            let extra = extra(number);
            writeln!(text, "  sync-{number}:\n    kind: cohort\n    cohort: Cohort {number}\n    to: {target}{extra}").unwrap();
        }
        text
    };
    let found = |text: &str| {
        let directory = written(text);
        let begin = Instant::now();
        let mut found = load(directory.path(), &Asked::default()).unwrap_err();
        found.retain(|one| one.severity == Severity::Error);
        assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
        found
    };
    let many = 10_000;
    let right = syncs(many, &|_| String::new());
    let directory = written(&right);
    let configuration = load(directory.path(), &Asked::default()).unwrap();
    assert_eq!(configuration.resources.len(), many);

    let wrong = found(&syncs(many, &|_| "\n    cadance: daily".into()));
    assert_eq!(wrong.len(), many);
    let drawn = human(&wrong, false);
    assert_eq!(drawn.matches("error: ").count(), 100);
    assert!(drawn.ends_with("\n… and 9,900 more\n10,000 errors\n"));

    // What is looked for among all names, what stands in one line, and what is broken.
    let many = 2_000;
    let right = syncs(many, &|_| String::new());
    let moved = (0..many)
        .map(|number| format!("  - {{from: sync.old-{number}, to: sync.snyc-{number}}}\n"));
    let moved: String = moved.collect();
    assert_eq!(found(&format!("{right}moved:\n{moved}")).len(), many);
    let line: Vec<String> = (0..many)
        .map(|number| format!("s{number}: {{kind: cohort, cohort: C, to: {{attribute_flg: f}}}}"))
        .collect();
    let line = format!("{HEAD}syncs: {{{}}}\n", line.join(", "));
    assert_eq!(found(&line).len(), many);
    let broken = syncs(many, &|number| {
        if number % 200 == 1 {
            ": x".into()
        } else {
            "\n    cadance: daily".into()
        }
    });
    assert_eq!(found(&broken).len(), many);
}

/// A pipe would be waited for until somebody writes into it.
#[test]
fn what_is_no_plain_file_is_named() {
    let directory = written(HEAD);
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("directory.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", path("link.yaml")).unwrap();
    let made = Command::new("mkfifo")
        .arg(path("pipe.yml"))
        .status()
        .unwrap();
    assert!(made.success());
    fs::write(path(".hidden.yaml"), "rubbish: [").unwrap();
    fs::write(path("large.yaml"), vec![b'#'; 17 << 20]).unwrap();
    let found = load(directory.path(), &Asked::default()).unwrap_err();
    let said: Vec<String> = found
        .iter()
        .map(|one| {
            format!(
                "{}: {}",
                one.place.as_ref().unwrap().file.display(),
                one.message
            )
        })
        .collect();
    let refused = "cannot read this file: it is";
    let wanted = [
        format!("directory.yaml: {refused} a directory"),
        format!("large.yaml: {refused} larger than 16 MiB"),
        format!("link.yaml: {refused} a link that leads nowhere"),
        format!("pipe.yml: {refused} no plain file"),
    ];
    assert_eq!(said, wanted);
}
