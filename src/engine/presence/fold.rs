//! Takes what was heard into the ledgers: under the lease, in a commit of its own, with no word in the history. Killed
//! before the commit, the answers are still there; after it, taking them in again changes nothing.

use std::collections::BTreeMap;

use super::{Heard, PLACE, Told, moves_once, question};
use crate::{
    engine::{
        Error, Session,
        fold::{Aside, Rows},
    },
    model::{Address, Presence},
    state::{
        self,
        answers::Answers,
        ledger::{LedgerReader, LedgerWriter},
        manifest::Entry,
        refusals::{AsideWriter, RefusalReader},
        store::{Draft, Store},
    },
};

/// What was found out about the rows of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Folded {
    /// Rows that are as they were sent.
    pub(in crate::engine) confirmed: u64,
    /// Rows of people who are not in Braze.
    pub(in crate::engine) absent: u64,
    /// Rows that are not as they were sent, or whose people have appeared: they are sent again.
    pub(in crate::engine) doubt: u64,
    /// Of these, rows that were sent twice: they are set aside.
    pub(in crate::engine) dropped: u64,
    /// Of these, rows of a resource that rests: they stay as they are.
    pub(in crate::engine) left: u64,
    /// Rows that were in doubt and no longer are.
    righted: u64,
}

/// Takes in what was heard; returns what was found out, by resource.
pub(in crate::engine) async fn fold(session: &Session) -> Result<BTreeMap<Address, Folded>, Error> {
    let mut folded = BTreeMap::new();
    let Some(mut manifest) = session.store.manifest()? else {
        return Ok(folded);
    };
    let heard = Heard::open(session, Some(&manifest)).await?;
    let Some(taken) = heard.kept.as_ref().filter(|_| manifest.pending.is_none()) else {
        return Ok(folded);
    };
    tokio::task::block_in_place(|| {
        for (address, entry) in &mut manifest.resources {
            let once = moves_once(session, address);
            if let Some((next, mut found)) =
                rewritten(&session.store, &heard, address, entry, once)?
            {
                let resource = session.configuration.resources.get(address);
                let paused = resource.is_some_and(|of| of.settings.paused == Some(true));
                if paused || (once && next.fulfilled.is_some()) {
                    found.left = found.doubt - found.dropped;
                }
                *entry = next;
                folded.insert(address.clone(), found);
            }
        }
        if !folded.is_empty() {
            let now = session.clock.millis();
            session.store.commit(&mut manifest, now)?;
            // Applies that send nothing would pile up ledgers otherwise.
            if let Err(error) = session.store.sweep(&manifest, now) {
                tracing::warn!(%error, "not swept");
            }
        }
        let cache = session.store.cache()?;
        Answers::open(&cache, PLACE, None, &question(session, PLACE))?.clear(taken)
    })?;
    Ok(folded)
}

/// Writes the rows of a resource anew, if anything was heard of any.
fn rewritten(
    store: &Store,
    heard: &Heard,
    address: &Address,
    entry: &Entry,
    once: bool,
) -> Result<Option<(Entry, Folded)>, state::Error> {
    let Some(ledger) = &entry.ledger else {
        return Ok(None);
    };
    let path = store.blob(ledger)?;
    let told = || {
        let rows: Rows = Box::new(LedgerReader::open(&path)?);
        Ok::<_, state::Error>(heard.told(address, rows).ok())
    };
    let Some(mut first) = told()? else {
        return Ok(None);
    };
    let any = first.find(|told| told.as_ref().map_or(true, |told| told.heard));
    if any.transpose()?.is_none() {
        return Ok(None);
    }
    drop(first);
    let mut found = Folded::default();
    let mut writer = LedgerWriter::new(store.draft()?, address)?;
    for told in told()?.into_iter().flatten() {
        let told = told?;
        found.count(&told);
        writer.push(&told.record)?;
    }
    let counts = writer.counts;
    let ledger = store.keep(writer.finish()?.finish()?)?;
    let set_aside = if found.dropped == 0 {
        entry.set_aside.clone()
    } else {
        let waiting: Aside = match &entry.set_aside {
            Some(aside) => Box::new(RefusalReader::open(&store.blob(&aside.blob)?)?),
            None => Box::new(std::iter::empty()),
        };
        let mut aside = AsideWriter::new(store);
        let rows: Rows = Box::new(LedgerReader::open(&path)?);
        for refusal in heard.aside(address, rows, waiting) {
            aside.push(&refusal?)?;
        }
        let kept = aside.finish()?;
        kept.map(|(draft, aside): (Draft, _)| store.keep(draft).map(|_| aside))
            .transpose()?
    };
    let next = Entry {
        ledger: Some(ledger),
        counts,
        set_aside,
        // What is not as it should be is compared again, unless it moves once.
        fulfilled: entry
            .fulfilled
            .clone()
            .filter(|_| once || found.doubt + found.righted == 0),
        ..entry.clone()
    };
    Ok(Some((next, found)))
}

impl Folded {
    /// Returns whether anything is known of any row that was not before.
    pub(in crate::engine) fn is_news(self) -> bool {
        self.confirmed + self.absent + self.doubt > 0
    }

    fn count(&mut self, told: &Told) {
        if !told.heard {
            return;
        }
        self.dropped += u64::from(told.dropped);
        self.righted += u64::from(told.is_right());
        match told.record.presence {
            Presence::Confirmed => self.confirmed += 1,
            Presence::Absent => self.absent += 1,
            Presence::Doubt if told.is_wrong() => self.doubt += 1,
            Presence::Doubt | Presence::Unconfirmed => {}
        }
    }
}
