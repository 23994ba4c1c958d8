//! The client: hosts, authentication, pacing. It reads; what writes to Amplitude is another type (`ingest.rs`).

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::{
    http::{
        Answer, Authorization, Exhausted, Failure, Limiter, Manner, Opened, Policy, Request,
        Scrubber, Sender, Stream, encode, opening, retrying, retrying_as, without,
    },
    model::{Hour, Rate, Secret},
};

/// Why Amplitude did not give what was asked. Texts are clean.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable answer after all tries.
    #[error("amplitude: {0}")]
    Exhausted(#[from] Exhausted),
    /// The connection broke while a file was read.
    #[error("amplitude: {0}")]
    Broken(#[from] Failure),
    /// It answered no.
    #[error("amplitude: {path}: status {status} {text}")]
    Refused {
        /// The path, without ids.
        path: &'static str,
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// The Developer API said no.
    #[error("amplitude: {0}")]
    Problem(Box<super::Problem>),
    /// Its answer is not what is documented.
    #[error("amplitude: {path}: the answer is not what is documented: {what}")]
    Unexpected {
        /// The path, without ids.
        path: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// There is no User Profile API where the project is.
    #[error("amplitude: the User Profile API is not offered in the EU")]
    NoProfiles,
    /// More events than one answer of the Export API holds.
    #[error(
        "amplitude: the events from {from} to {to} are too many for one request: status {status} {text}"
    )]
    TooMuch {
        /// The first hour.
        from: Hour,
        /// The last one.
        to: Hour,
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// One hour has more events than the Export API gives.
    #[error(
        "amplitude: the Export API does not give the hour {hour}: status {status} {text}; an hour above 4 GB needs Amplitude's export to S3"
    )]
    HourTooLarge {
        /// The hour.
        hour: Hour,
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// A file that came is not whole.
    #[error("amplitude: {path}: the archive is damaged: {what}")]
    Damaged {
        /// The path.
        path: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// What came could not be written to the disk.
    #[error("amplitude: an archive of events cannot be kept on the disk: {0}")]
    NotKept(std::io::Error),
    /// Somebody asked to stop.
    #[error("asked to stop")]
    Stopped,
    /// A job did not end.
    #[error("amplitude: the cohort file was not ready within {} minutes; plan again later, its request is kept", .0.as_secs() / 60)]
    NotReady(Duration),
}

impl Error {
    /// Returns the status of an answer that said no.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// Returns whether the keys were refused.
    pub fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 401 | 403,
                ..
            }
        )
    }

    /// Returns whether an answer about one profile may be odd for that person alone.
    pub fn is_of_one_profile(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !matches!(status, 401 | 403),
            Self::Unexpected { .. } => true,
            _ => false,
        }
    }

    /// Returns what to do: what refused keys must be, what an API that is not there means.
    pub fn key_hint(&self) -> Option<&'static str> {
        match self {
            Self::Problem(problem) => problem.hint(),
            Self::NoProfiles => Some(
                "take out the computations and recommendations; user properties come with the cohort in both regions",
            ),
            Self::Refused { path: PROFILE, .. } if self.is_authentication() => Some(
                "the User Profile API takes amplitude.secret_key alone: it must be the one of this project",
            ),
            Self::Refused {
                path: super::export::PATH,
                status: 404,
                ..
            } => Some(
                "this is not how the Export API says that there are no events: look for a proxy or a gateway in between, and at the region configured",
            ),
            _ => self.is_authentication().then_some(
                "amplitude.api_key and amplitude.secret_key must be of one project, and of the region configured",
            ),
        }
    }
}

/// Dashboard calls, the list among them, by cost (Dashboard REST page).
const LIST: Rate = Rate {
    what: "lists",
    requests: 1000,
    window: Duration::from_mins(5),
};
/// *Get one cohort*, per app (Behavioral Cohorts page).
const COHORTS: Rate = Rate {
    what: "cohort requests",
    requests: 60,
    window: Duration::from_mins(10),
};

/// Profiles, one person each, of the whole organisation (User Profile API page).
const PROFILES: Rate = Rate {
    what: "profiles",
    requests: 600,
    window: Duration::from_mins(1),
};

/// The documented rates that calls are paced by.
pub const RATES: [Rate; 3] = [COHORTS, LIST, PROFILES];

/// Where profiles are, without ids.
pub(super) const PROFILE: &str = "/v1/userprofile";
/// Profiles that are asked for side by side at most: at the whole rate, answers may take a second and a half.
const PROFILES_AT_ONCE: f64 = 16.0;
/// The most profiles asked in a minute, whatever the share: the way to Amplitude is not equally long each time.
const PROFILES_AT_MOST: f64 = 590.0;

/// Tries of *Get one cohort*: at a quarter of failures one in 65,000 is lost.
const COHORT_TRIES: u32 = 8;

/// Reads from Amplitude.
#[derive(Debug)]
pub struct Reader {
    sender: Arc<Sender>,
    base: String,
    authorization: Authorization,
    pub(super) policy: Policy,
    list: Limiter,
    requests: Limiter,
    at_once: usize,
    pub(super) exports: Semaphore,
    profiles: Profiles,
}

/// How the User Profile API is asked.
#[derive(Debug)]
struct Profiles {
    /// Where it is; none where it is not offered.
    base: Option<String>,
    authorization: Authorization,
    policy: Policy,
    /// One at a time, so that one who is killed and comes back spends no window twice.
    turns: Limiter,
    between: Duration,
    at_once: usize,
}

impl Reader {
    /// Makes a reader of one project. `share` is `use_at_most` as a fraction.
    pub fn new(
        sender: Arc<Sender>,
        base: &str,
        api_key: &Secret,
        secret_key: &Secret,
        share: f64,
    ) -> Self {
        // 5 requests at once are the project's, whatever they ask (Dashboard REST page); one is left to the others.
        let at_once = ((4.0 * share) as usize).max(1);
        Self {
            sender,
            base: base.trim_end_matches('/').to_owned(),
            authorization: Authorization::Basic(api_key.clone(), secret_key.clone()),
            policy: Policy::for_endpoint(base),
            list: Limiter::new(LIST.share(share), LIST.window),
            requests: Limiter::new(COHORTS.share(share), COHORTS.window),
            at_once,
            exports: Semaphore::new(at_once),
            profiles: Profiles::new(secret_key, share),
        }
    }

    /// Says where the User Profile API is; none where it is not offered.
    #[must_use]
    pub fn with_profiles(mut self, base: Option<&str>) -> Self {
        self.profiles.base = base.map(|base| base.trim_end_matches('/').to_owned());
        self.profiles.policy = Policy::for_endpoint(base.unwrap_or_default());
        self
    }

    /// Asks for one person's profile, at the pace of that call. The answer is given whatever its status says.
    pub(super) async fn get_profile(&self, person: &str, query: &str) -> Result<Answer, Error> {
        let profiles = &self.profiles;
        let base = profiles.base.as_ref().ok_or(Error::NoProfiles)?;
        let request = Request {
            method: "GET",
            url: format!("{base}{PROFILE}?user_id={}{query}", encode(person)),
            path: PROFILE,
            authorization: Some(profiles.authorization.clone()),
            body: None,
            if_match: None,
        };
        let manner = Manner {
            is_busy: |answer| {
                super::wire::flat_error(&answer.body).contains("exceeds system limit")
            },
            person: Some(person),
            ..Manner::PLAIN
        };
        let (policy, turns) = (profiles.policy, &profiles.turns);
        let answer = retrying_as(&self.sender, &request, policy, turns, manner).await;
        answer.map_err(Error::from)
    }

    /// Makes the error of a profile that was refused. It never names the person.
    pub(super) fn no_profile(&self, person: &str, answer: &Answer) -> Error {
        let text = super::wire::error_text(&answer.body);
        let text = if text.contains("userData") {
            "(a profile)".to_owned()
        } else {
            text
        };
        Error::Refused {
            path: PROFILE,
            status: answer.status,
            text: self.scrubber().clean(&without(Some(person), &text)),
        }
    }

    /// Returns how many profiles may be asked for at once.
    pub fn profiles_at_once(&self) -> usize {
        self.profiles.at_once
    }

    /// Returns how long so many profiles take at the pace of that call.
    pub fn profiles_take(&self, people: u64) -> Duration {
        self.profiles.between.mul_f64(people as f64)
    }

    /// Asks, at the pace of ordinary calls.
    pub(super) async fn get(&self, path: &'static str, url: &str) -> Result<Answer, Error> {
        self.checked(
            path,
            retrying(
                &self.sender,
                &self.request(path, url),
                self.policy,
                &self.list,
            )
            .await?,
        )
    }

    /// Asks for a cohort, at the pace of that call. Each try may spend a download, so there are few.
    pub(super) async fn get_cohort(&self, path: &'static str, url: &str) -> Result<Answer, Error> {
        self.checked(
            path,
            retrying(
                &self.sender,
                &self.request(path, url),
                Policy {
                    attempts: COHORT_TRIES,
                    ..self.policy
                },
                &self.requests,
            )
            .await?,
        )
    }

    /// Asks for a body to be streamed, at the pace of ordinary calls.
    pub(super) async fn open_as(
        &self,
        path: &'static str,
        url: &str,
        manner: Manner<'_>,
    ) -> Result<Opened, Error> {
        let request = self.request(path, url);
        let opened = opening(&self.sender, &request, self.policy, &self.list, manner).await;
        opened.map_err(Error::from)
    }

    /// Opens a body to be streamed; without credentials where the address is not ours.
    pub(super) async fn open(
        &self,
        path: &'static str,
        url: String,
        ours: bool,
    ) -> Result<Stream, Failure> {
        let authorization = ours.then(|| self.authorization.clone());
        self.list.turn().await;
        self.sender
            .open(&Request {
                method: "GET",
                url,
                path,
                authorization,
                body: None,
                if_match: None,
            })
            .await
    }

    /// Returns how many cohorts may be asked for at once: 4 for the app (Behavioral Cohorts), by our share.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Waits, unless somebody asks to stop.
    pub async fn wait(&self, length: Duration) -> Result<(), Error> {
        self.unless_stopped(tokio::time::sleep(length)).await
    }

    /// Does something, unless somebody asks to stop.
    pub(super) async fn unless_stopped(&self, work: impl Future<Output = ()>) -> Result<(), Error> {
        if self.sender.waits(work).await {
            Ok(())
        } else {
            Err(Error::Stopped)
        }
    }

    /// Returns the scrubber, for texts that others read.
    pub fn scrubber(&self) -> &Scrubber {
        self.sender.scrubber()
    }

    /// Returns the stack, the address and the credentials, for what writes to the same project.
    pub(super) fn way(&self) -> (Arc<Sender>, String, Authorization) {
        (
            Arc::clone(&self.sender),
            self.base.clone(),
            self.authorization.clone(),
        )
    }

    pub(super) fn address(&self, url: &str) -> String {
        format!("{}{url}", self.base)
    }

    fn request(&self, path: &'static str, url: &str) -> Request {
        Request {
            method: "GET",
            url: self.address(url),
            path,
            authorization: Some(self.authorization.clone()),
            body: None,
            if_match: None,
        }
    }

    fn checked(&self, path: &'static str, answer: Answer) -> Result<Answer, Error> {
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(self.refused(path, status, &answer.body)),
        }
    }

    pub(super) fn refused(&self, path: &'static str, status: u16, body: &[u8]) -> Error {
        Error::Refused {
            path,
            status,
            text: self.scrubber().clean(&super::wire::error_text(body)),
        }
    }
}

impl Profiles {
    fn new(secret_key: &Secret, share: f64) -> Self {
        let most = PROFILES.share(share).clamp(1.0, PROFILES_AT_MOST);
        let between = PROFILES.window.div_f64(most);
        Self {
            base: None,
            authorization: Authorization::ApiKey(secret_key.clone()),
            policy: Policy::for_endpoint(""),
            turns: Limiter::new(1.0, between),
            between,
            at_once: ((PROFILES_AT_ONCE * share) as usize).max(1),
        }
    }
}
