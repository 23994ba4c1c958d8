//! Whether what the service says a write would do is what the plan says.

use std::collections::BTreeSet;

use super::Patch;
use crate::model::DryRun;

/// Returns in words how the service's own plan of a write differs, if it does. `account` is none where one is created.
pub fn agrees(said: &DryRun, account: Option<&str>, patch: &Patch) -> Result<(), String> {
    let wanted = if account.is_some() {
        "update"
    } else {
        "create"
    };
    let ours: BTreeSet<&str> = patch.names().into_iter().collect();
    let theirs = said.fields.iter();
    let theirs: BTreeSet<&str> = theirs
        .map(|field| {
            field
                .split_once('.')
                .map_or(field.as_str(), |(first, _)| first)
        })
        .collect();
    // It may hold the same secret, or see no difference between two.
    let doubtful = patch.doubtful();
    let certain = ours.iter().filter(|name| Some(**name) != doubtful);
    let nothing = said.action == "noop" && certain.clone().next().is_none();
    if said.action != wanted && !nothing {
        return Err(format!(
            "nothing was written: Amplitude's own dry run says `{}` where the plan says `{wanted}`",
            said.action
        ));
    }
    // Of what is new, what it adds by itself differs as well; not every answer lists what was said.
    let missing = certain.filter(|name| !theirs.contains(**name));
    let missing: Vec<&str> = match account {
        None if theirs.is_empty() => vec![],
        _ => missing.copied().collect(),
    };
    let more: Vec<&str> = match account {
        Some(_) => theirs.difference(&ours).copied().collect(),
        None => vec![],
    };
    if missing.is_empty() && more.is_empty() {
        return Ok(());
    }
    let named = |names: Vec<&str>| match names.as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    Err(format!(
        "nothing was written: Amplitude's own dry run would change {}, and the plan {}",
        named(theirs.into_iter().collect()),
        named(ours.into_iter().collect())
    ))
}
