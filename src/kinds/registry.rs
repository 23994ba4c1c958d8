//! The list of kinds. A new kind is a file and a line here; what a kind does is not decided in this file.

use schemars::{Schema, SchemaGenerator};

use super::{cohort, coming};

/// Where in a configuration entries of a kind stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `syncs`; the entry says its `kind`.
    Syncs,
    /// `segments`.
    Segments,
    /// `cohorts`.
    Cohorts,
    /// `destinations`.
    Destinations,
}

impl Section {
    /// Returns the key at the top level.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Syncs => "syncs",
            Self::Segments => "segments",
            Self::Cohorts => "cohorts",
            Self::Destinations => "destinations",
        }
    }
}

/// One kind.
pub struct KindEntry {
    /// Of a sync its `kind`; of others `segment`, `cohort`, `destination`.
    pub name: &'static str,
    /// Where it stands.
    pub section: Section,
    /// Whether this release can move it.
    pub available: bool,
    /// The schema of its own keys.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind, those still to come too.
pub const REGISTRY: &[KindEntry] = &[
    entry("cohort", Section::Syncs, true, own::<cohort::Spec>),
    entry(
        "user_property",
        Section::Syncs,
        false,
        own::<coming::user_property::Spec>,
    ),
    entry(
        "computation",
        Section::Syncs,
        false,
        own::<coming::computation::Spec>,
    ),
    entry(
        "recommendation",
        Section::Syncs,
        false,
        own::<coming::recommendation::Spec>,
    ),
    entry(
        "event_stream",
        Section::Syncs,
        false,
        own::<coming::event_stream::Spec>,
    ),
    entry(
        "currents",
        Section::Syncs,
        false,
        own::<coming::currents::Spec>,
    ),
    entry(
        "segment",
        Section::Segments,
        false,
        own::<coming::segment::Spec>,
    ),
    entry(
        "cohort",
        Section::Cohorts,
        false,
        own::<coming::static_cohort::Spec>,
    ),
    entry(
        "destination",
        Section::Destinations,
        false,
        own::<coming::destination::Spec>,
    ),
];

const fn entry(
    name: &'static str,
    section: Section,
    available: bool,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> KindEntry {
    KindEntry {
        name,
        section,
        available,
        schema,
    }
}

fn own<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// Returns the kind of that name, if this release moves it.
pub fn find(name: &str) -> Option<&'static dyn super::Kind> {
    match name {
        "cohort" => Some(&cohort::Cohort),
        _ => None,
    }
}
