//! Makes a plan: reads what moved, compares it with what is recorded, counts, prices and guards it.
//!
//! # Guarantees
//! Nothing is changed in either service or in the state: no client here can write. Only the cache grows.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    Error, Session,
    compute::{Computed, compute, members},
    fold::{Fold, recorded},
    observe::{self, Readings},
    target,
};
use crate::{
    braze::track_object,
    config::{Cadence, CadenceWord, CohortRef, Resource},
    diff::{
        batch, guard,
        merge::{Merge, Part},
        pin::{Named, Pin, Unresolved, resolve},
    },
    kinds::{self, Desired, Kind, Lane},
    model::{
        Address, Change, Cohort, Guards, Text, digest,
        plan::{
            Action, Cost, Delta, Drift, FORMAT_VERSION, FieldChange, GuardResult, Plan, Problem,
            ResourcePlan, Source, StateRef, Summary, TotalCost,
        },
    },
    state::{
        self,
        delta::DeltaReader,
        ledger::LedgerCounts,
        manifest::{CohortPin, Entry, Fulfilled, Manifest, Peak, SourceStamp, Target},
        relation::RelationReader,
        store::Draft,
    },
};

/// A plan and what is needed to carry it out.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Resources that change, or whose source moved without changing a row.
    pub(super) works: Vec<Work>,
    /// The state it was made against.
    pub(super) manifest: Option<Manifest>,
    /// Who the services are now.
    pub(super) target: Target,
}

impl Planned {
    /// Iterates over the rows that are to be sent: people's ids are in them.
    pub fn changes(
        &self,
    ) -> Result<impl Iterator<Item = Result<(&Address, Change), state::Error>>, state::Error> {
        let drafts = self
            .works
            .iter()
            .filter_map(|work| Some((&work.address, work.draft.as_ref()?)));
        let readers =
            drafts.map(|(address, draft)| Ok((address, DeltaReader::open(draft.path())?)));
        let readers = readers.collect::<Result<Vec<_>, state::Error>>()?;
        Ok(readers
            .into_iter()
            .flat_map(|(address, rows)| rows.map(move |row| row.map(|change| (address, change)))))
    }
}

/// What is to be done with one resource.
pub(super) struct Work {
    pub(super) address: Address,
    pub(super) kind: &'static dyn Kind,
    pub(super) desired: Desired,
    pub(super) draft: Option<Draft>,
    /// What the resource becomes if all of it is acknowledged.
    pub(super) next: Entry,
    pub(super) settle: Duration,
}

/// A resource on its way through a plan.
struct Subject<'a> {
    resource: &'a Resource,
    kind: &'static dyn Kind,
    desired: Desired,
    entry: Option<&'a Entry>,
    cohort: Cohort,
    exclude: Vec<Cohort>,
    label: String,
}

/// Why a subject has nothing to do without being compared.
enum Idle {
    Paused,
    Once,
    Fulfilled,
}

/// The settle that a sync has unless it says otherwise: Braze keeps no order between requests seconds apart.
const SETTLE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);

/// Makes a plan.
pub async fn plan(session: &Session) -> Result<Planned, Error> {
    let manifest = session.store.manifest()?;
    let fold = manifest
        .as_ref()
        .and_then(|manifest| manifest.pending.as_ref());
    let fold = fold
        .map(|pending| Fold::open(&session.store, pending))
        .transpose()?;
    let mut draft = Drafting::new(session, manifest.as_ref());
    let list = session.amplitude.cohorts().await?;
    let target = target::check(session, manifest.as_ref(), &list).await?;
    let subjects = draft.subjects(&list);
    let (waiting, idle): (Vec<_>, Vec<_>) = subjects
        .into_iter()
        .partition(|subject| draft.idle(subject, fold.is_some()).is_none());
    for subject in &idle {
        draft.rest(subject);
    }
    let mut wanted: BTreeMap<String, Duration> = BTreeMap::new();
    for subject in &waiting {
        for cohort in std::iter::once(&subject.cohort).chain(&subject.exclude) {
            let max_age = max_age(subject.resource);
            wanted
                .entry(cohort.id.clone())
                .and_modify(|known| *known = max_age.min(*known))
                .or_insert(max_age);
        }
    }
    let readings = observe::read(session, list, &wanted).await?;
    let works = tokio::task::block_in_place(|| {
        let mut works = vec![];
        for subject in waiting {
            works.extend(draft.compare(subject, &readings, fold.as_ref())?);
        }
        draft.price(&mut works)?;
        Ok::<_, Error>(works)
    })?;
    draft.vanished();
    if readings.downloads > 0 {
        draft.plan.cost.downloads = readings.downloads;
        let usage = session.amplitude.usage().await.ok().flatten();
        let limit = session.configuration.amplitude.monthly_downloads;
        draft.plan.cost.downloads_limit = Some(usage.map_or(limit, |(limit, _)| limit));
        draft.plan.cost.downloads_used = usage.map(|(_, used)| used);
    }
    let plan = draft.finish(&works);
    Ok(Planned {
        plan,
        works,
        manifest,
        target,
    })
}

/// A plan being made.
struct Drafting<'a> {
    session: &'a Session,
    manifest: Option<&'a Manifest>,
    plan: Plan,
    digests: BTreeMap<Address, Value>,
}

impl<'a> Drafting<'a> {
    fn new(session: &'a Session, manifest: Option<&'a Manifest>) -> Self {
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
    fn subjects(&mut self, list: &[Cohort]) -> Vec<Subject<'a>> {
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
        let Some(kind) = kinds::find(&resource.kind) else {
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
    fn idle(&self, subject: &Subject, pending: bool) -> Option<Idle> {
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

    fn rest(&mut self, subject: &Subject) {
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

    /// Compares one subject's rows; returns what is to be done, or to be remembered.
    fn compare(
        &mut self,
        subject: Subject<'a>,
        readings: &Readings,
        fold: Option<&Fold>,
    ) -> Result<Option<Work>, Error> {
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
        Ok(Some(Work {
            address,
            kind: subject.kind,
            desired: subject.desired,
            draft,
            next,
            settle,
        }))
    }

    /// Runs the merge to count objects, requests and data points as the apply will send them; then checks the guards.
    fn price(&mut self, works: &mut [Work]) -> Result<(), Error> {
        let mut own: BTreeMap<Address, u64> = BTreeMap::new();
        let braze = &self.session.configuration.braze;
        let sending: Vec<&Work> = works.iter().filter(|work| work.draft.is_some()).collect();
        let mut batches = batch::Counter::new(braze.objects_per_request);
        let may_create: Vec<bool> = sending
            .iter()
            .map(|work| work.desired.create_users)
            .collect();
        let cost = &mut self.plan.cost;
        for object in merged(&sending)? {
            let object = object?;
            let mut edits = vec![];
            for part in &object.parts {
                let work = sending[part.resource];
                let wanted = work.kind.edits(&work.desired, &part.change);
                *own.entry(work.address.clone()).or_default() += wanted.len() as u64;
                edits.extend(wanted);
            }
            let tracked = track_object(&object.key, edits, creates(&may_create, &object.parts));
            cost.people += 1;
            cost.data_points += tracked.data_points;
            batches.take(tracked.json.len());
        }
        cost.requests = batches.finish();
        // `/users/track`: 3,000 requests in 3 seconds where the contract counts data points.
        cost.seconds = (cost.requests as f64 / (1000.0 * braze.use_at_most / 100.0)).ceil() as u64;
        for resource in &mut self.plan.resources {
            let Some(cost) = &mut resource.cost else {
                continue;
            };
            cost.data_points = own.get(&resource.address).copied().unwrap_or(0);
            self.plan.cost.full_push_data_points += cost.full_push_data_points;
        }
        self.guard(works);
        Ok(())
    }

    fn guard(&mut self, works: &mut [Work]) {
        let configuration = &self.session.configuration;
        let today = self
            .session
            .clock
            .now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let now = self.session.clock.millis();
        for work in works {
            let Some(planned) = self
                .plan
                .resources
                .iter_mut()
                .find(|planned| planned.address == work.address)
            else {
                continue;
            };
            let Some(resource) = configuration.resources.get(&work.address) else {
                continue;
            };
            let Some(delta) = &planned.delta else {
                continue;
            };
            let entry = self
                .manifest
                .and_then(|manifest| manifest.resources.get(&work.address));
            let settings = &resource.settings;
            let allowed = settings
                .allow_removal
                .as_ref()
                .filter(|allowed| today <= allowed.until);
            let used = |key: &str| {
                entry
                    .and_then(|entry| entry.removals_used.get(key))
                    .copied()
                    .unwrap_or(0)
            };
            let allowance = allowed.map(|allowed| guard::Allowance {
                max: allowed.max,
                used: used(&allowance_key(allowed)),
                reason: &allowed.reason,
            });
            let peaks = entry
                .map(|entry| recent(&entry.peaks, now))
                .unwrap_or_default();
            let own = settings.guards.clone().unwrap_or_default();
            // The workspace's limit of data points is about the whole apply, a sync's own about that sync.
            let guards = Guards {
                max_data_points: own.max_data_points,
                ..own.over(&configuration.guards)
            };
            let effects = guard::Effects {
                address: &work.address,
                delta,
                peak_rows: peaks.iter().map(|peak| peak.rows).max().unwrap_or(0),
                peak_source: peaks.iter().map(|peak| peak.source).max().unwrap_or(0),
                data_points: planned.cost.map_or(0, |cost| cost.data_points),
                allowance,
                allow_empty: settings.allow_empty.unwrap_or(false),
                today,
            };
            planned.guards = guard::check(&guards, &effects);
            let lifted = |guard: &GuardResult| guard.ok && guard.message.is_some();
            if let Some(allowed) = allowed.filter(|_| planned.guards.iter().any(lifted)) {
                work.next.removals_used = BTreeMap::from([(
                    allowance_key(allowed),
                    used(&allowance_key(allowed)) + delta.remove,
                )]);
            }
        }
        self.plan.guards.extend(guard::data_points(
            configuration.guards.max_data_points,
            self.plan.cost.data_points,
        ));
    }

    /// A block that just vanishes is refused: deletion is declared.
    fn vanished(&mut self) {
        let Some(manifest) = self.manifest else {
            return;
        };
        for (address, entry) in &manifest.resources {
            let declared = self.session.configuration.resources.contains_key(address);
            if declared || !self.session.selection.takes(address, &entry.kind) {
                continue;
            }
            let rows = entry.counts.rows();
            self.plan.resources.push(ResourcePlan {
                address: address.clone(),
                kind: entry.kind.clone(),
                action: Action::Delete,
                title: format!("{} no longer declared", entry.kind),
                fields: vec![],
                delta: None,
                cost: None,
                guards: vec![GuardResult {
                    name: "undeclared_removal".to_owned(),
                    limit: "declared".to_owned(),
                    value: rows.to_string(),
                    ok: false,
                    message: Some(format!(
                        "its block is gone and {rows} rows are recorded; removal by a `removed` entry is not in this release yet, \
                         so put the block back, with `paused: true` if it is to rest"
                    )),
                    paste: Some(format!("removed: [{{address: {address}, on_destroy: {}}}]", entry.on_destroy)),
                }],
                manual: vec![],
                source: None,
                note: None,
            });
        }
    }

    fn finish(mut self, works: &[Work]) -> Plan {
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

impl Subject<'_> {
    /// Digest of what is asked for: configuration and label.
    fn digest(&self) -> String {
        let meaning = json!([digest::canonical(&self.desired.config), self.label]);
        digest::sha256(meaning.to_string().as_bytes())
    }

    fn title(&self) -> String {
        format!(
            "{} \"{}\" -> {}",
            self.resource.kind, self.cohort.name, self.desired.target
        )
    }

    fn planned(
        &self,
        action: Action,
        fields: Vec<FieldChange>,
        delta: Option<Delta>,
        cost: Option<Cost>,
        guards: Vec<GuardResult>,
        note: Option<String>,
    ) -> ResourcePlan {
        let computed_at = self
            .cohort
            .computed
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        ResourcePlan {
            address: self.resource.address.clone(),
            kind: self.resource.kind.clone(),
            action,
            title: self.title(),
            fields,
            delta,
            cost,
            guards,
            manual: vec![],
            source: Some(Source {
                cohort: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                computed_at,
                size: self.cohort.size,
            }),
            note,
        }
    }

    /// What changes in the configuration against what was applied.
    fn fields(&self) -> Vec<FieldChange> {
        let Some(entry) = self.entry else {
            return vec![];
        };
        let mut fields = crate::diff::fields::changes(&entry.config, &self.desired.config);
        if let Some(pin) = entry.cohort.as_ref().filter(|pin| pin.id != self.cohort.id) {
            let path = "cohort.id".to_owned();
            fields.push(FieldChange {
                path,
                before: json!(pin.id),
                after: json!(self.cohort.id),
            });
        }
        fields
    }

    /// What the resource becomes once everything is acknowledged.
    fn next(&self, session: &Session, readings: &Readings, delta: &Delta) -> Entry {
        let now = session.clock.millis();
        let known = self.entry;
        let stamps = std::iter::once(&self.cohort)
            .chain(&self.exclude)
            .filter_map(|cohort| {
                let reading = readings.by_cohort.get(&cohort.id)?;
                let (computed, read_at, rows) =
                    (reading.computed, reading.about.read_at, reading.about.rows);
                Some(SourceStamp {
                    cohort: cohort.id.clone(),
                    computed,
                    read_at,
                    rows,
                })
            });
        let settings = &self.resource.settings;
        let on_destroy = settings
            .on_destroy
            .map_or_else(|| json!("empty"), |on_destroy| json!(on_destroy));
        let mut peaks = known
            .map(|entry| recent(&entry.peaks, now))
            .unwrap_or_default();
        peaks.push(Peak {
            at: now,
            rows: delta.after,
            source: delta.after,
        });
        let allowance = settings.allow_removal.as_ref().map(allowance_key);
        let mut removals_used = known
            .map(|entry| entry.removals_used.clone())
            .unwrap_or_default();
        removals_used.retain(|key, _| Some(key) == allowance.as_ref());
        Entry {
            kind: self.resource.kind.clone(),
            config: self.desired.config.clone(),
            cohort: Some(CohortPin {
                id: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                written: json!(self.desired.source),
            }),
            label: Some(self.label.clone()),
            on_destroy: on_destroy.as_str().unwrap_or("empty").to_owned(),
            protect: settings.protect.unwrap_or(false),
            ledger: known.and_then(|entry| entry.ledger.clone()),
            counts: known.map_or_else(LedgerCounts::default, |entry| entry.counts),
            fulfilled: Some(Fulfilled {
                desired: self.digest(),
                sources: stamps.collect(),
            }),
            peaks,
            removals_used,
            set_aside: known.and_then(|entry| entry.set_aside.clone()),
            applied_at: session.clock.now(),
            run: String::new(),
        }
    }
}

/// Opens the merge of what is to be sent; the index of a part is the work's place in `sending`.
pub(super) fn merged(sending: &[&Work]) -> Result<Merge<DeltaReader>, Error> {
    let drafts = sending.iter().filter_map(|work| work.draft.as_ref());
    let readers = drafts
        .map(|draft| DeltaReader::open(draft.path()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Merge::new(readers))
}

/// Returns whether any addition among an object's parts may create the person.
pub(super) fn creates(may_create: &[bool], parts: &[Part]) -> bool {
    parts
        .iter()
        .any(|part| may_create[part.resource] && part.change.after.is_some())
}

/// The lanes of works, in the order of their names.
pub(super) fn lanes(works: &[Work]) -> std::collections::BTreeSet<Lane> {
    works
        .iter()
        .filter(|work| work.draft.is_some())
        .map(|work| work.desired.lane())
        .collect()
}

/// Peaks that still held within the last 24 hours: those since then, and the last before.
fn recent(peaks: &[Peak], now: crate::model::Millis) -> Vec<Peak> {
    let since = now - i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let before = peaks.iter().rev().find(|peak| peak.at < since);
    before
        .into_iter()
        .chain(peaks.iter().filter(|peak| peak.at >= since))
        .copied()
        .collect()
}

/// How old a cohort's file may be: as configured, else the cadence, at least an hour.
fn max_age(resource: &Resource) -> Duration {
    let settings = &resource.settings;
    settings.max_age.map_or_else(
        || match settings.cadence {
            None | Some(Cadence::Word(CadenceWord::Daily | CadenceWord::Once)) => DAY,
            Some(Cadence::Word(_) | Cadence::Cron { .. }) => HOUR,
        },
        |span| span.0,
    )
}

fn allowance_key(allowed: &crate::config::AllowRemoval) -> String {
    format!(
        "{} rows until {}: {}",
        allowed.max, allowed.until, allowed.reason
    )
}

fn named(reference: &CohortRef) -> Named<'_> {
    match reference {
        CohortRef::Name(name) => Named::Name(name),
        CohortRef::Id { id } => Named::Id(id),
    }
}

fn unresolved(reference: &CohortRef, why: Unresolved) -> (String, Option<String>) {
    let which = match reference {
        CohortRef::Name(name) => format!("cohort \"{name}\""),
        CohortRef::Id { id } => format!("cohort with id {id}"),
    };
    match why {
        Unresolved::Missing(near) => {
            let hint = match near.as_slice() {
                [] => "it may be renamed, deleted, or not published (discoverable) in Amplitude".to_owned(),
                near => format!("did you mean {}?", near.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")),
            };
            (format!("Amplitude lists no {which}"), Some(hint))
        }
        Unresolved::Archived(id) => (
            format!("{which} is archived in Amplitude (id {id})"),
            Some("un-archive it, or pause the sync; an archived cohort is never taken for an empty one".to_owned()),
        ),
        Unresolved::Ambiguous(ids) => (
            format!("{} cohorts are named like {which}: {}", ids.len(), ids.join(", ")),
            Some(format!("say which by its id: cohort: {{id: {}}}", ids.first().map_or("", String::as_str))),
        ),
    }
}
