//! The clients: one that reads, one that writes. A plan is handed the first alone.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    attributes::ATTRIBUTES_PATH,
    people::PEOPLE_PATH,
    segments::{DETAILS_PATH, SIZES_PATH},
};
use crate::{
    http::{
        Answer, Authorization, Exhausted, Failure, Limiter, Manner, Policy, Request, Sender,
        retrying, retrying_as,
    },
    model::{Rate, Secret},
};

/// Why Braze did not do what was asked. Texts are clean.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable answer after all tries.
    #[error("braze: {0}")]
    Exhausted(#[from] Exhausted),
    /// It answered no.
    #[error("braze: {path}: status {status} {text}")]
    Refused {
        /// The path.
        path: &'static str,
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// Cohort import was asked for without its keys.
    #[error("braze: no keys for cohort import")]
    NoImportKeys,
    /// What was to be written belongs into Amplitude.
    #[error("braze: nothing of this lane goes to Braze")]
    NotHere,
    /// The connection broke while a file was read.
    #[error("braze: {0}")]
    Broken(Failure),
    /// An export goes into a storage of the customer's, and nothing is told of it here.
    #[error(
        "braze: /users/export/segment: the answer has no address to fetch the export from: this workspace exports into a cloud storage of yours"
    )]
    ExportElsewhere,
    /// An export did not become ready.
    #[error("braze: /users/export/segment: the export was not ready within {} minutes", .0.as_secs() / 60)]
    ExportNotReady(Duration),
    /// A file that came is not whole.
    #[error("braze: {path}: the archive is damaged: {what}")]
    Damaged {
        /// The path.
        path: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// What came could not be written to the disk.
    #[error("braze: an export cannot be kept on the disk: {0}")]
    NotKept(std::io::Error),
    /// Somebody asked to stop.
    #[error("asked to stop")]
    Stopped,
    /// Its answer is not what is documented.
    #[error("braze: {path}: the answer is not what is documented")]
    Unexpected {
        /// The path.
        path: &'static str,
    },
}

impl Error {
    /// Returns whether a key was refused.
    pub fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 401 | 403,
                ..
            }
        )
    }

    /// Returns whether only what was asked at one path is to blame, so that the rest can go on.
    pub fn is_of_one_path(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unexpected { .. } | Self::Broken(_) => true,
            Self::Exhausted(exhausted) => exhausted.is_of_one_path(),
            _ => false,
        }
    }

    /// Returns what a refused key must be or have, by the path it was refused at (REST API keys page).
    pub fn key_hint(&self) -> Option<&'static str> {
        match self {
            Self::ExportElsewhere => {
                return Some(
                    "exports can be fetched only where no storage is the default for exports: see Partner Integrations > Technology Partners in Braze's dashboard, or take the members from a file",
                );
            }
            Self::ExportNotReady(_) => {
                return Some(
                    "Braze may still work on it: run again later, or see that the segment is not larger than was meant",
                );
            }
            _ => {}
        }
        let Self::Refused { path, status, .. } = self else {
            return None;
        };
        if !matches!(status, 401 | 403) {
            return None;
        }
        match *path {
            "/users/track" => {
                Some("braze.api_key must be of this instance and have the permission users.track")
            }
            "/segments/list" => {
                Some("braze.api_key must be of this instance and have the permission segments.list")
            }
            SIZES_PATH => Some(
                "braze.api_key must be of this instance and have the permission segments.data_series",
            ),
            DETAILS_PATH => Some(
                "braze.api_key must be of this instance and have the permission segments.details",
            ),
            super::exports::PATH => Some(
                "braze.api_key must be of this instance and have the permission users.export.segment",
            ),
            PEOPLE_PATH => Some(
                "braze.api_key must be of this instance and have the permission users.export.ids",
            ),
            ATTRIBUTES_PATH => Some(
                "braze.api_key must be of this instance and have the permission custom_attributes.get",
            ),
            path if path.starts_with("/partners/") => Some(
                "braze.cohort_import.partner_api_key must be the one Braze gave the partner for this region, and data_import_key the one made in the dashboard under Partner Integrations for that partner",
            ),
            _ => None,
        }
    }
}

/// What both clients share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) sender: Arc<Sender>,
    base: String,
    key: Secret,
    pub(super) policy: Policy,
}

impl Client {
    fn new(sender: Arc<Sender>, base: &str, key: &Secret) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self {
            sender,
            policy: Policy::for_endpoint(&base),
            base,
            key: key.clone(),
        }
    }

    /// Asks at a path, with what follows it in the address.
    pub(super) async fn get(
        &self,
        path: &'static str,
        query: &str,
        limiter: &Limiter,
    ) -> Result<Answer, Error> {
        let request = Request {
            method: "GET",
            url: format!("{}{path}{query}", self.base),
            path,
            authorization: Some(Authorization::Bearer(self.key.clone())),
            body: None,
            if_match: None,
        };
        Ok(retrying(&self.sender, &request, self.policy, limiter).await?)
    }

    /// Sends a body to a path. The partner endpoints have their keys in the body and take no other.
    pub(super) async fn post(
        &self,
        path: &'static str,
        address: &str,
        keys_in_body: bool,
        body: Bytes,
        limiter: &Limiter,
    ) -> Result<Answer, Error> {
        let authorization = (!keys_in_body).then(|| Authorization::Bearer(self.key.clone()));
        let request = self.posted(path, address, authorization, body);
        Ok(retrying(&self.sender, &request, self.policy, limiter).await?)
    }

    /// Sends a body that counts each time it is processed: what may have been is not sent again.
    pub(super) async fn post_once(
        &self,
        path: &'static str,
        body: Bytes,
        limiter: &Limiter,
    ) -> Result<Answer, Error> {
        self.post_as(path, body, limiter, Manner::ONCE).await
    }

    /// Sends a body whose answers have a manner of their own.
    pub(super) async fn post_as(
        &self,
        path: &'static str,
        body: Bytes,
        limiter: &Limiter,
        manner: Manner<'_>,
    ) -> Result<Answer, Error> {
        let authorization = Some(Authorization::Bearer(self.key.clone()));
        let request = self.posted(path, path, authorization, body);
        Ok(retrying_as(&self.sender, &request, self.policy, limiter, manner).await?)
    }

    fn posted(
        &self,
        path: &'static str,
        address: &str,
        authorization: Option<Authorization>,
        body: Bytes,
    ) -> Request {
        Request {
            method: "POST",
            url: format!("{}{address}", self.base),
            path,
            authorization,
            body: Some(body),
            if_match: None,
        }
    }

    pub(super) fn refused(&self, path: &'static str, answer: &Answer) -> Error {
        let text = self
            .sender
            .scrubber()
            .clean(&super::wire::error_text(&answer.body));
        Error::Refused {
            path,
            status: answer.status,
            text,
        }
    }
}

/// Reads from Braze.
#[derive(Debug)]
pub struct Reader {
    pub(super) client: Client,
    pub(super) limiter: Limiter,
    pub(super) people: Limiter,
    pub(super) attributes: Limiter,
    pub(super) people_a_minute: f64,
}

impl Reader {
    /// Makes a reader of one workspace. `share` is `use_at_most` as a fraction.
    pub fn new(sender: Arc<Sender>, base: &str, key: &Secret, share: f64) -> Self {
        let limiter = Limiter::new(3.0 * OTHERS.per_second() * share, Duration::from_secs(3));
        Self {
            client: Client::new(sender, base, key),
            limiter,
            people: Limiter::new(PEOPLE.share(share), PEOPLE.window),
            attributes: Limiter::new(ATTRIBUTES.share(share), ATTRIBUTES.window),
            people_a_minute: PEOPLE.share(share),
        }
    }
}

/// `/users/track`: 3,000 requests in 3 seconds where the contract counts data points (its page); else what the
/// headers say.
pub const TRACK_PER_SECOND: f64 = 1000.0;

/// `/partners/…/cohorts/…`: 250,000 an hour (partner cohort import page).
pub const COHORTS_PER_SECOND: f64 = 250_000.0 / 3600.0;

/// `/users/export/ids`: what customers have who came on or after 2024-08-22; others have more (its page).
const PEOPLE: Rate = Rate {
    what: "to read people",
    requests: 250,
    window: Duration::from_mins(1),
};

/// `/custom_attributes`: shared with the lists of events and products (its page).
const ATTRIBUTES: Rate = Rate {
    what: "to list attributes",
    requests: 1_000,
    window: Duration::from_hours(1),
};

/// Everything without a limit of its own (API limits page).
const OTHERS: Rate = Rate {
    what: "others",
    requests: 250_000,
    window: Duration::from_hours(1),
};

/// The documented rates that requests are paced by.
pub const RATES: [Rate; 5] = [
    Rate {
        what: "to /users/track",
        requests: 3_000,
        window: Duration::from_secs(3),
    },
    Rate {
        what: "for cohort import",
        requests: 250_000,
        window: Duration::from_hours(1),
    },
    PEOPLE,
    ATTRIBUTES,
    OTHERS,
];

/// The keys of the partner cohort endpoints.
#[derive(Clone, Debug)]
pub struct ImportKeys {
    /// The partner's name in the path.
    pub partner: String,
    /// The customer's data import key: `client_secret`.
    pub data_import_key: Secret,
    /// The partner's own key.
    pub partner_api_key: Secret,
}

/// Writes to Braze.
#[derive(Debug)]
pub struct Writer {
    pub(super) client: Client,
    pub(super) track: Limiter,
    pub(super) cohorts: Limiter,
    pub(super) import: Option<ImportKeys>,
}

impl Writer {
    /// Makes a writer of one workspace. `share` is `use_at_most` as a fraction.
    pub fn new(
        sender: Arc<Sender>,
        base: &str,
        key: &Secret,
        import: Option<ImportKeys>,
        share: f64,
    ) -> Self {
        let window = Duration::from_secs(3);
        Self {
            client: Client::new(sender, base, key),
            track: Limiter::new(3.0 * TRACK_PER_SECOND * share, window),
            cohorts: Limiter::new(3.0 * COHORTS_PER_SECOND * share, window),
            import,
        }
    }
}
