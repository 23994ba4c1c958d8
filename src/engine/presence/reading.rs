//! The asking beside the sending. Nothing of it fails an apply: what was not asked is asked by the next one.

use std::collections::BTreeMap;

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

/// Takes in what was heard, and tells it; nothing where nobody was asked. What went wrong is told too: what was sent
/// before is done all the same.
pub(in crate::engine) async fn told(
    session: &Session,
    reading: Reading,
) -> Option<Box<AskedPeople>> {
    let Reading { asked, mut problem } = reading;
    if asked == 0 && problem.is_none() {
        return None;
    }
    let folded = fold(session).await.unwrap_or_else(|error| {
        let hint = "what was answered is kept, and taken in by the next apply";
        problem = Some((error.to_string(), Some(hint.to_owned())));
        BTreeMap::new()
    });
    // Rows of which nothing new is known are not told.
    let news = folded.into_iter().filter(|(_, found)| found.is_news());
    let found = news.map(|(address, found)| FoundRows {
        address,
        confirmed: found.confirmed,
        absent: found.absent,
        doubt: found.doubt,
        set_aside: found.dropped,
        left: found.left,
    });
    let (problem, hint) = problem.unzip();
    let manifest = session.store.manifest().ok().flatten();
    Some(Box::new(AskedPeople {
        people: asked,
        found: found.collect(),
        problem,
        hint: hint.flatten(),
        read_back: read_back(session, manifest.as_ref()),
    }))
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
