//! Segments of Braze that filter: found by name, compared as far as Braze tells. The list is read once, however many are
//! declared; details and size of those alone.

mod filter;
mod measure;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use self::measure::{Measured, Off};
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
        segment::{self, Sheet, Spec, Words, quoted},
    },
    model::{
        Cohort, Segment, SegmentDetails, digest, nameless, number,
        plan::{Action, Drift, FieldChange, Problem, ResourcePlan},
    },
    state::manifest::Entry,
};

/// Segments that are asked about at once.
const AT_ONCE: usize = 8;

/// A segment that was found, and what Braze tells of it.
struct Told<'s> {
    segment: &'s Segment,
    details: Result<SegmentDetails, braze::Error>,
    /// Its size, where it is verified by that: an estimate, and a key need not have the permission to see it.
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
            Err(error) if error.is_of_one_path() => {
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
        let asked: Vec<Option<(&Segment, bool)>> = found
            .iter()
            .map(|(_, spec, _, found)| match found {
                Found::One(segment) => Some((*segment, spec.sized())),
                Found::Missing(_) | Found::Gone(_) | Found::Several(_) => None,
            })
            .collect();
        let told: Vec<Option<Told>> = stream::iter(asked)
            .map(async |asked| {
                let (segment, sized) = asked?;
                let size = async {
                    if sized {
                        session.braze.segment_size(&segment.id).await
                    } else {
                        Ok(None)
                    }
                };
                let details = session.braze.segment_details(&segment.id);
                let (details, size) = tokio::join!(details, size);
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
        let hint = error.key_hint().unwrap_or("plan again once Braze answers");
        self.plan.errors.push(Problem {
            address: match declared {
                [(resource, _)] => Some(resource.address.clone()),
                _ => None,
            },
            message: format!("no segment can be looked for: {error}"),
            hint: Some(format!("{hint}; --except kind:segment leaves segments out")),
        });
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
            Found::Several(ids) => {
                self.plan
                    .drift
                    .extend(about.before.as_ref().map(|known| Drift {
                        address: about.resource.address.clone(),
                        path: "twins".to_owned(),
                        before: json!([known.id]),
                        after: json!(ids),
                    }));
                (
                    format!("by hand: {} segments are named {name} in Braze", ids.len()),
                    sheet.tell_apart(ids),
                    json!({"several": ids}),
                )
            }
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
            Err(error) if error.is_of_one_path() => {
                let hint = error.key_hint().unwrap_or("plan again once Braze answers");
                let message = format!("{} cannot be looked at: {error}", quoted(&spec.name));
                self.fail(&resource.address, message, Some(hint.to_owned()));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let edited = details.updated_at.as_deref().unwrap_or_default();
        let which = (told.segment.id.as_str(), edited);
        let measured = self.measured(about, which, &told.size, list).await?;
        let size = told.size.as_ref().ok().copied().flatten();
        let lines = words.as_ref().map(Words::lines);
        let meant = spec.filter.as_ref().map(|filter| self.meant(filter, list));
        let judged = judge(
            &Expected {
                name: &spec.name,
                description: spec.description.as_deref(),
                tags: spec.tags.as_deref(),
                teams: spec.teams.as_deref(),
                analytics_tracking: spec.analytics_tracking,
                filter: lines.as_deref(),
                meant: meant.as_deref(),
                acknowledged: spec.acknowledge.as_deref(),
                proven: matches!(measured, Measured::Agrees),
            },
            told.segment,
            &details,
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
        // A size is an estimate that moves by itself.
        let agrees = !matches!(&measured, Measured::Off(off) if off.is_of_people());
        let url = self.dashboard();
        let mut planned = settle(about, &judged, &measured, size, url.as_deref());
        if let Some(from) = self.rearranged.moved.get(&resource.address) {
            planned.fields.push(moved(from, &resource.address));
            if planned.action == Action::NoOp {
                planned.action = Action::Update;
            }
        }
        self.planned(resource, planned, json!([judged.observed, agrees]));
        let config = nameless(&digest::canonical(&resource.body));
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
    let off = match measured {
        Measured::Off(off) => Some(off.as_ref()),
        Measured::Not(_) | Measured::Agrees => None,
    };
    let open = (judged.filters == Filters::Unverified).then(|| {
        let (note, lines) = segment::unverified(judged, words, about.spec.verify.is_some());
        (Some(note), lines)
    });
    if !fields.is_empty() || off.is_some() {
        let sheet = about.sheet(dashboard);
        let mut manual = sheet.change(judged, off.is_some());
        manual.extend(
            off.map(|off| sheet.compare(&off.words()))
                .unwrap_or_default(),
        );
        manual.extend(off.and_then(Off::patience));
        let open = open.unwrap_or_default();
        return ResourcePlan {
            fields,
            manual,
            note: open.0,
            lines: open.1,
            ..plan(about.resource, Action::Manual, format!("by hand: {title}"))
        };
    }
    let mut notes: Vec<String> = vec![];
    let mut lines = vec![];
    if let Some((note, open)) = open {
        notes.extend(note);
        lines = open;
    }
    notes.extend(segment::idle(judged, about.spec));
    if let Measured::Not(why) = measured {
        notes.extend(why.clone());
    }
    notes.extend(untold);
    ResourcePlan {
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        lines,
        ..plan(about.resource, Action::NoOp, title)
    }
}

fn plan(resource: &Resource, action: Action, title: String) -> ResourcePlan {
    ResourcePlan::of(&resource.address, &resource.kind, action, title)
}
