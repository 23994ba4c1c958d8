//! What Amplitude says: host, keys, downloads, rates.

use super::{
    Look, Service, Services,
    here::plural,
    host, knock,
    told::{Met, Told},
    within,
};
use crate::{
    amplitude::{LIST_PATH, RATES, Reader, Usage},
    config::{Configuration, Region},
    diff::checkup,
    engine::draft::scope,
    kinds::{self, quota},
    model::{Check, Cohort, Diagnostic, Rate, Span, number},
};

const HOST: &str = "amplitude host";
const KEYS: &str = "amplitude keys";

/// Paths whose first answers tell the time there.
pub(super) const PATHS: [&str; 1] = [LIST_PATH];

/// What became of what was asked.
pub(super) struct Asked {
    list: Told<Vec<Cohort>>,
    usage: Told<Option<Usage>>,
    /// Whether profiles are answered, where any sync reads them.
    profiles: Told<()>,
    /// Where no key could be asked with.
    knocked: Told<()>,
}

impl Asked {
    /// Returns the cohorts, if they were listed.
    pub(super) fn cohorts(&self) -> Option<&[Cohort]> {
        match &self.list {
            Told::Yes(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the project, if a cohort told it.
    pub(super) fn project(&self) -> Option<u64> {
        match &self.list {
            Told::Yes(list) => list.iter().find_map(|cohort| cohort.project),
            _ => None,
        }
    }
}

pub(super) async fn ask(look: &Look, services: &Services) -> Asked {
    let service = &services.amplitude;
    match &service.reader {
        Err(_) => Asked {
            list: Told::Unasked,
            usage: Told::Unasked,
            profiles: Told::Unasked,
            knocked: knock(&services.sender, &service.url, LIST_PATH).await,
        },
        Ok(reader) => {
            let profiles = async {
                if reads_profiles(&look.configuration) {
                    within(reader.answers_profiles()).await
                } else {
                    Told::Unasked
                }
            };
            let (list, usage, profiles) =
                tokio::join!(within(reader.cohorts()), within(reader.usage()), profiles);
            Asked {
                list,
                usage,
                profiles,
                knocked: Told::Unasked,
            }
        }
    }
}

pub(super) fn checks(look: &Look, services: &Services, asked: &Asked) -> Vec<Check> {
    let service = &services.amplitude;
    let met: Vec<Met> = [asked.list.met(), asked.knocked.met()]
        .into_iter()
        .flatten()
        .collect();
    let mut checks = vec![
        host(HOST, "Amplitude", look, service, &met),
        keys(look, service, &asked.list),
    ];
    checks.extend(profiles(&asked.profiles));
    checks.extend([downloads(look, &asked.usage), limits(look, service)]);
    checks
}

/// Whether any sync reads profiles.
fn reads_profiles(configuration: &Configuration) -> bool {
    configuration.resources.values().any(|resource| {
        let kind = kinds::find(resource);
        let desired =
            kind.and_then(|kind| kind.desired(resource, &scope(configuration, None)).ok());
        desired.is_some_and(|desired| desired.reads.question().is_some())
    })
}

/// What is said of profiles; nothing where no sync reads them, or nothing could be asked.
fn profiles(told: &Told<()>) -> Option<Check> {
    const NAME: &str = "amplitude profiles";
    const HINT: &str = "syncs of computations and recommendations wait for it; others do not";
    Some(match told {
        Told::Unasked => return None,
        Told::Yes(()) => Check::ok(NAME, "answered"),
        Told::Refused(words, hint) => {
            Check::fail(NAME, format!("refused: {words}"), hint.unwrap_or(HINT))
        }
        Told::Odd(text) => Check::warn(NAME, format!("answered {text}"), HINT),
        Told::Busy(text) => Check::warn(NAME, text.clone(), HINT),
        Told::Unreached(_, text) => Check::fail(NAME, format!("not reached: {text}"), HINT),
    })
}

fn keys(look: &Look, service: &Service<Reader>, list: &Told<Vec<Cohort>>) -> Check {
    const NAME: &str = KEYS;
    if let Err(missing) = &service.reader {
        return missed(NAME, missing);
    }
    match list {
        Told::Yes(list) => {
            let archived = list.iter().filter(|cohort| cohort.archived).count();
            let archived = match archived {
                0 => String::new(),
                count => format!(", {} archived", number(count as u64)),
            };
            Check::ok(
                NAME,
                format!("accepted; {}{archived}", plural(list.len(), "cohort")),
            )
        }
        Told::Refused(words, hint) => {
            let other = match look.configuration.amplitude.region {
                Region::Us => "the region is us: for a project in the EU say amplitude.region: eu",
                Region::Eu => "the region is eu: for a project in the US say amplitude.region: us",
            };
            let hint = hint.unwrap_or("see the keys in the project's settings");
            Check::fail(
                NAME,
                format!("refused: {words}"),
                format!("{hint}; {other}"),
            )
        }
        _ => not_asked(NAME, HOST),
    }
}

/// Says what is missing, all of it.
pub(super) fn missed(name: &'static str, missing: &[Diagnostic]) -> Check {
    let words = |of: fn(&Diagnostic) -> &str| {
        let mut words: Vec<&str> = missing
            .iter()
            .map(of)
            .filter(|one| !one.is_empty())
            .collect();
        words.dedup();
        words.join("; ")
    };
    let hint = words(|one| one.hint.as_deref().unwrap_or_default());
    Check::fail(name, words(|one| &one.message), hint)
}

/// A check that another one stands in the way of.
pub(super) fn not_asked(name: &'static str, first: &str) -> Check {
    Check::warn(
        name,
        "not known",
        format!("mend `{first}` first, then look again"),
    )
}

fn downloads(look: &Look, usage: &Told<Option<Usage>>) -> Check {
    const NAME: &str = "download quota";
    let need = quota::monthly(&look.configuration);
    let now = look.clock.now();
    let reckoned = || {
        let limit = number(look.configuration.amplitude.monthly_downloads);
        format!("{limit} a month are reckoned with, {} needed", number(need))
    };
    match usage {
        Told::Yes(Some(usage)) => {
            let rest = checkup::rest_of_month(need, now);
            let verdict = checkup::downloads(usage.limit, usage.used, need, rest);
            let resets = usage.resets_at.map_or_else(
                || "at the end of the month (UTC)".to_owned(),
                |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            );
            Check::because(
                NAME,
                verdict,
                format!(
                    "{} of {} used, resets {resets}; needed: up to {} a month, {} in the rest of this one",
                    number(usage.used),
                    number(usage.limit),
                    number(need),
                    number(rest)
                ),
                "slow the fastest cadences down, or have the quota raised by Amplitude",
            )
        }
        Told::Yes(None) => Check::warn(
            NAME,
            format!("the project does not tell its usage; {}", reckoned()),
            "say your quota as amplitude.monthly_downloads",
        ),
        Told::Odd(text) => Check::warn(
            NAME,
            format!(
                "not known, since the question was answered {text}; {}",
                reckoned()
            ),
            "look again later; until then, say your quota as amplitude.monthly_downloads",
        ),
        Told::Busy(text) => Check::warn(
            NAME,
            format!("not known: Amplitude is {text}"),
            "look again after that",
        ),
        Told::Unreached(..) => not_asked(NAME, HOST),
        Told::Refused(..) | Told::Unasked => not_asked(NAME, KEYS),
    }
}

fn limits(look: &Look, service: &Service<Reader>) -> Check {
    let percent = look.configuration.amplitude.use_at_most;
    let mut rates = shares(&RATES, percent);
    if let Ok(reader) = &service.reader {
        rates = format!("{rates}, {} cohort files at once", reader.at_once());
    }
    Check::ok(
        "amplitude limits",
        format!("use_at_most {percent}%: {rates}"),
    )
}

/// Says what a share makes of documented rates.
pub(super) fn shares(rates: &[Rate], percent: f64) -> String {
    let share = |rate: &Rate| {
        let most = (rate.share(percent / 100.0) as u64).max(1);
        let all = number(rate.requests);
        format!(
            "{} of {all} {} in {}",
            number(most),
            rate.what,
            Span(rate.window)
        )
    };
    rates.iter().map(share).collect::<Vec<_>>().join(", ")
}
