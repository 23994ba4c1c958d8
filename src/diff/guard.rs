//! The guards: bounds on the effects of a plan. Each finds a number, compares it, and says what it would take to
//! let it through. A guard that refuses stops everything before anything is written.

use crate::model::{
    Guards, Limit, number,
    plan::{Delta, GuardResult},
};

/// Shares mean nothing below so many rows.
const FLOOR: u64 = 10;

const MAX_REMOVALS: Limit = Limit::Percent(30.0);
const MAX_SHRINK: Limit = Limit::Percent(50.0);
const MAX_REFUSED: Limit = Limit::Percent(1.0);
/// People an apply may create where nothing else is said.
pub const MAX_NEW_USERS: Limit = Limit::Count(1000);

/// What is known about the effects on one resource.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    /// Its rows.
    pub delta: &'a Delta,
    /// The most rows recorded in the last 24 hours, doubt included.
    pub peak_rows: u64,
    /// The source: people with a usable identifier, before anybody is excluded.
    pub source: Held<'a>,
    /// The excluded cohorts.
    pub excluded: Vec<Held<'a>>,
    /// Rows of the source's file, with or without an identifier.
    pub file_rows: u64,
    /// Data points of its rows.
    pub data_points: u64,
    /// People who would be created.
    pub new_users: u64,
    /// Rows that an override still lifts: none without one or past its date.
    pub allowance: Option<Allowance<'a>>,
    /// Whether an empty source may pass.
    pub allow_empty: bool,
    /// Today, for what is to be pasted.
    pub today: jiff::civil::Date,
}

/// How many people a cohort holds, and held.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Its name.
    pub name: &'a str,
    /// The most in the last 24 hours.
    pub peak: u64,
    /// Now.
    pub now: u64,
}

/// What is left of an `allow_removal`.
#[derive(Clone, Copy, Debug)]
pub struct Allowance<'a> {
    /// Rows it allows in all.
    pub max: u64,
    /// Rows used up by earlier applies.
    pub used: u64,
    /// Why.
    pub reason: &'a str,
    /// Its last day.
    pub until: jiff::civil::Date,
}

/// Returns the guards of one resource that have something to measure.
pub fn check(guards: &Guards, effects: &Effects) -> Vec<GuardResult> {
    let mut results = vec![];
    results.extend(empty_source(effects));
    results.extend(max_removals(guards, effects));
    // A source that shrank and moves no row harms nobody.
    if !effects.delta.is_empty() {
        results.extend(
            max_shrink(guards, &effects.source, "the source").map(|shrunk| shrunk.lifted(effects)),
        );
    }
    // Whoever is no longer excluded is added: an excluded cohort that breaks is as bad as a source that does.
    for excluded in &effects.excluded {
        let what = format!("the excluded cohort \"{}\"", excluded.name);
        results.extend(empty_exclusion(effects, excluded, &what));
        // It adds people, so an allowance of removals has nothing to say about it.
        results.extend(
            max_shrink(guards, excluded, &what).map(|shrunk| shrunk.unlifted("max_shrink")),
        );
    }
    results.extend(max_refused(guards.max_refused, effects.delta));
    results.extend(min_identified(guards.min_identified, effects));
    results.extend(data_points(guards.max_data_points, effects.data_points));
    let limit = guards.max_new_users;
    results.extend(limit.and_then(|limit| {
        let of = effects.delta.after.max(effects.delta.people);
        new_users(limit, effects.new_users, of)
    }));
    results
}

/// Returns the guard over the data points of an apply or a sync; none where there is no limit.
pub fn data_points(limit: Option<Limit>, data_points: u64) -> Option<GuardResult> {
    let limit = limit?;
    let Limit::Count(most) = limit else {
        return None;
    };
    let ok = data_points <= most;
    Some(GuardResult {
        name: "max_data_points".to_owned(),
        limit: limit.to_string(),
        value: data_points.to_string(),
        ok,
        message: (!ok).then(|| {
            format!(
                "{} data points, and at most {} are allowed",
                number(data_points),
                number(most)
            )
        }),
        paste: (!ok).then(|| format!("guards: {{max_data_points: {data_points}}}")),
    })
}

/// Returns the guard over the people whom an apply or a sync would create, of so many who are wanted; none where it
/// creates nobody. People never asked for are not among them.
pub fn new_users(limit: Limit, new_users: u64, of: u64) -> Option<GuardResult> {
    if new_users == 0 {
        return None;
    }
    let all = match of {
        0 => String::new(),
        of => format!(" of {}", number(of)),
    };
    let noun = if new_users == 1 { "person" } else { "people" };
    let what = format!(
        "{}{all} {noun} would be created: Braze was asked and does not know them",
        number(new_users)
    );
    let bounded = Bounded {
        name: "max_new_users",
        limit,
        part: new_users,
        of: of.max(new_users),
        what,
    };
    Some(bounded.unlifted("max_new_users"))
}

/// Returns the guard of a window in which nothing runs.
pub fn frozen(until: jiff::Timestamp, reason: Option<&str>) -> GuardResult {
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    GuardResult {
        name: "freeze".to_owned(),
        limit: until.to_string(),
        value: "now".to_owned(),
        ok: false,
        message: Some(format!("nothing runs until {until}{reason}")),
        paste: None,
    }
}

fn empty_source(effects: &Effects) -> Option<GuardResult> {
    let recorded = effects
        .peak_rows
        .max(effects.delta.before + effects.delta.doubt);
    let (held, now) = (effects.source.peak, effects.source.now);
    if now == 0 && held.max(recorded) > 0 {
        let held = number(held.max(recorded));
        let what =
            format!("the source held {held} and is empty now: a broken source looks the same");
        return Some(emptied(effects, what));
    }
    let held = number(recorded);
    let what = match effects.delta.people {
        0 => format!("nobody is left of {held}: all of the source is excluded"),
        people => format!(
            "no value is left of {held} rows: none of {} people in the source has one",
            number(people)
        ),
    };
    (effects.delta.after == 0 && recorded > 0).then(|| emptied(effects, what))
}

fn empty_exclusion(effects: &Effects, excluded: &Held, what: &str) -> Option<GuardResult> {
    let held = excluded.peak;
    let what = format!(
        "{what} held {} and is empty now: everybody it kept out would be added",
        number(held)
    );
    (excluded.now == 0 && held > 0).then(|| emptied(effects, what))
}

fn emptied(effects: &Effects, what: String) -> GuardResult {
    let ok = effects.allow_empty;
    GuardResult {
        name: "empty_source".to_owned(),
        limit: if ok { "none" } else { "at least 1" }.to_owned(),
        value: "0".to_owned(),
        ok,
        message: (!ok).then_some(what),
        paste: (!ok).then(|| "allow_empty: true".to_owned()),
    }
}

fn min_identified(limit: Option<Limit>, effects: &Effects) -> Option<GuardResult> {
    let limit = limit?;
    let (usable, of) = (effects.source.now, effects.file_rows);
    let share = if of == 0 {
        100.0
    } else {
        usable as f64 * 100.0 / of as f64
    };
    let ok = match limit {
        Limit::None => true,
        Limit::Percent(least) => share >= least,
        Limit::Count(least) => usable >= least,
    };
    Some(GuardResult {
        name: "min_identified".to_owned(),
        limit: limit.to_string(),
        value: format!("{}%", two_digits(share)),
        ok,
        message: (!ok).then(|| {
            format!(
                "{} of {} rows have a usable identifier",
                number(usable),
                number(of)
            )
        }),
        paste: (!ok).then(|| format!("guards: {{min_identified: {}%}}", share.floor())),
    })
}

/// Returns whether so many rows may be set aside. From ten rows on, shares mean something.
pub fn bears_refused(limit: Option<Limit>, refused: u64, of: u64) -> bool {
    match limit.unwrap_or(MAX_REFUSED) {
        _ if refused == 0 => true,
        _ if of < FLOOR => refused < of,
        Limit::None => true,
        Limit::Percent(most) => refused as f64 * 100.0 <= most * of as f64,
        Limit::Count(most) => refused <= most,
    }
}

/// Only where something is to be sent: a sync that rests is not stopped by what Braze refused once.
fn max_refused(limit: Option<Limit>, delta: &Delta) -> Option<GuardResult> {
    let (refused, of) = (delta.set_aside, delta.after);
    if refused == 0 || delta.is_empty() || of < FLOOR {
        return None;
    }
    let ok = bears_refused(limit, refused, of);
    let limit = limit.unwrap_or(MAX_REFUSED);
    let share = refused as f64 * 100.0 / of as f64;
    Some(GuardResult {
        name: "max_refused".to_owned(),
        limit: limit.to_string(),
        value: format!("{}%", two_digits(share)),
        ok,
        message: (!ok).then(|| {
            format!(
                "{} of {} rows are set aside, since Braze refused them; `syncform report` lists them, apply --retry-refused tries again",
                number(refused),
                number(of)
            )
        }),
        paste: (!ok).then(|| format!("guards: {{max_refused: {}%}}", share.ceil())),
    })
}

fn max_removals(guards: &Guards, effects: &Effects) -> Option<GuardResult> {
    let removals = effects.delta.remove + effects.delta.cleared;
    let of = effects
        .peak_rows
        .max(effects.delta.before + effects.delta.doubt);
    if removals == 0 || of < FLOOR {
        return None;
    }
    let limit = guards.max_removals.unwrap_or(MAX_REMOVALS);
    let loses = match effects.delta.cleared {
        0 => "",
        _ => " or lose a value",
    };
    let what = format!(
        "{} of {} rows would be removed{loses}",
        number(removals),
        number(of)
    );
    Some(
        Bounded {
            name: "max_removals",
            limit,
            part: removals,
            of,
            what,
        }
        .lifted(effects),
    )
}

fn max_shrink(guards: &Guards, held: &Held, what: &str) -> Option<Bounded> {
    let Held { peak, now, .. } = *held;
    if now >= peak || peak < FLOOR || now == 0 {
        return None;
    }
    let limit = guards.max_shrink.unwrap_or(MAX_SHRINK);
    let what = format!("{what} shrank from {} to {}", number(peak), number(now));
    Some(Bounded {
        name: "max_shrink",
        limit,
        part: peak - now,
        of: peak,
        what,
    })
}

/// A part of a whole, and how much of it may be.
struct Bounded {
    name: &'static str,
    limit: Limit,
    part: u64,
    of: u64,
    what: String,
}

impl Bounded {
    fn share(&self) -> f64 {
        self.part as f64 * 100.0 / self.of as f64
    }

    /// In the unit of the limit.
    fn value(&self) -> String {
        match self.limit {
            Limit::Count(_) => self.part.to_string(),
            Limit::None | Limit::Percent(_) => format!("{}%", two_digits(self.share())),
        }
    }

    fn within(&self) -> bool {
        match self.limit {
            Limit::None => true,
            Limit::Percent(most) => most >= 100.0 || self.share() <= most,
            Limit::Count(most) => self.part <= most,
        }
    }

    /// The result where only the guard itself can be widened.
    fn unlifted(self, guard: &str) -> GuardResult {
        let wider = self.share().ceil();
        let paste = match self.limit {
            Limit::Count(_) => format!("guards: {{{guard}: {}}}", self.part),
            Limit::None | Limit::Percent(_) => format!("guards: {{{guard}: {wider}%}}"),
        };
        self.result(None, paste)
    }

    /// The result where an allowance of removals may lift it.
    fn lifted(self, effects: &Effects) -> GuardResult {
        let removals = effects.delta.remove + effects.delta.cleared;
        let week = jiff::Span::new().days(7);
        // What is used up counts for the same reason and day alone: with others it would be another override.
        let anew = (
            0,
            "why this is right",
            effects.today.checked_add(week).unwrap_or(effects.today),
        );
        let (used, reason, until) = effects.allowance.map_or(anew, |allowance| {
            (allowance.used, allowance.reason, allowance.until)
        });
        let reason = serde_json::Value::from(reason);
        let max = removals + used;
        let paste = format!("allow_removal: {{max: {max}, reason: {reason}, until: {until}}}");
        self.result(
            effects.allowance.map(|allowance| (allowance, removals)),
            paste,
        )
    }

    fn result(self, allowance: Option<(Allowance, u64)>, paste: String) -> GuardResult {
        let (within, value, what) = (self.within(), self.value(), self.what);
        let (ok, message) = match allowance {
            _ if within => (true, None),
            Some((
                Allowance {
                    max, used, reason, ..
                },
                removals,
            )) if removals <= max.saturating_sub(used) => (
                true,
                Some(format!("{what}, allowed by allow_removal: {reason}")),
            ),
            Some((Allowance { max, used, .. }, _)) => (
                false,
                Some(format!(
                    "{what}; allow_removal covers {max} rows, of which {used} are used up"
                )),
            ),
            None => (false, Some(what)),
        };
        GuardResult {
            name: self.name.to_owned(),
            limit: self.limit.to_string(),
            value,
            ok,
            message,
            paste: (!ok).then_some(paste),
        }
    }
}

fn two_digits(share: f64) -> String {
    let text = format!("{share:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
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
            },
            excluded: vec![],
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
        let pasted =
            r#"allow_removal: {max: 6, reason: "a \"spring\" clean-up", until: 2026-12-01}"#;
        assert_eq!(with(Some(allowance)), ("2".to_owned(), pasted.to_owned()));
        let pasted = r#"allow_removal: {max: 2, reason: "why this is right", until: 2026-11-29}"#;
        assert_eq!(with(None), ("2".to_owned(), pasted.to_owned()));
    }

    #[test]
    fn an_excluded_cohort_that_breaks_stops_too() {
        let delta = rows(100, 160, 0);
        let with = |peak, now| {
            let excluded = vec![Held {
                name: "Do not contact",
                peak,
                now,
            }];
            found(
                &DEFAULT,
                &Effects {
                    excluded,
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
        let excluded = vec![Held {
            name: "Do not contact",
            peak: 60,
            now: 20,
        }];
        let effects = Effects {
            excluded,
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
        let words =
            "1,201 of 4,000 people would be created: Braze was asked and does not know them";
        assert_eq!(refused.message.as_deref(), Some(words));
        let paste = refused.paste.as_deref();
        assert_eq!(paste, Some("guards: {max_new_users: 31%}"));
    }
}
