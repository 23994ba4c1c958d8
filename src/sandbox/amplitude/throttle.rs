//! How many events a device and a user may send (amplitude.md 2, 7.4), as arithmetic on a time that is handed in. It must
//! not look at anything else of an event.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Rates are averages over so many seconds.
const SPAN: i64 = 30;
const HOUR: i64 = 3600;
const DAILY: u64 = 500_000;
const HOURS: i64 = 24;

/// What devices and users sent lately.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    sent: [HashMap<String, Sent>; 2],
    swept: i64,
}

#[derive(Debug, Default)]
struct Sent {
    seconds: VecDeque<(i64, u64)>,
    hours: VecDeque<(i64, u64)>,
}

/// Counts of the older entries are dropped; what is left is added up.
fn total(counts: &mut VecDeque<(i64, u64)>, now: i64, span: i64) -> u64 {
    while counts.front().is_some_and(|(at, _)| *at <= now - span) {
        counts.pop_front();
    }
    counts.iter().map(|(_, count)| count).sum()
}

fn note(counts: &mut VecDeque<(i64, u64)>, now: i64, count: u64) {
    match counts.back_mut() {
        Some((at, counted)) if *at == now => *counted += count,
        _ => counts.push_back((now, count)),
    }
}

impl Throttle {
    /// Counts the events of a request, or returns the answer that refuses all of it: then nothing is counted.
    pub(crate) fn take(
        &mut self,
        events: &[&Map<String, Value>],
        rate: u64,
        now: Timestamp,
    ) -> Result<(), Value> {
        let (second, hour) = (now.as_second(), now.as_second().div_euclid(HOUR));
        self.sweep(second, hour);
        let mut refused: BTreeSet<usize> = BTreeSet::new();
        let mut maps = [(); 4].map(|()| Map::new());
        let wanted = ["device_id", "user_id"].map(|name| places(events, name));
        for (kind, wanted) in wanted.iter().enumerate() {
            for (id, places) in wanted {
                let count = places.len() as u64;
                let sent = self.sent[kind].entry((*id).to_owned()).or_default();
                let lately = total(&mut sent.seconds, second, SPAN) + count;
                let today = total(&mut sent.hours, hour, HOURS) + count;
                let over = [
                    (lately > rate * SPAN as u64, lately.div_ceil(SPAN as u64)),
                    (today > DAILY, today),
                ];
                for (which, (_, value)) in over.iter().enumerate().filter(|(_, (over, _))| *over) {
                    maps[which * 2 + kind].insert((*id).to_owned(), json!(value));
                    refused.extend(places);
                }
            }
        }
        if !refused.is_empty() {
            let [devices, users, devices_daily, users_daily] = maps;
            return Err(json!({
                "code": 429, "error": "Too many requests for some devices and users", "eps_threshold": rate,
                "throttled_devices": devices, "throttled_users": users,
                "exceeded_daily_quota_users": users_daily, "exceeded_daily_quota_devices": devices_daily,
                "throttled_events": refused,
            }));
        }
        for (kind, wanted) in wanted.iter().enumerate() {
            for (id, places) in wanted {
                let sent = self.sent[kind].entry((*id).to_owned()).or_default();
                note(&mut sent.seconds, second, places.len() as u64);
                note(&mut sent.hours, hour, places.len() as u64);
            }
        }
        Ok(())
    }

    /// Forgets, once an hour, who has sent nothing for a day.
    fn sweep(&mut self, second: i64, hour: i64) {
        if self.swept == hour {
            return;
        }
        self.swept = hour;
        for sent in &mut self.sent {
            sent.retain(|_, sent| {
                total(&mut sent.seconds, second, SPAN);
                total(&mut sent.hours, hour, HOURS) > 0
            });
        }
    }
}

fn places<'a>(events: &[&'a Map<String, Value>], name: &str) -> HashMap<&'a str, Vec<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        if let Some(id) = event.get(name).and_then(Value::as_str) {
            places.entry(id).or_default().push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_an_average_and_a_day() {
        let (noisy, other) = (
            json!({"device_id": "noisy"}),
            json!({"device_id": "other", "user_id": "somebody"}),
        );
        let (noisy, other) = (noisy.as_object().unwrap(), other.as_object().unwrap());
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut throttle = Throttle::default();
        let many = |count: usize| vec![noisy; count];
        assert_eq!(throttle.take(&many(900), 30, at(0)), Ok(()));
        let refused = throttle
            .take(&[other, noisy, noisy], 30, at(29))
            .unwrap_err();
        assert_eq!(refused["throttled_devices"], json!({"noisy": 31}));
        assert_eq!(
            (&refused["throttled_events"], &refused["throttled_users"]),
            (&json!([1, 2]), &json!({}))
        );
        assert_eq!(throttle.take(&[other, noisy, noisy], 30, at(30)), Ok(()));
        for round in 0..249 {
            assert_eq!(
                throttle.take(&many(1999), 1000, at(100 + 60 * round)),
                Ok(()),
                "{round}"
            );
        }
        let refused = throttle.take(&many(2000), 1000, at(20_000)).unwrap_err();
        assert_eq!(
            refused["exceeded_daily_quota_devices"],
            json!({"noisy": 500_653})
        );
        assert_eq!(throttle.take(&many(1000), 1000, at(30 * HOUR)), Ok(()));
    }
}
