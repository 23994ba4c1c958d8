//! One person through every sync: what is kept of them, and what the next plan does about it. The decisions are a
//! plan's own, made on the rows of one person.
//!
//! # Guarantees
//! Nothing is changed, no lease is taken, no download is spent; Braze is asked only where that is wanted. Only the cache
//! is touched. No id of a person is in what it returns.

mod departed;
mod live;
mod log;
mod person;
mod row;
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use self::{live::Answers, person::Traces};
use super::{
    Error, Session, asking,
    asking::Profiles,
    compute::Members,
    draft::Drafting,
    listed, observe,
    observe::Readings,
    plan::{recorded, steadily},
    seed,
    seed::Seeds,
    statics,
    subject::Subject,
    target,
};
use crate::{
    diff::join,
    model::{
        Cohort,
        explanation::{EXPLANATION_VERSION, Explanation, SyncExplained},
    },
    state,
};

pub use self::person::{By, Person};

/// What explains a person.
struct Explaining<'a> {
    draft: &'a Drafting<'a>,
    readings: &'a Readings,
    profiles: &'a Profiles,
    seeds: &'a Seeds,
    found: &'a Traces,
    /// What Braze answered, where it was asked.
    answers: Option<&'a Answers>,
}

/// Explains a person; `live` asks Braze as well. Sources are as they were read last: the session reads nothing live.
pub async fn explain(session: &Session, person: &Person, live: bool) -> Result<Explanation, Error> {
    steadily(session, async || try_explain(session, person, live).await).await
}

async fn try_explain(session: &Session, person: &Person, live: bool) -> Result<Explanation, Error> {
    let (recorded, heard, rearranged) = recorded(session).await?;
    let mut draft = Drafting::new(session, recorded.as_ref(), &heard, &rearranged);
    let (list, _) = listed::list(session).await?;
    target::check(session, draft.manifest, &list).await?;
    draft.people = statics::read(session, &draft).await?;
    let subjects = draft.subjects(&list, &mut vec![]);
    let beside = beside(&draft, &subjects, &list);
    let mut wanted = BTreeMap::new();
    for subject in subjects.iter().chain(&beside) {
        draft.want(subject, &mut wanted);
    }
    let list = observe::as_read(&session.store.cache()?, list, &wanted)?;
    let mut readings = observe::read(session, list, &wanted).await?;
    draft.people.note(&mut readings);
    let found = tokio::task::block_in_place(|| {
        let all = subjects.iter().chain(&beside);
        person::find(&draft, &all.collect::<Vec<_>>(), &readings, person)
    })?;
    let profiles = asking::ask_of(session, &draft, &subjects, &readings, &|subjects| {
        everybody(subjects, &found)
    })
    .await?;
    let seeds = seed::kept(session, &draft, &subjects).await?;
    let mut unanswered = None;
    let answers = if live {
        let all = subjects.iter().chain(&beside);
        let told_by = all.flat_map(|subject| subject.desired.form.told_by());
        let told_by: BTreeSet<String> = told_by.map(str::to_owned).collect();
        match live::ask(session, person, &found, told_by).await {
            Ok(answers) => Some(answers),
            // What is known here is told all the same.
            Err(Error::Braze(error)) => {
                unanswered = Some(error.to_string());
                None
            }
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    let explaining = Explaining {
        draft: &draft,
        readings: &readings,
        profiles: &profiles,
        seeds: &seeds,
        found: &found,
        answers: answers.as_ref(),
    };
    let syncs = tokio::task::block_in_place(|| explaining.syncs(&subjects, &beside))?;
    let problems = draft.plan.errors.iter();
    let problems = problems.filter(|problem| problem.address.is_none());
    let configuration = &session.configuration;
    Ok(Explanation {
        format_version: EXPLANATION_VERSION,
        workspace: configuration.workspace.clone(),
        environment: configuration.environment.clone(),
        at: session.clock.now(),
        known: !found.keys.is_empty(),
        identifiers: found.keys.iter().map(person::word).collect(),
        cut: recorded
            .as_ref()
            .is_some_and(|recorded| !recorded.resources.is_empty()),
        syncs,
        braze: answers.as_ref().map(Answers::profiles),
        unanswered,
        problems: problems.map(|problem| problem.message.clone()).collect(),
    })
}

impl Explaining<'_> {
    /// Explains every sync, and what the state remembers beside them.
    fn syncs(&self, subjects: &[Subject], beside: &[Subject]) -> Result<Vec<SyncExplained>, Error> {
        let mut syncs = vec![];
        for subject in subjects {
            syncs.push(self.sync(subject, false)?);
        }
        let takes = |of: &&Subject| self.draft.takes(&of.resource.address, &of.resource.kind);
        for subject in beside.iter().filter(takes) {
            syncs.push(self.sync(subject, true)?);
        }
        let known: BTreeSet<_> = syncs.iter().map(|sync| sync.address.clone()).collect();
        syncs.extend(self.departed(&known)?);
        syncs.extend(self.logs());
        syncs.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(syncs)
    }
}

/// Returns the syncs that a plan leaves alone: paused ones, and those that are not selected. Their cohorts tell who the
/// person is. What is wrong with them keeps nobody waiting.
fn beside<'a>(draft: &Drafting<'a>, subjects: &[Subject], list: &[Cohort]) -> Vec<Subject<'a>> {
    let resources = draft.session.configuration.resources.values();
    let beside = resources.filter(|resource| {
        let paused = resource.settings.paused == Some(true);
        paused || !draft.takes(&resource.address, &resource.kind)
    });
    let beside = beside.filter_map(|resource| draft.subject(resource, list).ok().flatten());
    let known = |of: &Subject| {
        let mut subjects = subjects.iter();
        subjects.any(|subject| subject.resource.address == of.resource.address)
    };
    beside.filter(|of| !known(of)).collect()
}

/// Opens the person's rows that any of these syncs wants, each once.
fn everybody(subjects: &[&Subject], found: &Traces) -> Result<Members, state::Error> {
    let each = subjects.iter().map(|subject| person_of(subject, found));
    Ok(join::union(each.collect::<Result<Vec<_>, _>>()?))
}

/// Opens the person's rows of a sync's cohort, unless an excluded cohort holds them.
fn person_of(subject: &Subject, found: &Traces) -> Result<Members, state::Error> {
    let mapping = &subject.desired.identify_by;
    subject.remaining(0, |cohort| {
        Ok(found.people(&cohort.id, mapping).into_iter().map(Ok))
    })
}
