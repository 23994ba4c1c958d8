//! What changed outside Syncform since the last apply: the lists are read and everything watched is looked at as a plan does
//! it, and a sample of people is read back. No cohort is downloaded, no lease is taken, no state is changed.

use super::{
    Error, Sampling, Session,
    draft::{Drafting, unselected},
    listed,
    plan::{recorded, steadily},
    target, verify,
};
use crate::{
    diff::native,
    kinds::{self, Watched},
    model::{Address, Drifted, NobodyRead, plan::StateRef},
    state::manifest::Entry,
};

/// Looks for drift; of how many people is said by the sampling, if of any.
pub async fn drift(session: &Session, sampling: Option<&Sampling>) -> Result<Drifted, Error> {
    let found = steadily(session, async || look(session).await).await?;
    if found.applied_at.is_none() {
        return Ok(found);
    }
    let people = match sampling {
        Some(_) => Some(verify(session, sampling).await?),
        None => None,
    };
    let nobody_read = match &people {
        None => Some(NobodyRead::NoSample),
        Some(read) if read.asked > 0 => None,
        Some(read) if read.resources.is_empty() => Some(NobodyRead::NoRows),
        Some(read) if read.resources.iter().any(|of| of.young > 0) => Some(NobodyRead::JustSent),
        Some(_) => Some(NobodyRead::NobodyToAsk),
    };
    // Where nothing that is kept about people was applied, there is nothing to say of them.
    let people = people.filter(|read| !read.resources.is_empty());
    Ok(Drifted {
        people,
        nobody_read,
        ..found
    })
}

async fn look(session: &Session) -> Result<Drifted, Error> {
    let (recorded, heard, rearranged) = recorded(session).await?;
    let manifest = recorded.as_ref().map(|recorded| &recorded.manifest);
    if let Some(problem) = unselected(session, manifest).into_iter().next() {
        return Err(Error::Unselected {
            message: problem.message,
            hint: problem.hint,
        });
    }
    let about = Drifted {
        workspace: session.configuration.workspace.clone(),
        environment: session.configuration.environment.clone(),
        looked_at: session.clock.now(),
        ..Drifted::default()
    };
    let Some(manifest) = manifest else {
        return Ok(about);
    };
    let (list, kept) = listed::list(session).await?;
    target::check(session, Some(manifest), &list).await?;
    let mut draft = Drafting::new(session, recorded.as_ref(), &heard, &rearranged);
    // What the configuration alone has to say is for a plan.
    draft.plan.warnings = kept.into_iter().collect();
    draft.plan.errors.clear();
    let mut looked = draft.watch(&list).await?;
    draft.destinations(&list, &mut looked).await?;
    draft.unseen();
    let health = draft.native_health(&list);
    let unwell = std::mem::take(&mut draft.unwell);
    let followed = draft.followed(&list);
    let mut plan = draft.plan;
    plan.drift.extend(followed);
    plan.drift.extend(health);
    plan.drift
        .extend(unwell.into_iter().map(|(drift, _)| drift));
    let selects = |address: &Address| {
        let entry = manifest.resources.get(address);
        entry.is_some_and(|entry| session.selection.takes(address, &entry.kind))
    };
    // What was never applied cannot have drifted.
    plan.drift.retain(|drift| selects(&drift.address));
    plan.drift.sort_by(|a, b| a.address.cmp(&b.address));
    let told = |address: &Address| plan.drift.iter().any(|drift| drift.address == *address);
    // An error about what drifted says the same in other words; figures of what runs are not about what is there.
    let drifted = |address: &Address| {
        let mut of = plan.drift.iter().filter(|drift| drift.address == *address);
        of.any(|drift| !drift.path.starts_with("health"))
    };
    plan.errors.retain(|error| {
        let address = error.address.as_ref();
        address.is_none_or(|address| selects(address) && !drifted(address))
    });
    // What nobody tells of was not looked at.
    let syncs_are_told = native::told(&list);
    let sees = |address: &Address, entry: &Entry| {
        let resource = session.configuration.resources.get(address);
        let mut planned = plan.resources.iter().map(|planned| &planned.address);
        match resource.and_then(kinds::find_watched) {
            None => entry.destination.is_none() || session.developer.reader.is_ok(),
            Some(Watched::NativeSync) if !syncs_are_told => false,
            Some(_) => told(address) || planned.any(|planned| planned == address),
        }
    };
    let entries = manifest.resources.iter();
    let looked = entries.filter(|(address, entry)| selects(address) && sees(address, entry));
    let resources = looked.count();
    let ended = manifest.runs.last().map(|run| run.finished_at);
    let entries = || manifest.resources.values().map(|entry| entry.applied_at);
    Ok(Drifted {
        state: StateRef {
            lineage: manifest.lineage.clone(),
            serial: manifest.serial,
        },
        applied_at: ended.or_else(|| entries().max()),
        resources: resources as u64,
        errors: plan.errors,
        warnings: plan.warnings,
        drift: plan.drift,
        ..about
    })
}
