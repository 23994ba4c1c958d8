//! The configuration: its schema, its golden cases, and that no secret is ever shown.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jiff::civil::date;
use similar::TextDiff;
use syncform::{
    config::{Configuration, Request, load_checked},
    kinds,
    model::Diagnostic,
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

fn load(directory: &Path, asked: &Asked) -> Result<Configuration, Vec<Diagnostic>> {
    let request = Request {
        directory,
        environment: asked.environment.as_deref(),
        variables: &|name| asked.variables.get(name).cloned(),
        schema: &kinds::schema(),
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
                out.push_str(&format!("{address} {}\n", resource.kind));
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
