//! A plan being made: what each resource asks for, what is compared, what is written down.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Error, Session,
    compute::{Computed, compute, members},
    fold::{Fold, recorded},
    observe::{self, Readings},
    plan::Work,
    subject::{SETTLE, Subject, max_age, named, unresolved},
};
use crate::{
    config::{Cadence, CadenceWord, Resource},
    diff::pin::{Pin, resolve},
    kinds,
    model::{
        Address, Cohort, Text, digest,
        plan::{
            Action, Cost, Delta, Drift, FORMAT_VERSION, Plan, Problem, StateRef, Summary, TotalCost,
        },
    },
    state::{
        manifest::{Manifest, SourceStamp},
        relation::RelationReader,
    },
};

/// A plan being made.
pub(super) struct Drafting<'a> {
    pub(super) session: &'a Session,
    pub(super) manifest: Option<&'a Manifest>,
    pub(super) plan: Plan,
    pub(super) digests: BTreeMap<Address, Value>,
}

/// Why a subject has nothing to do without being compared.
pub(super) enum Idle {
    Paused,
    Once,
    Fulfilled,
}

impl<'a> Drafting<'a> {
    pub(super) fn new(session: &'a Session, manifest: Option<&'a Manifest>) -> Self {
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
            message: warning.message.clone(),
            hint: warning.hint.clone(),
        };
        let mut warnings: Vec<Problem> = configuration.warnings.iter().map(problem).collect();
        let mut errors = vec![];
        if let Some(pending) = manifest.and_then(|manifest| manifest.pending.as_ref()) {
            warnings.push(Problem {
                address: None,
                message: format!(
                    "run {} was cut or is still going; what it sent is counted in",
                    pending.run
                ),
                hint: None,
            });
        }
        let all: Vec<(Address, String)> = configuration
            .resources
            .values()
            .map(|resource| (resource.address.clone(), resource.kind.clone()))
            .collect();
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
            manifest,
            plan,
            digests: BTreeMap::new(),
        }
    }

    /// Finds what each selected resource asks for and which cohorts it means.
    pub(super) fn subjects(&mut self, list: &[Cohort]) -> Vec<Subject<'a>> {
        let mut subjects = vec![];
        for resource in self.session.configuration.resources.values() {
            if !self
                .session
                .selection
                .takes(&resource.address, &resource.kind)
            {
                continue;
            }
            match self.subject(resource, list) {
                Ok(Some(subject)) => subjects.push(subject),
                Ok(None) => {}
                Err((message, hint)) => {
                    let address = Some(resource.address.clone());
                    self.plan.errors.push(Problem {
                        address,
                        message,
                        hint,
                    });
                }
            }
        }
        subjects
    }

    fn subject(
        &mut self,
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
        let written = json!(desired.source);
        let pin = entry
            .and_then(|entry| entry.cohort.as_ref())
            .filter(|pin| pin.written == written);
        let cohort = resolve(
            named(&desired.source),
            pin.map(|pin| Pin { id: &pin.id }),
            list,
        );
        let cohort = cohort
            .map_err(|why| unresolved(&desired.source, why))?
            .clone();
        let exclude: Result<Vec<Cohort>, _> = desired
            .exclude
            .iter()
            .map(|reference| {
                resolve(named(reference), None, list)
                    .cloned()
                    .map_err(|why| unresolved(reference, why))
            })
            .collect();
        if let Some(pin) = pin.filter(|pin| pin.id == cohort.id && pin.name != cohort.name) {
            self.plan.drift.push(Drift {
                address: resource.address.clone(),
                path: "cohort.name".to_owned(),
                before: json!(pin.name),
                after: json!(cohort.name),
            });
        }
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
    pub(super) fn idle(&self, subject: &Subject, pending: bool) -> Option<Idle> {
        let settings = &subject.resource.settings;
        if settings.paused == Some(true) {
            return Some(Idle::Paused);
        }
        let fulfilled = subject
            .entry
            .and_then(|entry| entry.fulfilled.as_ref())
            .filter(|_| !pending)?;
        if settings.cadence == Some(Cadence::Word(CadenceWord::Once)) {
            return Some(Idle::Once);
        }
        let (now, max_age) = (self.session.clock.millis(), max_age(subject.resource));
        let cohorts: Vec<&Cohort> = std::iter::once(&subject.cohort)
            .chain(&subject.exclude)
            .collect();
        let same = |(stamp, cohort): (&SourceStamp, &&Cohort)| {
            stamp.cohort == cohort.id
                && stamp.computed == cohort.computed
                && observe::young(stamp.read_at, now, max_age)
        };
        let fresh = fulfilled.sources.len() == cohorts.len()
            && fulfilled.sources.iter().zip(&cohorts).all(same);
        (fresh && fulfilled.desired == subject.digest()).then_some(Idle::Fulfilled)
    }

    pub(super) fn rest(&mut self, subject: &Subject) {
        let counts = subject.entry.map(|entry| entry.counts).unwrap_or_default();
        let note = match self.idle(subject, false) {
            Some(Idle::Paused) => Some("paused".to_owned()),
            Some(Idle::Once) => Some("moved once".to_owned()),
            Some(Idle::Fulfilled) | None => None,
        };
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
        let full = Cost {
            full_push_data_points: known,
            ..Cost::default()
        };
        self.plan.resources.push(subject.planned(
            Action::NoOp,
            vec![],
            Some(delta),
            Some(full),
            vec![],
            note,
        ));
    }

    /// Takes what a resource's part of the plan means into the digest.
    pub(super) fn note(&mut self, address: &Address, meaning: Value) {
        self.digests.insert(address.clone(), meaning);
    }

    /// Compares one subject's rows; returns what is to be done, or to be remembered.
    pub(super) fn compare(
        &mut self,
        subject: Subject<'a>,
        readings: &Readings,
        fold: Option<&Fold>,
    ) -> Result<Work, Error> {
        let address = subject.resource.address.clone();
        let open = |cohort: &Cohort, value: Text| -> Result<RelationReader, Error> {
            let reading = readings.by_cohort.get(&cohort.id);
            let relation = reading
                .map(|reading| RelationReader::open(&reading.path))
                .transpose()?
                .flatten();
            Ok(relation.ok_or(Error::Worker)?.with_value(value))
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
        let rows = recorded(&self.session.store, self.manifest, fold, &address)?;
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
        let next = subject.next(self.session, readings, &delta);
        self.digests.insert(address.clone(), json!({"rows": digest, "cohort": subject.cohort.id,
            "definition": subject.cohort.definition, "config": subject.desired.config, "label": subject.label}));
        let cost = Cost {
            full_push_data_points: delta.after,
            ..Cost::default()
        };
        self.plan.resources.push(subject.planned(
            action,
            fields,
            Some(delta),
            Some(cost),
            vec![],
            None,
        ));
        let settle = subject
            .resource
            .settings
            .settle
            .map_or(SETTLE, |settle| settle.0);
        Ok(Work {
            address,
            kind: subject.kind,
            desired: subject.desired,
            draft,
            next: Some(next),
            settle,
        })
    }

    pub(super) fn finish(mut self, works: &[Work]) -> Plan {
        let plan = &mut self.plan;
        plan.resources.sort_by(|a, b| a.address.cmp(&b.address));
        plan.errors.sort_by(|a, b| a.address.cmp(&b.address));
        for resource in &plan.resources {
            plan.summary.count(resource.action);
        }
        let guards: Vec<_> = works
            .iter()
            .map(|work| &work.address)
            .filter_map(|address| {
                let settings = &self.session.configuration.resources.get(address)?.settings;
                Some(json!([
                    address,
                    settings.guards,
                    settings.allow_removal,
                    settings.allow_empty
                ]))
            })
            .collect();
        let meaning = json!({
            "workspace": plan.workspace,
            "environment": plan.environment,
            "resources": self.digests,
            "guards": [self.session.configuration.guards, guards],
            "selection": [self.session.selection.only, self.session.selection.except],
        });
        plan.digest = format!(
            "sha256:{}",
            digest::sha256(digest::canonical(&meaning).to_string().as_bytes())
        );
        self.plan
    }
}
