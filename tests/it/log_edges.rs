//! Logs where they meet the commands that are no plan and no apply: forgetting, explaining, reading back, sending anew,
//! saving, removing, destroying, looking around.

use std::fmt::Write as _;
use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::forgetting::places;
use crate::support::binary::{Run, run, syncform};
use crate::support::cdnow::{self, Ask, JUNE};
use crate::support::http;
use crate::support::project::{OPEN, Project, directly, yaml};
use crate::support::world::World;

/// Somebody of whom Braze takes no event.
const REFUSED: &str = "zz-blacklisted-person";
const LOSE: &str = "drop_after:1@/users/track";

/// The first hour of the events: long enough ago to be exported.
#[expect(clippy::disallowed_methods, reason = "the program reads the clock too")]
fn begin() -> Timestamp {
    let hour = 3_600;
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now - now % hour - 10 * hour).unwrap()
}

fn world() -> World {
    World::start(&cdnow::scenario(&Ask::day(JUNE).customers(220)).dir)
}

fn text(begin: Timestamp) -> String {
    let sync = format!(
        "  orders: {{kind: event_stream, from: export, start_at: {begin}, events: [Order], properties: {{event: [amount]}}}}\n"
    );
    yaml(OPEN, 5, &[]) + &sync
}

fn project(begin: Timestamp) -> Project {
    Project::written(vec![], &text(begin))
}

fn buyer(number: usize) -> String {
    format!("buyer-{:03}", number % 10)
}

/// Orders of ten people, so many hours after the first.
fn put(world: &World, begin: Timestamp, after: i64, numbers: std::ops::Range<usize>) {
    let lines = numbers.map(|number| order(begin, after, number, &buyer(number)));
    put_lines(world, &lines.collect::<String>());
}

fn order(begin: Timestamp, after: i64, number: usize, who: &str) -> String {
    let at = begin
        + SignedDuration::from_hours(after)
        + SignedDuration::from_secs(i64::try_from(number).unwrap());
    let at = at.strftime("%Y-%m-%d %H:%M:%S.000000").to_string();
    let line = json!({
        "event_type": "Order", "user_id": who, "device_id": format!("device-{number}"), "amplitude_id": 1_000 + number,
        "$insert_id": format!("insert-{number}"), "uuid": format!("uuid-{number}"), "event_time": at,
        "server_upload_time": at, "event_properties": {"amount": number}, "user_properties": {},
    });
    format!("{line}\n")
}

fn put_lines(world: &World, lines: &str) {
    let authority = world.url().strip_prefix("http://").unwrap();
    let path = "/_sandbox/amplitude/events";
    let (status, answer) = http::ask(authority, "POST", path, lines.as_bytes());
    assert!(
        (200..300).contains(&status),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

fn log(project: &Project, world: &World) -> Value {
    let show = ["state", "show", "sync.orders"];
    project.run(world, &show).exits(0).json()["log"].take()
}

#[track_caller]
fn parks(project: &Project, world: &World) {
    world.faults(LOSE);
    project.apply(world);
    world.faults("");
}

#[test]
fn a_person_leaves_parked_events_refused_ones_and_what_was_read() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..20);
    put_lines(&world, &order(begin, 0, 900, REFUSED));
    let whole = text(begin).replace("max_shrink: 100%", "max_shrink: 100%, max_refused: 100%");
    let stop = begin + SignedDuration::from_hours(1);
    project.write(&whole.replace("from: export,", &format!("from: export, stop_at: {stop},")));
    project.apply(&world).exits(6);
    put(&world, begin, 2, 100..130);
    project.write(&whole);
    world.faults(LOSE);
    let run = project.apply(&world);
    world.faults("");
    let before = log(&project, &world)["parked"].take();
    assert_eq!(before["events"], 30, "{run}");

    let explain = |who: &str| project.run(&world, &["explain", who]);
    explain("buyer-003").exits(0).says(
        "sync.orders: events are not remembered person by person; 3 events of the person are parked: no answer ever came \
         (syncform state parked check).",
    );
    let state = project.state(&world);
    let held = places(&state, "buyer-003", None);
    let anywhere = |part: &str| held.iter().any(|place| place.contains(part));
    assert!(anywhere("cache/logs/") && anywhere(".parquet*"), "{held:?}");
    let forget = |who: &str| {
        let words = ["state", "forget", "--auto-approve", who];
        project.run(&world, &words).exits(0)
    };
    let run = forget("buyer-003")
        .says("sync.orders   3 parked events")
        .says("events in ")
        .says("A parked event that was never delivered then never is.");
    assert!(!run.all().contains("buyer-003"), "{run}");
    assert!(places(&state, "buyer-003", None).is_empty());
    let after = log(&project, &world)["parked"].take();
    assert_eq!(after["events"], 27);
    assert_eq!(after["batches"], before["batches"]);
    assert!(!places(&state, "buyer-004", None).is_empty());

    assert!(!places(&state, REFUSED, None).is_empty());
    forget(REFUSED).says("1 refused row of 1 run");
    assert!(places(&state, REFUSED, None).is_empty());
    explain("buyer-003").exits(1);
    for number in 0..10 {
        forget(&buyer(number));
    }
    assert_eq!(log(&project, &world)["parked"], Value::Null);
    forget("nobody").says("Found nowhere in this state");
    // What was sent is not sent again, whoever was forgotten.
    let plan = project
        .run(&world, &["plan", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["resources"][0]["log"]["sent"], 0, "{plan:#}");
}

#[test]
fn a_damaged_reading_hinders_no_forgetting() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..20);
    project.run(&world, &["plan"]).exits(0);
    let state = project.state(&world);
    let mut damaged = 0;
    for directory in fs::read_dir(state.join("cache/logs")).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            if bytes.windows(9).any(|part| part == b"buyer-003") {
                // The first row says that it is longer than the file.
                bytes[6] ^= 1;
                fs::write(&path, bytes).unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "nothing was kept");
    let words = ["state", "forget", "--auto-approve", "buyer-003"];
    let run = project.run(&world, &words).exits(0);
    assert!(!run.all().contains("buyer-003"), "{run}");
    assert!(places(&state, "buyer-003", None).is_empty());
}

#[test]
fn nothing_of_a_log_is_sent_anew_or_read_back() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..12);
    project.apply(&world).exits(0);
    world.reset();
    project
        .run(&world, &["resync", "sync.orders", "--auto-approve"])
        .exits(1)
        .says("sync.orders is a log, and its events cannot be sent again")
        .says("syncform state parked list");
    assert_eq!(world.stats().requests.len(), 0, "something was asked");
    project
        .run(&world, &["verify"])
        .exits(0)
        .says("log      sync.orders  events that were sent are not read back")
        .says("There is nobody to ask about.");
    let json = project.run(&world, &["verify", "--format", "json"]);
    assert_eq!(json.exits(0).json()["logs"], json!(["sync.orders"]));
    project.run(&world, &["plan", "--refresh", "full"]).exits(0);
    project.run(&world, &["explain", "buyer-001"]).exits(1);
    assert_eq!(world.stats().reads(), 0);

    let kept = ["plan", "--refresh", "none", "--ahead=2h"];
    let hours = "sync.orders: 2 hours are due and were not read, since nothing is read live";
    project.run(&world, &kept).exits(0).says(hours);
    let plan = ["plan", "--ahead=2h"];
    let plan = project.run(&world, &plan).exits(0);
    assert!(!plan.all().contains("were not read"), "{plan}");
    let kept = project.run(&world, &kept).exits(0);
    assert!(!kept.all().contains("were not read"), "{kept}");
}

fn save(project: &Project, world: &World) -> Run {
    project.run(world, &["plan", "--out", "plan.tar"]).exits(0)
}

#[test]
fn a_saved_plan_sends_what_it_read_and_nothing_that_came_since() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..12);
    save(&project, &world);
    let show = |words: &[&str]| {
        let dir = project.dir().to_str().unwrap();
        let all = ["-C", dir, "show", "plan.tar"].into_iter();
        run(syncform(all.chain(words.iter().copied()))).exits(0)
    };
    assert!(!show(&[]).all().contains("buyer-"));
    let mut wanted = String::new();
    for number in 0..12 {
        let at = begin + SignedDuration::from_secs(i64::try_from(number).unwrap());
        writeln!(wanted, "sync.orders {at:.3} external_id {}", buyer(number)).unwrap();
    }
    let shown = show(&["--show-ids"]).stdout;
    assert!(shown.contains(&wanted), "{wanted} in {shown}");
    let shown = project.run(&world, &["plan", "--show-ids"]).stdout;
    assert!(shown.contains(&wanted), "{shown}");

    // More hours are due by now; they are of the next plan.
    world.reset();
    let apply = ["apply", "plan.tar", "--ahead=3h"];
    project.run(&world, &apply).exits(0);
    let exports = || world.stats().requests.get("GET /api/2/export").copied();
    assert_eq!(exports(), None);
    assert_eq!(log(&project, &world)["acknowledged"], 12);
    project.run(&world, &apply).exits(5).says("applied already");
    project.run(&world, &["plan", "--ahead=3h"]).exits(0);
    assert_ne!(exports(), None);
}

#[test]
fn a_saved_plan_whose_events_differ_is_refused() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..12);
    save(&project, &world);
    put(&world, begin, 0, 12..14);
    fs::remove_dir_all(project.state(&world).join("cache/logs")).unwrap();
    world.reset();
    project
        .run(&world, &["apply", "plan.tar"])
        .exits(5)
        .says("sync.orders: 2 rows differ");
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn a_log_goes_and_what_it_sent_stays() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..12);
    project.apply(&world).exits(0);
    let none = yaml(OPEN, 5, &[]).replace("syncs:", "syncs: {}");
    project.write(&none);
    project
        .run(&world, &["plan"])
        .exits(3)
        .says("removed: [{address: sync.orders, on_destroy: keep, reason:");
    project.write(&format!(
        "{none}removed:\n  - address: sync.orders\n    on_destroy: empty\n"
    ));
    let words = "it is a log, and events that were sent cannot be taken out again";
    project.run(&world, &["plan"]).exits(1).says(words);
    let place = (none.lines().count() + 3).to_string();
    project
        .run(&world, &["validate", "--online"])
        .exits(1)
        .says(&format!("sync.orders: {words}"))
        .says(&format!("syncform.yaml:{place}:"));
    project.write(&format!("{none}removed: [{{address: sync.orders}}]\n"));
    let says =
        "forgotten; the 12 events it sent stay, and one of this name that comes later begins anew";
    project.run(&world, &["plan"]).exits(0).says(says);
    project.run(&world, &["explain", "buyer-001"]).exits(1);
    project.apply(&world).exits(0);
    let list = project.run(&world, &["state", "list"]).exits(0);
    assert_eq!(list.stdout, "");
}

#[test]
fn destroying_warns_of_parked_events() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    put(&world, begin, 0, 0..12);
    parks(&project, &world);
    world.reset();
    project
        .run(&world, &["destroy", "--confirm", "cdnow"])
        .exits(0)
        .says("12 parked events go with it: whether they arrived is not decided yet")
        .says("event_stream: forgotten; it sent nothing");
    assert_eq!(world.stats().tracks(), 0);
    let list = project.run(&world, &["state", "list"]).exits(0);
    assert_eq!(list.stdout, "");
}

#[test]
fn what_logs_read_is_asked_for_before_a_plan_needs_it() {
    let (world, begin) = (world(), begin());
    let project = project(begin);
    let check = || project.run(&world, &["validate", "--online"]);
    let doctor = || project.run(&world, &["doctor"]);
    check().exits(0);
    doctor()
        .exits(0)
        .says("event export")
        .says("asked for an hour without events");
    let whole = text(begin) + "  opens: {kind: currents, from: {files: engagement}}\n";
    project.write(&whole);
    let line = whole.lines().count();
    check()
        .exits(1)
        .says("there is no such directory")
        .says(&format!("syncform.yaml:{line}:"));
    doctor()
        .exits(1)
        .says("sync.opens reads engagement")
        .says("there is no such directory");
    fs::create_dir(project.dir().join("engagement")).unwrap();
    check().exits(0);
    let said = doctor().exits(0).says("it can be listed");
    let said = said.says("event ingestion");
    assert!(said.stdout.contains("not asked: it goes by"), "{said}");
    world.faults("403:1@/api/2/export");
    check()
        .exits(1)
        .says("the Export API refuses the keys: status 403")
        .says("syncform.yaml:");
    doctor().exits(1).says("refused: status 403");
}

/// A configuration whose services are a world's, without `--sandbox`.
fn at(begin: Timestamp, world: &World) -> String {
    directly(&text(begin), world)
}

#[test]
fn what_was_read_of_the_former_project_serves_no_other() {
    let (old, new, begin) = (world(), world(), begin());
    let stop = begin + SignedDuration::from_hours(1);
    let first =
        at(begin, &old).replace("from: export,", &format!("from: export, stop_at: {stop},"));
    let project = Project::written(vec![], &first);
    put(&old, begin, 0, 0..5);
    project.call(&["apply", "--auto-approve"]).exits(0);
    project.write(&at(begin, &old));
    put(&old, begin, 2, 10..20);
    put(&new, begin, 2, 100..107);
    // It reads the hours, and nothing of them is sent.
    project.call(&["plan"]).exits(0).says("10 events");
    project.write(&at(begin, &new));
    project
        .call(&["state", "rebind", "--auto-approve"])
        .exits(0)
        .says("The cursors of logs stay too");
    project.call(&["apply", "--auto-approve"]).exits(0);
    let mut amounts: Vec<u64> = new
        .happenings()
        .iter()
        .map(|event| event["properties"]["amount"].as_u64().unwrap())
        .collect();
    amounts.sort_unstable();
    assert_eq!(amounts, (100..107).collect::<Vec<u64>>());
}

#[test]
fn parked_events_are_decided_before_a_state_is_rebound() {
    let (old, new, begin) = (world(), world(), begin());
    let project = Project::written(vec![], &at(begin, &old));
    put(&old, begin, 0, 0..12);
    old.faults(LOSE);
    project.call(&["apply", "--auto-approve"]);
    old.faults("");
    let rebind = ["state", "rebind", "--auto-approve"];
    project.call(&rebind).exits(0).says("already");
    project.write(&at(begin, &new));
    let refused = |events| {
        project
            .call(&rebind)
            .exits(1)
            .says(events)
            .says("decide them first")
    };
    refused("events of the services that it is about are parked, 12 in all");
    // What was released would leave for the new workspace.
    project
        .call(&["state", "parked", "release", "--all", "--auto-approve"])
        .exits(0);
    refused("12 in all");
    project.call(&["apply", "--auto-approve"]).exits(1);
    assert_eq!(new.stats().tracks(), 0);
    project
        .call(&["state", "parked", "drop", "--all", "--auto-approve"])
        .exits(0);
    project.call(&rebind).exits(0).says("Rebound");
    assert_eq!(new.stats().tracks(), 0);
}
