//! Compares what is recorded with what is desired, row by row, and writes the delta. Blocking work on plain streams.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::fold::Rows;
use crate::{
    diff::{
        decide::{Decision, decide},
        join::{Join, Joined},
    },
    model::{
        Address, Change, Identity, Key, Member, Presence, Record, Text, Verb, digest::hex,
        plan::Delta,
    },
    state::{
        Error,
        delta::DeltaWriter,
        relation::RelationReader,
        store::{Draft, Store},
    },
};

/// What a comparison found.
pub(super) struct Computed {
    /// The rows to send; none where there are none.
    pub(super) draft: Option<Draft>,
    /// Their counts.
    pub(super) delta: Delta,
    /// Digest of the rows, whatever file they are in.
    pub(super) digest: String,
}

/// Returns the members of a relation that are in none of the others.
pub(super) fn members(
    source: RelationReader,
    exclude: Vec<RelationReader>,
) -> Box<dyn Iterator<Item = Result<Member, Error>>> {
    exclude
        .into_iter()
        .fold(Box::new(source), |members, excluded| {
            let left = Join::new(members, excluded).filter_map(|row| match row {
                Ok(Joined::Left(member)) => Some(Ok(member)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            Box::new(left)
        })
}

/// Compares, and writes what is to be sent.
pub(super) fn compute(
    store: &Store,
    address: &Address,
    recorded: Rows,
    desired: impl Iterator<Item = Result<Member, Error>>,
) -> Result<Computed, Error> {
    let (mut delta, mut identified) = (Delta::default(), Identified::default());
    let mut writer = None;
    let mut digest = Sha256::new();
    for row in Join::new(recorded, desired) {
        let row = row?;
        count(&mut delta, &row);
        if let Joined::Right(member) | Joined::Both(_, member) = &row {
            identified.count(&member.key);
        }
        let Decision::Send(change) = decide(row) else {
            continue;
        };
        match change.verb {
            Verb::Add => delta.add += 1,
            Verb::Change => delta.change += 1,
            Verb::Remove => delta.remove += 1,
        }
        feed(&mut digest, &change);
        if writer.is_none() {
            writer = Some(DeltaWriter::new(store.draft()?, address)?);
        }
        if let Some(writer) = &mut writer {
            writer.push(&change)?;
        }
    }
    delta.identified = identified.words();
    let draft = writer.map(|writer| writer.finish()?.finish()).transpose()?;
    let digest = hex(&digest.finalize());
    Ok(Computed {
        draft,
        delta,
        digest,
    })
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

fn count(delta: &mut Delta, row: &Joined<Record, Member>) {
    let (record, desired) = match row {
        Joined::Left(record) => (Some(record), false),
        Joined::Right(_) => (None, true),
        Joined::Both(record, _) => (Some(record), true),
    };
    delta.after += u64::from(desired);
    let Some(record) = record else { return };
    match record.presence {
        Presence::Unconfirmed => delta.unconfirmed += 1,
        Presence::Confirmed => delta.confirmed += 1,
        Presence::Absent => delta.absent += 1,
        Presence::Doubt => delta.doubt += 1,
    }
    delta.before += u64::from(record.presence != Presence::Doubt);
}

/// Feeds what a change does; what was before is not part of it.
fn feed(digest: &mut Sha256, change: &Change) {
    let mut field = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    field(change.verb.word().as_bytes());
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
