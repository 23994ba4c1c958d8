//! Makes the one client that writes; no other file may.

use std::sync::Arc;

use super::{
    Error, Session,
    destinations::DestinationWork,
    log::{self, LogWork},
    plan::Work,
    send::Doors,
};
use crate::{
    amplitude::{Ingester, Patcher, StaticWriter},
    braze::{ImportKeys, Writer},
    model::Lane,
};

/// Makes what these are sent by. Keys that are missing show before anything is written.
pub(super) fn doors(session: &Session, works: &[Work], logs: &[LogWork]) -> Result<Doors, Error> {
    Ok(Doors {
        braze: Arc::new(writer(session, works)?),
        ingester: ingester(session, logs)?.map(Arc::new),
        statics: statics(session, works).map(Arc::new),
    })
}

/// Makes the one client that writes. Keys that are missing show before anything is written.
fn writer(session: &Session, works: &[Work]) -> Result<Writer, Error> {
    let braze = &session.configuration.braze;
    let import = match works.iter().find(|work| imports(work)) {
        None => None,
        Some(work) => {
            let import = braze
                .cohort_import
                .as_ref()
                .ok_or_else(|| Error::NoCohortImport(work.address.clone()))?;
            let missing = |diagnostic| Error::Missing(Box::new(diagnostic));
            Some(ImportKeys {
                partner: import.partner.clone(),
                data_import_key: import.data_import_key.require().map_err(missing)?.clone(),
                partner_api_key: import.partner_api_key.require().map_err(missing)?.clone(),
            })
        }
    };
    Ok(Writer::new(
        session.sender.clone(),
        &session.identity.braze_url,
        &session.identity.braze_key,
        import,
        braze.use_at_most / 100.0,
    ))
}

/// Makes the one client that writes to Amplitude, where any log goes there.
fn ingester(session: &Session, logs: &[LogWork]) -> Result<Option<Ingester>, Error> {
    let ingests = |(log, _): (&LogWork, _)| matches!(log.lane, Lane::Ingest { .. });
    if !log::passes(logs).any(ingests) {
        return Ok(None);
    }
    let missing = |diagnostic| Error::Missing(Box::new(diagnostic));
    let api_key = &session.configuration.amplitude.api_key;
    Ok(Some(Ingester::new(
        session.sender.clone(),
        &session.identity.amplitude_events_url,
        api_key.require().map_err(missing)?,
        session.configuration.amplitude.use_at_most / 100.0,
    )))
}

/// Makes the one client that fills static cohorts of Amplitude, where any is filled.
fn statics(session: &Session, works: &[Work]) -> Option<StaticWriter> {
    let fills = |work: &Work| work.sends() && work.fills.is_some();
    let share = session.configuration.amplitude.use_at_most / 100.0;
    let any = works.iter().any(fills);
    any.then(|| StaticWriter::beside(&session.amplitude, share))
}

/// Makes the one client that writes accounts of Amplitude, where any changes.
pub(super) fn patcher(
    session: &Session,
    works: &[DestinationWork],
) -> Result<Option<Patcher>, Error> {
    let Some(work) = works.first() else {
        return Ok(None);
    };
    let missing = |diagnostic| Error::Missing(Box::new(diagnostic));
    let settings = &session.configuration.amplitude;
    Ok(Some(Patcher::new(
        session.sender.clone(),
        &session.developer.url,
        settings.developer_token.require().map_err(missing)?,
        work.project,
        settings.use_at_most / 100.0,
    )))
}

/// Whether a work writes by cohort import.
pub(super) fn imports(work: &Work) -> bool {
    work.sends() && matches!(work.desired.lane(), Lane::Cohort { .. })
}
