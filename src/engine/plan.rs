//! Makes a plan: reads what moved, compares it with what is recorded, counts, prices and guards it.
//!
//! # Guarantees
//! Nothing is changed in either service or in the state: no client here can write. Only the cache grows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Error, Refresh, Session, asking,
    destinations::DestinationWork,
    draft::Drafting,
    fold::Recorded,
    listed,
    log::{self, Bounds, LogWork},
    meaning::Meaning,
    observe,
    presence::Heard,
    rearrange::{Rearranged, rearrange},
    seed,
    statics::{self, StaticWork},
    target, verify,
    watched::Looked,
};
use crate::{
    diff::merge::{Merge, Part},
    kinds::Desired,
    model::{Address, Change, Event, Lane, LogEvent, Standing, Verb, plan::Plan},
    state::{
        self,
        delta::DeltaReader,
        events::EventReader,
        manifest::{Entry, Manifest, Target},
        store::{Draft, Store},
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
    /// Logs of which anything is sent, or whose cursor goes on.
    pub(super) logs: Vec<LogWork>,
    /// What others run, and an apply remembers.
    pub(super) looked: Vec<Looked>,
    /// Accounts of Amplitude that change.
    pub(super) destinations: Vec<DestinationWork>,
    /// Objects of each pass.
    pub(super) objects: Vec<u64>,
    /// The state it was made against, with what moved in its new place.
    pub(super) manifest: Option<Manifest>,
    /// Whether anything moved in it.
    pub(super) rearranged: bool,
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
            .flat_map(|work| work.drafts().map(|draft| (&work.address, draft)));
        let readers =
            drafts.map(|(address, draft)| Ok((address, DeltaReader::open(draft.path())?)));
        let readers = readers.collect::<Result<Vec<_>, state::Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, rows)| rows.map(move |row| row.map(|change| (address, change)))))
    }

    /// Iterates over the events that are to be sent: people's ids are in them.
    pub fn events(
        &self,
    ) -> Result<impl Iterator<Item = Result<(&Address, LogEvent), state::Error>>, state::Error>
    {
        let readers = log::passes(&self.logs)
            .map(|(log, draft)| Ok((&log.address, EventReader::open(draft.path())?)));
        let readers = readers.collect::<Result<Vec<_>, state::Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, events)| events.map(move |event| Ok((address, event?)))))
    }
}

/// What is to be done with one resource.
pub(super) struct Work {
    pub(super) address: Address,
    pub(super) desired: Desired,
    /// Rows to send.
    pub(super) now: Option<Draft>,
    /// Rows to send once those are acknowledged and settled.
    pub(super) later: Option<Draft>,
    /// Rows that stay set aside.
    pub(super) aside: Option<Draft>,
    /// Rows that Braze was found to hold before a first apply: the ledger that it begins with.
    pub(super) found: Option<Draft>,
    /// The name that Braze is told first.
    pub(super) name: Option<String>,
    /// What the resource becomes if all of it is acknowledged; none where it goes.
    pub(super) next: Option<Entry>,
    /// How the static cohort is filled whose members its rows are.
    pub(super) fills: Option<Box<StaticWork>>,
    pub(super) settle: Duration,
}

impl Work {
    /// Returns the deltas to send.
    pub(super) fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.now.iter().chain(&self.later)
    }

    /// Returns whether Braze is told anything.
    pub(super) fn sends(&self) -> bool {
        self.name.is_some() || self.drafts().next().is_some()
    }
}

/// Objects of one lane that are sent without waiting for each other.
pub(super) struct Pass<'a> {
    pub(super) lane: Lane,
    /// Whether it comes after the lane's other pass.
    pub(super) later: bool,
    /// What is merged, in this order.
    pub(super) parts: Vec<(&'a Work, &'a Draft)>,
}

impl Pass<'_> {
    /// Opens the merge of what is to be sent; the index of a part is its place in `parts`.
    pub(super) fn merged(&self) -> Result<Merge<DeltaReader>, state::Error> {
        let readers = self
            .parts
            .iter()
            .map(|(_, draft)| DeltaReader::open(draft.path()));
        Ok(Merge::new(readers.collect::<Result<_, _>>()?))
    }
}

/// Returns the passes of works, lane by lane.
pub(super) fn passes(works: &[Work]) -> Vec<Pass<'_>> {
    let lanes: BTreeSet<Lane> = works.iter().map(|work| work.desired.lane()).collect();
    let pass = |lane: &Lane, later: bool| {
        let of = works.iter().filter(|work| work.desired.lane() == *lane);
        let parts: Vec<_> = of
            .filter_map(|work| Some((work, if later { &work.later } else { &work.now }.as_ref()?)))
            .collect();
        (!parts.is_empty()).then(|| Pass {
            lane: lane.clone(),
            later,
            parts,
        })
    };
    lanes
        .iter()
        .flat_map(|lane| [pass(lane, false), pass(lane, true)])
        .flatten()
        .collect()
}

/// Tries to make a plan while another run changes the state.
const TRIES: usize = 5;

/// Makes a plan.
pub async fn plan(session: &Session) -> Result<Planned, Error> {
    plan_within(session, &Bounds::new()).await
}

/// Makes a plan that reads of each log what is within these bounds.
pub(super) async fn plan_within(session: &Session, bounds: &Bounds) -> Result<Planned, Error> {
    steadily(session, || try_plan(session, bounds)).await
}

/// Makes something of the state, anew where another run changes that meanwhile.
pub(super) async fn steadily<T>(
    session: &Session,
    make: impl AsyncFn() -> Result<T, Error>,
) -> Result<T, Error> {
    steadily_in(&session.store, make).await
}

/// The same where there is a state and no session.
pub(super) async fn steadily_in<T>(
    store: &Store,
    make: impl AsyncFn() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let serial = serial(store)?;
        match make().await {
            // Another run committed while this one read: what it read is gone, and what is there now is true.
            Err(Error::State(_)) if tries < TRIES && self::serial(store)? != serial => {}
            other => return other,
        }
    }
}

fn serial(store: &Store) -> Result<Option<u64>, Error> {
    Ok(store.manifest()?.map(|manifest| manifest.serial))
}

/// Returns what is recorded, with what moved in its new place, and what was heard of it since.
pub(super) async fn recorded(
    session: &Session,
) -> Result<(Option<Recorded>, Heard, Rearranged), Error> {
    let now = session.clock.millis();
    let recorded = session
        .store
        .manifest()?
        .map(|manifest| Recorded::of(&session.store, manifest, now, true));
    let mut recorded = tokio::task::block_in_place(|| recorded.transpose())?;
    let rearranged = recorded
        .as_mut()
        .map(|recorded| rearrange(session, recorded))
        .unwrap_or_default();
    if let Some(recorded) = recorded
        .as_ref()
        .filter(|_| session.how.refresh == Refresh::Full)
    {
        // Nobody is asked about in another workspace than the recorded one; Amplitude has no part in it.
        target::check(session, Some(&recorded.manifest), &[]).await?;
        verify::read_back(session, recorded).await?;
    }
    let heard = Heard::open(
        session,
        recorded.as_ref().map(|recorded| &recorded.manifest),
    )
    .await?;
    if let Some(recorded) = &mut recorded {
        tokio::task::block_in_place(|| heard.note(session, recorded))?;
    }
    Ok((recorded, heard, rearranged))
}

async fn try_plan(session: &Session, bounds: &Bounds) -> Result<Planned, Error> {
    let (recorded, heard, rearranged) = recorded(session).await?;
    let mut draft = Drafting::new(session, recorded.as_ref(), &heard, &rearranged);
    draft.within.clone_from(bounds);
    let (list, kept) = listed::list(session).await?;
    draft.plan.warnings.extend(kept);
    let target = target::check(session, draft.manifest, &list).await?;
    let mut looked = draft.watch(&list).await?;
    if !session.how.destroy {
        // Which cohort a sync means now shows among its fields.
        let mut changes = draft.followed(&list);
        changes.retain(|change| change.path != "cohort.id");
        draft.plan.drift.extend(changes);
    }
    let destinations = draft.destinations(&list, &mut looked).await?;
    let unwell = std::mem::take(&mut draft.unwell);
    let warnings = unwell.into_iter().map(|(_, warning)| warning);
    draft.plan.warnings.extend(warnings);
    draft.people = statics::read(session, &draft).await?;
    let (mut waiting, mut wanted) = (vec![], BTreeMap::<String, observe::Wanted>::new());
    // What rests, and may have to be remembered as it is written now.
    let mut resting = vec![];
    for subject in draft.subjects(&list, &mut resting) {
        if let Some(why) = draft.idle(&subject) {
            resting.extend(draft.rest(subject, &why));
            continue;
        }
        draft.want(&subject, &mut wanted);
        waiting.push(subject);
    }
    let mut readings = observe::read(session, list, &wanted).await?;
    draft.people.note(&mut readings);
    let profiles = asking::ask(session, &draft, &waiting, &readings).await?;
    let seeds = seed::read(session, &mut draft, &waiting, &readings, &profiles).await?;
    let mut logs = vec![];
    let streams = draft.logs(&mut logs);
    let mut readings_of_logs = log::read(session, &mut draft, &streams).await?;
    session.events.tell(Event::Comparing).await;
    for stream in &streams {
        if let Some(reading) = readings_of_logs.remove(&stream.resource.address) {
            logs.push(draft.plan_log(stream, reading).await?);
        }
    }
    let (works, objects) = tokio::task::block_in_place(|| {
        let mut works = vec![];
        for subject in waiting {
            works.extend(draft.compare(subject, &readings, &profiles, &seeds)?);
        }
        works.extend(draft.departures(&mut logs, &mut looked, &readings.list)?);
        let objects = draft.price(&works, &logs, &seeds)?;
        draft.guard(&mut works, &readings, &seeds);
        works.extend(resting);
        Ok::<_, Error>((works, objects))
    })?;
    let (read, left) = profiles.counts();
    let take = session.amplitude.profiles_take(left);
    draft.plan.cost.profiles = read;
    draft.plan.cost.profiles_left = left;
    draft.plan.cost.profiles_seconds = take.as_secs_f64().ceil() as u64;
    if readings.downloads > 0 {
        draft.plan.cost.downloads = readings.downloads;
        let usage = session.amplitude.usage().await.ok().flatten();
        let limit = session.configuration.amplitude.monthly_downloads;
        draft.plan.cost.downloads_limit = Some(usage.map_or(limit, |usage| usage.limit));
        draft.plan.cost.downloads_used = usage.map(|usage| usage.used);
    }
    let (plan, meaning) = draft.finish();
    let manifest = recorded.map(|recorded| recorded.manifest);
    Ok(Planned {
        plan,
        meaning,
        works,
        logs,
        looked,
        destinations,
        objects,
        manifest,
        rearranged: !rearranged.is_empty(),
        target,
    })
}

/// Returns whether Braze knows the person of an object, as far as its rows tell.
pub(super) fn standing(parts: &[Part]) -> Standing {
    let any = |wanted| parts.iter().any(|part| part.change.standing == wanted);
    match () {
        () if any(Standing::Gone) => Standing::Gone,
        () if any(Standing::Nobody) => Standing::Nobody,
        () if any(Standing::There) => Standing::There,
        () => Standing::Unasked,
    }
}

/// Returns whether any addition among an object's parts may create the person. A mere change creates nobody: who was
/// there and no longer is was deleted.
pub(super) fn creates(may_create: &[bool], parts: &[Part]) -> bool {
    let adds = |change: &Change| match change.verb {
        Verb::Add => true,
        // Of a row in doubt nobody knows whether it ever arrived.
        Verb::Change => change.maybe.is_some(),
        Verb::Remove => false,
    };
    // Whoever was there once was deleted, if they are not there now.
    let once = matches!(standing(parts), Standing::There | Standing::Gone);
    let mut parts = parts.iter();
    !once && parts.any(|part| may_create[part.resource] && adds(&part.change))
}
