//! `verify` and `plan --refresh full`: what was changed, deleted or dropped behind our back is found exactly, by attribute and
//! count; the next plan shows it and the next apply puts it right; no reading is lost to a kill; a sample says how sure it
//! is, and is right about that.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::support::binary::Run;
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Project, Sync, array, yaml};
use crate::support::truth;
use crate::support::world::World;

const VALUES: &str = "sync.values";
const LABEL: &str = "sync.active-90d-array";

fn june() -> &'static Scenario {
    cdnow::scenario(&Ask::day(JUNE).customers(2_000))
}

/// A label and two values for Active 90d, sent without a look at what is there; nobody is created.
fn project() -> Project {
    let syncs: Vec<Sync> = vec![array("Active 90d", "act90d1")];
    let values = "  values: {kind: user_property, audience: {cohort: Active 90d}, seed: send, create_users: false, \
                  properties: [tier, {from: lifetime_orders, as: integer}]}\n";
    let text = yaml(OPEN, 75, &syncs) + values;
    Project::written(syncs, &text)
}

/// The people of the audience that Braze knows, and those it does not, in order.
fn audience(scenario: &Scenario) -> (Vec<String>, Vec<String>) {
    let known = truth::known(&scenario.files);
    let all: BTreeSet<String> = truth::user_ids(scenario.cohort("act90d1"))
        .into_iter()
        .collect();
    all.into_iter().partition(|person| known.contains(person))
}

fn reads(world: &World) -> u64 {
    let stats = world.stats();
    let reads = stats.requests.get("POST /users/export/ids");
    reads.copied().unwrap_or(0)
}

/// Runs a command some time after what was sent.
#[track_caller]
fn later(project: &Project, world: &World, minutes: u32, words: &[&str]) -> Run {
    let ahead = format!("--ahead={minutes}m");
    let run = project.run(world, &[&[ahead.as_str()], words].concat());
    assert!(!run.all().contains("cdnow-"), "it names a person: {run}");
    run
}

#[track_caller]
fn found(project: &Project, world: &World, minutes: u32, more: &[&str]) -> (Option<i32>, Value) {
    let words = [&["verify", "--format", "json"], more].concat();
    let run = later(project, world, minutes, &words);
    (run.code, run.json())
}

/// The figures of a resource that are not zero, attributes as `name: [other, none]`.
fn figures(verified: &Value, address: &str) -> BTreeMap<String, Value> {
    let resources = verified["resources"].as_array().unwrap();
    let of = resources.iter().find(|of| of["address"] == address);
    let of = of.unwrap_or_else(|| panic!("no {address} in {verified:#}"));
    let mut figures: BTreeMap<String, Value> = of
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.as_u64().is_some_and(|count| count > 0))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for attribute in of["attributes"].as_array().unwrap() {
        let name = attribute["name"].as_str().unwrap().to_owned();
        figures.insert(name, json!([attribute["other"], attribute["none"]]));
    }
    figures
}

#[track_caller]
fn assert_figures(verified: &Value, address: &str, wanted: &Value, when: &str) {
    assert_eq!(
        json!(figures(verified, address)),
        *wanted,
        "{when}, {address}: {verified:#}"
    );
}

/// Applies, and takes in half an hour later who is not there. What follows is at 60 minutes.
fn settled(project: &Project, world: &World) {
    project.apply(world).exits(0);
    let code = found(project, world, 10, &[]).0;
    assert!(code == Some(0) || code == Some(2));
    later(project, world, 30, &["apply", "--auto-approve"]).exits(0);
    world.reset();
}

#[test]
fn who_is_not_there_is_found_and_told_once() {
    let (world, project) = (World::start(&june().dir), project());
    let (known, unknown) = audience(june());
    let (there, not) = (known.len() as u64, unknown.len() as u64);
    assert!(there > 200 && not > 10, "{there} {not}");
    let nothing = project.run(&world, &["verify"]).exits(0);
    nothing.says("There is nobody to ask about.");
    project.apply(&world).exits(0);
    world.reset();

    let all = there + not;
    let (code, young) = found(&project, &world, 0, &[]);
    assert_eq!((code, reads(&world)), (Some(0), 0), "too young: {young:#}");
    assert_figures(
        &young,
        VALUES,
        &json!({"rows": all, "young": all}),
        "at once",
    );

    let (code, verified) = found(&project, &world, 10, &[]);
    assert_eq!(code, Some(2), "{verified:#}");
    assert_eq!(
        reads(&world),
        all.div_ceil(50),
        "50 a read, each person once"
    );
    let wanted = json!({"rows": all, "agree": there, "missing": not});
    assert_figures(&verified, VALUES, &wanted, "at first");
    assert_figures(&verified, LABEL, &wanted, "at first");
    assert_eq!(verified["people"], all);
    assert_eq!(
        (&verified["asked"], &verified["disagree"]),
        (&json!(all), &json!(not))
    );
    assert_eq!(verified["sample"], Value::Null);

    // Verify writes nothing; the next apply takes in what was heard.
    let state = || project.run(&world, &["state", "show"]).exits(0).stdout;
    let before = state();
    later(&project, &world, 11, &["verify"])
        .exits(2)
        .says(&format!("{not} not in Braze"))
        .says(&format!("Asked about {all} people: {not} disagree."))
        .says("Asking Braze");
    assert_eq!(state(), before, "verify changes no state");
    assert_eq!(world.stats().writes().0, 0);
    let plan = later(&project, &world, 12, &["plan", "--detailed-exitcode"]);
    plan.exits(0);
    later(&project, &world, 13, &["apply", "--auto-approve"]).exits(0);
    assert_ne!(state(), before);
    let (code, verified) = found(&project, &world, 20, &[]);
    assert_eq!(code, Some(0), "{verified:#}");
    let wanted = json!({"rows": all, "agree": there, "absent": not});
    assert_figures(&verified, VALUES, &wanted, "as recorded");
    later(&project, &world, 21, &["verify", "--only", LABEL])
        .exits(0)
        .says(&format!("Asked about {all} people: all is as recorded."));
    let typo = later(&project, &world, 21, &["verify", "--only", "sync.activ"]);
    typo.exits(1).says("`sync.activ` selects nothing");
}

/// What was done behind our back.
struct Done {
    deleted: Vec<String>,
    appeared: Vec<String>,
    /// People of whom something is to be sent again.
    again: u64,
    values: Value,
    label: Value,
}

/// Changes values, takes labels, deletes people and makes some appear.
fn meddle(world: &World) -> Done {
    let (known, unknown) = audience(june());
    let (there, not) = (known.len() as u64, unknown.len() as u64);
    for person in &known[..7] {
        world.put_user(person, &json!({"tier": "tin"}));
    }
    // Two of them are among the seven.
    for person in &known[5..10] {
        world.put_user(person, &json!({"lifetime_orders": null}));
    }
    for person in &known[20..31] {
        world.put_user(person, &json!({"amplitude_cohorts": ["Other"]}));
    }
    let deleted = known[40..44].to_vec();
    deleted.iter().for_each(|person| world.delete_user(person));
    let appeared = unknown[..3].to_vec();
    for person in &appeared {
        world.put_user(person, &json!({"shoe_size": 44}));
    }
    let values = json!({
        "rows": there + not, "agree": there - 10 - 4, "absent": not - 3, "differ": 10, "missing": 4, "gone": 4,
        "appeared": 3, "tier": [7, 0], "lifetime_orders": [0, 5],
    });
    let label = json!({
        "rows": there + not, "agree": there - 11 - 4, "absent": not - 3, "differ": 11, "missing": 4, "gone": 4,
        "appeared": 3, "amplitude_cohorts": [0, 11],
    });
    Done {
        deleted,
        appeared,
        again: 10 + 11 + 3,
        values,
        label,
    }
}

/// Fails unless everybody holds what is declared again, and nobody was created.
#[track_caller]
fn assert_right(project: &Project, world: &World, done: &Done, when: &str) {
    let (known, _) = audience(june());
    let deleted: HashSet<&String> = done.deleted.iter().collect();
    let there = || {
        let known = known.iter().filter(|person| !deleted.contains(person));
        known.chain(&done.appeared)
    };
    let labels = world.attribute("amplitude_cohorts");
    let holds = |person: &&String| {
        let labels = labels.get(*person).and_then(Value::as_array);
        labels.is_some_and(|labels| labels.contains(&json!("Active 90d")))
    };
    assert!(there().all(|person| holds(&person)), "{when}");
    assert_eq!(
        labels.len(),
        there().count(),
        "{when}: somebody was created"
    );
    let tiers = world.attribute("tier");
    let tiered: HashSet<&String> = tiers.keys().collect();
    assert!(there().all(|person| tiered.contains(person)), "{when}");
    assert!(tiers.values().all(|tier| *tier != "tin"), "{when}");
    let (code, verified) = found(project, world, 120, &[]);
    assert_eq!(code, Some(0), "{when}: {verified:#}");
}

#[test]
fn what_was_changed_behind_our_back_is_found_exactly_and_put_right() {
    let (world, project) = (World::start(&june().dir), project());
    settled(&project, &world);
    let done = meddle(&world);
    let (code, verified) = found(&project, &world, 60, &[]);
    assert_eq!(code, Some(2));
    assert_figures(&verified, VALUES, &done.values, "after meddling");
    assert_figures(&verified, LABEL, &done.label, "after meddling");
    assert_eq!(verified["disagree"], done.again + 4);
    let said = later(&project, &world, 61, &["verify"]).exits(2);
    let said = said
        .says("tier: 7 another value")
        .says("lifetime_orders: 5 not there");
    let said = said.says("amplitude_cohorts: 11 not there");
    said.says("not in Braze: 4 found there before, so deleted or merged since");

    // A plan knows it, without a question of its own.
    let asked = reads(&world);
    let words = ["plan", "--format", "json", "--detailed-exitcode"];
    let plan = later(&project, &world, 62, &words).exits(2).json();
    assert_eq!(reads(&world), asked);
    assert_eq!(plan["cost"]["data_points"], 7 + 5 + 11 + 3 * 3, "{plan:#}");
    later(&project, &world, 63, &["apply", "--auto-approve"]).exits(0);
    assert_eq!(world.stats().objects, done.again, "nobody else is sent");
    assert_right(&project, &world, &done, "after verify and apply");
}

#[test]
fn a_full_plan_reads_everybody_and_its_apply_holds_together_with_it() {
    let (world, project) = (World::start(&june().dir), project());
    settled(&project, &world);
    let done = meddle(&world);
    let (known, unknown) = audience(june());
    let everybody = (known.len() + unknown.len()) as u64;
    let quick = later(&project, &world, 60, &["plan", "--detailed-exitcode"]);
    quick.exits(0);
    let words = [
        "plan",
        "--refresh",
        "full",
        "--detailed-exitcode",
        "--out",
        "full.tar",
    ];
    let plan = later(&project, &world, 61, &words).exits(2);
    let plan = plan
        .says("Asking Braze")
        .says(&format!("{everybody} people"));
    assert!(plan.all().contains("(about 1 s)"), "{plan}");
    assert_eq!(reads(&world), everybody.div_ceil(50));
    later(&project, &world, 62, &["apply", "full.tar"]).exits(0);
    assert_eq!(
        reads(&world),
        everybody.div_ceil(50),
        "nobody is asked again"
    );
    assert_eq!(world.stats().objects, done.again, "nobody else is sent");
    assert_right(&project, &world, &done, "after a full plan and its apply");
}

#[test]
fn values_that_braze_drops_in_silence_are_found() {
    let (world, project) = (World::start(&june().dir), project());
    world.fix_attribute("tier", &json!({"data_type": "Number"}));
    project.apply(&world).exits(0);
    let (known, unknown) = audience(june());
    let (there, not) = (known.len() as u64, unknown.len() as u64);
    let (code, verified) = found(&project, &world, 10, &["--only", VALUES]);
    assert_eq!(code, Some(2));
    let wanted = json!({"rows": there + not, "differ": there, "missing": not, "tier": [0, there]});
    assert_figures(&verified, VALUES, &wanted, "dropped");
    assert_eq!(verified["resources"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_longer_declared_is_nobodys_concern() {
    let (world, project) = (World::start(&june().dir), project());
    settled(&project, &world);
    let text = std::fs::read_to_string(project.dir().join("syncform.yaml")).unwrap();
    project.write(&text.replace("tier, {from: lifetime_orders, as: integer}", "tier"));
    later(&project, &world, 40, &["apply", "--auto-approve"]).exits(0);
    let (known, _) = audience(june());
    for person in &known[..9] {
        world.put_user(person, &json!({"lifetime_orders": -1}));
    }
    world.put_user(&known[4], &json!({"tier": "tin"}));
    let (code, verified) = found(&project, &world, 60, &[]);
    assert_eq!(code, Some(2));
    let figures = figures(&verified, VALUES);
    assert_eq!(
        (&figures["differ"], &figures["tier"]),
        (&json!(1), &json!([1, 0]))
    );
    assert_eq!(figures.get("lifetime_orders"), None, "{verified:#}");
    world.reset();
    later(&project, &world, 61, &["apply", "--auto-approve"]).exits(0);
    assert_eq!((world.stats().objects, world.stats().data_points), (1, 1));
    assert_eq!(found(&project, &world, 120, &[]).0, Some(0));
}

#[test]
fn a_reading_that_was_cut_goes_on_where_it_was() {
    let scenario = cdnow::scenario(&Ask::day(JUNE));
    let world = World::with(&scenario.dir, &["--latency", "60ms"]);
    let project = project();
    project.apply(&world).exits(0);
    world.reset();
    let (known, unknown) = audience(scenario);
    let all = (known.len() + unknown.len()) as u64;
    let whole = all.div_ceil(50);
    assert!(whole > 40, "{whole}");
    let start = || project.start(&world, &["--ahead=10m", "verify"]);
    let mut running = start();
    assert!(world.wait_for("POST /users/export/ids", 9, &mut running));
    running.kill();
    let mut running = start();
    assert!(world.wait_for("POST /users/export/ids", 22, &mut running));
    running.terminate();
    let stopped = running.finish().exits(1);
    let stopped = stopped.says("people were read back; what Braze said of them is kept");
    assert!(!stopped.all().contains("cdnow-"), "{stopped}");
    let before = reads(&world);
    let (_, verified) = found(&project, &world, 10, &[]);
    assert_eq!(verified["asked"], all);
    let missing = unknown.len();
    assert_eq!(
        verified["disagree"], missing,
        "what was heard before counts"
    );
    // What was under way at each end was not heard.
    let asked = reads(&world);
    assert!(asked <= whole + 2 * 9, "{asked} reads of {whole}");
    assert!(asked - before < whole, "{before} and {asked} of {whole}");
    // A whole reading ended: the next one looks at what is there now.
    found(&project, &world, 11, &[]);
    assert_eq!(reads(&world), asked + whole);
}

#[test]
fn the_limits_of_braze_are_kept() {
    let world = World::real(&june().dir, &[]);
    let project = project();
    project.apply(&world).exits(0);
    found(&project, &world, 10, &[]);
    let stats = world.stats();
    assert!(stats.rejected.is_empty(), "{:?}", stats.rejected);
}

#[test]
fn a_key_that_may_not_read_people_is_told() {
    let (world, project) = (World::start(&june().dir), project());
    project.apply(&world).exits(0);
    world.faults("401:1@/users/export/ids");
    let refused = later(&project, &world, 10, &["verify"]).exits(1);
    refused.says("hint:").says("users.export.ids");
    let plan = later(&project, &world, 10, &["plan", "--refresh", "full"]);
    plan.exits(1).says("users.export.ids");
}

#[test]
fn nobody_is_asked_about_in_another_workspace() {
    let (world, project) = (World::start(&june().dir), project());
    project.apply(&world).exits(0);
    let path = project.state(&world).join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    // As if the key were of another workspace.
    manifest["target"]["braze_key"] = json!("of another key");
    manifest["target"]["oldest_segment"] = json!("s-0");
    std::fs::write(&path, manifest.to_string()).unwrap();
    for words in [&["verify"][..], &["plan", "--refresh", "full"]] {
        let refused = later(&project, &world, 10, words).exits(1);
        refused.says("state rebind");
    }
    assert_eq!(reads(&world), 0);
}

#[test]
fn a_sample_is_right_about_how_sure_it_is() {
    let (world, project) = (World::start(&june().dir), project());
    settled(&project, &world);
    let (known, unknown) = audience(june());
    let all = (known.len() + unknown.len()) as u64;
    // A share that is not evenly spread over the ids.
    let wrong = known.len() as u64 / 8;
    for person in &known[..wrong as usize] {
        world.put_user(person, &json!({"tier": "tin"}));
    }
    let sample = 80;
    let (mut covered, mut widest, mut sum) = (0, 0, 0);
    for seed in 0..100 {
        let seed = seed.to_string();
        let (_, verified) = found(&project, &world, 60, &["--sample", "80", "--seed", &seed]);
        assert_eq!(
            (&verified["people"], &verified["asked"]),
            (&json!(all), &json!(sample))
        );
        let figure = |name: &str| verified["sample"][name].as_u64().unwrap();
        let (least, most) = (figure("least"), figure("most"));
        covered += u64::from((least..=most).contains(&wrong));
        widest = widest.max(most - least);
        sum += verified["disagree"].as_u64().unwrap();
    }
    println!(
        "{covered} of 100 intervals hold the truth: {wrong} of {all} disagree; 100 samples of {sample} found {sum}; \
         the widest interval spans {widest}"
    );
    assert!(covered >= 92, "{covered}");
    assert!(widest < all / 4, "{widest} of {all}");
    assert_eq!(reads(&world), 100 * 2);

    let words = ["verify", "--sample", "80", "--seed", "again"];
    let said = later(&project, &world, 61, &words).exits(2);
    let said = said.says("of 80 people asked about disagree: ");
    let said = said.says(&format!("% of all {all}, 95 % sure; seed again)"));
    assert_eq!(later(&project, &world, 61, &words).stdout, said.stdout);
    // A sample of all of them is no sample any more.
    let (_, census) = found(&project, &world, 61, &["--sample", "100000"]);
    let sampled = &census["sample"];
    assert_eq!(
        (&sampled["least"], &sampled["most"]),
        (&json!(wrong), &json!(wrong))
    );
    let unheard = project.run(&world, &["verify", "--seed", "7"]);
    unheard.exits(1).says("--sample");
}

#[test]
fn few_of_many_are_asked_about_in_few_requests() {
    let scenario = cdnow::scenario(&cdnow::Ask::day(JUNE));
    let world = World::start(&scenario.dir);
    let syncs = vec![crate::support::project::flag("Lapsed", "lapsed1")];
    let project = Project::new(syncs);
    project.apply(&world).exits(0);
    world.reset();
    let (_, verified) = found(&project, &world, 60, &["--sample", "200", "--seed", "a"]);
    assert_eq!(verified["asked"], 200);
    assert!(verified["people"].as_u64() > Some(10_000), "{verified}");
    assert_eq!(reads(&world), 4, "50 a request, wherever they stand");
}
