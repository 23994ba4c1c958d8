//! Which services a state is about, and whether they are still the same.
//!
//! A rotated Braze key is accepted if the workspace's oldest segment is the one that was recorded; anything else is
//! another target, and an error until `state rebind`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Error, Refresh, Session};
use crate::{
    braze,
    config::Configuration,
    model::{Cohort, Secret, digest},
    state::manifest::{Manifest, Target},
};

/// What to do about a state of another target.
pub const OTHER_HINT: &str = "point the configuration back, or give it a state of its own (state.path); where the workspace moved and took its \
     people along, `syncform state rebind` makes the state follow";

/// Returns the target as it is now, after comparing it with what the state was applied to.
pub(super) async fn check(
    session: &Session,
    manifest: Option<&Manifest>,
    list: &[Cohort],
) -> Result<Target, Error> {
    let identity = &session.identity;
    let project = list.iter().find_map(|cohort| cohort.project);
    let Some(manifest) = manifest.filter(|manifest| has_begun(manifest)) else {
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
    let found = other_target(
        manifest,
        &session.configuration,
        (&identity.braze, &identity.amplitude),
        project,
    );
    let other = |(what, recorded, configured)| Error::OtherTarget {
        state: session.store.root().display().to_string(),
        what,
        recorded,
        configured,
    };
    if let Some(differs) = found {
        return Err(other(differs));
    }
    let recorded = &manifest.target;
    let mut target = Target {
        project: recorded.project.or(project),
        ..recorded.clone()
    };
    let key = fingerprint(&manifest.lineage, &identity.braze_key);
    // Before anything was acknowledged the key is not known to be right; and a plan that reads nothing live writes nothing.
    if session.how.refresh != Refresh::None
        && key != recorded.braze_key
        && !recorded.braze_key.is_empty()
    {
        let oldest = session.braze.oldest_segment().await?;
        if oldest.is_none() || oldest != recorded.oldest_segment {
            return Err(other((
                "the Braze workspace of key",
                recorded.braze_key.clone(),
                key,
            )));
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

/// Returns what of a target is another one than recorded, if anything is: its name, as recorded, as configured. The keys
/// of Braze are not compared. `services` are Braze and Amplitude as they are configured.
pub(super) fn other_target(
    manifest: &Manifest,
    configuration: &Configuration,
    (braze, amplitude): (&str, &str),
    project: Option<u64>,
) -> Option<(&'static str, String, String)> {
    let recorded = &manifest.target;
    let number = |project: Option<u64>| project.map(|project| project.to_string());
    let text = |text: &str| Some(text.to_owned());
    // No call tells which workspace a data import key opens, so that another one is another target.
    let import_key = import_key(configuration, &manifest.lineage);
    let pairs = [
        (
            "workspace",
            text(&manifest.workspace),
            text(&configuration.workspace),
        ),
        ("the Braze endpoint", text(&recorded.braze), text(braze)),
        (
            "the Amplitude host",
            text(&recorded.amplitude),
            text(amplitude),
        ),
        (
            "the Amplitude project",
            number(recorded.project),
            number(project),
        ),
        (
            "the partner of cohort import",
            recorded.partner.clone(),
            partner(configuration),
        ),
        (
            "the data import key",
            recorded.import_key.clone(),
            import_key,
        ),
    ];
    pairs.into_iter().find_map(|(what, before, now)| {
        let (before, now) = before.zip(now)?;
        (before != now).then_some((what, before, now))
    })
}

/// Returns whether anything was ever written from a state: else it is about nobody yet.
pub(super) fn has_begun(manifest: &Manifest) -> bool {
    !manifest.target.braze_key.is_empty() || !manifest.resources.is_empty()
}

/// Returns the fingerprint of the data import key, where there is one.
pub(super) fn import_key(configuration: &Configuration, lineage: &str) -> Option<String> {
    let import = configuration.braze.cohort_import.as_ref()?;
    let key = import.data_import_key.value.as_ref()?;
    Some(fingerprint(lineage, key))
}

/// Returns the partner that cohorts are imported for, where there is one.
pub(super) fn partner(configuration: &Configuration) -> Option<String> {
    let import = configuration.braze.cohort_import.as_ref();
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
