//! A declared resource on its way through a plan: what it asks for, whose people, and what was applied before.

mod people;
mod remembered;

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

pub(super) use self::remembered::{allowance_key, beside, is_protected, moved, recent};
use super::statics::Filled;
use crate::{
    config::{Cadence, CadenceWord, CohortRef, OnDestroy, Resource, Settings},
    diff::{fields, presence::Absence, values::Rule},
    kinds::{Desired, Form, Source as From, Unit},
    model::{
        Address, Cohort, Millis, digest,
        plan::{Action, Cost, Delta, FieldChange, Problem, ResourcePlan, Source},
    },
    state::manifest::{CohortPin, Entry},
};

/// The settle that a sync has unless it says otherwise: Braze keeps no order between requests seconds apart.
const SETTLE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// How long dependent writes of a sync are apart.
pub(super) fn settle(settings: &Settings) -> Duration {
    settings.settle.map_or(SETTLE, |settle| settle.0)
}

/// How long dependent writes of a resource were apart when it was applied.
pub(super) fn settled_by(entry: &Entry) -> Duration {
    entry.settle_ms.map_or(SETTLE, Duration::from_millis)
}

/// A resource on its way through a plan.
pub(super) struct Subject<'a> {
    pub(super) resource: &'a Resource,
    pub(super) desired: Desired,
    /// What the state remembers of it, of the target that it has now.
    pub(super) entry: Option<&'a Entry>,
    /// What it was before its target changed, where this plan changes it.
    pub(super) left: Option<&'a Entry>,
    /// Its former address, where this plan renames it.
    pub(super) moved: Option<&'a Address>,
    pub(super) cohort: Cohort,
    pub(super) exclude: Vec<Cohort>,
    pub(super) label: String,
    /// Which cohort of Amplitude it fills, where that is where its rows go.
    pub(super) filled: Option<Filled>,
}

impl Subject<'_> {
    /// How long dependent writes of it are apart. Amplitude answers once a change is made.
    pub(super) fn settle(&self) -> Duration {
        match self.filled {
            Some(_) => Duration::ZERO,
            None => settle(&self.resource.settings),
        }
    }

    /// Digest of what is asked for: configuration and label.
    pub(super) fn digest(&self) -> String {
        let meaning = json!([digest::canonical(&self.desired.config), self.label]);
        digest::sha256(meaning.to_string().as_bytes())
    }

    fn title(&self) -> String {
        if let Some(source) = self.desired.source.name() {
            let from = match self.desired.source {
                From::Segment(_) => format!("segment \"{source}\""),
                _ => source.to_owned(),
            };
            return format!("static cohort \"{}\" <- {from}", self.label);
        }
        let shown = match self.other_label() {
            Some(label) => format!(" as \"{label}\""),
            None => String::new(),
        };
        format!(
            "{} \"{}\" -> {}{shown}",
            self.resource.kind,
            self.called(),
            self.desired.target
        )
    }

    /// What its people are called.
    fn called(&self) -> &str {
        self.desired.called.as_ref().unwrap_or(&self.cohort.name)
    }

    /// The label that Braze shows, where it is not what its people are called.
    fn other_label(&self) -> Option<&str> {
        let labels = self.desired.form.is_labelled();
        (labels && self.label != self.called()).then_some(self.label.as_str())
    }

    /// What is wrong with a label that is left over from another cohort, if it is: only the YAML changes a label.
    pub(super) fn stale_label(&self) -> Option<Problem> {
        let before = self.left.or(self.entry)?;
        let pin = before.cohort.as_ref()?;
        let label = self.other_label()?;
        let stale = pin.id != self.cohort.id && self.desired.label.is_none();
        stale.then(|| Problem {
            address: Some(self.resource.address.clone()),
            message: format!(
                "keeps the label \"{label}\", and its people are those of \"{}\" now",
                self.cohort.name
            ),
            hint: Some("only a `label` of the sync changes what Braze shows".to_owned()),
        })
    }

    pub(super) fn planned(
        &self,
        action: Action,
        fields: Vec<FieldChange>,
        delta: Option<Delta>,
        cost: Option<Cost>,
        note: Option<String>,
    ) -> ResourcePlan {
        let told = match self.desired.source {
            From::Cohort(_) | From::Segment(_) => self.cohort.computed,
            // A digest stands there.
            From::File(_) => None,
        };
        let computed_at = told.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let manual = self.by_hand();
        let action = match action {
            Action::NoOp if !manual.is_empty() => Action::Manual,
            action => action,
        };
        let Resource { address, kind, .. } = self.resource;
        ResourcePlan {
            fields,
            delta,
            cost,
            manual,
            // What is made of several cohorts comes from none of them.
            source: self.desired.called.is_none().then(|| Source {
                cohort: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                computed_at,
                size: self.cohort.size,
            }),
            note,
            ..ResourcePlan::of(address, kind, action, self.title())
        }
    }

    /// What changes in the configuration against what was applied.
    pub(super) fn fields(&self) -> Vec<FieldChange> {
        let Some(entry) = self.left.or(self.entry) else {
            return vec![];
        };
        let mut fields = fields::changes(&entry.config, &self.desired.config);
        // How an id came about is remembered, and no change by itself.
        fields.retain(|field| field.path != "import_id");
        fields.extend(beside(self.resource, Some(entry), self.moved));
        let name = self.name().filter(|_| self.left.is_none());
        if let Some(name) = name.filter(|name| entry.label.as_ref() == Some(name)) {
            fields.push(FieldChange {
                path: "name in Braze".to_owned(),
                before: json!(entry.named),
                after: json!(name),
            });
        }
        // What a static cohort is called is compared with what Amplitude shows.
        let label = entry.label.as_ref().filter(|_| self.filled.is_none());
        if let Some(label) = label.filter(|label| **label != self.label) {
            let (before, after) = (json!(label), json!(self.label));
            fields.push(FieldChange {
                path: "label".to_owned(),
                before,
                after,
            });
        }
        let mut compare = |path: &str, pin: &CohortPin, cohort: &Cohort| {
            if pin.id != cohort.id {
                let (before, after) = (json!(pin.id), json!(cohort.id));
                fields.push(FieldChange {
                    path: path.to_owned(),
                    before,
                    after,
                });
            }
        };
        // Where the YAML names another cohort, that shows already.
        let meant = self.desired.source.written();
        if let Some(pin) = entry.cohort.as_ref().filter(|pin| pin.written == meant) {
            compare("cohort.id", pin, &self.cohort);
        }
        let same = |(pin, reference): (&CohortPin, &CohortRef)| pin.written == json!(reference);
        let others = match self.desired.called {
            Some(_) => "members.cohort.id",
            None => "exclude.cohort.id",
        };
        if entry.excluded.iter().zip(&self.desired.exclude).all(same) {
            for (pin, cohort) in entry.excluded.iter().zip(&self.exclude) {
                compare(others, pin, cohort);
            }
        }
        fields
    }

    /// Whether it becomes another thing under the same name: another target, another cohort, people known by another
    /// identifier.
    pub(super) fn is_replaced(&self, fields: &[FieldChange]) -> bool {
        let pin = self.entry.and_then(|entry| entry.cohort.as_ref());
        self.left.is_some()
            || pin.is_some_and(|pin| pin.id != self.cohort.id && self.desired.called.is_none())
            || fields.iter().any(|field| field.path == "identify_by")
    }

    /// The name that Braze is to be told before any row goes there.
    pub(super) fn name(&self) -> Option<String> {
        let known = self.entry.and_then(|entry| entry.named.as_ref());
        let told = known == Some(&self.label) || !self.desired.is_named();
        (!told).then(|| self.label.clone())
    }

    /// Whether rows of it may not have a unit yet.
    pub(super) fn is_new(&self, unit: &Unit) -> bool {
        self.entry.is_none_or(|entry| match &self.desired.form {
            Form::Membership(_) => {
                entry.label.as_ref() != Some(&self.label) || entry.fulfilled.is_none()
            }
            Form::Attributes(_) => {
                let mut known = entry.attributes.iter();
                entry.fulfilled.is_none() || !known.any(|name| Unit::attribute(name) == *unit)
            }
        })
    }

    /// How its rows are compared; before a first apply, with what was found in Braze or without.
    pub(super) fn rule(&self, found: bool) -> Rule {
        let declared = self.desired.form.attributes().iter();
        let applied: BTreeSet<String> = match self.entry {
            Some(entry) => entry.attributes.clone(),
            // What was found in Braze counts as recorded.
            None if found => declared.map(|of| of.name.clone()).collect(),
            None => BTreeSet::new(),
        };
        let empties = self.on_destroy() == "empty";
        self.desired.form.rule(&applied, empties)
    }

    /// What is done about people who are not there.
    pub(super) fn absence(&self, now: Millis) -> Absence {
        Absence {
            creates: self.desired.create_users,
            creates_since: self.creates_since(now),
            recreates: self.resource.settings.recreate == Some(true),
        }
    }

    /// Since when it creates people, where it did not from the first.
    fn creates_since(&self, now: Millis) -> Option<Millis> {
        let entry = self.entry.filter(|_| self.desired.create_users)?;
        let same = entry.config["create_users"] == self.desired.config["create_users"];
        if same { entry.creates_since } else { Some(now) }
    }

    /// The attributes that its rows hold once everything is acknowledged.
    pub(super) fn holds(&self, delta: &Delta, set_aside: bool) -> BTreeSet<String> {
        let declared = self.desired.form.attributes().iter();
        let mut held: BTreeSet<String> = declared.map(|of| of.name.clone()).collect();
        if let Some(entry) = self.entry {
            // A ledger is written when something is sent: until then its rows may hold, of an attribute that is
            // declared again, what they held when it was declared before.
            if delta.is_empty() {
                held.retain(|name| entry.attributes.contains(name));
            }
            // What is to be cleared and was not: what is kept is let go at once.
            if set_aside && self.on_destroy() == "empty" {
                held.extend(entry.attributes.iter().cloned());
            }
        }
        held
    }

    /// What removal does to its rows.
    fn on_destroy(&self) -> &'static str {
        match self.resource.settings.on_destroy {
            Some(OnDestroy::Empty) => "empty",
            Some(OnDestroy::Keep) => "keep",
            None => self.desired.form.on_destroy(),
        }
    }
}

/// How old a cohort's file may be: as configured, else the cadence, at least an hour.
pub(super) fn max_age(resource: &Resource) -> Duration {
    let settings = &resource.settings;
    settings.max_age.map_or_else(
        || match settings.cadence {
            None | Some(Cadence::Word(CadenceWord::Daily | CadenceWord::Once)) => DAY,
            Some(Cadence::Word(_) | Cadence::Cron { .. }) => HOUR,
        },
        |span| span.0,
    )
}
