//! Hours are downloaded once: by a plan or by the apply after it, for one stream or for several.

use serde_json::json;

use super::shop::{Clock, Shop, assert_adds_up, at, event, quiet, streams};

const VIEWS: &str = "events: [Page Viewed], properties: {event: [number]}";
const TAKES: &str = "events: [{name: Page Viewed, rename: Seen, where: {event.number: {min: 2}}}], properties: {event: [number]}";

fn begun(syncs: &[(&str, &str)]) -> Shop {
    let clock = Clock::noon();
    let start = format!("start_at: {}T00:00:00Z, ", clock.yesterday);
    let syncs: Vec<(&str, String)> = syncs
        .iter()
        .map(|(name, keys)| (*name, start.clone() + keys))
        .collect();
    let syncs: Vec<(&str, &str)> = syncs
        .iter()
        .map(|(name, keys)| (*name, keys.as_str()))
        .collect();
    let shop = Shop::new(clock, quiet(&clock), &streams(&syncs));
    let events = (1..4).map(|number| {
        event(
            number,
            at(clock.yesterday, 60 * number.cast_signed()),
            &json!({}),
        )
    });
    shop.world.add_events(&events.collect::<String>());
    shop
}

#[test]
fn what_a_plan_read_an_apply_does_not_download() {
    let shop = begun(&[("views", VIEWS)]);
    let log = shop.plan(0).resource("sync.views")["log"].clone();
    assert_eq!((&log["hours"], &log["sent"]), (&json!(33), &json!(3)));
    // A day and a half of hours, 24 of them in one archive.
    assert_eq!(shop.world.stats().exports(), 2);
    shop.plan(0);
    shop.apply(0).exits(0);
    assert_eq!(shop.world.stats().exports(), 2);
    assert_eq!(shop.numbers()["Page Viewed"], [1, 2, 3]);
    shop.assert_settled(0, "after the apply");
    // An hour later one more can be read, and one once more. What a saved plan read, its apply does not download.
    shop.run(1, &["plan", "--out", "plan.tar"]).exits(0);
    let exports = shop.world.stats().exports();
    assert_eq!(exports, 4);
    shop.world
        .add_events(&event(9, at(shop.clock.yesterday, 33 * 60), &json!({})));
    shop.run(1, &["apply", "plan.tar"]).exits(0);
    assert_eq!(shop.world.stats().exports(), exports);
    assert_eq!(shop.numbers()["Page Viewed"], [1, 2, 3]);
}

#[test]
fn two_streams_share_their_downloads() {
    let shop = begun(&[("seen", TAKES), ("views", VIEWS)]);
    let plan = shop.plan(0);
    for (name, sent) in [("sync.seen", 2), ("sync.views", 3)] {
        let resource = plan.resource(name);
        assert_adds_up(resource);
        assert_eq!(resource["log"]["sent"], sent, "{name}");
    }
    assert_eq!(shop.world.stats().exports(), 2);
    shop.apply(0).exits(0);
    assert_eq!(shop.world.stats().exports(), 2);
    let numbers = shop.numbers();
    assert_eq!(
        (&numbers["Seen"], &numbers["Page Viewed"]),
        (&vec![2, 3], &vec![1, 2, 3])
    );
    shop.assert_settled(0, "after the apply");
}

#[test]
fn one_of_them_alone_reads_what_it_needs() {
    let shop = begun(&[("seen", TAKES), ("views", VIEWS)]);
    shop.run(0, &["apply", "--auto-approve", "--only", "sync.seen"])
        .exits(0);
    assert_eq!(shop.world.stats().exports(), 2);
    let numbers = shop.numbers();
    assert_eq!((numbers.len(), &numbers["Seen"]), (1, &vec![2, 3]));
    shop.apply(0).exits(0);
    assert_eq!(shop.numbers()["Page Viewed"], [1, 2, 3]);
    assert_eq!(shop.numbers()["Seen"], [2, 3]);
}
