//! Reads profiles of a cohort's people, one person a request: side by side, at the pace of that call, each answer kept when
//! it comes. Whom to ask first is decided in `diff/sample.rs`; what a cell means, in the kinds.
//!
//! # Guarantees
//! A kill, a stop or an error loses no answer that came, and nobody whose answer is kept and young enough is asked again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::{sync::watch, task::block_in_place};

use super::{Error, Events, Session, observe::young};
use crate::{
    amplitude::{self, Reader},
    diff::{
        join::{Join, Joined},
        sample::{PLACE, place},
    },
    model::{Clock, Event, Identity, Key, Member, Millis, profile::Question},
    state::{
        self,
        answers::{Answers, Kept, members},
        budget::{Budget, Lease},
        runs::Sorter,
        spool::{Row, Spool, SpoolWriter},
    },
};

/// The most people that a plan asks for.
pub(super) const SAMPLE: u64 = 600;
/// What is told instead of cells of somebody whom Amplitude does not know.
pub(super) const NOBODY: &str = "null";
/// What is told instead of cells of somebody whose profile cannot be read.
pub(super) const UNREADABLE: &str = "false";
/// Profiles that cannot be read and are borne, however many were asked for; of more, one in twenty.
const ODD: u64 = 20;
/// Time between two totals.
const PACE: Duration = Duration::from_millis(100);

/// What is wanted of a cohort's people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// Id of the cohort.
    pub(super) cohort: &'a str,
    /// Its name, for whoever watches.
    pub(super) name: &'a str,
    /// When it was computed: what is kept is of this time.
    pub(super) stamp: Option<i64>,
    /// The greatest age that an answer may have.
    pub(super) max_age: Duration,
    /// What is asked.
    pub(super) question: &'a Question,
    /// The most people to ask for now; none: all.
    pub(super) most: Option<u64>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct ReadProfiles {
    rows: Spool,
    pub(super) counts: Counts,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// People that there are; those without an external id do not count.
    pub(super) people: u64,
    /// People whose answer is there, now or from before.
    pub(super) answered: u64,
    /// People among them whom Amplitude does not know.
    pub(super) unknown: u64,
    /// People asked for now.
    pub(super) asked: u64,
    /// When the first of those answered was asked.
    pub(super) oldest: Option<Millis>,
}

impl ReadProfiles {
    /// Iterates over those answered, sorted by key, again and again; the value is their cells.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Member, state::Error>> + Send + use<> {
        members(&self.rows)
    }
}

/// Reads what is wanted of these people, who come sorted by key, each time the same.
pub(super) async fn read<P>(
    session: &Session,
    wish: Wish<'_>,
    people: impl Fn() -> Result<P, state::Error>,
) -> Result<ReadProfiles, Error>
where
    P: Iterator<Item = Result<Member, state::Error>>,
{
    let desk = Desk {
        cache: &session.store.cache()?,
        amplitude: &session.amplitude,
        sorting: &session.sorting,
        clock: &session.clock,
        events: &session.events,
        stop: &session.stop,
    };
    desk.read(wish, people).await
}

/// What the reading needs of a session.
struct Desk<'a> {
    cache: &'a Path,
    amplitude: &'a Reader,
    sorting: &'a Budget,
    clock: &'a Clock,
    events: &'a Events,
    stop: &'a watch::Receiver<bool>,
}

impl Desk<'_> {
    async fn read<P>(
        &self,
        wish: Wish<'_>,
        people: impl Fn() -> Result<P, state::Error>,
    ) -> Result<ReadProfiles, Error>
    where
        P: Iterator<Item = Result<Member, state::Error>>,
    {
        let digest = wish.question.digest();
        let open = || Answers::open(self.cache, wish.cohort, wish.stamp, &digest);
        let mut answers = block_in_place(open)?;
        let begin = self.clock.millis();
        let lease = self.lease().await?;
        let kept = block_in_place(|| answers.sorted(lease, |at| young(at, begin, wish.max_age)))?;
        let lease = self.lease().await?;
        let seed = format!("{} {:?}", wish.cohort, wish.stamp);
        let missing = block_in_place(|| missing(self.cache, lease, &seed, people()?, &kept))?;
        drop(kept);
        let asked = wish.most.unwrap_or(u64::MAX).min(missing.len());
        if asked > 0 {
            self.ask(wish, &missing, asked, &mut answers).await?;
        }
        drop(missing);
        // What was young when it began is; so is what came since.
        let lease = self.lease().await?;
        let end = self.clock.millis();
        let kept = block_in_place(|| {
            let fresh = |at| at >= begin && at <= end;
            answers.sorted(lease, |at| fresh(at) || young(at, begin, wish.max_age))
        })?;
        let (rows, counts) = block_in_place(|| answered(self.cache, people()?, &kept))?;
        let counts = Counts { asked, ..counts };
        tracing::debug!(?counts, "profiles");
        Ok(ReadProfiles { rows, counts })
    }

    /// Waits for memory to sort with. What is sorted goes into a file, so it is held no longer than that takes.
    async fn lease(&self) -> Result<Lease, Error> {
        self.sorting.leases(1).await.pop().ok_or(Error::Worker)
    }

    /// Asks for the first so many.
    async fn ask(
        &self,
        wish: Wish<'_>,
        missing: &Spool,
        of: u64,
        answers: &mut Answers,
    ) -> Result<(), Error> {
        let cohort = wish.name.to_owned();
        let seconds = self.amplitude.profiles_take(of).as_secs_f64().ceil() as u64;
        self.events
            .tell(Event::ReadingProfiles {
                cohort: cohort.clone(),
                of,
                seconds,
            })
            .await;
        let mut profiles = stream::iter(missing.rows().take(of as usize))
            .map(async |row| self.profile(row?, wish.question).await)
            .buffer_unordered(self.amplitude.profiles_at_once());
        let (mut people, mut odds, mut last) = (0, 0, Instant::now());
        while let Some(profile) = profiles.next().await {
            let Profile {
                key,
                asked_at,
                cells,
                odd,
            } = profile?;
            answers.push(&key, asked_at, cells.as_deref())?;
            people += 1;
            if let Some(error) = odd {
                odds += 1;
                // It is not about somebody: whoever is left would meet the same.
                if odds > ODD && odds * 20 > people {
                    return Err(error.into());
                }
            }
            let cohort = cohort.clone();
            if people == of {
                let all = Event::ProfilesRead { cohort, people };
                self.events.tell(all).await;
            } else if last.elapsed() >= PACE {
                last = Instant::now();
                self.events.mention(Event::ProfilesRead { cohort, people });
            }
        }
        Ok(())
    }

    async fn profile(&self, row: Row, question: &Question) -> Result<Profile, Error> {
        // Nothing but keys was put there.
        let key = Key::from_bytes(&row.key[PLACE..]).map_err(|_| Error::Worker)?;
        let Identity::External(id) = key.identity() else {
            return Err(Error::Worker);
        };
        let asked_at = self.clock.millis();
        match self.amplitude.profile(id, question).await {
            Ok(answer) => Ok(Profile {
                asked_at,
                cells: answer.map(|answer| answer.cells()),
                key,
                odd: None,
            }),
            Err(_) if *self.stop.borrow() => Err(Error::Stopped),
            Err(error) if error.is_of_one_profile() => Ok(Profile {
                asked_at,
                cells: Some(UNREADABLE.to_owned()),
                key,
                odd: Some(error),
            }),
            Err(error) => Err(error.into()),
        }
    }
}

/// One answer.
struct Profile {
    key: Key,
    asked_at: Millis,
    /// None of somebody unknown.
    cells: Option<String>,
    /// What was wrong with the answer, where it tells nothing.
    odd: Option<amplitude::Error>,
}

/// Leaves out who has no external id: Amplitude is asked by user id alone.
fn external(row: &Result<Member, state::Error>) -> bool {
    row.as_ref()
        .map_or(true, |row| !row.key.is_other_than_external())
}

/// Returns who has no answer yet, in the order in which they are asked.
fn missing(
    directory: &Path,
    lease: Lease,
    seed: &str,
    people: impl Iterator<Item = Result<Member, state::Error>>,
    kept: &Kept,
) -> Result<Spool, state::Error> {
    let mut sorter = Sorter::new(directory, lease);
    let mut row = vec![];
    for joined in Join::new(people.filter(external), kept.rows()) {
        if let Joined::Left(member) = joined? {
            row.clear();
            row.extend_from_slice(&place(seed, &member.key));
            row.extend_from_slice(member.key.bytes());
            sorter.push(&row, 0, b"")?;
        }
    }
    Spool::of(directory, sorter)
}

/// Returns the cells of these people as far as they are known.
fn answered(
    directory: &Path,
    people: impl Iterator<Item = Result<Member, state::Error>>,
    kept: &Kept,
) -> Result<(Spool, Counts), state::Error> {
    let mut writer = SpoolWriter::new(directory)?;
    let mut counts = Counts::default();
    for joined in Join::new(people.filter(external), kept.asked()) {
        let (member, cells) = match joined? {
            Joined::Both(member, (kept, at)) => {
                counts.oldest = Some(counts.oldest.map_or(at, |oldest| oldest.min(at)));
                (member, Some(kept.value))
            }
            Joined::Left(member) => (member, None),
            // Left over from a time when the people were others.
            Joined::Right(_) => continue,
        };
        counts.people += 1;
        let Some(cells) = cells else { continue };
        counts.answered += 1;
        counts.unknown += u64::from(cells.is_empty());
        let cells = if cells.is_empty() { NOBODY } else { &*cells };
        writer.push(member.key.bytes(), 0, cells.as_bytes())?;
    }
    Ok((writer.finish()?, counts))
}

#[cfg(test)]
mod tests;
