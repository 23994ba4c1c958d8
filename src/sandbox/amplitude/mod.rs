//! Amplitude as its pages describe it. It must not know that Braze exists.

mod archive;
mod cohorts;
mod csv;
mod delivery;
mod developer;
mod downloads;
mod envelope;
mod export;
mod exported;
mod hash;
mod history;
mod hour;
mod ingest;
mod ingested;
mod known;
mod lines;
mod membership;
mod metrics;
mod people;
mod person;
mod quota;
mod register;
mod roll;
mod shelf;
mod signed;
mod spool;
mod statics;
mod stored;
mod throttle;
mod tickets;
mod upload;
mod userprofile;
mod validate;

pub(crate) use developer::put as put_destination;
pub(crate) use exported::{amplitude_id as made_id, read as export_line};
pub(crate) use hour::Hour;
pub(crate) use ingested::{Ingested, Kept};
pub(crate) use person::check as check_person;
pub(crate) use quota::Quota;
pub(crate) use roll::{Member, each as each_member};
pub(crate) use shelf::Shelf;
pub(crate) use statics::{busy, place};
pub(crate) use stored::Stored;
pub(crate) use tickets::{Ticket, ticket};

use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
    sync::{Arc, Mutex},
};

use axum::response::Response;
use tokio::sync::Semaphore;

use super::{routes::Routes, windows::Sliding};

/// The service's state.
pub(crate) struct Amplitude {
    /// Cohorts and their files.
    pub(crate) shelf: Mutex<Shelf>,
    /// Events taken in.
    pub(crate) ingested: Mutex<Ingested>,
    /// 30 or 1,000 events a second of a device or user (amplitude.md 2).
    throttle: Mutex<throttle::Throttle>,
    /// Downloads of the month.
    quota: Mutex<Quota>,
    jobs: Mutex<downloads::Jobs>,
    /// 60 requests in 10 minutes (amplitude.md 2).
    asked: Mutex<Sliding>,
    /// Four of *Get one cohort* at once (amplitude.md 2).
    asking: Arc<Semaphore>,
    /// 600 profiles a minute for the organisation (amplitude.md 2).
    profiled: Mutex<Sliding>,
    /// Five of cohort downloads and Dashboard REST at once, together (amplitude.md 2).
    together: Arc<Semaphore>,
    /// Four at once and twelve a minute of delivery metrics (amplitude.md 2).
    measuring: Arc<Semaphore>,
    measured: Mutex<Sliding>,
    /// Whom Amplitude knows, as far as anybody asked.
    known: Mutex<known::Known>,
    /// Static cohorts that requests are working on.
    busy: statics::Busy,
    signer: signed::Signer,
}

impl Amplitude {
    /// Opens for business.
    pub(crate) fn new(shelf: Shelf, quota: Quota, ingested: Ingested) -> Self {
        Self {
            shelf: Mutex::new(shelf),
            ingested: Mutex::new(ingested),
            throttle: Mutex::default(),
            quota: Mutex::new(quota),
            jobs: Mutex::default(),
            asked: Mutex::new(Sliding::new(60, 600)),
            asking: Arc::new(Semaphore::new(4)),
            profiled: Mutex::new(Sliding::new(600, 60)),
            together: Arc::new(Semaphore::new(5)),
            measuring: Arc::new(Semaphore::new(4)),
            measured: Mutex::new(Sliding::new(12, 60)),
            known: Mutex::default(),
            busy: statics::Busy::default(),
            signer: signed::Signer::new(),
        }
    }
}

/// Counts the rows of a cohort file.
pub(crate) fn count_rows(path: &Path) -> io::Result<u64> {
    csv::count(BufReader::with_capacity(1 << 17, File::open(path)?))
}

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    cohorts::routes(to);
    downloads::routes(to);
    delivery::routes(to);
    userprofile::routes(to);
    export::routes(to);
    ingest::routes(to);
    metrics::routes(to);
    statics::routes(to);
    developer::routes(to);
}

/// Tells Amplitude's paths from Braze's: both answer on one port.
pub(crate) fn serves(path: &str) -> bool {
    const ROOTS: [&str; 7] = [
        "/api/",
        "/signed/",
        userprofile::PATH,
        "/2/httpapi",
        "/batch",
        "/identify",
        "/usermap",
    ];
    developer::serves(path) || ROOTS.iter().any(|root| path.starts_with(root))
}

/// Refuses a request on purpose, or for a path that is none, in the words of the API whose path it is.
pub(crate) fn refuse(path: &str, status: u16) -> Response {
    if path.starts_with(userprofile::PATH) {
        return userprofile::refused(status);
    }
    if developer::serves(path) {
        return developer::refuse(status);
    }
    match path {
        export::PATH => export::refuse(status),
        _ if ingest::PATHS.contains(&path) => ingest::refuse(status),
        _ => envelope::refuse(status),
    }
}
