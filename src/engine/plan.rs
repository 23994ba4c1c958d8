//! Makes a plan: reads what moved, compares it with what is recorded, counts, prices and guards it.
//!
//! # Guarantees
//! Nothing is changed in either service or in the state: no client here can write. Only the cache grows.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Error, Session, draft::Drafting, fold::Recorded, listed, meaning::Meaning, observe,
    subject::max_age, target,
};
use crate::{
    diff::merge::{Merge, Part},
    kinds::{Desired, Kind, Lane},
    model::{Address, Change, plan::Plan},
    state::{
        self,
        delta::DeltaReader,
        manifest::{Entry, Manifest, Target},
        store::Draft,
    },
};

/// A plan and what is needed to carry it out.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What it means.
    pub(super) meaning: Meaning,
    /// Resources that change, or whose source moved without changing a row.
    pub(super) works: Vec<Work>,
    /// The state it was made against.
    pub(super) manifest: Option<Manifest>,
    /// Who the services are now.
    pub(super) target: Target,
}

impl Planned {
    /// Iterates over the rows that are to be sent: people's ids are in them.
    pub fn changes(
        &self,
    ) -> Result<impl Iterator<Item = Result<(&Address, Change), state::Error>>, state::Error> {
        let drafts = self
            .works
            .iter()
            .filter_map(|work| Some((&work.address, work.draft.as_ref()?)));
        let readers =
            drafts.map(|(address, draft)| Ok((address, DeltaReader::open(draft.path())?)));
        let readers = readers.collect::<Result<Vec<_>, state::Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, rows)| rows.map(move |row| row.map(|change| (address, change)))))
    }
}

/// What is to be done with one resource.
pub(super) struct Work {
    pub(super) address: Address,
    pub(super) kind: &'static dyn Kind,
    pub(super) desired: Desired,
    pub(super) draft: Option<Draft>,
    /// What the resource becomes if all of it is acknowledged; none where it goes.
    pub(super) next: Option<Entry>,
    pub(super) settle: Duration,
}

/// Tries to make a plan while another run changes the state.
const TRIES: usize = 5;

/// Makes a plan.
pub async fn plan(session: &Session) -> Result<Planned, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let serial = serial(session)?;
        match try_plan(session).await {
            // Another run committed while this one read: what it read is gone, and what is there now is true.
            Err(Error::State(_)) if tries < TRIES && self::serial(session)? != serial => {}
            other => return other,
        }
    }
}

fn serial(session: &Session) -> Result<Option<u64>, Error> {
    Ok(session.store.manifest()?.map(|manifest| manifest.serial))
}

async fn try_plan(session: &Session) -> Result<Planned, Error> {
    let now = session.clock.millis();
    let recorded = session
        .store
        .manifest()?
        .map(|manifest| Recorded::of(&session.store, manifest, now, true));
    let recorded = tokio::task::block_in_place(|| recorded.transpose())?;
    let mut draft = Drafting::new(session, recorded.as_ref());
    let (list, kept) = listed::list(session).await?;
    draft.plan.warnings.extend(kept);
    let target = target::check(session, draft.manifest, &list).await?;
    let (mut waiting, mut wanted) = (vec![], BTreeMap::<String, Duration>::new());
    // What rests, and may have to be remembered as it is written now.
    let mut resting = vec![];
    for subject in draft.subjects(&list, &mut resting) {
        if let Some(why) = draft.idle(&subject) {
            resting.extend(draft.rest(subject, &why));
            continue;
        }
        for cohort in std::iter::once(&subject.cohort).chain(&subject.exclude) {
            let max_age = max_age(subject.resource);
            let known = wanted.entry(cohort.id.clone()).or_insert(max_age);
            *known = max_age.min(*known);
        }
        waiting.push(subject);
    }
    let readings = observe::read(session, list, &wanted).await?;
    let works = tokio::task::block_in_place(|| {
        let mut works = vec![];
        for subject in waiting {
            works.extend(draft.compare(subject, &readings)?);
        }
        works.extend(draft.departures()?);
        draft.price(&works)?;
        draft.guard(&mut works, &readings);
        works.extend(resting);
        Ok::<_, Error>(works)
    })?;
    if readings.downloads > 0 {
        draft.plan.cost.downloads = readings.downloads;
        let usage = session.amplitude.usage().await.ok().flatten();
        let limit = session.configuration.amplitude.monthly_downloads;
        draft.plan.cost.downloads_limit = Some(usage.map_or(limit, |(limit, _)| limit));
        draft.plan.cost.downloads_used = usage.map(|(_, used)| used);
    }
    let (plan, meaning) = draft.finish();
    let manifest = recorded.map(|recorded| recorded.manifest);
    Ok(Planned {
        plan,
        meaning,
        works,
        manifest,
        target,
    })
}

/// Opens the merge of what is to be sent; the index of a part is the work's place in `sending`.
pub(super) fn merged(sending: &[&Work]) -> Result<Merge<DeltaReader>, Error> {
    let drafts = sending.iter().filter_map(|work| work.draft.as_ref());
    let readers = drafts
        .map(|draft| DeltaReader::open(draft.path()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Merge::new(readers))
}

/// Returns whether any addition among an object's parts may create the person.
pub(super) fn creates(may_create: &[bool], parts: &[Part]) -> bool {
    parts
        .iter()
        .any(|part| may_create[part.resource] && part.change.after.is_some())
}

/// The lanes of works, in the order of their names.
pub(super) fn lanes(works: &[Work]) -> std::collections::BTreeSet<Lane> {
    works
        .iter()
        .filter(|work| work.draft.is_some())
        .map(|work| work.desired.lane())
        .collect()
}
