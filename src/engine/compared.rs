//! One subject compared: its rows against what is recorded, and what the plan tells of that.

use std::collections::BTreeMap;

use super::{
    Error,
    asking::{Asked, Profiles},
    compute::{Comparison, Computed, Members},
    draft::Drafting,
    fold::{Aside, Rows},
    meaning,
    observe::{Readings, Unread},
    plan::Work,
    seed::{Adopted, Seeds},
    statics,
    subject::{Subject, settle},
    valued::Seen,
};
use crate::{
    diff::estimate::{NOT_IN_AMPLITUDE, PROFILE_UNREADABLE, estimate},
    kinds::Form,
    model::{
        number,
        plan::{Action, AttributePlan, Cost, Delta, FieldChange, Problem, ResourcePlan},
    },
    state::{self, ledger::LedgerReader, manifest::Entry, relation::About},
};

/// Why a subject cannot be compared, and what to do.
pub(super) type Unready = (String, Option<String>);

/// What a subject is compared of. Streams are opened as often as they are read.
pub(super) struct Streams<'s> {
    pub(super) recorded: &'s dyn Fn() -> Result<Rows, state::Error>,
    pub(super) desired: &'s dyn Fn() -> Result<Members, state::Error>,
    pub(super) aside: &'s dyn Fn() -> Result<Aside, state::Error>,
}

impl<'a> Drafting<'a> {
    /// Compares one subject's rows; returns what is to be done, or to be remembered.
    pub(super) fn compare(
        &mut self,
        subject: Subject<'a>,
        readings: &Readings,
        profiles: &Profiles,
        seeds: &Seeds,
    ) -> Result<Option<Work>, Error> {
        let address = subject.resource.address.clone();
        let ready = match seeds.unready(&subject) {
            Some(unready) => Err(unready),
            None => self.ready(&subject, readings, profiles),
        };
        let asked = match ready {
            Ok(asked) => asked,
            Err((message, hint)) => {
                self.fail(&address, message, hint);
                return Ok(None);
            }
        };
        let about = readings
            .open(&subject.cohort.id, &subject.desired.identify_by)?
            .about;
        let nothing = || subject.makes_nothing(about.rows);
        if let Some((message, hint)) = subject.lacks(&about).or_else(nothing) {
            self.fail(&address, message, Some(hint));
            return Ok(None);
        }
        let oldest = asked.as_ref().and_then(|(read, _)| read.counts.oldest);
        let store = &self.session.store;
        let wanted = || subject.wanted(readings, &asked);
        let adopted = seeds.adopted(store, &subject, &wanted, false)?;
        let seen = Seen::default();
        let refresh = self.session.how.refresh;
        let streams = Streams {
            recorded: &|| statics::over(&subject, readings, refresh, self.rows(&address)?),
            desired: &|| subject.members(readings, asked.clone(), &seen),
            aside: &|| self.aside(&address, subject.entry),
        };
        let Computed {
            now,
            later,
            aside,
            mut delta,
            attributes,
            digest,
        } = self.decided(&subject, adopted.as_ref(), &streams)?;
        let others = self.drift_of_members(&subject, readings)?;
        let mut attributes = told(attributes, seen.attributes());
        if let Some(adopted) = &adopted {
            adopted.tell(&mut delta, &mut attributes);
        }
        figures(&subject, readings, &seen, &mut delta, &mut attributes);
        let read = seen.people() - seen.unread() - seen.unknown() - seen.unreadable();
        self.nobody_has(&subject, read, &attributes);
        let full = full_push(&subject, &attributes);
        let (fields, name) = (subject.fields(), subject.name());
        let changes = !fields.is_empty() || !delta.is_empty() || name.is_some();
        let action = action(&subject, &fields, changes);
        let (aside, waiting) = aside.unzip();
        let mut next = Entry {
            set_aside: waiting,
            full_push: full,
            ..subject.next(self.session, readings, &delta, (about.rows, oldest))
        };
        // With nothing to send and nothing set aside, every row has the label of now.
        if delta.is_empty() && next.set_aside.is_none() {
            next.former_labels.clear();
        }
        if let Some(adopted) = &adopted {
            next = adopted.begin(next);
        }
        next.attributes = subject.holds(&delta, next.set_aside.is_some());
        self.note(&address, meaning::of_subject(&subject, &digest));
        let fills = subject.static_work(delta.after, delta.set_aside);
        let cost = Cost {
            full_push_data_points: full.unwrap_or(delta.after),
            ..Cost::default()
        };
        let planned = subject.planned(
            action,
            fields,
            Some(delta),
            Some(cost),
            subject.others(others),
        );
        self.plan.resources.push(ResourcePlan {
            attributes,
            ..planned
        });
        let settle = subject.settle();
        Ok(Some(Work {
            address,
            desired: subject.desired,
            now,
            later,
            aside,
            found: adopted.and_then(|adopted| Some(adopted.ledger?.0)),
            name,
            next: Some(next),
            fills,
            settle,
        }))
    }

    /// Decides the rows of a subject: all of them, or one person's.
    pub(super) fn decided(
        &self,
        subject: &Subject,
        adopted: Option<&Adopted>,
        streams: &Streams,
    ) -> Result<Computed, state::Error> {
        let found = adopted.and_then(|adopted| adopted.ledger.as_ref());
        let compared = Comparison {
            store: &self.session.store,
            address: &subject.resource.address,
            rule: &subject.rule(adopted.is_some()),
            recorded: &|| match found {
                Some((ledger, _)) => Ok(Box::new(LedgerReader::open(ledger.path())?)),
                None => (streams.recorded)(),
            },
            desired: streams.desired,
            absence: subject.absence(self.session.clock.millis()),
            gone: &|| self.gone(subject),
            anew: self.session.how.anew
                || subject.filled.as_ref().is_some_and(|filled| filled.anew),
            removes_later: subject.filled.is_some(),
            aside: streams.aside,
            patience: self.patience(Some(subject.resource)),
        };
        compared.run()
    }

    /// Warns of what no profile has: an id or a name that is not spelt as Amplitude spells it looks the same.
    fn nobody_has(&mut self, subject: &Subject, read: u64, attributes: &[AttributePlan]) {
        if subject.desired.reads.question().is_none() || read == 0 {
            return;
        }
        let without = |of: &&AttributePlan| of.full_push_data_points == 0 && of.skipped.is_empty();
        for attribute in attributes.iter().filter(without) {
            let name = &attribute.name;
            self.plan.warnings.push(Problem {
                address: Some(subject.resource.address.clone()),
                message: format!(
                    "none of the {} profiles that were read has a value for `{name}`",
                    number(read)
                ),
                hint: Some("see whether its id and name are spelt as in Amplitude".to_owned()),
            });
        }
    }

    /// Returns what was learnt of a subject's profiles, if everything that it needs was read.
    pub(super) fn ready<'b>(
        &self,
        subject: &Subject,
        readings: &Readings,
        profiles: &'b Profiles,
    ) -> Result<Asked<'b>, Unready> {
        let mapping = &subject.desired.identify_by;
        let mut cohorts = subject.cohorts();
        if let Some(why) = cohorts.find_map(|cohort| readings.failure(&cohort.id, mapping)) {
            return Err((why.message.clone(), Some(why.hint.clone())));
        }
        let unread = |why: Unread| (why.message, Some(why.hint));
        self.asked(subject, profiles).map_err(unread)
    }
}

/// Completes the figures of a comparison by what was seen on the way.
fn figures(
    subject: &Subject,
    readings: &Readings,
    seen: &Seen,
    delta: &mut Delta,
    attributes: &mut [AttributePlan],
) {
    let people = seen.people();
    let sum = |of: fn(&About) -> u64| subject.read_of(readings).map(of).sum::<u64>();
    let excluded = match subject.desired.called {
        // Whoever is not in a segment was not left out of it.
        Some(_) => 0,
        None => sum(|about| about.rows).saturating_sub(people),
    };
    let skipped = [
        ("no_identifier", sum(|about| about.no_identifier)),
        ("bad_identifier", sum(|about| about.bad_identifier)),
        ("duplicate", sum(|about| about.duplicates)),
        ("excluded", excluded),
        (NOT_IN_AMPLITUDE, seen.unknown()),
        (PROFILE_UNREADABLE, seen.unreadable()),
    ];
    let skipped = skipped.into_iter().filter(|(_, count)| *count > 0);
    delta.skipped = skipped
        .map(|(reason, count)| (reason.to_owned(), count))
        .collect();
    if delta.later > 0 {
        delta.gap_seconds = settle(&subject.resource.settings).as_secs();
    }
    if let Form::Attributes(_) = subject.desired.form {
        delta.people = people;
        delta.unread = seen.unread();
        estimate(delta, attributes);
    }
}

/// What is told of attributes: of those that are declared all, of others what changes.
fn told(changes: Vec<AttributePlan>, declared: Vec<AttributePlan>) -> Vec<AttributePlan> {
    let mut told: BTreeMap<String, AttributePlan> = BTreeMap::new();
    for attribute in declared {
        told.insert(attribute.name.clone(), attribute);
    }
    for change in changes {
        let known = told.remove(&change.name).unwrap_or_default();
        let attribute = AttributePlan {
            full_push_data_points: known.full_push_data_points,
            skipped: known.skipped,
            ..change
        };
        told.insert(attribute.name.clone(), attribute);
    }
    told.into_values().collect()
}

/// What is to be done with a subject of which `fields` are other than they were, or some `changes`.
fn action(subject: &Subject, fields: &[FieldChange], changes: bool) -> Action {
    match subject.entry {
        _ if subject.is_replaced(fields) => Action::Replace,
        None if subject.takes_over() => Action::Adopt,
        None => Action::Create,
        Some(_) if changes => Action::Update,
        Some(_) => Action::NoOp,
    }
}

/// What sending all of it would cost, where its rows alone do not tell.
fn full_push(subject: &Subject, attributes: &[AttributePlan]) -> Option<u64> {
    match subject.desired.form {
        // Amplitude bills nothing for its own.
        Form::Membership(_) => subject.filled.is_some().then_some(0),
        Form::Attributes(_) => {
            let each = attributes.iter().map(|of| of.full_push_data_points);
            Some(each.sum())
        }
    }
}
