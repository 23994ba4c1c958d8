//! `segments`: what a segment of Braze should be. One that filters is looked at, since no public endpoint writes segments; one
//! with members is a table, computed here.
//!
//! From: `/segments/list` (100 a page), `/segments/details` (free text, no filters), `/segments/data_series` (estimates).

mod materialized;
mod spec;
mod steps;
mod words;

pub use materialized::{Materialized, UNDECLARED};
pub use spec::{Filter, Group, Members, Scalar, SizeCheck, Spec, Term, Verify, VerifyWord};
pub use steps::{Sheet, filters, idle, quoted, unverified};
pub use words::{Shown, Words, worded};

use crate::{config::Resource, model::Limit};

/// How far off an estimated size may be unless the YAML says otherwise.
pub const TOLERANCE: Limit = Limit::Percent(5.0);

/// Returns what an entry says; none where the schema refused it.
pub fn spec(resource: &Resource) -> Option<Spec> {
    serde_json::from_value(resource.body.clone()).ok()
}

impl Spec {
    /// Returns whether it is verified by its size.
    pub fn sized(&self) -> bool {
        self.verify.as_ref().is_some_and(|it| it.size().is_some())
    }
}

impl Filter {
    /// Returns the address of the sync, where the filter is the members of one and nothing else.
    pub fn only_sync(&self) -> Option<&str> {
        let parts = match self {
            Self::In { within } => return Some(within),
            Self::Group(group) if group.none_of.is_none() => group.keys(),
            _ => return None,
        };
        let parts: Vec<&Self> = parts.flat_map(|(_, parts)| parts).collect();
        match parts.as_slice() {
            [only] => only.only_sync(),
            _ => None,
        }
    }

    /// Meets every part that is no group, each with its pointer below the filter's.
    pub fn each<'a>(&'a self, pointer: &str, meet: &mut impl FnMut(&str, &'a Self)) {
        let Self::Group(group) = self else {
            meet(pointer, self);
            return;
        };
        for (key, parts) in group.keys() {
            for (at, part) in parts.iter().enumerate() {
                part.each(&format!("{pointer}/{key}/{at}"), meet);
            }
        }
    }
}

impl Group {
    /// Returns the keys that are there, each with its filters.
    pub fn keys(&self) -> impl Iterator<Item = (&'static str, &[Filter])> {
        let all = [
            ("all_of", &self.all_of),
            ("any_of", &self.any_of),
            ("none_of", &self.none_of),
        ];
        all.into_iter()
            .filter_map(|(key, parts)| Some((key, parts.as_deref()?)))
    }
}

impl Verify {
    /// Returns what the size is held against, where the size is what is verified.
    pub fn size(&self) -> Option<SizeCheck> {
        match self {
            Self::Word(VerifyWord::Size) => Some(SizeCheck::default()),
            Self::Size { size } => Some(size.clone()),
            Self::Word(VerifyWord::Export) => None,
        }
    }

    /// Returns whether the people are compared, one by one.
    pub fn exports(&self) -> bool {
        matches!(self, Self::Word(VerifyWord::Export))
    }
}
