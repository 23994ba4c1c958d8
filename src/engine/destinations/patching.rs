//! Writes one account: what the service says it would do is held against the plan first, then there is one write. A version
//! that somebody else has moved on is read again, and goes on only where the same is to be written.

use super::{super::Session, DestinationWork, Todo, draft::sent};
use crate::{
    amplitude::{self, Patched, Patcher},
    diff::destination::{Patch, Wanted, agrees},
    model::{Destination, DryRun},
    state::manifest::Manifest,
};

/// Versions that are tried: past it somebody else writes all the time.
const VERSIONS: u32 = 4;

/// What became of one account.
pub(super) enum Written {
    /// It is as it was to be.
    Done {
        account: Box<Destination>,
        /// Writes that were acknowledged.
        requests: u64,
        /// What the service warned of.
        told: Vec<String>,
    },
    /// Nobody knows: in words.
    Maybe(String),
    /// Nothing was written: why.
    Not(String),
}

/// Creates an account.
pub(super) async fn create(patcher: &Patcher, body: &Patch) -> Written {
    let whole = body.body();
    let said = match patcher.would_create(&whole).await {
        Ok(said) => said,
        Err(error) => return refused(&error),
    };
    if let Err(words) = agrees(&said, None, body) {
        return Written::Not(words);
    }
    match patcher.create(&whole).await {
        Ok(account) => Written::Done {
            account: Box::new(account),
            requests: 1,
            told: warnings(said),
        },
        Err(error) => {
            let open = match &error {
                amplitude::Error::Exhausted(exhausted) => exhausted.doubts > 0,
                // It was taken, and what came back cannot be read.
                amplitude::Error::Unexpected { .. } => true,
                _ => false,
            };
            if open {
                Written::Maybe(format!(
                    "{error}; whether it was created is not known: the next plan finds it by its name"
                ))
            } else {
                refused(&error)
            }
        }
    }
}

/// Patches an account.
pub(super) async fn patch(
    session: &Session,
    patcher: &Patcher,
    manifest: &Manifest,
    work: &DestinationWork,
) -> Written {
    let Todo::Patch {
        live,
        patch: planned,
        wanted,
    } = &work.todo
    else {
        return Written::Not("nothing is to be patched".to_owned());
    };
    let mut live = live.clone();
    let mut doubted = false;
    for _ in 0..VERSIONS {
        let body = planned.body();
        let said = match patcher.would_patch(&live.id, live.version, &body).await {
            Ok(said) => said,
            Err(error) => return refused(&error),
        };
        if let Some(said) = said {
            if let Err(words) = agrees(&said, Some(&live.id), planned) {
                return Written::Not(words);
            }
            match patcher.patch(&live.id, live.version, &body).await {
                Ok(Patched::Done(account)) => {
                    return Written::Done {
                        account,
                        requests: 1,
                        told: warnings(said),
                    };
                }
                Ok(Patched::Stale { doubted: lost }) => doubted |= lost,
                Err(amplitude::Error::Exhausted(exhausted)) if exhausted.doubts > 0 => {
                    return Written::Maybe(format!(
                        "amplitude: {exhausted}; whether it was changed is not known: plan again"
                    ));
                }
                Err(error) => return refused(&error),
            }
        }
        // Another version stands there by now.
        live = match again(session, work, &live.id).await {
            Ok(Some(live)) => Box::new(live),
            Ok(None) => return Written::Not("the account is gone; plan again".to_owned()),
            Err(error) => return refused(&error),
        };
        let left = left(manifest, work, wanted.as_deref(), &live);
        // Somebody did the same, or a try of ours whose answer was lost.
        if left.is_empty() || (doubted && left.only_hidden()) {
            return Written::Done {
                account: live,
                requests: u64::from(doubted),
                told: vec![],
            };
        }
        if !left.same_as(planned) {
            return Written::Not("it was changed in Amplitude meanwhile; plan again".to_owned());
        }
    }
    Written::Not("it is changed in Amplitude all the time; plan again".to_owned())
}

/// Reads an account once more.
async fn again(
    session: &Session,
    work: &DestinationWork,
    id: &str,
) -> Result<Option<Destination>, amplitude::Error> {
    match &session.developer.reader {
        Ok(reader) => reader.destination(work.project, id).await,
        // It was there when this was planned.
        Err(_) => Ok(None),
    }
}

/// What would be written now.
fn left(
    manifest: &Manifest,
    work: &DestinationWork,
    wanted: Option<&Wanted>,
    live: &Destination,
) -> Patch {
    let Some(wanted) = wanted else {
        return match live.enabled {
            Some(false) => Patch::default(),
            _ => Patch::disabling(),
        };
    };
    let entry = manifest.resources.get(&work.address);
    let known = entry.and_then(|entry| entry.destination.as_deref());
    let known = known.filter(|known| known.id == live.id);
    let lineage = Some(manifest.lineage.as_str());
    let sent = |id: &str, value: &_| sent(known, lineage, id, value);
    wanted.difference(live, &sent).patch
}

fn warnings(said: DryRun) -> Vec<String> {
    let warnings = said.warnings.into_iter();
    warnings
        .map(|warning| format!("Amplitude warns: {warning}"))
        .collect()
}

fn refused(error: &amplitude::Error) -> Written {
    let hint = error.key_hint().map(|hint| format!(" ({hint})"));
    Written::Not(format!("{error}{}", hint.unwrap_or_default()))
}
