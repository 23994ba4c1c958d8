//! Rows that Braze refuses: everything else is applied and recorded, they are set aside with Braze's words, and tried
//! again when it is time, when somebody says so, or when they changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::identities::BY_ALIAS;
use crate::support::binary::{Run, run};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::http;
use crate::support::project::{OPEN, Plan, Project, Sync, array, flag, import, yaml};
use crate::support::truth;
use crate::support::world::World;

const PEOPLE: usize = 750;
/// One in each batch of 75.
const BLOCKED: usize = 10;
/// What Braze says of them.
const WORDS: &str = "provided external_id is blacklisted and disallowed";

fn person(number: usize) -> String {
    let blocked = number % 75 == 37;
    let word = if blocked { "blacklisted" } else { "welcome" };
    format!("p-{number:04}-{word}")
}

fn blocked() -> BTreeSet<String> {
    let people = (0..PEOPLE).map(person);
    people.filter(|id| id.ends_with("blacklisted")).collect()
}

/// The file of these people.
fn file(people: impl IntoIterator<Item = usize>) -> String {
    let mut text = "\"amplitude_id\",\"user_id\"\n".to_owned();
    for number in people {
        writeln!(text, "\"{}\",\"{}\"", 500_000 + number, person(number)).unwrap();
    }
    text
}

/// A world in which the big spenders are these people, all of them known to Braze.
struct Case {
    world: World,
    scenario: Scenario,
    _dir: TempDir,
}

impl Case {
    fn new(more: &[&str]) -> Self {
        let mut files = cdnow::scenario(&Ask::day(JUNE).customers(50)).files.clone();
        let known = (0..PEOPLE + 5)
            .map(person)
            .filter(|id| id.ends_with("welcome"));
        let users: Vec<String> = known
            .map(|id| json!({"external_id": id, "custom_attributes": {}}).to_string())
            .collect();
        files.insert("braze/users.jsonl".into(), users.join("\n") + "\n");
        let dir = tempfile::tempdir().unwrap();
        cdnow::write(&files, dir.path());
        let world = World::with(dir.path(), more);
        let scenario = Scenario {
            dir: dir.path().to_owned(),
            files,
        };
        let mut case = Self {
            world,
            scenario,
            _dir: dir,
        };
        case.put(0..PEOPLE);
        case
    }

    fn put(&mut self, people: impl IntoIterator<Item = usize>) {
        let text = file(people);
        self.world.put_members("bigspnd", &text);
        let path = "amplitude/cohorts/bigspnd.csv".to_owned();
        self.scenario.files.insert(path, text);
    }

    /// Fails unless Braze holds what it takes, and so many rows are set aside while nothing is left to do.
    #[track_caller]
    fn assert_aside(&self, project: &Project, rows: u64, when: &str) {
        project.assert_exact(&self.world, &self.scenario, when);
        project.assert_settled(&self.world, when);
        let plan = project.plan(&self.world);
        for sync in project.syncs() {
            assert_eq!(plan.delta(&sync.address(), "set_aside"), rows, "{when}");
        }
    }
}

fn big_spenders() -> Vec<Sync> {
    vec![array("Big spenders", "bigspnd")]
}

/// The configuration of the big spenders.
fn project(settings: &str) -> Project {
    let syncs = big_spenders();
    Project::written(syncs.clone(), &text("", settings, &syncs))
}

/// A configuration with more guards and more defaults.
fn text(guards: &str, settings: &str, syncs: &[Sync]) -> String {
    let guards = OPEN.replace('}', &format!("{guards}}}"));
    yaml(&guards, 75, syncs).replace("settle: 0s", &format!("settle: 0s{settings}"))
}

/// The id of a run, as an apply prints it.
fn id(run: &Run) -> String {
    let (_, rest) = run.stdout.rsplit_once("Run ").unwrap();
    rest.split('.').next().unwrap().to_owned()
}

/// The refused rows of a run: address and id of each.
#[track_caller]
fn refused(
    project: &Project,
    run: Option<&str>,
    command: impl Fn(&[&str]) -> Run,
) -> Vec<(String, String)> {
    let mut words = vec!["report"];
    words.extend(run);
    words.extend(["--refused", "refused.csv"]);
    command(&words).exits(0);
    let path = project.dir().join("refused.csv");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner reads it");
    let rows = truth::rows(&fs::read_to_string(&path).unwrap());
    let head: Vec<&str> = rows[0].iter().map(String::as_str).collect();
    let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let row = |row: &Vec<String>| (row[at("address")].clone(), row[at("id")].clone());
    rows[1..].iter().map(row).collect()
}

#[test]
fn one_object_in_each_of_ten_batches_is_refused_and_all_else_is_applied() {
    let case = Case::new(&[]);
    let project = project("");
    let run = project.apply(&case.world).exits(6);
    let run = run
        .says(&format!("{BLOCKED} refused: {WORDS}"))
        .says("740 acknowledged, 10 refused")
        .says("--retry-refused");
    let stats = case.world.stats();
    // Ten batches, and each refused object once more by itself.
    assert_eq!((stats.tracks(), stats.objects), (20, 740));
    case.assert_aside(&project, 10, "after a refusal");
    project
        .run(&case.world, &["plan", "--detailed-exitcode"])
        .exits(0)
        .says("10 rows set aside");

    let expected: Vec<_> = blocked()
        .into_iter()
        .map(|id| ("sync.big-spenders-array".to_owned(), id))
        .collect();
    let ask = |words: &[&str]| project.run(&case.world, words);
    assert_eq!(refused(&project, Some(&id(&run)), ask), expected);
    assert_eq!(refused(&project, None, ask), expected);
    let told = project.run(&case.world, &["report", &id(&run)]).exits(0);
    assert!(told.stdout.contains(WORDS), "{told}");
    for person in blocked() {
        assert!(
            !run.all().contains(&person) && !told.all().contains(&person),
            "{told}"
        );
    }

    // Nothing is sent for one who left, and the others wait on.
    case.world.reset();
    let mut case = case;
    case.put((0..PEOPLE).filter(|number| *number != 37));
    project.apply(&case.world).exits(0);
    assert_eq!(case.world.stats().tracks(), 0);
    case.assert_aside(&project, 9, "after one of them left");
}

#[test]
fn refused_rows_are_tried_again_when_told_to_and_when_they_change() {
    let case = Case::new(&[]);
    let mut project = project("");
    project.apply(&case.world).exits(6);

    case.world.reset();
    let again = ["apply", "--auto-approve", "--retry-refused"];
    let run = project.run(&case.world, &again);
    // Nothing of it was written this time.
    let run = run.exits(6).says("10 refused");
    assert_eq!(case.world.stats().objects, 0);
    assert_eq!(
        refused(&project, Some(&id(&run)), |words| project
            .run(&case.world, words))
        .len(),
        10
    );
    case.assert_aside(&project, 10, "after another try");

    // Another label is another value.
    let syncs: Vec<Sync> = big_spenders()
        .into_iter()
        .map(|mut sync| {
            sync.to = truth::To::Array {
                attribute: "amplitude_cohorts".to_owned(),
                label: "Rich".to_owned(),
            };
            sync.with("label: Rich")
        })
        .collect();
    let yaml = text("", "", &syncs);
    project.rewrite(syncs, &yaml);
    let plan = project.plan(&case.world);
    let figures =
        ["add", "change", "set_aside"].map(|figure| plan.delta("sync.big-spenders-array", figure));
    assert_eq!(figures, [10, 740, 0]);
    project
        .apply(&case.world)
        .exits(6)
        .says("740 acknowledged, 10 refused");
    case.assert_aside(&project, 10, "under another label");

    // The older refusals show with their run.
    let first = refused(&project, None, |words| project.run(&case.world, words));
    assert_eq!(first.len(), 10);
}

#[test]
fn refused_rows_are_tried_again_after_a_time() {
    let case = Case::new(&[]);
    let project = project(", retry_refused: 1s");
    project.apply(&case.world).exits(6);
    let start = Instant::now();
    let due = |plan: &Plan| plan.delta("sync.big-spenders-array", "add") == 10;
    loop {
        let plan = project.plan(&case.world);
        if due(&plan) {
            assert_eq!(
                (
                    plan.code,
                    plan.delta("sync.big-spenders-array", "set_aside")
                ),
                (2, 0)
            );
            break;
        }
        plan.assert_empty("before it is time");
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "they are never tried again"
        );
    }
    project.apply(&case.world).exits(6).says("10 refused");
    project.assert_exact(&case.world, &case.scenario, "after a second try");
}

#[test]
fn too_many_set_aside_refuse_what_is_to_be_sent() {
    let mut case = Case::new(&[]);
    let project = project("");
    project.apply(&case.world).exits(6);
    // With nothing to send nothing is refused.
    case.assert_aside(&project, 10, "with nothing to do");

    case.put(0..PEOPLE + 5);
    let plan = project.plan(&case.world);
    assert_eq!(plan.code, 3, "{:#}", plan.json);
    assert!(
        !plan.passes("sync.big-spenders-array", "max_refused"),
        "{:#}",
        plan.json
    );
    let before = case.world.stats().writes();
    project.apply(&case.world).exits(3).says("max_refused");
    assert_eq!(case.world.stats().writes(), before, "a refused apply wrote");

    project.write(&text(", max_refused: 2%", "", &big_spenders()));
    project.apply(&case.world).exits(0);
    case.assert_aside(&project, 10, "within the bound");
}

#[test]
fn killed_amid_refusals_and_run_again() {
    let case = Case::new(&["--latency", "20ms"]);
    let syncs = big_spenders();
    for count in [3, 40, 90, 150] {
        let text = text(", max_refused: 2%", "", &syncs)
            .replace("objects_per_request: 75", "objects_per_request: 5");
        let project = Project::written(syncs.clone(), &text);
        case.world.reset();
        let mut run = project.start_apply(&case.world);
        case.world.wait_for_tracks(count, &mut run);
        run.kill();
        let run = project.apply(&case.world);
        assert!(matches!(run.code, Some(0 | 6)), "{run}");
        case.assert_aside(&project, 10, &format!("killed at request {count}"));
    }
}

#[test]
fn a_plan_after_a_kill_amid_refusals_is_what_the_next_apply_does() {
    let case = Case::new(&["--latency", "20ms"]);
    let text = text(", max_refused: 2%", "", &big_spenders())
        .replace("objects_per_request: 75", "objects_per_request: 5");
    let project = Project::written(big_spenders(), &text);
    let mut run = project.start_apply(&case.world);
    assert!(
        case.world.wait_for_tracks(90, &mut run),
        "it ended before it was killed"
    );
    run.kill();
    // Nobody has folded the journal yet: rows that were refused are set aside in no file.
    let plan = project.plan(&case.world);
    let figures = ["set_aside", "add", "change"];
    let [aside, add, change] = figures.map(|figure| plan.delta("sync.big-spenders-array", figure));
    let sends = add + change;
    assert!(aside > 0 && sends > 0, "{:#}", plan.json);
    project
        .run(&case.world, &["plan", "--out", "plan.tar"])
        .exits(0);

    case.world.reset();
    // Were it another one, it would be refused as stale.
    let run = project.run(&case.world, &["apply", "plan.tar"]);
    assert!(matches!(run.code, Some(0 | 6)), "{run}");
    let refused = BLOCKED as u64 - aside;
    assert_eq!(case.world.stats().objects, sends - refused, "{run}");
    case.assert_aside(&project, 10, "after the plan was applied");
}

/// What a Braze of its own holds, by external id.
type Taken = Arc<Mutex<BTreeMap<String, Map<String, Value>>>>;

/// Who an object is about; an alias bears the customer's number after eleven digits.
fn about(object: &Value) -> String {
    let number = |name: &Value| {
        let number: u64 = name.as_str().unwrap().parse().unwrap();
        format!("cdnow-{:05}", number - 100_000_000_000)
    };
    let id = object["external_id"].as_str().map(str::to_owned);
    id.unwrap_or_else(|| number(&object["user_alias"]["alias_name"]))
}

/// A Braze that knows everybody, refuses some objects, and keeps what it takes.
fn braze(refuses: impl Fn(&Value) -> bool + Send + std::marker::Sync + 'static) -> (String, Taken) {
    let taken = Taken::default();
    let held = Arc::clone(&taken);
    let url = http::serve(move |path, body| {
        if !path.starts_with("/users/track") {
            return (200, json!({"message": "success", "segments": []}));
        }
        let objects = body["attributes"].as_array().unwrap();
        let mut errors = Vec::new();
        let mut held = held.lock().unwrap();
        for (index, object) in objects.iter().enumerate() {
            if refuses(object) {
                errors.push(
                    json!({"type": "not for them", "input_array": "attributes", "index": index}),
                );
            } else {
                let profile = held.entry(about(object)).or_default();
                profile.extend(object.as_object().unwrap().clone());
            }
        }
        let status = if errors.len() == objects.len() {
            400
        } else {
            201
        };
        (status, json!({"message": "success", "errors": errors}))
    });
    (url, taken)
}

/// A configuration with this Braze and Amplitude's side of a world.
fn between(world: &World, braze: &str, syncs: &[Sync]) -> String {
    yaml(OPEN, 75, syncs)
        .replace("instance: US-01", &format!("endpoint: \"{braze}\""))
        .replace(
            "amplitude: {",
            &format!("amplitude: {{endpoint: \"{}\", ", world.url()),
        )
}

fn keyed(project: &Project, words: &[&str]) -> Run {
    let mut command = project.command(None, words);
    for key in [
        "AMPLITUDE_API_KEY",
        "AMPLITUDE_SECRET_KEY",
        "BRAZE_API_KEY",
        "BRAZE_DATA_IMPORT_KEY",
        "BRAZE_PARTNER_API_KEY",
    ] {
        command.env(key, "key");
    }
    run(command)
}

#[test]
fn of_a_person_in_two_syncs_only_the_guilty_row_is_refused() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(2_000));
    let world = World::start(&june.dir);
    let (url, taken) =
        braze(|object| object.get("is_repeat_buyers").is_some() && about(object).ends_with('7'));
    let syncs = vec![
        flag("Big spenders", "bigspnd"),
        flag("Repeat buyers", "repeat1"),
        array("Repeat buyers", "repeat1"),
    ];
    let text = between(&world, &url, &syncs);
    let project = Project::written(syncs, &text);
    let ask = |words: &[&str]| keyed(&project, words);
    let people = |cohort: &str| -> BTreeSet<String> {
        truth::user_ids(june.cohort(cohort)).into_iter().collect()
    };
    let (big, repeat) = (people("bigspnd"), people("repeat1"));
    let guilty: BTreeSet<String> = repeat
        .iter()
        .filter(|id| id.ends_with('7'))
        .cloned()
        .collect();
    assert!(
        guilty.intersection(&big).count() > 5,
        "a scenario where they meet"
    );

    ask(&["apply", "--auto-approve"])
        .exits(6)
        .says("not for them");
    let with = |attribute: &str| -> BTreeSet<String> {
        let taken = taken.lock().unwrap();
        let has = taken
            .iter()
            .filter(|(_, object)| object.contains_key(attribute));
        has.map(|(id, _)| id.clone()).collect()
    };
    let assert_taken = || {
        assert_eq!(with("is_big_spenders"), big);
        assert_eq!(with("amplitude_cohorts"), repeat);
        assert_eq!(with("is_repeat_buyers"), &repeat - &guilty);
    };
    assert_taken();
    let expected: Vec<_> = guilty
        .iter()
        .map(|id| ("sync.repeat-buyers-flag".to_owned(), id.clone()))
        .collect();
    assert_eq!(refused(&project, None, ask), expected);
    let words = ["plan", "--detailed-exitcode"];
    ask(&words)
        .exits(0)
        .says(&format!("{} rows set aside", guilty.len()));

    taken.lock().unwrap().clear();
    ask(&["apply", "--auto-approve", "--retry-refused"]).exits(6);
    assert!(
        taken.lock().unwrap().is_empty(),
        "more than the guilty rows was tried again"
    );
    ask(&words).exits(0);
}

#[test]
fn a_refused_removal_waits_and_sends_nothing_along() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(2_000));
    let world = World::start(&june.dir);
    let strict = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&strict);
    // Some cannot be taken out under their alias.
    let (url, taken) = braze(move |object| {
        refuses.load(Ordering::Relaxed)
            && object["is_repeat_buyers"] == false
            && about(object).ends_with('5')
    });
    let syncs = |more: &str| vec![flag("Repeat buyers", "repeat1").with(more)];
    let project = Project::written(syncs(BY_ALIAS), &between(&world, &url, &syncs(BY_ALIAS)));
    keyed(&project, &["apply", "--auto-approve"]).exits(0);

    let people = truth::user_ids(june.cohort("repeat1"));
    let guilty = people.iter().filter(|id| id.ends_with('5')).count();
    let assert_in = |when: &str| {
        let taken = taken.lock().unwrap();
        let on = taken
            .iter()
            .filter(|(_, object)| object["is_repeat_buyers"] == true);
        let on: HashSet<String> = on.map(|(id, _)| id.clone()).collect();
        assert_eq!(on, people, "{when}");
    };
    let settled = ["plan", "--detailed-exitcode"];
    project.write(&between(&world, &url, &syncs("")));
    keyed(&project, &["apply", "--auto-approve"])
        .exits(6)
        .says(&format!("{guilty} refused: not for them"));
    assert_in("after refused removals");
    // The row that stays is left alone, and so is its person's other row, when all is compared anew.
    world.put_members("repeat1", june.cohort("repeat1"));
    keyed(&project, &settled)
        .exits(0)
        .says(&format!("{guilty} rows set aside"));

    strict.store(false, Ordering::Relaxed);
    taken.lock().unwrap().retain(|id, _| !id.ends_with('5'));
    keyed(&project, &["apply", "--auto-approve", "--retry-refused"])
        .exits(0)
        .says(&format!("{} acknowledged", 2 * guilty));
    assert_in("after the removals");
    let plan = keyed(&project, &settled).exits(0);
    assert!(!plan.all().contains("set aside"), "{plan}");
}

#[test]
fn neighbours_that_an_import_refuses_do_not_stop_the_others() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(2_000));
    let world = World::start(&june.dir);
    let people: BTreeSet<String> = truth::user_ids(june.cohort("lapsed1"))
        .into_iter()
        .collect();
    let guilty: BTreeSet<String> = people.iter().take(150).cloned().collect();
    let taken: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (held, blocked) = (Arc::clone(&taken), guilty.clone());
    let url = http::serve(move |path, body| {
        if !path.ends_with("/cohorts/users") {
            return (200, json!({"message": "success", "segments": []}));
        }
        let ids = &body["cohort_changes"][0]["user_ids"];
        let ids = ids.as_array().unwrap().iter();
        let ids: BTreeSet<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
        if ids.is_disjoint(&blocked) {
            held.lock().unwrap().extend(ids);
            return (200, json!({"message": "success"}));
        }
        (400, json!({"message": "`cohort_changes` must be an array"}))
    });
    let syncs = vec![import("Lapsed", "lapsed1")];
    let text = between(&world, &url, &syncs).replace(
        "objects_per_request",
        "use_at_most: 100%, objects_per_request",
    );
    let project = Project::written(syncs, &text);
    let ask = |words: &[&str]| keyed(&project, words);
    ask(&["apply", "--auto-approve"])
        .exits(6)
        .says("150 refused");
    assert_eq!(*taken.lock().unwrap(), &people - &guilty);
    ask(&["plan", "--detailed-exitcode"])
        .exits(0)
        .says("150 rows set aside");
}

#[test]
fn what_braze_refuses_to_take_out_is_not_said_to_be_gone() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(2_000));
    let world = World::start(&june.dir);
    let refusing = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&refusing);
    let (url, _taken) = braze(move |object| {
        let goes = object["is_big_spenders"] == json!(false);
        let still = asked.load(Ordering::Relaxed);
        still && goes && about(object).ends_with('7')
    });
    let syncs = vec![flag("Big spenders", "bigspnd")];
    let text = between(&world, &url, &syncs);
    let project = Project::written(syncs, &text);
    let ask = |words: &[&str]| keyed(&project, words);
    ask(&["apply", "--auto-approve"]).exits(0);
    let guilty = truth::user_ids(june.cohort("bigspnd"));
    let guilty = guilty.iter().filter(|id| id.ends_with('7')).count();
    assert!(guilty > 2, "a scenario with some");

    let removed = "removed: [{address: sync.big-spenders-flag}]";
    let gone = text.split("syncs:").next().unwrap().to_owned();
    project.write(&format!("{gone}{removed}\nsyncs: {{}}\n"));
    let told = format!("{guilty} refused");
    ask(&["apply", "--auto-approve"]).exits(6).says(&told);
    // It rests, and is not forgotten.
    let aside = format!("{guilty} rows set aside");
    ask(&["plan", "--detailed-exitcode"]).exits(0).says(&aside);
    ask(&["apply", "--auto-approve"]).exits(0);
    ask(&["state", "list"])
        .exits(0)
        .says("sync.big-spenders-flag");
    ask(&["destroy", "--confirm", "cdnow"]).exits(6);
    refusing.store(false, Ordering::Relaxed);
    ask(&["destroy", "--confirm", "cdnow"])
        .exits(0)
        .says("Nothing is managed here any more");
    assert_eq!(ask(&["state", "list"]).exits(0).stdout, "");
}
