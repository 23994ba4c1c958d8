//! Asks Braze what the people of parked batches have, and counts what that says of each batch. It must not decide what
//! becomes of one.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, stream};

use super::{Waiting, batches, named_batches, recorded, waiting};
use crate::{
    braze::{self, Happenings, PEOPLE_PER_READ},
    diff::{
        evidence::{Has, Sent, Sign, Signs, sign},
        presence::SETTLED,
    },
    engine::{Error, Session, fold::Recorded, people, plan::steadily, target},
    model::{CheckedBatch, Event, Key, Millis, ParkedBatch},
};

/// Reads under way at once.
const AT_ONCE: usize = 8;
/// People asked about together, each once, and events held for it.
const PEOPLE: usize = 5_000;
const EVENTS: usize = 50_000;

/// Asks Braze what the people of these batches have; of all of them where none is named. Nothing is kept.
pub async fn check_parked(session: &Session, names: &[String]) -> Result<Vec<CheckedBatch>, Error> {
    steadily(session, async || {
        let store = &session.store;
        let now = session.clock.millis();
        let recorded = tokio::task::block_in_place(|| recorded(store, now))?;
        let batches = tokio::task::block_in_place(|| batches(store, recorded.as_ref()))?;
        let chosen = named_batches(&batches, names)?;
        let Some(recorded) = recorded else {
            return Ok(vec![]);
        };
        let all = batches.iter().map(|batch| batch.batch.clone());
        let chosen = if chosen.is_empty() {
            all.collect()
        } else {
            chosen
        };
        check(session, &recorded, &batches, &chosen).await
    })
    .await
}

/// The same of batches that are known already.
pub(super) async fn check(
    session: &Session,
    recorded: &Recorded,
    batches: &[ParkedBatch],
    chosen: &BTreeSet<String>,
) -> Result<Vec<CheckedBatch>, Error> {
    if chosen.is_empty() {
        return Ok(vec![]);
    }
    // Nobody is asked about in another workspace than the recorded one; Amplitude has no part in it.
    target::check(session, Some(&recorded.manifest), &[]).await?;
    let mut counted: HashMap<String, (Signs, bool)> = HashMap::new();
    let mut events = waiting(&session.store, recorded)?;
    let mut asked = 0;
    loop {
        let window = tokio::task::block_in_place(|| Window::read(&mut events, chosen))?;
        if window.events.is_empty() {
            break;
        }
        let answers = ask(session, &window.keys, &mut asked).await?;
        for (batch, person, one) in &window.events {
            let (at, has) = &answers[*person];
            let (signs, early) = counted.entry(batch.clone()).or_default();
            signs.take(one.sign(has.as_ref(), *at));
            *early |= *at < one.left.saturating_add(SETTLED);
        }
    }
    let checked = batches.iter().filter(|batch| chosen.contains(&batch.batch));
    Ok(checked
        .map(|batch| {
            let (signs, early) = counted.get(&batch.batch).copied().unwrap_or_default();
            CheckedBatch {
                batch: batch.clone(),
                evidence: signs.evidence(),
                found: signs.found,
                missing: signs.missing,
                open: signs.open,
                early,
            }
        })
        .collect())
}

/// Events whose people are asked about together.
#[derive(Default)]
struct Window {
    keys: Vec<Key>,
    places: HashMap<Key, usize>,
    /// The batch of each, its person's place, and what it is known by.
    events: Vec<(String, usize, One)>,
}

/// What one event is known by.
struct One {
    at: Millis,
    left: Millis,
    purchase: bool,
    /// None of an object that nobody could send.
    worded: Option<braze::Worded>,
}

impl Window {
    fn read(
        events: &mut impl Iterator<Item = Result<Waiting, crate::state::Error>>,
        chosen: &BTreeSet<String>,
    ) -> Result<Self, crate::state::Error> {
        let mut window = Self::default();
        while window.keys.len() < PEOPLE && window.events.len() < EVENTS {
            let Some(waiting) = events.next() else {
                break;
            };
            let Waiting { event, parked, .. } = waiting?;
            if !chosen.contains(&*parked.batch) {
                continue;
            }
            let row = event.row;
            let one = One {
                at: row.at,
                left: parked.at,
                purchase: row.purchase,
                worded: braze::worded(&row.body),
            };
            let next = window.keys.len();
            let place = *window.places.entry(row.key.clone()).or_insert(next);
            if place == next {
                window.keys.push(row.key);
            }
            window.events.push((parked.batch.to_string(), place, one));
        }
        Ok(window)
    }
}

impl One {
    /// What its person says of it.
    fn sign(&self, has: Option<&Happenings>, asked_at: Millis) -> Sign {
        let Some(worded) = &self.worded else {
            return Sign::Open;
        };
        let has = match has {
            None => Has::Nobody,
            Some(has) => {
                let list = if self.purchase {
                    &has.purchases
                } else {
                    &has.events
                };
                let found = list.iter().find(|one| one.name == worded.name);
                found.map_or(Has::Nothing, |found| Has::Some {
                    first: found.first,
                    last: found.last,
                })
            }
        };
        let sent = Sent {
            at: self.at,
            creates: worded.creates,
            left: self.left,
        };
        sign(sent, has, asked_at)
    }
}

/// Asks about people, in their order; with each answer the time of the question.
async fn ask(
    session: &Session,
    keys: &[Key],
    asked: &mut u64,
) -> Result<Vec<(Millis, Option<Happenings>)>, Error> {
    people::announce(session, keys.len() as u64).await;
    let mut reads = stream::iter(keys.chunks(PEOPLE_PER_READ))
        .map(async |keys| {
            let at = session.clock.millis();
            (at, session.braze.happenings(keys).await)
        })
        .buffered(AT_ONCE);
    let mut answers = vec![];
    while let Some((at, found)) = reads.next().await {
        let found = match found {
            Ok(found) => found,
            Err(_) if *session.stop.borrow() => return Err(Error::Stopped),
            Err(error) => return Err(error.into()),
        };
        *asked += found.len() as u64;
        answers.extend(found.into_iter().map(|has| (at, has)));
        let people = *asked;
        session.events.tell(Event::Asked { people }).await;
    }
    Ok(answers)
}
