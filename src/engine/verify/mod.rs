//! Reads back what Braze holds of all recorded people, or of a sample, and compares it with what is recorded. It takes no
//! lease and changes no state.
//!
//! # Guarantees
//! Every answer is kept as it comes, where `presence` keeps its own: a reading that was cut goes on where it was, what was
//! found is planned by the next plan, and the next apply takes it in.

mod people;
mod reading;
mod scope;
mod since;

use self::{
    people::Person,
    reading::{Progress, read},
    scope::Scope,
};
use super::{Error, Session, draft::unselected, fold::Recorded, plan::steadily, target};
use crate::{
    diff::{interval::interval, verify::count},
    http::asked,
    model::{Sampled, Verification, Verified},
};

pub use self::reading::Sampling;

/// Reads people back and compares.
pub async fn verify(session: &Session, sampling: Option<&Sampling>) -> Result<Verification, Error> {
    steadily(session, async || try_verify(session, sampling).await).await
}

/// Reads everybody back before a plan.
pub(super) async fn read_back(session: &Session, recorded: &Recorded) -> Result<(), Error> {
    let scope = Scope::new(session, recorded);
    let mut progress = Progress::default();
    read(session, &scope, None, &mut progress, |_, _| {}).await?;
    Ok(())
}

async fn try_verify(session: &Session, sampling: Option<&Sampling>) -> Result<Verification, Error> {
    let manifest = session.store.manifest()?;
    if let Some(problem) = unselected(session, manifest.as_ref()).into_iter().next() {
        return Err(Error::Unselected {
            message: problem.message,
            hint: problem.hint,
        });
    }
    let Some(manifest) = manifest else {
        return Ok(Verification::default());
    };
    let now = session.clock.millis();
    let recorded =
        tokio::task::block_in_place(|| Recorded::of(&session.store, manifest, now, true))?;
    // Amplitude has no part in it.
    target::check(session, Some(&recorded.manifest), &[]).await?;
    let scope = Scope::new(session, &recorded);
    let mut found = Found::new(&scope);
    let mut progress = Progress::default();
    let mut stop = session.stop.clone();
    let counted = {
        let each = |person: Person, answer: Option<&str>| found.take(&scope, &person, answer);
        let reading = read(session, &scope, sampling, &mut progress, each);
        tokio::select! {
            biased;
            () = asked(&mut stop) => Err(Error::Stopped),
            counted = reading => counted,
        }
    };
    let counted = counted.map_err(|error| match error {
        Error::Stopped => Error::Unread {
            read: progress.asked,
            people: progress.people,
        },
        other => other,
    })?;
    let sample = sampling.map(|sampling| {
        let (least, most) = interval(counted.people, found.asked, found.disagree);
        Sampled {
            seed: sampling.seed.clone(),
            least,
            most,
        }
    });
    Ok(Verification {
        people: counted.people,
        asked: found.asked,
        disagree: found.disagree,
        devices: counted.devices,
        sample,
        resources: found.resources,
        logs: scope.logs.clone(),
        statics: scope.statics.clone(),
        ..Verification::default()
    })
}

/// What was found so far.
struct Found {
    asked: u64,
    disagree: u64,
    resources: Vec<Verified>,
}

impl Found {
    fn new(scope: &Scope<'_>) -> Self {
        let resources = scope.resources.iter();
        let resources = resources.map(|(address, _)| Verified::new(address.clone()));
        Self {
            asked: 0,
            disagree: 0,
            resources: resources.collect(),
        }
    }

    /// Takes in what Braze says of a person.
    fn take(&mut self, scope: &Scope<'_>, person: &Person, answer: Option<&str>) {
        let mut disagrees = false;
        for (number, record) in &person.rows {
            let judged = scope.judge(*number, record, answer);
            disagrees |= judged.disagrees();
            let attributes = || scope.needs(*number, record);
            count(&mut self.resources[*number], record, &judged, attributes);
        }
        self.asked += u64::from(answer.is_some());
        self.disagree += u64::from(disagrees);
    }
}
