//! Who is really there, and with what: what Braze said of recorded people is kept as it comes, shown by every plan, and
//! taken into the ledgers by the next apply. What it says of a row is decided in `diff/presence.rs`.
//!
//! # Guarantees
//! Recorded rows are the ledger, what a pending run sent, and these answers. So a kill loses no answer, and a plan beside
//! it all is true. An apply takes the answers in before it plans, under the lease.

mod fold;
mod gone;
mod queue;
mod reading;
mod round;

use std::collections::BTreeMap;

use super::{
    Error, Session,
    draft::remembered,
    fold::{Aside, Recorded, Rows},
    people::{covers, lease, question},
};
use crate::{
    config::{Cadence, CadenceWord, Configuration},
    diff::{
        join::{Join, Joined},
        presence::{After, Found, NOT_HELD, after, counts},
        values::object,
    },
    kinds::Form,
    model::{Address, Member, Millis, Presence, Record, Refusal, Verb},
    state::{
        self,
        answers::{Answers, Kept},
        ledger::LedgerCounts,
        manifest::Manifest,
    },
};

pub(super) use self::{
    fold::fold,
    gone::Gone,
    queue::queue,
    reading::{read, told},
    round::read_back,
};

/// What answers are kept under: no id of a cohort has a blank.
pub(super) const PLACE: &str = "presence of braze";

/// Answers that are in no ledger yet.
#[derive(Default)]
pub(super) struct Heard {
    kept: Option<Kept>,
    forms: BTreeMap<Address, Form>,
    /// When that was.
    now: Millis,
}

/// A recorded row after what was heard of it.
struct Told {
    record: Record,
    /// Whether anything was.
    heard: bool,
    /// What was known of it before.
    before: Presence,
    /// Whether it was sent twice, and is not there.
    dropped: bool,
}

impl Heard {
    /// Reads what is kept; nothing where there is none.
    pub(super) async fn open(
        session: &Session,
        manifest: Option<&Manifest>,
    ) -> Result<Self, Error> {
        let Some(manifest) = manifest else {
            return Ok(Self::default());
        };
        let (cache, question) = (session.store.cache()?, question(session, PLACE));
        if !Answers::any(&cache, PLACE, None, &question)? {
            return Ok(Self::default());
        }
        let log = Answers::open(&cache, PLACE, None, &question)?;
        let memory = lease(session).await?;
        let kept = tokio::task::block_in_place(|| log.sorted(memory, |_| true))?;
        Ok(Self {
            kept: Some(kept),
            forms: forms(&session.configuration, manifest),
            now: session.clock.millis(),
        })
    }

    /// Returns recorded rows with what was heard of them.
    pub(super) fn over(&self, address: &Address, rows: Rows) -> Rows {
        match self.told(address, rows) {
            Err(rows) => rows,
            Ok(told) => Box::new(told.map(|told| Ok(told?.record))),
        }
    }

    /// Returns rows that are set aside, with those that were found not to be there though they were sent twice.
    pub(super) fn aside(&self, address: &Address, rows: Rows, aside: Aside) -> Aside {
        let Ok(told) = self.told(address, rows) else {
            return aside;
        };
        let address = address.clone();
        let dropped = told.filter_map(move |told| match told {
            Ok(told) => told.dropped.then(|| Ok(dropped(&address, told.record))),
            Err(error) => Some(Err(error)),
        });
        Box::new(Join::new(aside, dropped).map(|row| match row? {
            Joined::Left(refusal) | Joined::Right(refusal) | Joined::Both(_, refusal) => {
                Ok(refusal)
            }
        }))
    }

    /// Notes in a state what was heard: how many rows are there, and that those which are not as they should be are to be
    /// compared.
    pub(super) fn note(&self, session: &Session, recorded: &mut Recorded) -> Result<(), Error> {
        if self.kept.is_none() {
            return Ok(());
        }
        let addresses: Vec<Address> = recorded.manifest.resources.keys().cloned().collect();
        for address in addresses {
            let Ok(told) = self.told(&address, recorded.rows(&session.store, &address)?) else {
                continue;
            };
            let (mut counts, mut heard, mut moved) = (LedgerCounts::default(), false, false);
            for told in told {
                let told = told?;
                heard |= told.heard;
                moved |= told.is_wrong() || told.is_right();
                counts.count(&told.record);
            }
            let entry = recorded.manifest.resources.get_mut(&address);
            if let Some(entry) = entry.filter(|_| heard) {
                entry.counts = counts;
                let stays = !moved || moves_once(session, &address);
                entry.fulfilled = entry.fulfilled.take().filter(|_| stays);
            }
        }
        Ok(())
    }

    /// Returns recorded rows with what was heard of them; gives them back where nothing can be.
    fn told(
        &self,
        address: &Address,
        rows: Rows,
    ) -> Result<impl Iterator<Item = Result<Told, state::Error>> + use<>, Rows> {
        let (Some(kept), Some(form)) = (&self.kept, self.forms.get(address)) else {
            return Err(rows);
        };
        let (form, now) = (form.clone(), self.now);
        let told = Join::new(rows, kept.asked()).filter_map(move |row| match row {
            Ok(Joined::Left(record)) => Some(Ok(Told::unheard(record))),
            Ok(Joined::Right(_)) => None,
            Ok(Joined::Both(record, (answer, asked_at))) => {
                Some(Ok(judged(&form, record, &answer, (asked_at, now))))
            }
            Err(error) => Some(Err(error)),
        });
        Ok(told)
    }
}

impl Told {
    /// Whether it is in doubt only since then.
    fn is_wrong(&self) -> bool {
        self.record.presence == Presence::Doubt && self.before != Presence::Doubt
    }

    /// Whether it is no longer in doubt since then.
    fn is_right(&self) -> bool {
        self.record.presence != Presence::Doubt && self.before == Presence::Doubt
    }

    fn unheard(record: Record) -> Self {
        Self {
            before: record.presence,
            record,
            heard: false,
            dropped: false,
        }
    }
}

/// Takes an answer in, where it says anything of the row.
fn judged(form: &Form, record: Record, answer: &Member, (asked_at, now): (Millis, Millis)) -> Told {
    let needs = form.needs(&record.value);
    let says = covers(&answer.value, needs.iter().map(String::as_str));
    if !says || !counts(&record, asked_at, now) {
        return Told::unheard(record);
    }
    let found = if answer.value.is_empty() {
        Found::Nobody
    } else {
        form.found(&record.value, &object(&answer.value))
    };
    let before = record.presence;
    let After { record, dropped } = after(record, found, asked_at);
    Told {
        record,
        heard: true,
        before,
        dropped,
    }
}

/// Whether a resource moves once: what is found of its rows does not set it going again.
fn moves_once(session: &Session, address: &Address) -> bool {
    let resource = session.configuration.resources.get(address);
    let cadence = resource.and_then(|resource| resource.settings.cadence.as_ref());
    matches!(cadence, Some(Cadence::Word(CadenceWord::Once)))
}

/// What is set aside of a row that Braze took twice and does not hold.
fn dropped(address: &Address, record: Record) -> Refusal {
    Refusal {
        address: address.clone(),
        key: record.key,
        amplitude_id: record.amplitude_id,
        verb: Verb::Change,
        value: Some(record.value),
        reason: NOT_HELD.into(),
        at: record.checked_at.unwrap_or(record.sent_at),
        run: record.run,
    }
}

/// In which form the rows of each resource are kept in Braze, as it was applied.
pub(super) fn forms(configuration: &Configuration, manifest: &Manifest) -> BTreeMap<Address, Form> {
    let form = |(address, entry): (&Address, _)| {
        let desired = remembered(configuration, address, entry)?;
        let in_braze = !desired.form.is_in_amplitude();
        in_braze.then(|| (address.clone(), desired.form))
    };
    manifest.resources.iter().filter_map(form).collect()
}
