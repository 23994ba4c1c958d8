//! Through which door rows are written, of Braze or of Amplitude. Data only; what a door takes is the client's to know.

/// A door. Everything for one person in one lane travels in one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// `/users/track`.
    UsersTrack,
    /// Partner cohort import of one cohort: one request at a time.
    Cohort {
        /// Id of the cohort in Braze.
        id: String,
    },
    /// Events and purchases of one log, through `/users/track`: each once, in their order.
    Events {
        /// Name of the sync.
        sync: String,
    },
    /// Events of one log, into Amplitude: no door of Braze.
    Ingest {
        /// Name of the sync.
        sync: String,
    },
    /// Members of one static cohort of Amplitude: one request at a time.
    Static {
        /// Name of its entry.
        cohort: String,
    },
}

const COHORTS: &str = "cohorts/";
const EVENTS: &str = "events/";
const INGEST: &str = "ingest/";
const STATIC: &str = "static/";

impl Lane {
    /// Returns whether a name is that of a cohort's lane.
    pub fn imports(name: &str) -> bool {
        name.starts_with(COHORTS)
    }

    /// Returns whether a name is that of a log's lane.
    pub fn is_log(name: &str) -> bool {
        name.starts_with(EVENTS) || Self::ingests(name)
    }

    /// Returns whether a name is that of a lane into Amplitude.
    pub fn ingests(name: &str) -> bool {
        name.starts_with(INGEST)
    }

    /// Returns whether a name is that of a static cohort's lane.
    pub fn is_static(name: &str) -> bool {
        name.starts_with(STATIC)
    }

    /// Returns its name in journal and manifest.
    pub fn name(&self) -> String {
        match self {
            Self::UsersTrack => "users/track".to_owned(),
            Self::Cohort { id } => format!("{COHORTS}{id}"),
            Self::Events { sync } => format!("{EVENTS}{sync}"),
            Self::Ingest { sync } => format!("{INGEST}{sync}"),
            Self::Static { cohort } => format!("{STATIC}{cohort}"),
        }
    }
}
