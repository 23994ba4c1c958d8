//! Reads recorded people back: whom to ask is counted first, then they are asked along the ledgers, some at a time, and
//! each is handed on with the answer. Memory holds some people and the sample, never all.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    iter::Peekable,
};

use super::{
    people::{People, Person},
    scope::Scope,
    since,
};
use crate::{
    diff::{
        join::{Join, Joined},
        sample::{PLACE, place},
    },
    engine::{Error, Session, people, presence},
    model::Key,
    state::{
        self,
        answers::{Answers, Kept},
    },
};

/// People who are asked about and judged before more are looked at.
const AT_ONCE: usize = 4_000;

/// Whom to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// How many people.
    pub people: usize,
    /// By which chance.
    pub seed: String,
}

/// How far a reading is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// People to be asked about.
    pub(super) people: u64,
    /// People who were.
    pub(super) asked: u64,
}

/// Who is recorded.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// People with a row that can be judged.
    pub(super) people: u64,
    /// People known by a device id.
    pub(super) devices: u64,
    /// Those to be asked about; all, where there is no sample.
    sample: Option<BTreeSet<Key>>,
    /// Of them, people of whom no answer is kept.
    missing: u64,
}

/// Somebody, with what Braze said if that is kept.
struct Met {
    person: Person,
    kept: Option<String>,
}

/// Asks about everybody, or a sample; `each` gets everybody in the order of their keys, and what Braze said of whoever was
/// to be asked about.
pub(super) async fn read(
    session: &Session,
    scope: &Scope<'_>,
    sampling: Option<&Sampling>,
    progress: &mut Progress,
    mut each: impl FnMut(Person, Option<&str>),
) -> Result<Counted, Error> {
    let cache = session.store.cache()?;
    let question = people::question(session, presence::PLACE);
    let mut log = Answers::open(&cache, presence::PLACE, None, &question)?;
    let since = since::begin(session, scope.rows())?;
    let memory = people::lease(session).await?;
    let (kept, counted) = tokio::task::block_in_place(|| {
        let kept = log.sorted(memory, |at| at >= since)?;
        let counted = count(scope, &kept, sampling)?;
        Ok::<_, state::Error>((kept, counted))
    })?;
    progress.people = counted.missing;
    if counted.missing > 0 {
        people::announce(session, counted.missing).await;
    }
    let mut all = met(scope, &kept)?.peekable();
    while all.peek().is_some() {
        let next = || some(&mut all, scope, &counted, &mut each);
        let (some, keys) = tokio::task::block_in_place(next)?;
        let mut heard: BTreeMap<Key, String> = BTreeMap::new();
        let take = |key: &Key, answer: &str| {
            heard.insert(key.clone(), answer.to_owned());
        };
        let (attributes, asked) = (&scope.attributes, &mut progress.asked);
        let asking = people::ask_on(session, &mut log, &keys, attributes, asked, take);
        if let Some(refused) = asking.await? {
            return Err(refused.into());
        }
        for person in some {
            let answer = heard.remove(&person.key);
            each(person, answer.as_deref());
        }
    }
    since::end(session)?;
    Ok(counted)
}

/// Counts who is recorded, draws the sample, and counts who is to be asked.
fn count(
    scope: &Scope<'_>,
    kept: &Kept,
    sampling: Option<&Sampling>,
) -> Result<Counted, state::Error> {
    let mut counted = Counted::default();
    // The last of those who are drawn so far stands on top.
    let mut drawn: BinaryHeap<([u8; PLACE], Key, bool)> = BinaryHeap::new();
    for met in met(scope, kept)? {
        let Met { person, kept } = met?;
        counted.devices += u64::from(person.is_device());
        if person.judged(scope.now).next().is_none() {
            continue;
        }
        counted.people += 1;
        counted.missing += u64::from(kept.is_none());
        if let Some(sampling) = sampling {
            let place = place(&sampling.seed, &person.key);
            drawn.push((place, person.key, kept.is_none()));
            if drawn.len() > sampling.people {
                drawn.pop();
            }
        }
    }
    if sampling.is_some() {
        counted.missing = drawn.iter().filter(|(.., missing)| *missing).count() as u64;
        counted.sample = Some(drawn.into_iter().map(|(_, key, _)| key).collect());
    }
    Ok(counted)
}

impl Counted {
    fn takes(&self, person: &Person) -> bool {
        let sample = self.sample.as_ref();
        sample.is_none_or(|sample| sample.contains(&person.key))
    }
}

/// Meets everybody. An answer that is kept counts where it says of each row what one given now would.
fn met<'a>(
    scope: &'a Scope<'_>,
    kept: &Kept,
) -> Result<impl Iterator<Item = Result<Met, state::Error>> + use<'a>, state::Error> {
    let people: People = scope.people()?;
    let all = Join::new(people, kept.asked()).filter_map(|row| match row {
        Ok(Joined::Left(person)) => Some(Ok(Met { person, kept: None })),
        Ok(Joined::Right(_)) => None,
        Ok(Joined::Both(person, (answer, asked_at))) => {
            let says = scope.says(&person, &answer.value, asked_at);
            let kept = says.then(|| answer.value.as_ref().to_owned());
            Some(Ok(Met { person, kept }))
        }
        Err(error) => Some(Err(error)),
    });
    Ok(all)
}

/// Takes the next people, and says whom of them to ask about. Whoever is not is handed on at once, so that requests are
/// full however few of all are drawn.
fn some(
    all: &mut Peekable<impl Iterator<Item = Result<Met, state::Error>>>,
    scope: &Scope<'_>,
    counted: &Counted,
    each: &mut impl FnMut(Person, Option<&str>),
) -> Result<(Vec<Person>, Vec<Key>), state::Error> {
    let (mut some, mut keys) = (vec![], vec![]);
    for met in all {
        let Met { person, kept } = met?;
        let taken = counted.takes(&person);
        let kept = kept.filter(|_| taken);
        if !taken || kept.is_some() || person.judged(scope.now).next().is_none() {
            each(person, kept.as_deref());
            continue;
        }
        keys.push(person.key.clone());
        some.push(person);
        if keys.len() == AT_ONCE {
            break;
        }
    }
    Ok((some, keys))
}
