//! Counts and prices a plan by running the merge that the apply will run, then holds it against the guards.

use std::collections::BTreeMap;

use super::{
    Error,
    draft::Drafting,
    log::{self, LogWork},
    observe::Readings,
    plan::{Work, passes, standing},
    rearrange::peaks,
    seed::Seeds,
    send::{Road, Worder},
    subject::{allowance_key, recent},
};
use crate::{
    diff::{
        batch,
        estimate::{factor, scaled},
        guard,
        merge::Part,
    },
    kinds::Desired,
    model::{
        Address, Guards, Lane, Standing, Verb,
        plan::{Delta, GuardResult},
    },
    state::manifest::{CohortPin, Entry, Peak},
};

impl Drafting<'_> {
    /// Runs the merges to count objects, requests and data points as the apply will send them. Returns the objects of
    /// each pass.
    pub(super) fn price(
        &mut self,
        works: &[Work],
        logs: &[LogWork],
        seeds: &Seeds,
    ) -> Result<Vec<u64>, Error> {
        let events = log::seconds(logs);
        let braze = &self.session.configuration.braze;
        let share = braze.use_at_most / 100.0;
        let mut own = BTreeMap::<&Address, u64>::new();
        let mut seconds = BTreeMap::<Lane, f64>::new();
        let mut newcomers = BTreeMap::<&Address, Newcomers>::new();
        let mut objects = vec![];
        let cost = &mut self.plan.cost;
        for pass in passes(works) {
            let worder = Worder::of(&pass);
            let road = Road::of(&pass.lane, braze.objects_per_request);
            let mut batches = batch::Counter::new(road.most);
            let mut known = seeds.known()?;
            let before = cost.people;
            for object in pass.merged()? {
                let object = object?;
                let asked = match pass.lane {
                    // What Braze knows of people says nothing of Amplitude.
                    Lane::Static { .. } => Standing::Unasked,
                    _ => known.of(&object.key)?,
                };
                let standing = match asked {
                    Standing::Unasked => standing(&object.parts),
                    asked => asked,
                };
                let adds = |part: &Part| part.change.verb == Verb::Add;
                let work = |part: &Part| pass.parts[part.resource].0;
                // Whoever was deleted is not created by anybody's addition.
                let may_create = |part: &Part| {
                    let deleted = part.change.standing == Standing::Gone;
                    adds(part) && !deleted && work(part).desired.create_users
                };
                let creates = object.parts.iter().any(may_create);
                let (wire, points) = worder.priced(&object.key, &object.parts);
                for (part, points) in object.parts.iter().zip(points) {
                    let address = &work(part).address;
                    *own.entry(address).or_default() += points;
                    let counted: fn(&mut Newcomers) -> &mut u64 = match standing {
                        Standing::Nobody if may_create(part) => |they| &mut they.unknown,
                        Standing::Nobody | Standing::Gone if adds(part) && !creates => {
                            |they| &mut they.dropped
                        }
                        Standing::Unasked if may_create(part) => |they| &mut they.unasked,
                        _ => continue,
                    };
                    *counted(newcomers.entry(address).or_default()) += 1;
                }
                cost.new_users += u64::from(creates && standing == Standing::Nobody);
                cost.people += 1;
                cost.data_points += wire.data_points;
                batches.take(wire.json.len());
            }
            objects.push(cost.people - before);
            let requests = batches.finish();
            cost.requests += requests;
            let settle = pass.parts.iter().map(|(work, _)| work.settle).max();
            let gap = settle.filter(|_| pass.later).unwrap_or_default();
            let alone = requests as f64 / road.per_second(share) + gap.as_secs_f64();
            *seconds.entry(pass.lane).or_default() += alone;
        }
        cost.requests += works.iter().filter(|work| work.name.is_some()).count() as u64;
        // Events share the door of everything else.
        let (tracked, ingested) = events;
        *seconds.entry(Lane::UsersTrack).or_default() += tracked;
        // Lanes are sent side by side: the longest counts.
        let longest = seconds.into_values().fold(ingested, f64::max);
        cost.seconds = longest.ceil() as u64;
        for resource in &mut self.plan.resources {
            let Some(cost) = &mut resource.cost else {
                continue;
            };
            // A log has counted its own.
            if resource.log.is_none() {
                cost.data_points = own.get(&resource.address).copied().unwrap_or(0);
            }
            let newcomers = newcomers.get(&resource.address);
            cost.new_users = newcomers.map_or(0, |they| they.unknown);
            if let Some(delta) = &mut resource.delta {
                delta.may_create = newcomers.map_or(0, |they| they.unasked);
                delta.dropped = newcomers.map_or(0, |they| they.dropped);
            }
            let factor = resource.delta.as_ref().and_then(factor);
            if let Some((delta, factor)) = resource.delta.as_mut().zip(factor) {
                // What the people who were not read bring, as far as that can be told.
                let known = cost.data_points;
                cost.data_points = scaled(known, factor);
                delta.may_create = scaled(delta.may_create, factor);
                delta.dropped = scaled(delta.dropped, factor);
                let sent = delta.add + delta.change;
                let rows = sent - scaled(sent, 1.0 / factor);
                let all = &mut self.plan.cost;
                all.data_points += cost.data_points - known;
                all.people += rows;
                all.requests += rows.div_ceil(braze.objects_per_request as u64);
            }
            self.plan.cost.full_push_data_points += cost.full_push_data_points;
        }
        objects.extend(log::passes(logs).map(|(log, _)| log.count));
        Ok(objects)
    }

    /// Holds each work, and the whole, against its guards; an override that lifts one is charged in the work.
    pub(super) fn guard(&mut self, works: &mut [Work], readings: &Readings, seeds: &Seeds) {
        let configuration = &self.session.configuration;
        let today = self
            .session
            .clock
            .now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let now = self.session.clock.millis();
        for work in works {
            let left = self.left(&work.address);
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
            let before = left.filter(|_| entry.is_none());
            let delta = &measured(delta, before);
            let settings = &resource.settings;
            let allowed = settings
                .allow_removal
                .as_ref()
                .filter(|allowed| today <= allowed.until);
            let used = |key: &str| {
                entry
                    .or(before)
                    .and_then(|entry| entry.removals_used.get(key))
                    .copied()
                    .unwrap_or(0)
            };
            let allowance = allowed.map(|allowed| guard::Allowance {
                max: allowed.max,
                used: used(&allowance_key(allowed)),
                reason: &allowed.reason,
                until: allowed.until,
            });
            let peaks = recent(&peaks(entry, left), now);
            let Some(next) = &mut work.next else { continue };
            let effects = guard::Effects {
                data_points: planned.cost.map_or(0, |cost| cost.data_points),
                new_users: planned.cost.map_or(0, |cost| cost.new_users),
                allowance,
                allow_empty: settings.allow_empty.unwrap_or(false),
                today,
                ..effects(delta, next, entry, &peaks, readings, &work.desired)
            };
            let own = settings.guards.clone().unwrap_or_default();
            // Two limits of the workspace are about the whole apply, a sync's own about that sync.
            let guards = Guards {
                max_data_points: own.max_data_points,
                max_new_users: own.max_new_users,
                ..own.over(&configuration.guards)
            };
            planned.guards = guard::check(&guards, &effects);
            if let Some(upload) = &work.desired.upload {
                // Whom Amplitude does not know is no refusal.
                planned.guards.retain(|guard| guard.name != "max_refused");
                let least = upload.min_match;
                let short =
                    least.and_then(|least| guard::min_match(least, delta.after, delta.set_aside));
                planned.guards.extend(short);
            }
            let lifted = |guard: &GuardResult| guard.ok && guard.message.is_some();
            let allowed = allowed.filter(|_| planned.guards.iter().any(lifted));
            if let Some(allowed) = allowed {
                next.removals_used = BTreeMap::from([(
                    allowance_key(allowed),
                    used(&allowance_key(allowed)) + delta.remove + delta.cleared,
                )]);
            }
        }
        let frozen = configuration.freeze.iter().find(|freeze| {
            freeze.from.as_millisecond() <= now && now < freeze.until.as_millisecond()
        });
        self.plan
            .guards
            .extend(frozen.map(|freeze| guard::frozen(freeze.until, freeze.reason.as_deref())));
        self.plan.guards.extend(guard::data_points(
            configuration.guards.max_data_points,
            self.plan.cost.data_points,
        ));
        let limit = configuration.guards.max_new_users;
        self.plan.guards.extend(guard::new_users(
            limit.unwrap_or(guard::MAX_NEW_USERS),
            self.plan.cost.new_users,
            seeds.people,
        ));
    }
}

/// People whom Braze may not know, and a resource adds.
#[derive(Default)]
struct Newcomers {
    /// It does not know them, and the resource creates them.
    unknown: u64,
    /// It does not know them, and nothing creates them.
    dropped: u64,
    /// Nobody asked, and the resource may create them.
    unasked: u64,
}

/// The rows of a new target against those of the target that it takes the place of: whoever is not in it goes.
fn measured(delta: &Delta, left: Option<&Entry>) -> Delta {
    let rows = left.map_or(0, |left| left.counts.rows());
    Delta {
        before: delta.before + rows,
        remove: delta.remove + rows.saturating_sub(delta.after),
        ..delta.clone()
    }
}

/// How many there are and were, of the rows, of the source and of the other cohorts.
fn effects<'a>(
    delta: &'a Delta,
    next: &'a Entry,
    entry: Option<&Entry>,
    peaks: &[Peak],
    readings: &Readings,
    desired: &Desired,
) -> guard::Effects<'a> {
    let mapping = &desired.identify_by;
    let own = next.cohort.as_ref();
    let about = own
        .and_then(|own| readings.of(&own.id, mapping))
        .map(|reading| &reading.about);
    let held = next.peaks.last();
    // Any of a segment's cohorts may stand first; of a sync it is the source.
    let peak = match own.filter(|_| desired.called.is_some()) {
        Some(own) => held_before(entry, own, peaks),
        None => peaks.iter().map(|peak| peak.source).max().unwrap_or(0),
    };
    let other = |(pin, at): (&'a CohortPin, usize)| guard::Held {
        excludes: desired.members.negates(at),
        name: &pin.name,
        peak: held_before(entry, pin, peaks),
        now: held
            .and_then(|held| held.excluded.get(&pin.id))
            .copied()
            .unwrap_or(0),
    };
    guard::Effects {
        delta,
        peak_rows: peaks.iter().map(|peak| peak.rows).max().unwrap_or(0),
        source: guard::Held {
            name: own.map_or("", |own| &own.name),
            peak,
            now: held.map_or(0, |held| held.source),
            excludes: false,
        },
        others: next.excluded.iter().zip(1..).map(other).collect(),
        file_rows: about.map_or(0, |about| about.file_rows - about.duplicates),
        data_points: 0,
        new_users: 0,
        allowance: None,
        allow_empty: false,
        today: jiff::civil::Date::ZERO,
    }
}

/// The most a cohort beside the source held, or the one that bore its name in the YAML before.
fn held_before(entry: Option<&Entry>, pin: &CohortPin, peaks: &[Peak]) -> u64 {
    let known = entry
        .iter()
        .flat_map(|entry| entry.cohort.iter().chain(&entry.excluded));
    let known = known
        .filter(|known| known.written == pin.written)
        .map(|known| &known.id);
    let ids: Vec<&String> = known.chain([&pin.id]).collect();
    let held = peaks
        .iter()
        .flat_map(|peak| ids.iter().filter_map(|id| peak.excluded.get(*id)));
    held.copied().max().unwrap_or(0)
}
