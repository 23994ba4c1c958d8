//! The list of kinds. A new kind is a file and a line here; what a kind does is not decided in this file.

use schemars::{Schema, SchemaGenerator};

use serde_json::Value;

use super::{
    Kind, Log, cohort, computation, currents, destination, event_stream, recommendation, segment,
    static_cohort, user_property,
};
use crate::{config::Resource, model::Address};

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

/// What moves a resource.
#[derive(Clone, Copy)]
pub enum Moves {
    /// It compares tables, and sends the difference.
    Table(&'static dyn Kind),
    /// It sends what lies after a cursor.
    Log(&'static dyn Log),
    /// Somebody else does: it is looked at, and what differs is changed by hand.
    Watched(Watched),
    /// It is a handful of settings, compared field by field and patched.
    Managed,
}

/// What is looked at and never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A segment of Braze.
    Segment,
    /// A sync that Amplitude runs itself.
    NativeSync,
}

/// One kind.
pub struct KindEntry {
    /// Of a sync its `kind`; of others `segment`, `cohort`, `destination`.
    pub name: &'static str,
    /// Where it stands.
    pub section: Section,
    /// What moves an entry, by what it says; none where a later release will.
    pub moves: fn(&Value) -> Option<Moves>,
    /// The schema of its own keys.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind, those still to come too.
pub const REGISTRY: &[KindEntry] = &[
    sync(
        "cohort",
        |body| {
            Some(if cohort::is_native(body) {
                Moves::Watched(Watched::NativeSync)
            } else {
                Moves::Table(&cohort::Cohort)
            })
        },
        own::<cohort::Spec>,
    ),
    sync(
        "user_property",
        |_| Some(Moves::Table(&user_property::UserProperty)),
        own::<user_property::Spec>,
    ),
    sync(
        "computation",
        |_| Some(Moves::Table(&computation::Computation)),
        own::<computation::Spec>,
    ),
    sync(
        "recommendation",
        |_| Some(Moves::Table(&recommendation::Recommendation)),
        own::<recommendation::Spec>,
    ),
    sync(
        "event_stream",
        |_| Some(Moves::Log(&event_stream::EventStream)),
        own::<event_stream::Spec>,
    ),
    sync(
        "currents",
        |_| Some(Moves::Log(&currents::Currents)),
        own::<currents::Spec>,
    ),
    KindEntry {
        name: "segment",
        section: Section::Segments,
        moves: |body| match &body["members"] {
            Value::Null => Some(Moves::Watched(Watched::Segment)),
            _ => Some(Moves::Table(&segment::Materialized)),
        },
        schema: own::<segment::Spec>,
    },
    KindEntry {
        name: "cohort",
        section: Section::Cohorts,
        moves: |_| Some(Moves::Table(&static_cohort::StaticCohort)),
        schema: own::<static_cohort::Spec>,
    },
    KindEntry {
        name: "destination",
        section: Section::Destinations,
        moves: |_| Some(Moves::Managed),
        schema: own::<destination::Spec>,
    },
];

const fn sync(
    name: &'static str,
    moves: fn(&Value) -> Option<Moves>,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> KindEntry {
    KindEntry {
        name,
        section: Section::Syncs,
        moves,
        schema,
    }
}

fn own<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// Returns what moves a resource that is a table, if this release does.
pub fn find(resource: &Resource) -> Option<&'static dyn Kind> {
    match of(resource)? {
        Moves::Table(kind) => Some(kind),
        _ => None,
    }
}

/// Returns what moves a resource that is a log, if this release does.
pub fn find_log(resource: &Resource) -> Option<&'static dyn Log> {
    match of(resource)? {
        Moves::Log(log) => Some(log),
        _ => None,
    }
}

/// Returns what a resource is that somebody else runs.
pub fn find_watched(resource: &Resource) -> Option<Watched> {
    match of(resource)? {
        Moves::Watched(watched) => Some(watched),
        _ => None,
    }
}

/// Returns whether a resource is a handful of settings.
pub fn is_managed(resource: &Resource) -> bool {
    matches!(of(resource), Some(Moves::Managed))
}

fn of(resource: &Resource) -> Option<Moves> {
    moves(&resource.address, &resource.kind, &resource.body)
}

/// Returns what moves something of this kind, declared or remembered, by what its entry says.
pub fn moves(address: &Address, kind: &str, body: &Value) -> Option<Moves> {
    let sync = address.as_str().starts_with("sync.");
    let entry = REGISTRY
        .iter()
        .find(|entry| entry.name == kind && (entry.section == Section::Syncs) == sync)?;
    (entry.moves)(body)
}
