//! Resources that were applied and are no longer declared. A `removed` entry takes them out, from what the state
//! remembers; a block that just vanishes is refused, with the entry to paste.

use super::{
    Error,
    compared::Streams,
    compute::{Comparison, Computed},
    draft::{Drafting, remembered},
    log::LogWork,
    plan::Work,
    presence::Gone,
    subject::{is_protected, settled_by},
    watched::Looked,
};
use crate::{
    config::{OnDestroy, Removed},
    diff::{guard, presence::Absence},
    kinds::{Desired, Form},
    model::{
        Address, Cohort, number,
        plan::{Action, Cost, Delta, GuardResult, Problem, ResourcePlan},
    },
    state::{self, manifest::Entry},
};

/// Why something of the state goes, or does not.
pub(super) enum Fate<'a> {
    /// Its configuration stands.
    Stays,
    /// A `removed` entry, or all goes.
    Goes(Option<&'a Removed>),
    /// It is gone from the configuration without a word.
    Vanished,
    /// It is a target that was left, and what took its place is filled.
    Left,
    /// It is a target that was left, and waits for what takes its place.
    Waits(&'static str),
}

impl Drafting<'_> {
    /// Plans what goes: a work for each declared removal, a refusal for each other.
    pub(super) fn departures(
        &mut self,
        logs: &mut Vec<LogWork>,
        looked: &mut Vec<Looked>,
        list: &[Cohort],
    ) -> Result<Vec<Work>, Error> {
        let Some(manifest) = self.manifest else {
            return Ok(vec![]);
        };
        let mut works = vec![];
        for (address, entry) in &manifest.resources {
            let owner = entry.left_by.as_ref().unwrap_or(address);
            // A target that was left is emptied as what the YAML changed goes on.
            let taken = match entry.left_by {
                Some(_) => self.session.selection.takes(owner, &entry.kind),
                None => self.takes(owner, &entry.kind),
            };
            if !taken {
                continue;
            }
            if entry.destination.is_some() {
                continue;
            }
            let fate = self.fate(address, owner, entry);
            match fate {
                Fate::Stays => {}
                // Nothing was written, so that nothing is lost.
                Fate::Vanished | Fate::Goes(_) if entry.observed.is_some() => {
                    looked.push(self.looked_away(address, entry));
                }
                Fate::Vanished if entry.protect => self.protected(address),
                Fate::Goes(_) if self.is_kept(address, entry) => self.protected(address),
                Fate::Goes(Some(removed))
                    if entry.uploaded.is_some() && removed.on_destroy == Some(OnDestroy::Empty) =>
                {
                    let message = "no call of Amplitude takes a static cohort away";
                    let hint = "archive it there and take this entry out, or write on_destroy: keep: it is forgotten, and stays";
                    self.fail(address, message.to_owned(), Some(hint.to_owned()));
                }
                Fate::Vanished | Fate::Goes(_) if entry.uploaded.is_some() => {
                    // Nobody is told to archive what is said to stay.
                    let keeps = matches!(&fate, Fate::Goes(Some(it)) if it.on_destroy == Some(OnDestroy::Keep));
                    if self.uploaded_goes(address, entry, keeps, list) {
                        looked.push(Looked::of(address, None));
                    }
                }
                Fate::Vanished => self.vanished(address, entry),
                Fate::Waits(why) => self.waits(address, entry, why),
                Fate::Goes(Some(removed))
                    if entry.log.is_some() && removed.on_destroy == Some(OnDestroy::Empty) =>
                {
                    let (message, hint) = kept();
                    self.fail(address, message.to_owned(), Some(hint.to_owned()));
                }
                Fate::Goes(_) if entry.log.is_some() => logs.extend(self.log_goes(address, entry)),
                Fate::Goes(removed) => {
                    works.extend(self.remove(address, entry, empties(removed, entry))?);
                }
                Fate::Left => works.extend(self.remove(address, entry, true)?),
            }
        }
        Ok(works)
    }

    /// Returns why something of the state goes, or does not; `owner` is whoever wrote it.
    pub(super) fn fate(&self, address: &Address, owner: &Address, entry: &Entry) -> Fate<'_> {
        if self.session.how.destroy {
            return Fate::Goes(None);
        }
        let configuration = &self.session.configuration;
        let left = entry.left_by.is_some();
        let by_itself = configuration
            .removed
            .iter()
            .find(|removed| removed.address == address.as_str());
        if let Some(removed) = by_itself {
            return Fate::Goes(Some(removed));
        }
        if let Some(resource) = configuration.resources.get(owner) {
            let successor = self
                .manifest
                .and_then(|manifest| manifest.resources.get(owner));
            let own = resource.settings.guards.as_ref();
            let limit = own.and_then(|guards| guards.max_refused);
            let limit = limit.or(configuration.guards.max_refused);
            // Whoever was refused there is in neither target once this one is empty.
            let filled = successor.is_some_and(|successor| {
                let aside = successor.set_aside.as_ref().map_or(0, |aside| aside.rows);
                let of = successor.counts.rows() + aside;
                successor.fulfilled.is_some() && guard::bears_refused(limit, aside, of)
            });
            let whole = successor.is_some_and(|successor| successor.fulfilled.is_some());
            return match (left, resource.settings.paused == Some(true)) {
                (false, _) => Fate::Stays,
                (true, true) => Fate::Waits("taken out once the sync is no longer paused"),
                (true, false) if filled => Fate::Left,
                (true, false) if whole => Fate::Waits(
                    "kept, since Braze refused more of the new target than max_refused bears",
                ),
                (true, false) => {
                    Fate::Waits("taken out by the apply after the one that fills the new target")
                }
            };
        }
        let mut removed = configuration.removed.iter();
        match removed.find(|removed| removed.address == owner.as_str()) {
            Some(removed) => Fate::Goes(Some(removed)),
            // Its owner's refusal speaks for both.
            None if left && self.entry(owner).is_some() => Fate::Stays,
            None => Fate::Vanished,
        }
    }

    fn remove(
        &mut self,
        address: &Address,
        entry: &Entry,
        empties: bool,
    ) -> Result<Option<Work>, Error> {
        let known = remembered(&self.session.configuration, address, entry);
        let Some(desired) = known else {
            self.plan.errors.push(Problem {
                address: Some(address.clone()),
                message: format!(
                    "this release cannot remove what it remembers of a {}",
                    entry.kind
                ),
                hint: None,
            });
            return Ok(None);
        };
        let (now, delta, attributes, digest) = if empties {
            let streams = Streams {
                recorded: &|| self.rows(address),
                desired: &|| Ok(Box::new(std::iter::empty())),
                aside: &|| self.aside(address, Some(entry)),
            };
            let Computed {
                now,
                delta,
                attributes,
                digest,
                ..
            } = self.emptied(address, entry, &desired, &streams)?;
            (now, delta, attributes, digest)
        } else {
            let delta = Delta {
                before: entry.counts.rows(),
                ..Delta::default()
            };
            (None, delta, vec![], String::new())
        };
        let fate = match (empties, desired.is_named()) {
            (true, false) => "taken out of Braze",
            (true, true) => {
                "taken out of Braze; the empty cohort stays in its list, since no call deletes one"
            }
            (false, _) => "left as they are in Braze",
        };
        self.note(
            address,
            serde_json::json!({"removed": fate, "rows": digest}),
        );
        if empties && delta.is_empty() && delta.set_aside > 0 {
            self.stays(address, entry, delta);
            return Ok(None);
        }
        let left = if entry.left_by.is_some() {
            ", left for another target"
        } else {
            ""
        };
        self.plan.resources.push(ResourcePlan {
            cost: Some(Cost::default()),
            delta: Some(delta),
            attributes,
            ..ResourcePlan::of(
                address,
                &entry.kind,
                Action::Delete,
                format!(
                    "{}{left}: {} rows, {fate}",
                    desired.target,
                    number(entry.counts.rows())
                ),
            )
        });
        Ok(Some(Work {
            address: address.clone(),
            desired,
            now,
            later: None,
            aside: None,
            found: None,
            name: None,
            next: None,
            fills: None,
            settle: settled_by(entry),
        }))
    }

    /// Decides rows of what is taken out of Braze: all of them, or one person's.
    pub(super) fn emptied(
        &self,
        address: &Address,
        entry: &Entry,
        desired: &Desired,
        streams: &Streams,
    ) -> Result<Computed, state::Error> {
        let mut form = desired.form.clone();
        if let Form::Attributes(attributes) = &mut form {
            attributes.clear_leavers = true;
        }
        let compared = Comparison {
            store: &self.session.store,
            address,
            rule: &form.rule(&entry.attributes, true),
            recorded: streams.recorded,
            desired: streams.desired,
            absence: Absence::default(),
            gone: &|| Gone::of(vec![]),
            anew: false,
            removes_later: false,
            aside: streams.aside,
            patience: self.patience(None),
        };
        compared.run()
    }

    /// Returns whether something is not to go: as it was applied, or as it is declared where all goes.
    pub(super) fn is_kept(&self, address: &Address, entry: &Entry) -> bool {
        let declared = self.session.configuration.resources.get(address);
        entry.left_by.is_none() && (entry.protect || declared.is_some_and(is_protected))
    }

    pub(super) fn protected(&mut self, address: &Address) {
        let hint = "declare it once more with `protect: false`, apply that, and remove it then";
        let message = "is protected and cannot be removed".to_owned();
        self.fail(address, message, Some(hint.to_owned()));
    }

    /// What Braze refused to take out stays remembered, until it is tried again.
    fn stays(&mut self, address: &Address, entry: &Entry, delta: Delta) {
        let keep = format!("removed: [{{address: {address}, on_destroy: keep}}]");
        let note = Some(format!("to be removed; {keep} lets it be"));
        self.plan.resources.push(ResourcePlan {
            delta: Some(Delta {
                before: entry.counts.rows(),
                after: entry.counts.rows(),
                ..delta
            }),
            cost: Some(Cost::default()),
            note,
            ..ResourcePlan::of(address, &entry.kind, Action::NoOp, entry.kind.clone())
        });
    }

    /// A target that was left stays until what takes its place is there.
    fn waits(&mut self, address: &Address, entry: &Entry, why: &str) {
        let rows = entry.counts.rows();
        let delta = Delta {
            before: rows,
            after: rows,
            ..Delta::default()
        };
        let note = format!("{} rows, {why}", number(rows));
        self.plan.resources.push(ResourcePlan {
            delta: Some(delta),
            cost: Some(Cost::default()),
            note: Some(note),
            ..ResourcePlan::of(address, &entry.kind, Action::NoOp, entry.kind.clone())
        });
    }

    pub(super) fn vanished(&mut self, address: &Address, entry: &Entry) {
        let rows = entry.counts.rows();
        let guard = GuardResult {
            name: "undeclared_removal".to_owned(),
            limit: "declared".to_owned(),
            value: if entry.log.is_some() || entry.destination.is_some() {
                "not declared".to_owned()
            } else {
                format!("{} rows", number(rows))
            },
            ok: false,
            message: Some(
                "its block is gone, and what it wrote is not taken out unasked; one that got another name is said by moved: \
                 [{from: OLD, to: NEW}]"
                    .to_owned(),
            ),
            paste: Some(match self.successor(entry) {
                Some(to) => format!("moved: [{{from: {address}, to: {to}}}]"),
                None => format!(
                    "removed: [{{address: {}, on_destroy: {}, reason: \"why\"}}]",
                    entry.left_by.as_ref().unwrap_or(address),
                    entry.on_destroy
                ),
            }),
        };
        let title = format!("{}: no longer declared", entry.kind);
        self.plan.resources.push(ResourcePlan {
            guards: vec![guard],
            ..ResourcePlan::of(address, &entry.kind, Action::Delete, title)
        });
    }
}

impl Drafting<'_> {
    /// The log that a vanished one may have become: the only new one of its kind. As a new log it would send everything
    /// once more.
    fn successor(&self, entry: &Entry) -> Option<&Address> {
        entry.log.as_ref()?;
        let declared = self.session.configuration.resources.values();
        let mut new = declared.filter(|resource| {
            resource.kind == entry.kind && self.entry(&resource.address).is_none()
        });
        let first = new.next()?;
        new.next().is_none().then_some(&first.address)
    }
}

/// What is said of a log whose events are to be taken out, and what to do.
pub(super) fn kept() -> (&'static str, &'static str) {
    (
        "it is a log, and events that were sent cannot be taken out again",
        "write on_destroy: keep: how far it was read is forgotten, and what it sent stays",
    )
}

/// Returns whether what goes is taken out of Braze.
pub(super) fn empties(removed: Option<&Removed>, entry: &Entry) -> bool {
    match removed.and_then(|removed| removed.on_destroy) {
        Some(on_destroy) => on_destroy == OnDestroy::Empty,
        None => entry.on_destroy == "empty",
    }
}
