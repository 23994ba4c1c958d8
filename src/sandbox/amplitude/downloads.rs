//! One cohort asked for, and how far it is (amplitude.md 4.4, 4.5). It must not read a cohort into memory, or send it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    cohorts::discoverable,
    csv::{Columns, Dress},
    envelope::{authorised, missing, refused, too_many},
    quota::MONTHLY,
    spool::Spool,
    stored::Stored,
};
use crate::sandbox::{
    app::App,
    call::{Call, hold, reply},
    options::Limits,
    routes::{Routes, get, get_waiting},
    world::kind,
};

/// Documented; it was 10,000,000 in 2023 (amplitude.md 2).
const MOST_MEMBERS: u64 = 2_000_000;
/// A small file is ready before the request is answered.
const PATIENCE: Duration = Duration::from_millis(300);
/// Jobs remembered; links are good for seven days, but nobody comes back for older ones than these.
const REMEMBERED: usize = 256;

/// Lists the endpoints.
pub(crate) fn routes(to: &mut Routes) {
    to.add("/api/5/cohorts/request/{id}", get_waiting(request));
    to.add("/api/5/cohorts/request-status/{id}", get(status));
}

/// The downloads asked for in this process.
#[derive(Default)]
pub(crate) struct Jobs {
    known: VecDeque<Job>,
    count: u64,
}

/// A download somebody asked for.
#[derive(Clone)]
pub(crate) struct Job {
    /// The request's id.
    pub(crate) request: String,
    cohort: String,
    due: Timestamp,
    /// What is sent.
    pub(crate) spool: Arc<Spool>,
    _file: Option<Arc<Stored>>,
}

async fn request(app: Arc<App>, call: Call) -> Response {
    let (job, file, columns) = match accept(&app, &call) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    let (spool, dir) = (Arc::clone(&job.spool), app.world.downloads());
    let dress = Dress {
        tab: app.options.tab_prefix,
        gp: app.options.gp_prefix,
    };
    let work = tokio::task::spawn_blocking(move || {
        spool.fill(
            file.as_ref().map(|stored| stored.path.as_path()),
            &columns,
            dress,
            &dir,
        );
    });
    // A large one goes on in the background, and the status says so.
    let _ = tokio::time::timeout(PATIENCE, work).await;
    reply(
        202,
        &json!({"request_id": job.request, "cohort_id": job.cohort}),
    )
}

type Accepted = (Job, Option<Arc<Stored>>, Columns);

/// Everything a request is checked for, in the order of cost: key, rate, cohort, quota.
fn accept(app: &App, call: &Call) -> Result<Accepted, Box<Response>> {
    authorised(call)?;
    let (now, real) = (app.now(), app.options.limits == Limits::Real);
    if real && !hold(&app.amplitude.asked).take(now) {
        return Err(Box::new(too_many(
            "Exceeded rate limit with query of cost 1",
        )));
    }
    let id = call.param("id");
    let (cohort, file) = {
        let shelf = hold(&app.amplitude.shelf);
        let found = shelf.find(id).filter(|(cohort, _)| discoverable(cohort));
        let (cohort, file) = found.ok_or_else(|| Box::new(missing("no such cohort")))?;
        (cohort.clone(), file)
    };
    if real && cohort["size"].as_u64().unwrap_or_default() > MOST_MEMBERS {
        return Err(Box::new(refused(
            400,
            "invalid_request",
            "Bad Request",
            "the cohort is larger than 2000000 users; use a sync instead",
        )));
    }
    let mut quota = hold(&app.amplitude.quota);
    if real && quota.used(now) >= MONTHLY {
        return Err(Box::new(too_many(
            "Exceeded monthly limit of 500 cohort downloads",
        )));
    }
    let logged = app.world.append(kind::DOWNLOAD, now, id.as_bytes());
    logged.map_err(|_| {
        Box::new(refused(
            500,
            "unspecified",
            "Internal Server Error",
            "the world cannot be written",
        ))
    })?;
    quota.spend(now);
    drop(quota);
    let columns = columns(call);
    let spool = file
        .as_ref()
        .map_or_else(Arc::default, |stored| stored.spools.share(&columns));
    let wait = app.options.job_time.unwrap_or(if real {
        Duration::from_secs(3)
    } else {
        Duration::ZERO
    });
    let mut jobs = hold(&app.amplitude.jobs);
    jobs.count += 1;
    let job = Job {
        request: request_id(&app.world.id, now, jobs.count),
        cohort: id.to_owned(),
        due: now.checked_add(wait).unwrap_or(now),
        spool,
        _file: file.clone(),
    };
    jobs.known.push_back(job.clone());
    if jobs.known.len() > REMEMBERED {
        jobs.known.pop_front();
    }
    Ok((job, file, columns))
}

fn columns(call: &Call) -> Columns {
    if call.query("props") != Some("1") {
        return Columns::Ids;
    }
    let mut keys: Vec<String> = call
        .query
        .iter()
        .filter(|(key, _)| key == "propKeys")
        .map(|(_, value)| value.clone())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        Columns::All
    } else {
        Columns::Only(keys)
    }
}

/// Six letters and digits, like `qfaZya`, that no two requests of a world share.
fn request_id(world: &str, now: Timestamp, count: u64) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut hash = DefaultHasher::new();
    (world, now.as_nanosecond(), count).hash(&mut hash);
    let mut number = hash.finish();
    let mut text = String::new();
    for _ in 0..6 {
        text.push(char::from(LETTERS[(number % 62) as usize]));
        number /= 62;
    }
    text
}

/// Finds the job a path names.
pub(crate) fn find(app: &App, call: &Call) -> Result<Job, Box<Response>> {
    let jobs = hold(&app.amplitude.jobs);
    let found = jobs
        .known
        .iter()
        .rev()
        .find(|job| job.request == call.param("id"));
    found
        .cloned()
        .ok_or_else(|| Box::new(missing("no such request")))
}

impl Job {
    /// Tells whether the file can be had.
    pub(crate) fn done(&self, now: Timestamp) -> bool {
        now >= self.due && self.spool.ready().is_some()
    }
}

fn status(app: &App, call: &Call) -> Response {
    let job = match authorised(call).and_then(|()| find(app, call)) {
        Ok(job) => job,
        Err(refusal) => return *refusal,
    };
    let answer = |status: u16, word: &str| {
        let body: Value =
            json!({"request_id": job.request, "cohort_id": job.cohort, "async_status": word});
        reply(status, &body)
    };
    if job.done(app.now()) {
        answer(200, "JOB COMPLETED")
    } else {
        answer(202, "JOB INPROGRESS")
    }
}
