//! Which services a state is about, and whether they are still the same.
//!
//! A rotated Braze key is accepted if the workspace's oldest segment is the one that was recorded; anything else is
//! another target, and an error until `state rebind`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Error, Refresh, Session};
use crate::{
    braze,
    model::{Cohort, Secret, digest},
    state::manifest::{Manifest, Target},
};

/// Returns the target as it is now, after comparing it with what the state was applied to.
pub(super) async fn check(
    session: &Session,
    manifest: Option<&Manifest>,
    list: &[Cohort],
) -> Result<Target, Error> {
    let identity = &session.identity;
    let project = list.iter().find_map(|cohort| cohort.project);
    // A state into which nothing was ever written is about nobody yet.
    let begun = |manifest: &&Manifest| {
        !manifest.target.braze_key.is_empty() || !manifest.resources.is_empty()
    };
    let Some(manifest) = manifest.filter(begun) else {
        return Ok(Target {
            braze: identity.braze.clone(),
            braze_key: String::new(),
            partner: None,
            import_key: None,
            oldest_segment: None,
            amplitude: identity.amplitude.clone(),
            project,
        });
    };
    let recorded = &manifest.target;
    let other = |what, recorded: &str, configured: &str| Error::OtherTarget {
        state: session.store.root().display().to_string(),
        what,
        recorded: recorded.to_owned(),
        configured: configured.to_owned(),
    };
    let configuration = &session.configuration;
    if manifest.workspace != configuration.workspace {
        return Err(other(
            "workspace",
            &manifest.workspace,
            &configuration.workspace,
        ));
    }
    if recorded.braze != identity.braze {
        return Err(other(
            "the Braze endpoint",
            &recorded.braze,
            &identity.braze,
        ));
    }
    if recorded.amplitude != identity.amplitude {
        return Err(other(
            "the Amplitude host",
            &recorded.amplitude,
            &identity.amplitude,
        ));
    }
    if let (Some(before), Some(now)) = (recorded.project, project)
        && before != now
    {
        return Err(other(
            "the Amplitude project",
            &before.to_string(),
            &now.to_string(),
        ));
    }
    if let (Some(before), Some(now)) = (&recorded.partner, partner(session))
        && *before != now
    {
        return Err(other("the partner of cohort import", before, &now));
    }
    // No call tells which workspace a data import key opens, so that another one is another target.
    if let (Some(before), Some(now)) =
        (&recorded.import_key, import_key(session, &manifest.lineage))
        && *before != now
    {
        return Err(other("the data import key", before, &now));
    }
    let mut target = Target {
        project: recorded.project.or(project),
        ..recorded.clone()
    };
    let key = fingerprint(&manifest.lineage, &identity.braze_key);
    // Before anything was acknowledged the key is not known to be right; and a plan that reads nothing live writes nothing.
    if session.how.refresh == Refresh::Quick
        && key != recorded.braze_key
        && !recorded.braze_key.is_empty()
    {
        let oldest = session.braze.oldest_segment().await?;
        if oldest.is_none() || oldest != recorded.oldest_segment {
            return Err(other(
                "the Braze workspace of key",
                &recorded.braze_key,
                &key,
            ));
        }
        target.braze_key = key;
    }
    Ok(target)
}

/// Returns the oldest segment for a state that is being made.
pub(super) async fn oldest_segment(session: &Session) -> Result<Option<String>, Error> {
    match session.braze.oldest_segment().await {
        // A key that may not list segments still works; only its rotation cannot be told from another workspace.
        Err(braze::Error::Refused { .. }) => Ok(None),
        other => Ok(other?),
    }
}

/// Returns the fingerprint of the data import key, where there is one.
pub(super) fn import_key(session: &Session, lineage: &str) -> Option<String> {
    let import = session.configuration.braze.cohort_import.as_ref()?;
    let key = import.data_import_key.value.as_ref()?;
    Some(fingerprint(lineage, key))
}

/// Returns the partner that cohorts are imported for, where there is one.
pub(super) fn partner(session: &Session) -> Option<String> {
    let import = session.configuration.braze.cohort_import.as_ref();
    import.map(|import| import.partner.clone())
}

/// Which key, without the key: keyed by the lineage, so that equal keys of two states do not show.
pub(super) fn fingerprint(lineage: &str, key: &Secret) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(lineage.as_bytes()) else {
        return String::new();
    };
    mac.update(key.expose().as_bytes());
    digest::hex(&mac.finalize().into_bytes()[..8])
}
