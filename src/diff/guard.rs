//! The guards: bounds on the effects of a plan. Each finds a number, compares it, and says what it would take to
//! let it through. A guard that refuses stops everything before anything is written.

use crate::model::{
    Address, Guards, Limit,
    plan::{Delta, GuardResult},
};

/// Shares mean nothing below so many rows.
const FLOOR: u64 = 10;

const MAX_REMOVALS: Limit = Limit::Percent(30.0);
const MAX_SHRINK: Limit = Limit::Percent(50.0);

/// What is known about the effects on one resource.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    /// Whose.
    pub address: &'a Address,
    /// Its rows.
    pub delta: &'a Delta,
    /// The most rows recorded in the last 24 hours, doubt included.
    pub peak_rows: u64,
    /// The most the source held in the last 24 hours.
    pub peak_source: u64,
    /// Data points of its rows.
    pub data_points: u64,
    /// Rows that an override still lifts: none without one or past its date.
    pub allowance: Option<Allowance<'a>>,
    /// Whether an empty source may pass.
    pub allow_empty: bool,
    /// Today, for what is to be pasted.
    pub today: jiff::civil::Date,
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
}

/// Returns the guards of one resource that have something to measure.
pub fn check(guards: &Guards, effects: &Effects) -> Vec<GuardResult> {
    let mut results = vec![];
    results.extend(empty_source(effects));
    results.extend(max_removals(guards, effects));
    results.extend(max_shrink(guards, effects));
    results.extend(data_points(guards.max_data_points, effects.data_points));
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
        message: (!ok)
            .then(|| format!("{data_points} data points, and at most {most} are allowed")),
        paste: (!ok).then(|| format!("guards: {{max_data_points: {data_points}}}")),
    })
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
    let held = effects
        .peak_rows
        .max(effects.peak_source)
        .max(effects.delta.before + effects.delta.doubt);
    if effects.delta.after > 0 || held == 0 {
        return None;
    }
    let ok = effects.allow_empty;
    Some(GuardResult {
        name: "empty_source".to_owned(),
        limit: if ok { "allowed" } else { "not allowed" }.to_owned(),
        value: format!("{held} -> 0"),
        ok,
        message: (!ok).then(|| {
            format!("the source held {held} and is empty now: a broken source looks the same")
        }),
        paste: (!ok).then(|| "allow_empty: true".to_owned()),
    })
}

fn max_removals(guards: &Guards, effects: &Effects) -> Option<GuardResult> {
    let removals = effects.delta.remove;
    let of = effects
        .peak_rows
        .max(effects.delta.before + effects.delta.doubt);
    if removals == 0 || of < FLOOR {
        return None;
    }
    let limit = guards.max_removals.unwrap_or(MAX_REMOVALS);
    let what = format!("{removals} of {of} rows would be removed");
    Some(bounded("max_removals", limit, removals, of, &what, effects))
}

fn max_shrink(guards: &Guards, effects: &Effects) -> Option<GuardResult> {
    let (peak, now) = (effects.peak_source, effects.delta.after);
    if now >= peak || peak < FLOOR {
        return None;
    }
    let limit = guards.max_shrink.unwrap_or(MAX_SHRINK);
    let what = format!("the source shrank from {peak} to {now}");
    Some(bounded(
        "max_shrink",
        limit,
        peak - now,
        peak,
        &what,
        effects,
    ))
}

fn bounded(
    name: &str,
    limit: Limit,
    part: u64,
    of: u64,
    what: &str,
    effects: &Effects,
) -> GuardResult {
    let share = part as f64 * 100.0 / of as f64;
    let within = match limit {
        Limit::None => true,
        Limit::Percent(most) => most >= 100.0 || share <= most,
        Limit::Count(most) => part <= most,
    };
    let removals = effects.delta.remove;
    let lifted = effects
        .allowance
        .filter(|allowance| removals <= allowance.max.saturating_sub(allowance.used));
    let message = match (within, lifted, effects.allowance) {
        (true, _, _) => None,
        (false, Some(Allowance { reason, .. }), _) => {
            Some(format!("{what}, allowed by allow_removal: {reason}"))
        }
        (false, None, Some(Allowance { max, used, .. })) => Some(format!(
            "{what}; allow_removal covers {max} rows, of which {used} are used up"
        )),
        (false, None, None) => Some(what.to_owned()),
    };
    let ok = within || lifted.is_some();
    let used = effects.allowance.map_or(0, |allowance| allowance.used);
    let until = effects
        .today
        .checked_add(jiff::Span::new().days(7))
        .unwrap_or(effects.today);
    let paste = format!(
        "allow_removal: {{max: {}, reason: \"why this is right\", until: {until}}}",
        removals + used
    );
    GuardResult {
        name: name.to_owned(),
        limit: limit.to_string(),
        value: format!("{}%", two_digits(share)),
        ok,
        message,
        paste: (!ok).then_some(paste),
    }
}

fn two_digits(share: f64) -> String {
    let text = format!("{share:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        delta: &Delta,
        peak_source: u64,
        allowance: Option<Allowance>,
        guards: &Guards,
    ) -> Vec<(String, bool)> {
        let address = Address::new("sync", "a");
        let effects = Effects {
            address: &address,
            peak_rows: delta.before,
            peak_source,
            delta,
            data_points: 0,
            allowance,
            allow_empty: false,
            today: jiff::civil::date(2026, 11, 22),
        };
        check(guards, &effects)
            .into_iter()
            .map(|guard| (guard.name, guard.ok))
            .collect()
    }

    fn rows(before: u64, after: u64, remove: u64) -> Delta {
        Delta {
            before,
            after,
            remove,
            ..Delta::default()
        }
    }

    #[test]
    fn shares_are_bounded_from_ten_rows_on() {
        let guards = Guards::default();
        let name = |name: &str, ok| vec![(name.to_owned(), ok)];
        assert_eq!(found(&rows(9, 3, 6), 9, None, &guards), vec![]);
        assert_eq!(
            found(&rows(10, 7, 3), 0, None, &guards),
            name("max_removals", true)
        );
        assert_eq!(
            found(&rows(10, 6, 4), 0, None, &guards),
            name("max_removals", false)
        );
        assert_eq!(
            found(&rows(0, 5, 0), 10, None, &guards),
            name("max_shrink", true)
        );
        assert_eq!(
            found(&rows(0, 4, 0), 10, None, &guards),
            name("max_shrink", false)
        );
        assert_eq!(found(&rows(0, 0, 0), 0, None, &guards), vec![]);
        assert_eq!(
            found(&rows(3, 0, 3), 3, None, &guards),
            name("empty_source", false)
        );
    }

    #[test]
    fn an_override_lifts_so_many_rows_and_no_more() {
        let guards = Guards::default();
        let allowance = |used| {
            Some(Allowance {
                max: 70,
                used,
                reason: "clean-up",
            })
        };
        let both = |ok| {
            vec![
                ("max_removals".to_owned(), ok),
                ("max_shrink".to_owned(), ok),
            ]
        };
        assert_eq!(
            found(&rows(100, 31, 69), 100, allowance(0), &guards),
            both(true)
        );
        assert_eq!(
            found(&rows(100, 31, 69), 100, allowance(2), &guards),
            both(false)
        );
        assert_eq!(
            found(&rows(100, 29, 71), 100, allowance(0), &guards),
            both(false)
        );
    }

    #[test]
    fn at_a_hundred_percent_nothing_is_refused() {
        let limit = Some(Limit::Percent(100.0));
        let guards = Guards {
            max_removals: limit,
            max_shrink: limit,
            ..Guards::default()
        };
        assert!(
            found(&rows(100, 1, 99), 500, None, &guards)
                .iter()
                .all(|(_, ok)| *ok)
        );
    }

    #[test]
    fn more_removals_never_make_a_guard_milder() {
        let guards = Guards::default();
        let refused = |remove| {
            found(&rows(100, 100 - remove, remove), 100, None, &guards)
                .iter()
                .any(|(_, ok)| !ok)
        };
        assert!((1..100).is_sorted_by_key(refused));
    }
}
