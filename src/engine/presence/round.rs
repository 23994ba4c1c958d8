//! How long it takes to ask about everybody once: people of all syncs, at what a run may ask, as often as runs are due.

use std::time::Duration;

use super::queue::asks;
use crate::{
    braze::PEOPLE_PER_READ,
    config::{Confirm, Settings},
    engine::Session,
    kinds::quota,
    model::plan::ReadBack,
    state::manifest::Manifest,
};

/// Reads of one run where the YAML says nothing.
const READS: u64 = 200;
/// Seconds of one run where the YAML says nothing.
const SECONDS: u64 = 30;
const MONTH: u64 = 30 * 24 * 3_600;
const DAY: u64 = 24 * 3_600;

/// What asking may cost a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Budget {
    reads: u64,
    /// How long it may take.
    pub(in crate::engine) longest: Duration,
}

impl Budget {
    /// Returns what a sync may spend; none where it never asks.
    pub(in crate::engine) fn of(settings: &Settings) -> Option<Self> {
        let (reads, seconds) = match &settings.confirm {
            None => (None, None),
            Some(Confirm::Word(_)) => return None,
            Some(Confirm::Budget(budget)) => (budget.reads_per_run, budget.max_seconds),
        };
        Some(Self {
            reads: reads.unwrap_or(READS),
            longest: Duration::from_secs(seconds.unwrap_or(SECONDS)),
        })
    }

    /// Returns how many people can be asked about in a run: the reads of a minute may go at once, and as many more a
    /// minute later.
    pub(in crate::engine) fn people(self, a_minute: f64) -> usize {
        let minutes = (self.longest.as_secs() / 60).saturating_add(1);
        let paced = (a_minute as u64).max(1).saturating_mul(minutes);
        let reads = usize::try_from(self.reads.min(paced)).unwrap_or(usize::MAX);
        reads.saturating_mul(PEOPLE_PER_READ)
    }
}

/// Returns how many recorded rows are known to be there, and how long a full round takes; none where there are no rows.
pub(in crate::engine) fn read_back(
    session: &Session,
    manifest: Option<&Manifest>,
) -> Option<ReadBack> {
    let mut told = ReadBack::default();
    let (mut rows, mut runs, mut longest) = (0, 0, 0);
    let entries = manifest?.resources.iter();
    // Members of static cohorts are in Amplitude.
    for (address, entry) in entries.filter(|(_, entry)| entry.uploaded.is_none()) {
        let counts = &entry.counts;
        told.rows += counts.rows();
        told.confirmed += counts.confirmed;
        told.absent += counts.absent;
        told.unconfirmed += counts.unconfirmed;
        told.doubt += counts.doubt;
        let Some((resource, budget)) = asks(session, address, entry) else {
            told.never_asked += counts.unconfirmed;
            continue;
        };
        told.never_asked += counts.devices;
        let a_run = budget.people(session.braze.people_a_minute()) as u64;
        told.people_a_run = told.people_a_run.max(a_run);
        let (own, a_month) = (
            counts.rows() - counts.devices,
            quota::runs(resource.settings.cadence.as_ref()).max(1),
        );
        rows += own;
        runs = runs.max(a_month);
        // One sync's own budget may be the smallest.
        longest = longest.max(own.div_ceil(a_run.max(1)) * (MONTH / a_month));
    }
    // Whoever is not there is asked about each day, before those who were found; nobody more often than that.
    let a_day = told.people_a_run * runs / 30;
    let others = rows.saturating_sub(told.absent);
    if rows > 0 && a_day > told.absent {
        let all = others.div_ceil(a_day - told.absent) * DAY;
        // One sync's own budget may be the smallest.
        told.round_seconds = Some(all.max(longest).max(DAY));
    }
    (told.rows > 0).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfirmBudget, Never};

    #[test]
    fn a_run_asks_as_many_as_it_may_and_as_the_pace_lets() {
        let of = |confirm| {
            Budget::of(&Settings {
                confirm,
                ..Settings::default()
            })
        };
        let plain = of(None).unwrap();
        assert_eq!(plain.longest, Duration::from_secs(30));
        assert_eq!(
            plain.people(125.0),
            6_250,
            "125 reads at once, and no more within 30 s"
        );
        assert_eq!(plain.people(2_500.0), 10_000);
        assert_eq!(of(Some(Confirm::Word(Never::Never))), None);
        let budget = |reads_per_run, max_seconds| {
            let budget = ConfirmBudget {
                reads_per_run,
                max_seconds,
            };
            of(Some(Confirm::Budget(budget))).unwrap()
        };
        assert_eq!(budget(Some(10), None).people(125.0), 500);
        assert_eq!(budget(None, Some(60)).people(50.0), 5_000);
    }
}
