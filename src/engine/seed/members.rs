//! `seed: {segment: NAME}`: the members of a Braze segment become recorded rows, as the sync would have written them. So
//! those who are wanted are not sent, and those who are not are taken out, under the guards, by the same plan.

use std::{collections::BTreeMap, time::Duration};

use super::{Adopted, DAY, Seeds, adopt::writing};
use crate::{
    config::Seed,
    diff::join::{Join, Joined},
    engine::{
        Error,
        compared::Unready,
        compute::Members,
        draft::Drafting,
        exported::{ExportedSegment, as_kept, people_of_segment},
        subject::Subject,
    },
    model::{Address, Key, Presence, Record, Text, counted, plan::Problem},
    state::{self, relation::RelationReader, store::Store},
};

/// How old an export may be: as old as what profiles say, and never older than the last sending.
const MAX_AGE: Duration = DAY;

/// The segments of first applies, or why they cannot be had.
pub(super) type Segments = BTreeMap<Address, Result<ExportedSegment, Unready>>;

impl Subject<'_> {
    /// Returns the segment whose members it begins with; none once it was applied.
    pub(in crate::engine) fn segment(&self) -> Option<&str> {
        let first = self.entry.is_none() && self.left.is_none();
        match &self.resource.settings.seed {
            Some(Seed::Segment(name)) if first => Some(name),
            _ => None,
        }
    }
}

/// Exports the segments that first applies begin with.
pub(super) async fn export(
    draft: &mut Drafting<'_>,
    subjects: &[Subject<'_>],
) -> Result<Segments, Error> {
    let mut segments = Segments::new();
    for subject in subjects {
        let Some(name) = subject.segment() else {
            continue;
        };
        let address = &subject.resource.address;
        let exported = match people_of_segment(draft, name, MAX_AGE).await {
            Ok(exported) => Ok(exported),
            Err(error) if error.is_of_one_segment() => {
                let hint = error.segment_hint();
                Err((error.to_string(), hint))
            }
            Err(error) => return Err(error),
        };
        if let Ok(exported) = &exported {
            let said = warnings(exported).into_iter();
            draft
                .plan
                .warnings
                .extend(said.map(|(message, hint)| Problem {
                    address: Some(address.clone()),
                    message,
                    hint: Some(hint),
                }));
        }
        segments.insert(address.clone(), exported);
    }
    Ok(segments)
}

/// Returns what is kept of those segments, and asks nobody.
pub(super) fn kept(draft: &Drafting<'_>, subjects: &[Subject<'_>]) -> Result<Segments, Error> {
    let mut segments = Segments::new();
    for subject in subjects {
        let Some(name) = subject.segment() else {
            continue;
        };
        if let Some(exported) = as_kept(draft, name)? {
            segments.insert(subject.resource.address.clone(), Ok(exported));
        }
    }
    Ok(segments)
}

impl Seeds {
    /// Returns why a resource's first apply cannot begin, if it cannot.
    pub(in crate::engine) fn unready(&self, subject: &Subject) -> Option<Unready> {
        let exported = self.segments.get(&subject.resource.address)?;
        exported.as_ref().err().cloned()
    }

    /// Returns the members of the segment that a resource begins with, as the rows that it would have sent; of nobody but
    /// those whom `wanted` opens, where `only` says so.
    pub(super) fn members(
        &self,
        store: &Store,
        subject: &Subject,
        wanted: &dyn Fn() -> Result<Members, state::Error>,
        only: bool,
    ) -> Result<Option<Adopted>, state::Error> {
        let address = &subject.resource.address;
        let Some(Ok(exported)) = self.segments.get(address) else {
            return Ok(None);
        };
        let there = RelationReader::open(&exported.path)?.ok_or_else(|| state::Error::Io {
            path: exported.path.as_path().into(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let value = subject.desired.form.value(&subject.label, &[]).value;
        let mut adopted = Adopted::of_segment(exported.rows);
        let mut writer = None;
        for row in Join::new(wanted()?, there) {
            let record = match row? {
                Joined::Left(_) => continue,
                Joined::Right(_) if only => continue,
                Joined::Right(member) => record(member.key, None, &value, exported),
                Joined::Both(member, _) => {
                    adopted.wanted += 1;
                    record(member.key, member.amplitude_id, &value, exported)
                }
            };
            writing(&mut writer, store, address)?.push(&record)?;
        }
        adopted.keep(writer)?;
        Ok(Some(adopted))
    }
}

/// The row of somebody in a segment. What the profile holds was not read: that is asked for like after a sending.
fn record(key: Key, amplitude_id: Option<i64>, value: &Text, of: &ExportedSegment) -> Record {
    Record {
        key,
        amplitude_id,
        value: value.clone(),
        maybe: None,
        presence: Presence::Unconfirmed,
        sent_at: of.exported_at,
        // No run sent it.
        run: "".into(),
        checked_at: None,
        confirmed_once: false,
        sent_again: false,
    }
}

/// What is odd about an export, and what to do.
fn warnings(exported: &ExportedSegment) -> Vec<(String, String)> {
    let name = &exported.name;
    let mut said = vec![];
    if exported.rows == 0 {
        said.push((
            format!(
                "nobody is adopted from segment \"{name}\": it has no members with an external id"
            ),
            "see that its filters are those that the earlier members are found by".to_owned(),
        ));
    }
    if exported.nameless > 0 {
        let people = counted(exported.nameless, "member");
        said.push((
            format!("{people} of segment \"{name}\" without a usable external id: not adopted, and never removed"),
            "nothing is to be done, unless they were meant".to_owned(),
        ));
    }
    said
}
