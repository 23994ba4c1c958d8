//! The desired rows of a sync: what was read of each person made a value, and counted on the way.

use std::{cell::RefCell, rc::Rc};

use serde_json::Value;

use super::{compute::Members, profiles::UNREADABLE};
use crate::{
    kinds::Form,
    model::{Member, plan::AttributePlan},
    state::Error,
};

/// What was seen of the desired rows, shared with the stream that sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Rc<RefCell<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    people: u64,
    /// People of whom nothing was read.
    unread: u64,
    /// People whom Amplitude does not know by their profile.
    unknown: u64,
    /// People whose profile cannot be read.
    unreadable: u64,
    /// In the order of the form.
    attributes: Vec<AttributePlan>,
}

impl Seen {
    /// Returns how many people were seen.
    pub(super) fn people(&self) -> u64 {
        self.0.borrow().people
    }

    /// Returns of how many of them nothing was read.
    pub(super) fn unread(&self) -> u64 {
        self.0.borrow().unread
    }

    /// Returns how many of them Amplitude does not know.
    pub(super) fn unknown(&self) -> u64 {
        self.0.borrow().unknown
    }

    /// Returns of how many of them the profile cannot be read.
    pub(super) fn unreadable(&self) -> u64 {
        self.0.borrow().unreadable
    }

    /// Returns what was seen of each attribute: what a full push costs, and what Braze could not hold.
    pub(super) fn attributes(&self) -> Vec<AttributePlan> {
        self.0.borrow().attributes.clone()
    }

    fn begin(&self, form: &Form) {
        let names = form.attributes().iter();
        let attributes = names.map(|attribute| AttributePlan::named(attribute.name.clone()));
        *self.0.borrow_mut() = Counts {
            people: 0,
            unread: 0,
            unknown: 0,
            unreadable: 0,
            attributes: attributes.collect(),
        };
    }
}

/// Gives each row the value that Braze should hold, from the cells at these places of what was read.
pub(super) fn valued(
    rows: Members,
    form: &Form,
    label: &str,
    places: Vec<usize>,
    seen: &Seen,
) -> Members {
    seen.begin(form);
    let Form::Attributes(_) = form else {
        // A membership's value is the same for everybody.
        let value = form.value(label, &[]).value;
        let seen = seen.clone();
        return Box::new(rows.map(move |row| {
            seen.0.borrow_mut().people += 1;
            row.map(|member| Member {
                value: value.clone(),
                ..member
            })
        }));
    };
    let (form, seen) = (form.clone(), seen.clone());
    Box::new(rows.map(move |row| {
        let mut member = row?;
        let mut counts = seen.0.borrow_mut();
        counts.people += 1;
        if member.value.as_ref() == UNREADABLE {
            counts.unreadable += 1;
            member.value = "{}".into();
            return Ok(member);
        }
        if member.value.is_empty() {
            // Nothing is said of any attribute, so whatever is there stays.
            counts.unread += 1;
            member.value = "{}".into();
            return Ok(member);
        }
        let read: Option<Vec<Value>> =
            serde_json::from_str(&member.value).map_err(|_| Error::Corrupt {
                path: "cache".into(),
                what: "a cached row whose cells cannot be read; remove the cache and plan again"
                    .to_owned(),
            })?;
        counts.unknown += u64::from(read.is_none());
        let read = read.unwrap_or_default();
        let of = |at: &usize| read.get(*at).cloned().unwrap_or_default();
        let cells: Vec<Value> = places.iter().map(of).collect();
        let valued = form.value("", &cells);
        for (attribute, points) in counts.attributes.iter_mut().zip(&valued.points) {
            attribute.full_push_data_points += points;
        }
        for (at, why) in valued.unfit {
            let skipped = &mut counts.attributes[at].skipped;
            *skipped.entry(why.to_owned()).or_default() += 1;
        }
        member.value = valued.value;
        Ok(member)
    }))
}
