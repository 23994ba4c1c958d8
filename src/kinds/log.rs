//! What a kind of log is: it says where events are read, which of them are sent, and how each is worded. It never sends.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    config::Resource,
    model::{Diagnostic, Hour, Lane, Mapping, Taken},
};

use super::identify;

/// A kind of log that this release moves. One file each; `registry.rs` lists them.
pub trait Log: Sync {
    /// Returns what an entry asks for; no reading. `app_id` is Braze's identifier of the app, where it is configured.
    fn stream(&self, resource: &Resource, app_id: Option<&str>) -> Result<Stream, Diagnostic>;

    /// Returns by what its events name people, the first choice first.
    fn identify_by(&self, resource: &Resource) -> Mapping {
        identify::mapping(&resource.settings)
    }
}

/// What an entry of a log asks for.
#[derive(Clone)]
pub struct Stream {
    /// Where its events are read, and what becomes of each.
    pub source: LogSource,
    /// Where they go.
    pub lane: Lane,
    /// From where to where in a few words: `Order Completed -> purchases`.
    pub title: String,
    /// Whether a batch whose answer was lost is sent again; else it is parked.
    pub sent_again: bool,
    /// Whether people unknown to Braze are created.
    pub create_users: bool,
    /// What is remembered as applied: the entry less what has no effect on what is sent.
    pub config: Value,
}

/// Where events are read.
#[derive(Clone)]
pub enum LogSource {
    /// Hours of Amplitude's Export API.
    Hours {
        /// The first moment that is sent, by when Amplitude took an event.
        start: Timestamp,
        /// The moment from which on nothing is sent.
        stop: Option<Timestamp>,
        /// Says what becomes of a line of an archive.
        takes: Arc<dyn TakesLines>,
    },
    /// Files of Braze's Currents.
    Files {
        /// A directory, or a prefix in a bucket.
        place: String,
        /// The first hour that is sent, by when Braze queued an event.
        start: Option<Hour>,
        /// Says what becomes of a record of a file.
        takes: Arc<dyn TakesRecords>,
    },
}

/// Says what becomes of a line of the Export API.
pub trait TakesLines: Send + Sync {
    /// Words the event of a line, or says why it is not sent.
    fn take(&self, line: &[u8]) -> Taken;
}

/// Says what becomes of a record of Currents.
pub trait TakesRecords: Send + Sync {
    /// Returns whether any event of a type may be sent: files of others are not opened.
    fn wants(&self, event_type: &str) -> bool;

    /// Words the event of a record, or says why it is not sent.
    fn take(&self, event_type: &str, record: &Map<String, Value>) -> Taken;
}
