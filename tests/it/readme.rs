//! Every code block of the README does what it says: commands are run in order by a shell, what they print is what stands
//! there, and each configuration is planned. Each chapter begins with a fresh copy of the examples.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::support::binary::{run, syncform};
use crate::support::source::{copied, root};

/// What a configuration has that the README leaves out, a top-level key each.
const REST: [(&str, &str); 5] = [
    ("version", "version: 1\n"),
    ("workspace", "workspace: acme\n"),
    (
        "amplitude",
        "amplitude: {api_key: \"${AMPLITUDE_API_KEY}\", secret_key: \"${AMPLITUDE_SECRET_KEY}\"}\n",
    ),
    (
        "braze",
        "braze: {instance: US-01, api_key: \"${BRAZE_API_KEY}\"}\n",
    ),
    (
        "syncs",
        "syncs: {lapsed: {kind: cohort, cohort: Lapsed, to: {attribute_flag: lapsed}}}\n",
    ),
];

/// What is run in place of the words that build the program, since it is built.
const PROGRAM: &str = r#"
syncform() { "$PROGRAM" "$@"; }
cargo() {
    case "$1 $2 $3" in
    "run --locked --") shift 3; syncform "$@" ;;
    "test --locked ") ;;
    *) echo "the README tests know no: cargo $*" >&2; return 99 ;;
    esac
}
"#;

/// Stands in the output after what a line printed.
const MARK: &str = "@@@@";

/// A fenced block: its language and what is in it.
struct Block {
    line: usize,
    language: String,
    text: String,
}

/// A chapter and its blocks in order.
struct Chapter {
    title: String,
    blocks: Vec<Block>,
}

fn chapters(text: &str) -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = vec![];
    let mut open: Option<Block> = None;
    for (line, words) in (1..).zip(text.lines()) {
        match (&mut open, words.strip_prefix("```")) {
            (None, Some(language)) => {
                let (language, text) = (language.to_owned(), String::new());
                open = Some(Block {
                    line,
                    language,
                    text,
                });
            }
            (Some(_), Some(_)) => {
                let last = chapters.last_mut().unwrap();
                last.blocks.extend(open.take());
            }
            (Some(block), None) => block.text = format!("{}{words}\n", block.text),
            (None, None) if words.starts_with("# ") || words.starts_with("## ") => {
                chapters.push(Chapter {
                    title: words.trim_start_matches('#').trim().to_owned(),
                    blocks: vec![],
                });
            }
            (None, None) => {}
        }
    }
    chapters
}

/// Runs the lines of a block in one shell; each must end as it says (`# exits 3`), else with 0. Returns what the last
/// one printed.
fn shell(at: &Path, block: &Block) -> String {
    let exits = regex::Regex::new(r"# exits (\d+)").unwrap();
    let mut script = vec![PROGRAM.to_owned()];
    for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
        let wanted = exits
            .captures(line)
            .map_or("0", |found| found.get(1).unwrap().as_str());
        let told = line.replace('\'', "");
        script.push(line.to_owned());
        script.push(format!(
            "code=$?; [ $code = {wanted} ] || {{ echo 'ended with' $code: '{told}' >&2; exit 1; }}"
        ));
        script.push(format!("echo {MARK}"));
    }
    let run = Command::new("bash")
        .args(["-c", &script.join("\n")])
        .current_dir(at)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", at)
        .env("PROGRAM", env!("CARGO_BIN_EXE_syncform"))
        .env("SYNCFORM_SANDBOX", "")
        .env("SYNCFORM_CHDIR", "examples/quickstart")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(run.stdout).unwrap();
    assert!(
        run.status.success(),
        "README.md:{}: {}\n{stdout}",
        block.line,
        String::from_utf8_lossy(&run.stderr)
    );
    let mark = format!("{MARK}\n");
    let printed: Vec<&str> = stdout.split(&mark).collect();
    printed[printed.len() - 2].to_owned()
}

/// What changes from day to day, and from run to run, is the same here.
fn timeless(text: &str) -> String {
    let changing = [
        (r"until: \d{4}-\d\d-\d\d", "until: DAY"),
        (r"resets \d{4}-\d\d-\d\d", "resets DAY"),
        (r"up to \d+ a month, \d+ in", "up to N a month, N in"),
        (r"http://127\.0\.0\.1:\d+", "http://HOST"),
        (r"sandbox/[0-9a-f]{16}", "sandbox/WORLD"),
        (r"clock  .*", "clock"),
    ];
    changing
        .iter()
        .fold(text.trim_end().to_owned(), |text, (what, word)| {
            let what = regex::Regex::new(what).unwrap();
            what.replace_all(&text, *word).into_owned()
        })
}

/// A configuration, or a part of one, is planned with the cohorts of the quickstart.
fn planned(at: &Path, block: &Block) {
    let project = at.join("examples/quickstart");
    let _ = fs::remove_dir_all(project.join(".syncform"));
    let has = |key: &str| {
        block
            .text
            .lines()
            .any(|line| line.starts_with(&format!("{key}:")))
    };
    let rest = REST.iter().filter(|(key, _)| !has(key));
    let text: String = rest
        .map(|(_, text)| *text)
        .chain([block.text.as_str()])
        .collect();
    fs::write(project.join("syncform.yaml"), text).unwrap();
    let directory = project.to_str().unwrap();
    let environment: &[&str] = if has("environments") {
        &["-e", "staging"]
    } else {
        &[]
    };
    for words in [&["validate"][..], &["plan", "--sandbox"]] {
        let words = [&["-C", directory], words, environment].concat();
        let run = run(syncform(words));
        assert_eq!(run.code, Some(0), "README.md:{}: {run}", block.line);
    }
}

#[test]
fn every_block_of_the_readme_does_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let chapters = chapters(&readme);
    assert!(chapters.len() > 5);
    std::thread::scope(|scope| {
        for chapter in chapters.iter().filter(|chapter| !chapter.blocks.is_empty()) {
            scope.spawn(|| follow(chapter));
        }
    });
}

/// Follows one chapter from a fresh copy of the examples.
fn follow(chapter: &Chapter) {
    let place = TempDir::new().unwrap();
    copied("examples", place.path());
    let apart = TempDir::new().unwrap();
    copied("examples", apart.path());
    let mut printed = None;
    for block in &chapter.blocks {
        match block.language.as_str() {
            "sh" => printed = Some(shell(place.path(), block)),
            "yaml" => planned(apart.path(), block),
            "text" => {
                let printed = printed.take().unwrap_or_default();
                assert_eq!(
                    timeless(&block.text),
                    timeless(&printed),
                    "README.md:{}, in {}",
                    block.line,
                    chapter.title
                );
            }
            other => panic!("README.md:{}: a block of `{other}`", block.line),
        }
    }
}

/// Each link of a page leads to a file of the project, and each `#` to a heading.
#[test]
fn links_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for page in ["README.md", "ARCHITECTURE.md", "docs/performance.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#'));
        let anchors: Vec<String> = headings.map(anchor).collect();
        for found in link.captures_iter(&text.replace('\n', " ")) {
            let to = &found[1];
            let there = match to.strip_prefix('#') {
                Some(heading) => anchors.iter().any(|anchor| anchor == heading),
                None => root().join(page).parent().unwrap().join(to).exists(),
            };
            assert!(there, "{page} links to {to}");
        }
    }
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
