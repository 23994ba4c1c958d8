//! Cohort downloads a month against the quota: at most one a cohort and run of its fastest sync.
//! A warning with its sums; what was really spent is the usage endpoint's word.

use indexmap::IndexMap;

use super::sources;
use crate::{
    config::{Cadence, CadenceWord, CohortRef, Configuration, Resource},
    model::{Diagnostic, Severity},
};

/// Cohorts named in the sums.
const SHOWN: usize = 5;
/// Name of the finding.
pub const QUOTA: &str = "download-quota";

/// A cohort, how often it is downloaded in a month, and by whom.
type Fastest<'a> = IndexMap<CohortRef, (u64, &'a Resource)>;

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    found.extend(over(
        configuration,
        configuration.amplitude.monthly_downloads,
    ));
}

/// Returns how many cohort downloads a configuration may take in a month.
pub fn monthly(configuration: &Configuration) -> u64 {
    let fastest = fastest(configuration);
    fastest.values().map(|(runs, _)| runs).sum()
}

fn fastest(configuration: &Configuration) -> Fastest<'_> {
    let mut fastest = Fastest::new();
    for (resource, source) in sources(configuration) {
        if resource.settings.paused == Some(true) {
            continue;
        }
        let runs = runs(resource.settings.cadence.as_ref());
        let excluded = resource
            .settings
            .exclude
            .iter()
            .flatten()
            .map(|one| one.cohort.clone());
        for cohort in std::iter::once(source.cohort).chain(excluded) {
            let slot = fastest.entry(cohort).or_insert((runs, resource));
            if runs > slot.0 {
                *slot = (runs, resource);
            }
        }
    }
    fastest.sort_by(|_, a, _, b| b.0.cmp(&a.0));
    fastest
}

/// Returns what is wrong with a quota that is too small, if it is.
pub fn over(configuration: &Configuration, quota: u64) -> Option<Diagnostic> {
    let fastest = fastest(configuration);
    let sum: u64 = fastest.values().map(|(runs, _)| runs).sum();
    let (_, (_, resource)) = fastest.first().filter(|_| sum > quota)?;
    let mut parts: Vec<String> = fastest
        .iter()
        .take(SHOWN)
        .map(|(cohort, (runs, _))| format!("{} {runs}", words(cohort)))
        .collect();
    if fastest.len() > SHOWN {
        let rest: u64 = fastest.values().skip(SHOWN).map(|(runs, _)| runs).sum();
        parts.push(format!("{} others {rest}", fastest.len() - SHOWN));
    }
    Some(Diagnostic {
        code: QUOTA,
        severity: Severity::Warning,
        place: resource.origin.place("/cadence"),
        message: format!(
            "up to {sum} cohort downloads a month, and the quota is {quota}: {}",
            parts.join(", ")
        ),
        hint: Some(
            "slow the fastest down, or say your own quota as amplitude.monthly_downloads".into(),
        ),
    })
}

fn words(cohort: &CohortRef) -> String {
    match cohort {
        CohortRef::Name(name) => format!("\"{name}\""),
        CohortRef::Id { id } => id.clone(),
    }
}

/// Returns the runs in a month of thirty days.
pub fn runs(cadence: Option<&Cadence>) -> u64 {
    match cadence {
        Some(Cadence::Word(CadenceWord::Once)) => 1,
        Some(Cadence::Word(CadenceWord::Hourly | CadenceWord::Realtime)) => 24 * 30,
        None | Some(Cadence::Word(CadenceWord::Daily)) => 30,
        Some(Cadence::Cron { cron, .. }) => cron_runs(cron),
    }
}

/// Runs of a cron expression in thirty days, near enough for a warning.
fn cron_runs(cron: &str) -> u64 {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return 30;
    };
    let a_day = count(minute, 60) * count(hour, 24);
    let days = count(day, 30).min(count(weekday, 7) * 30 / 7).max(1);
    a_day * days * count(month, 12).max(1) / 12
}

/// How many of `of` values a field stands for.
fn count(field: &str, of: u64) -> u64 {
    let part = |part: &str| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step = step.parse().unwrap_or(1).max(1);
        let many = match range.split_once('-') {
            _ if range == "*" => of,
            Some((from, to)) => match (from.parse::<u64>(), to.parse::<u64>()) {
                (Ok(from), Ok(to)) if to >= from => to - from + 1,
                _ => 5,
            },
            None if part.contains('/') => of,
            None => 1,
        };
        many.div_ceil(step)
    };
    field.split(',').map(part).sum::<u64>().min(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_runs() {
        for (cron, wanted) in [
            ("0 6 * * *", 30),
            ("0 * * * *", 720),
            ("*/15 * * * *", 2880),
            ("0 6 * * 1", 4),
            ("0 6,18 * * *", 60),
            ("0 9-17 * * 1-5", 189),
            ("0 0 1 * *", 1),
        ] {
            assert_eq!(cron_runs(cron), wanted, "{cron}");
        }
    }
}
