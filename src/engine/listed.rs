//! The list of cohorts: read live and kept in the cache, or, with `--refresh none`, as it was kept. It holds ids, names,
//! sizes, stamps and digests of definitions, and no person.

use serde::{Deserialize, Serialize};

use super::{Error, Refresh, Session};
use crate::{
    model::{Cohort, Millis, plan::Problem},
    state,
};

const FORMAT: &str = "syncform-cohorts/1";

/// A list as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: String,
    /// Whose it is.
    amplitude: String,
    read_at: Millis,
    cohorts: Vec<Cohort>,
}

/// Reads the list live, and keeps it.
pub(super) async fn live(session: &Session) -> Result<Vec<Cohort>, Error> {
    let cohorts = session.amplitude.cohorts().await?;
    let kept = Kept {
        format: FORMAT.to_owned(),
        amplitude: session.identity.amplitude.clone(),
        read_at: session.clock.millis(),
        cohorts,
    };
    let json = serde_json::to_vec(&kept).unwrap_or_default();
    let written = session
        .store
        .cache()
        .and_then(|cache| state::write_file(&cache.join("cohorts.json"), &json));
    if let Err(error) = written {
        // It is only missed by `--refresh none`.
        tracing::warn!(%error, "the list of cohorts was not kept");
    }
    Ok(kept.cohorts)
}

/// Returns the list that a plan works with, and what the plan says about it if it is not live.
pub(super) async fn list(session: &Session) -> Result<(Vec<Cohort>, Option<Problem>), Error> {
    if session.how.refresh != Refresh::None {
        return Ok((live(session).await?, None));
    }
    let path = session.store.root().join("cache").join("cohorts.json");
    let kept = state::read_file(&path)?
        .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
        .filter(|kept| kept.format == FORMAT && kept.amplitude == session.identity.amplitude)
        .ok_or(Error::NothingKept)?;
    let read_at = jiff::Timestamp::from_millisecond(kept.read_at).unwrap_or_default();
    let problem = Problem {
        address: None,
        message: format!(
            "nothing live was read: the list of cohorts is {} old (read {})",
            age((session.clock.millis() - kept.read_at) / 1000),
            read_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        ),
        hint: Some("leave out --refresh none for what Amplitude says now".to_owned()),
    };
    Ok((kept.cohorts, Some(problem)))
}

fn age(seconds: i64) -> String {
    match seconds {
        ..=90 => format!("{} s", seconds.max(0)),
        91..=5_400 => format!("{} min", seconds / 60),
        5_401..=172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
