//! What Braze holds of the people of a first apply, read back before it: `seed: read`. Each person is asked for once,
//! however many syncs want them, as far as ten minutes of reads go. Nothing here decides what is sent.
//!
//! # Guarantees
//! An answer is kept as it comes, for a day: a plan after a kill, and the apply after a plan, ask nobody again. One from
//! before the last sending counts for nothing, since what was sent may have changed it.

mod adopt;
mod known;
mod members;

use std::{collections::BTreeSet, time::Duration};

use super::{
    Error, Refresh, Session,
    asking::{Asked, Profiles},
    compute::Members,
    draft::Drafting,
    observe,
    observe::Readings,
    people::{ask, covers, lease, question},
    subject::Subject,
    valued::Seen,
};
use crate::{
    braze::PEOPLE_PER_READ,
    config::Seed,
    diff::{
        join::{self, Join, Joined},
        values::says_something,
    },
    kinds::Form,
    model::{Identity, Key, Lane, Member, Millis, plan::Problem},
    state::{
        self,
        answers::{Answers, Kept},
    },
};

pub(super) use self::adopt::Adopted;
use self::members::Segments;

/// How long an answer counts.
const DAY: Duration = Duration::from_hours(24);
/// How long a plan reads people at most, at the allowed pace.
const MINUTES: f64 = 10.0;
/// What answers are kept under: no id of a cohort has a blank.
const PLACE: &str = "people of braze";

/// What is known of the people that first applies are about.
#[derive(Default)]
pub(super) struct Seeds {
    /// What Braze said of people, whoever wants them.
    known: Option<Kept>,
    /// People that first applies want, each once.
    pub(super) people: u64,
    /// Segments whose members first applies begin with.
    segments: Segments,
}

impl Subject<'_> {
    /// Returns whether people are to be read before it is applied for the first time.
    pub(super) fn is_seeded(&self) -> bool {
        let first = self.entry.is_none() && self.left.is_none();
        first
            && match &self.resource.settings.seed {
                Some(seed) => *seed == Seed::Read && !self.desired.form.told_by().is_empty(),
                None => matches!(self.desired.form, Form::Attributes(_)),
            }
    }

    /// Opens the people whom Braze is to hold something of.
    pub(super) fn wanted(
        &self,
        readings: &Readings,
        asked: &Asked,
    ) -> Result<Members, state::Error> {
        let members = self.members(readings, asked.clone(), &Seen::default())?;
        Ok(self.saying(members))
    }

    /// Returns those of these people of whom Braze is to hold something.
    pub(super) fn saying(&self, members: Members) -> Members {
        let rule = self.rule(true);
        Box::new(members.filter(move |member| {
            let says = |member: &Member| says_something(&rule, &member.value);
            member.as_ref().map_or(true, says)
        }))
    }
}

/// Reads what Braze holds of the people of these subjects that are applied for the first time.
pub(super) async fn read(
    session: &Session,
    draft: &mut Drafting<'_>,
    subjects: &[Subject<'_>],
    readings: &Readings,
    profiles: &Profiles,
) -> Result<Seeds, Error> {
    let segments = members::export(draft, subjects).await?;
    let seeds = read_people(session, draft, subjects, readings, profiles).await?;
    Ok(Seeds { segments, ..seeds })
}

async fn read_people(
    session: &Session,
    draft: &mut Drafting<'_>,
    subjects: &[Subject<'_>],
    readings: &Readings,
    profiles: &Profiles,
) -> Result<Seeds, Error> {
    let begins = |subject: &&Subject| subject.is_seeded() && subject.is_read(readings);
    // One whose profiles could not be read is told where it is compared.
    let asked = |subject| Some((subject, draft.asked(subject, profiles).ok()?));
    let first = subjects.iter().filter(begins).filter_map(asked);
    let first: Vec<(&Subject, Asked)> = first.collect();
    if first.is_empty() {
        return Ok(Seeds::default());
    }
    let cache = session.store.cache()?;
    let mut log = Answers::open(&cache, PLACE, None, &question(session, PLACE))?;
    let reads = match session.how.refresh {
        Refresh::None => 0,
        Refresh::Quick | Refresh::Full => budget(session.braze.people_a_minute()),
    };
    let (memory, counts) = (lease(session).await?, young(session, draft));
    let (kept, missing) = tokio::task::block_in_place(|| {
        let kept = log.sorted(memory, counts)?;
        let union = union(&first, readings)?;
        let missing = missing(union, kept.rows(), &draft.told, reads * PEOPLE_PER_READ)?;
        Ok::<_, Error>((kept, missing))
    })?;
    let people = missing.people;
    if missing.keys.is_empty() {
        let known = Some(kept);
        let segments = Segments::new();
        return Ok(Seeds {
            known,
            people,
            segments,
        });
    }
    let mut asked = 0;
    let asking = ask(session, &mut log, &missing.keys, &draft.told, &mut asked);
    if let Some(refused) = asking.await? {
        draft.plan.warnings.push(Problem {
            address: None,
            message: format!("what Braze holds cannot be read, so all of it is sent: {refused}"),
            hint: refused.key_hint().map(str::to_owned),
        });
        return Ok(Seeds::default());
    }
    let (memory, counts) = (lease(session).await?, young(session, draft));
    let known = tokio::task::block_in_place(|| log.sorted(memory, counts))?;
    Ok(Seeds {
        known: Some(known),
        people,
        segments: Segments::new(),
    })
}

/// Returns what is kept of what Braze holds, and asks nobody.
pub(super) async fn kept(
    session: &Session,
    draft: &Drafting<'_>,
    subjects: &[Subject<'_>],
) -> Result<Seeds, Error> {
    let segments = members::kept(draft, subjects)?;
    if !subjects.iter().any(Subject::is_seeded) {
        return Ok(Seeds {
            segments,
            ..Seeds::default()
        });
    }
    let question = question(session, PLACE);
    let log = Answers::open(&session.store.cache()?, PLACE, None, &question)?;
    let (memory, counts) = (lease(session).await?, young(session, draft));
    let known = tokio::task::block_in_place(|| log.sorted(memory, counts))?;
    Ok(Seeds {
        known: Some(known),
        people: 0,
        segments,
    })
}

/// Returns whether what was asked at a time counts now.
fn young(session: &Session, draft: &Drafting<'_>) -> impl Fn(Millis) -> bool + use<> {
    let lanes = draft.manifest.map(|manifest| &manifest.lanes);
    let sent = lanes.and_then(|lanes| lanes.get(&Lane::UsersTrack.name()));
    let (now, sent) = (session.clock.millis(), sent.map(|lane| lane.last_send));
    move |at| observe::young(at, now, DAY) && sent.is_none_or(|sent| at > sent)
}

/// People to be asked for.
struct Missing {
    keys: Vec<Key>,
    /// Whoever is wanted, each once.
    people: u64,
}

/// Opens whoever any of these subjects wants, each once.
fn union(subjects: &[(&Subject, Asked)], readings: &Readings) -> Result<Members, state::Error> {
    let each = subjects.iter();
    let each = each.map(|(subject, asked)| subject.wanted(readings, asked));
    Ok(join::union(each.collect::<Result<Vec<_>, _>>()?))
}

/// Finds of whom no answer is kept, no more than so many. Device ids are not asked: one a read.
fn missing(
    wanted: impl Iterator<Item = Result<Member, state::Error>>,
    kept: impl Iterator<Item = Result<Member, state::Error>>,
    attributes: &BTreeSet<String>,
    most: usize,
) -> Result<Missing, state::Error> {
    let (mut keys, mut people) = (vec![], 0);
    for row in Join::new(wanted, kept) {
        let key = match row? {
            Joined::Right(_) => continue,
            Joined::Left(member) => Some(member.key),
            Joined::Both(member, answer) => {
                let attributes = attributes.iter().map(String::as_str);
                (!covers(&answer.value, attributes)).then_some(member.key)
            }
        };
        people += 1;
        let askable = |key: &Key| !matches!(key.identity(), Identity::Device(_));
        if keys.len() < most {
            keys.extend(key.filter(askable));
        }
    }
    Ok(Missing { keys, people })
}

/// How many reads a plan makes at most.
fn budget(a_minute: f64) -> usize {
    ((a_minute * MINUTES) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[Key], value: &str) -> Vec<Result<Member, state::Error>> {
        let member = |key: &Key| Member {
            key: key.clone(),
            amplitude_id: None,
            value: value.into(),
        };
        keys.iter().map(|key| Ok(member(key))).collect()
    }

    #[test]
    fn ten_minutes_of_reads_are_made_at_most() {
        assert_eq!(budget(250.0), 2_500);
        assert_eq!(budget(125.0), 1_250);
        assert_eq!(budget(2.5), 25);
    }

    #[test]
    fn whoever_is_not_kept_is_asked_as_far_as_the_reads_go() {
        let key = |id: u32| Key::external(&format!("{id:03}")).unwrap();
        let mut wanted = vec![Key::alias("a", "1").unwrap(), Key::device("d").unwrap()];
        wanted.extend((0..100).map(key));
        // Of some nobody is there, of some all is told, of some not all.
        let mut kept = rows(&[key(0), key(1)], "");
        kept.extend(rows(&[key(2), key(3)], r#"{"a":1,"b":null}"#));
        kept.extend(rows(&[key(4)], r#"{"a":1}"#));
        let attributes = ["a", "b"].map(str::to_owned).into();
        let mut find = |most| {
            let kept = std::mem::take(&mut kept);
            missing(
                rows(&wanted, "x").into_iter(),
                kept.into_iter(),
                &attributes,
                most,
            )
            .unwrap()
        };
        let found = find(1_000);
        assert_eq!((found.people, found.keys.len()), (102, 97));
        assert_eq!(found.keys[..3], [wanted[0].clone(), key(4), key(5)]);
        let found = find(50);
        assert_eq!((found.people, found.keys.len()), (102, 50));
        assert_eq!(find(0).keys.len(), 0);
    }
}
