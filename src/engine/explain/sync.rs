//! One person in one sync: in which of its cohorts, and row by row what is wanted, recorded, refused and done next.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Explaining, person_of,
    row::{Decided, Known},
};
use crate::{
    config::Resource,
    diff::fate,
    engine::{
        Error,
        asking::Asked,
        compared::{Streams, Unready},
        compute::Computed,
        fold::Aside,
        rest::Idle,
        subject::Subject,
        valued::Seen,
    },
    kinds::Source,
    model::{
        Cohort, Millis, Refusal,
        explanation::{Audience, Fate, Holds, Rest, SyncExplained},
    },
    state::{self, delta::DeltaReader, ledger::LedgerReader, refusals::RefusalReader},
};

impl Explaining<'_> {
    /// Explains the person in one sync.
    pub(super) fn sync(&self, subject: &Subject, paused: bool) -> Result<SyncExplained, Error> {
        let address = &subject.resource.address;
        let rest = match self.draft.idle(subject) {
            _ if paused => Some(Rest::Paused),
            Some(Idle::Once) => Some(Rest::Once),
            Some(Idle::Fulfilled) | None => None,
        };
        let sources = self.sources(subject);
        let mut problem = self.problem(subject.resource);
        let mut known = Known {
            records: self.found.records(address),
            refusals: self.found.refusals(address),
            desired: vec![],
            decided: None,
        };
        let seen = Seen::default();
        if !paused {
            match self.asked(subject) {
                // What rests is not planned.
                Err(_) if rest.is_some() => {}
                Err(_) if sources.iter().any(|of| of.holds == Holds::Unread) => {
                    problem = problem.or_else(|| Some(unread(&sources)));
                }
                Err((message, _)) => problem = Some(message),
                Ok(asked) => {
                    let people = person_of(subject, self.found)?;
                    let valued = subject.valued(people, self.readings, asked, &seen)?;
                    known.desired = valued.collect::<Result<_, _>>()?;
                    if rest.is_none() {
                        self.decide(subject, &mut known)?;
                    }
                }
            }
        }
        let patience = self.draft.patience(Some(subject.resource)).wait;
        let mut rows = self.rows(&known, Some(&subject.desired.form), patience, rest.as_ref());
        for row in &mut rows {
            if seen.unread() > 0 {
                // Nothing is known of what is wanted until the profile is read again.
                row.wanted = None;
            }
            if row.wanted.is_some() {
                row.unfit = unfit(&seen);
            }
            if row.fate == Fate::Empty {
                row.fate = profile(&seen);
            }
        }
        let fate = fate::foremost(rows.iter(), |row| (row.wanted.is_some(), row.fate));
        let without = || {
            let holds: Vec<Holds> = sources.iter().map(|audience| audience.holds).collect();
            fate::without_row(&subject.desired.members, &holds)
        };
        Ok(SyncExplained {
            address: address.clone(),
            kind: subject.resource.kind.clone(),
            target: subject.desired.target.clone(),
            fate: fate.map_or_else(without, |row| row.fate),
            rest,
            problem,
            sources,
            rows,
            parked: None,
        })
    }

    /// What keeps a plan from being made of a resource, as far as nothing was read.
    pub(super) fn problem(&self, resource: &Resource) -> Option<String> {
        let mut errors = self.draft.plan.errors.iter();
        let own = errors.find(|error| error.address.as_ref() == Some(&resource.address));
        own.map(|error| error.message.clone())
    }

    /// Returns what was learnt of a subject's profiles, or why it cannot be planned.
    fn asked(&self, subject: &Subject) -> Result<Asked<'_>, Unready> {
        let asked = self.draft.ready(subject, self.readings, self.profiles)?;
        let own = self
            .readings
            .of(&subject.cohort.id, &subject.desired.identify_by);
        match own.and_then(|reading| subject.lacks(&reading.about)) {
            Some((message, hint)) => Err((message, Some(hint))),
            None => Ok(asked),
        }
    }

    /// Decides the person's rows as a plan does.
    fn decide(&self, subject: &Subject, known: &mut Known) -> Result<(), Error> {
        let store = &self.draft.session.store;
        let wanted = || Ok(subject.saying(stream(&known.desired)));
        let adopted = self.seeds.adopted(store, subject, &wanted, true)?;
        let ledger = adopted.as_ref().and_then(|adopted| adopted.ledger.as_ref());
        let records = match ledger {
            Some((ledger, _)) => LedgerReader::open(ledger.path())?.collect::<Result<_, _>>()?,
            None => known.records.clone(),
        };
        let streams = Streams {
            recorded: &|| Ok(stream(&records)),
            desired: &|| Ok(stream(&known.desired)),
            aside: &|| Ok(aside(&known.refusals)),
        };
        let computed = self.draft.decided(subject, adopted.as_ref(), &streams)?;
        known.decided = Some(decided(&computed)?);
        known.records = records;
        Ok(())
    }

    /// Whether the person is in the cohorts of a sync.
    fn sources(&self, subject: &Subject) -> Vec<Audience> {
        let mapping = &subject.desired.identify_by;
        // Of a list in a file a digest stands for it.
        let timed = !matches!(subject.desired.source, Source::File(_));
        let of = |cohort: &Cohort, excludes: bool| {
            let reading = self.readings.of(&cohort.id, mapping);
            let holds = match reading {
                None => Holds::Unread,
                Some(_) if !self.found.people(&cohort.id, mapping).is_empty() => Holds::Yes,
                Some(_) if self.found.is_in(&cohort.id) => Holds::Unnamed,
                Some(_) => Holds::No,
            };
            let computed = reading.and_then(|reading| reading.computed);
            Audience {
                cohort: cohort.id.clone(),
                name: cohort.name.clone(),
                excludes,
                holds,
                read_at: reading.and_then(|reading| moment(reading.about.read_at)),
                computed_at: computed
                    .filter(|_| timed)
                    .and_then(|at| jiff::Timestamp::from_second(at).ok()),
                moved: reading.is_some_and(|reading| reading.computed != cohort.computed),
            }
        };
        let cohorts = subject.cohorts().enumerate();
        let kept_out = |at| subject.desired.members.keeps_out(at);
        cohorts
            .map(|(at, cohort)| of(cohort, kept_out(at)))
            .collect()
    }
}

/// Which cohorts nothing is kept of.
fn unread(sources: &[Audience]) -> String {
    let unread = sources.iter().filter(|of| of.holds == Holds::Unread);
    let names: Vec<String> = unread.map(|of| format!("\"{}\"", of.name)).collect();
    format!(
        "nothing that was read of {} is kept, and `syncform plan` reads it",
        names.join(" and ")
    )
}

/// Reads what a comparison decided.
pub(super) fn decided(computed: &Computed) -> Result<Decided, state::Error> {
    let mut decided = Decided {
        changes: BTreeMap::new(),
        waits: BTreeSet::new(),
    };
    for (draft, later) in [(&computed.now, false), (&computed.later, true)] {
        let Some(draft) = draft else {
            continue;
        };
        for change in DeltaReader::open(draft.path())? {
            let change = change?;
            decided.changes.insert(change.key.clone(), (change, later));
        }
    }
    if let Some((draft, _)) = &computed.aside {
        for refusal in RefusalReader::open(draft.path())? {
            decided.waits.insert(refusal?.key);
        }
    }
    Ok(decided)
}

type Stream<T> = Box<dyn Iterator<Item = Result<T, state::Error>>>;

/// Streams rows as often as they are read.
pub(super) fn stream<T: Clone + 'static>(rows: &[T]) -> Stream<T> {
    let rows: Vec<T> = rows.to_vec();
    Box::new(rows.into_iter().map(Ok))
}

/// Streams rows that are set aside.
pub(super) fn aside(rows: &[Refusal]) -> Aside {
    let rows: Vec<Refusal> = rows.to_vec();
    Box::new(rows.into_iter().map(Ok))
}

/// Attributes without a value that Braze could hold.
fn unfit(seen: &Seen) -> BTreeMap<String, String> {
    let attributes = seen.attributes().into_iter();
    let unfit = attributes.filter_map(|of| Some((of.name, of.skipped.into_keys().next()?)));
    unfit.collect()
}

/// Why a person of the audience has nothing to be sent.
fn profile(seen: &Seen) -> Fate {
    match (seen.unknown(), seen.unreadable(), seen.unread()) {
        (0, 0, 0) => Fate::Empty,
        (0, 0, _) => Fate::UnreadProfile,
        (0, _, _) => Fate::UnreadableProfile,
        _ => Fate::NoProfile,
    }
}

pub(super) fn moment(at: Millis) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at).ok()
}
