//! Hours and files: when they are due, and how far a cursor goes.

use proptest::prelude::*;

use super::*;

const FIRST: Hour = Hour(1000);
const BOUNDS: Bounds = Bounds {
    start: FIRST.0 * HOUR,
    stop: None,
};

fn from(hour: i64) -> Bounds {
    Bounds {
        start: Hour(hour).start(),
        stop: None,
    }
}

/// A time so many minutes after an hour can be read.
fn after(hour: Hour, minutes: i64) -> Millis {
    hour.start() + DELAY + minutes * MINUTE
}

fn read(hours: &[(i64, bool)], at: Millis) -> BTreeMap<Hour, Reading> {
    let reading = |(hour, data): &(i64, bool)| (Hour(*hour), Reading { at, data: *data });
    hours.iter().map(reading).collect()
}

#[test]
fn an_hour_is_read_twice_and_closed() {
    let fresh = HourCursor::default();
    let now = after(FIRST, 0);
    assert_eq!(due(&fresh, BOUNDS, now), [FIRST]);
    assert_eq!(due(&fresh, BOUNDS, now - 1), []);
    let once = advanced(&fresh, BOUNDS, &read(&[(1000, true)], now));
    assert_eq!((once.closed.len(), due(&once, BOUNDS, now)), (0, vec![]));
    // The next hours come, and the first is not asked for again until a day has passed.
    let now = after(Hour(1023), 59);
    let later: Vec<(i64, bool)> = (1001..=1023).map(|hour| (hour, true)).collect();
    let next = advanced(&once, BOUNDS, &read(&later, now));
    assert_eq!((next.closed.len(), due(&next, BOUNDS, now)), (0, vec![]));
    let now = after(Hour(1024), 0);
    assert_eq!(due(&next, BOUNDS, now), [FIRST, Hour(1024)]);
    let last = advanced(&next, BOUNDS, &read(&[(1000, true), (1024, true)], now));
    assert_eq!(last.closed, [(FIRST, FIRST)]);
    assert_eq!(due(&last, BOUNDS, now), []);
}

#[test]
fn what_is_old_is_read_once_and_the_last_waits_for_data() {
    let now = after(Hour(1100), 0);
    let all: Vec<(i64, bool)> = (1000..=1100).map(|hour| (hour, hour <= 1050)).collect();
    let cursor = advanced(&HourCursor::default(), BOUNDS, &read(&all, now));
    // Up to the last with data, and not those that are less than a day old.
    assert_eq!(cursor.closed, [(FIRST, Hour(1049))]);
    assert_eq!(due(&cursor, BOUNDS, now), []);
    // Where data comes at last, what was empty before is asked once more.
    let now = after(Hour(1101), 0);
    let cursor = advanced(&cursor, BOUNDS, &read(&[(1101, true)], now));
    let again: Vec<Hour> = (1050..=1077).map(Hour).collect();
    assert_eq!(due(&cursor, BOUNDS, now), again);
    let readings: Vec<(i64, bool)> = (1050..=1077).map(|hour| (hour, false)).collect();
    let cursor = advanced(&cursor, BOUNDS, &read(&readings, now));
    assert_eq!(cursor.closed, [(FIRST, Hour(1077))]);
    assert_eq!(due(&cursor, BOUNDS, now), []);
}

#[test]
fn an_earlier_start_and_a_stop_bound_what_is_due() {
    let now = after(Hour(1100), 0);
    let all: Vec<(i64, bool)> = (1000..=1100).map(|hour| (hour, true)).collect();
    let cursor = advanced(&HourCursor::default(), BOUNDS, &read(&all, now));
    let earlier: Vec<Hour> = (990..1000).map(Hour).collect();
    assert_eq!(due(&cursor, from(990), now), earlier);
    assert_eq!(
        due(
            &HourCursor::default(),
            Bounds {
                stop: Some(Hour(1002).start()),
                ..BOUNDS
            },
            now
        ),
        [FIRST, Hour(1001)]
    );
}

#[test]
fn what_was_not_sent_is_due_again() {
    let now = after(Hour(1100), 0);
    let all: Vec<(i64, bool)> = (1000..=1100).map(|hour| (hour, true)).collect();
    let before = HourCursor::default();
    let next = advanced(&before, BOUNDS, &read(&all, now));
    let missing = BTreeSet::from([Hour(1010), Hour(1000), Hour(1095)]);
    let cursor = held(next, &before, &missing);
    assert_eq!(
        due(&cursor, BOUNDS, now),
        missing.into_iter().collect::<Vec<_>>()
    );
    assert_eq!(remembered(&cursor), Hour(1000 - 168));
    let cursor = advanced(&cursor, BOUNDS, &read(&[(1000, true)], now));
    assert_eq!(remembered(&cursor), Hour(1010 - 168));
}

#[test]
fn a_kept_reading_serves_as_long_as_nothing_newer_is_wanted() {
    let (early, late) = (after(FIRST, 5), after(FIRST, 25 * 60));
    assert!(serves(FIRST, early, early + HOUR, None));
    assert!(!serves(FIRST, early, late, None), "the last reading is due");
    assert!(serves(
        FIRST,
        late,
        late,
        Some(&HourRead {
            at: early,
            later: true,
            within: None
        })
    ));
    assert!(!serves(
        FIRST,
        late,
        late,
        Some(&HourRead {
            at: late,
            later: false,
            within: None
        })
    ));
    assert!(
        !serves(FIRST, FIRST.start(), early, None),
        "read before it could be"
    );
}

#[test]
fn files_are_read_once_and_forgotten_after_fourteen_days() {
    let file = |hour: i64| FileRead {
        hour: Hour(hour),
        size: 7,
    };
    let files = BTreeMap::from([
        ("a".to_owned(), file(1000)),
        ("b".to_owned(), file(1336)),
        ("c".to_owned(), file(1337)),
    ]);
    let fresh = FileCursor::default();
    assert!(is_file_due(&fresh, "a", Hour(1000), 7));
    let cursor = files_advanced(&fresh, &files, Hour(1337).start());
    assert_eq!(cursor.read.len(), 2);
    assert!(!is_file_due(&cursor, "a", Hour(1000), 7), "long gone");
    assert!(!is_file_due(&cursor, "b", Hour(1336), 7) && is_file_due(&cursor, "b", Hour(1336), 8));
    assert!(is_file_due(&cursor, "d", Hour(1001), 7));
    let missing = BTreeMap::from([("a".to_owned(), Hour(1000))]);
    let cursor = files_held(
        files_advanced(&fresh, &files, Hour(1337).start()),
        &fresh,
        &missing,
    );
    assert!(is_file_due(&cursor, "a", Hour(1000), 7) && !is_file_due(&cursor, "c", Hour(1337), 7));
}

#[test]
fn a_file_of_the_future_makes_no_file_too_old() {
    let file = |hour: i64| FileRead {
        hour: Hour(hour),
        size: 7,
    };
    let files = BTreeMap::from([
        ("a".to_owned(), file(1000)),
        ("z".to_owned(), file(900_000)),
    ]);
    let cursor = files_advanced(&FileCursor::default(), &files, Hour(1001).start());
    assert_eq!(cursor.before, Some(Hour(1001 - FILES_REMEMBERED)));
    assert!(is_file_due(&cursor, "b", Hour(1001), 7));
    assert!(!is_file_due(&cursor, "z", Hour(900_000), 7));
}

#[test]
fn an_earlier_start_misses_what_is_not_looked_at() {
    let cursor = FileCursor {
        before: Some(Hour(1000)),
        ..FileCursor::default()
    };
    let missed = |was: Option<i64>, start: Option<i64>| {
        let missed = files_missed(&cursor, was.map(Hour), start.map(Hour));
        missed.map(|hour| hour.0)
    };
    assert_eq!(missed(Some(900), Some(800)), Some(900));
    assert_eq!(missed(Some(1200), Some(800)), Some(1000));
    assert_eq!(missed(Some(900), None), Some(900));
    assert_eq!(missed(Some(1200), Some(1100)), None);
    assert_eq!(missed(None, Some(800)), None, "all was read before");
    assert_eq!(missed(Some(900), Some(900)), None);
    let fresh = FileCursor::default();
    assert_eq!(files_missed(&fresh, Some(Hour(2)), None), None);
}

proptest! {
    /// Closed ranges are a set: closing and opening in any order gives what a set gives.
    #[test]
    fn ranges_are_a_set(steps in prop::collection::vec((0_i64..40, any::<bool>()), 0..120)) {
        let (mut closed, mut set) = (vec![], BTreeSet::new());
        for (hour, closes) in steps {
            let hour = Hour(hour);
            if closes {
                close(&mut closed, hour);
                set.insert(hour);
            } else {
                reopen(&mut closed, hour);
                set.remove(&hour);
            }
            let held: Vec<Hour> = closed.iter().flat_map(|(from, to)| (from.0..=to.0).map(Hour)).collect();
            prop_assert_eq!(held, set.iter().copied().collect::<Vec<_>>());
            prop_assert!(closed.windows(2).all(|pair| pair[0].1.0 + 1 < pair[1].0.0));
        }
    }
}

#[test]
fn an_hour_in_which_a_sync_begins_stays_open_for_an_earlier_begin() {
    let now = after(Hour(1100), 0);
    let late = Bounds {
        start: FIRST.start() + 45 * MINUTE,
        stop: Some(Hour(1002).start() + MINUTE),
    };
    let all = [(1000, true), (1001, true), (1002, true), (1003, true)];
    let cursor = advanced(&HourCursor::default(), late, &read(&all, now));
    assert_eq!(cursor.closed, [(Hour(1001), Hour(1001))]);
    assert_eq!(due(&cursor, late, now), []);
    let earlier = Bounds {
        start: FIRST.start() + MINUTE,
        ..late
    };
    assert_eq!(due(&cursor, earlier, now), [FIRST]);
    let longer = Bounds {
        stop: Some(Hour(1003).start()),
        ..late
    };
    assert_eq!(due(&cursor, longer, now), [Hour(1002)]);
    let cursor = advanced(&cursor, BOUNDS, &read(&[(1000, true), (1002, true)], now));
    assert_eq!(cursor.closed, [(FIRST, Hour(1002))]);
}

#[test]
fn a_reading_from_before_later_data_closes_nothing() {
    let early = after(Hour(1030), 0);
    let alone = advanced(
        &HourCursor::default(),
        BOUNDS,
        &read(&[(1000, false)], early),
    );
    let now = early + 2 * HOUR;
    let mut readings = read(&[(1032, true)], now);
    readings.extend(read(&[(1000, false)], early));
    let cursor = advanced(&alone, BOUNDS, &readings);
    assert_eq!(cursor.closed, []);
    let due: Vec<Hour> = due(&cursor, BOUNDS, now)
        .into_iter()
        .filter(|hour| *hour == FIRST)
        .collect();
    assert_eq!(due, [FIRST]);
}
