//! A plan being made: what each resource asks for, what is compared, what is written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;

use super::{
    Refresh, Session,
    fold::{Aside, Recorded, Rows},
    log::Bounds,
    meaning::Meaning,
    observe::Wanted,
    plan::Work,
    presence::{self, Gone, Heard},
    rearrange::Rearranged,
    reference::meant,
    statics::People,
    subject::{Subject, max_age},
    units::Units,
};
use crate::{
    config::{CohortRef, Configuration, Origin, Resource},
    kinds::{self, Desired, Form, Scope, Source},
    model::{
        Address, Cohort, Mapping,
        plan::{Action, Drift, FORMAT_VERSION, Plan, Problem, StateRef, Summary, TotalCost},
        profile::Question,
    },
    state::{
        self,
        manifest::{Entry, Manifest},
    },
};

/// A plan being made.
pub(super) struct Drafting<'a> {
    pub(super) session: &'a Session,
    pub(super) recorded: Option<&'a Recorded>,
    pub(super) heard: &'a Heard,
    pub(super) manifest: Option<&'a Manifest>,
    pub(super) rearranged: &'a Rearranged,
    pub(super) plan: Plan,
    pub(super) meaning: Meaning,
    /// Property columns by cohort and by how its people are named, of every sync that is not paused.
    pub(super) cells: BTreeMap<String, BTreeMap<Mapping, BTreeSet<String>>>,
    /// What is asked of profiles, by cohort, by every sync that is not paused.
    pub(super) questions: BTreeMap<String, Vec<Question>>,
    /// Attributes that tell of any sync, selected or not, what Braze holds of it.
    pub(super) told: BTreeSet<String>,
    /// The people of entries that follow no cohort of Amplitude.
    pub(super) people: People,
    /// Delivery figures that do not hold: drift where that is looked for, warnings of a plan.
    pub(super) unwell: Vec<(Drift, Problem)>,
    /// What a saved plan read of each log; an apply of it reads nothing else.
    pub(super) within: Bounds,
}

impl<'a> Drafting<'a> {
    pub(super) fn new(
        session: &'a Session,
        recorded: Option<&'a Recorded>,
        heard: &'a Heard,
        rearranged: &'a Rearranged,
    ) -> Self {
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
        errors.extend(unselected(session, manifest));
        errors.extend(immovable(rearranged));
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
            read_back: presence::read_back(session, manifest),
        };
        Self {
            session,
            recorded,
            heard,
            manifest,
            rearranged,
            plan,
            meaning: Meaning::new(session),
            cells: BTreeMap::new(),
            questions: BTreeMap::new(),
            told: BTreeSet::new(),
            people: People::default(),
            unwell: vec![],
            within: Bounds::new(),
        }
    }

    /// Finds what each selected resource asks for and which cohorts it means.
    pub(super) fn subjects(
        &mut self,
        list: &[Cohort],
        resting: &mut Vec<Work>,
    ) -> Vec<Subject<'a>> {
        let (mut subjects, mut units) = (vec![], Units::default());
        if self.session.how.destroy {
            return subjects;
        }
        for resource in self.session.configuration.resources.values() {
            // Logs own nothing in Braze.
            if kinds::find_log(resource).is_some() {
                continue;
            }
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
                    let desired = &subject.desired;
                    for cohort in subject.cohorts() {
                        let known = self.cells.entry(cohort.id.clone()).or_default();
                        known.entry(desired.identify_by.clone()).or_default();
                    }
                    let known = self.cells.entry(subject.cohort.id.clone()).or_default();
                    let cells = known.entry(desired.identify_by.clone()).or_default();
                    cells.extend(desired.reads.columns().iter().cloned());
                    let question = desired.reads.question().cloned();
                    let asked = self.questions.entry(subject.cohort.id.clone()).or_default();
                    asked.extend(question);
                    let told_by = desired.form.told_by().into_iter();
                    self.told.extend(told_by.map(str::to_owned));
                    for unit in desired.form.units(&subject.label) {
                        let new = subject.is_new(&unit);
                        units.want(unit, &resource.address, new);
                    }
                    if selected {
                        self.plan.warnings.extend(subject.stale_label());
                        subjects.push(subject);
                    } else {
                        // It keeps what it wrote until it is applied itself.
                        self.own(&mut units, &resource.address);
                    }
                }
            }
        }
        self.one_owner_each(units, &subjects);
        subjects
    }

    /// Notes which cohorts a subject needs, and what of them.
    pub(super) fn want(&self, subject: &Subject, wanted: &mut BTreeMap<String, Wanted>) {
        for cohort in subject.cohorts() {
            let max_age = max_age(subject.resource);
            let known = wanted.entry(cohort.id.clone()).or_insert_with(|| Wanted {
                max_age,
                mappings: BTreeMap::new(),
                columns: self.columns(&cohort.id),
            });
            known.max_age = max_age.min(known.max_age);
            let mapping = &subject.desired.identify_by;
            let cells = self.cells(&cohort.id, mapping);
            known.mappings.insert(mapping.clone(), cells);
        }
        // What a static cohort holds is read where all is: it is not asked of Braze.
        let full = self.session.how.refresh == Refresh::Full;
        let filled = subject.filled.as_ref();
        let id = filled.filter(|it| it.is_read(self.session.how.refresh));
        if let Some(id) = id.and_then(|it| it.id.as_ref()) {
            let max_age = if full { Duration::ZERO } else { Duration::MAX };
            let known = wanted.entry(id.clone()).or_insert_with(|| Wanted {
                max_age,
                mappings: BTreeMap::new(),
                columns: self.columns(id),
            });
            known.max_age = max_age.min(known.max_age);
            let mapping = Mapping::default();
            let cells = self.cells(id, &mapping);
            known.mappings.insert(mapping, cells);
        }
    }

    /// Returns the columns that any sync needs of a cohort's file.
    fn columns(&self, cohort: &str) -> BTreeSet<String> {
        let known = self.cells.get(cohort).into_iter().flatten();
        known
            .flat_map(|(mapping, cells)| &mapping.columns() | cells)
            .collect()
    }

    /// Returns the columns that are kept of people who are named so.
    fn cells(&self, cohort: &str, mapping: &Mapping) -> BTreeSet<String> {
        let known = self.cells.get(cohort);
        let cells = known.and_then(|known| known.get(mapping));
        cells.cloned().unwrap_or_default()
    }

    pub(super) fn fail(&mut self, address: &Address, message: String, hint: Option<String>) {
        self.plan.errors.push(Problem {
            address: Some(address.clone()),
            message,
            hint,
        });
    }

    /// Returns what a resource asks for, or why that cannot be told, and what to do; none where it moves nobody.
    pub(super) fn subject(
        &self,
        resource: &'a Resource,
        list: &[Cohort],
    ) -> Result<Option<Subject<'a>>, (String, Option<String>)> {
        let Some(kind) = kinds::find(resource) else {
            return Ok(None);
        };
        let entry = self
            .manifest
            .and_then(|manifest| manifest.resources.get(&resource.address));
        let left = self.left(&resource.address);
        if entry.is_some_and(|entry| entry.observed.is_some()) {
            return Err(was_watched());
        }
        if let Some(entry) = entry.filter(|entry| entry.kind != resource.kind) {
            return Err(other_kind(resource, entry));
        }
        let desired = kind
            .desired(resource, &scope(&self.session.configuration, entry))
            .map_err(|diagnostic| (diagnostic.message, diagnostic.hint))?;
        let before = left.or(entry);
        let meant = |reference: &CohortRef| meant(reference, before, list);
        let cohort = match &desired.source {
            Source::Cohort(reference) => meant(reference)?,
            Source::File(_) | Source::Segment(_) => self.people.of(&resource.address)?,
        };
        let uploaded = desired.upload.as_ref();
        let uploaded = uploaded.map(|upload| self.filled(resource, upload, entry, list));
        let (filled, name) = uploaded.transpose()?.unzip();
        let exclude = desired
            .exclude
            .iter()
            .map(meant)
            .collect::<Result<Vec<Cohort>, _>>();
        let pinned = before.and_then(|entry| entry.label.clone());
        let label = match &desired.form {
            Form::Attributes(_) => String::new(),
            Form::Membership(_) => {
                let label = name.or_else(|| desired.label.clone()).or(pinned);
                label.unwrap_or_else(|| cohort.name.clone())
            }
        };
        Ok(Some(Subject {
            resource,
            entry,
            left,
            moved: self.rearranged.moved.get(&resource.address),
            cohort,
            exclude: exclude?,
            label,
            filled,
            desired,
        }))
    }

    /// Returns the recorded rows of a resource.
    pub(super) fn rows(&self, address: &Address) -> Result<Rows, state::Error> {
        match self.recorded {
            Some(recorded) => {
                let rows = recorded.rows(&self.session.store, address)?;
                Ok(self.heard.over(address, rows))
            }
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    /// Returns where a file is that the state names.
    pub(super) fn file(&self, digest: &str) -> Result<PathBuf, state::Error> {
        let store = &self.session.store;
        match self.recorded {
            Some(recorded) => recorded.file(store, digest),
            None => store.blob(digest),
        }
    }

    /// Returns who is gone from Braze, as the other resources tell, if that is of any concern to one.
    pub(super) fn gone(&self, subject: &Subject) -> Result<Gone, state::Error> {
        let absence = subject.absence(self.session.clock.millis());
        let recorded = self.recorded.filter(|_| absence.heeds_others());
        let entries = recorded
            .into_iter()
            .flat_map(|it| &it.manifest.resources)
            .filter(|(address, entry)| {
                **address != subject.resource.address && entry.counts.deleted > 0
            });
        let ledgers = entries.map(|(address, _)| self.rows(address));
        Gone::of(ledgers.collect::<Result<_, _>>()?)
    }

    /// Returns the rows of a resource that are set aside.
    pub(super) fn aside(
        &self,
        address: &Address,
        entry: Option<&Entry>,
    ) -> Result<Aside, state::Error> {
        let Some(recorded) = self.recorded else {
            return Ok(Box::new(std::iter::empty()));
        };
        let store = &self.session.store;
        let aside: Aside = match entry.and_then(|entry| entry.set_aside.as_ref()) {
            Some(aside) => recorded.aside(store, aside)?,
            None => Box::new(std::iter::empty()),
        };
        Ok(self
            .heard
            .aside(address, recorded.rows(store, address)?, aside))
    }

    /// Notes what a resource's part of the plan means.
    pub(super) fn note(&mut self, address: &Address, meaning: Value) {
        self.meaning.note(address, meaning);
    }

    pub(super) fn finish(mut self) -> (Plan, Meaning) {
        let plan = &mut self.plan;
        plan.resources.sort_by(|a, b| a.address.cmp(&b.address));
        plan.errors.sort_by(|a, b| a.address.cmp(&b.address));
        plan.drift.sort_by(|a, b| a.address.cmp(&b.address));
        for resource in &plan.resources {
            plan.summary.count(resource.action);
            // Some of it a call changes, and some nobody but a person.
            let beside = resource.action == Action::Update && !resource.manual.is_empty();
            plan.summary.manual += u64::from(beside);
        }
        for resource in &plan.resources {
            self.meaning.mention(&resource.address);
        }
        plan.digest = self.meaning.digest();
        (self.plan, self.meaning)
    }
}

/// Why a sync cannot become another kind under the same name, and what to do.
pub(super) fn other_kind(resource: &Resource, entry: &Entry) -> (String, Option<String>) {
    let (was, is, address) = (&entry.kind, &resource.kind, &resource.address);
    let hint = format!(
        "give the {is} another name, and take the {was} out: removed: [{{address: {address}, on_destroy: {}}}]",
        entry.on_destroy
    );
    (
        format!("was applied as a {was}, and what that wrote is not what a {is} writes"),
        Some(hint),
    )
}

/// Why a sync that Amplitude ran cannot be moved under the same name, and what to do.
fn was_watched() -> (String, Option<String>) {
    (
        "was run by Amplitude when it was last applied, and may still be: its people stay in Braze's filter Amplitude Cohorts".to_owned(),
        Some("end that sync in Amplitude's web app, and give the one that Syncform moves another name".to_owned()),
    )
}

/// What is wrong with a selection: it names nothing, or leaves nothing.
pub(super) fn unselected(session: &Session, manifest: Option<&Manifest>) -> Vec<Problem> {
    let mut errors = vec![];
    let configuration = &session.configuration;
    let declared = configuration
        .resources
        .values()
        .map(|resource| (resource.address.clone(), resource.kind.clone()));
    let known = manifest.iter().flat_map(|manifest| &manifest.resources);
    let known = known.map(|(address, entry)| (address.clone(), entry.kind.clone()));
    let all: Vec<(Address, String)> = declared.chain(known).collect();
    let idle = session.selection.idle(&all);
    if session.selection.names()
        && idle.is_empty()
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
    for pattern in idle {
        errors.push(Problem {
            address: None,
            message: format!("`{pattern}` selects nothing"),
            hint: Some(
                "name an address (sync.power-users), a glob (sync.*) or a kind (kind:cohort)"
                    .to_owned(),
            ),
        });
    }
    errors
}

/// What cannot change its place.
fn immovable(rearranged: &Rearranged) -> Vec<Problem> {
    let mut errors = vec![];
    for (from, to) in &rearranged.clashes {
        errors.push(Problem {
            address: Some(to.clone()),
            message: format!("cannot take the place of {from}: the state knows both"),
            hint: Some(format!(
                "take the entry out of `moved`, or remove {from} with a `removed` entry"
            )),
        });
    }
    for address in &rearranged.protected {
        errors.push(Problem {
            address: Some(address.clone()),
            message: "is protected, and a changed `to` would empty what it writes now".to_owned(),
            hint: Some(
                "put `to` back with `protect: false`, apply that, and change `to` then".to_owned(),
            ),
        });
    }
    errors
}

/// Where an entry stands.
pub(super) fn scope<'a>(configuration: &'a Configuration, entry: Option<&'a Entry>) -> Scope<'a> {
    Scope {
        workspace: &configuration.workspace,
        environment: configuration.environment.as_deref(),
        applied: entry.map(|entry| &entry.config),
        resources: &configuration.resources,
    }
}

/// Returns what a resource asked for, from what the state remembers of it; the rest is gone.
pub(super) fn remembered(
    configuration: &Configuration,
    address: &Address,
    entry: &Entry,
) -> Option<Desired> {
    let resource = Resource {
        address: address.clone(),
        kind: entry.kind.clone(),
        settings: serde_json::from_value(entry.config.clone()).unwrap_or_default(),
        body: entry.config.clone(),
        origin: Origin::default(),
    };
    let desired = kinds::find(&resource)?.desired(&resource, &scope(configuration, Some(entry)));
    desired.ok()
}
