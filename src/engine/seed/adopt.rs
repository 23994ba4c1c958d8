//! What of the desired rows is there already becomes a ledger of its own, before anything is sent: so a first apply sends
//! only what differs, and what was found is known to be there from then on.

use std::collections::BTreeMap;

use super::{Seeds, covers};
use crate::{
    diff::{
        join::{Join, Joined},
        values::{object, text},
    },
    engine::{compute::Members, subject::Subject},
    kinds::Form,
    model::{
        Address, Member, Millis, Presence, Record,
        plan::{AttributePlan, Delta},
    },
    state::{
        Error,
        ledger::{LedgerCounts, LedgerWriter},
        manifest::Entry,
        store::{Draft, DraftWriter, Store},
    },
};

/// What was found of one resource.
#[derive(Default)]
pub(in crate::engine) struct Adopted {
    /// Its rows, or what of them is there; none where nothing is.
    pub(in crate::engine) ledger: Option<(Draft, LedgerCounts)>,
    /// People who were asked for.
    asked: u64,
    /// Of them, those nobody knows in Braze.
    unknown: u64,
    /// People who were not asked for.
    unasked: u64,
    /// Values that are there, by attribute.
    values: BTreeMap<String, u64>,
    /// Other values that are there instead, by attribute.
    others: BTreeMap<String, u64>,
    /// Members of the segment that it begins with.
    exported: u64,
    /// Of them, those who are wanted.
    pub(super) wanted: u64,
}

impl Seeds {
    /// Returns what of a resource's rows, which `wanted` opens, is there already; none where nothing was to be read. Where
    /// a segment tells what is there, its other members are among them, unless `only` those who are wanted matter.
    pub(in crate::engine) fn adopted(
        &self,
        store: &Store,
        subject: &Subject,
        wanted: &dyn Fn() -> Result<Members, Error>,
        only: bool,
    ) -> Result<Option<Adopted>, Error> {
        if subject.segment().is_some() {
            return self.members(store, subject, wanted, only);
        }
        let Some(known) = self.known.as_ref().filter(|_| subject.is_seeded()) else {
            return Ok(None);
        };
        let (form, address) = (&subject.desired.form, &subject.resource.address);
        let told_by = form.told_by();
        let mut adopted = Adopted::default();
        let mut writer = None;
        for row in Join::new(wanted()?, known.asked()) {
            let (member, answer) = match row? {
                Joined::Right(_) => continue,
                Joined::Both(member, answer)
                    if covers(&answer.0.value, told_by.iter().copied()) =>
                {
                    (member, answer)
                }
                Joined::Left(_) | Joined::Both(..) => {
                    adopted.unasked += 1;
                    continue;
                }
            };
            let (answer, asked_at) = answer;
            adopted.asked += 1;
            if answer.value.is_empty() {
                adopted.unknown += 1;
                // Nobody creates them: they are remembered, and sent once they have appeared.
                if !subject.desired.create_users {
                    let absent = absent(form, member, asked_at);
                    writing(&mut writer, store, address)?.push(&absent)?;
                }
                continue;
            }
            let live = object(&answer.value);
            let held = form.held(&member.value, &live);
            if let Form::Attributes(_) = form {
                let same = held.as_deref().map(object).unwrap_or_default();
                let wanted = object(&member.value);
                let there = |name: &String| live.get(name).is_some_and(|value| !value.is_null());
                let wanted = wanted.iter().filter(|(_, value)| !value.is_null());
                for (name, _) in wanted.filter(|(name, _)| there(name)) {
                    let counts = if same.contains_key(name) {
                        &mut adopted.values
                    } else {
                        &mut adopted.others
                    };
                    *counts.entry(name.clone()).or_default() += 1;
                }
            }
            let Some(value) = held else {
                continue;
            };
            writing(&mut writer, store, address)?.push(&Record {
                key: member.key,
                amplitude_id: member.amplitude_id,
                value,
                maybe: None,
                presence: Presence::Confirmed,
                sent_at: asked_at,
                // No run sent it.
                run: "".into(),
                checked_at: Some(asked_at),
                confirmed_once: true,
                sent_again: false,
            })?;
        }
        adopted.keep(writer)?;
        Ok(Some(adopted))
    }
}

impl Adopted {
    /// Begins with a segment of so many members.
    pub(super) fn of_segment(exported: u64) -> Self {
        Self {
            exported,
            ..Self::default()
        }
    }

    /// Takes the rows that were written, if any were.
    pub(super) fn keep(&mut self, writer: Option<LedgerWriter<DraftWriter>>) -> Result<(), Error> {
        if let Some(writer) = writer {
            let counts = writer.counts;
            self.ledger = Some((writer.finish()?.finish()?, counts));
        }
        Ok(())
    }

    /// Tells what was found.
    pub(in crate::engine) fn tell(&self, delta: &mut Delta, attributes: &mut [AttributePlan]) {
        delta.exported = self.exported;
        if self.exported > 0 {
            delta.adopted = self.wanted;
            return;
        }
        delta.asked = self.asked;
        delta.unknown = self.unknown;
        delta.unasked = self.unasked;
        // Each confirmed row was found; those that change lack something.
        delta.adopted = delta.confirmed - delta.change;
        for attribute in attributes {
            let of = |counts: &BTreeMap<String, u64>| counts.get(&attribute.name).copied();
            let (same, other) = (of(&self.values), of(&self.others));
            attribute.adopted = same.unwrap_or(0);
            attribute.overwritten = other.unwrap_or(0);
        }
    }

    /// Makes what was found the ledger that an entry begins with.
    pub(in crate::engine) fn begin(&self, next: Entry) -> Entry {
        match &self.ledger {
            None => next,
            Some((draft, counts)) => Entry {
                ledger: Some(draft.digest().to_owned()),
                counts: *counts,
                ..next
            },
        }
    }
}

pub(super) fn writing<'a>(
    writer: &'a mut Option<LedgerWriter<DraftWriter>>,
    store: &Store,
    address: &Address,
) -> Result<&'a mut LedgerWriter<DraftWriter>, Error> {
    Ok(match writer {
        Some(writer) => writer,
        none => none.insert(LedgerWriter::new(store.draft()?, address)?),
    })
}

/// The row of somebody whom Braze does not know.
fn absent(form: &Form, member: Member, asked_at: Millis) -> Record {
    let value = match form {
        Form::Membership(_) => member.value,
        Form::Attributes(_) => {
            let mut wanted = object(&member.value);
            wanted.retain(|_, value| !value.is_null());
            text(wanted)
        }
    };
    Record {
        key: member.key,
        amplitude_id: member.amplitude_id,
        value,
        maybe: None,
        presence: Presence::Absent,
        sent_at: asked_at,
        run: "".into(),
        checked_at: Some(asked_at),
        confirmed_once: false,
        sent_again: false,
    }
}
