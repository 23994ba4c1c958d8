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
        Err(error) => return Written::Not(told(&error)),
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
            if is_open(&error) {
                Written::Maybe(format!(
                    "{error}; whether it was created is not known: the next plan finds it by its name"
                ))
            } else {
                Written::Not(told(&error))
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
    let mut left = planned.clone();
    let mut doubted = false;
    for _ in 0..VERSIONS {
        let body = left.body();
        let said = match patcher.would_patch(&live.id, live.version, &body).await {
            Ok(said) => said,
            Err(error) => return ended(doubted, told(&error)),
        };
        if let Some(said) = said {
            if let Err(words) = agrees(&said, Some(&live.id), &left) {
                return ended(doubted, words);
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
                Err(error) => return ended(doubted || is_open(&error), told(&error)),
            }
        }
        // Another version stands there by now.
        live = match again(session, work, &live.id).await {
            Ok(Some(live)) => Box::new(live),
            Ok(None) => return ended(doubted, "the account is gone; plan again".to_owned()),
            Err(error) => return ended(doubted, told(&error)),
        };
        // Whether a lost try wrote the secrets cannot be seen: they are written again, which changes nothing. What somebody
        // changed beside what is written is the next plan's.
        let rest = rest(manifest, work, wanted.as_deref(), &live);
        let Some(rest) = rest.left(&left) else {
            let words = "it was changed in Amplitude meanwhile; plan again";
            return ended(doubted, words.to_owned());
        };
        // Somebody did the same, or a try of ours whose answer was lost.
        if rest.is_empty() {
            return Written::Done {
                account: live,
                requests: u64::from(doubted),
                told: vec![],
            };
        }
        left = rest;
    }
    let words = "it is changed in Amplitude all the time; plan again";
    ended(doubted, words.to_owned())
}

/// What became of an account that was not patched in the end: with a try whose answer was lost, nobody knows.
fn ended(doubted: bool, words: String) -> Written {
    if doubted {
        let words = words.trim_end_matches("; plan again");
        Written::Maybe(format!(
            "{words}; whether it was changed is not known: plan again"
        ))
    } else {
        Written::Not(words)
    }
}

/// Whether what ended so may have been done all the same.
const fn is_open(error: &amplitude::Error) -> bool {
    match error {
        amplitude::Error::Exhausted(exhausted) => exhausted.doubts > 0,
        amplitude::Error::Problem(problem) => problem.doubts > 0,
        // It was taken, and what came back cannot be read.
        amplitude::Error::Unexpected { .. } => true,
        _ => false,
    }
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
fn rest(
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
    let known = known.filter(|known| known.id.as_ref() == Some(&live.id));
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

fn told(error: &amplitude::Error) -> String {
    let hint = error.key_hint().map(|hint| format!(" ({hint})"));
    format!("{error}{}", hint.unwrap_or_default())
}
