//! Segments of Braze that filter: found by name, compared as far as Braze tells. The list is read once, however many are
//! declared; details and size of those alone.

mod filter;
mod measure;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use self::measure::Measured;
use super::Looked;
use crate::{
    braze,
    config::{Resource, dashboard, instance_of},
    diff::segment::{Expected, Filters, Found, Judged, Observed, find, judge},
    engine::{
        Error, Refresh,
        draft::Drafting,
        meaning::{of_entry, written},
        subject::moved,
    },
    kinds::{
        self, Watched,
        segment::{self, Filter, Sheet, Spec, Verify, Words, quoted},
    },
    model::{
        Cohort, Segment, SegmentDetails, digest, number,
        plan::{Action, Drift, FieldChange, ResourcePlan},
    },
    state::manifest::Entry,
};

/// Segments that are asked about at once.
const AT_ONCE: usize = 8;

/// A segment that was found, and what Braze tells of it.
struct Told<'s> {
    segment: &'s Segment,
    details: Result<SegmentDetails, braze::Error>,
    /// Sizes are estimates, and a key need not have the permission to see them.
    size: Result<Option<u64>, braze::Error>,
}

impl Drafting<'_> {
    /// Looks at every selected segment.
    pub(super) async fn segments(&mut self, list: &[Cohort]) -> Result<Vec<Looked>, Error> {
        let session = self.session;
        let declared: Vec<(&Resource, Spec)> = session
            .configuration
            .resources
            .values()
            .filter(|resource| kinds::find_watched(resource) == Some(Watched::Segment))
            .filter(|resource| self.takes(&resource.address, &resource.kind))
            .filter_map(|resource| Some((resource, segment::spec(resource)?)))
            .collect();
        if declared.is_empty() {
            return Ok(vec![]);
        }
        if session.how.refresh == Refresh::None {
            for (resource, spec) in &declared {
                let note = "not looked at: nothing live was read".to_owned();
                let title = format!("segment {}", quoted(&spec.name));
                let planned = plan(resource, Action::NoOp, title);
                self.planned(
                    resource,
                    ResourcePlan {
                        note: Some(note),
                        ..planned
                    },
                    Value::Null,
                );
            }
            return Ok(vec![]);
        }
        let all = match session.braze.segments().await {
            Ok(all) => all,
            Err(error) if error.is_authentication() => {
                self.unlisted(&declared, &error);
                return Ok(vec![]);
            }
            Err(error) => return Err(error.into()),
        };
        let found: Vec<(&Resource, Spec, Option<Observed>, Found)> = declared
            .into_iter()
            .filter_map(|(resource, spec)| {
                if self.was_written(resource) {
                    return None;
                }
                let before = self.observed(resource);
                let known = before.as_ref().map(|before| before.id.as_str());
                let found = find(&spec.name, known, &all);
                Some((resource, spec, before, found))
            })
            .collect();
        let asked: Vec<Option<&Segment>> = found
            .iter()
            .map(|(.., found)| match found {
                Found::One(segment) => Some(*segment),
                Found::Missing(_) | Found::Gone(_) | Found::Several(_) => None,
            })
            .collect();
        let told: Vec<Option<Told>> = stream::iter(asked)
            .map(async |segment| {
                let segment = segment?;
                let (details, size) = tokio::join!(
                    session.braze.segment_details(&segment.id),
                    session.braze.segment_size(&segment.id),
                );
                Some(Told {
                    segment,
                    details,
                    size,
                })
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut looked = vec![];
        for ((resource, spec, before, found), told) in found.into_iter().zip(told) {
            let words = spec.filter.as_ref().map(|filter| self.words(filter, list));
            let about = About {
                resource,
                spec: &spec,
                words,
                before,
            };
            match told {
                Some(told) => looked.extend(self.compared(&about, told, list).await?),
                None => self.not_found(&about, &found),
            }
        }
        Ok(looked)
    }

    /// Returns what was found of a segment when it was last applied. What another release wrote is looked at anew.
    fn observed(&self, resource: &Resource) -> Option<Observed> {
        let observed = self.entry(&resource.address)?.observed.clone()?;
        serde_json::from_value(observed).ok()
    }

    /// Refuses to look at what was computed and written: that would be forgotten.
    fn was_written(&mut self, resource: &Resource) -> bool {
        let address = &resource.address;
        let entry = self.entry(address);
        let Some(entry) = entry.filter(|entry| entry.observed.is_none()) else {
            return false;
        };
        let message = "was computed from `members` and written, and is to be looked at alone: what was written would be forgotten";
        let hint = format!(
            "give the segment another name here, and take what was written out: removed: [{{address: {address}, on_destroy: {}}}]",
            entry.on_destroy
        );
        self.fail(address, message.to_owned(), Some(hint));
        true
    }

    /// The list is refused: nothing can be said of any segment.
    fn unlisted(&mut self, declared: &[(&Resource, Spec)], error: &braze::Error) {
        let hint = error.key_hint().unwrap_or_default();
        for (resource, _) in declared {
            self.fail(
                &resource.address,
                format!("no segment can be looked for: {error}"),
                Some(format!("{hint}; --except kind:segment leaves segments out")),
            );
        }
    }

    /// Nobody is there, or several are.
    fn not_found(&mut self, about: &About, found: &Found) {
        let name = quoted(&about.spec.name);
        let url = self.dashboard();
        let sheet = about.sheet(url.as_deref());
        let (title, manual, meaning) = match found {
            Found::Missing(near) => (
                format!("by hand: no segment {name} in Braze"),
                sheet.make(near),
                json!("missing"),
            ),
            Found::Gone(id) => {
                self.plan.drift.push(Drift {
                    address: about.resource.address.clone(),
                    path: "listed".to_owned(),
                    before: json!(true),
                    after: json!(false),
                });
                (
                    format!("by hand: segment {name} is archived or deleted in Braze"),
                    sheet.bring_back(id),
                    json!({"gone": id}),
                )
            }
            Found::Several(ids) => (
                format!("by hand: {} segments are named {name} in Braze", ids.len()),
                sheet.tell_apart(ids),
                json!({"several": ids}),
            ),
            Found::One(_) => return,
        };
        let planned = plan(about.resource, Action::Manual, title);
        self.planned(about.resource, ResourcePlan { manual, ..planned }, meaning);
    }

    /// Compares one that was found, and returns what an apply remembers of it.
    async fn compared(
        &mut self,
        about: &About<'_>,
        told: Told<'_>,
        list: &[Cohort],
    ) -> Result<Option<Looked>, Error> {
        let About {
            resource,
            spec,
            words,
            before,
        } = about;
        let details = match told.details {
            Ok(details) => details,
            Err(error @ braze::Error::Refused { .. }) => {
                let hint = error.key_hint().map(str::to_owned);
                let message = format!("{} cannot be looked at: {error}", quoted(&spec.name));
                self.fail(&resource.address, message, hint);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let size = told.size.as_ref().ok().copied().flatten();
        let lines = words.as_ref().map(Words::lines);
        let judged = judge(
            &Expected {
                name: &spec.name,
                description: spec.description.as_deref(),
                tags: spec.tags.as_deref(),
                teams: spec.teams.as_deref(),
                analytics_tracking: spec.analytics_tracking,
                filter: lines.as_deref(),
                acknowledged: spec.acknowledge.as_deref(),
                steady: is_steady(spec),
            },
            told.segment,
            &details,
            size,
            before.as_ref(),
        );
        for moved in &judged.moved {
            self.plan.drift.push(Drift {
                address: resource.address.clone(),
                path: moved.path.to_owned(),
                before: moved.before.clone(),
                after: moved.after.clone(),
            });
        }
        let edited = details.updated_at.as_deref().unwrap_or_default();
        let which = (told.segment.id.as_str(), edited);
        let measured = self.measured(about, which, &told.size, list).await?;
        let agrees = !matches!(measured, Measured::People(_));
        let url = self.dashboard();
        let mut planned = settle(about, &judged, &measured, size, url.as_deref());
        if let Some(from) = self.rearranged.moved.get(&resource.address) {
            planned.fields.push(moved(from, &resource.address));
            if planned.action == Action::NoOp {
                planned.action = Action::Update;
            }
        }
        let meaning = Observed {
            size: None,
            ..judged.observed.clone()
        };
        self.planned(resource, planned, json!([meaning, agrees]));
        let config = digest::canonical(&resource.body);
        let entry = Entry::begun(&resource.kind, config, self.session.clock.now());
        let next = Entry {
            written: Some(written(resource)),
            observed: Some(json!(judged.observed)),
            ..entry
        };
        Ok(Some(Looked::of(&resource.address, Some(next))))
    }

    fn planned(&mut self, resource: &Resource, planned: ResourcePlan, found: Value) {
        let mut meaning = of_entry(resource);
        meaning["what Braze shows"] = found;
        self.note(&resource.address, meaning);
        self.plan.resources.push(planned);
    }

    fn dashboard(&self) -> Option<String> {
        let braze = &self.session.configuration.braze;
        let by_host = || braze.endpoint.value.as_deref().and_then(instance_of);
        let instance = braze.instance.as_deref().or_else(by_host)?;
        dashboard(instance)
    }
}

/// A declared segment.
struct About<'s> {
    resource: &'s Resource,
    spec: &'s Spec,
    words: Option<Words>,
    before: Option<Observed>,
}

impl About<'_> {
    fn sheet<'a>(&'a self, dashboard: Option<&'a str>) -> Sheet<'a> {
        Sheet {
            spec: self.spec,
            words: self.words.as_ref(),
            dashboard,
        }
    }
}

/// Whether nothing that is written from here moves its size, as far as its filters say.
fn is_steady(spec: &Spec) -> bool {
    let mut ours = false;
    if let Some(filter) = &spec.filter {
        filter.each("", &mut |_, part| ours |= matches!(part, Filter::In { .. }));
    }
    !ours && spec.verify.as_ref().is_none_or(Verify::exports)
}

/// What a plan says of a segment that was found.
fn settle(
    about: &About,
    judged: &Judged,
    measured: &Measured,
    size: Option<u64>,
    dashboard: Option<&str>,
) -> ResourcePlan {
    let people = match size {
        None => String::new(),
        Some(1) => ", about 1 person".to_owned(),
        Some(size) => format!(", about {} people", number(size)),
    };
    let title = format!("segment {}{people}", quoted(&about.spec.name));
    let mut fields: Vec<FieldChange> = judged
        .differences
        .iter()
        .map(|one| FieldChange {
            path: one.path.to_owned(),
            before: one.found.clone(),
            after: one.expected.clone(),
        })
        .collect();
    let words = about.words.as_ref();
    let filters = segment::filters(judged, words);
    fields.extend(filters.map(|(before, after)| FieldChange {
        path: "filter".to_owned(),
        before,
        after,
    }));
    let untold = judged.untold.iter();
    let untold = untold.map(|path| format!("{path} not verified: Braze does not tell them"));
    let mut manual = vec![];
    if let Measured::People(people) = measured {
        manual.push(format!(
            "compare its filters with those declared: {}",
            people.words()
        ));
        manual.extend(words.map(Words::indented).unwrap_or_default());
    }
    if !fields.is_empty() || !manual.is_empty() {
        let mut steps = about.sheet(dashboard).change(judged);
        steps.extend(manual);
        return ResourcePlan {
            fields,
            manual: steps,
            ..plan(about.resource, Action::Manual, format!("by hand: {title}"))
        };
    }
    // What was measured and agrees is settled, whatever the words are.
    let open = judged.filters == Filters::Unverified && !matches!(measured, Measured::Agrees);
    let verified = about.spec.verify.is_some();
    let why = match measured {
        Measured::Not(why) => why.clone(),
        Measured::Agrees | Measured::Size | Measured::People(_) => None,
    };
    let unverified = open.then(|| segment::unverified(judged, words, verified));
    let notes = unverified.into_iter().chain(why).chain(untold);
    let notes: Vec<String> = notes.collect();
    ResourcePlan {
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..plan(about.resource, Action::NoOp, title)
    }
}

fn plan(resource: &Resource, action: Action, title: String) -> ResourcePlan {
    ResourcePlan::of(&resource.address, &resource.kind, action, title)
}
