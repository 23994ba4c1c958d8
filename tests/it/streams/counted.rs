//! What cannot be sent is counted by its reason, in the plan's text and its JSON; the rest goes on. What Braze itself
//! refuses is set aside with its words. Nothing is dropped in silence.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::shop::{Clock, Order, Shop, at, counted, event, hour, quiet, streams};
use crate::support::truth;

/// Orders with their products, views of pages with what was noted.
const KEYS: &str = "events: [{name: Order Completed, as: purchase}, Page Viewed], purchase: {product_id: product, \
    revenue: revenue, currency: currency, quantity: quantity}, properties: {event: [number, note, {from: more, to: rest}]}";

/// An order for so much, of so many.
fn order(revenue: &Value, quantity: &Value) -> Value {
    json!({"event_type": "Order Completed", "event_properties":
        {"product": "cds", "currency": "usd", "revenue": revenue, "quantity": quantity}})
}

/// An order that lacks something, or has something strange.
fn odd(name: &str, value: &Value) -> Value {
    let mut order = order(&json!(10), &json!(1));
    order["event_properties"][name] = value.clone();
    order
}

fn noted(note: &Value) -> Value {
    json!({"event_properties": {"note": note}})
}

/// Events that cannot be sent, and why.
fn bad() -> Vec<(&'static str, Value)> {
    let (long, id) = ("x".repeat(256), "x".repeat(988));
    vec![
        ("no_identifier", json!({"user_id": null})),
        ("no_identifier", json!({"user_id": ""})),
        ("bad_identifier", json!({"user_id": id})),
        ("bad_identifier", json!({"user_id": "a\u{0}b"})),
        ("no_event_id", json!({"$insert_id": null})),
        (
            "no_event_id",
            json!({"device_id": null, "amplitude_id": null}),
        ),
        ("no_time", json!({"event_time": "soon"})),
        ("no_time", json!({"event_time": 7})),
        (
            "future_time",
            json!({"event_time": "2999-01-01 00:00:00.000000"}),
        ),
        ("malformed", json!({"event_properties": [1]})),
        ("bad_price", order(&json!("many"), &json!(1))),
        ("bad_price", order(&json!("1234567890.1234567"), &json!(1))),
        ("no_revenue", order(&Value::Null, &json!(1))),
        ("bad_quantity", order(&json!(1), &json!(0))),
        ("bad_quantity", order(&json!(1), &json!(1.5))),
        ("bad_currency", odd("currency", &json!("dollars"))),
        ("no_currency", odd("currency", &Value::Null)),
        ("bad_product", odd("product", &json!(long))),
        ("no_product", odd("product", &Value::Null)),
    ]
}

/// Properties that are left out of events that are sent, and why.
fn trimmed() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(256);
    let large = json!(vec!["x".repeat(250); 500]);
    vec![
        ("text_too_long", noted(&json!(long))),
        ("text_too_long", noted(&json!({"deep": [long]}))),
        ("null_in_array", noted(&json!([1, null]))),
        ("date_in_array", noted(&json!(["2026-11-01"]))),
        ("bad_nested_name", noted(&json!({"$name": 1}))),
        ("too_large", noted(&large)),
    ]
}

#[test]
fn what_cannot_be_sent_is_counted_and_the_rest_goes() {
    let clock = Clock::noon();
    let day = clock.yesterday;
    let start = format!("start_at: {day}T00:30:00Z, {KEYS}");
    let shop = Shop::new(clock, quiet(&clock), &streams(&[("orders", &start)]));
    let mut numbers = 0..;
    let mut line = |changes: &Value| event(numbers.next().unwrap(), at(day, 605), changes);
    let mut text = String::new();
    let mut skipped = BTreeMap::<&str, u64>::new();
    for (reason, changes) in bad() {
        text += &line(&changes);
        *skipped.entry(reason).or_default() += 1;
    }
    let mut left_out = BTreeMap::<&str, u64>::new();
    for (reason, changes) in trimmed() {
        text += &line(&changes);
        *left_out.entry(reason).or_default() += 1;
    }
    // Orders that Braze cannot count as they are.
    let sold = [(29.94, 2), (14.97, 2), (250.0, 125), (-20.0, 4), (0.0, 1)];
    for (revenue, quantity) in sold {
        text += &line(&order(&json!(revenue), &json!(quantity)));
    }
    // The same event twice in one hour, and once more in the next.
    let twice = event(900, at(day, 610), &noted(&json!("once")));
    text += &[twice.as_str(), &twice].concat();
    text += &event(900, at(day, 670), &noted(&json!("once")));
    skipped.insert("duplicate", 2);
    // By its uuid where it has no other id; a little ahead of its arrival.
    text += &event(
        901,
        at(day, 610),
        &json!({"$insert_id": null, "uuid": "u-1"}),
    );
    let ahead = at(day, 610 + 23 * 60)
        .strftime("%Y-%m-%d %H:%M:%S.000000")
        .to_string();
    text += &event(902, at(day, 610), &json!({"event_time": ahead}));
    // Before the first moment, in its hour.
    text += &event(903, at(day, 10), &json!({}));
    skipped.insert("before_start", 1);
    // Nobody asked for it.
    text += &event(
        904,
        at(day, 610),
        &json!({"event_type": "Signed Up", "user_id": null}),
    );
    shop.world.add_events(&text);
    let sent = trimmed().len() + sold.len() + 3;

    // Lines that are no events. One of them is no UTF-8.
    let broken: [&[u8]; 8] = [
        b"no JSON",
        b"{\"event_type\":\"Page Viewed\",\"user_id\":\"cdnow-000",
        b"{}",
        b"[1]",
        b"null",
        b"{\"event_type\":7}",
        b"{\"event_type\":\"Page Viewed\",\"user_id\":\"\xff\xfe\"}",
        b"{\"event_type\":\"Page Viewed\",\"user_id\":\"a\",\"user_id\":\"b\"}",
    ];
    shop.world.add_lines(&hour(day, 10), &broken.join(&b'\n'));
    *skipped.entry("malformed").or_default() += broken.len() as u64;

    let plan = shop.plan(0);
    let log = &plan.resource("sync.orders")["log"];
    assert_eq!(log["skipped"], json!(skipped), "{log:#}");
    assert_eq!(log["trimmed"], json!(left_out), "{log:#}");
    assert_eq!((&log["filtered"], &log["sent"]), (&json!(1), &json!(sent)));
    let skipped_in_all: u64 = skipped.values().sum();
    assert_eq!(log["found"], sent as u64 + 1 + skipped_in_all);
    let said = shop.run(0, &["plan"]).exits(0);
    for (reason, count) in skipped.iter().chain(&left_out) {
        let words = match *reason {
            "duplicate" => format!("{count} there twice"),
            reason => format!("{count} {}", reason.replace('_', " ")),
        };
        assert!(
            said.stdout.contains(&words),
            "`{words}` is missing in {said}"
        );
    }

    shop.apply(0).exits(0);
    let (events, purchases) = shop.world.happened();
    assert_eq!(events.len() + purchases.len(), sent);
    let sold = counted(sold.map(|(revenue, quantity)| ((revenue * 100.0) as i64, quantity)));
    let bought = purchases.iter().map(Order::bought);
    let bought = counted(bought.map(|order| (order.cents, order.pieces)));
    assert_eq!(bought, sold);
    assert!(
        purchases
            .iter()
            .all(|purchase| purchase["currency"] == "USD")
    );
    // What was left out is the property; what was not is the event.
    let notes = events
        .iter()
        .filter(|event| !event["properties"]["note"].is_null());
    assert_eq!(notes.count(), 1, "the one that was sent once");
    shop.assert_settled(0, "after what could be sent was");
    // A day later the same lines are read again, and the same is said.
    let log = shop.log(25);
    assert_eq!(
        (&log["sent"], &log["sent_before"]),
        (&json!(0), &json!(sent + 2))
    );
    let mut again = skipped.clone();
    // Whatever of an event that was sent is met again, was sent before.
    again.remove("duplicate");
    // The hour that was before it has closed.
    again.remove("before_start");
    let mut found = log["skipped"].clone();
    let twice = found.as_object_mut().unwrap().remove("duplicate");
    assert_eq!((found, twice), (json!(again), None), "{log:#}");
}

#[test]
fn what_braze_refuses_is_set_aside_with_its_words() {
    let clock = Clock::noon();
    let day = clock.yesterday;
    let start = format!("start_at: {day}T00:00:00Z, {KEYS}");
    let shop = Shop::new(clock, quiet(&clock), &streams(&[("orders", &start)]));
    let person = "zz-blacklisted-person";
    let lines = (0..30).map(|number| {
        let blocked = number % 10 == 3;
        let changes = if blocked {
            json!({"user_id": person})
        } else {
            json!({})
        };
        event(number, at(day, 600), &changes)
    });
    shop.world.add_events(&lines.collect::<String>());
    assert_eq!(shop.log(0)["sent"], 30);
    let run = shop.apply(0).exits(6).says("blacklisted and disallowed");
    assert!(!run.all().contains(person), "who it is is said: {run}");
    assert_eq!(shop.world.happened().0.len(), 27);
    assert_eq!(shop.world.stats().tracks(), 1);
    shop.run(0, &["report", "--refused", "refused.csv"])
        .exits(0);
    let rows = truth::rows(&fs::read_to_string(shop.project.dir().join("refused.csv")).unwrap());
    assert_eq!(rows.len(), 4, "{rows:?}");
    for row in &rows[1..] {
        assert!(row.iter().any(|cell| cell == person), "{row:?}");
        assert!(
            row.iter()
                .any(|cell| cell.contains("blacklisted and disallowed")),
            "{row:?}"
        );
    }
    // They are passed: never sent again, and in nobody's way.
    shop.assert_settled(0, "after a refusal");
    let log = shop.log(25);
    assert_eq!((&log["sent"], &log["sent_before"]), (&json!(0), &json!(30)));
    shop.apply(25).exits(0);
    assert_eq!(shop.world.stats().tracks(), 1);
    assert_eq!(shop.recorded().acknowledged, 27);
}
