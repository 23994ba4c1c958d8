//! Hours are read again a day later, and closed once a later hour has data: what comes late is sent, once.

use serde_json::{Value, json};

use super::shop::{Clock, Shop, at, event, hour, quiet, streams};

const KEYS: &str = "events: [Page Viewed], properties: {event: [number]}";

/// A stream from the beginning of yesterday in a quiet world.
fn begun() -> Shop {
    let clock = Clock::noon();
    let keys = format!("start_at: {}T00:00:00Z, {KEYS}", clock.yesterday);
    Shop::new(clock, quiet(&clock), &streams(&[("orders", &keys)]))
}

impl Shop {
    /// Something happens in an hour, counted from the beginning of yesterday.
    fn happens(&self, number: u64, hour: i64) {
        let at = at(self.clock.yesterday, hour * 60 + 7);
        self.world.add_events(&event(number, at, &json!({})));
    }

    /// Applies, checks that there is nothing left to do then, and answers what Braze has.
    #[track_caller]
    fn applied(&self, hours: i64) -> Vec<u64> {
        self.apply(hours).exits(0);
        self.assert_settled(hours, &format!("{hours} hours after noon"));
        self.numbers().remove("Page Viewed").unwrap_or_default()
    }

    /// The hours that a plan reads, counted from the beginning of yesterday: first and last of each range.
    #[track_caller]
    fn due(&self, hours: i64) -> Vec<[i64; 2]> {
        let ranges = self.log(hours)["ranges"].clone();
        let place = |of: &Value| {
            let found = (0..400).find(|hour| self.named(*hour) == *of);
            found.unwrap_or_else(|| panic!("what hour is {of}?"))
        };
        let ranges = ranges.as_array().unwrap().iter();
        ranges
            .map(|range| [place(&range[0]), place(&range[1])])
            .collect()
    }

    fn named(&self, number: i64) -> String {
        hour(self.clock.yesterday, number)
    }

    /// The hours that are closed.
    fn closed(&self) -> Value {
        self.recorded().cursor["closed"].clone()
    }
}

#[test]
fn what_comes_late_is_read_a_day_later_and_then_the_hour_closes() {
    let shop = begun();
    shop.happens(1, 20);
    shop.happens(2, 31);
    assert_eq!(shop.due(0), [[0, 32]]);
    assert_eq!(shop.applied(0), [1, 2]);
    // Read a day after it was there, with data in later hours: hour 8, and nothing after it.
    assert_eq!(shop.closed(), json!([[shop.named(0), shop.named(8)]]));
    shop.happens(3, 20);
    shop.happens(4, 8);
    // It is not read again before a day has passed since it was first there. That is so for hour 9 now.
    assert_eq!(shop.due(1), [[9, 9], [33, 33]]);
    assert_eq!(shop.applied(1), [1, 2]);
    // At 20 + 27 hours and ten minutes of yesterday it is so for hour 20: between eleven and twelve hours after noon.
    assert_eq!(shop.due(11), [[10, 19], [34, 43]]);
    assert_eq!(shop.due(12), [[10, 20], [34, 44]]);
    assert_eq!(shop.applied(12), [1, 2, 3]);
    assert_eq!(shop.closed(), json!([[shop.named(0), shop.named(20)]]));
    // What is closed is never read again, whatever comes.
    shop.happens(5, 20);
    assert_eq!(shop.due(30), [[21, 38], [45, 62]]);
    assert_eq!(shop.applied(30), [1, 2, 3]);
    assert_eq!(shop.closed(), json!([[shop.named(0), shop.named(30)]]));
    let log = shop.log(30);
    assert_eq!((&log["hours"], &log["found"]), (&json!(0), &json!(0)));
}

#[test]
fn hours_without_data_stay_open_until_a_later_one_has_some() {
    let shop = begun();
    shop.happens(1, 3);
    assert_eq!(shop.applied(0), [1]);
    // Nothing came in nine days: each hour was read twice, and is not read for nothing again and again.
    assert_eq!(shop.applied(9 * 24), [1]);
    assert_eq!(shop.due(9 * 24), Vec::<[i64; 2]>::new());
    let closed = json!([[shop.named(0), shop.named(2)]]);
    assert_eq!(shop.closed(), closed);
    // Amplitude catches up: what happened on the way is there, and something later, which tells of it.
    for (number, hour) in [(2, 3), (3, 40), (4, 100), (5, 230)] {
        shop.happens(number, hour);
    }
    // Every hour before it is read once more, and after that never.
    assert_eq!(shop.due(10 * 24), [[3, 272]]);
    assert_eq!(shop.applied(10 * 24), [1, 2, 3, 4, 5]);
    assert_eq!(shop.closed(), json!([[shop.named(0), shop.named(229)]]));
}

#[test]
fn what_was_sent_is_remembered_for_seven_days_before_the_oldest_open_hour() {
    let shop = begun();
    // The same event comes again, in a later hour each time: Amplitude's own rule of seven days.
    shop.happens(1, 3);
    shop.happens(2, 12);
    assert_eq!(shop.applied(0), [1, 2]);
    for day in 1..6 {
        shop.happens(1, 3 + day * 24 + 9);
        shop.happens(2 + day as u64, 3 + day * 24 + 9);
        let log = shop.log(day * 24 + 12);
        assert_eq!(
            log["sent_before"].as_u64().unwrap_or(0) + log["sent"].as_u64().unwrap(),
            log["found"]
        );
        let sent = shop.applied(day * 24 + 12);
        let wanted: Vec<u64> = (1..=2 + day as u64).collect();
        assert_eq!(sent, wanted, "day {day}");
    }
    let kept = shop.recorded().done.len();
    // Long after, what is that old is forgotten, so that the state does not grow.
    shop.happens(100, 20 * 24);
    shop.happens(101, 22 * 24);
    shop.apply(24 * 24).exits(0);
    shop.happens(102, 25 * 24);
    shop.apply(27 * 24).exits(0);
    assert!(shop.recorded().done.len() < kept);
    shop.assert_settled(27 * 24, "long after");
}
