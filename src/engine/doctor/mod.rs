//! Looks at a set-up: configuration, state, keys, permissions, hosts, quota, clock. Every check is made, whatever the
//! others found. Nothing is changed anywhere and nothing stays; no download is spent.
//!
//! Services are asked side by side, and given up after a while: somebody waits.

mod amplitude;
mod braze;
mod destinations;
mod here;
mod logs;
mod statics;
mod told;

use std::time::Duration;

pub(super) use self::braze::{PROVE, needs};
pub use self::logs::Places;
pub(super) use self::logs::{exports, listed, sources};
use self::told::told;
pub(super) use self::told::{Told, key};
use super::{Service, Services};
use crate::{
    config::Configuration,
    diff::checkup,
    http::{Limiter, Policy, Request, Sender, Stage, retrying},
    model::{Check, Checkup, Clock, Diagnostic, Verdict},
    state::store::Store,
};

/// The longest that a service is waited for, all tries together.
const WHOLE: Duration = Duration::from_secs(13);

/// A local state where nothing outlives the machine.
pub const FORGETS: &str = "a local state in CI would be forgotten with the machine";
/// What to do about it.
pub const FORGETS_HINT: &str = "where the directory is kept between runs, put it outside of the checkout and say state: {allow_local_in_ci: true}";

/// What there is to look at.
pub struct Look {
    /// What of the configuration stands.
    pub configuration: Configuration,
    /// What is wrong with it, or worth reading.
    pub findings: Vec<Diagnostic>,
    /// What is remembered.
    pub store: Store,
    /// The services, or why they were not opened.
    pub services: Result<Services, Unopened>,
    /// The time here.
    pub clock: Clock,
    /// Where files are.
    pub places: Places,
    /// What of this machine matters.
    pub surroundings: Surroundings,
}

/// Why services were not opened.
pub enum Unopened {
    /// It is not certain which services, keys and state are meant: what says so is broken, or an environment is not chosen.
    Unsettled,
    /// The sandbox is not there: what happened, and what to do.
    Sandbox(String, Option<String>),
}

/// What of this machine matters.
pub struct Surroundings {
    /// Names of variables that are set and name proxies; never their values, which may hold a password.
    pub proxies: Vec<&'static str>,
    /// Whether a local state would be forgotten with the machine.
    pub forgets: bool,
    /// Whether the services are a sandbox.
    pub sandbox: bool,
}

impl Surroundings {
    /// Returns the variable of a proxy that an address may go through; none goes to this machine itself.
    fn proxy(&self, url: &str) -> Option<&'static str> {
        let mut proxies = self.proxies.iter().copied();
        let proxy = proxies.find(|name| !name.eq_ignore_ascii_case("no_proxy"))?;
        url.starts_with("https:").then_some(proxy)
    }
}

/// Makes every check.
pub async fn doctor(look: &Look) -> Checkup {
    let mut checks = vec![here::configuration(look)];
    match &look.services {
        Err(unopened) => {
            if matches!(unopened, Unopened::Sandbox(..)) {
                checks.extend(here::state(look, None));
            }
            checks.push(not_opened(unopened));
        }
        Ok(services) => {
            let reader = services.amplitude.reader.as_ref().ok();
            let (amplitude, braze, logs) = tokio::join!(
                amplitude::ask(look, services),
                braze::ask(look, &services.sender, &services.braze),
                logs::ask(&look.configuration, &look.places, reader),
            );
            let told = here::Known {
                services,
                project: amplitude.project(),
                oldest: braze.oldest(),
            };
            checks.extend(here::state(look, Some(&told)));
            checks.extend(amplitude::checks(look, services, &amplitude));
            checks.extend(destinations::checks(look, services, amplitude.project()).await);
            checks.extend(statics::checks(look, amplitude.cohorts()));
            checks.extend(logs::checks(logs));
            checks.extend(braze::checks(look, services, &braze));
            checks.push(clock(look, services));
            checks.push(here::certificates(look, services));
        }
    }
    checks.push(here::proxies(&look.surroundings));
    Checkup { checks }
}

fn not_opened(unopened: &Unopened) -> Check {
    match unopened {
        Unopened::Unsettled => Check::fail(
            "services",
            "not asked, nor was the state looked at: it is not certain which are meant, and no key is sent to a guess",
            "mend what the configuration says of amplitude, braze, state and environments, or choose with -e NAME",
        ),
        Unopened::Sandbox(message, hint) => Check::fail(
            "services",
            message,
            hint.as_deref()
                .unwrap_or("start one: syncform sandbox, or leave --sandbox=URL out"),
        ),
    }
}

/// Waits, and gives up after a while.
pub(super) async fn within<T, E>(asked: impl Future<Output = Result<T, E>>) -> Told<T>
where
    Told<T>: From<Result<T, E>>,
{
    match tokio::time::timeout(WHOLE, asked).await {
        Ok(answer) => answer.into(),
        Err(_) => Told::late(WHOLE),
    }
}

/// Asks for nothing and says nothing of oneself: whether somebody answers, where keys are missing.
async fn knock(sender: &Sender, url: &str, path: &'static str) -> Told<()> {
    if url.is_empty() {
        return Told::Unasked;
    }
    let request = Request {
        method: "GET",
        url: format!("{url}{path}"),
        path,
        authorization: None,
        body: None,
        if_match: None,
    };
    let once = Limiter::new(1.0, Duration::from_secs(1));
    let asked = retrying(sender, &request, Policy::for_endpoint(url), &once);
    match tokio::time::timeout(WHOLE, asked).await {
        Ok(answer) => told(answer.map(|_| ())),
        Err(_) => Told::late(WHOLE),
    }
}

/// Says what came of a host.
fn host<T>(
    name: &'static str,
    what: &str,
    look: &Look,
    service: &Service<T>,
    met: &[told::Met],
) -> Check {
    let url = &service.url;
    if met.contains(&told::Met::Answered) {
        return Check::ok(name, format!("{url} answers"));
    }
    let find = |wanted: fn(&told::Met) -> bool| met.iter().find(|met| wanted(met));
    let busy = find(|met| matches!(met, told::Met::Busy(_)));
    let odd = find(|met| matches!(met, told::Met::Odd(_)));
    match busy.or(odd).or(met.first()) {
        Some(told::Met::Busy(text)) => Check::fail(
            name,
            format!("{url} is {text}"),
            format!("look again after that; others use {what}'s limit as well, and share it"),
        ),
        Some(told::Met::Odd(text)) => Check::fail(
            name,
            format!("{url} answers, and not usably: {text}"),
            format!("see that nothing in between answers for {what}, and that {what} is well"),
        ),
        Some(told::Met::Failed(stage, text)) => {
            let hint = match look.surroundings.proxy(url) {
                Some(proxy) if matches!(stage, Stage::Name | Stage::Connection) => format!(
                    "{proxy} is set: see that the proxy is right, and that it lets this host through; or name the host in \
                     NO_PROXY"
                ),
                _ => told::remedy(*stage).to_owned(),
            };
            Check::fail(name, format!("{url}: {text}"), hint)
        }
        _ => Check::warn(
            name,
            "not asked: it is not known where it is",
            "say where it is: see the check before",
        ),
    }
}

/// Compares the clock of this machine with those of the services.
fn clock(look: &Look, services: &Services) -> Check {
    const NAME: &str = "clock";
    let sender = &services.sender;
    let off = |url: &str, paths: &[&str]| {
        let heard = paths.iter().find_map(|path| sender.heard(url, path))?;
        let here = look.clock.now() - jiff::SignedDuration::try_from(heard.ago).ok()?;
        Some(here.duration_since(heard.date?).as_secs())
    };
    let amplitude = off(&services.amplitude.url, &amplitude::PATHS);
    let braze = off(&services.braze.url, &braze::PATHS);
    let both = [("Amplitude's", amplitude), ("Braze's", braze)];
    let known: Vec<(&str, i64)> = both
        .into_iter()
        .filter_map(|(whose, off)| Some((whose, off?)))
        .collect();
    let Some(verdict) = known.iter().map(|(_, off)| checkup::clock(*off)).max() else {
        return Check::warn(
            NAME,
            "not compared: no service told its time",
            "mend what keeps the services from being asked",
        );
    };
    let words: Vec<(String, &str)> = known
        .iter()
        .map(|(whose, off)| (distance(*off), *whose))
        .collect();
    let words = match words.as_slice() {
        [(one, a), (other, b)] if one == other => format!("{one} {a} and {b}"),
        each => each
            .iter()
            .map(|(off, whose)| format!("{off} {whose}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    Check::because(
        NAME,
        verdict,
        words,
        "set this machine's clock by the network (NTP): the windows of guards, the last day of overrides, the month of \
         the quota and TLS go by it",
    )
}

/// Says how far a clock is off: `10 min behind`.
fn distance(off: i64) -> String {
    let seconds = off.unsigned_abs();
    let side = if off > 0 { "ahead of" } else { "behind" };
    let about = match seconds {
        0..=1 => return "within a second of".to_owned(),
        2..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("{about} {side}")
}

/// What is lacking fails where it is needed, and is worth a look where it is not.
fn unless_needed(needed: bool) -> Verdict {
    if needed { Verdict::Fail } else { Verdict::Warn }
}
