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
        ledger::{LedgerReader, Oldest},
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
        if !waits(&entry.counts.oldest, now, recheck) {
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
fn waits(oldest: &Oldest, now: Millis, recheck: Millis) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Presence, Record};

    const DAY: Millis = 86_400_000;

    #[test]
    fn a_ledger_is_read_where_any_of_its_rows_may_be_due() {
        let none = Oldest::default();
        let at = Some(1_000);
        let new = Oldest {
            unconfirmed: at,
            ..none
        };
        let absent = Oldest { absent: at, ..none };
        let confirmed = Oldest {
            confirmed: at,
            ..none
        };
        assert!(!waits(&none, Millis::MAX, DAY));
        for (oldest, wait) in [(new, SETTLED), (absent, DAY), (confirmed, DAY)] {
            assert!(!waits(&oldest, 1_000 + wait - 1, DAY), "{oldest:?}");
            assert!(waits(&oldest, 1_000 + wait, DAY), "{oldest:?}");
            // Its clock was ahead.
            assert!(waits(&oldest, 999, DAY), "{oldest:?}");
        }
    }

    #[test]
    fn the_first_of_a_ledger_are_taken_each_once_and_no_device() {
        let record = |key: Key, presence, checked_at| Record {
            key,
            amplitude_id: None,
            value: "true".into(),
            maybe: None,
            presence,
            sent_at: 0,
            run: "r".into(),
            checked_at,
            confirmed_once: false,
            sent_again: false,
        };
        let external = |id: &str| Key::external(id).unwrap();
        let rows = [
            record(Key::device("d").unwrap(), Presence::Unconfirmed, None),
            record(external("a"), Presence::Confirmed, Some(5)),
            record(external("b"), Presence::Absent, Some(9)),
            record(external("c"), Presence::Absent, Some(7)),
            record(external("d"), Presence::Unconfirmed, None),
            record(external("e"), Presence::Confirmed, Some(2 * DAY)),
        ];
        let first = |most| {
            let rows = rows.clone().map(Ok);
            let found = first(Box::new(rows.into_iter()), 2 * DAY, DAY, most).unwrap();
            let found = found.into_iter().map(|(.., key)| key);
            found.collect::<Vec<_>>()
        };
        assert_eq!(first(9), ["d", "c", "b", "a"].map(external));
        assert_eq!(first(2), ["d", "c"].map(external));
        let mut twice = vec![
            (Turn::Absent, 1, external("a")),
            (Turn::New, 2, external("a")),
            (Turn::Round, 0, external("b")),
        ];
        cut(&mut twice, 9);
        assert_eq!(
            twice,
            [
                (Turn::New, 2, external("a")),
                (Turn::Round, 0, external("b"))
            ]
        );
    }
}
