//! Amplitude as its pages describe it. It must not know that Braze exists.

mod archive;
mod cohorts;
mod csv;
mod delivery;
mod downloads;
mod envelope;
mod export;
mod exported;
mod hash;
mod history;
mod hour;
mod ingest;
mod ingested;
mod lines;
mod people;
mod person;
mod quota;
mod shelf;
mod signed;
mod spool;
mod stored;
mod throttle;
mod tickets;
mod userprofile;
mod validate;

pub(crate) use exported::read as export_line;
pub(crate) use hour::Hour;
pub(crate) use ingested::{Ingested, Kept};
pub(crate) use person::check as check_person;
pub(crate) use quota::Quota;
pub(crate) use shelf::Shelf;
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
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// Refuses a request on purpose, or for a path that is none, in the words of the API whose path it is.
pub(crate) fn refuse(path: &str, status: u16) -> Response {
    if path.starts_with(userprofile::PATH) {
        return userprofile::refused(status);
    }
    match path {
        export::PATH => export::refuse(status),
        _ if ingest::PATHS.contains(&path) => ingest::refuse(status),
        _ => envelope::refuse(status),
    }
}
