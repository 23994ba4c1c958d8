//! The list of kinds. A new kind is a file and a line here; what a kind does is not decided in this file.

use schemars::{Schema, SchemaGenerator};

use super::{
    Kind, Log, cohort, coming, computation, currents, event_stream, recommendation, user_property,
};
use crate::model::Address;

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

/// What moves a kind.
#[derive(Clone, Copy)]
pub enum Moves {
    /// It compares tables, and sends the difference.
    Table(&'static dyn Kind),
    /// It sends what lies after a cursor.
    Log(&'static dyn Log),
}

/// One kind.
pub struct KindEntry {
    /// Of a sync its `kind`; of others `segment`, `cohort`, `destination`.
    pub name: &'static str,
    /// Where it stands.
    pub section: Section,
    /// What moves it; none where a later release will.
    pub kind: Option<Moves>,
    /// The schema of its own keys.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind, those still to come too.
pub const REGISTRY: &[KindEntry] = &[
    entry(
        "cohort",
        Section::Syncs,
        Some(Moves::Table(&cohort::Cohort)),
        own::<cohort::Spec>,
    ),
    entry(
        "user_property",
        Section::Syncs,
        Some(Moves::Table(&user_property::UserProperty)),
        own::<user_property::Spec>,
    ),
    entry(
        "computation",
        Section::Syncs,
        Some(Moves::Table(&computation::Computation)),
        own::<computation::Spec>,
    ),
    entry(
        "recommendation",
        Section::Syncs,
        Some(Moves::Table(&recommendation::Recommendation)),
        own::<recommendation::Spec>,
    ),
    entry(
        "event_stream",
        Section::Syncs,
        Some(Moves::Log(&event_stream::EventStream)),
        own::<event_stream::Spec>,
    ),
    entry(
        "currents",
        Section::Syncs,
        Some(Moves::Log(&currents::Currents)),
        own::<currents::Spec>,
    ),
    entry(
        "segment",
        Section::Segments,
        None,
        own::<coming::segment::Spec>,
    ),
    entry(
        "cohort",
        Section::Cohorts,
        None,
        own::<coming::static_cohort::Spec>,
    ),
    entry(
        "destination",
        Section::Destinations,
        None,
        own::<coming::destination::Spec>,
    ),
];

const fn entry(
    name: &'static str,
    section: Section,
    kind: Option<Moves>,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> KindEntry {
    KindEntry {
        name,
        section,
        kind,
        schema,
    }
}

fn own<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// Returns what moves a resource that is a table, if this release does.
pub fn find(address: &Address, kind: &str) -> Option<&'static dyn Kind> {
    match moves(address, kind)? {
        Moves::Table(kind) => Some(kind),
        Moves::Log(_) => None,
    }
}

/// Returns what moves a resource that is a log, if this release does.
pub fn find_log(address: &Address, kind: &str) -> Option<&'static dyn Log> {
    match moves(address, kind)? {
        Moves::Log(log) => Some(log),
        Moves::Table(_) => None,
    }
}

fn moves(address: &Address, kind: &str) -> Option<Moves> {
    let sync = address.as_str().starts_with("sync.");
    REGISTRY
        .iter()
        .find(|entry| entry.name == kind && (entry.section == Section::Syncs) == sync)
        .and_then(|entry| entry.kind)
}
