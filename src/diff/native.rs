//! What is the matter with a sync that Amplitude runs itself, by what the list of cohorts tells of it: a target, a cadence and
//! two times. Nothing is guessed: which account it writes to, whom it leaves out and why it failed are never told.

use jiff::{SignedDuration, Timestamp};

use crate::model::{Cohort, NativeSync};

/// The target that is Braze, as the list calls it.
pub const BRAZE: &str = "braze";

/// How often a sync of Amplitude goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    /// Every minute; the list says `minute`, and other pages `realtime`.
    Realtime,
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
}

impl Frequency {
    /// Reads the list's word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "minute" | "realtime" => Some(Self::Realtime),
            "hourly" => Some(Self::Hourly),
            "daily" => Some(Self::Daily),
            _ => None,
        }
    }

    /// Reads the word of a configuration.
    pub fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Realtime, Self::Hourly, Self::Daily];
        all.into_iter().find(|one| one.word() == word)
    }

    /// Returns the word of a configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        }
    }

    /// How old a last success may be: twice the cadence; of a sync of every minute a quarter of an hour, since it is late sooner.
    pub const fn patience(self) -> SignedDuration {
        match self {
            Self::Realtime => SignedDuration::from_mins(15),
            Self::Hourly => SignedDuration::from_hours(2),
            Self::Daily => SignedDuration::from_hours(48),
        }
    }
}

/// Returns the configuration's word for a cadence of the list; what is not known stays as it is.
pub fn cadence(word: &str) -> &str {
    Frequency::of(word).map_or(word, |known| known.word())
}

/// Something that is the matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is none.
    Missing,
    /// There are more than are declared: two destinations, or one that was left over. The cadences of all of them.
    Several(Vec<String>),
    /// It goes at another cadence.
    Cadence(String),
    /// It failed since it last went well.
    Failing {
        /// When it failed last.
        failed: Timestamp,
        /// When it last went well, if ever.
        succeeded: Option<Timestamp>,
    },
    /// It was never seen to run.
    NeverRan,
    /// It went well last longer ago than twice its cadence.
    Stale(Timestamp),
}

/// What there is of one declared sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The sync, if there is one.
    pub sync: Option<&'a NativeSync>,
    /// Syncs of the cohort that nobody declares.
    pub left: Vec<&'a NativeSync>,
}

/// Returns whether the project is told of syncs at all: where it is, every cohort that is listed is.
pub fn told(list: &[Cohort]) -> bool {
    list.is_empty() || list.iter().any(|cohort| cohort.syncs.is_some())
}

/// Returns the syncs of a cohort to Braze.
pub fn to_braze(cohort: &Cohort) -> Vec<&NativeSync> {
    let syncs = cohort.syncs.iter().flatten();
    syncs.filter(|sync| sync.target == BRAZE).collect()
}

/// Gives the declared syncs of one cohort those that there are: first by cadence, then in the order in which they stand. Two
/// declared ones are two accounts, which the list does not tell apart.
pub fn share<'a>(wanted: &[Frequency], found: &[&'a NativeSync]) -> Vec<Found<'a>> {
    let mut left: Vec<&NativeSync> = found.to_vec();
    let mut given: Vec<Option<&NativeSync>> = vec![None; wanted.len()];
    for (slot, wanted) in given.iter_mut().zip(wanted) {
        let fits = |sync: &&NativeSync| Frequency::of(&sync.frequency) == Some(*wanted);
        *slot = left.iter().position(fits).map(|at| left.remove(at));
    }
    for slot in given.iter_mut().filter(|slot| slot.is_none()) {
        *slot = (!left.is_empty()).then(|| left.remove(0));
    }
    let found = given.into_iter().map(|sync| Found {
        sync,
        left: left.clone(),
    });
    found.collect()
}

/// Judges one declared sync. `since` is a time before which it was certainly not there, if one is known.
pub fn judge(
    wanted: Frequency,
    found: &Found,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Verdict> {
    let Some(sync) = found.sync else {
        return vec![Verdict::Missing];
    };
    let mut verdicts = vec![];
    if !found.left.is_empty() {
        let all = std::iter::once(&sync).chain(&found.left);
        let all = all.map(|sync| cadence(&sync.frequency).to_owned());
        verdicts.push(Verdict::Several(all.collect()));
    }
    let frequency = Frequency::of(&sync.frequency);
    if frequency != Some(wanted) {
        verdicts.push(Verdict::Cadence(cadence(&sync.frequency).to_owned()));
    }
    verdicts.extend(health(sync, since, now));
    verdicts
}

/// Judges whether a sync runs as it should, at the cadence that it has.
pub fn health(sync: &NativeSync, since: Option<Timestamp>, now: Timestamp) -> Vec<Verdict> {
    let patience = Frequency::of(&sync.frequency).map(Frequency::patience);
    let late = |last: Timestamp| patience.is_some_and(|patience| older(now, last, patience));
    match (sync.last_failure, sync.last_successful) {
        // Half of the patience is the cadence: one that is new runs at once.
        (None, None) => {
            let pending = since
                .zip(patience)
                .is_some_and(|(since, of)| !older(now, since, of / 2));
            if pending {
                vec![]
            } else {
                vec![Verdict::NeverRan]
            }
        }
        (Some(failed), None) => vec![Verdict::Failing {
            failed,
            succeeded: None,
        }],
        (failure, Some(last)) => {
            let failing = failure.filter(|failed| *failed > last);
            let failing = failing.map(|failed| Verdict::Failing {
                failed,
                succeeded: Some(last),
            });
            let stale = late(last).then_some(Verdict::Stale(last));
            failing.into_iter().chain(stale).collect()
        }
    }
}

fn older(now: Timestamp, then: Timestamp, patience: SignedDuration) -> bool {
    now.duration_since(then) > patience
}

#[cfg(test)]
mod tests;
