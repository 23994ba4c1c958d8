//! Values of the User Profile API, one person a request: whom a run asks, whom it never asks twice, and what it says of
//! people who were not asked yet. The client paces itself to ten a second, so the audiences here are small.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::binary::Run;
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::{OPEN, Plan, Project, yaml};
use crate::support::values::{
    Held, Table, after, assert_held, csv, found, hurried, number, people, wanted,
};
use crate::support::world::World;

/// Answers that may be on their way when a run is killed: so many are asked side by side, and no more.
const IN_FLIGHT: u64 = 16;

const WORTH: &str = "  worth: {kind: computation, audience: {cohort: Active 90d}, seed: send, computations: [{id: comp_ltv, to: worth, as: number}]}\n";

fn text(syncs: &str) -> String {
    hurried(&yaml(OPEN, 75, &[])) + syncs
}

/// A shop whose audience are these people, whom Amplitude knows or does not.
struct Shop {
    scenario: &'static Scenario,
    world: World,
    audience: Vec<String>,
}

impl Shop {
    /// The first so many customers.
    fn of(count: usize) -> Self {
        let scenario = cdnow::scenario(&Ask::day(JUNE).customers(300));
        let known = people(&scenario.files).into_keys();
        Self::with(scenario, World::start(&scenario.dir), known.take(count))
    }

    fn with(
        scenario: &'static Scenario,
        world: World,
        audience: impl Iterator<Item = String>,
    ) -> Self {
        let audience = audience.collect();
        let shop = Self {
            scenario,
            world,
            audience,
        };
        shop.computes("act90d1", &shop.audience);
        shop
    }

    /// Amplitude computes a cohort: these are in it now.
    fn computes(&self, cohort: &str, people: &[String]) {
        let row = |(at, person): (usize, &String)| {
            let cells = [
                ("amplitude_id", (at + 1).to_string()),
                ("user_id", person.clone()),
            ];
            let row = cells.map(|(name, cell)| (name.to_owned(), cell)).into();
            (person.clone(), row)
        };
        let table: Table = people.iter().enumerate().map(row).collect();
        self.world
            .put_members(cohort, &csv(&table, &["amplitude_id", "user_id"]));
    }

    /// What each of the audience is worth, as far as Amplitude knows them.
    fn worth(&self) -> Held {
        let mut known: BTreeMap<String, Value> = people(&self.scenario.files);
        known.retain(|person, _| self.audience.contains(person));
        let worth = |person: &Value| person["computations"]["comp_ltv"].as_str().map(number);
        after(&Held::new(), &[wanted("worth", &known, worth)])
    }

    #[track_caller]
    fn assert_exact(&self, when: &str) {
        assert_held(&found(&self.world, &["worth"]), &self.worth(), when);
    }

    /// Starts a command and kills it once so many profiles were asked for.
    #[track_caller]
    fn kill(&self, project: &Project, words: &[&str], profiles: u64) {
        let mut run = project.start(&self.world, words);
        assert!(
            self.world.wait_for_profiles(profiles, &mut run),
            "it ended before"
        );
        run.kill();
    }

    fn asked(&self) -> u64 {
        self.world.stats().profile_reads()
    }

    #[track_caller]
    fn plan(&self, project: &Project, words: &[&str]) -> Plan {
        let words = [&["plan", "--format", "json"], words].concat();
        let run = project.run(&self.world, &words).exits(0);
        Plan {
            code: 0,
            json: run.json(),
        }
    }
}

/// Nobody of the audience is named.
#[track_caller]
fn assert_no_id(run: &Run) {
    assert!(!run.all().contains("cdnow-0"), "somebody is named: {run}");
}

#[test]
fn a_kill_loses_no_answer_and_what_is_known_is_an_estimate_of_the_rest() {
    let shop = Shop::of(40);
    let project = Project::written(vec![], &text(WORTH));
    shop.kill(&project, &["apply", "--auto-approve"], 12);
    let before = shop.asked();
    assert_eq!(
        shop.world.stats().tracks(),
        0,
        "it wrote before all was read"
    );

    // What was read stands for all, and nobody is asked for that.
    let plan = shop.plan(&project, &["--refresh", "none"]);
    assert_eq!(plan.resource("sync.worth")["delta"]["estimated"], true);
    let unread = plan.delta("sync.worth", "unread");
    assert!(
        (40 - before..40).contains(&unread),
        "{unread} of 40 unread, {before} asked"
    );
    assert_eq!(plan.delta("sync.worth", "people"), 40);
    assert_eq!(
        plan.delta("sync.worth", "add"),
        40,
        "all who were read have a value"
    );
    assert_eq!(plan.json["cost"]["profiles_left"], unread);
    let drawn = project
        .run(&shop.world, &["plan", "--refresh", "none"])
        .exits(0);
    assert!(drawn.all().contains("an estimate from"), "{drawn}");
    assert_no_id(&drawn);
    let saved = ["plan", "--refresh", "none", "--out", "plan.tar"];
    let refused = project.run(&shop.world, &saved).exits(1);
    let refused = refused.says("is an estimate").says("--read-profiles");
    assert!(!project.dir().join("plan.tar").exists(), "{refused}");
    assert_eq!(shop.asked(), before);

    project.apply(&shop.world).exits(0);
    shop.assert_exact("after a kill");
    let asked = shop.asked();
    println!("{asked} requests for 40 people, killed once after {before}");
    assert!((40..=40 + IN_FLIGHT).contains(&asked), "{asked} requests");
    assert!(
        asked - 40 <= before - (40 - unread),
        "somebody was asked whose answer was kept"
    );
    project.assert_settled(&shop.world, "after a kill");
    assert_eq!(shop.asked(), asked);
}

#[test]
fn who_is_not_in_amplitude_is_counted_and_has_no_value() {
    let mut shop = Shop::of(6);
    shop.audience
        .extend(["cdnow-0-one".to_owned(), "cdnow-0-two".to_owned()]);
    shop.computes("act90d1", &shop.audience);
    let project = Project::written(vec![], &text(WORTH));
    let plan = shop.plan(&project, &[]);
    let delta = &plan.resource("sync.worth")["delta"];
    assert_eq!(delta["skipped"], json!({"not_in_amplitude": 2}));
    assert_eq!((&delta["people"], &delta["add"]), (&json!(8), &json!(6)));
    assert_eq!(
        (&delta["estimated"], &delta["unread"]),
        (&json!(false), &json!(0))
    );
    let run = project.apply(&shop.world).exits(0);
    assert_no_id(&run);
    assert_eq!(shop.worth().len(), 6);
    shop.assert_exact("with two whom Amplitude does not know");
    assert_eq!(shop.asked(), 8, "who is unknown is asked once too");
    project.assert_settled(&shop.world, "with two whom Amplitude does not know");
}

#[test]
fn a_saved_plan_is_applied_as_long_as_the_values_are_those_that_were_seen() {
    let shop = Shop::of(5);
    let project = Project::written(vec![], &text(WORTH));
    let save = |name: &str| project.run(&shop.world, &["plan", "--out", name]).exits(0);
    assert_no_id(&save("first.tar"));
    // Recomputed, with one other value: that is not what was seen.
    let first = &shop.audience[0];
    let mut person = shop.world.person(first);
    let worth = person["computations"]["comp_ltv"].take();
    person["computations"]["comp_ltv"] = json!("0.25");
    shop.world.put_person(first, &person);
    shop.computes("act90d1", &shop.audience);
    let stale = project.run(&shop.world, &["apply", "first.tar"]).exits(5);
    assert_no_id(&stale);
    assert_eq!(shop.world.stats().tracks(), 0);
    // And back: it is again, though everybody was asked anew.
    person["computations"]["comp_ltv"] = worth;
    shop.world.put_person(first, &person);
    shop.computes("act90d1", &shop.audience);
    project.run(&shop.world, &["apply", "first.tar"]).exits(0);
    shop.assert_exact("after a saved plan");
    assert_eq!(shop.asked(), 15);
    project.assert_settled(&shop.world, "after a saved plan");
}

#[test]
fn profiles_that_are_refused_are_an_error_with_a_hint_and_without_an_id() {
    let shop = Shop::of(4);
    let tier = "  tier: {kind: cohort, cohort: Active 90d, to: {attribute_flag: active}}\n";
    let project = Project::written(vec![], &text(&format!("{WORTH}{tier}")));
    shop.world.faults("401:1@/v1/userprofile");
    for words in [&["plan"][..], &["apply", "--auto-approve"]] {
        let run = project.run(&shop.world, words).exits(1);
        let run = run
            .says("the profiles of \"Active 90d\" could not be read")
            .says("hint:");
        assert_no_id(&run);
    }
    assert_eq!(shop.world.stats().tracks(), 0);
    // The key itself is refused for all that Amplitude tells.
    shop.world.faults("");
    let mut command = project.command(Some(&shop.world), &["plan"]);
    command.env("AMPLITUDE_SECRET_KEY", "bad-secret");
    let run = crate::support::binary::run(command).exits(1).says("hint:");
    assert!(!run.all().contains("bad-secret"), "{run}");
    assert_no_id(&run);
    project.apply(&shop.world).exits(0);
    shop.assert_exact("once it is answered");
}

#[test]
fn what_has_no_name_is_a_question_of_its_own() {
    let shop = Shop::of(5);
    for person in &shop.audience {
        let mut profile = shop.world.person(person);
        let value = profile["computations"]["comp_cds"].take();
        profile["computations"]["comp_cds"] = json!({"name": "CDs bought", "value": value});
        shop.world.put_person(person, &profile);
    }
    let bought = "  bought: {kind: computation, audience: {cohort: Active 90d}, seed: send, \
                  computations: [{id: comp_cds, name: CDs bought, to: bought, as: integer}]}\n";
    let project = Project::written(vec![], &text(&format!("{WORTH}{bought}")));
    project.apply(&shop.world).exits(0);
    assert_eq!(shop.asked(), 10, "two questions a person");
    assert_eq!(shop.world.stats().objects, 5, "and one object");
    shop.assert_exact("beside one that has a name");
    let known = people(&shop.scenario.files);
    for (person, value) in shop.world.attribute("bought") {
        let wanted = known[&person]["computations"]["comp_cds"].as_str().unwrap();
        assert_eq!(value, number(wanted));
    }
    assert_eq!(shop.world.attribute("bought").len(), 5);
    project.assert_settled(&shop.world, "with two questions");
}

#[test]
fn an_audience_is_asked_anew_once_it_was_recomputed_and_by_whom_it_is_wanted() {
    let shop = Shop::of(8);
    let left_out = &shop.audience[..3];
    shop.computes("lapsed1", left_out);
    let some = WORTH.replace("seed: send,", "seed: send, exclude: [{cohort: Lapsed}],");
    let project = Project::written(vec![], &text(&some));
    project.apply(&shop.world).exits(0);
    assert_eq!(shop.asked(), 5, "who is excluded is not asked");
    // Another sync wants them: only they are asked.
    let other = WORTH.replace("worth", "value");
    project.write(&text(&format!("{some}{other}")));
    project.apply(&shop.world).exits(0);
    assert_eq!(shop.asked(), 8);
    project.assert_settled(&shop.world, "of an audience that was not recomputed");
    shop.computes("lapsed1", left_out);
    project.apply(&shop.world).exits(0);
    assert_eq!(shop.asked(), 8, "another cohort was recomputed");
    // Recomputed, with one value that changed; the rest is equal, and not sent.
    let mut person = shop.world.person(&shop.audience[5]);
    person["computations"]["comp_ltv"] = json!("1.25");
    shop.world.put_person(&shop.audience[5], &person);
    assert_eq!(
        shop.plan(&project, &[]).json["cost"]["data_points"],
        0,
        "nobody was asked"
    );
    shop.computes("act90d1", &shop.audience);
    shop.world.reset();
    project.apply(&shop.world).exits(0);
    let stats = shop.world.stats();
    assert_eq!((shop.asked(), stats.objects, stats.data_points), (8, 1, 2));
    let held = shop.world.attribute("worth");
    assert_eq!((held.len(), &held[&shop.audience[5]]), (5, &json!(1.25)));
}

/// Reads 2,000 people at ten a second: about four minutes. Run it by hand, in release.
#[test]
#[ignore = "minutes at the pace of the service"]
fn two_thousand_people_within_the_limits_of_the_service_killed_twice() {
    let scenario = cdnow::scenario(&Ask::day(JUNE).customers(2_000));
    let world = World::real(&scenario.dir, &["--latency", "50ms"]);
    let shop = Shop::with(scenario, world, people(&scenario.files).into_keys());
    let project = Project::written(vec![], &text(WORTH));
    let begin = std::time::Instant::now();
    let say = |what: &str| {
        println!(
            "{:>6.1} s  {:>5} requests  {what}",
            begin.elapsed().as_secs_f64(),
            shop.asked()
        );
    };

    // A plan asks 600 and tells an estimate of all.
    let plan = shop.plan(&project, &[]);
    assert_eq!(
        (shop.asked(), plan.delta("sync.worth", "unread")),
        (600, 1_400)
    );
    assert_eq!(plan.resource("sync.worth")["delta"]["estimated"], true);
    assert_eq!(plan.delta("sync.worth", "add"), 2_000);
    say("a plan");
    let apply = ["apply", "--auto-approve"];
    shop.kill(&project, &apply, 950);
    say("killed");
    shop.kill(&project, &apply, 1_400);
    say("killed again");
    project.apply(&shop.world).exits(0);
    say("applied");
    shop.assert_exact("after two kills");
    let asked = shop.asked();
    assert!(
        (2_000..=2_000 + 2 * IN_FLIGHT).contains(&asked),
        "{asked} requests"
    );
    assert_eq!(
        shop.world.stats().rejected,
        BTreeMap::new(),
        "the service refused something"
    );
    project.assert_settled(&shop.world, "after two kills");
    assert_eq!(shop.asked(), asked);
}
