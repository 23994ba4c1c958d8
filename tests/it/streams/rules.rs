//! Which events go, under which names, with which properties, and what a changed configuration does to a stream that has
//! begun.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shop::{Clock, Shop, at, event, quiet, streams};

/// Which of six views of a page a condition takes.
const WHERE: [(&str, &str, &[u64]); 16] = [
    ("all", "{}", &[0, 1, 2, 3, 4, 5]),
    ("equal", "{event.plan: pro}", &[1, 4]),
    ("list", "{event.plan: [pro, team]}", &[1, 2, 4]),
    ("number", "{event.amount: 5}", &[1, 2]),
    ("number-as-text", "{event.amount: \"5\"}", &[1]),
    ("min", "{event.amount: {min: 5}}", &[1, 2, 3]),
    ("max", "{event.amount: {max: 5}}", &[0, 1, 2]),
    ("range", "{event.amount: {min: 4, max: 6}}", &[1, 2]),
    ("present", "{event.plan: {present: true}}", &[0, 1, 2, 4]),
    ("absent", "{event.plan: {present: false}}", &[3, 5]),
    ("user", "{user.vip: true}", &[2, 4]),
    ("both", "{event.plan: [pro, team], user.vip: true}", &[2, 4]),
    ("nested", "{event.cart.id: c-1}", &[4]),
    ("any-of-an-array", "{event.tags: new}", &[5]),
    ("since", "{event.due: {min: \"2026-11-01\"}}", &[3]),
    ("none", "{event.plan: nothing}", &[]),
];

fn six(shop: &Shop) {
    let properties = [
        json!({"plan": "free", "amount": 1.5}),
        json!({"plan": "pro", "amount": 5}),
        json!({"plan": "team", "amount": "5.0"}),
        json!({"plan": null, "amount": 7, "due": "2026-11-02"}),
        json!({"plan": "pro", "cart": {"id": "c-1"}, "due": "2026-10-31"}),
        json!({"amount": "many", "tags": ["old", "new"]}),
    ];
    let lines = (0..).zip(properties).map(|(number, mut properties)| {
        properties["number"] = json!(number);
        let vip = [2, 4].contains(&number);
        let user = json!({"vip": vip});
        let changes = json!({"event_properties": properties, "user_properties": user});
        event(
            number,
            at(shop.clock.yesterday, 600 + number.cast_signed()),
            &changes,
        )
    });
    shop.world.add_events(&lines.collect::<String>());
}

#[test]
fn conditions_take_what_they_say() {
    let clock = Clock::noon();
    let begin = format!("start_at: {}T00:00:00Z", clock.yesterday);
    let keys = WHERE.map(|(name, condition, _)| {
        format!(
            "{begin}, events: [{{name: Page Viewed, rename: {name}, where: {condition}}}], \
             properties: {{event: [number]}}"
        )
    });
    let syncs: Vec<(&str, &str)> = WHERE
        .iter()
        .zip(&keys)
        .map(|(case, keys)| (case.0, keys.as_str()))
        .collect();
    let shop = Shop::new(clock, quiet(&clock), &streams(&syncs));
    six(&shop);
    let plan = shop.plan(0);
    for (name, condition, wanted) in WHERE {
        let log = &plan.resource(&format!("sync.{name}"))["log"];
        let sent = wanted.len();
        assert_eq!(
            (&log["sent"], &log["filtered"]),
            (&json!(sent), &json!(6 - sent)),
            "{condition}"
        );
    }
    shop.apply(0).exits(0);
    let mut found = shop.numbers();
    for (name, condition, wanted) in WHERE {
        assert_eq!(
            found.remove(name).unwrap_or_default(),
            wanted,
            "{condition}"
        );
    }
    assert_eq!(found, BTreeMap::new());
    assert_eq!(
        shop.world.stats().exports(),
        2,
        "one download for all of them"
    );
}

#[test]
fn the_first_entry_that_takes_an_event_says_what_it_becomes() {
    let clock = Clock::noon();
    let keys = format!(
        "start_at: {}T00:00:00Z, events: [{{name: Page Viewed, where: {{event.plan: pro}}, as: purchase, purchase: \
         {{product_id: {{value: seat}}, price: amount, currency: {{value: EUR}}}}}}, \
         {{name: Page Viewed, where: {{event.plan: team}}, rename: Team}}, Page Viewed], \
         properties: {{event: [number, {{from: cart.id, to: cart}}], user: [{{from: vip, to: is_vip}}]}}",
        clock.yesterday
    );
    let shop = Shop::new(clock, quiet(&clock), &streams(&[("views", &keys)]));
    six(&shop);
    let log = shop.plan(0).resource("sync.views")["log"].clone();
    // One of the two purchases has no price.
    assert_eq!(
        (&log["sent"], &log["purchases"]),
        (&json!(5), &json!(1)),
        "{log:#}"
    );
    assert_eq!(log["skipped"], json!({"no_price": 1}));
    shop.apply(0).exits(0);
    let numbers = shop.numbers();
    assert_eq!(
        (&numbers["Team"], &numbers["Page Viewed"]),
        (&vec![2], &vec![0, 3, 5])
    );
    let (events, purchases) = shop.world.happened();
    assert_eq!(purchases.len(), 1);
    let bought = &purchases[0];
    let wanted = json!({"external_id": "cdnow-00001", "app_id": "11111111-1111-4111-8111-111111111111",
        "product_id": "seat", "price": 5, "currency": "EUR", "quantity": 1, "time": bought["time"],
        "properties": {"number": 1, "is_vip": false}, "_update_existing_only": false});
    assert_eq!(*bought, wanted);
    let team = events.iter().find(|event| event["name"] == "Team").unwrap();
    assert_eq!(team["properties"], json!({"number": 2, "is_vip": true}));
}

/// A stream of views from an hour of yesterday, with an event for each hour, numbered by it.
struct Stream {
    shop: Shop,
}

impl Stream {
    fn begun(keys: &str) -> Self {
        let clock = Clock::noon();
        let shop = Shop::new(clock, quiet(&clock), "");
        let lines = (0..32).map(|hour| {
            event(
                hour,
                at(clock.yesterday, hour.cast_signed() * 60 + 30),
                &json!({}),
            )
        });
        shop.world.add_events(&lines.collect::<String>());
        let stream = Self { shop };
        stream.says(keys);
        stream
    }

    /// Writes the configuration: `H4` is the fourth hour of yesterday.
    fn says(&self, keys: &str) {
        let day = self.shop.clock.yesterday;
        let mut keys = format!("{keys}, properties: {{event: [number]}}");
        for hour in (0..32).rev() {
            let time = at(day, hour * 60).to_string();
            keys = keys.replace(&format!("H{hour}"), &time);
        }
        self.shop.project.write(&streams(&[("orders", &keys)]));
    }

    /// Applies, checks that there is nothing left to do, and answers which views Braze has.
    #[track_caller]
    fn applied(&self, hours: i64) -> Vec<u64> {
        self.shop.apply(hours).exits(0);
        self.shop.assert_settled(hours, "after a change");
        self.shop
            .numbers()
            .remove("Page Viewed")
            .unwrap_or_default()
    }

    #[track_caller]
    fn action(&self) -> Value {
        self.shop.plan(0).resource("sync.orders")["action"].clone()
    }
}

fn through(from: u64, to: u64) -> Vec<u64> {
    (from..=to).collect()
}

#[test]
fn a_start_moved_earlier_reads_what_is_new_and_moved_later_nothing() {
    let stream = Stream::begun("events: [Page Viewed], start_at: H20");
    assert_eq!(stream.applied(0), through(20, 31));
    stream.says("events: [Page Viewed], start_at: H10");
    assert_eq!(stream.action(), "update");
    assert_eq!(
        stream.shop.log(0)["hours"],
        10,
        "only the hours that were not read"
    );
    assert_eq!(stream.applied(0), through(10, 31));
    stream.says("events: [Page Viewed], start_at: H25");
    assert_eq!(stream.action(), "update");
    assert_eq!(stream.applied(0), through(10, 31));
    // Back again: what was sent is not sent again.
    stream.says("events: [Page Viewed], start_at: H5");
    assert_eq!(stream.applied(0), through(5, 31));
    assert_eq!(stream.applied(30), through(5, 31));
}

#[test]
fn it_stops_at_its_end_and_goes_on_where_that_is_moved() {
    let stream = Stream::begun("events: [Page Viewed], start_at: H2, stop_at: H10");
    assert_eq!(stream.applied(0), through(2, 9));
    assert_eq!(stream.applied(40), through(2, 9));
    stream.says("events: [Page Viewed], start_at: H2, stop_at: H14");
    assert_eq!(stream.applied(40), through(2, 13));
    stream.says("events: [Page Viewed], start_at: H2");
    assert_eq!(stream.applied(40), through(2, 31));
}

#[test]
fn an_event_that_is_added_goes_from_the_hours_that_are_still_read() {
    let stream = Stream::begun("events: [Page Viewed], start_at: H0");
    let lines = (0..32).map(|hour| {
        let changes = json!({"event_type": "Signed Up"});
        event(
            100 + hour,
            at(stream.shop.clock.yesterday, hour.cast_signed() * 60 + 40),
            &changes,
        )
    });
    stream.shop.world.add_events(&lines.collect::<String>());
    assert_eq!(stream.applied(0), through(0, 31));
    stream.says("events: [Page Viewed, Signed Up], start_at: H0");
    assert_eq!(stream.action(), "update");
    assert_eq!(stream.applied(0), through(0, 31));
    // Hours up to the eighth are closed; all others are read once more a day later.
    assert_eq!(stream.applied(30), through(0, 31));
    assert_eq!(stream.shop.numbers()["Signed Up"], through(109, 131));
}

#[test]
fn a_start_within_an_hour_moves_earlier() {
    let stream = Stream::begun("events: [Page Viewed], start_at: H5");
    let half = at(stream.shop.clock.yesterday, 2 * 60 + 45).to_string();
    stream.says(&format!("events: [Page Viewed], start_at: {half}"));
    assert_eq!(stream.applied(0), through(3, 31));
    stream.says("events: [Page Viewed], start_at: H0");
    assert_eq!(stream.applied(0), through(0, 31));
}

#[test]
fn a_start_that_comes_back_sends_nothing_twice() {
    let stream = Stream::begun("events: [Page Viewed], start_at: H2, stop_at: H10");
    assert_eq!(stream.applied(40), through(2, 9));
    let later = at(stream.shop.clock.yesterday, 20 * 24 * 60).to_string();
    stream.says(&format!("events: [Page Viewed], start_at: {later}"));
    stream.shop.world.add_events(&event(
        500,
        at(stream.shop.clock.yesterday, 21 * 24 * 60),
        &json!({}),
    ));
    let mut wanted = through(2, 9);
    wanted.push(500);
    assert_eq!(stream.applied(23 * 24), wanted);
    stream.says("events: [Page Viewed], start_at: H2");
    let mut wanted = through(2, 31);
    wanted.push(500);
    assert_eq!(stream.applied(23 * 24), wanted);
}
