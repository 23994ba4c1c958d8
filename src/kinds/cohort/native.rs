//! A cohort sync that Amplitude runs itself (`run_by: amplitude`): what is declared of it, and how it is put right by hand. No
//! public API makes, changes or ends one: only Amplitude's web app does.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{RunBy, Spec};
use crate::{
    config::{Cadence, CadenceWord, CohortRef, Resource, Settings},
    diff::native::{Frequency, Verdict},
};

/// What is declared of a sync that Amplitude runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// The cohort.
    pub cohort: CohortRef,
    /// How often it goes.
    pub cadence: Frequency,
    /// What is remembered of its configuration.
    pub config: Value,
}

/// Returns whether an entry says that Amplitude runs it.
pub fn is_native(body: &Value) -> bool {
    body["run_by"] == json!(RunBy::Amplitude)
}

/// Returns what is declared; none where a check refuses what the entry says.
pub fn native(resource: &Resource) -> Option<Native> {
    let spec: Spec = serde_json::from_value(resource.body.clone()).ok()?;
    let cadence = frequency(&resource.settings)?;
    let config = json!({
        "kind": resource.kind,
        "cohort": spec.cohort,
        "run_by": RunBy::Amplitude,
        "cadence": cadence.word(),
    });
    Some(Native {
        cohort: spec.cohort,
        cadence,
        config,
    })
}

/// Returns the cadence; none where the list of cohorts could not tell whether it is kept.
pub fn frequency(settings: &Settings) -> Option<Frequency> {
    match &settings.cadence {
        None | Some(Cadence::Word(CadenceWord::Daily)) => Some(Frequency::Daily),
        Some(Cadence::Word(CadenceWord::Hourly)) => Some(Frequency::Hourly),
        Some(Cadence::Word(CadenceWord::Realtime)) => Some(Frequency::Realtime),
        Some(Cadence::Word(CadenceWord::Once) | Cadence::Cron { .. }) => None,
    }
}

/// Says in a line what is the matter with the sync of a cohort.
pub fn matter(cohort: &str, wanted: Frequency, verdict: &Verdict, now: Timestamp) -> String {
    match verdict {
        Verdict::Missing => format!("Amplitude runs no sync of cohort \"{cohort}\" to Braze"),
        Verdict::Several(cadences) => format!(
            "there are {} syncs ({}), and fewer are declared: another account, or one that was left over",
            cadences.len(),
            cadences.join(", ")
        ),
        Verdict::Cadence(is) => format!("it goes {is}, and {} is declared", wanted.word()),
        Verdict::Failing {
            failed,
            succeeded: Some(last),
        } => format!(
            "it failed {}, and last went well {}",
            when(*failed, now),
            when(*last, now)
        ),
        Verdict::Failing { failed, .. } => {
            format!("it failed {}, and never went well", when(*failed, now))
        }
        Verdict::NeverRan => "it was never seen to run".to_owned(),
        Verdict::Stale(last) => format!(
            "it last went well {}, over twice its cadence ago",
            when(*last, now)
        ),
    }
}

/// Writes a time: of today only the hour.
pub fn when(time: Timestamp, now: Timestamp) -> String {
    let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
    let format = if day(time) == day(now) {
        "%H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M UTC"
    };
    time.strftime(format).to_string()
}

/// Words what somebody has to do about it in Amplitude's web app, step by step.
pub fn steps(cohort: &str, wanted: Frequency, verdicts: &[Verdict]) -> Vec<String> {
    let mut steps = vec![format!(
        "In Amplitude: Audiences > Cohorts, open \"{cohort}\""
    )];
    let cadence = in_the_app(wanted);
    let failing = |verdict: &Verdict| matches!(verdict, Verdict::Failing { .. });
    let (fails, edits) = (
        verdicts.iter().any(failing),
        verdicts.iter().any(|it| matches!(it, Verdict::Cadence(_))),
    );
    // What it fails of comes before what runs it at once, and that is done once.
    let mut verdicts: Vec<&Verdict> = verdicts.iter().collect();
    verdicts.sort_by_key(|verdict| match verdict {
        Verdict::Missing | Verdict::Several(_) => 0,
        Verdict::Failing { .. } => 1,
        Verdict::Cadence(_) => 2,
        Verdict::NeverRan | Verdict::Stale(_) => 3,
    });
    for verdict in verdicts {
        match verdict {
            Verdict::Missing => steps.extend([
                format!("Sync to… > Braze, choose the account; cadence: {cadence}"),
                "map Amplitude's User ID to Braze's external_id, and save: it runs at once".to_owned(),
            ]),
            Verdict::Several(_) => steps.push(
                "Syncs: delete the sync to Braze that is left over; if both are meant, for two accounts or two identifiers, declare \
                 the other one too, as a sync of its own with run_by: amplitude"
                    .to_owned(),
            ),
            Verdict::Cadence(is) => steps.push(format!(
                "Syncs > Braze > Edit: change the cadence from {} to {cadence}, and save: it runs at once",
                Frequency::of_word(is).map_or(is.as_str(), |known| in_the_app(known))
            )),
            Verdict::Failing { .. } => {
                steps.extend([
                    "Syncs > Braze: read in its history what the last run failed of".to_owned(),
                    "In Braze: Partner Integrations > Technology Partners > Amplitude shows the data import key that the account in Amplitude must hold"
                        .to_owned(),
                ]);
                if !edits {
                    steps.push("Run the sync once more: what it missed is sent with the next run that goes well".to_owned());
                }
            }
            // One that fails, or is edited anyway, is run by that.
            Verdict::NeverRan | Verdict::Stale(_) if fails || edits => {}
            Verdict::NeverRan | Verdict::Stale(_) => steps.extend([
                "Syncs > Braze: see that it is on, and when it ran last by its history".to_owned(),
                "Edit and save it: that gives it a new slot, and runs it at once".to_owned(),
            ]),
        }
    }
    steps
}

/// The cadence as the web app shows it.
const fn in_the_app(cadence: Frequency) -> &'static str {
    match cadence {
        Frequency::Realtime => "Real-time",
        Frequency::Hourly => "Hourly",
        Frequency::Daily => "Daily",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_one_order_and_run_it_once() {
        let time = Timestamp::UNIX_EPOCH;
        let failing = || Verdict::Failing {
            failed: time,
            succeeded: Some(time),
        };
        let words = |verdicts: &[Verdict]| {
            let steps = steps("Lapsed", Frequency::Daily, verdicts);
            let first =
                |step: &String| step.split([':', ',']).next().unwrap_or_default().to_owned();
            steps[1..].iter().map(first).collect::<Vec<_>>()
        };
        let (history, key) = ("Syncs > Braze", "In Braze");
        let edit = "Syncs > Braze > Edit";
        assert_eq!(
            words(&[failing(), Verdict::Stale(time)]),
            [history, key, "Run the sync once more"]
        );
        // What it fails of comes first; to save the cadence runs it.
        let all = [
            Verdict::Cadence("hourly".into()),
            failing(),
            Verdict::Stale(time),
        ];
        assert_eq!(words(&all), [history, key, edit]);
        let late = [Verdict::Cadence("hourly".into()), Verdict::Stale(time)];
        assert_eq!(words(&late), [edit]);
        assert_eq!(words(&[Verdict::NeverRan]), [history, "Edit and save it"]);
        assert_eq!(Frequency::of("realtime"), Frequency::of("minute"));
    }
}
