//! Values of people on their profiles, on a real shop's data: exact, of the right type, and never more sent than differs.
//! Figures come from plain maps over the scenario's files, never from the program.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cdnow::{self, Ask, JULY, JUNE, Scenario};
use crate::support::project::{OPEN, Plan, Project, yaml};
use crate::support::truth;
use crate::support::values::{
    Figures, Held, LABELS, Lost, Table, Wanted, after, assert_held, cohort, compare, csv, found,
    hurried, number, people, rows, wanted,
};
use crate::support::world::World;

const ATTRIBUTES: [&str; 4] = ["last_order", "lifetime_orders", "ltv", "tier"];

/// One sync of four properties of a cohort.
fn properties(top: &str, more: &str) -> String {
    yaml(top, 75, &[])
        + &format!(
            "  shop: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, {more}properties: [tier, \
             {{from: lifetime_orders, as: integer}}, {{from: lifetime_revenue, to: ltv, as: number}}, \
             {{from: last_order_date, to: last_order, as: time}}]}}\n"
        )
}

fn midnight(day: &str) -> Value {
    json!(format!("{day}T00:00:00Z"))
}

fn shop(scenario: &Scenario, clears: bool) -> Vec<Wanted> {
    let rows = cohort(scenario, "act90d1");
    let all = [
        wanted("tier", &rows, |row| Some(json!(row["tier"]))),
        wanted("lifetime_orders", &rows, |row| {
            Some(number(&row["lifetime_orders"]))
        }),
        wanted("ltv", &rows, |row| Some(number(&row["lifetime_revenue"]))),
        wanted("last_order", &rows, |row| {
            Some(midnight(&row["last_order_date"]))
        }),
    ];
    all.into_iter()
        .map(|one| if clears { one.clearing_leavers() } else { one })
        .collect()
}

/// Fails unless a plan says of these attributes of a sync what differs between two times.
#[track_caller]
fn assert_told(plan: &Plan, address: &str, before: &Held, after: &Held, names: &[&str]) {
    let resource = plan.resource(address);
    let told = resource["attributes"].as_array().unwrap();
    let listed: Vec<&str> = told
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed, names, "{address}");
    for one in told {
        let name = one["name"].as_str().unwrap();
        let Figures {
            added,
            changed,
            cleared,
            points,
            ..
        } = compare(before, after, &[name]);
        let figures = ["added", "changed", "cleared", "data_points"].map(|of| &one[of]);
        assert_eq!(figures, [added, changed, cleared, points], "{name}");
    }
    let delta = ["add", "change", "remove"].map(|figure| plan.delta(address, figure));
    assert_eq!(delta, rows(before, after, names), "{address}");
    let points = compare(before, after, names).points;
    assert_eq!(resource["cost"]["data_points"], points, "{address}");
}

/// Applies, and fails unless what differs was sent, once, and nothing else.
#[track_caller]
fn applies(project: &Project, world: &World, before: &Held, after: &Held, names: &[&str]) {
    applies_in(75, project, world, before, after, names);
}

#[track_caller]
fn applies_in(
    objects_per_request: u64,
    project: &Project,
    world: &World,
    before: &Held,
    after: &Held,
    names: &[&str],
) {
    let figures = compare(before, after, names);
    let users = world.stats().users;
    world.reset();
    project.apply(world).exits(0);
    assert_held(&found(world, names), after, "after an apply");
    let stats = world.stats();
    assert_eq!(stats.rejected, BTreeMap::new());
    assert_eq!(
        stats.objects,
        figures.people.len() as u64,
        "one object a person"
    );
    assert_eq!(stats.tracks(), stats.objects.div_ceil(objects_per_request));
    assert_eq!(
        stats.data_points, figures.points,
        "data points are the values sent"
    );
    assert_eq!(stats.download_requests(), 0, "apply reads what plan read");
    let new = |person: &&String| !before.contains_key(*person);
    let most = figures.people.iter().filter(new).count() as u64;
    assert!(
        stats.users - users <= most,
        "somebody was created who had a value"
    );
    project.assert_settled(world, "after an apply");
}

fn june_then_july(customers: u64, clears: bool) {
    let days = [JUNE, JULY].map(|day| Ask::day(day).customers(customers));
    let [june, july] = days.map(|ask| cdnow::scenario(&ask));
    let world = World::start(&june.dir);
    let more = if clears { "on_leave: clear, " } else { "" };
    let narrow = "guards: {max_removals: 5%}";
    let project = Project::written(vec![], &properties(narrow, more));
    let none = Held::new();
    let in_june = after(&none, &shop(june, clears));

    let plan = project.plan(&world);
    assert_eq!(plan.resource("sync.shop")["action"], "create");
    assert_told(&plan, "sync.shop", &none, &in_june, &ATTRIBUTES);
    let figures = compare(&none, &in_june, &ATTRIBUTES);
    assert_eq!(plan.json["cost"]["data_points"], figures.points);
    assert_eq!(plan.json["cost"]["full_push_data_points"], figures.points);
    assert_eq!(plan.json["cost"]["people"], in_june.len());
    assert_eq!(world.stats().downloads(), 1);
    let (users, known) = (world.stats().users, truth::known(&june.files));
    applies(&project, &world, &none, &in_june, &ATTRIBUTES);
    let unknown = in_june.keys().filter(|person| !known.contains(*person));
    let unknown = unknown.count() as u64;
    assert!(unknown > 0);
    assert_eq!(
        world.stats().users - users,
        unknown,
        "who was unknown is created"
    );
    // As somebody's profile shows it.
    let (person, values) = in_june.iter().next().unwrap();
    let custom = &world.profile(person)["custom_attributes"];
    assert_eq!(*custom, json!(values), "{custom:#}");
    assert!(custom["tier"].is_string() && custom["lifetime_orders"].is_u64());
    assert!(custom["ltv"].is_number() && custom["last_order"].is_string());

    world.load(&july.dir);
    world.reset();
    let in_july = after(&in_june, &shop(july, clears));
    let plan = project.plan(&world);
    assert_told(&plan, "sync.shop", &in_june, &in_july, &ATTRIBUTES);
    assert_transitions(&plan, &in_june, &in_july);
    assert_eq!(world.stats().downloads(), 1);
    let left = rows(&in_june, &in_july, &ATTRIBUTES)[2];
    if clears {
        // More than 5 % left; nothing is cleared until somebody says so.
        assert_eq!((plan.code, left > 0), (3, true));
        assert!(!plan.passes("sync.shop", "max_removals"), "{:#}", plan.json);
        let before = world.stats().writes();
        project.apply(&world).exits(3).says("max_removals");
        assert_eq!(world.stats().writes(), before, "a refused apply wrote");
        let allow = format!(
            "{more}allow_removal: {{max: {left}, reason: a month went by, until: 2999-12-31}}, "
        );
        project.write(&properties(narrow, &allow));
    } else {
        assert_eq!((plan.code, left), (2, 0));
    }
    applies(&project, &world, &in_june, &in_july, &ATTRIBUTES);
    if customers > 10_000 {
        return;
    }

    // Back again: who comes back is compared with what was left there.
    world.load(&june.dir);
    project.write(&properties(OPEN, more));
    let back = after(&in_july, &shop(june, clears));
    let plan = project.plan(&world);
    assert_told(&plan, "sync.shop", &in_july, &back, &ATTRIBUTES);
    applies(&project, &world, &in_july, &back, &ATTRIBUTES);
}

/// What a plan tells of tiers that became others is so for as many people.
#[track_caller]
fn assert_transitions(plan: &Plan, before: &Held, after: &Held) {
    let told = plan.resource("sync.shop")["attributes"][3]["transitions"]
        .as_array()
        .unwrap();
    assert!(!told.is_empty());
    for one in told {
        let (was, is) = (&one["before"], &one["after"]);
        let of = |held: &Held, person: &String| held.get(person).map(|of| of["tier"].clone());
        let both = before.keys().filter(|person| {
            of(before, person).as_ref() == Some(was) && of(after, person).as_ref() == Some(is)
        });
        assert_eq!(one["count"], both.count(), "{was} -> {is}");
    }
}

#[test]
fn june_then_july_and_who_left_keeps_everything() {
    june_then_july(1_000_000, false);
}

#[test]
fn june_then_july_and_who_left_loses_everything_once_that_is_allowed() {
    june_then_july(4_000, true);
}

#[test]
fn who_comes_back_is_compared_with_what_was_left() {
    june_then_july(4_000, false);
}

/// Eight syncs of values and three of memberships, all of one audience.
const ELEVEN: &str = "
  tier: {kind: user_property, audience: {cohort: Active 90d}, seed: send, properties: [tier]}
  numbers:
    kind: user_property
    audience: {cohort: Active 90d}
    seed: send
    on_leave: clear
    properties: [{from: lifetime_orders, as: integer}, {from: lifetime_revenue, to: ltv, as: number}]
  dates: {kind: user_property, audience: {cohort: Active 90d}, seed: send, on_null: clear, properties: [{from: last_order_date, to: last_order, as: time}]}
  shapes:
    kind: user_property
    audience: {cohort: Active 90d}
    seed: send
    on_leave: clear
    properties: [{from: liked, as: array}, {from: address, as: object}, {from: is_gold, as: boolean}]
  worth: {kind: computation, audience: {cohort: Active 90d}, seed: send, computations: [{id: comp_ltv, name: comp_ltv, to: worth, as: number}]}
  bought: {kind: computation, audience: {cohort: Active 90d}, seed: send, on_leave: clear, computations: [{id: comp_cds, name: comp_cds, to: bought, as: integer}]}
  recommended:
    kind: recommendation
    audience: {cohort: Active 90d}
    seed: send
    recommendation: {id: genres, to: recommended, limit: 2, made_at: recommended_at}
  modelled:
    kind: recommendation
    audience: {cohort: Active 90d}
    seed: send
    on_null: clear
    recommendation: {id: genres, to: modelled, include_control: false}
  active: {kind: cohort, cohort: Active 90d, to: {attribute_array: cohorts}}
  warm: {kind: cohort, cohort: Active 90d, to: {attribute_array: cohorts}, label: Warm}
  flag: {kind: cohort, cohort: Active 90d, to: {attribute_flag: is_active}}
";
const LAPSED: &str = "  lapsed: {kind: cohort, cohort: Lapsed, to: {attribute_array: cohorts}}\n";

const EVERY: [&str; 13] = [
    "tier",
    "lifetime_orders",
    "ltv",
    "last_order",
    "liked",
    "address",
    "is_gold",
    "worth",
    "bought",
    "recommended",
    "recommended_at",
    "modelled",
    "is_active",
];

/// What those want: properties and profiles of the audience, and the labels of each person.
fn eleven(table: &Table, known: &BTreeMap<String, Value>, lapsed: &[String]) -> Vec<Wanted> {
    let profiles: BTreeMap<String, Value> = table
        .keys()
        .map(|person| (person.clone(), known[person].clone()))
        .collect();
    let computed =
        |id: &'static str| move |person: &Value| person["computations"][id].as_str().map(number);
    let made = |person: &Value| person["recommendations"][0].clone();
    let items = move |person: &Value, most: usize| {
        let items = made(person)["items"].as_array().unwrap().clone();
        json!(items.into_iter().take(most).collect::<Vec<_>>())
    };
    let mut labels: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for person in table.keys() {
        labels.insert(person.clone(), vec!["Active 90d", "Warm"]);
    }
    for person in lapsed {
        labels.entry(person.clone()).or_default().push("Lapsed");
        labels.get_mut(person).unwrap().sort_unstable();
    }
    let cell = |name: &'static str| {
        move |row: &BTreeMap<String, String>| row.get(name).filter(|cell| !cell.is_empty()).cloned()
    };
    let of_json = |name: &'static str| {
        move |row: &BTreeMap<String, String>| Some(serde_json::from_str(&cell(name)(row)?).unwrap())
    };
    vec![
        wanted("tier", table, |row| Some(json!(row["tier"]))),
        wanted("lifetime_orders", table, |row| {
            Some(number(&row["lifetime_orders"]))
        })
        .clearing_leavers(),
        wanted("ltv", table, |row| Some(number(&row["lifetime_revenue"]))).clearing_leavers(),
        wanted("last_order", table, |row| {
            Some(midnight(&cell("last_order_date")(row)?))
        })
        .clearing_nulls(),
        wanted("liked", table, of_json("liked")).clearing_leavers(),
        wanted("address", table, of_json("address")).clearing_leavers(),
        wanted("is_gold", table, of_json("is_gold")).clearing_leavers(),
        wanted("worth", &profiles, computed("comp_ltv")),
        wanted("bought", &profiles, computed("comp_cds")).clearing_leavers(),
        wanted("recommended", &profiles, |person| Some(items(person, 2))),
        wanted("recommended_at", &profiles, |_| {
            Some(json!("1997-06-30T06:00:00Z"))
        }),
        wanted("modelled", &profiles, |person| {
            (made(person)["is_control"] == false).then(|| items(person, 9))
        })
        .clearing_nulls(),
        Wanted {
            on_leave: Lost::Becomes(json!(false)),
            ..wanted("is_active", table, |_| Some(json!(true)))
        },
        wanted(LABELS, &labels, |labels| Some(json!(labels))).clearing_leavers(),
    ]
}

const COLUMNS: [&str; 9] = [
    "amplitude_id",
    "user_id",
    "tier",
    "lifetime_orders",
    "lifetime_revenue",
    "last_order_date",
    "liked",
    "address",
    "is_gold",
];

/// The first thirty of an audience, with a list, an object and a flag each.
fn thirty(scenario: &Scenario) -> Table {
    let mut table: Table = cohort(scenario, "act90d1").into_iter().take(30).collect();
    assert_eq!(table.len(), 30, "enough people for two requests of 20");
    for (at, row) in table.values_mut().enumerate() {
        let address = json!({"city": "Oslo", "at": {"zip": format!("0{at}")}});
        let is_gold = row["tier"] == "gold";
        row.insert("liked".into(), json!(["jazz", at, at % 2 == 0]).to_string());
        row.insert("address".into(), address.to_string());
        row.insert("is_gold".into(), is_gold.to_string());
    }
    table
}

#[test]
fn everything_for_one_person_travels_in_one_object() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(300));
    let mut known = people(&june.files);
    let mut table = thirty(june);
    let world = World::start(&june.dir);
    let put = |table: &Table| world.put_members("act90d1", &csv(table, &COLUMNS));
    put(&table);
    let top = "guards: {max_removals: 100%, max_shrink: 100%}";
    let text = |more: &str| hurried(&yaml(top, 20, &[])) + ELEVEN + more;
    let project = Project::written(vec![], &text(""));
    let every: Vec<&str> = EVERY.into_iter().chain([LABELS]).collect();

    // All of it at once.
    let none = Held::new();
    let first = after(&none, &eleven(&table, &known, &[]));
    let plan = project.plan(&world);
    assert_eq!(plan.json["summary"]["create"], 11, "{:#}", plan.json);
    assert_eq!(plan.json["cost"]["people"], 30);
    assert_eq!(plan.json["cost"]["requests"], 2);
    assert_eq!(plan.json["cost"]["profiles"], 30, "one request a person");
    assert_eq!(
        plan.json["cost"]["data_points"],
        compare(&none, &first, &every).points
    );
    let stats = world.stats();
    assert_eq!((stats.downloads(), stats.profile_reads()), (1, 30));
    applies_in(20, &project, &world, &none, &first, &every);
    assert_eq!(
        world.stats().profile_reads(),
        0,
        "apply asks what plan asked"
    );

    // People leave, one of them for another cohort of the same array, some values change or go, computations change.
    let names: Vec<String> = table.keys().cloned().collect();
    let left = &names[..5];
    table.retain(|person, _| !left.contains(person));
    table
        .get_mut(&names[8])
        .unwrap()
        .insert("tier".into(), "platinum".into());
    table
        .get_mut(&names[9])
        .unwrap()
        .insert("last_order_date".into(), String::new());
    table
        .get_mut(&names[10])
        .unwrap()
        .insert("liked".into(), r#"["rock"]"#.into());
    table
        .get_mut(&names[11])
        .unwrap()
        .insert("address".into(), r#"{"city": "Bergen"}"#.into());
    table
        .get_mut(&names[12])
        .unwrap()
        .insert("is_gold".into(), String::new());
    for (at, name) in names[14..21].iter().enumerate() {
        let person = known.get_mut(name).unwrap();
        person["computations"]["comp_ltv"] = json!(format!("{at}.50"));
        person["recommendations"][0]["is_control"] = json!(at % 2 == 0);
        world.put_person(name, person);
    }
    put(&table);
    let lapsed: Vec<String> = [&names[..4], &names[24..26]].concat();
    let short: Table = lapsed
        .iter()
        .map(|person| {
            let row = BTreeMap::from([("user_id".to_owned(), person.clone())]);
            (person.clone(), row)
        })
        .collect();
    world.put_members("lapsed1", &csv(&short, &["amplitude_id", "user_id"]));
    project.write(&text(LAPSED));
    world.reset();
    let second = after(&first, &eleven(&table, &known, &lapsed));
    let plan = project.plan(&world);
    assert_eq!(plan.code, 2, "{:#}", plan.json);
    let figures = compare(&first, &second, &every);
    assert_eq!(plan.json["cost"]["people"], figures.people.len());
    assert_eq!(plan.json["cost"]["data_points"], figures.points);
    for (address, names) in [
        ("sync.numbers", &["lifetime_orders", "ltv"][..]),
        ("sync.shapes", &["address", "is_gold", "liked"]),
        ("sync.dates", &["last_order"]),
        ("sync.worth", &["worth"]),
        ("sync.recommended", &["recommended", "recommended_at"]),
        ("sync.modelled", &["modelled"]),
    ] {
        assert_told(&plan, address, &first, &second, names);
    }
    let stats = world.stats();
    assert_eq!(
        (stats.downloads(), stats.profile_reads()),
        (2, 25),
        "each is asked anew"
    );
    applies_in(20, &project, &world, &first, &second, &every);
    let labels = &second[&names[0]][LABELS];
    assert_eq!(*labels, json!(["Lapsed"]), "an add and two removals met");
}

#[test]
fn only_an_addition_of_a_sync_that_may_create_creates() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(1_500));
    let world = World::start(&june.dir);
    let known = truth::known(&june.files);
    let mut table: Table = cohort(june, "act90d1");
    table.retain(|person, _| !known.contains(person));
    let strangers = table.len() as u64;
    assert!(strangers > 2, "nobody is unknown to Braze");
    let users = world.stats().users;
    let put = |table: &Table| world.put_members("act90d1", &csv(table, &COLUMNS[..6]));
    put(&table);
    let text = |create: bool, more: &str| {
        yaml(OPEN, 75, &[])
            + &format!(
                "  tier: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, create_users: {create}, \
                 properties: [tier]}}\n{more}"
            )
    };
    let label = "  active: {kind: cohort, cohort: Active 90d, to: {attribute_array: cohorts}}\n";
    let project = Project::written(vec![], &text(false, label));
    project.apply(&world).exits(0);
    assert_eq!(world.stats().users, users, "nobody may create");

    // The sync may now, and only changes: who is not there was there once, as far as anybody knows.
    for row in table.values_mut() {
        row.insert("tier".into(), "platinum".into());
    }
    put(&table);
    project.write(&text(true, label));
    project.apply(&world).exits(0);
    assert_eq!(world.stats().users, users, "a change created somebody");

    // One that adds may, and what others change travels with it.
    for row in table.values_mut() {
        row.insert("tier".into(), "tin".into());
    }
    put(&table);
    let orders = "  orders: {kind: user_property, audience: {cohort: Active 90d}, seed: send, properties: [lifetime_orders]}\n";
    project.write(&text(false, &format!("{label}{orders}")));
    project.apply(&world).exits(0);
    assert_eq!(world.stats().users, users + strangers);
    let names = ["lifetime_orders", "tier"];
    let all = [
        wanted("tier", &table, |_| Some(json!("tin"))),
        wanted("lifetime_orders", &table, |row| {
            Some(json!(row["lifetime_orders"]))
        }),
    ];
    assert_held(
        &found(&world, &names),
        &after(&Held::new(), &all),
        "in one object",
    );
    project.assert_settled(&world, "after all");
}

#[test]
fn what_may_have_been_added_is_added_again_and_creates() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(1_500));
    let known = truth::known(&june.files);
    let mut table: Table = cohort(june, "act90d1");
    table.retain(|person, _| !known.contains(person));
    let strangers = table.len() as u64;
    let syncs = |label: &str| {
        yaml(OPEN, 75, &[])
            + &format!(
                "  tier: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, properties: [tier]}}\n  \
                 active: {{kind: cohort, cohort: Active 90d, to: {{attribute_array: cohorts}}, label: {label}, create_users: true}}\n"
            )
    };
    for address in ["sync.tier", "sync.active"] {
        let world = World::start(&june.dir);
        let users = world.stats().users;
        let put = |table: &Table| world.put_members("act90d1", &csv(table, &COLUMNS[..6]));
        put(&table);
        // Nothing arrives, and nobody can know that; then another value is wanted.
        let project = Project::written(vec![], &syncs("First"));
        world.faults("drop:1@/users/track");
        let words = ["apply", "--auto-approve", "--only", address];
        let run = project.run(&world, &words);
        assert!(matches!(run.code, Some(1 | 6)), "{run}");
        world.faults("");
        for row in table.values_mut() {
            row.insert("tier".into(), format!("not {address}"));
        }
        put(&table);
        project.write(&syncs("Second"));
        project.run(&world, &words).exits(0);
        assert_eq!(world.stats().users, users + strangers, "{address}");
        if address == "sync.tier" {
            assert_eq!(world.attribute("tier").len() as u64, strangers);
        }
    }
}

/// One sync of these properties, whatever they are.
fn text(properties: &str) -> String {
    yaml(OPEN, 75, &[])
        + &format!(
            "  values: {{kind: user_property, audience: {{cohort: Active 90d}}, seed: send, properties: [{properties}]}}\n"
        )
}

#[test]
fn a_plan_of_other_columns_leaves_the_rows_of_this_one() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(300));
    let world = World::start(&june.dir);
    let project = Project::written(vec![], &text("lifetime_orders, tier"));
    let reached = |properties: &str, downloads: u64| {
        project.write(&text(properties));
        let plan = project.plan(&world);
        assert_eq!(world.stats().downloads(), downloads, "{properties}");
        plan.json["resources"][0]["attributes"].clone()
    };
    let first = reached("lifetime_orders, tier", 1);
    reached("last_order_date, tier", 2);
    assert_eq!(reached("lifetime_orders, tier", 2), first, "still there");
    // Fewer columns are found in what is there.
    reached("tier", 2);
}

#[test]
fn what_is_declared_again_and_never_sent_is_sent_by_the_next_apply() {
    let june = cdnow::scenario(&Ask::day(JUNE).customers(300));
    let world = World::start(&june.dir);
    let both = text("tier, {from: lifetime_orders, as: integer}");
    let project = Project::written(vec![], &both);
    project.apply(&world).exits(0);
    let orders = world.attribute("lifetime_orders");
    assert!(orders.len() > 20);
    // It is let go, and somebody else writes it.
    project.write(&text("tier"));
    project.apply(&world).exits(0);
    for person in orders.keys() {
        world.put_user(person, &json!({"lifetime_orders": 999}));
    }
    // Declared again, nothing of it leaves; the next apply does not take what was there once for what is there.
    project.write(&both);
    world.faults("429:1@/users/track");
    project.apply(&world).exits(1);
    world.faults("");
    project.apply(&world).exits(0);
    assert_eq!(world.attribute("lifetime_orders"), orders);
    project.assert_settled(&world, "after all");
}
