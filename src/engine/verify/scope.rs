//! What is read back: the resources of a state that are selected, with the form in which their rows are kept.

use std::collections::BTreeSet;

use super::people::{People, people};
use crate::{
    diff::{
        presence::Found,
        values::object,
        verify::{Judgement, judge, mute, still_says},
    },
    engine::{Session, fold::Recorded, people::covers, presence},
    kinds::Form,
    model::{Address, Millis, Record, Text},
    state,
};

/// What is read back.
pub(super) struct Scope<'a> {
    session: &'a Session,
    recorded: &'a Recorded,
    /// Resources, in the order of their numbers.
    pub(super) resources: Vec<(Address, Form)>,
    /// Logs: there is nothing of them to read back.
    pub(super) logs: Vec<Address>,
    /// Static cohorts: they are in Amplitude.
    pub(super) statics: Vec<Address>,
    /// What profiles are to tell: of every resource, selected or not, as a later answer takes the place of an earlier one.
    pub(super) attributes: BTreeSet<String>,
    /// When it begins.
    pub(super) now: Millis,
}

impl<'a> Scope<'a> {
    /// Takes what is selected.
    pub(super) fn new(session: &'a Session, recorded: &'a Recorded) -> Self {
        let manifest = &recorded.manifest;
        let mut forms = presence::forms(&session.configuration, manifest);
        let told_by = forms.values().flat_map(Form::told_by);
        let mut attributes: BTreeSet<String> = told_by.map(str::to_owned).collect();
        let (mut resources, mut logs, mut statics) = (vec![], vec![], vec![]);
        for (address, entry) in &manifest.resources {
            attributes.extend(entry.attributes.iter().cloned());
            let owner = entry.left_by.as_ref().unwrap_or(address);
            let form = forms.remove(address);
            if session.selection.takes(owner, &entry.kind) {
                resources.extend(form.map(|form| (address.clone(), form)));
                logs.extend(entry.log.as_ref().map(|_| address.clone()));
                statics.extend(entry.uploaded.as_ref().map(|_| address.clone()));
            }
        }
        Self {
            session,
            recorded,
            resources,
            logs,
            statics,
            attributes,
            now: session.clock.millis(),
        }
    }

    /// Returns how many rows there are.
    pub(super) fn rows(&self) -> u64 {
        let entries = &self.recorded.manifest.resources;
        let of = |(address, _): &(Address, Form)| entries.get(address);
        let entries = self.resources.iter().filter_map(of);
        entries.map(|entry| entry.counts.rows()).sum()
    }

    /// Opens the people whom the resources are about.
    pub(super) fn people(&self) -> Result<People, state::Error> {
        let resources = self.resources.iter();
        let rows = resources.map(|(address, _)| self.recorded.rows(&self.session.store, address));
        Ok(people(rows.collect::<Result<_, _>>()?))
    }

    /// Returns whether an answer that was kept says of all rows of a person what one given now would.
    pub(super) fn says(
        &self,
        person: &super::people::Person,
        answer: &Text,
        asked_at: Millis,
    ) -> bool {
        let mut judged = person.judged(self.now);
        judged.all(|(number, record)| {
            still_says(record, asked_at) && self.tells(number, record, answer)
        })
    }

    /// Judges a row by an answer, if there is one.
    pub(super) fn judge(&self, number: usize, record: &Record, answer: Option<&str>) -> Judgement {
        if let Some(mute) = mute(record, self.now) {
            return mute;
        }
        let Some(answer) = answer.filter(|answer| self.tells(number, record, answer)) else {
            return Judgement::Unread;
        };
        let found = if answer.is_empty() {
            Found::Nobody
        } else {
            let form = &self.resources[number].1;
            form.found(&record.value, &object(answer))
        };
        judge(record, found)
    }

    /// Returns the attributes that tell of a row.
    pub(super) fn needs(&self, number: usize, record: &Record) -> Vec<String> {
        self.resources[number].1.needs(&record.value)
    }

    fn tells(&self, number: usize, record: &Record, answer: &str) -> bool {
        let needs = self.needs(number, record);
        covers(answer, needs.iter().map(String::as_str))
    }
}
