//! What a download of a static cohort tells (`plan --refresh full`): who of those recorded is not there, and who else is.

use serde_json::json;

use crate::{
    diff::join::{Join, Joined},
    engine::{
        Error, Refresh, draft::Drafting, fold::Rows, observe::Readings, subject::Subject,
        valued::Seen,
    },
    model::{Mapping, Presence, Record, plan::Drift},
    state,
};

impl Drafting<'_> {
    /// Tells how far the cohort is from what is recorded, where it was downloaded; returns how many others are in one that was
    /// taken over: nobody noted who was there before, so they are no drift.
    pub(in crate::engine) fn drift_of_members(
        &mut self,
        subject: &Subject,
        readings: &Readings,
    ) -> Result<Option<u64>, Error> {
        let address = &subject.resource.address;
        let Some(there) = members(subject, readings, self.session.how.refresh)? else {
            return Ok(None);
        };
        let mut missing = 0;
        // Whoever is there, not recorded and not wanted was added by somebody else.
        let mut extra = 0;
        let strangers = Join::new(self.rows(address)?, there).filter_map(|row| match row {
            Ok(Joined::Left(record)) => {
                missing += u64::from(record.presence != Presence::Doubt);
                None
            }
            Ok(Joined::Both(..)) => None,
            Ok(Joined::Right(member)) => Some(Ok(member)),
            Err(error) => Some(Err(error)),
        });
        for row in Join::new(
            strangers,
            subject.members(readings, None, &Seen::default())?,
        ) {
            match row? {
                Joined::Left(_) => extra += 1,
                Joined::Both(..) | Joined::Right(_) => {}
            }
        }
        let taken_over = subject
            .desired
            .upload
            .as_ref()
            .is_some_and(|it| it.id.is_some());
        let others = taken_over.then_some(extra);
        let extra = if taken_over { 0 } else { extra };
        for (path, count) in [
            ("members taken out in Amplitude", missing),
            ("others added in Amplitude", extra),
        ] {
            if count > 0 {
                self.plan.drift.push(Drift {
                    address: address.clone(),
                    path: path.to_owned(),
                    before: json!(0),
                    after: json!(count),
                });
            }
        }
        Ok(others)
    }
}

/// Returns recorded rows, in doubt where a download says that they are not there.
pub(in crate::engine) fn over(
    subject: &Subject,
    readings: &Readings,
    refresh: Refresh,
    rows: Rows,
) -> Result<Rows, state::Error> {
    let Some(there) = members(subject, readings, refresh)? else {
        return Ok(rows);
    };
    Ok(Box::new(Join::new(rows, there).filter_map(
        |row| match row {
            Ok(Joined::Left(record)) => Some(Ok(Record {
                presence: Presence::Doubt,
                ..record
            })),
            Ok(Joined::Both(record, _)) => Some(Ok(record)),
            Ok(Joined::Right(_)) => None,
            Err(error) => Some(Err(error)),
        },
    )))
}

/// Opens the members of the cohort that a subject fills, where they were downloaded for it: what a sync read of that cohort
/// may be older than the last change.
fn members(
    subject: &Subject,
    readings: &Readings,
    refresh: Refresh,
) -> Result<Option<state::relation::RelationReader>, state::Error> {
    let filled = subject.filled.as_ref().filter(|it| it.is_read(refresh));
    let id = filled.and_then(|it| it.id.as_deref());
    let mapping = Mapping::default();
    match id.filter(|id| readings.of(id, &mapping).is_some()) {
        Some(id) => readings.open(id, &mapping).map(Some),
        None => Ok(None),
    }
}
