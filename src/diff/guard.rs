//! The guards: bounds on the effects of a plan. Each finds a number, compares it, and says what it would take to
//! let it through. A guard that refuses stops everything before anything is written.

use crate::model::{
    Guards, Limit, number,
    plan::{Delta, GuardResult, LogPlan},
};

/// Shares mean nothing below so many rows.
const FLOOR: u64 = 10;
/// People who must have been asked about for their share to mean something.
const ASKED: u64 = 1_000;

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
    /// The other cohorts that tell who is in it.
    pub others: Vec<Held<'a>>,
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
    /// Whether it keeps people out.
    pub excludes: bool,
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
    for other in &effects.others {
        let kind = if other.excludes {
            "excluded cohort"
        } else {
            "cohort"
        };
        let what = format!("the {kind} \"{}\"", other.name);
        results.extend(emptied_cohort(effects, other, &what));
        let shrunk = max_shrink(guards, other, &what);
        if other.excludes {
            // It adds people, so an allowance of removals has nothing to say about it.
            results.extend(shrunk.map(|shrunk| shrunk.unlifted("max_shrink")));
        } else if !effects.delta.is_empty() {
            results.extend(shrunk.map(|shrunk| shrunk.lifted(effects)));
        }
    }
    results.extend(max_refused(guards.max_refused, effects.delta));
    let of_file = (effects.source.now, effects.file_rows, "rows");
    results.extend(min_identified(guards.min_identified, of_file));
    results.extend(min_known(guards.min_known, effects.delta));
    results.extend(data_points(guards.max_data_points, effects.data_points));
    let limit = guards.max_new_users;
    results.extend(limit.and_then(|limit| {
        let of = effects.delta.after.max(effects.delta.people);
        new_users(limit, effects.new_users, of)
    }));
    results
}

/// Returns the guards of a log that have something to measure.
pub fn check_log(guards: &Guards, log: &LogPlan, data_points: u64) -> Vec<GuardResult> {
    let skipped = |reason: &str| log.skipped.get(reason).copied().unwrap_or(0);
    let asked = log.found - log.filtered;
    let usable = asked - skipped("no_identifier") - skipped("bad_identifier");
    let identified = min_identified(guards.min_identified, (usable, asked, "events"));
    let points = self::data_points(guards.max_data_points, data_points);
    let sends = log.sent > 0;
    identified
        .into_iter()
        .chain(points)
        .filter(|_| sends)
        .collect()
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

fn emptied_cohort(effects: &Effects, other: &Held, what: &str) -> Option<GuardResult> {
    let held = other.peak;
    let why = if other.excludes {
        "everybody it kept out would be added"
    } else {
        "a broken source looks the same"
    };
    let what = format!("{what} held {} and is empty now: {why}", number(held));
    (other.now == 0 && held > 0).then(|| emptied(effects, what))
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

fn min_identified(
    limit: Option<Limit>,
    (usable, of, what): (u64, u64, &str),
) -> Option<GuardResult> {
    let limit = limit?;
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
                "{} of {} {what} have a usable identifier",
                number(usable),
                number(of)
            )
        }),
        paste: (!ok).then(|| format!("guards: {{min_identified: {}%}}", share.floor())),
    })
}

/// Whether enough of the people are known to Braze: where many are not, the identifier is likely a wrong one.
fn min_known(limit: Option<Limit>, delta: &Delta) -> Option<GuardResult> {
    let limit = limit?;
    let (known, asked) = match delta.asked {
        0 => (delta.confirmed, delta.confirmed + delta.absent),
        asked => (asked - delta.unknown, asked),
    };
    if delta.is_empty() || asked < ASKED {
        return None;
    }
    let share = known as f64 * 100.0 / asked as f64;
    let ok = match limit {
        Limit::None => true,
        Limit::Percent(least) => share >= least,
        Limit::Count(least) => known >= least,
    };
    Some(GuardResult {
        name: "min_known".to_owned(),
        limit: limit.to_string(),
        value: format!("{}%", two_digits(share)),
        ok,
        message: (!ok).then(|| {
            format!(
                "Braze knows {} of {} people who were asked about; `syncform verify` asks again",
                number(known),
                number(asked)
            )
        }),
        paste: (!ok).then(|| format!("guards: {{min_known: {}%}}", share.floor())),
    })
}

/// Returns the guard over how many members of a static cohort Amplitude knows: of so many wanted, so many are set aside.
/// Nothing is measured before anybody was asked about, and below ten members.
pub fn min_match(least: Limit, wanted: u64, aside: u64) -> Option<GuardResult> {
    if aside == 0 || wanted < FLOOR {
        return None;
    }
    let known = wanted.saturating_sub(aside);
    let share = known as f64 * 100.0 / wanted as f64;
    let ok = match least {
        Limit::None => true,
        Limit::Percent(least) => share >= least,
        Limit::Count(least) => known >= least,
    };
    Some(GuardResult {
        name: "min_match".to_owned(),
        limit: least.to_string(),
        value: format!("{}%", two_digits(share)),
        ok,
        message: (!ok).then(|| {
            format!(
                "Amplitude knows {} of {} members",
                number(known),
                number(wanted)
            )
        }),
        paste: (!ok).then(|| format!("min_match: {}%", share.floor())),
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
                "{} of {} rows are set aside, since Braze refused or dropped them; `syncform report` lists those refused, apply --retry-refused tries again",
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
mod tests;
