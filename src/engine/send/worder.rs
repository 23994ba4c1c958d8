//! Words merged objects for the lane they go through, whole or part by part.

use crate::{
    braze::{self, Object, track_object},
    diff::merge,
    engine::plan::{Pass, creates, standing},
    kinds::Form,
    model::{Edit, Key, Lane, Standing},
};

/// Knows what each part of an object means.
pub(in crate::engine) struct Worder {
    lane: Lane,
    forms: Vec<Form>,
    may_create: Vec<bool>,
}

impl Worder {
    /// Makes a worder of a pass.
    pub(in crate::engine) fn of(pass: &Pass) -> Self {
        let desired = || pass.parts.iter().map(|(work, _)| work);
        Self {
            lane: pass.lane.clone(),
            forms: desired().map(|work| work.desired.form.clone()).collect(),
            may_create: desired().map(|work| work.desired.create_users).collect(),
        }
    }

    /// Returns what one part asks for.
    pub(in crate::engine) fn edits(&self, part: &merge::Part) -> Vec<Edit> {
        self.forms[part.resource].edits(&part.change)
    }

    /// Words parts of one person as one object, with the data points of each part by itself.
    pub(in crate::engine) fn priced(&self, key: &Key, parts: &[merge::Part]) -> (Object, Vec<u64>) {
        let edits: Vec<Vec<Edit>> = parts.iter().map(|part| self.edits(part)).collect();
        let points = |edits: &Vec<Edit>| {
            let each = edits.iter().map(|edit| match edit {
                Edit::Set { value, .. } => braze::data_points(value),
                Edit::Array { .. } | Edit::Member { .. } => 1,
            });
            each.sum()
        };
        let mut own: Vec<u64> = edits.iter().map(points).collect();
        let object = self.worded(key, parts, edits.into_iter().flatten());
        if object.data_points == 0 {
            own.fill(0);
        }
        (object, own)
    }

    /// Words parts of one person as one object.
    pub(in crate::engine) fn word(&self, key: &Key, parts: &[merge::Part]) -> Object {
        let edits = parts.iter().flat_map(|part| self.edits(part));
        self.worded(key, parts, edits)
    }

    fn worded(
        &self,
        key: &Key,
        parts: &[merge::Part],
        edits: impl Iterator<Item = Edit>,
    ) -> Object {
        match self.lane {
            // An event is worded when it is read, and never comes here.
            Lane::UsersTrack | Lane::Events { .. } | Lane::Ingest { .. } => {
                let creates = creates(&self.may_create, parts);
                unpriced(track_object(key, edits, creates), parts, creates)
            }
            Lane::Cohort { .. } => {
                let mut edits = edits;
                let joins = edits.any(|edit| matches!(edit, Edit::Member { joins: true }));
                unpriced(braze::member(key, joins), parts, false)
            }
            Lane::Static { .. } => {
                let mut edits = edits;
                let joins = edits.any(|edit| matches!(edit, Edit::Member { joins: true }));
                // It only tells how long it is: Amplitude bills nothing for it.
                let mut object = braze::member(key, joins);
                object.data_points = 0;
                object
            }
        }
    }

    /// Words each part as an object of its own; none where what one adds another removes, so that they only make
    /// sense together.
    pub(super) fn word_apart(&self, key: &Key, parts: &[merge::Part]) -> Option<Vec<Object>> {
        let edits: Vec<Vec<Edit>> = parts.iter().map(|part| self.edits(part)).collect();
        let tied = edits.iter().enumerate().any(|(at, one)| {
            let others = edits.iter().enumerate().filter(|(other, _)| *other != at);
            others
                .flat_map(|(_, edits)| edits)
                .any(|edit| meets(one, edit))
        });
        let alone = |part: &merge::Part| self.word(key, std::slice::from_ref(part));
        (!tied).then(|| parts.iter().map(alone).collect())
    }
}

/// What is sent to people who are known not to be there is dropped, and not billed.
fn unpriced(mut object: Object, parts: &[merge::Part], creates: bool) -> Object {
    let nobody = matches!(standing(parts), Standing::Nobody | Standing::Gone);
    if nobody && !creates {
        object.data_points = 0;
    }
    object
}

/// Whether an edit adds what one of the others removes from the same attribute, or sets what one of them clears.
fn meets(edits: &[Edit], other: &Edit) -> bool {
    let clears = |wanted: &str| {
        edits.iter().any(
            |edit| matches!(edit, Edit::Set { attribute, value } if attribute == wanted && value.is_null()),
        )
    };
    match other {
        Edit::Set { attribute, value } => !value.is_null() && clears(attribute),
        Edit::Array {
            attribute,
            add: Some(add),
            ..
        } => {
            let removes = |edit: &Edit| matches!(edit, Edit::Array { attribute: own, remove, .. } if own == attribute && remove.contains(add));
            edits.iter().any(removes) || clears(attribute)
        }
        Edit::Array { .. } | Edit::Member { .. } => false,
    }
}
