//! What happens while plan and apply work, for whoever draws it: people, JSON lines, counters. No person and no secret
//! is in it. Its JSON is a promise: within "1.x" fields and types are only added (`schema/events.schema.json`).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Address, Report,
    plan::{GuardResult, Plan},
};

/// Version of the JSON of events.
pub const EVENTS_VERSION: &str = "1.0";

/// One line of `apply --format json`. The first is of type `begin` and the last of type `end`; a stream without an `end` was
/// cut by a kill. Readers pass over types and fields that they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Event")]
pub struct EventLine {
    /// When it was written.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The command begins.
    Begin {
        /// `1.0`.
        format_version: String,
        /// Which command.
        command: String,
        /// Version of syncform.
        version: String,
        /// Name of the workspace; null where the configuration could not be read.
        workspace: Option<String>,
        /// The environment, if any.
        environment: Option<String>,
    },
    /// Another run holds the lease.
    Waiting {
        /// Who, where, since when, doing what.
        holder: String,
    },
    /// An earlier run was cut; its journal was folded into the ledgers.
    Recovered {
        /// Which run.
        run: String,
        /// Rows whose answer was never seen; the next plan decides them anew.
        doubt: u64,
        /// Events whose answer was never seen; they are parked until somebody decides what becomes of them.
        parked: u64,
    },
    /// A cohort is being downloaded.
    Downloading {
        /// Its name.
        cohort: String,
        /// Members it says it has.
        size: u64,
    },
    /// A cohort's file is being read: a running total, at most about ten a second.
    Reading {
        /// Its name.
        cohort: String,
        /// Rows read so far.
        rows: u64,
    },
    /// A cohort was read.
    Read {
        /// Its name.
        cohort: String,
        /// Rows of its file.
        rows: u64,
    },
    /// A segment of Braze is being exported: that may take minutes.
    Exporting {
        /// Its name.
        segment: String,
    },
    /// A segment was exported.
    Exported {
        /// Its name.
        segment: String,
        /// People in it.
        people: u64,
    },
    /// Profiles of a cohort's people are being read, one person a request, at the pace of that call.
    ReadingProfiles {
        /// Name of the cohort.
        cohort: String,
        /// How many people are asked for.
        of: u64,
        /// Seconds that takes at that pace.
        seconds: u64,
    },
    /// So many profiles were read since the last `reading_profiles` of the cohort: a running total, at most about ten a second.
    ProfilesRead {
        /// Name of the cohort.
        cohort: String,
        /// People read so far; all, once it is `of`.
        people: u64,
    },
    /// Braze is asked what it holds of people: of those of a first apply, or of recorded ones that are read back.
    Asking {
        /// Whom.
        people: u64,
        /// Seconds that this takes at the allowed pace, about.
        seconds: u64,
    },
    /// Braze said what it holds of so many of them: a running total.
    Asked {
        /// People asked for so far.
        people: u64,
    },
    /// Hours of the Export API are being read.
    ReadingHours {
        /// How many.
        hours: u64,
    },
    /// So many of those hours were read: a running total.
    HoursRead {
        /// Hours read so far.
        hours: u64,
        /// Events in the last of them.
        events: u64,
    },
    /// Files of Currents are being read.
    ReadingFiles {
        /// Whose.
        address: Address,
        /// How many.
        files: u64,
    },
    /// So many of those files were read: a running total.
    FilesRead {
        /// Whose.
        address: Address,
        /// Files read so far.
        files: u64,
    },
    /// All was read; it is compared with what was sent before.
    Comparing,
    /// The plan is made: what is about to be applied, if nothing refuses.
    Plan {
        /// All of it, as `plan --format json` prints it.
        plan: Box<Plan>,
    },
    /// Guards refuse the plan; nothing is written.
    Refused {
        /// In words.
        message: String,
        /// Which.
        guards: Vec<RefusingGuard>,
    },
    /// Waiting before dependent writes, so that Braze cannot apply them out of order.
    Settling {
        /// Seconds.
        seconds: u64,
    },
    /// Sending into a lane begins; or goes on, once what was sent has settled.
    Sending {
        /// Into which lane.
        lane: String,
        /// What is sent.
        addresses: Vec<Address>,
        /// How many objects that is: one a person.
        objects: u64,
    },
    /// So many objects of a lane have an answer since its last `sending`: a running total, at most about ten a second.
    Sent {
        /// Of which lane.
        lane: String,
        /// Objects answered, refused ones too.
        objects: u64,
    },
    /// Nothing is sent any more; what was answered goes into the ledgers.
    Recording,
    /// What an apply did.
    Report {
        /// All of it.
        report: Report,
    },
    /// The command could not do what it was asked.
    Error {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// File of the configuration to blame, if one is.
        file: Option<String>,
        /// Line in it, from 1.
        line: Option<usize>,
        /// Column in it, from 1.
        column: Option<usize>,
    },
    /// The command ends.
    End {
        /// Its exit code.
        exit: u8,
    },
}

/// A guard that refuses.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RefusingGuard {
    /// Whose, if one resource's.
    pub address: Option<Address>,
    /// What it found.
    #[serde(flatten)]
    pub guard: GuardResult,
}

impl Event {
    /// Makes the event of a plan's refusal.
    pub fn refused(message: String, plan: &Plan) -> Self {
        let guard = |(address, guard): (Option<&Address>, &GuardResult)| RefusingGuard {
            address: address.cloned(),
            guard: guard.clone(),
        };
        Self::Refused {
            message,
            guards: plan.refusals().map(guard).collect(),
        }
    }
}
