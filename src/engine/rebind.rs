//! `state rebind`: a state becomes about the services as they are configured now. What its ledgers say was sent is then
//! taken to be there; nothing is sent.

use super::{Error, Session, apply::take_lease, ending::recover, listed, target};
use crate::state::{
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
    Ok(Some(Rebinding {
        manifest,
        configured,
        workspace: session.configuration.workspace.clone(),
        _lease: lease,
    }))
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
    manifest.target = configured;
    manifest.workspace = workspace;
    session
        .store
        .commit(&mut manifest, session.clock.millis())?;
    Ok(())
}
