//! Which custom attributes the syncs of a configuration write, with what, and where they say so. It finds nothing wrong.

use super::{memberships, values};
use crate::{
    config::{Configuration, Resource},
    diff::catalogue::Written,
    kinds::cohort::{RunBy, Target},
};

/// One attribute that a sync writes.
pub struct Writes<'a> {
    /// The sync.
    pub resource: &'a Resource,
    /// Where it names the attribute.
    pub pointer: String,
    /// The attribute.
    pub attribute: String,
    /// What it writes.
    pub what: What,
}

/// What a sync writes into an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A label, beside those of other syncs.
    Label,
    /// Values, and nobody else does.
    Values(Written),
}

/// Returns every attribute that any sync writes, paused ones too: what they wrote stays.
pub fn writes(configuration: &Configuration) -> Vec<Writes<'_>> {
    let mut all = vec![];
    for (resource, spec) in memberships(configuration) {
        let (pointer, attribute, what) = match spec.to {
            Some(Target::AttributeArray { attribute_array }) => {
                ("/to/attribute_array", attribute_array, What::Label)
            }
            Some(Target::AttributeFlag { attribute_flag }) => {
                let what = What::Values(Written::Boolean);
                ("/to/attribute_flag", attribute_flag, what)
            }
            None | Some(Target::Word(_) | Target::CohortImport { .. }) => continue,
        };
        all.push(Writes {
            resource,
            pointer: pointer.to_owned(),
            attribute,
            what,
        });
    }
    for (resource, values) in values::all(configuration) {
        if values.run_by() == Some(RunBy::Amplitude) {
            continue;
        }
        all.extend(values.made().into_iter().map(|made| Writes {
            resource,
            attribute: made.attribute.to_owned(),
            what: What::Values(made.written),
            pointer: made.attribute_at,
        }));
    }
    all
}
