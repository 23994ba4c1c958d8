//! What each selected log asks for, and what is due of it.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;

use super::{LogWork, Reading, files, hours};
use crate::{
    config::{Cadence, CadenceWord, Resource},
    diff::cursor::{self, Ranges},
    engine::{
        Error, Refresh, Session,
        draft::Drafting,
        meaning,
        rest::resting_action,
        subject::{beside, is_protected},
    },
    kinds::{self, LogSource, Stream},
    model::{
        Address, Cursor, Hour, Lane, counted, digest,
        plan::{Action, Cost, LogPlan, Plan, Problem, ResourcePlan},
    },
    state::manifest::{Entry, Fulfilled},
};

/// Events are worded anew where this differs, though the configuration does not.
const WORDING: &str = "2";

/// A log that is planned.
pub(in crate::engine) struct LogSubject<'a> {
    pub(in crate::engine) resource: &'a Resource,
    pub(in crate::engine) entry: Option<&'a Entry>,
    pub(in crate::engine) moved: Option<&'a Address>,
    pub(in crate::engine) stream: Stream,
    /// Names how its events are worded, among what is cached.
    pub(in crate::engine) words: String,
}

/// What a saved plan read of each log: an apply of it reads that, and nothing that came since.
pub(in crate::engine) type Bounds = BTreeMap<Address, Ranges>;

/// Returns what a plan read of each log.
pub(in crate::engine) fn bounds(plan: &Plan) -> Bounds {
    let logs = plan.resources.iter();
    let logs = logs.filter_map(|planned| Some((&planned.address, planned.log.as_ref()?)));
    logs.map(|(address, log)| {
        let hours = |[from, to]: &[String; 2]| Some((Hour::parse(from)?, Hour::parse(to)?));
        let ranges = log.ranges.iter().filter_map(hours).collect();
        (address.clone(), ranges)
    })
    .collect()
}

/// Whether an hour is in one of the ranges.
pub(super) fn within(ranges: Option<&Ranges>, hour: Hour) -> bool {
    ranges.is_none_or(|ranges| {
        ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&hour))
    })
}

impl LogSubject<'_> {
    /// Returns where what was read of a unit is kept.
    pub(super) fn path(&self, session: &Session, unit: &str) -> Result<PathBuf, Error> {
        let name = digest::sha256(unit.as_bytes());
        let directory = session.store.cache()?.join("logs").join(&self.words);
        Ok(directory.join(format!("{}.events", &name[..32])))
    }

    /// Why it has nothing to do without being read, if it has nothing.
    fn rests(&self) -> Option<&'static str> {
        let settings = &self.resource.settings;
        if settings.paused == Some(true) {
            return Some("paused");
        }
        let entry = self.entry?;
        let fulfilled = entry.fulfilled.as_ref()?;
        let once = settings.cadence == Some(Cadence::Word(CadenceWord::Once));
        let parked = entry.log.as_ref().and_then(|log| log.parked.as_ref());
        let released = parked.is_some_and(|parked| parked.released > 0);
        (once && !released && fulfilled.desired == self.digest()).then_some("moved once")
    }

    /// Digest of what it asks for.
    pub(super) fn digest(&self) -> String {
        let config = digest::canonical(&self.stream.config).to_string();
        digest::sha256(config.as_bytes())
    }
}

/// Reads what is due of each of these; what could not be read of one is an error of that one.
pub(in crate::engine) async fn read(
    session: &Session,
    draft: &mut Drafting<'_>,
    subjects: &[LogSubject<'_>],
) -> Result<BTreeMap<Address, Reading>, Error> {
    let mut readings = hours::read(session, &draft.within, subjects).await?;
    for subject in subjects {
        if !matches!(subject.stream.source, LogSource::Files { .. }) {
            continue;
        }
        let address = &subject.resource.address;
        match files::read(session, draft.within.get(address), subject).await {
            Ok(read) => {
                let unread = (session.how.refresh == Refresh::None)
                    .then(|| "files are not looked for, since nothing is read live".to_owned());
                let units = read.units;
                readings.insert(address.clone(), Reading { units, unread });
                let warnings = [
                    none(address, read.is_empty),
                    strange(address, read.strangers),
                ];
                draft.plan.warnings.extend(warnings.into_iter().flatten());
                draft.plan.warnings.extend(missed(subject));
            }
            Err(Error::Currents { message, hint }) => draft.fail(address, message, hint),
            Err(other) => return Err(other),
        }
    }
    Ok(readings)
}

/// What is said where there is no file of Currents at all.
fn none(address: &Address, is_empty: bool) -> Option<Problem> {
    is_empty.then(|| Problem {
        address: Some(address.clone()),
        message: "there is no file of Currents that it would look at".to_owned(),
        hint: Some(
            "see that `from.files` is the directory or prefix that Braze writes `dataexport.…` into, and that it is mounted"
                .to_owned(),
        ),
    })
}

/// What is said of files that are none of Currents.
fn strange(address: &Address, (count, named): (u64, Vec<String>)) -> Option<Problem> {
    let more = if count > named.len() as u64 {
        ", …"
    } else {
        ""
    };
    (count > 0).then(|| Problem {
        address: Some(address.clone()),
        message: format!(
            "{} among the Currents not read, being no `.avro` where Braze puts one: {}{more}",
            counted(count, "file"),
            named.join(", ")
        ),
        hint: None,
    })
}

/// What is said where the start was moved to hours whose files are not looked at any more.
fn missed(subject: &LogSubject) -> Option<Problem> {
    let LogSource::Files { start, .. } = &subject.stream.source else {
        return None;
    };
    let entry = subject.entry?;
    let log = entry.log.as_ref()?;
    let was: Timestamp = entry.config["start_at"].as_str()?.parse().ok()?;
    let was = Some(Hour::of(was.as_millisecond()));
    let missed = cursor::files_missed(&Cursor::files(Some(&log.cursor)), was, *start)?;
    Some(Problem {
        address: Some(subject.resource.address.clone()),
        message: format!(
            "hours before {missed} are not read, though start_at is earlier now: they are more than fourteen days older than what was read last"
        ),
        hint: Some(
            "put the files of those hours in a place of their own, and read that with another sync"
                .to_owned(),
        ),
    })
}

impl<'a> Drafting<'a> {
    /// Finds what each selected log asks for; those that have nothing to do are planned at once.
    pub(in crate::engine) fn logs(&mut self, works: &mut Vec<LogWork>) -> Vec<LogSubject<'a>> {
        let mut subjects = vec![];
        let configuration = &self.session.configuration;
        let logs = configuration
            .resources
            .values()
            .filter_map(|resource| Some((resource, kinds::find_log(resource)?)));
        for (resource, log) in logs {
            let address = &resource.address;
            if self.session.how.destroy || !self.takes(address, &resource.kind) {
                continue;
            }
            let entry = self.entry(address);
            if let Some(entry) = entry.filter(|entry| entry.kind != resource.kind) {
                let (message, hint) = crate::engine::draft::other_kind(resource, entry);
                self.fail(address, message, hint);
                continue;
            }
            let stream = match log.stream(resource, configuration.braze.app_id.as_deref()) {
                Ok(stream) => stream,
                Err(diagnostic) => {
                    self.fail(address, diagnostic.message, diagnostic.hint);
                    continue;
                }
            };
            let app_id = configuration.braze.app_id.as_deref().unwrap_or_default();
            let config = digest::canonical(&stream.config).to_string();
            let wording = [WORDING, env!("CARGO_PKG_VERSION"), app_id, &config].join("\n");
            let subject = LogSubject {
                resource,
                entry,
                moved: self.rearranged.moved.get(address),
                words: digest::sha256(wording.as_bytes())[..32].to_owned(),
                stream,
            };
            match subject.rests() {
                Some(note) => works.extend(self.log_at_rest(&subject, note)),
                None => subjects.push(subject),
            }
        }
        subjects
    }

    /// A log that was taken out of the configuration: nothing of it can be taken out of a service.
    pub(in crate::engine) fn log_goes(
        &mut self,
        address: &Address,
        entry: &Entry,
    ) -> Option<LogWork> {
        let log = entry.log.as_ref()?;
        self.note(
            address,
            serde_json::json!({"removed": "forgotten", "rows": ""}),
        );
        let parked = log.parked.as_ref().map_or(0, |parked| parked.events);
        if parked > 0 {
            self.plan.warnings.push(Problem {
                address: Some(address.clone()),
                message: format!(
                    "{} go with it: whether they arrived is not decided yet",
                    counted(parked, "parked event")
                ),
                hint: Some("decide them first: syncform state parked list".to_owned()),
            });
        }
        let sent = counted(log.acknowledged, "event");
        let title = match log.acknowledged {
            0 => format!("{}: forgotten; it sent nothing", entry.kind),
            _ => format!(
                "{}: forgotten; the {sent} it sent stay, and one of this name that comes later begins anew and sends them again",
                entry.kind
            ),
        };
        self.plan.resources.push(ResourcePlan {
            log: Some(resting(Some(entry))),
            cost: Some(Cost::default()),
            ..ResourcePlan::of(address, &entry.kind, Action::Delete, title)
        });
        Some(LogWork {
            address: address.clone(),
            lane: Lane::UsersTrack,
            events: None,
            count: 0,
            seconds: 0.0,
            sent_again: false,
            next: None,
        })
    }

    fn log_at_rest(&mut self, subject: &LogSubject, note: &str) -> Option<LogWork> {
        let resource = subject.resource;
        self.note(&resource.address, meaning::of_entry(resource));
        let fields = beside(resource, subject.entry, subject.moved);
        let action = resting_action(&fields);
        let planned = subject.planned(action, fields, resting(subject.entry), None);
        self.plan.resources.push(ResourcePlan {
            note: Some(note.to_owned()),
            ..planned
        });
        let entry = subject.entry.filter(|_| self.is_rewritten(resource))?;
        Some(LogWork {
            address: resource.address.clone(),
            lane: subject.stream.lane.clone(),
            events: None,
            count: 0,
            seconds: 0.0,
            sent_again: subject.stream.sent_again,
            next: Some(Entry {
                written: Some(meaning::written(resource)),
                protect: is_protected(resource),
                ..entry.clone()
            }),
        })
    }
}

/// What a log that is not read shows.
pub(super) fn resting(entry: Option<&Entry>) -> LogPlan {
    let log = entry.and_then(|entry| entry.log.as_ref());
    let parked = log.and_then(|log| log.parked.as_ref());
    LogPlan {
        parked: parked.map_or(0, |parked| parked.events - parked.released),
        parked_batches: parked.map_or(0, |parked| parked.batches),
        maybe_double: log.map_or(0, |log| log.maybe_double),
        ..LogPlan::default()
    }
}

/// What is fulfilled once all was sent.
pub(super) fn fulfilled(subject: &LogSubject) -> Fulfilled {
    Fulfilled {
        desired: subject.digest(),
        sources: vec![],
    }
}

/// Returns the hours of a log over hours that are due now, where there is known to be data in this hour.
pub(super) fn due(
    session: &Session,
    bounds: &Bounds,
    subject: &LogSubject,
    data: Option<Hour>,
) -> Vec<Hour> {
    let LogSource::Hours { start, stop, .. } = &subject.stream.source else {
        return vec![];
    };
    let log = subject.entry.and_then(|entry| entry.log.as_ref());
    let mut known = crate::model::Cursor::hours(log.map(|log| &log.cursor));
    known.data = known.data.max(data);
    let sent = cursor::Bounds {
        start: start.as_millisecond(),
        stop: stop.map(Timestamp::as_millisecond),
    };
    let bounds = bounds.get(&subject.resource.address);
    let mut due = cursor::due(&known, sent, session.clock.millis());
    due.retain(|hour| within(bounds, *hour));
    due
}
