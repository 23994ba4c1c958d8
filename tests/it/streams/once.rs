//! Every order once: sixty days of the whole shop, the day after, the orders of that day, and who is created.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Unit};
use serde_json::{Value, json};

use super::shop::{Clock, ORDERS, Order, Shop, configured, counted, hour, orders};
use crate::support::cdnow::{self, Ask, JUNE, Scenario};
use crate::support::project::Project;
use crate::support::world::World;

const DAYS: i64 = 60;

/// Customers with a number, as of a day so many days after June, as if June had ended yesterday.
fn june(clock: &Clock, after: i32, event_days: i64, customers: u64) -> &'static Scenario {
    let ask = Ask::day(JUNE).customers(customers);
    cdnow::scenario(&Ask {
        as_of: ask.as_of + after.days(),
        event_days,
        as_if: Some(clock.yesterday + after.days()),
        ..ask
    })
}

/// Orders and cents of each day by the data file itself, moved so that June ends on a day.
fn of_each_day(ends: Date, days: i64) -> BTreeMap<Date, (u64, i64)> {
    let june: Date = JUNE.parse().unwrap();
    let shift = ends.since((Unit::Day, june)).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/CDNOW_master.txt");
    let mut all = BTreeMap::<Date, (u64, i64)>::new();
    for line in fs::read_to_string(path).unwrap().lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let day = Date::strptime("%Y%m%d", words[1]).unwrap();
        if day <= june && day > june - days.days() {
            let of = all.entry(day + shift).or_default();
            of.0 += 1;
            of.1 += words[3].replace('.', "").parse::<i64>().unwrap();
        }
    }
    all
}

fn by_day(orders: &[Order]) -> BTreeMap<Date, (u64, i64)> {
    let mut all = BTreeMap::<Date, (u64, i64)>::new();
    for order in orders {
        let of = all
            .entry(order.at.to_zoned(TimeZone::UTC).date())
            .or_default();
        of.0 += 1;
        of.1 += order.cents;
    }
    all
}

/// Fails unless Braze holds the orders of a scenario, each once.
#[track_caller]
fn assert_all(shop: &Shop, scenario: &Scenario, when: &str) -> Vec<Order> {
    let bought = shop.bought();
    let due = counted(orders(scenario).into_values());
    let found = counted(bought.clone());
    let wrong: Vec<_> = due
        .keys()
        .chain(found.keys())
        .filter(|order| due.get(order) != found.get(order))
        .take(4)
        .collect();
    assert_eq!((wrong, bought.len()), (vec![], due.len()), "{when}");
    bought
}

fn figure(log: &Value, name: &str) -> u64 {
    log[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no `{name}` in {log:#}"))
}

#[test]
fn every_order_of_sixty_days_arrives_once() {
    let clock = Clock::noon();
    let first = clock.yesterday - (DAYS - 1).days();
    let june = |after: i32| june(&clock, after, DAYS + i64::from(after), u64::MAX);
    let world = clock.world(&june(0).dir, &[]);
    let project = Project::written(vec![], &configured(first, 75, ""));
    let shop = Shop {
        clock,
        world,
        project,
    };
    let due = orders(june(0)).len() as u64;
    assert!(due > 5_000, "{due}");

    let plan = shop.plan(0);
    let log = &plan.resource(ORDERS)["log"];
    // Of today, the hours up to 08 are there at noon.
    assert_eq!(figure(log, "hours"), DAYS as u64 * 24 + 9);
    assert_eq!(
        log["ranges"],
        json!([[hour(first, 0), hour(clock.yesterday, 32)]])
    );
    for name in ["found", "sent", "purchases"] {
        assert_eq!(figure(log, name), due, "{name} in {log:#}");
    }
    assert_eq!(figure(log, "requests"), due.div_ceil(75));
    assert_eq!((figure(log, "filtered"), &log["skipped"]), (0, &json!({})));
    let people: BTreeSet<String> = orders(june(0))
        .into_values()
        .map(|order| order.person)
        .collect();
    assert_eq!(figure(log, "people"), people.len() as u64);
    let text = shop.run(0, &["plan"]).exits(0);
    assert!(text.stdout.contains("purchases of"), "{text}");

    shop.apply(0).exits(0);
    let bought = assert_all(&shop, june(0), "after the first apply");
    assert_eq!(by_day(&bought), of_each_day(clock.yesterday, DAYS));
    let stats = shop.world.stats();
    assert_eq!(stats.tracks(), due.div_ceil(75));
    // Each piece of a purchase is billed, with its properties.
    assert_eq!(plan.json["cost"]["data_points"], stats.data_points);
    shop.assert_settled(0, "after the first apply");
    assert_eq!(shop.recorded().acknowledged, due);

    // A day later the last day is read once more; nothing is in it that was not sent, and its hours close.
    let log = shop.log(25);
    assert_eq!((figure(&log, "sent"), figure(&log, "hours")), (0, 24 + 25));
    assert_eq!(figure(&log, "sent_before"), figure(&log, "found"));
    shop.apply(25).exits(0);
    assert_eq!(shop.bought().len() as u64, due);
    shop.assert_settled(25, "a day later");
    let cursor = shop.recorded().cursor;
    let last = bought.iter().map(|order| order.at).max().unwrap();
    let before = last.to_zoned(TimeZone::UTC) - 1.hour();
    let closed = json!([[hour(first, 0), before.strftime("%Y%m%dT%H").to_string()]]);
    assert_eq!(cursor["closed"], closed, "{cursor:#}");

    // Two more days of orders. Hours of the first were read a second time already, when there was nothing after them: now
    // that there is, they are read once more.
    shop.world.load(&june(2).dir);
    let more = orders(june(2)).len() as u64 - due;
    assert!(more > 100, "{more}");
    assert_eq!(figure(&shop.log(51), "sent"), more);
    shop.apply(51).exits(0);
    assert_all(&shop, june(2), "two days later");
    shop.assert_settled(51, "two days later");
    assert_eq!(shop.recorded().acknowledged, due + more);
}

/// How many purchases Braze shows of each person with an external id.
fn shown(world: &World, people: &BTreeSet<String>) -> BTreeMap<String, u64> {
    let count = |person: &String| {
        let profile = world.profile(person);
        let all = profile["purchases"].as_array().cloned().unwrap_or_default();
        let counts = all.iter().map(|one| one["count"].as_u64().unwrap());
        (person.clone(), counts.sum())
    };
    people.iter().map(count).collect()
}

#[test]
fn people_go_by_an_alias_and_only_those_that_may_are_created() {
    let clock = Clock::noon();
    let scenario = june(&clock, 0, 20, 700);
    let due: Vec<Order> = orders(scenario).into_values().collect();
    let number = |order: &Order| order.person["cdnow-".len()..].parse::<u64>().unwrap();
    let aliased = |order: &&Order| number(order) % 5 == 0 && number(order) % 17 != 0;
    let known: BTreeSet<String> = due
        .iter()
        .filter(aliased)
        .map(|order| order.person.clone())
        .collect();
    let all: BTreeSet<String> = due.iter().map(|order| order.person.clone()).collect();
    assert!(known.len() > 3 && all.len() > known.len() + 5);
    for creates in [true, false] {
        let world = clock.world(&scenario.dir, &[]);
        let users = world.stats().users;
        let keys = format!(
            "    identify_by: [{{alias: amplitude_id, name: amplitude_id}}]\n    create_users: {creates}\n"
        );
        let start = clock.yesterday - 19.days();
        let project = Project::written(vec![], &configured(start, 75, &keys));
        let shop = Shop {
            clock,
            world,
            project,
        };
        assert_eq!(shop.log(0)["creates_people"], creates);
        shop.apply(0).exits(0);
        let (_, purchases) = shop.world.happened();
        let found: Vec<Order> = purchases.iter().map(Order::bought).collect();
        let by_alias = due.iter().map(|order| Order {
            person: (100_000_000_000 + number(order)).to_string(),
            ..order.clone()
        });
        assert_eq!(counted(found), counted(by_alias), "create_users: {creates}");
        for purchase in &purchases {
            assert_eq!(purchase["user_alias"]["alias_label"], "amplitude_id");
            assert_eq!(purchase["_update_existing_only"], !creates);
        }
        // Whoever has the alias has the purchases, whoever has another name has none, and the rest are new or nobody.
        let new = if creates { all.len() - known.len() } else { 0 };
        assert_eq!(shop.world.stats().users - users, new as u64);
        let in_braze: BTreeSet<String> = all
            .iter()
            .filter(|id| {
                let number: u64 = id["cdnow-".len()..].parse().unwrap();
                number % 17 != 0
            })
            .cloned()
            .collect();
        for (person, count) in shown(&shop.world, &in_braze) {
            assert_eq!(count > 0, known.contains(&person), "{person}: {count}");
        }
        shop.assert_settled(0, "by alias");
    }
}
