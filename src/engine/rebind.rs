//! `state rebind`: a state becomes about the services as they are configured now. What its ledgers say was sent is then
//! taken to be there; nothing is sent. What was read of a log ahead of time goes: it is of the former project.

use super::{Error, Session, apply::take_lease, ending::recover, listed, target};
use crate::state::{
    gathered,
    lease::Lease,
    manifest::{Manifest, Target},
};

/// A state that may be bound to other services, and the right to do it.
pub struct Rebinding {
    manifest: Manifest,
    configured: Target,
    workspace: String,
    _lease: Lease,
}

/// One line of the comparison.
pub struct Bound {
    /// What it is.
    pub what: &'static str,
    /// As it is recorded.
    pub recorded: String,
    /// As it is configured.
    pub configured: String,
}

/// Takes the lease, folds what a cut run left, and reads which services are configured. None where nothing was applied.
pub async fn prepare_rebind(session: &Session) -> Result<Option<Rebinding>, Error> {
    if session.store.manifest()?.is_none() {
        return Ok(None);
    }
    let lease = take_lease(session, std::time::Duration::ZERO).await?;
    recover(session).await?;
    let Some(manifest) = session.store.manifest()? else {
        return Ok(None);
    };
    let list = listed::live(session).await?;
    let configured = Target {
        braze: session.identity.braze.clone(),
        braze_key: target::fingerprint(&manifest.lineage, &session.identity.braze_key),
        // Where nothing was imported yet, there is nothing to follow.
        partner: manifest
            .target
            .partner
            .as_ref()
            .and_then(|known| target::partner(&session.configuration).or(Some(known.clone()))),
        import_key: manifest.target.import_key.as_ref().and_then(|known| {
            target::import_key(&session.configuration, &manifest.lineage).or(Some(known.clone()))
        }),
        oldest_segment: target::oldest_segment(session).await?,
        amplitude: session.identity.amplitude.clone(),
        project: list.iter().find_map(|cohort| cohort.project),
    };
    let parked = parked(&manifest);
    let rebinding = Rebinding {
        manifest,
        configured,
        workspace: session.configuration.workspace.clone(),
        _lease: lease,
    };
    // Released, they would leave for a workspace that they were never meant for.
    if parked > 0 && !rebinding.is_bound() {
        return Err(Error::Undecided(parked));
    }
    Ok(Some(rebinding))
}

fn parked(manifest: &Manifest) -> u64 {
    let logs = manifest
        .resources
        .values()
        .filter_map(|entry| entry.log.as_ref());
    let parked = logs.filter_map(|log| log.parked.as_ref());
    parked.map(|parked| parked.events).sum()
}

impl Rebinding {
    /// Compares what is recorded with what is configured; no key is in it.
    pub fn comparison(&self) -> Vec<Bound> {
        let (recorded, configured) = (&self.manifest.target, &self.configured);
        let project = |target: &Target| {
            target
                .project
                .map_or_else(|| "not known".to_owned(), |project| project.to_string())
        };
        let bound = |what, recorded: &str, configured: &str| Bound {
            what,
            recorded: recorded.to_owned(),
            configured: configured.to_owned(),
        };
        vec![
            bound("workspace", &self.manifest.workspace, &self.workspace),
            bound("Braze", &recorded.braze, &configured.braze),
            bound(
                "Braze's oldest segment",
                recorded.oldest_segment.as_deref().unwrap_or("not known"),
                configured.oldest_segment.as_deref().unwrap_or("not known"),
            ),
            bound(
                "partner of cohort import",
                recorded.partner.as_deref().unwrap_or("none"),
                configured.partner.as_deref().unwrap_or("none"),
            ),
            bound(
                "data import key (print)",
                recorded.import_key.as_deref().unwrap_or("none"),
                configured.import_key.as_deref().unwrap_or("none"),
            ),
            bound("Amplitude", &recorded.amplitude, &configured.amplitude),
            bound(
                "Amplitude project",
                &project(recorded),
                &project(configured),
            ),
        ]
    }

    /// Returns whether the state is about these services already, known by this key.
    pub fn is_bound(&self) -> bool {
        self.manifest.workspace == self.workspace && self.manifest.target == self.configured
    }
}

/// Records the services as they are now.
pub fn rebind(session: &Session, rebinding: Rebinding) -> Result<(), Error> {
    let Rebinding {
        mut manifest,
        configured,
        workspace,
        _lease,
    } = rebinding;
    // First, so that no run that follows takes hours of the former project for those of this one.
    gathered::clear(&session.store.cache()?)?;
    manifest.target = configured;
    manifest.workspace = workspace;
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    Ok(())
}
