//! The house stands as drawn: which room may use which, what may stand where, and no file forgotten.
//! Checks read the source as text; comments and texts in it do not count where code is meant.

use std::collections::BTreeMap;
use std::fs;

use regex::Regex;

use crate::support::source::{self, Source, root, sources};

/// Which room may use which others; each may use itself. The door may use any.
const ARROWS: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("sandbox", &[]),
    ("config", &["model"]),
    ("diff", &["model"]),
    ("http", &["model"]),
    ("render", &["model"]),
    ("state", &["model", "http"]),
    ("amplitude", &["model", "http"]),
    ("braze", &["model", "http"]),
    (
        "kinds",
        &["model", "config", "diff", "state", "amplitude", "braze"],
    ),
    (
        "engine",
        &[
            "model",
            "config",
            "diff",
            "state",
            "kinds",
            "http",
            "amplitude",
            "braze",
        ],
    ),
    (
        "service",
        &[
            "model",
            "config",
            "engine",
            "kinds",
            "state",
            "amplitude",
            "braze",
            "render",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "config",
            "diff",
            "state",
            "kinds",
            "http",
            "amplitude",
            "braze",
            "engine",
            "service",
            "render",
            "sandbox",
        ],
    ),
];

/// Crates that only some rooms may name, and where.
const OUTSIDE: [(&str, &[&str]); 19] = [
    ("apache_avro", &["src/braze/currents/", "src/sandbox/"]),
    ("axum", &["src/sandbox/", "src/service/"]),
    ("clap", &["src/cli/"]),
    ("clap_complete", &["src/cli/"]),
    ("console", &["src/render/"]),
    ("hyper", &["src/sandbox/", "src/service/"]),
    ("hyper_util", &["src/sandbox/", "src/service/"]),
    ("indicatif", &["src/render/"]),
    ("jsonschema", &["src/config/"]),
    ("object_store", &["src/braze/currents/"]),
    ("parquet", &["src/state/"]),
    ("reqwest", &["src/http/"]),
    ("rustls", &["src/http/"]),
    ("saphyr_parser", &["src/config/"]),
    ("serde_yaml", &["src/config/load.rs"]),
    ("tar", &["src/state/"]),
    ("terminal_size", &["src/cli/"]),
    ("tower", &["src/sandbox/", "src/service/"]),
    ("tracing_subscriber", &["src/cli/"]),
];

/// The room a source file belongs to; `main.rs` and `lib.rs` belong to none.
fn room(path: &str) -> Option<&str> {
    let name = path.strip_prefix("src/")?.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!["main", "lib"].contains(&name)).then_some(name)
}

/// The names that follow `crate::`, those in braces included.
fn named(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut names = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = code[at + start.len()..].trim_start();
        let Some(braced) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let (mut depth, mut fresh) = (1, true);
        for (at, letter) in braced.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                _ if fresh && !letter.is_whitespace() => {
                    names.push(word(&braced[at..]));
                    fresh = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// Every line of these files whose code matches, as `path:line: code`.
fn lines<'a>(files: impl IntoIterator<Item = &'a Source>, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = Vec::new();
    for file in files {
        for (number, line) in file
            .code
            .lines()
            .enumerate()
            .filter(|(_, line)| pattern.is_match(line))
        {
            found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
        }
    }
    found
}

#[track_caller]
fn assert_none(found: &[String], why: &str) {
    assert!(found.is_empty(), "{why}\n{}", found.join("\n"));
}

#[test]
fn arrows_point_down_only() {
    let arrows = BTreeMap::from(ARROWS);
    let mut wrong = Vec::new();
    for file in sources("src") {
        let Some(room) = room(&file.path) else {
            continue;
        };
        let Some(allowed) = arrows.get(room) else {
            wrong.push(format!(
                "{}: the room `{room}` is not in the table",
                file.path
            ));
            continue;
        };
        for name in named(&file.code) {
            if name != room && !allowed.contains(&name.as_str()) {
                wrong.push(format!(
                    "{}: `{room}` may not use `crate::{name}`",
                    file.path
                ));
            }
        }
    }
    assert_none(&wrong, "see the arrows in the table above");
}

#[test]
fn names_after_crate_are_found_in_every_form() {
    let code = "use crate::model::Key; use crate::{diff::{a, b}, http, self as c};\n fn x(y: crate::state::Z) {}";
    assert_eq!(named(code), ["model", "diff", "http", "self", "state"]);
    assert_eq!(room("src/diff/join.rs"), Some("diff"));
    assert_eq!(room("src/service.rs"), Some("service"));
    assert_eq!(room("src/main.rs"), None);
}

#[test]
fn each_outside_crate_stays_in_its_room() {
    let files = sources("src");
    for (name, places) in OUTSIDE {
        let elsewhere = files
            .iter()
            .filter(|file| !places.iter().any(|place| file.path.starts_with(place)));
        let pattern = format!(r"(^|[^:\w]){name}::|\buse {name}\b");
        assert_none(
            &lines(elsewhere, &pattern),
            &format!("`{name}` belongs in {places:?}"),
        );
    }
}

#[test]
fn diff_neither_waits_nor_reads() {
    let files = sources("src/diff");
    let pattern = r"\basync\b|\.await\b|\bstd::(fs|io|net|env|time|thread)\b|\btokio\b|\bInstant\b|\bSystemTime\b|::now\(|\brand::";
    assert_none(
        &lines(&files, pattern),
        "`diff` decides; it never waits, reads, or looks at a clock",
    );
}

#[test]
fn only_render_and_the_door_print() {
    let files = sources("src");
    let others = files
        .iter()
        .filter(|file| !["render", "cli"].contains(&room(&file.path).unwrap_or("")));
    assert_none(
        &lines(others, r"\b(print|println|eprint|eprintln|dbg)!"),
        "only `render` and `cli` print",
    );
    assert_none(&lines(&files, r"\bdbg!"), "a left-over");
}

#[test]
fn environment_and_exit_codes_are_the_doors() {
    let files = sources("src");
    let others = files
        .iter()
        .filter(|file| !["cli", ""].contains(&room(&file.path).unwrap_or("")));
    let pattern =
        r"\benv::(var|vars|var_os|vars_os|args|current_dir)\b|\bprocess::exit\b|\bExitCode\b";
    assert_none(
        &lines(others, pattern),
        "environment and exit codes are read at the door",
    );
}

#[test]
fn only_apply_makes_a_writer() {
    let files = sources("src");
    let apply = |path: &str| path == "src/engine/writer.rs";
    // A file that can name a provider's writer, outside its own room.
    let names = Regex::new(r"\b(amplitude|braze)::(\w+::)*(\{[^;]*)?\bWriter\b").unwrap();
    let makes = r"\bWriter(::\w+\s*\(|\s*\{)";
    let elsewhere = files
        .iter()
        .filter(|file| !apply(&file.path) && names.is_match(&file.code));
    assert_none(
        &lines(elsewhere, makes),
        "a provider's `Writer` is made in `engine/writer.rs` and nowhere else",
    );
    let others = files
        .iter()
        .filter(|file| !apply(&file.path) && room(&file.path) != Some("amplitude"));
    assert_none(
        &lines(
            others,
            r"\b(Ingester|Patcher|StaticWriter)(::\w+\s*\(|\s*\{)",
        ),
        "what writes to Amplitude is made in `engine/writer.rs` and nowhere else",
    );
    // What plans accounts lies beside what writes them.
    let plans = ["draft", "found", "health", "leaving", "mod"]
        .map(|name| format!("src/engine/destinations/{name}.rs"));
    let plans = files.iter().filter(|file| plans.contains(&file.path));
    assert_none(
        &lines(plans, r"\bPatcher\b"),
        "what plans accounts cannot name what writes them",
    );
    let callers = files
        .iter()
        .filter(|file| file.path != "src/engine/apply.rs");
    assert_none(
        &lines(callers, r"\bwriter::doors\("),
        "only `engine/apply.rs` asks for a `Writer`",
    );
    let never = files.iter().filter(|file| {
        ["kinds", "diff", "render"].contains(&room(&file.path).unwrap_or(""))
            || file.path.starts_with("src/engine/plan")
            || file.path.starts_with("src/engine/observe")
    });
    let never: Vec<String> = never
        .filter(|file| names.is_match(&file.code))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&never, "what plans and decides cannot even name a `Writer`");
}

#[test]
fn every_file_says_what_it_is_for() {
    let all = sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"));
    let silent: Vec<String> = all
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert_none(&silent, "each file opens with `//!`");
}

#[test]
fn no_file_is_forgotten() {
    let files: Vec<Source> = sources("src")
        .into_iter()
        .chain(sources("tests/it"))
        .collect();
    let code: BTreeMap<&str, &str> = files
        .iter()
        .map(|file| (file.path.as_str(), file.code.as_str()))
        .collect();
    let mut forgotten = Vec::new();
    for path in code.keys() {
        let (folder, name) = path.rsplit_once('/').unwrap();
        if ["src/main.rs", "src/lib.rs", "tests/it/main.rs"].contains(path) {
            continue;
        }
        // `a/b.rs` is a module of `a/mod.rs`, `a.rs`, or the root; `a/mod.rs` of what lies beside `a`.
        let (folder, name) = match name {
            "mod.rs" => folder.rsplit_once('/').unwrap(),
            _ => (folder, name.strip_suffix(".rs").unwrap()),
        };
        let parents = [
            format!("{folder}/mod.rs"),
            format!("{folder}.rs"),
            format!("{folder}/lib.rs"),
            format!("{folder}/main.rs"),
        ];
        let declared = Regex::new(&format!(r"\bmod {name};")).unwrap();
        let mut parents = parents
            .iter()
            .filter_map(|parent| code.get(parent.as_str()));
        if !parents.any(|parent| declared.is_match(parent)) {
            forgotten.push((*path).to_owned());
        }
    }
    assert_none(
        &forgotten,
        "no `mod` names these files, so nothing compiles them",
    );
}

#[test]
fn nothing_is_left_for_later() {
    let files: Vec<Source> = sources("src").into_iter().chain(sources("tests")).collect();
    assert_none(&lines(&files, r"\b(todo|unimplemented)!"), "unfinished");
    let marks = Regex::new(concat!(r"\b(TO", r"DO|FIX", r"ME|X", r"XX|HA", r"CK)\b")).unwrap();
    let marked: Vec<String> = files
        .iter()
        .filter(|file| marks.is_match(&file.text))
        .map(|file| file.path.clone())
        .collect();
    assert_none(&marked, "marks of unfinished work");
}

#[test]
fn no_test_sleeps() {
    assert_none(
        &lines(&sources("tests"), r"\bsleep\("),
        "wait for what is awaited, with a deadline",
    );
}

#[test]
fn nothing_names_a_machine_or_a_private_registry() {
    let mut paths = Vec::new();
    for folder in [
        "src", "tests", "benches", "examples", "schema", ".ci", ".github", ".cargo",
    ] {
        source::walk(&root().join(folder), &mut paths);
    }
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && name != ".git" {
            paths.push(path);
        }
    }
    let private = Regex::new(concat!(
        r#"(^|[\s"'`(=:])/(wo"#,
        "rk|ro",
        "ot|ho",
        "me|Us",
        "ers|tm",
        r"p/wt)/\w"
    ))
    .unwrap();
    let found: Vec<String> = paths
        .iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| private.is_match(&text)))
        .map(|path| source::relative(path))
        .collect();
    assert_none(&found, "a path of somebody's machine");

    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let official = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let others: Vec<String> = lock
        .lines()
        .filter(|line| line.starts_with("source") && *line != official)
        .map(str::to_owned)
        .collect();
    assert_none(&others, "a registry that not everybody has");
    assert!(
        !root().join(".cargo/config.toml").exists(),
        "a registry or flags that not everybody has"
    );
}

#[test]
fn dependencies_are_in_order_and_each_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut table = "";
    let mut last = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            (table, last) = (line, String::new());
        } else if table.ends_with("dependencies]")
            && let Some((name, rest)) = line.split_once(" = ")
        {
            assert!(last.as_str() < name, "{name} stands after {last}");
            assert!(rest.contains(" # "), "{name} has no reason");
            name.clone_into(&mut last);
        }
    }
}
