//! First applies that read Braze first: only what differs is sent, whoever was asked for is not asked again, whoever is
//! not there is counted, and a key that may not read stops nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::identities::BY_ALIAS;
use crate::support::binary::run;
use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Plan, Project, Sync, array, flag, yaml};
use crate::support::terminal::Terminal;
use crate::support::truth;
use crate::support::world::{Stats, World};

const VALUES: &str = "sync.values";
const NAMES: [&str; 4] = [
    "tier",
    "lifetime_orders",
    "lifetime_revenue",
    "last_order_date",
];

fn on(day: &str) -> &'static Scenario {
    cdnow::scenario(&Ask::day(day).customers(2_000))
}

/// What each person of Active 90d should hold.
type People = BTreeMap<String, BTreeMap<&'static str, Value>>;

fn people(scenario: &Scenario) -> People {
    let mut rows = truth::rows(scenario.cohort("act90d1")).into_iter();
    let head = rows.next().unwrap();
    let at = |name: &str| head.iter().position(|column| column == name).unwrap();
    let typed = |name: &'static str, cell: &str| match name {
        "tier" => json!(cell),
        "lifetime_orders" => json!(cell.parse::<i64>().unwrap()),
        "lifetime_revenue" => json!(cell.parse::<f64>().unwrap()),
        _ => json!(format!("{cell}T00:00:00Z")),
    };
    rows.map(|row| {
        let values = NAMES.map(|name| (name, typed(name, &row[at(name)])));
        (row[at("user_id")].clone(), values.into())
    })
    .collect()
}

fn text(top: &str, more: &str, objects: usize) -> String {
    let properties = "[tier, {from: lifetime_orders, as: integer}, {from: lifetime_revenue, as: number}, \
                      {from: last_order_date, as: time}]";
    let syncs = format!(
        "  values: {{kind: user_property, audience: {{cohort: Active 90d}}, properties: {properties}{more}}}\n"
    );
    yaml(top, objects, &[]) + &syncs
}

fn project(top: &str, more: &str) -> Project {
    Project::written(vec![], &text(top, more, 75))
}

fn reads(stats: &Stats) -> u64 {
    stats.reads()
}

/// Who holds what before: of three people Braze knows, two hold all of it, each in Braze's own words, and half of the
/// others hold one value. Returns how many values are left to be sent.
fn hold(world: &World, scenario: &Scenario) -> (u64, u64) {
    let known = truth::known(&scenario.files);
    let (mut whole, mut left) = (0, 0);
    let wanted = people(scenario);
    for (number, (person, values)) in wanted.iter().enumerate() {
        left += 4;
        if !known.contains(person) {
            continue;
        }
        if number % 3 < 2 {
            whole += 1;
            left -= 4;
            let day = values["last_order_date"].as_str().unwrap();
            let day = day.replace('Z', ".000Z");
            let orders = values["lifetime_orders"].as_f64().unwrap();
            let mut there = json!(values);
            there["last_order_date"] = json!(day);
            there["lifetime_orders"] = json!(orders);
            world.put_user(person, &there);
        } else if number % 2 == 0 {
            left -= 1;
            world.put_user(
                person,
                &json!({"tier": values["tier"], "lifetime_orders": -1}),
            );
        }
    }
    (whole, left)
}

#[track_caller]
fn assert_holds(world: &World, scenario: &Scenario, created: bool, when: &str) {
    let known = truth::known(&scenario.files);
    let wanted = people(scenario);
    for name in NAMES {
        let found = world.attribute(name);
        for (person, values) in &wanted {
            let mut found = found.get(person).cloned().unwrap_or_default();
            if let Some(text) = found.as_str() {
                found = json!(text.replace(".000Z", "Z"));
            }
            let same = match (found.as_f64(), values[name].as_f64()) {
                (Some(found), Some(wanted)) => (found - wanted).abs() < 1e-9,
                _ => found == values[name],
            };
            if created || known.contains(person) {
                assert!(same, "{when}: {name} of {person} is {found}");
            } else {
                assert!(found.is_null(), "{when}: {person} was created");
            }
        }
    }
}

#[track_caller]
fn assert_settled(project: &Project, world: &World, when: &str) {
    let before = (reads(&world.stats()), world.stats().writes());
    let plan = project.plan(world);
    assert_eq!(plan.code, 0, "{when}: {:#}", plan.json);
    assert_eq!(
        (reads(&world.stats()), world.stats().writes()),
        before,
        "{when}"
    );
}

#[test]
fn a_first_apply_sends_only_what_differs() {
    let world = World::start(&on(JUNE).dir);
    let (whole, left) = hold(&world, on(JUNE));
    let wanted = people(on(JUNE)).len() as u64;
    let unknown = {
        let known = truth::known(&on(JUNE).files);
        people(on(JUNE))
            .keys()
            .filter(|person| !known.contains(*person))
            .count() as u64
    };
    assert!(whole > 50 && unknown > 5, "{whole} {unknown} of {wanted}");
    world.reset();
    let project = project(OPEN, "");
    let plan = project.plan(&world);
    assert_eq!(plan.code, 2);
    let asked = wanted.div_ceil(50);
    assert_eq!(reads(&world.stats()), asked, "50 a read");
    let figures = [
        "adopted",
        "asked",
        "unknown",
        "unasked",
        "may_create",
        "confirmed",
    ];
    let delta = |figure| plan.delta(VALUES, figure);
    let partly = delta("confirmed") - whole;
    assert_eq!(
        figures.map(delta),
        [whole, wanted, unknown, 0, 0, whole + partly]
    );
    assert_eq!(
        (delta("add"), delta("change")),
        (wanted - whole - partly, partly)
    );
    let cost = &plan.json["cost"];
    assert_eq!(cost["data_points"], left);
    assert_eq!(cost["full_push_data_points"], wanted * 4);
    assert_eq!(cost["new_users"], unknown);
    assert_eq!(plan.resource(VALUES)["cost"]["new_users"], unknown);
    let said = project.run(&world, &["plan"]).exits(0);
    let said = said
        .says(&format!("{whole} already as they should be"))
        .says(&format!("{unknown} not in Braze, to be created"))
        .says("or found there");
    assert!(!said.all().contains("cdnow-"), "{said}");

    project.apply(&world).exits(0);
    let stats = world.stats();
    assert_eq!(reads(&stats), asked, "the apply after a plan asks nobody");
    assert_eq!(stats.data_points, left, "only the rest is sent");
    assert_eq!(stats.objects, wanted - whole);
    assert_holds(&world, on(JUNE), true, "after the first apply");
    assert_settled(&project, &world, "after the first apply");

    // What was found is Syncform's from now on.
    world.load(&on(JULY).dir);
    project.apply(&world).exits(0);
    assert_eq!(reads(&world.stats()), asked, "a later apply asks nobody");
    assert_holds(&world, on(JULY), true, "in July");
    assert_settled(&project, &world, "in July");
}

#[test]
fn where_everything_is_there_nothing_is_sent() {
    let world = World::start(&on(JUNE).dir);
    for (person, values) in people(on(JUNE)) {
        world.put_user(&person, &json!(values));
    }
    world.reset();
    let project = project(OPEN, "");
    project.apply(&world).exits(0);
    assert_eq!(world.stats().tracks(), 0);
    assert_settled(&project, &world, "after an apply without a request");
    let wanted = people(on(JUNE)).len() as u64;
    let plan = project.plan(&world);
    assert_eq!(
        plan.delta(VALUES, "confirmed"),
        wanted,
        "they are in the ledger"
    );

    // Whoever leaves loses what was found there.
    project.write(&text(OPEN, ", on_leave: clear", 75));
    world.load(&on(JULY).dir);
    project.apply(&world).exits(0);
    let stay: BTreeSet<String> = people(on(JULY)).into_keys().collect();
    let held: BTreeSet<String> = world.attribute("tier").into_keys().collect();
    assert_eq!(held, stay);
}

#[test]
fn nobody_is_asked_where_nothing_is_to_be_read() {
    let world = World::start(&on(JUNE).dir);
    hold(&world, on(JUNE));
    world.reset();
    let project = project(OPEN, ", seed: send");
    let wanted = people(on(JUNE)).len() as u64;
    let plan = project.plan(&world);
    assert_eq!(plan.json["cost"]["data_points"], wanted * 4);
    assert_eq!(plan.delta(VALUES, "may_create"), wanted);
    assert_eq!(
        plan.delta(VALUES, "asked") + plan.delta(VALUES, "unasked"),
        0
    );
    project.apply(&world).exits(0);
    assert_eq!(reads(&world.stats()), 0);
    assert_eq!(world.stats().data_points, wanted * 4);
    assert_settled(&project, &world, "after sending all");
}

#[test]
fn a_plan_of_nothing_live_uses_what_was_read() {
    let world = World::start(&on(JUNE).dir);
    let (_, left) = hold(&world, on(JUNE));
    let project = project(OPEN, "");
    let none = ["plan", "--format", "json", "--refresh", "none"];
    project
        .run(&world, &["plan", "--refresh", "quick"])
        .exits(0);
    world.reset();
    let plan = project.run(&world, &none).exits(0).json();
    assert_eq!(plan["cost"]["data_points"], left);
    assert!(world.stats().requests.is_empty(), "{:?}", world.stats());
}

#[test]
fn a_saved_plan_of_a_first_apply_means_the_same_later() {
    for forgotten in [false, true] {
        let world = World::start(&on(JUNE).dir);
        let (_, left) = hold(&world, on(JUNE));
        world.reset();
        let project = project(OPEN, "");
        project.run(&world, &["plan", "--out", "plan.tar"]).exits(0);
        let asked = reads(&world.stats());
        if forgotten {
            std::fs::remove_dir_all(project.state(&world).join("cache")).unwrap();
        }
        project.run(&world, &["apply", "plan.tar"]).exits(0);
        let times = if forgotten { 2 } else { 1 };
        assert_eq!(reads(&world.stats()), asked * times);
        assert_eq!(world.stats().data_points, left);
        assert_settled(&project, &world, "as it was saved");
    }
    // What Braze holds by then is not what the plan was about.
    let world = World::start(&on(JUNE).dir);
    let project = project(OPEN, "");
    project.run(&world, &["plan", "--out", "plan.tar"]).exits(0);
    std::fs::remove_dir_all(project.state(&world).join("cache")).unwrap();
    hold(&world, on(JUNE));
    project
        .run(&world, &["apply", "plan.tar"])
        .exits(5)
        .says("stale");
    assert_eq!(world.stats().tracks(), 0);
}

#[test]
fn killed_while_people_are_read() {
    let world = World::with(&on(JUNE).dir, &["--latency", "150ms"]);
    let (whole, left) = hold(&world, on(JUNE));
    world.reset();
    let wanted = people(on(JUNE)).len() as u64;
    let project = project(OPEN, "");
    let mut running = project.start_apply(&world);
    assert!(
        world.wait_for("POST /users/export/ids", 3, &mut running),
        "it ended before"
    );
    running.kill();
    project.run(&world, &["plan"]).exits(0);
    let asked = reads(&world.stats());
    // Those under way when it was killed were not heard.
    assert!(
        asked <= wanted.div_ceil(50) + 9,
        "{asked} reads of {wanted}"
    );
    project.apply(&world).exits(0);
    let stats = world.stats();
    assert_eq!(reads(&stats), asked, "nobody is asked again");
    assert_eq!((stats.data_points, stats.objects), (left, wanted - whole));
    assert_holds(&world, on(JUNE), true, "after a kill");
    assert_settled(&project, &world, "after a kill");
}

#[test]
fn asked_to_stop_while_people_are_read() {
    let world = World::with(&on(JUNE).dir, &["--latency", "300ms"]);
    let project = project(OPEN, "");
    let mut running = project.start_apply(&world);
    assert!(
        world.wait_for("POST /users/export/ids", 2, &mut running),
        "it ended before"
    );
    running.terminate();
    running.finish().exits(1).says("asked to stop");
    assert_eq!(world.stats().sends(), 0);
    project.apply(&world).exits(0);
    assert_holds(&world, on(JUNE), true, "after a signal");
}

#[test]
fn killed_while_the_rest_is_sent() {
    let world = World::with(&on(JUNE).dir, &["--latency", "40ms"]);
    let (whole, _) = hold(&world, on(JUNE));
    world.reset();
    let wanted = people(on(JUNE)).len() as u64;
    let project = Project::written(vec![], &text(OPEN, "", 5));
    let mut running = project.start_apply(&world);
    assert!(world.wait_for_tracks(4, &mut running), "it ended before");
    running.kill();
    let plan = project.plan(&world);
    let recorded = plan.delta(VALUES, "before") + plan.delta(VALUES, "doubt");
    assert!(
        recorded > whole,
        "what was found is recorded, with what was sent"
    );
    assert_eq!(
        plan.delta(VALUES, "asked"),
        0,
        "it is no first apply any more"
    );
    let rest = plan.delta(VALUES, "add") + plan.delta(VALUES, "change");
    assert!(rest <= wanted - whole, "{rest}");
    project.apply(&world).exits(0);
    assert_holds(&world, on(JUNE), true, "after a kill");
    assert_settled(&project, &world, "after a kill");
}

#[test]
fn what_was_found_stays_where_the_rest_fails() {
    let world = World::start(&on(JUNE).dir);
    let (whole, _) = hold(&world, on(JUNE));
    let project = project(OPEN, ", guards: {max_refused: none}");
    let plan = project.plan(&world);
    let partly = plan.delta(VALUES, "change");
    // Nothing gets through.
    world.faults("500:1@/users/track");
    let refused = project.apply(&world);
    assert!([1, 6].contains(&refused.code.unwrap()), "{refused}");
    world.faults("");
    let plan = project.plan(&world);
    let held = plan.delta(VALUES, "before") + plan.delta(VALUES, "doubt");
    assert!(held >= whole + partly, "{:#}", plan.json);
    project.apply(&world).exits(0);
    assert_holds(&world, on(JUNE), true, "after a failure");
    assert_settled(&project, &world, "after a failure");
}

#[test]
fn what_was_found_stays_where_the_rest_is_refused() {
    let world = World::start(&on(JUNE).dir);
    let ids = (0..60).map(|number| match number % 20 {
        7 => format!("p-{number:02}-blacklisted"),
        _ => format!("p-{number:02}-welcome"),
    });
    let ids: Vec<String> = ids.collect();
    let rows = ids
        .iter()
        .zip(500_000..)
        .map(|(id, of)| format!("\"{of}\",\"{id}\"\n"));
    let file = "\"amplitude_id\",\"user_id\"\n".to_owned() + &rows.collect::<String>();
    world.put_members("bigspnd", &file);
    let welcome = || ids.iter().filter(|id| id.ends_with("welcome"));
    for person in welcome() {
        world.put_user(person, &json!({"is_big_spenders": true}));
    }
    for person in ids.iter().filter(|id| id.ends_with("blacklisted")) {
        world.put_user(person, &json!({"is_big_spenders": false}));
    }
    world.reset();
    let syncs = vec![flag("Big spenders", "bigspnd").with("seed: read")];
    let guards = "guards: {max_refused: none}";
    let project = Project::written(syncs.clone(), &yaml(guards, 75, &syncs));
    project.apply(&world).exits(6).says("refused");
    let plan = project.plan(&world);
    assert_eq!(figures(&plan, "sync.big-spenders-flag"), [57, 0, 0, 0, 0]);
    assert_eq!(plan.delta("sync.big-spenders-flag", "set_aside"), 3);
    assert_eq!(plan.delta("sync.big-spenders-flag", "confirmed"), 57);
    // They are Syncform's to take out.
    world.put_members(
        "bigspnd",
        "\"amplitude_id\",\"user_id\"\n\"1\",\"p-00-welcome\"\n",
    );
    let open = "guards: {max_refused: none, max_removals: none, max_shrink: none}";
    project.write(&yaml(open, 75, &syncs));
    project.apply(&world).exits(0);
    let held = world.attribute("is_big_spenders");
    let held: Vec<&String> = held
        .iter()
        .filter(|(_, is)| **is == true)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(held, ["p-00-welcome"]);
}

#[test]
fn each_person_is_asked_for_and_counted_once_however_many_syncs_want_them() {
    let world = World::start(&on(JUNE).dir);
    let wanted = people(on(JUNE));
    let known = truth::known(&on(JUNE).files);
    let unknown = wanted
        .keys()
        .filter(|person| !known.contains(*person))
        .count();
    let sync = |name: &str, property: &str| {
        format!(
            "  {name}: {{kind: user_property, audience: {{cohort: Active 90d}}, properties: [{property}]}}\n"
        )
    };
    let text = yaml(OPEN, 75, &[]) + &sync("a", "tier") + &sync("b", "lifetime_orders");
    let project = Project::written(vec![], &text);
    let plan = project.plan(&world);
    let asked = wanted.len().div_ceil(50) as u64;
    assert_eq!(reads(&world.stats()), asked);
    assert_eq!(plan.json["cost"]["new_users"], unknown);
    for address in ["sync.a", "sync.b"] {
        assert_eq!(plan.resource(address)["cost"]["new_users"], unknown);
    }
    // What was read serves whichever is selected.
    project.run(&world, &["plan", "--only", "sync.a"]).exits(0);
    project
        .run(&world, &["apply", "--auto-approve", "--only", "sync.b"])
        .exits(0);
    assert_eq!(reads(&world.stats()), asked);
    // What was sent since makes answers old.
    let plan = project.plan(&world);
    assert_eq!(reads(&world.stats()), 2 * asked);
    assert_eq!(plan.delta("sync.a", "unknown"), 0, "they were created");
    project.apply(&world).exits(0);
    assert_settled(&project, &world, "both");
}

#[test]
fn a_key_that_may_not_read_people_stops_nothing() {
    let world = World::start(&on(JUNE).dir);
    hold(&world, on(JUNE));
    world.reset();
    let project = project(OPEN, "");
    let with_key = |words: &[&str]| {
        let mut command = project.command(Some(&world), words);
        command.env("BRAZE_API_KEY", "key-no-users.export.ids");
        run(command)
    };
    let wanted = people(on(JUNE)).len() as u64;
    let said = with_key(&["plan"])
        .exits(0)
        .says("warning: what Braze holds cannot be read");
    let said = said.says("users.export.ids").says("nobody was asked");
    assert!(!said.all().contains("cdnow-"), "{said}");
    with_key(&["apply", "--auto-approve"]).exits(0);
    assert_eq!(world.stats().data_points, wanted * 4);
    assert_holds(&world, on(JUNE), true, "without reading");
}

#[test]
#[ignore = "twelve minutes at the slowest pace; by hand"]
fn no_more_people_are_read_than_ten_minutes_allow() {
    let scenario = cdnow::scenario(&Ask::day(JUNE));
    let world = World::start(&scenario.dir);
    let slow = text(OPEN, "", 75).replace("instance: US-01", "instance: US-01, use_at_most: 1%");
    let project = Project::written(vec![], &slow);
    let words = ["plan", "--format", "json", "--detailed-exitcode"];
    let mut run = project.start(&world, &words);
    assert!(run.ends_within(Duration::from_mins(20)), "it hangs");
    let run = run.finish().exits(2);
    let (code, json) = (2, run.json());
    let plan = Plan { code, json };
    let wanted = people(scenario).len() as u64;
    assert_eq!(reads(&world.stats()), 25);
    assert_eq!(plan.delta(VALUES, "asked"), 1_250);
    assert_eq!(plan.delta(VALUES, "unasked"), wanted - 1_250);
    assert_eq!(plan.delta(VALUES, "may_create"), wanted - 1_250);
}

#[test]
fn so_many_new_people_are_refused() {
    let world = World::start(&on(JUNE).dir);
    let known = truth::known(&on(JUNE).files);
    let wanted = people(on(JUNE));
    let unknown = wanted
        .keys()
        .filter(|person| !known.contains(*person))
        .count();
    let least = format!("guards: {{max_new_users: {}}}", unknown - 1);
    let project = project(&least, "");
    let plan = project.plan(&world);
    assert_eq!(plan.code, 3);
    assert!(!plan.passes(VALUES, "max_new_users"));
    let said = project.run(&world, &["plan"]).exits(3);
    let words = format!("{unknown} of {} people would be created", wanted.len());
    let said = said.says(&words);
    let paste = format!("guards: {{max_new_users: {unknown}}}");
    let said = said.says(&paste).says("the whole apply");
    assert!(!said.all().contains("cdnow-"), "{said}");
    project.apply(&world).exits(3);
    assert_eq!(world.stats().tracks(), 0);

    // Of the sync itself, and in shares.
    let own = |limit: &str| text("", &format!(", guards: {{max_new_users: {limit}}}"), 75);
    for (limit, code) in [("3", 3), ("1%", 3), ("50%", 2), ("100%", 2), ("none", 2)] {
        project.write(&own(limit));
        assert_eq!(project.plan(&world).code, code, "{limit}");
    }
    project.write(&text(&paste, "", 75));
    project.apply(&world).exits(0);
    assert_holds(&world, on(JUNE), true, "with so many new people");
    assert_settled(&project, &world, "with so many new people");
}

#[test]
fn people_unknown_to_braze_are_told() {
    let world = World::start(&on(JUNE).dir);
    let project = project("guards: {max_new_users: 0}", ", create_users: false");
    let known = truth::known(&on(JUNE).files);
    let wanted = people(on(JUNE));
    let unknown = wanted
        .keys()
        .filter(|person| !known.contains(*person))
        .count();
    let words = format!("{unknown} not in Braze, sent once they have appeared");
    project.run(&world, &["plan"]).exits(0).says(&words);
    world.reset();
    project.apply(&world).exits(0);
    let sent = (wanted.len() - unknown) as u64;
    assert_eq!(world.stats().objects, sent, "nobody who is not there");
    assert_holds(&world, on(JUNE), false, "nobody new");
    assert_settled(&project, &world, "nobody new");
}

#[test]
fn people_are_found_by_their_aliases() {
    let world = World::start(&on(JUNE).dir);
    let sync = || flag("Active 90d", "act90d1").with(&format!("{BY_ALIAS}, seed: read"));
    let project = Project::written(vec![sync()], &yaml(OPEN, 75, &[sync()]));
    let known = truth::known(&on(JUNE).files);
    let number = |person: &String| person.trim_start_matches("cdnow-").parse::<u64>().unwrap();
    let all = people(on(JUNE)).into_keys();
    let (aliased, none): (Vec<String>, Vec<String>) =
        all.partition(|person| number(person) % 5 == 0 && known.contains(person));
    for person in &aliased[..aliased.len() / 2] {
        world.put_user(person, &json!({"is_active_90d": true}));
    }
    world.reset();
    let plan = project.plan(&world);
    let (held, add) = (
        (aliased.len() / 2) as u64,
        (aliased.len() + none.len()) as u64,
    );
    let found = figures(&plan, "sync.active-90d-flag");
    let nobody = none.len() as u64;
    assert_eq!(found, [held + nobody, add - held - nobody, 0, held, nobody]);
    assert_eq!(plan.delta("sync.active-90d-flag", "absent"), nobody);
    project.apply(&world).exits(0);
    for person in &aliased {
        let profile = world.profile(person);
        assert_eq!(profile["custom_attributes"]["is_active_90d"], true);
    }
    project.assert_settled(&world, "by alias");
}

#[test]
fn a_bar_moves_while_people_are_read() {
    let world = World::with(&on(JUNE).dir, &["--latency", "500ms"]);
    let project = project(OPEN, "");
    let mut command = project.command(Some(&world), &["plan"]);
    command.env("TERM", "xterm-256color");
    let terminal = Terminal::start(command, 100);
    terminal.wait_for("] Braze what it holds: 0/413");
    terminal.wait_for("/413, ");
    let screen = terminal.finish();
    assert_eq!(screen.code, Some(0), "{screen:#?}");
    let left = screen.lines.iter().any(|line| line.contains("Asking"));
    assert!(!left, "{screen:#?}");
}

/// A label and a flag of people of whom some have both.
fn memberships() -> Vec<Sync> {
    [
        array("Big spenders", "bigspnd"),
        flag("Big spenders", "bigspnd"),
    ]
    .map(|sync| sync.with("seed: read"))
    .into()
}

#[track_caller]
fn figures(plan: &Plan, address: &str) -> [u64; 5] {
    ["before", "add", "change", "adopted", "unknown"].map(|figure| plan.delta(address, figure))
}

#[test]
fn members_who_are_there_already_are_not_sent() {
    let world = World::start(&on(JUNE).dir);
    let known = truth::known(&on(JUNE).files);
    let all: BTreeSet<String> = truth::user_ids(on(JUNE).cohort("bigspnd"))
        .into_iter()
        .collect();
    let of_braze: Vec<&String> = all
        .iter()
        .filter(|person| known.contains(*person))
        .collect();
    let (mut labelled, mut flagged) = (0, 0);
    for (number, person) in of_braze.iter().enumerate() {
        let (label, is) = (number % 2 == 0, number % 3 == 0);
        labelled += u64::from(label);
        flagged += u64::from(is);
        let labels = if label {
            json!(["Other", "Big spenders"])
        } else {
            json!(["big spenders"])
        };
        world.put_user(
            person,
            &json!({"amplitude_cohorts": labels, "is_big_spenders": is}),
        );
    }
    world.reset();
    let project = Project::written(memberships(), &yaml(OPEN, 75, &memberships()));
    let plan = project.plan(&world);
    let (people, unknown) = (all.len() as u64, (all.len() - of_braze.len()) as u64);
    assert_eq!(reads(&world.stats()), people.div_ceil(50), "once for both");
    let label = figures(&plan, "sync.big-spenders-array");
    let of = |held: u64| [held + unknown, people - held - unknown, 0, held, unknown];
    assert_eq!(label, of(labelled));
    let is = figures(&plan, "sync.big-spenders-flag");
    assert_eq!(is, of(flagged));
    project.apply(&world).exits(0);
    assert_eq!(reads(&world.stats()), people.div_ceil(50));
    assert_eq!(
        world.stats().data_points,
        2 * of_braze.len() as u64 - labelled - flagged
    );
    for person in &of_braze {
        let profile = world.profile(person);
        let attributes = &profile["custom_attributes"];
        assert_eq!(attributes["is_big_spenders"], true);
        let labels = attributes["amplitude_cohorts"].as_array().unwrap();
        assert!(labels.contains(&json!("Big spenders")), "{labels:?}");
    }
    project.assert_settled(&world, "members");
}
