//! Compares what is recorded with what is desired, row by row, and writes the delta. Blocking work on plain streams.

use sha2::{Digest, Sha256};

use super::fold::Rows;
use crate::{
    diff::{
        decide::{Decision, decide},
        join::{Join, Joined},
    },
    model::{Address, Change, Member, Presence, Record, Text, Verb, digest::hex, plan::Delta},
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
    let mut delta = Delta::default();
    let mut writer = None;
    let mut digest = Sha256::new();
    for row in Join::new(recorded, desired) {
        let row = row?;
        count(&mut delta, &row);
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
    let draft = writer.map(|writer| writer.finish()?.finish()).transpose()?;
    let digest = hex(&digest.finalize());
    Ok(Computed {
        draft,
        delta,
        digest,
    })
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
