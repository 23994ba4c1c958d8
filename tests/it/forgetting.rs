//! `state forget`: a person is in no file of the state any more, and everybody else is where they were. Every file is
//! searched byte by byte, and what is compressed row by row as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;

use crate::identities::{BY_ALIAS, column};
use crate::support::binary::{Run, Running};
use crate::support::cdnow::{Ask, JULY, JUNE, Scenario};
use crate::support::project::{Project, Sync, array, flag, import};
use crate::support::terminal::Terminal;
use crate::support::values::{cohort, properties_and_worth, with_holes};
use crate::support::world::World;

/// Somebody whom Braze refuses, among the big spenders.
const REFUSED: &str = "zz-blacklisted-person";
const REFUSED_NUMBER: i64 = 999_000_001;

fn day(day: &str) -> &'static Scenario {
    with_holes(&Ask::day(day).customers(220))
}

/// Labels, flags by alias, an import with devices, properties and a computation.
fn project() -> Project {
    let syncs: Vec<Sync> = vec![
        array("Active 90d", "act90d1"),
        flag("Active 90d", "act90d1").with(BY_ALIAS),
        flag("Big spenders", "bigspnd"),
        import("Visitors", "visit01").with("identify_by: [external_id, device_id]"),
    ];
    let project = Project::with_values(syncs, properties_and_worth(), 2);
    let text = fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    let open = "max_shrink: 100%";
    project.write(&text.replace(open, &format!("{open}, max_refused: 100%")));
    project
}

/// The big spenders and somebody whom Braze refuses.
fn with_refused(scenario: &Scenario) -> String {
    let big = scenario.cohort("bigspnd").trim_end();
    format!(
        "{big}\n\"{REFUSED_NUMBER}\",\"{REFUSED}\",\"zz-device\",\"gold\",\"3\",\"10.5\",\"1997-06-01\"\n"
    )
}

/// Somebody who is in every cohort on both days, with the number that Amplitude has for them.
fn somebody() -> (String, i64) {
    let people = |(day, id): (&'static Scenario, &str)| -> BTreeSet<String> {
        cohort(day, id).into_keys().collect()
    };
    let all = [
        (day(JUNE), "act90d1"),
        (day(JUNE), "bigspnd"),
        (day(JULY), "act90d1"),
        (day(JULY), "bigspnd"),
    ];
    let all = all.map(people).into_iter();
    let both = all.reduce(|these, those| &these & &those).unwrap();
    let person = both.into_iter().next().expect("somebody who stays");
    let number = cohort(day(JUNE), "act90d1")[&person]["amplitude_id"].parse();
    (person, number.unwrap())
}

/// How often a forgetting is killed.
const KILLS: u32 = 12;

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(below).collect()
}

/// The rows of a Parquet file, each as text; none of another file.
fn rows(path: &Path) -> Vec<String> {
    if !fs::read(path).unwrap().starts_with(b"PAR1") {
        return vec![];
    }
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = file.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().to_string()).collect()
}

/// Where these bytes stand: names of files, and of Parquet files with `*` where a decoded row holds the text.
pub(crate) fn places(state: &Path, text: &str, number: Option<i64>) -> BTreeSet<String> {
    let mut needles = vec![text.as_bytes().to_vec()];
    if let Some(number) = number {
        needles.extend([number.to_le_bytes().to_vec(), number.to_be_bytes().to_vec()]);
    }
    let mut found = BTreeSet::new();
    for path in files(state) {
        let name = path.strip_prefix(state).unwrap().display().to_string();
        let bytes = fs::read(&path).unwrap();
        let holds = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle);
        if needles.iter().any(holds) {
            found.insert(name.clone());
        }
        let number = number.map(|number| number.to_string());
        let told = |row: &String| row.contains(text) || number.iter().any(|it| row.contains(it));
        if rows(&path).iter().any(told) {
            found.insert(format!("{name}*"));
        }
    }
    found
}

#[track_caller]
fn assert_nowhere(state: &Path, person: &str, number: i64, when: &str) {
    let found = places(state, person, Some(number));
    assert_eq!(found, BTreeSet::new(), "{when}");
    let alias = places(state, &number.to_string(), None);
    assert_eq!(alias, BTreeSet::new(), "{when}, the name of an alias");
}

fn manifest(state: &Path) -> Value {
    serde_json::from_slice(&fs::read(state.join("manifest.json")).unwrap()).unwrap()
}

/// The rows of every blob that the manifest names, by what names it.
fn recorded(state: &Path) -> BTreeMap<String, Vec<String>> {
    let manifest = manifest(state);
    let blob = |name: &Value| {
        let name = name.as_str()?;
        Some(rows(&state.join("blobs").join(format!("{name}.parquet"))))
    };
    let mut all = BTreeMap::new();
    for (address, entry) in manifest["resources"].as_object().unwrap() {
        let named = [
            ("rows", &entry["ledger"]),
            ("aside", &entry["set_aside"]["blob"]),
        ];
        for (what, name) in named {
            all.extend(blob(name).map(|rows| (format!("{address} {what}"), rows)));
        }
        let presences = ["unconfirmed", "confirmed", "absent", "doubt"];
        let counts = presences.map(|presence| entry["counts"][presence].as_u64().unwrap());
        let counted: u64 = counts.iter().sum();
        let rows = all.get(&format!("{address} rows")).map_or(0, Vec::len);
        assert_eq!(counted, rows as u64, "{address}");
        let aside = all.get(&format!("{address} aside")).map_or(0, Vec::len);
        assert_eq!(
            entry["set_aside"]["rows"].as_u64().unwrap_or(0),
            aside as u64
        );
    }
    for run in manifest["runs"].as_array().unwrap() {
        all.extend(blob(&run["refused"]).map(|rows| (run["id"].to_string(), rows)));
    }
    all
}

/// What is recorded without the rows that hold a text. What is gone as a whole need not be there.
fn without(
    recorded: &BTreeMap<String, Vec<String>>,
    texts: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let mut left = recorded.clone();
    for rows in left.values_mut() {
        rows.retain(|row| !texts.iter().any(|text| row.contains(text)));
    }
    left.retain(|what, rows| !(what.ends_with("aside") && rows.is_empty()));
    left
}

fn forget(project: &Project, world: &World, more: &[&str]) -> Run {
    let words = [&["state", "forget", "--auto-approve"], more].concat();
    let run = project.run(world, &words).exits(0);
    for word in more.iter().filter(|word| !word.starts_with('-')) {
        assert!(!run.all().contains(word), "who it is is said: {run}");
    }
    run
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let to = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path, to).unwrap();
    }
}

#[test]
fn nobody_finds_them_and_everybody_else_stays() {
    let world = World::with(&day(JUNE).dir, &["--latency", "5ms"]);
    let project = project();
    let state = project.state(&world);
    world.put_members("bigspnd", &with_refused(day(JUNE)));
    project
        .run(&world, &["state", "forget", "--auto-approve", "anybody"])
        .exits(0)
        .says("it knows nobody");
    project.apply(&world).exits(6);
    // A run is killed amid its sending: its journal and its deltas are there.
    world.load(&day(JULY).dir);
    world.put_members("bigspnd", &with_refused(day(JULY)));
    world.reset();
    let mut running: Running = project.start_apply(&world);
    assert!(world.wait_for_sends(3, &mut running));
    running.kill();
    assert!(!files(&state.join("journal")).is_empty());

    let (person, number) = somebody();
    let before = places(&state, &person, Some(number));
    for part in ["cache/relations/", "cache/answers/", ".parquet*"] {
        let any = before.iter().any(|place| place.contains(part));
        assert!(any, "{part}: {before:?}");
    }
    let nobody = forget(&project, &world, &["nobody-of-that-name"]);
    let nobody = nobody.says("was cut").says("Found nowhere in this state");
    nobody.says("Braze and Amplitude are not told");
    let all = recorded(&state);
    let digits = number.to_string();
    let names = [person.as_str(), digits.as_str()];
    let holds = |rows: &Vec<String>| {
        let is = |row: &String| names.iter().any(|name| row.contains(name));
        rows.iter().any(is)
    };
    let held = all.values().filter(|rows| holds(rows)).count();
    let imported = holds(&all["sync.visitors-import rows"]);
    assert_eq!(held, 5 + usize::from(imported));

    forget(&project, &world, &[&person])
        .says("sync.active-90d-array    1 row")
        .says("sync.active-90d-flag     1 row")
        .says("people of 2 cohorts, 2 answers")
        .says("Forgotten; taken out of:");
    assert_nowhere(&state, &person, number, "after the first");
    assert_eq!(recorded(&state), without(&all, &names));

    // Somebody who was refused, by number; and an anonymous visitor, by device.
    let refused = places(&state, REFUSED, Some(REFUSED_NUMBER));
    assert!(!refused.is_empty());
    let all = recorded(&state);
    let run = forget(
        &project,
        &world,
        &[&REFUSED_NUMBER.to_string(), "--amplitude-id"],
    );
    run.says("1 set aside").says("refused row");
    assert_nowhere(&state, REFUSED, REFUSED_NUMBER, "after the second");
    assert_eq!(recorded(&state), without(&all, &[REFUSED]));
    project.run(&world, &["report"]).exits(0);

    let anonymous = |row: &&String| row.contains("\"device_id\"");
    let all = recorded(&state);
    let imported = &all["sync.visitors-import rows"];
    let row = imported
        .iter()
        .find(anonymous)
        .expect("an anonymous visitor");
    let device = column(day(JUNE), "visit01", "device_id")
        .into_iter()
        .chain(column(day(JULY), "visit01", "device_id"))
        .find(|device| row.contains(device))
        .unwrap();
    assert!(!places(&state, &device, None).is_empty());
    forget(&project, &world, &[&device]).says("sync.visitors-import   1 row");
    assert_eq!(places(&state, &device, None), BTreeSet::new());
    assert_eq!(recorded(&state), without(&all, &[&device]));

    // All that was said is true: who is still in the sources comes back.
    project.apply(&world).exits(6);
    assert!(!places(&state, &person, Some(number)).is_empty());
    assert!(!places(&state, REFUSED, None).is_empty());
}

#[test]
fn a_plan_finds_nothing_to_do_until_a_source_moves() {
    let world = World::start(&day(JUNE).dir);
    let syncs = vec![
        array("Active 90d", "act90d1"),
        flag("Big spenders", "bigspnd"),
    ];
    let project = Project::new(syncs);
    project.apply(&world).exits(0);
    let (person, number) = somebody();
    project
        .run(&world, &["state", "forget", &person])
        .exits(1)
        .says("there is no terminal to ask on");
    project
        .run(
            &world,
            &[
                "state",
                "forget",
                &person,
                "--amplitude-id",
                "--auto-approve",
            ],
        )
        .exits(1)
        .says("PERSON is no number of Amplitude");
    let state = project.state(&world);
    let all = recorded(&state);
    for (keys, code) in [("no\n", 1), ("yes\n", 0)] {
        assert_eq!(recorded(&state), all, "nobody agreed yet");
        let command = project.command(Some(&world), &["state", "forget", &person]);
        let mut terminal = Terminal::start(command, 80);
        terminal.wait_for("Only `yes` is taken for yes:");
        let asked = terminal.lines().join("\n");
        assert!(asked.contains("sync.big-spenders-flag   1 row"), "{asked}");
        terminal.keys(keys);
        let screen = terminal.finish();
        assert_eq!(screen.code, Some(code), "{screen:#?}");
    }
    assert_nowhere(&state, &person, number, "after somebody said yes");
    project.assert_settled(&world, "after somebody was forgotten");

    // Recomputed with them: they are added. Without them: nobody knows them, so nothing is removed.
    let members = day(JUNE).cohort("act90d1");
    world.put_members("act90d1", members);
    let line = |line: &&str| !line.contains(&format!("\"{person}\""));
    let big: Vec<&str> = day(JUNE).cohort("bigspnd").lines().filter(line).collect();
    world.put_members("bigspnd", &(big.join("\n") + "\n"));
    let plan = project.plan(&world);
    for (address, add) in [("sync.active-90d-array", 1), ("sync.big-spenders-flag", 0)] {
        assert_eq!(plan.delta(address, "add"), add, "{address}");
        assert_eq!(plan.delta(address, "remove"), 0, "{address}");
    }
}

#[test]
fn killed_at_any_moment_the_state_is_whole_and_the_same_again_ends_it() {
    let world = World::start(&day(JUNE).dir);
    let project = project();
    world.put_members("bigspnd", &with_refused(day(JUNE)));
    project.apply(&world).exits(6);
    let state = project.state(&world);
    let (person, number) = somebody();
    let kept = TempDir::new().unwrap();
    copy(&state, kept.path());
    let all = recorded(&state);
    let begin = Instant::now();
    forget(&project, &world, &[&person]);
    let usual = begin.elapsed();
    let left = recorded(&state);
    assert_eq!(left, without(&all, &[&person, &number.to_string()]));

    let mut amid = 0;
    for kill in 0..KILLS {
        fs::remove_dir_all(&state).unwrap();
        copy(kept.path(), &state);
        let words = ["state", "forget", "--auto-approve", &person];
        let mut running = project.start(&world, &words);
        amid += u32::from(!running.ends_within(usual * kill / KILLS + Duration::from_millis(1)));
        running.kill();
        let when = format!("kill {kill} of {KILLS} within {usual:?}");
        let found = recorded(&state);
        assert!(
            found == all || found == left,
            "{when}: neither before nor after"
        );
        let plan = project.plan(&world);
        assert!([0, 2].contains(&plan.code), "{when}");
        forget(&project, &world, &[&person]);
        assert_nowhere(&state, &person, number, &when);
        assert_eq!(recorded(&state), left, "{when}");
    }
    assert!(amid > 0, "no kill met a run that was still going");

    // What a kill leaves after the commit: blobs without a name, and what was half written.
    for path in files(&kept.path().join("blobs")) {
        fs::copy(&path, state.join("blobs").join(path.file_name().unwrap())).unwrap();
    }
    fs::write(state.join("cache/.writing-a1b2c3"), &person).unwrap();
    assert!(!places(&state, &person, Some(number)).is_empty());
    forget(&project, &world, &[&person]).says("Found nowhere in this state");
    assert_nowhere(&state, &person, number, "after what was left");
    assert_eq!(recorded(&state), left);
}
