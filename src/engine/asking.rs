//! Asks the User Profile API what the syncs of a plan want to know of their people: each person once a question, however
//! many syncs want it, and whoever any of them wants.

use std::collections::BTreeMap;

use super::{
    Error, Refresh, Session,
    compute::Members,
    draft::Drafting,
    observe::{Readings, Unread},
    profiles::{self, ReadProfiles, SAMPLE, Wish},
    subject::{Subject, max_age},
};
use crate::{
    diff::{ask, join},
    model::profile::Question,
    state,
};

/// What was learnt of profiles, by cohort and question.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<(String, Question), Result<ReadProfiles, Unread>>);

/// What was learnt of a sync's people, and which cells of it are the sync's; none where it reads no profiles.
pub(super) type Asked<'a> = Option<(&'a ReadProfiles, Vec<usize>)>;

/// Where a sync finds what it wants to know.
struct Place {
    /// What is asked.
    question: Question,
    /// Which of its cells are the sync's, in the sync's order.
    cells: Vec<usize>,
}

impl Profiles {
    /// Returns what was read of a cohort's people.
    fn of(&self, cohort: &str, question: &Question) -> Option<&Result<ReadProfiles, Unread>> {
        self.0.get(&(cohort.to_owned(), question.clone()))
    }

    /// Returns how many were read now, and how many are left to be read.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = self.0.values().flatten().map(|read| read.counts);
        counts.fold((0, 0), |(asked, left), counts| {
            (asked + counts.asked, left + counts.people - counts.answered)
        })
    }
}

impl Drafting<'_> {
    /// Returns where a sync finds what it wants to know of its people; none where it wants nothing.
    fn place(&self, subject: &Subject) -> Option<Place> {
        let wanted = subject.desired.reads.question()?;
        let known = self.questions.get(&subject.cohort.id)?;
        let questions = ask::questions(known);
        let (at, cells) = ask::place(&questions, wanted)?;
        let question = questions.into_iter().nth(at)?;
        Some(Place { question, cells })
    }

    /// Returns what was learnt of a subject's people; an error where they could not be read.
    pub(super) fn asked<'b>(
        &self,
        subject: &Subject,
        profiles: &'b Profiles,
    ) -> Result<Asked<'b>, Unread> {
        let Some(place) = self.place(subject) else {
            return Ok(None);
        };
        match profiles.of(&subject.cohort.id, &place.question) {
            Some(Ok(read)) => Ok(Some((read, place.cells))),
            Some(Err(why)) => Err(why.clone()),
            None => Err(Unread {
                message: "its profiles were not read".to_owned(),
                hint: "plan again".to_owned(),
            }),
        }
    }
}

/// Asks for every subject that wants to know something.
pub(super) async fn ask(
    session: &Session,
    draft: &Drafting<'_>,
    subjects: &[Subject<'_>],
    readings: &Readings,
) -> Result<Profiles, Error> {
    ask_of(session, draft, subjects, readings, &|subjects| {
        everybody(subjects, readings)
    })
    .await
}

/// Asks for those whom `people` gives of subjects that want to know the same.
pub(super) async fn ask_of(
    session: &Session,
    draft: &Drafting<'_>,
    subjects: &[Subject<'_>],
    readings: &Readings,
    people: &dyn Fn(&[&Subject]) -> Result<Members, state::Error>,
) -> Result<Profiles, Error> {
    let mut by_question = BTreeMap::<(String, Question), Vec<&Subject>>::new();
    for subject in subjects {
        if let Some(place) = draft.place(subject).filter(|_| subject.is_read(readings)) {
            let key = (subject.cohort.id.clone(), place.question);
            by_question.entry(key).or_default().push(subject);
        }
    }
    let mut profiles = Profiles::default();
    for ((cohort, question), subjects) in by_question {
        let Some(first) = subjects.first() else {
            continue;
        };
        let ages = subjects.iter().map(|subject| max_age(subject.resource));
        let wish = Wish {
            cohort: &cohort,
            name: &first.cohort.name,
            stamp: first.computed(readings),
            max_age: ages.min().unwrap_or_default(),
            question: &question,
            most: match session.how.refresh {
                Refresh::None => Some(0),
                Refresh::Quick | Refresh::Full => (!session.how.read_profiles).then_some(SAMPLE),
            },
        };
        let read = profiles::read(session, wish, || people(&subjects)).await;
        let read = match read {
            // The cohorts were read: only who needs profiles is to wait.
            Err(Error::Amplitude(error)) => Err(Unread {
                message: format!(
                    "the profiles of \"{}\" could not be read: {error}",
                    first.cohort.name
                ),
                hint: error.key_hint().map_or_else(
                    || "run again: what was read is kept, and nobody is asked twice".to_owned(),
                    str::to_owned,
                ),
            }),
            read => Ok(read?),
        };
        profiles.0.insert((cohort, question), read);
    }
    Ok(profiles)
}

/// Opens the people whom any of these syncs wants, each once.
fn everybody(subjects: &[&Subject], readings: &Readings) -> Result<Members, state::Error> {
    let each = subjects.iter().map(|subject| subject.people(readings));
    Ok(join::union(each.collect::<Result<Vec<_>, _>>()?))
}
