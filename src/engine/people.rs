//! Asks Braze about people, 50 a request, and keeps each answer as it comes. Whom to ask, and what follows from it, is not
//! known here.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{Error, Session, target};
use crate::{
    braze::{self, PEOPLE_PER_READ},
    diff::values::object,
    model::{Event, Key, digest},
    state::{answers::Answers, budget::Lease},
};

/// Reads under way at once.
const AT_ONCE: usize = 8;

/// Whose answers these are: those of another Braze, or of another key, are not asked for here.
pub(super) fn question(session: &Session, place: &str) -> String {
    let identity = &session.identity;
    let key = target::fingerprint(place, &identity.braze_key);
    digest::sha256(format!("{} {key}", identity.braze).as_bytes())
}

/// Leases the memory that sorting answers takes.
pub(super) async fn lease(session: &Session) -> Result<Lease, Error> {
    let lease = session.sorting.leases(1).await.pop();
    lease.ok_or(Error::Worker)
}

/// Returns whether an answer tells these attributes; that nobody is there tells all.
pub(super) fn covers<'a>(answer: &str, mut attributes: impl Iterator<Item = &'a str>) -> bool {
    let told = object(answer);
    answer.is_empty() || attributes.all(|name| told.contains_key(name))
}

/// Asks for people and keeps what Braze says of these attributes. `asked` counts them. Returns how it
/// refused the key, if it did.
pub(super) async fn ask(
    session: &Session,
    log: &mut Answers,
    keys: &[Key],
    attributes: &BTreeSet<String>,
    asked: &mut u64,
) -> Result<Option<braze::Error>, Error> {
    announce(session, keys.len() as u64).await;
    ask_on(session, log, keys, attributes, asked, |_, _| {}).await
}

/// Says how many people are going to be asked for, and how long that takes.
pub(super) async fn announce(session: &Session, people: u64) {
    let seconds = seconds(people, session.braze.people_a_minute());
    let asking = Event::Asking { people, seconds };
    session.events.tell(asking).await;
}

/// Asks for some more of those who were announced; `heard` gets each answer too, an empty one of somebody unknown.
pub(super) async fn ask_on(
    session: &Session,
    log: &mut Answers,
    keys: &[Key],
    attributes: &BTreeSet<String>,
    asked: &mut u64,
    mut heard: impl FnMut(&Key, &str),
) -> Result<Option<braze::Error>, Error> {
    let mut reads = stream::iter(keys.chunks(PEOPLE_PER_READ))
        .map(async |keys| {
            let at = session.clock.millis();
            (keys, at, session.braze.people(keys).await)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((keys, at, found)) = reads.next().await {
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_authentication() => return Ok(Some(error)),
            Err(_) if *session.stop.borrow() => return Err(Error::Stopped),
            Err(error) => return Err(error.into()),
        };
        for (key, profile) in keys.iter().zip(found) {
            let cells = profile.map(|mut profile| {
                // What is not there is told too, by null.
                let of = |name: &String| {
                    let value = profile.remove(name).unwrap_or(Value::Null);
                    (name.clone(), value)
                };
                Value::Object(attributes.iter().map(of).collect()).to_string()
            });
            log.push(key, at, cells.as_deref())?;
            heard(key, cells.as_deref().unwrap_or_default());
        }
        *asked += keys.len() as u64;
        let people = *asked;
        session.events.tell(Event::Asked { people }).await;
    }
    Ok(None)
}

/// How long it takes to ask for so many people: so many reads at once, and as many a minute later.
pub(super) fn seconds(people: u64, a_minute: f64) -> u64 {
    let reads = people.div_ceil(PEOPLE_PER_READ as u64);
    let minutes = reads.saturating_sub(1) / (a_minute as u64).max(1);
    (minutes * 60).max(reads / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_reads_go_at_once_and_as_many_a_minute_later() {
        assert_eq!((seconds(50, 125.0), seconds(6_250, 125.0)), (1, 12));
        assert_eq!(seconds(62_500, 125.0), 540);
    }
}
