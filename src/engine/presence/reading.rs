//! The asking beside the sending. Nothing of it fails an apply: what was not asked is asked by the next one.

use tokio::time::{Instant, timeout_at};

use super::{PLACE, fold::fold, question, queue::Queue, round::read_back};
use crate::{
    engine::{Error, Session, people},
    model::{AskedPeople, FoundRows},
    state::answers::Answers,
};

/// What the asking came to.
#[derive(Debug, Default)]
pub(in crate::engine) struct Reading {
    /// People asked about.
    pub(in crate::engine) asked: u64,
    /// Why no more were, if something went wrong; and what to do.
    pub(in crate::engine) problem: Option<(String, Option<String>)>,
}

/// Asks about the people of a queue, as long as they may take, and keeps each answer as it comes.
pub(in crate::engine) async fn read(session: &Session, queue: &Queue) -> Reading {
    let mut reading = Reading::default();
    if queue.keys.is_empty() {
        return reading;
    }
    let deadline = Instant::now() + queue.longest;
    let asked = timeout_at(deadline, ask(session, queue, &mut reading.asked)).await;
    reading.problem = match asked {
        // Time is up, or somebody asked to stop: what was answered is kept.
        Err(_) | Ok(Ok(None) | Err(Error::Stopped)) => None,
        Ok(Ok(Some(refused))) => {
            let hint = refused.key_hint().map(str::to_owned);
            Some((refused.to_string(), hint))
        }
        Ok(Err(error)) => Some((error.to_string(), None)),
    };
    reading
}

/// Takes in what was heard, and tells it; nothing where nobody was asked.
pub(in crate::engine) async fn told(
    session: &Session,
    reading: Reading,
) -> Result<Option<Box<AskedPeople>>, Error> {
    let Reading { asked, problem } = reading;
    if asked == 0 && problem.is_none() {
        return Ok(None);
    }
    let folded = fold(session).await?;
    let found = folded.into_iter().map(|(address, found)| FoundRows {
        address,
        confirmed: found.confirmed,
        absent: found.absent,
        doubt: found.doubt,
        set_aside: found.dropped,
    });
    let (problem, hint) = problem.unzip();
    Ok(Some(Box::new(AskedPeople {
        people: asked,
        found: found.collect(),
        problem,
        hint: hint.flatten(),
        read_back: read_back(session, session.store.manifest()?.as_ref()),
    })))
}

async fn ask(
    session: &Session,
    queue: &Queue,
    asked: &mut u64,
) -> Result<Option<crate::braze::Error>, Error> {
    let cache = session.store.cache()?;
    let mut log = Answers::open(&cache, PLACE, None, &question(session, PLACE))?;
    people::ask(session, &mut log, &queue.keys, &queue.attributes, asked).await
}
