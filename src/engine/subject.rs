//! A declared resource on its way through a plan: what it asks for, whose people, and what was applied before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;

use super::{
    Session,
    asking::Asked,
    compute::{Members, excluded_ids, members},
    meaning::written,
    observe::Readings,
    rearrange::peaks,
    reference::pin,
    statics::Filled,
    valued::{Seen, valued},
};
use crate::{
    config::{AllowRemoval, Cadence, CadenceWord, CohortRef, OnDestroy, Resource, Settings},
    diff::{
        fields,
        join::{Join, Joined},
        presence::Absence,
        values::Rule,
    },
    kinds::{Desired, Form, Source as From, Unit},
    model::{
        Address, Cohort, Member, Millis, digest,
        plan::{Action, Cost, Delta, FieldChange, Problem, ResourcePlan, Source},
    },
    state::{
        self,
        ledger::LedgerCounts,
        manifest::{CohortPin, Entry, Fulfilled, Peak, SourceStamp},
        relation::About,
    },
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

    /// Returns whose people it follows, to be remembered.
    fn pin(&self) -> CohortPin {
        match &self.desired.source {
            From::Cohort(reference) => pin(&self.cohort, reference, self.entry),
            source => CohortPin {
                id: self.cohort.id.clone(),
                name: self.cohort.name.clone(),
                written: source.written(),
                definition: None,
            },
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

    /// What is remembered of it where its cohorts are defined otherwise than is remembered, and nothing else changed.
    pub(super) fn redefined(&self) -> Option<Entry> {
        let entry = self.entry?;
        let known = |pin: &CohortPin| {
            let definition = self.cohorts().find(|cohort| cohort.id == pin.id);
            let definition = definition.map(|cohort| cohort.definition.clone());
            CohortPin {
                definition: definition.or_else(|| pin.definition.clone()),
                ..pin.clone()
            }
        };
        let next = Entry {
            cohort: entry.cohort.as_ref().map(known),
            excluded: entry.excluded.iter().map(known).collect(),
            ..entry.clone()
        };
        (next != *entry).then_some(next)
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

    /// Whether all that its rows are made of was read.
    pub(super) fn is_read(&self, readings: &Readings) -> bool {
        let mapping = &self.desired.identify_by;
        let mut cohorts = self.cohorts();
        let own = readings.of(&self.cohort.id, mapping);
        cohorts.all(|cohort| readings.of(&cohort.id, mapping).is_some())
            && own.is_some_and(|own| self.lacks(&own.about).is_none())
    }

    /// Which property the file of the cohort lacks, and what to do.
    pub(super) fn lacks(&self, about: &About) -> Option<(String, String)> {
        let mut columns = self.desired.reads.columns().iter();
        let missing = columns.find(|column| about.missing.contains(column))?;
        Some((
            format!(
                "the file of cohort \"{}\" has no column of the property `{missing}`",
                self.cohort.name
            ),
            "name a user property that Amplitude knows, as it is spelt there".to_owned(),
        ))
    }

    /// When what was read of its cohort was computed.
    pub(super) fn computed(&self, readings: &Readings) -> Option<i64> {
        let reading = readings.of(&self.cohort.id, &self.desired.identify_by);
        reading.and_then(|reading| reading.computed)
    }

    /// Opens the people of the cohort who are in no excluded one, each with the value that Braze should hold. `asked`
    /// is what was learnt of their profiles, where that is where their values are.
    pub(super) fn members(
        &self,
        readings: &Readings,
        asked: Asked,
        seen: &Seen,
    ) -> Result<Members, state::Error> {
        self.valued(self.people(readings)?, readings, asked, seen)
    }

    /// Gives each of these people the value that Braze should hold.
    pub(super) fn valued(
        &self,
        people: Members,
        readings: &Readings,
        asked: Asked,
        seen: &Seen,
    ) -> Result<Members, state::Error> {
        let (rows, places): (Members, _) = match asked {
            None => (people, self.columns(readings)?),
            Some((profiles, places)) => {
                // Whoever was not read yet has no cells.
                let joined = Join::new(people, profiles.rows()).filter_map(|row| match row {
                    Ok(Joined::Left(member)) => {
                        let value = "".into();
                        Some(Ok(Member { value, ..member }))
                    }
                    Ok(Joined::Both(member, Member { value, .. })) => {
                        Some(Ok(Member { value, ..member }))
                    }
                    Ok(Joined::Right(_)) => None,
                    Err(error) => Some(Err(error)),
                });
                (Box::new(joined), places)
            }
        };
        Ok(valued(rows, &self.desired.form, &self.label, places, seen))
    }

    /// Which cells of a row are the columns that it wants. Where another run swept them, the plan is made anew.
    fn columns(&self, readings: &Readings) -> Result<Vec<usize>, state::Error> {
        let about = readings
            .open(&self.cohort.id, &self.desired.identify_by)?
            .about;
        let place = |wanted: &String| about.columns.iter().position(|column| column == wanted);
        let wanted = self.desired.reads.columns().iter();
        let places: Option<Vec<usize>> = wanted.map(place).collect();
        places.ok_or_else(|| state::Error::Corrupt {
            path: "cache".into(),
            what: "the cached rows lack a column; plan again".to_owned(),
        })
    }

    /// Opens the people of the cohort who are in no excluded one, as they were read.
    pub(super) fn people(&self, readings: &Readings) -> Result<Members, state::Error> {
        let mapping = &self.desired.identify_by;
        let rows = readings.of(&self.cohort.id, mapping);
        self.remaining(rows.map_or(0, |reading| reading.about.rows), |cohort| {
            readings.open(&cohort.id, mapping)
        })
    }

    /// Returns the people of the cohort who are in no excluded one, from what `open` gives of each; `rows` is how many
    /// the cohort has.
    pub(super) fn remaining<I>(
        &self,
        rows: u64,
        open: impl Fn(&Cohort) -> Result<I, state::Error>,
    ) -> Result<Members, state::Error>
    where
        I: Iterator<Item = Result<Member, state::Error>> + 'static,
    {
        let members = &self.desired.members;
        let cohorts = || -> Vec<&Cohort> { self.cohorts().collect() };
        let opened = |cohorts: Vec<&Cohort>| {
            let each = cohorts.into_iter().map(&open);
            each.collect::<Result<Vec<_>, _>>()
        };
        let kept_out = self.cohorts().enumerate();
        let kept_out = kept_out.filter(|(at, _)| members.keeps_out(*at));
        let kept_out: Vec<&Cohort> = kept_out.map(|(_, cohort)| cohort).collect();
        let several = self.desired.identify_by.iter().count() > 1;
        let ids = if several && !kept_out.is_empty() {
            let people = self::members(opened(cohorts())?, members, vec![]);
            excluded_ids(people, rows, opened(kept_out)?)?
        } else {
            vec![]
        };
        Ok(self::members(opened(cohorts())?, members, ids))
    }

    /// Its cohorts: the source, then the others.
    pub(super) fn cohorts(&self) -> impl Iterator<Item = &Cohort> {
        std::iter::once(&self.cohort).chain(&self.exclude)
    }

    /// What was read of those of its cohorts whose people may be in it.
    pub(super) fn read_of<'r>(&self, readings: &'r Readings) -> impl Iterator<Item = &'r About> {
        let mapping = &self.desired.identify_by;
        let cohorts = self.cohorts().enumerate();
        let open = cohorts.filter(|(at, _)| !self.desired.members.keeps_out(*at));
        open.filter_map(|(_, cohort)| Some(&readings.of(&cohort.id, mapping)?.about))
    }

    /// How many people each excluded cohort holds; of a segment each of its cohorts.
    pub(super) fn excluded(&self, readings: &Readings) -> BTreeMap<String, u64> {
        let held = |cohort: &Cohort| {
            Some((
                cohort.id.clone(),
                readings
                    .of(&cohort.id, &self.desired.identify_by)?
                    .about
                    .rows,
            ))
        };
        let source = usize::from(self.desired.called.is_none());
        self.cohorts().skip(source).filter_map(held).collect()
    }

    /// What the resource becomes once everything is acknowledged. `source` is how many people its source holds, `oldest`
    /// when the first of their profiles was asked for.
    pub(super) fn next(
        &self,
        session: &Session,
        readings: &Readings,
        delta: &Delta,
        (source, oldest): (u64, Option<Millis>),
    ) -> Entry {
        let now = session.clock.millis();
        let known = self.entry;
        let stamps = std::iter::once(&self.cohort)
            .chain(&self.exclude)
            .filter_map(|cohort| {
                let reading = readings.of(&cohort.id, &self.desired.identify_by)?;
                let (computed, rows) = (reading.computed, reading.about.rows);
                // What was learnt of profiles may be older than the list of the people.
                let read_at = oldest.map_or(reading.about.read_at, |oldest| {
                    oldest.min(reading.about.read_at)
                });
                Some(SourceStamp {
                    cohort: cohort.id.clone(),
                    computed,
                    read_at,
                    rows,
                })
            });
        let settings = &self.resource.settings;
        let mut peaks = recent(&peaks(known, self.left), now);
        peaks.push(Peak {
            at: now,
            rows: delta.after,
            source,
            excluded: self.excluded(readings),
        });
        let allowance = settings.allow_removal.as_ref().map(allowance_key);
        let mut removals_used = known
            .or(self.left)
            .map(|entry| entry.removals_used.clone())
            .unwrap_or_default();
        removals_used.retain(|key, _| Some(key) == allowance.as_ref());
        Entry {
            kind: self.resource.kind.clone(),
            config: self.desired.config.clone(),
            written: Some(written(self.resource)),
            cohort: Some(self.pin()),
            excluded: self
                .exclude
                .iter()
                .zip(&self.desired.exclude)
                .map(|(cohort, named)| pin(cohort, named, known))
                .collect(),
            label: Some(self.label.clone()),
            former_labels: known
                .filter(|_| self.filled.is_none())
                .iter()
                .flat_map(|entry| entry.former_labels.iter().chain(&entry.label))
                .filter(|label| **label != self.label)
                .cloned()
                .collect(),
            attributes: BTreeSet::new(),
            on_destroy: self.on_destroy().to_owned(),
            protect: is_protected(self.resource),
            ledger: known.and_then(|entry| entry.ledger.clone()),
            full_push: None,
            counts: known.map_or_else(LedgerCounts::default, |entry| entry.counts),
            fulfilled: Some(Fulfilled {
                desired: self.digest(),
                sources: stamps.collect(),
            }),
            peaks,
            removals_used,
            set_aside: None,
            named: known.and_then(|entry| entry.named.clone()),
            settle_ms: u64::try_from(self.settle().as_millis()).ok(),
            left_by: None,
            log: None,
            observed: None,
            destination: None,
            uploaded: self.uploaded(),
            creates_since: self.creates_since(now),
            applied_at: session.clock.now(),
            run: String::new(),
        }
    }
}

/// Whether an entry says that removal takes two commits.
pub(super) fn is_protected(resource: &Resource) -> bool {
    resource.body["protect"] == json!(true)
}

/// What changes of what is remembered beside a configuration: its protection, and its address.
pub(super) fn beside(
    resource: &Resource,
    entry: Option<&Entry>,
    from: Option<&Address>,
) -> Vec<FieldChange> {
    let protect = is_protected(resource);
    let known = entry.filter(|entry| entry.protect != protect);
    let protection = known.map(|entry| FieldChange {
        path: "protect".to_owned(),
        before: json!(entry.protect),
        after: json!(protect),
    });
    let address = from.map(|from| moved(from, &resource.address));
    protection.into_iter().chain(address).collect()
}

/// A new address as a change.
pub(super) fn moved(from: &Address, to: &Address) -> FieldChange {
    FieldChange {
        path: "address".to_owned(),
        before: json!(from),
        after: json!(to),
    }
}

/// Peaks that still held within the last 24 hours: those since then, and the last before.
pub(super) fn recent(peaks: &[Peak], now: Millis) -> Vec<Peak> {
    let since = now - i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let before = peaks.iter().rev().find(|peak| peak.at < since);
    before
        .into_iter()
        .chain(peaks.iter().filter(|peak| peak.at >= since))
        .cloned()
        .collect()
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

/// What names an override: one whose `max` is raised is the same, and what it used up stays so.
pub(super) fn allowance_key(allowed: &AllowRemoval) -> String {
    format!("until {}: {}", allowed.until, allowed.reason)
}
