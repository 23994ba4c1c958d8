//! Compares what is recorded with what is desired, row by row, and writes the deltas. Blocking work on plain streams.
//!
//! # Expected flow
//! One scan. Where it finds people who leave under one identifier and may stay under another, a second scan puts the
//! latter into a delta of their own, which is sent once the former is acknowledged and has settled.

use std::{cell::RefCell, collections::BTreeMap};

use sha2::{Digest, Sha256};

use super::{
    fold::{Aside, Rows},
    presence::Gone,
};
use crate::{
    braze,
    diff::{
        algebra::{Algebra, select},
        aside::Patience,
        decide::{Decision, again},
        join::{Join, Joined},
        leaving::Leaving,
        presence::Absence,
        tally::Tally,
        values::Rule,
    },
    model::{
        Address, Change, Identity, Key, Member, Presence, Record, Text, Verb,
        digest::hex,
        plan::{AttributePlan, Delta},
    },
    state::{
        Error,
        delta::DeltaWriter,
        manifest::SetAside,
        refusals::AsideWriter,
        store::{Draft, DraftWriter, Store},
    },
};

/// What a comparison found.
pub(super) struct Computed {
    /// The rows to send; none where there are none.
    pub(super) now: Option<Draft>,
    /// Rows to send once those are acknowledged and settled.
    pub(super) later: Option<Draft>,
    /// Rows that stay set aside.
    pub(super) aside: Option<(Draft, SetAside)>,
    /// Their counts.
    pub(super) delta: Delta,
    /// What they do to each attribute that changes; nothing of memberships.
    pub(super) attributes: Vec<AttributePlan>,
    /// Digest of the rows, whatever file they are in.
    pub(super) digest: String,
}

/// Rows as desired.
pub(super) type Members = Box<dyn Iterator<Item = Result<Member, Error>>>;

/// What is compared. Streams are opened as often as they are read.
pub(super) struct Comparison<'a> {
    pub(super) store: &'a Store,
    pub(super) address: &'a Address,
    pub(super) rule: &'a Rule,
    pub(super) absence: Absence,
    /// Who is gone from Braze, as other resources tell.
    pub(super) gone: &'a dyn Fn() -> Result<Gone, Error>,
    /// Whether all of it is sent anew.
    pub(super) anew: bool,
    /// Whether removals wait until all else is acknowledged.
    pub(super) removes_later: bool,
    pub(super) recorded: &'a dyn Fn() -> Result<Rows, Error>,
    pub(super) desired: &'a dyn Fn() -> Result<Members, Error>,
    pub(super) aside: &'a dyn Fn() -> Result<Aside, Error>,
    pub(super) patience: Patience,
}

/// Returns the Amplitude numbers of those people of a relation who are in one of the others: where there are several
/// identifiers, two files may name one person differently. It holds as many as the relation has people, however many
/// are excluded.
pub(super) fn excluded_ids<I: Iterator<Item = Result<Member, Error>>>(
    people: impl Iterator<Item = Result<Member, Error>>,
    rows: u64,
    excluded: Vec<I>,
) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::with_capacity(rows as usize);
    for member in people {
        ids.extend(member?.amplitude_id);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut found = vec![false; ids.len()];
    for member in excluded.into_iter().flatten() {
        let id = member?.amplitude_id;
        if let Some(Ok(at)) = id.map(|id| ids.binary_search(&id)) {
            found[at] = true;
        }
    }
    let mut found = found.into_iter();
    ids.retain(|_| found.next() == Some(true));
    Ok(ids)
}

/// Returns those of several relations who are in it, and are not of these numbers.
pub(super) fn members<I>(cohorts: Vec<I>, algebra: &Algebra, ids: Vec<i64>) -> Members
where
    I: Iterator<Item = Result<Member, Error>> + 'static,
{
    Box::new(select(cohorts, algebra.clone()).filter(move |member| {
        let id = member.as_ref().ok().and_then(|member| member.amplitude_id);
        id.is_none_or(|id| ids.binary_search(&id).is_err())
    }))
}

impl Comparison<'_> {
    /// Compares, and writes what is to be sent.
    pub(super) fn run(&self) -> Result<Computed, Error> {
        let (computed, leaving) = self.scan(None)?;
        match leaving.known() {
            Some(leaving) => Ok(self.scan(Some(&leaving))?.0),
            None => Ok(computed),
        }
    }

    /// Compares with what is known of people who leave; returns who does.
    fn scan(&self, leaving: Option<&Leaving>) -> Result<(Computed, Leaving), Error> {
        let found = RefCell::new(Leaving::default());
        let (mut delta, mut identified) = (Delta::default(), Identified::default());
        let mut after = 0;
        let (mut now, mut later) = (Output::new(self), Output::new(self));
        let mut aside = AsideWriter::new(self.store);
        let mut gone = (self.gone)()?;
        let decisions = Join::new((self.recorded)()?, (self.desired)()?).filter_map(|row| {
            let row = match row {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            count(&mut delta, &row);
            if let Joined::Right(member) | Joined::Both(_, member) = &row {
                identified.count(&member.key);
            }
            let row = if self.anew { anew(row) } else { row };
            match self.absence.decide(self.rule, row) {
                Decision::Nothing => None,
                Decision::Keep(record) => {
                    after += 1;
                    found.borrow_mut().meet(&record.key);
                    // Of somebody who is not there nothing was taken.
                    let stays = record.presence != Presence::Absent
                        && leaving.is_some_and(|leaving| leaving.holds(record.amplitude_id));
                    stays.then(|| Ok(again(record)))
                }
                Decision::Send(change) => {
                    after += u64::from(change.after.is_some());
                    let gone = gone.holds(&change.key);
                    Some(gone.map(|gone| self.absence.spares(change, gone)))
                }
            }
        });
        let (mut counts, mut digest) = (Delta::default(), Sha256::new());
        let mut tally = Tally::default();
        for row in Join::new(decisions, (self.aside)()?) {
            let change = match row? {
                Joined::Left(change) => change,
                Joined::Both(change, refusal) => {
                    if self.patience.holds(&change, &refusal) {
                        aside.push(&refusal)?;
                        continue;
                    }
                    change
                }
                // Nobody wants it any more.
                Joined::Right(_) => continue,
            };
            found.borrow_mut().send(&change);
            if let Rule::Attributes(_) = self.rule {
                let clears = tally.count(&change, braze::data_points);
                counts.cleared += u64::from(clears && change.verb == Verb::Change);
            }
            match change.verb {
                Verb::Add => counts.add += 1,
                Verb::Change => counts.change += 1,
                Verb::Remove => counts.remove += 1,
            }
            let comes_back = change.verb != Verb::Remove
                && leaving.is_some_and(|leaving| leaving.holds(change.amplitude_id));
            counts.later += u64::from(comes_back);
            feed(&mut digest, &change, comes_back);
            let waits = comes_back || (self.removes_later && change.verb == Verb::Remove);
            let output = if waits { &mut later } else { &mut now };
            output.push(&change)?;
        }
        let aside = aside.finish()?;
        let delta = Delta {
            after,
            cleared: counts.cleared,
            add: counts.add,
            change: counts.change,
            remove: counts.remove,
            later: counts.later,
            identified: identified.words(),
            set_aside: aside.as_ref().map_or(0, |(_, aside)| aside.rows),
            ..delta
        };
        let computed = Computed {
            now: now.finish()?,
            later: later.finish()?,
            aside,
            delta,
            attributes: tally.finish().collect(),
            digest: hex(&digest.finalize()),
        };
        Ok((computed, found.into_inner()))
    }
}

/// One delta being written; no file where nothing is.
struct Output<'a> {
    store: &'a Store,
    address: &'a Address,
    writer: Option<DeltaWriter<DraftWriter>>,
}

impl<'a> Output<'a> {
    fn new(comparison: &Comparison<'a>) -> Self {
        Self {
            store: comparison.store,
            address: comparison.address,
            writer: None,
        }
    }

    fn push(&mut self, change: &Change) -> Result<(), Error> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(DeltaWriter::new(self.store.draft()?, self.address)?),
        };
        writer.push(change)
    }

    fn finish(self) -> Result<Option<Draft>, Error> {
        self.writer
            .map(|writer| writer.finish()?.finish())
            .transpose()
    }
}

/// How many rows each identifier names. Rows come in the order of their keys, so those of one identifier come together.
#[derive(Default)]
struct Identified(Vec<(Key, u64)>);

impl Identified {
    fn count(&mut self, key: &Key) {
        match self.0.last_mut() {
            Some((last, count)) if last.identifier() == key.identifier() => *count += 1,
            _ => self.0.push((key.clone(), 1)),
        }
    }

    fn words(self) -> BTreeMap<String, u64> {
        let word = |key: &Key| match key.identity() {
            Identity::Alias { label, .. } => format!("alias {label}"),
            identity => identity.word().to_owned(),
        };
        let counts = self.0.iter();
        counts.map(|(key, count)| (word(key), *count)).collect()
    }
}

/// A recorded row as if nothing were known of it, so that all of it is sent. Whoever is not there is let be.
fn anew(row: Joined<Record, Member>) -> Joined<Record, Member> {
    match row {
        Joined::Both(record, member) if record.presence != Presence::Absent => {
            let record = Record {
                maybe: record.maybe.or_else(|| Some("[]".into())),
                presence: Presence::Doubt,
                ..record
            };
            Joined::Both(record, member)
        }
        row => row,
    }
}

fn count(delta: &mut Delta, row: &Joined<Record, Member>) {
    let (Joined::Left(record) | Joined::Both(record, _)) = row else {
        return;
    };
    match record.presence {
        Presence::Unconfirmed => delta.unconfirmed += 1,
        Presence::Confirmed => delta.confirmed += 1,
        Presence::Absent => delta.absent += 1,
        Presence::Doubt => delta.doubt += 1,
    }
    delta.before += u64::from(record.presence != Presence::Doubt);
}

/// Feeds what a change does, and whether it waits for others; what was before is not part of it.
fn feed(digest: &mut Sha256, change: &Change, later: bool) {
    let mut field = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    field(change.verb.word().as_bytes());
    field(if later { b"later" } else { b"" });
    field(change.key.bytes());
    field(change.after.as_ref().map_or("", Text::as_ref).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_what_names_them() {
        let mut keys = [
            Key::alias("a", "1"),
            Key::alias("a", "2"),
            Key::alias("ab", "1"),
            Key::device("1"),
            Key::external("1"),
            Key::external("2"),
        ]
        .map(Result::unwrap);
        keys.sort();
        let mut identified = Identified::default();
        keys.iter().for_each(|key| identified.count(key));
        let words = [
            ("alias a", 2),
            ("alias ab", 1),
            ("device_id", 1),
            ("external_id", 2),
        ];
        let expected: BTreeMap<String, u64> =
            words.map(|(word, count)| (word.to_owned(), count)).into();
        assert_eq!(identified.words(), expected);
    }
}
