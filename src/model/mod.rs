//! Nouns that every room speaks. Data only: no I/O, no clock, nothing of ours imported.

mod address;
mod attribute;
mod checkup;
mod clock;
mod cohort;
mod cursor;
mod destination;
mod diagnostic;
pub mod digest;
mod drifted;
mod edit;
mod event;
pub mod explanation;
mod guards;
mod imported;
mod key;
mod lane;
mod log;
mod mapping;
mod number;
mod parked;
pub mod plan;
pub mod profile;
mod rate;
mod report;
mod row;
mod secret;
mod segment;
mod span;
mod veil;
mod verification;

pub use address::Address;
pub use attribute::CustomAttribute;
pub use checkup::{Check, Checkup, Verdict};
pub use clock::Clock;
pub use cohort::{Cohort, NativeSync};
pub use cursor::{Cursor, FileCursor, FileRead, HourCursor, HourRead};
pub use destination::{
    Deliveries, Destination, DestinationType, DryRun, SeenAccount, Tested, TypeParameter, streams,
};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use drifted::{Drifted, NobodyRead};
pub use edit::Edit;
pub use event::{EVENTS_VERSION, Event, EventLine, RefusingGuard};
pub use guards::{Guards, Limit};
pub use imported::{
    Imported, ImportedAccount, ImportedSegment, ImportedSetting, ImportedSync, LeftOut,
};
pub use key::{BadKey, Identity, Key};
pub use lane::Lane;
pub use log::{EventId, Hour, LogEvent, LogRow, Parked, Taken};
pub use mapping::{AliasName, DEVICE_ID, Identifier, Mapping};
pub use number::{counted, number};
pub use parked::{CheckedBatch, Decision, Evidence, ParkedBatch};
pub use rate::Rate;
pub use report::{AskedPeople, FoundRows, Report, ResourceOutcome, ResourceReport, UNKNOWN_THERE};
pub use row::{
    Change, Member, Millis, Outcome, Presence, Record, Refusal, Standing, Text, Unsorted, Verb,
};
pub use secret::Secret;
pub use segment::{Segment, SegmentDetails};
pub use span::Span;
pub use veil::{nameless, veiled};
pub use verification::{Differing, Sampled, Verification, Verified};
