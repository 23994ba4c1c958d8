//! A plan being made: what each resource asks for, what is compared, what is written down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Error, Refresh, Session,
    compute::{Computed, compute, members},
    fold::{Recorded, Rows},
    meaning::{self, Meaning},
    observe::{self, Readings},
    plan::Work,
    subject::{SETTLE, Subject, max_age, named, unresolved},
};
use crate::{
    config::{Cadence, CadenceWord, CohortRef, Origin, Resource},
    diff::pin::{Pin, resolve},
    kinds::{self, Desired, Kind},
    model::{
        Address, Cohort, Text,
        plan::{
            Action, Cost, Delta, Drift, FORMAT_VERSION, Plan, Problem, ResourcePlan, StateRef,
            Summary, TotalCost,
        },
    },
    state::{
        self,
        manifest::{CohortPin, Entry, Manifest, SourceStamp},
        relation::RelationReader,
    },
};

/// Who writes what: a target unit and the resources that want it.
type Units = BTreeMap<String, BTreeSet<Address>>;

/// A plan being made.
pub(super) struct Drafting<'a> {
    pub(super) session: &'a Session,
    pub(super) recorded: Option<&'a Recorded>,
    pub(super) manifest: Option<&'a Manifest>,
    pub(super) plan: Plan,
    pub(super) meaning: Meaning,
}

/// Why a subject has nothing to do without being compared.
pub(super) enum Idle {
    Once,
    Fulfilled,
}

impl<'a> Drafting<'a> {
    pub(super) fn new(session: &'a Session, recorded: Option<&'a Recorded>) -> Self {
        let manifest = recorded.map(|recorded| &recorded.manifest);
        let configuration = &session.configuration;
        let state = manifest.map_or_else(
            || StateRef {
                lineage: String::new(),
                serial: 0,
            },
            |manifest| StateRef {
                lineage: manifest.lineage.clone(),
                serial: manifest.serial,
            },
        );
        let problem = |warning: &crate::model::Diagnostic| Problem {
            address: None,
            message: match &warning.place {
                Some(place) => format!(
                    "{}:{}: {}",
                    place.file.display(),
                    place.line,
                    warning.message
                ),
                None => warning.message.clone(),
            },
            hint: warning.hint.clone(),
        };
        let mut warnings: Vec<Problem> = configuration.warnings.iter().map(problem).collect();
        let mut errors = vec![];
        if recorded.is_some_and(|recorded| !recorded.resources.is_empty()) {
            warnings.push(Problem {
                address: None,
                message: "a run was cut or is still going; what it sent is counted in".to_owned(),
                hint: None,
            });
        }
        let declared = configuration
            .resources
            .values()
            .map(|resource| (resource.address.clone(), resource.kind.clone()));
        let known = manifest.iter().flat_map(|manifest| &manifest.resources);
        let known = known.map(|(address, entry)| (address.clone(), entry.kind.clone()));
        let all: Vec<(Address, String)> = declared.chain(known).collect();
        if session.selection.names()
            && !all
                .iter()
                .any(|(address, kind)| session.selection.takes(address, kind))
        {
            errors.push(Problem {
                address: None,
                message: "nothing is selected".to_owned(),
                hint: Some("--except takes out of what --only selects, or out of all".to_owned()),
            });
        }
        for pattern in session.selection.idle(&all) {
            errors.push(Problem {
                address: None,
                message: format!("`{pattern}` selects nothing"),
                hint: Some(
                    "name an address (sync.power-users), a glob (sync.*) or a kind (kind:cohort)"
                        .to_owned(),
                ),
            });
        }
        let plan = Plan {
            format_version: FORMAT_VERSION.to_owned(),
            workspace: configuration.workspace.clone(),
            environment: configuration.environment.clone(),
            created_at: session.clock.now(),
            partial: session.selection.is_partial(),
            bounded: None,
            digest: String::new(),
            state,
            errors,
            warnings,
            resources: vec![],
            unmanaged: vec![],
            drift: vec![],
            guards: vec![],
            summary: Summary::default(),
            cost: TotalCost::default(),
        };
        Self {
            session,
            recorded,
            manifest,
            plan,
            meaning: Meaning::new(session),
        }
    }

    /// Finds what each selected resource asks for and which cohorts it means.
    pub(super) fn subjects(
        &mut self,
        list: &[Cohort],
        resting: &mut Vec<Work>,
    ) -> Vec<Subject<'a>> {
        let (mut subjects, mut units) = (vec![], Units::new());
        for resource in self.session.configuration.resources.values() {
            let selected = self.takes(&resource.address, &resource.kind);
            if resource.settings.paused == Some(true) {
                self.own(&mut units, &resource.address);
                if selected {
                    resting.extend(self.paused(resource));
                }
                continue;
            }
            match self.subject(resource, list) {
                Ok(None) => {}
                // What is not selected still owns what it writes.
                Err(_) if !selected => self.own(&mut units, &resource.address),
                Err((message, hint)) => {
                    self.own(&mut units, &resource.address);
                    self.fail(&resource.address, message, hint);
                }
                Ok(Some(subject)) => {
                    let unit = subject.kind.unit(&subject.desired, &subject.label);
                    units
                        .entry(unit)
                        .or_default()
                        .insert(resource.address.clone());
                    if selected {
                        self.drift(&subject);
                        subjects.push(subject);
                    } else {
                        // It keeps what it wrote until it is applied itself.
                        self.own(&mut units, &resource.address);
                    }
                }
            }
        }
        let declared =
            |address: &Address| self.session.configuration.resources.contains_key(address);
        let known: Vec<Address> = self
            .manifest
            .iter()
            .flat_map(|manifest| manifest.resources.keys())
            .cloned()
            .collect();
        for address in known.iter().filter(|address| !declared(address)) {
            self.own(&mut units, address);
        }
        for (unit, owners) in units.into_iter().filter(|(_, owners)| owners.len() > 1) {
            let owners: Vec<&Address> = owners.iter().collect();
            let names: Vec<&str> = owners.iter().map(|address| address.as_str()).collect();
            let message = format!("{unit} would have two owners: {}", names.join(" and "));
            let hint = "give one of them another `label` or `to`; one that is removed goes before another takes its place";
            self.fail(owners[0], message, Some(hint.to_owned()));
        }
        subjects
    }

    /// Notes what a resource owns from what the state remembers of it.
    fn own(&self, units: &mut Units, address: &Address) {
        let entry = self
            .manifest
            .and_then(|manifest| manifest.resources.get(address));
        let unit = entry.and_then(|entry| {
            let (kind, desired) = remembered(address, entry)?;
            Some(kind.unit(&desired, entry.label.as_deref().unwrap_or_default()))
        });
        if let Some(unit) = unit {
            units.entry(unit).or_default().insert(address.clone());
        }
    }

    pub(super) fn fail(&mut self, address: &Address, message: String, hint: Option<String>) {
        self.plan.errors.push(Problem {
            address: Some(address.clone()),
            message,
            hint,
        });
    }

    fn drift(&mut self, subject: &Subject) {
        let pins = subject
            .entry
            .iter()
            .flat_map(|entry| entry.cohort.iter().chain(&entry.excluded));
        let cohorts = || std::iter::once(&subject.cohort).chain(&subject.exclude);
        for pin in pins {
            for cohort in cohorts().filter(|cohort| cohort.id == pin.id && cohort.name != pin.name)
            {
                self.plan.drift.push(Drift {
                    address: subject.resource.address.clone(),
                    path: "cohort.name".to_owned(),
                    before: json!(pin.name),
                    after: json!(cohort.name),
                });
            }
        }
    }

    fn subject(
        &self,
        resource: &'a Resource,
        list: &[Cohort],
    ) -> Result<Option<Subject<'a>>, (String, Option<String>)> {
        let Some(kind) = kinds::find(&resource.address, &resource.kind) else {
            return Ok(None);
        };
        let desired = kind
            .desired(resource)
            .map_err(|diagnostic| (diagnostic.message, diagnostic.hint))?;
        let entry = self
            .manifest
            .and_then(|manifest| manifest.resources.get(&resource.address));
        let pins: Vec<&CohortPin> = entry
            .iter()
            .flat_map(|entry| entry.cohort.iter().chain(&entry.excluded))
            .collect();
        let meant = |reference: &CohortRef| {
            let pin = pins.iter().find(|pin| pin.written == json!(reference));
            let found = resolve(named(reference), pin.map(|pin| Pin { id: &pin.id }), list);
            found.cloned().map_err(|why| unresolved(reference, why))
        };
        let cohort = meant(&desired.source)?;
        let exclude = desired
            .exclude
            .iter()
            .map(meant)
            .collect::<Result<Vec<Cohort>, _>>();
        if entry.is_some_and(|entry| {
            entry.counts.rows() > 0 && entry.config["to"] != desired.config["to"]
        }) {
            let hint = "put `to` back, or declare a second sync beside this one".to_owned();
            return Err((
                "changing `to` of a sync that has rows is not in this release yet".to_owned(),
                Some(hint),
            ));
        }
        let pinned = entry.and_then(|entry| entry.label.clone());
        let label = desired
            .label
            .clone()
            .or(pinned)
            .unwrap_or_else(|| cohort.name.clone());
        Ok(Some(Subject {
            resource,
            kind,
            entry,
            cohort,
            exclude: exclude?,
            label,
            desired,
        }))
    }

    /// Returns why a subject need not be compared, if it need not.
    pub(super) fn idle(&self, subject: &Subject) -> Option<Idle> {
        let fulfilled = subject.entry.and_then(|entry| entry.fulfilled.as_ref())?;
        if fulfilled.desired != subject.digest() {
            return None;
        }
        if subject.resource.settings.cadence == Some(Cadence::Word(CadenceWord::Once)) {
            return Some(Idle::Once);
        }
        // What the YAML changed is compared, even if only a guard did.
        if self.is_rewritten(subject.resource) {
            return None;
        }
        let (now, max_age) = (self.session.clock.millis(), max_age(subject.resource));
        let kept = self.session.refresh == Refresh::None;
        let cohorts: Vec<&Cohort> = std::iter::once(&subject.cohort)
            .chain(&subject.exclude)
            .collect();
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
        let planned = subject.planned(Action::NoOp, vec![], Some(delta), Some(cost), note);
        self.plan.resources.push(planned);
        self.note(
            &subject.resource.address,
            meaning::of_subject(&subject, &meaning::no_rows()),
        );
        self.rewritten(
            subject.resource,
            subject.entry,
            subject.kind,
            subject.desired,
        )
    }

    /// A paused sync stays as it is, whatever became of its cohort.
    fn paused(&mut self, resource: &Resource) -> Option<Work> {
        let entry = self.entry(&resource.address);
        self.note(&resource.address, meaning::of_entry(resource));
        let (delta, cost) = resting(entry);
        self.plan.resources.push(ResourcePlan {
            address: resource.address.clone(),
            kind: resource.kind.clone(),
            action: Action::NoOp,
            title: resource.kind.clone(),
            fields: vec![],
            delta: Some(delta),
            cost: Some(cost),
            guards: vec![],
            manual: vec![],
            source: None,
            note: Some("paused".to_owned()),
        });
        let kind = kinds::find(&resource.address, &resource.kind)?;
        self.rewritten(resource, entry, kind, kind.desired(resource).ok()?)
    }

    /// Returns the recorded rows of a resource.
    pub(super) fn rows(&self, address: &Address) -> Result<Rows, Error> {
        match self.recorded {
            Some(recorded) => Ok(recorded.rows(&self.session.store, address)?),
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    /// Notes what a resource's part of the plan means.
    pub(super) fn note(&mut self, address: &Address, meaning: Value) {
        self.meaning.note(address, meaning);
    }

    /// Compares one subject's rows; returns what is to be done, or to be remembered.
    pub(super) fn compare(
        &mut self,
        subject: Subject<'a>,
        readings: &Readings,
    ) -> Result<Option<Work>, Error> {
        let address = subject.resource.address.clone();
        let cohorts = || std::iter::once(&subject.cohort).chain(&subject.exclude);
        if let Some(why) = cohorts().find_map(|cohort| readings.failed.get(&cohort.id)) {
            self.fail(
                &address,
                why.clone(),
                Some(match self.session.refresh {
                    Refresh::Quick => {
                        "run again; if it stays so, have Amplitude recompute the cohort".to_owned()
                    }
                    Refresh::None => "leave out --refresh none, so that it is read".to_owned(),
                }),
            );
            return Ok(None);
        }
        let open = |cohort: &Cohort, value: Text| -> Result<RelationReader, Error> {
            let reading = readings.by_cohort.get(&cohort.id);
            let relation = reading
                .map(|reading| RelationReader::open(&reading.path))
                .transpose()?
                .flatten();
            // Another run swept it: the plan is made anew.
            let gone = || state::Error::Io {
                path: "cache".into(),
                source: std::io::ErrorKind::NotFound.into(),
            };
            Ok(relation.ok_or_else(gone)?.with_value(value))
        };
        let value = subject.kind.value(&subject.desired, &subject.label);
        let source = open(&subject.cohort, value)?;
        let exclude = subject
            .exclude
            .iter()
            .map(|cohort| open(cohort, "".into()))
            .collect::<Result<_, _>>()?;
        let skipped = [
            ("no_identifier", source.about.no_identifier),
            ("bad_identifier", source.about.bad_identifier),
            ("duplicate", source.about.duplicates),
        ];
        let whole = source.about.rows;
        let rows = self.rows(&address)?;
        let Computed {
            draft,
            mut delta,
            digest,
        } = compute(
            &self.session.store,
            &address,
            rows,
            members(source, exclude),
        )?;
        let excluded = [("excluded", whole - delta.after)];
        delta.skipped = skipped
            .into_iter()
            .chain(excluded)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect();
        let fields = subject.fields();
        let replaced = subject
            .entry
            .and_then(|entry| entry.cohort.as_ref())
            .is_some_and(|pin| pin.id != subject.cohort.id);
        let action = match subject.entry {
            None => Action::Create,
            Some(_) if replaced => Action::Replace,
            Some(_) if !fields.is_empty() || !delta.is_empty() => Action::Update,
            Some(_) => Action::NoOp,
        };
        let next = subject.next(self.session, readings, &delta, whole);
        self.note(&address, meaning::of_subject(&subject, &digest));
        let cost = Cost {
            full_push_data_points: delta.after,
            ..Cost::default()
        };
        self.plan
            .resources
            .push(subject.planned(action, fields, Some(delta), Some(cost), None));
        let settle = subject
            .resource
            .settings
            .settle
            .map_or(SETTLE, |settle| settle.0);
        Ok(Some(Work {
            address,
            kind: subject.kind,
            desired: subject.desired,
            draft,
            next: Some(next),
            settle,
        }))
    }

    pub(super) fn finish(mut self) -> (Plan, Meaning) {
        let plan = &mut self.plan;
        plan.resources.sort_by(|a, b| a.address.cmp(&b.address));
        plan.errors.sort_by(|a, b| a.address.cmp(&b.address));
        for resource in &plan.resources {
            plan.summary.count(resource.action);
        }
        for resource in &plan.resources {
            self.meaning.mention(&resource.address);
        }
        plan.digest = self.meaning.digest();
        (self.plan, self.meaning)
    }
}

/// What a resource that rests shows.
fn resting(entry: Option<&Entry>) -> (Delta, Cost) {
    let counts = entry.map(|entry| entry.counts).unwrap_or_default();
    let known = counts.rows() - counts.doubt;
    let delta = Delta {
        before: known,
        after: known,
        confirmed: counts.confirmed,
        absent: counts.absent,
        unconfirmed: counts.unconfirmed,
        doubt: counts.doubt,
        ..Delta::default()
    };
    (
        delta,
        Cost {
            full_push_data_points: known,
            ..Cost::default()
        },
    )
}

/// Returns the kind and the desire of a resource from what the state remembers of it; the rest is gone.
pub(super) fn remembered(address: &Address, entry: &Entry) -> Option<(&'static dyn Kind, Desired)> {
    let kind = kinds::find(address, &entry.kind)?;
    let resource = Resource {
        address: address.clone(),
        kind: entry.kind.clone(),
        settings: serde_json::from_value(entry.config.clone()).unwrap_or_default(),
        body: entry.config.clone(),
        origin: Origin::default(),
    };
    Some((kind, kind.desired(&resource).ok()?))
}
