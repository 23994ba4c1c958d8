//! Whom an apply asks about: one queue of the people of all syncs, what was never read back first, then whoever was not
//! there, then everybody in turn; the one who waits longest first.

use std::{collections::BTreeSet, time::Duration};

use super::{forms, round::Budget};
use crate::{
    braze::PEOPLE_PER_READ,
    config::Resource,
    diff::presence::{SETTLED, Turn, due},
    engine::{Session, fold::Rows},
    model::{Address, Identity, Key, Millis},
    state::{
        self,
        ledger::LedgerReader,
        manifest::{Entry, Manifest},
    },
};

const DAY: Duration = Duration::from_hours(24);

/// Whom to ask about.
#[derive(Debug, Default)]
pub(in crate::engine) struct Queue {
    /// They, the first first.
    pub(in crate::engine) keys: Vec<Key>,
    /// What their profiles are to tell.
    pub(in crate::engine) attributes: BTreeSet<String>,
    /// How long the asking may take.
    pub(in crate::engine) longest: Duration,
}

/// A place in the queue. Debug masks the key.
type Place = (Turn, Millis, Key);

/// Finds whom an apply asks about now.
pub(in crate::engine) fn queue(
    session: &Session,
    manifest: &Manifest,
) -> Result<Queue, state::Error> {
    let forms = forms(&session.configuration, manifest);
    let now = session.clock.millis();
    let mut queue = Queue::default();
    if session.how.destroy {
        return Ok(queue);
    }
    let (mut places, mut most) = (vec![], 0);
    for (address, entry) in &manifest.resources {
        let Some((resource, budget)) = asks(session, address, entry) else {
            continue;
        };
        let (Some(form), Some(ledger)) = (forms.get(address), &entry.ledger) else {
            continue;
        };
        queue.longest = queue.longest.max(budget.longest);
        let told_by = form.told_by().into_iter();
        queue.attributes.extend(told_by.map(str::to_owned));
        let recheck = recheck(resource);
        if !waits(entry, now, recheck) {
            continue;
        }
        let own = budget.people(session.braze.people_a_minute());
        most = most.max(own);
        let rows = LedgerReader::open(&session.store.blob(ledger)?)?;
        let mut found = first(Box::new(rows), now, recheck, own)?;
        places.append(&mut found);
        cut(&mut places, most);
    }
    queue.keys = places.into_iter().map(|(_, _, key)| key).collect();
    Ok(queue)
}

/// Returns the sync whose rows these are and what it may spend on asking, if it asks at all.
pub(in crate::engine) fn asks<'a>(
    session: &'a Session,
    address: &Address,
    entry: &Entry,
) -> Option<(&'a Resource, Budget)> {
    let owner = entry.left_by.as_ref().unwrap_or(address);
    let resource = session.configuration.resources.get(owner)?;
    if resource.settings.paused == Some(true) {
        return None;
    }
    Some((resource, Budget::of(&resource.settings)?))
}

/// How far apart two readings of one row are, in milliseconds.
fn recheck(resource: &Resource) -> Millis {
    let recheck = resource.settings.recheck.map_or(DAY, |span| span.0);
    i64::try_from(recheck.as_millis()).unwrap_or(i64::MAX)
}

/// Returns whether any row of a ledger is due, as far as its oldest ones tell.
fn waits(entry: &Entry, now: Millis, recheck: Millis) -> bool {
    let oldest = &entry.counts.oldest;
    let again = recheck.max(SETTLED);
    let waits = |since: Option<Millis>, wait: Millis| {
        since.is_some_and(|since| since > now || since.saturating_add(wait) <= now)
    };
    waits(oldest.unconfirmed, SETTLED)
        || waits(oldest.absent, again)
        || waits(oldest.confirmed, again)
}

/// Finds the first so many of a ledger.
fn first(
    rows: Rows,
    now: Millis,
    recheck: Millis,
    most: usize,
) -> Result<Vec<Place>, state::Error> {
    let mut places = vec![];
    for record in rows {
        let record = record?;
        if matches!(record.key.identity(), Identity::Device(_)) {
            continue;
        }
        if let Some((turn, since)) = due(&record, now, recheck) {
            places.push((turn, since, record.key));
        }
        if places.len() >= 4 * most.max(PEOPLE_PER_READ) {
            cut(&mut places, most);
        }
    }
    cut(&mut places, most);
    Ok(places)
}

/// Keeps the first so many people, each once.
fn cut(places: &mut Vec<Place>, most: usize) {
    places.sort();
    let mut known = BTreeSet::new();
    places.retain(|(_, _, key)| known.len() < most && known.insert(key.clone()));
}
