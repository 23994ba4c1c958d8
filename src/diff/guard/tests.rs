//! Bounds at their edges, and what allows them.

use super::*;

const DEFAULT: Guards = Guards {
    max_removals: None,
    max_shrink: None,
    max_data_points: None,
    max_new_users: None,
    max_refused: None,
    min_identified: None,
    min_known: None,
};

fn effects(delta: &Delta, peak_source: u64) -> Effects<'_> {
    Effects {
        peak_rows: delta.before,
        source: Held {
            name: "source",
            peak: peak_source,
            now: delta.after,
            excludes: false,
        },
        others: vec![],
        file_rows: delta.after,
        delta,
        data_points: 0,
        new_users: 0,
        allowance: None,
        allow_empty: false,
        today: jiff::civil::date(2026, 11, 22),
    }
}

fn found(guards: &Guards, effects: &Effects) -> Vec<(String, bool)> {
    check(guards, effects)
        .into_iter()
        .map(|guard| (guard.name, guard.ok))
        .collect()
}

fn rows(before: u64, after: u64, remove: u64) -> Delta {
    Delta {
        before,
        after,
        add: (after + remove).saturating_sub(before),
        remove,
        ..Delta::default()
    }
}

fn one(name: &str, ok: bool) -> Vec<(String, bool)> {
    vec![(name.to_owned(), ok)]
}

#[test]
fn shares_are_bounded_from_ten_rows_on() {
    let table = [
        (rows(9, 3, 6), 9, vec![]),
        (rows(10, 7, 3), 0, one("max_removals", true)),
        (rows(10, 6, 4), 0, one("max_removals", false)),
        (rows(0, 5, 0), 10, one("max_shrink", true)),
        (rows(0, 4, 0), 10, one("max_shrink", false)),
        (rows(0, 0, 0), 0, vec![]),
        // It shrank before, and nothing moves any more.
        (rows(4, 4, 0), 10, vec![]),
        (rows(3, 0, 3), 3, one("empty_source", false)),
    ];
    for (delta, peak, expected) in table {
        assert_eq!(
            found(&DEFAULT, &effects(&delta, peak)),
            expected,
            "{delta:?} of {peak}"
        );
    }
}

#[test]
fn an_override_lifts_so_many_rows_and_no_more() {
    let both = |ok| {
        vec![
            ("max_removals".to_owned(), ok),
            ("max_shrink".to_owned(), ok),
        ]
    };
    let table = [
        (rows(100, 31, 69), 0, true),
        (rows(100, 31, 69), 2, false),
        (rows(100, 29, 71), 0, false),
    ];
    for (delta, used, ok) in table {
        let allowance = Some(Allowance {
            max: 70,
            used,
            reason: "clean-up",
            until: jiff::civil::date(2026, 12, 1),
        });
        let effects = Effects {
            allowance,
            ..effects(&delta, 100)
        };
        assert_eq!(
            found(&DEFAULT, &effects),
            both(ok),
            "{delta:?}, {used} used"
        );
    }
}

#[test]
fn what_is_to_be_pasted_widens_the_override_there_is() {
    let delta = rows(20, 14, 2);
    let with = |allowance| {
        let guards = Guards {
            max_removals: Some(Limit::Count(1)),
            ..DEFAULT
        };
        let effects = Effects {
            allowance,
            ..effects(&delta, 0)
        };
        let [guard] = check(&guards, &effects).try_into().unwrap();
        (guard.value, guard.paste.unwrap())
    };
    let allowance = Allowance {
        max: 5,
        used: 4,
        reason: "a \"spring\" clean-up",
        until: jiff::civil::date(2026, 12, 1),
    };
    let pasted = r#"allow_removal: {max: 6, reason: "a \"spring\" clean-up", until: 2026-12-01}"#;
    assert_eq!(with(Some(allowance)), ("2".to_owned(), pasted.to_owned()));
    let pasted = r#"allow_removal: {max: 2, reason: "why this is right", until: 2026-11-29}"#;
    assert_eq!(with(None), ("2".to_owned(), pasted.to_owned()));
}

#[test]
fn an_excluded_cohort_that_breaks_stops_too() {
    let delta = rows(100, 160, 0);
    let with = |peak, now| {
        let others = vec![Held {
            name: "Do not contact",
            peak,
            now,
            excludes: true,
        }];
        found(
            &DEFAULT,
            &Effects {
                others,
                ..effects(&delta, 160)
            },
        )
    };
    assert_eq!(with(60, 0), one("empty_source", false));
    assert_eq!(with(60, 20), one("max_shrink", false));
    assert_eq!(with(60, 40), one("max_shrink", true));
    assert_eq!(with(60, 61), vec![]);
    assert_eq!(with(0, 0), vec![]);
    // An allowance of removals is about something else.
    let allowance = Some(Allowance {
        max: 1000,
        used: 0,
        reason: "clean-up",
        until: jiff::civil::date(2026, 12, 1),
    });
    let others = vec![Held {
        name: "Do not contact",
        peak: 60,
        now: 20,
        excludes: true,
    }];
    let effects = Effects {
        others,
        allowance,
        ..effects(&delta, 160)
    };
    assert_eq!(found(&DEFAULT, &effects), one("max_shrink", false));
}

#[test]
fn a_source_that_is_all_excluded_is_not_an_empty_one() {
    for (recorded, expected) in [
        (rows(0, 0, 0), vec![]),
        (rows(9, 0, 9), one("empty_source", false)),
    ] {
        let source = Held {
            name: "a",
            peak: 146,
            now: 146,
            excludes: false,
        };
        assert_eq!(
            found(
                &DEFAULT,
                &Effects {
                    source,
                    ..effects(&recorded, 0)
                }
            ),
            expected
        );
    }
}

#[test]
fn a_source_without_identifiers_is_seen() {
    let guards = Guards {
        min_identified: Some(Limit::Percent(80.0)),
        ..DEFAULT
    };
    let delta = rows(0, 79, 0);
    let with = |file_rows| {
        found(
            &guards,
            &Effects {
                file_rows,
                ..effects(&delta, 0)
            },
        )
    };
    assert_eq!(
        (with(100), with(98)),
        (one("min_identified", false), one("min_identified", true))
    );
}

#[test]
fn refused_rows_have_a_bound_where_something_is_sent() {
    let with = |set_aside, change| {
        let delta = Delta {
            change,
            set_aside,
            ..rows(750, 750, 0)
        };
        found(&DEFAULT, &effects(&delta, 750))
    };
    assert_eq!(with(7, 1), one("max_refused", true));
    assert_eq!(with(10, 1), one("max_refused", false));
    assert_eq!((with(10, 0), with(0, 1)), (vec![], vec![]));
}

#[test]
fn at_a_hundred_percent_nothing_is_refused() {
    let limit = Some(Limit::Percent(100.0));
    let guards = Guards {
        max_removals: limit,
        max_shrink: limit,
        ..DEFAULT
    };
    assert!(
        found(&guards, &effects(&rows(100, 1, 99), 500))
            .iter()
            .all(|(_, ok)| *ok)
    );
}

#[test]
fn more_removals_never_make_a_guard_milder() {
    let refused = |remove: &u64| {
        found(&DEFAULT, &effects(&rows(100, 100 - remove, *remove), 100))
            .iter()
            .any(|(_, ok)| !ok)
    };
    assert!((1..100).collect::<Vec<u64>>().is_sorted_by_key(refused));
}

#[test]
fn so_many_new_people_and_no_more() {
    let ok = |limit, new: u64, of| super::new_users(limit, new, of).map(|guard| guard.ok);
    for limit in [Limit::None, Limit::Count(0), Limit::Percent(0.0)] {
        assert_eq!(ok(limit, 0, 10), None, "nobody new is nothing to tell");
    }
    assert_eq!(ok(MAX_NEW_USERS, 1_000, 5_000), Some(true));
    assert_eq!(ok(MAX_NEW_USERS, 1_001, 5_000), Some(false));
    assert_eq!(ok(Limit::None, 9, 10), Some(true));
    assert_eq!(ok(Limit::Percent(100.0), 10, 10), Some(true));
    assert_eq!(ok(Limit::Percent(50.0), 5, 10), Some(true));
    assert_eq!(ok(Limit::Percent(50.0), 6, 10), Some(false));
    let refused = super::new_users(Limit::Percent(20.0), 1_201, 4_000).unwrap();
    let words = "1,201 of 4,000 people would be created: Braze was asked and does not know them";
    assert_eq!(refused.message.as_deref(), Some(words));
    let paste = refused.paste.as_deref();
    assert_eq!(paste, Some("guards: {max_new_users: 31%}"));
}

#[test]
fn few_people_known_to_braze_stop_a_plan_once_a_thousand_were_asked_about() {
    let guards = Guards {
        min_known: Some(Limit::Percent(90.0)),
        ..DEFAULT
    };
    let of = |confirmed, absent, add| Delta {
        confirmed,
        absent,
        add,
        before: 2_000,
        after: 2_000,
        ..Delta::default()
    };
    let table = [
        (of(899, 100, 1), vec![]),
        (of(899, 101, 1), one("min_known", false)),
        (of(900, 100, 1), one("min_known", true)),
        // Nothing is sent.
        (of(0, 2_000, 0), vec![]),
    ];
    for (delta, wanted) in table {
        assert_eq!(found(&guards, &effects(&delta, 2_000)), wanted, "{delta:?}");
    }
    // Before a first apply those who were asked for count.
    let first = Delta {
        asked: 1_500,
        unknown: 200,
        ..of(10, 0, 1)
    };
    let guard = &check(&guards, &effects(&first, 2_000))[0];
    assert_eq!(
        (guard.ok, guard.value.as_str(), guard.paste.as_deref()),
        (false, "86.67%", Some("guards: {min_known: 86%}"))
    );
}
