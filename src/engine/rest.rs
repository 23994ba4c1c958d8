//! What has nothing to do: why it need not be compared, and what is shown of it.

use std::time::Duration;

use super::{
    Refresh,
    draft::{Drafting, scope},
    meaning, observe,
    plan::Work,
    subject::{Subject, beside, max_age},
};
use crate::{
    config::{Cadence, CadenceWord, Resource},
    diff::aside::Patience,
    kinds,
    model::{
        Cohort,
        plan::{Action, Cost, Delta, FieldChange, ResourcePlan},
    },
    state::manifest::{Entry, SourceStamp},
};

/// When a refused row is tried again though nothing about it changed.
const RETRY_REFUSED: Duration = Duration::from_hours(7 * 24);

/// Why a subject has nothing to do without being compared.
pub(super) enum Idle {
    Once,
    Fulfilled,
}

impl Drafting<'_> {
    /// Returns why a subject need not be compared, if it need not.
    pub(super) fn idle(&self, subject: &Subject) -> Option<Idle> {
        if self.session.how.anew {
            return None;
        }
        if subject.is_unplaced()
            || subject
                .filled
                .as_ref()
                .is_some_and(|filled| filled.is_read(self.session.how.refresh))
        {
            return None;
        }
        let fulfilled = subject.entry.and_then(|entry| entry.fulfilled.as_ref())?;
        if fulfilled.desired != subject.digest() || subject.name().is_some() {
            return None;
        }
        let once = subject.resource.settings.cadence == Some(Cadence::Word(CadenceWord::Once));
        // Time alone does not set it going again, for the whole of it would move.
        if once && !self.session.how.retry_refused {
            return Some(Idle::Once);
        }
        let aside = subject.entry.and_then(|entry| entry.set_aside.as_ref());
        if aside.is_some_and(|aside| !self.patience(Some(subject.resource)).lasts(aside.oldest)) {
            return None;
        }
        if once {
            return Some(Idle::Once);
        }
        // What the YAML changed is compared, even if only a guard did; and so is what may be below its limit.
        let upload = subject.desired.upload.as_ref();
        let measured = upload.is_some_and(|upload| upload.min_match.is_some());
        if self.is_rewritten(subject.resource) || (measured && aside.is_some()) {
            return None;
        }
        let (now, max_age) = (self.session.clock.millis(), max_age(subject.resource));
        let kept = self.session.how.refresh == Refresh::None;
        let cohorts: Vec<&Cohort> = subject.cohorts().collect();
        let same = |(stamp, cohort): (&SourceStamp, &&Cohort)| {
            stamp.cohort == cohort.id
                && stamp.computed == cohort.computed
                && (kept || observe::young(stamp.read_at, now, max_age))
        };
        let fresh = fulfilled.sources.len() == cohorts.len()
            && fulfilled.sources.iter().zip(&cohorts).all(same);
        fresh.then_some(Idle::Fulfilled)
    }

    /// Plans nothing for a subject that has nothing to do.
    pub(super) fn rest(&mut self, subject: Subject, why: &Idle) -> Option<Work> {
        let (delta, cost) = resting(subject.entry);
        let note = match why {
            Idle::Once => Some("moved once".to_owned()),
            Idle::Fulfilled => None,
        };
        // A new name alone is a change of the state, though of nothing else.
        let fields = beside(subject.resource, subject.entry, subject.moved);
        let action = resting_action(&fields);
        let planned = subject.planned(action, fields, Some(delta), Some(cost), note);
        self.plan.resources.push(planned);
        self.note(
            &subject.resource.address,
            meaning::of_subject(&subject, &meaning::no_rows()),
        );
        let followed = subject.redefined();
        let (resource, entry) = (subject.resource, followed.as_ref().or(subject.entry));
        if self.is_rewritten(resource) {
            return self.rewritten(resource, entry, subject.desired);
        }
        Some(Work::remembering(resource, subject.desired, followed?))
    }

    /// When rows set aside are tried again.
    pub(super) fn patience(&self, resource: Option<&Resource>) -> Patience {
        let own = resource.and_then(|resource| resource.settings.retry_refused);
        let wait = own.map_or(RETRY_REFUSED, |span| span.0);
        let retries = self.session.how.retry_refused;
        Patience {
            now: self.session.clock.millis(),
            wait: (!retries).then(|| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// A paused sync stays as it is, whatever became of its cohort.
    pub(super) fn paused(&mut self, resource: &Resource) -> Option<Work> {
        let entry = self.entry(&resource.address);
        self.note(&resource.address, meaning::of_entry(resource));
        let (delta, cost) = resting(entry);
        let (address, kind) = (&resource.address, &resource.kind);
        let fields = beside(resource, entry, self.rearranged.moved.get(address));
        let action = resting_action(&fields);
        self.plan.resources.push(ResourcePlan {
            fields,
            delta: Some(delta),
            cost: Some(cost),
            note: Some("paused".to_owned()),
            ..ResourcePlan::of(address, kind, action, kind.clone())
        });
        let kind = kinds::find(resource)?;
        let desired = kind.desired(resource, &scope(&self.session.configuration, entry));
        self.rewritten(resource, entry, desired.ok()?)
    }
}

/// What becomes of a resource of which only this changes.
pub(super) fn resting_action(fields: &[FieldChange]) -> Action {
    if fields.is_empty() {
        Action::NoOp
    } else {
        Action::Update
    }
}

/// What a resource that rests shows.
fn resting(entry: Option<&Entry>) -> (Delta, Cost) {
    let counts = entry.map(|entry| entry.counts).unwrap_or_default();
    let aside = entry.and_then(|entry| entry.set_aside.as_ref());
    let known = counts.rows() - counts.doubt;
    let delta = Delta {
        before: known,
        after: known,
        confirmed: counts.confirmed,
        absent: counts.absent,
        unconfirmed: counts.unconfirmed,
        doubt: counts.doubt,
        set_aside: aside.map_or(0, |aside| aside.rows),
        ..Delta::default()
    };
    (
        delta,
        Cost {
            full_push_data_points: entry.and_then(|entry| entry.full_push).unwrap_or(known),
            ..Cost::default()
        },
    )
}
