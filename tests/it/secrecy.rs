//! No secret and no person's id where it must not be: some are planted, then everything is searched.
//! Ledgers and deltas hold people by design; nothing may hold a secret.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::binary::{Run, run};
use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::http::serve_whole;
use crate::support::project::{OPEN, Project, ten, yaml};
use crate::support::world::World;

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(500))
}

const API_KEY: &str = "planted-amplitude-4f1d7c";
const SECRET_KEY: &str = "planted-secret/9b2e+60=";
const BRAZE_KEY: &str = "planted-braze-c83a15";

/// The three, and the forms in which they travel: Basic authorization, percent-encoded.
fn secrets() -> Vec<String> {
    let pair = base64(format!("{API_KEY}:{SECRET_KEY}").as_bytes());
    let encoded = SECRET_KEY
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let plain = [API_KEY, SECRET_KEY, BRAZE_KEY].map(str::to_owned);
    plain
        .into_iter()
        .chain([pair.trim_end_matches('=').to_owned(), encoded])
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

/// People of the data: user ids, Amplitude ids, device ids of the anonymous are in no test's words.
fn people() -> Regex {
    Regex::new(r"cdnow-\d|\b100000000\d{3}\b|200000000\d{3}").unwrap()
}

#[track_caller]
fn assert_no_secret(text: &str, place: &str) {
    for secret in secrets() {
        assert!(!text.contains(&secret), "a secret in {place}:\n{text}");
    }
}

#[track_caller]
fn assert_clean(run: &Run) {
    assert_no_secret(&run.all(), &run.asked);
    if let Some(person) = people().find(&run.all()) {
        panic!("a person, {}, in {run}", person.as_str());
    }
}

/// Runs with the planted keys in the environment.
#[track_caller]
fn planted(project: &Project, world: &World, words: &[&str]) -> Run {
    let mut command = project.command(Some(world), words);
    command.env("AMPLITUDE_API_KEY", API_KEY);
    command.env("AMPLITUDE_SECRET_KEY", SECRET_KEY);
    command.env("BRAZE_API_KEY", BRAZE_KEY);
    run(command)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// No file holds a secret. Manifests, logs and whatever else is JSON hold no person either; files are for their
/// owner alone.
#[track_caller]
fn assert_state_clean(project: &Project) {
    use std::os::unix::fs::PermissionsExt as _;
    let found = files(&project.dir().join(".syncform"));
    assert!(
        found.iter().any(|path| path.ends_with("manifest.json")),
        "{found:?}"
    );
    for path in found {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert_no_secret(&text, &path.display().to_string());
        if path.extension().is_some_and(|ending| ending == "json") {
            assert!(
                !people().is_match(&text),
                "a person in {}:\n{text}",
                path.display()
            );
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            mode & 0o077,
            0,
            "{} is open to others: {mode:o}",
            path.display()
        );
    }
}

#[test]
fn nothing_said_or_kept_holds_a_secret_or_a_person() {
    let world = World::start(&june().dir);
    let project = Project::new(ten());
    for words in [
        &["validate"][..],
        &["plan", "-vv"],
        &["plan", "-vv", "--log-format", "json"],
        &["plan", "--format", "json"],
        &["apply", "--auto-approve", "--format", "json", "-vv"],
        &["apply", "--auto-approve", "-vv"],
        &["plan", "-vv", "--detailed-exitcode"],
        &["state", "list"],
        &["state", "show", "sync.lapsed-flag"],
    ] {
        let run = planted(&project, &world, words);
        let code = run.code;
        assert_clean(&run);
        assert!(code == Some(0), "{run}");
    }
    project.assert_exact(&world, june(), "with planted keys");
    assert_state_clean(&project);

    // A log is there, and shows what it may.
    let log = planted(&project, &world, &["plan", "-vv"]);
    assert!(
        log.stderr.contains("/api/3/cohorts"),
        "method and path are logged: {log}"
    );

    // Asked for, people are shown; so the search above can find them.
    world.load(&cdnow::scenario(&Ask::day(JULY).customers(500)).dir);
    let shown = planted(&project, &world, &["plan", "--show-ids"]);
    assert!(
        people().is_match(&shown.all()),
        "--show-ids shows people: {shown}"
    );
    assert_no_secret(&shown.all(), "--show-ids");
}

#[test]
fn failures_hold_no_secret_and_no_person() {
    let world = World::with(&june().dir, &["--seed", "8"]);
    let project = Project::new(ten());

    // Keys that are refused: some services echo them.
    let mut command = project.command(Some(&world), &["apply", "--auto-approve", "-vv"]);
    let (bad_key, bad_secret) = ("bad-planted-77aa01", "bad-planted-77aa02");
    command
        .env("AMPLITUDE_API_KEY", bad_key)
        .env("AMPLITUDE_SECRET_KEY", bad_secret);
    let refused = run(command).exits(1);
    assert!(
        !refused.all().contains("bad-planted"),
        "a refused key is shown: {refused}"
    );
    let words = ["apply", "--auto-approve", "--format", "json", "-vv"];
    let mut command = project.command(Some(&world), &words);
    command.env("BRAZE_API_KEY", "bad-planted-77aa03");
    let refused = run(command);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(
        !refused.all().contains("bad-planted"),
        "a refused key is shown: {refused}"
    );

    // People whom nobody can take as they are: too long, and with letters that no id has. Whatever becomes of them.
    let odd = [
        format!("cdnow-0{}", "7".repeat(4_000)),
        "cdnow-00002\0".to_owned(),
        "cdnow-0\u{7}\u{202e}".to_owned(),
    ];
    let mut csv = june().cohort("repeat1").to_owned();
    for (number, id) in odd.iter().enumerate() {
        writeln!(csv, r#""20000000000{number}","{id}","","","","","""#).unwrap();
    }
    world.put_members("repeat1", &csv);
    for words in [&["plan", "-vv"][..], &["apply", "--auto-approve", "-vv"]] {
        assert_clean(&planted(&project, &world, words));
    }
    world.load(&june().dir);

    // Answers that make no sense, and answers that never come.
    for spec in [
        "garbage:0.5",
        "500:0.3,drop:0.3",
        "garbage:1@/api/3/cohorts",
    ] {
        world.faults(spec);
        assert_clean(&planted(
            &project,
            &world,
            &["apply", "--auto-approve", "-vv"],
        ));
    }
    world.faults("");
    assert_clean(&planted(&project, &world, &["apply", "--auto-approve", "-vv"]).exits(0));
    assert_state_clean(&project);

    // A state that somebody broke.
    let manifest = project.state(&world).join("manifest.json");
    fs::write(
        &manifest,
        format!("{{\"oops\": \"{BRAZE_KEY} cdnow-00001\""),
    )
    .unwrap();
    assert_clean(&planted(&project, &world, &["plan", "-vv"]).exits(1));
}

/// A gateway in between refuses, and shows what it was asked: both keys of Amplitude in one word.
#[test]
fn echoed_credentials_are_masked() {
    let pair = base64(format!("{API_KEY}:{SECRET_KEY}").as_bytes());
    let body = format!("denied: Authorization: Basic {pair}, Bearer {BRAZE_KEY}");
    let echo = serve_whole(move |_| {
        let length = body.len();
        format!("HTTP/1.0 401 Unauthorized\r\ncontent-length: {length}\r\n\r\n{body}")
    });
    let syncs = ten();
    let text = yaml(OPEN, 75, &syncs)
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{echo}\", "),
        )
        .replace("instance: US-01", &format!("endpoint: \"{echo}\""));
    let project = Project::written(syncs, &text);
    for words in [
        &["doctor", "-vv"][..],
        &["validate", "--online"],
        &["validate", "--online", "--format", "github"],
        &["plan", "--format", "json", "-vv"],
    ] {
        let mut command = project.command(None, words);
        command
            .env("AMPLITUDE_API_KEY", API_KEY)
            .env("AMPLITUDE_SECRET_KEY", SECRET_KEY)
            .env("BRAZE_API_KEY", BRAZE_KEY);
        let run = run(command);
        assert_ne!(run.code, Some(0), "{run}");
        assert_clean(&run);
        assert!(run.all().contains("Basic ***"), "{run}");
    }
}

#[test]
fn a_killed_run_leaves_no_secret_behind() {
    let world = World::with(&june().dir, &["--latency", "50ms"]);
    let syncs = ten();
    let project = Project::written(syncs.clone(), &yaml(OPEN, 2, &syncs));
    let mut command = project.command(Some(&world), &["apply", "--auto-approve"]);
    command
        .env("AMPLITUDE_API_KEY", API_KEY)
        .env("AMPLITUDE_SECRET_KEY", SECRET_KEY);
    command.env("BRAZE_API_KEY", BRAZE_KEY);
    let mut run = crate::support::binary::start(command);
    assert!(world.wait_for_tracks(3, &mut run));
    run.kill();
    assert_state_clean(&project);
}

#[test]
fn a_secret_written_into_the_configuration_is_masked() {
    let world = World::start(&june().dir);
    let syncs = ten();
    let text = yaml(OPEN, 75, &syncs).replace("\"${BRAZE_API_KEY}\"", BRAZE_KEY);
    let project = Project::written(syncs.clone(), &text);
    for words in [
        &["validate"][..],
        &["plan"],
        &["validate", "--format", "json"],
        &["validate", "--format", "github"],
    ] {
        let run = project.run(&world, words).exits(1);
        assert_no_secret(&run.all(), "an error about a literal secret");
        assert!(
            run.all().contains("syncform.yaml"),
            "its place is told: {run}"
        );
    }
    // Nor as the default of a variable, nor beside a syntax error.
    let by_default = format!("\"${{BRAZE_API_KEY:-{BRAZE_KEY}}}\"");
    let text = yaml(OPEN, 75, &syncs).replace("\"${BRAZE_API_KEY}\"", &by_default);
    for text in [text.clone(), text.replace("version: 1", "version: [1")] {
        project.write(&text);
        let run = project.run(&world, &["validate"]).exits(1);
        assert_no_secret(&run.all(), "an error about a secret's default");
    }
}

#[test]
fn the_search_itself_works() {
    assert_eq!(base64(b"a:b"), "YTpi");
    assert_eq!(base64(b"ab:c"), "YWI6Yw==");
    assert!(people().is_match("who: cdnow-00001"));
    assert!(people().is_match("200000000150") && people().is_match("id 100000000042."));
    assert!(!people().is_match("workspace cdnow, 1,200 people"));
}
