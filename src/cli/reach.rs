//! Opens the services as far as the configuration tells how: clients that read, or what is missing for them. Under
//! `--sandbox` both are one sandbox.

use std::sync::Arc;

use tokio::sync::watch;

use super::{failure::Failure, global::Global, open, talk};
use crate::{
    amplitude, braze,
    config::{self, Configuration, Parameter, Region, Wanted},
    engine::{Service, Services},
    http::{Patience, Request, Scrubber, Sender},
    model::{Diagnostic, Secret},
    sandbox::{self, Running},
};

/// The services, the sandbox of this process if they are in it, and the world it serves.
pub(super) struct Reach {
    pub(super) services: Services,
    pub(super) sandbox: Option<Running>,
    pub(super) world: Option<World>,
}

/// Opens the services. Only a sandbox that is not there is a failure.
pub(super) async fn reach(
    global: &Global,
    configuration: &Configuration,
    patience: Patience,
    stop: watch::Receiver<bool>,
) -> Result<Reach, Failure> {
    let sender = Arc::new(Sender::new(
        Scrubber::new(secrets(configuration)),
        stop,
        patience,
    ));
    let (sandbox, world) = open_sandbox(global, &sender).await?;
    let services = Services {
        amplitude: of_amplitude(&sender, &configuration.amplitude, world.as_ref()),
        developer: of_developer(&sender, &configuration.amplitude, world.as_ref()),
        braze: of_braze(&sender, &configuration.braze, world.as_ref()),
        sender,
    };
    Ok(Reach {
        services,
        sandbox,
        world,
    })
}

/// The secrets in use. What a sandbox supplies is none.
fn secrets(configuration: &Configuration) -> Vec<Secret> {
    let (amplitude, braze) = (&configuration.amplitude, &configuration.braze);
    let import = braze.cohort_import.iter();
    let import = import.flat_map(|import| [&import.data_import_key, &import.partner_api_key]);
    let keys = [
        &amplitude.api_key,
        &amplitude.secret_key,
        &amplitude.developer_token,
        &braze.api_key,
    ];
    let keys = keys.into_iter().chain(import);
    let parameters = configuration.parameters.values().flatten();
    let filled = parameters.filter_map(|(_, parameter)| match parameter {
        Parameter::Filled(filling) => Some(&filling.parts),
        Parameter::Plain(_) => None,
    });
    keys.filter_map(|key| key.value.clone())
        .chain(filled.flatten().cloned())
        .filter(|key| key.expose() != config::SANDBOX)
        .collect()
}

/// Returns the values, or all that is missing.
fn all<const N: usize>(wanted: [&Wanted<Secret>; N]) -> Result<[&Secret; N], Vec<Diagnostic>> {
    let missing: Vec<Diagnostic> = wanted
        .iter()
        .filter_map(|wanted| wanted.require().err())
        .collect();
    let values: Vec<&Secret> = wanted
        .iter()
        .filter_map(|wanted| wanted.value.as_ref())
        .collect();
    values.try_into().map_err(|_| missing)
}

fn of_amplitude(
    sender: &Arc<Sender>,
    settings: &config::Amplitude,
    world: Option<&World>,
) -> Service<amplitude::Reader> {
    let url = world.map_or_else(|| amplitude_host(settings), |world| world.url.clone());
    let share = settings.use_at_most / 100.0;
    let keys = all([&settings.api_key, &settings.secret_key]);
    let reader = keys.map(|[api_key, secret_key]| {
        amplitude::Reader::new(sender.clone(), &url, api_key, secret_key, share)
            .with_profiles(profile_host(settings, world))
    });
    Service {
        name: world.map_or_else(|| url.clone(), World::name),
        url,
        reader,
    }
}

fn of_developer(
    sender: &Arc<Sender>,
    settings: &config::Amplitude,
    world: Option<&World>,
) -> Service<amplitude::Developer> {
    let given = world.map(|world| world.url.clone());
    let given = given.or_else(|| settings.endpoint.clone());
    let url = given.unwrap_or_else(|| {
        let host = match settings.region {
            Region::Us => "https://developer-api.amplitude.com",
            Region::Eu => "https://developer-api.eu.amplitude.com",
        };
        host.to_owned()
    });
    let share = settings.use_at_most / 100.0;
    let token = all([&settings.developer_token]);
    Service {
        name: world.map_or_else(|| url.clone(), World::name),
        reader: token.map(|[token]| amplitude::Developer::new(sender.clone(), &url, token, share)),
        url,
    }
}

fn of_braze(
    sender: &Arc<Sender>,
    settings: &config::Braze,
    world: Option<&World>,
) -> Service<braze::Reader> {
    let url = match world {
        Some(world) => Ok(world.url.clone()),
        None => settings.endpoint.require().cloned(),
    };
    let share = settings.use_at_most / 100.0;
    let key = all([&settings.api_key]);
    let reader = match (&url, key) {
        (Ok(url), Ok([key])) => Ok(braze::Reader::new(sender.clone(), url, key, share)),
        (url, key) => {
            let mut missing = key.err().unwrap_or_default();
            missing.extend(url.as_ref().err().cloned());
            Err(missing)
        }
    };
    let url = url.unwrap_or_default();
    Service {
        name: world.map_or_else(|| url.clone(), World::name),
        url,
        reader,
    }
}

fn amplitude_host(amplitude: &config::Amplitude) -> String {
    let host = match amplitude.region {
        Region::Us => "https://amplitude.com",
        Region::Eu => "https://analytics.eu.amplitude.com",
    };
    amplitude
        .endpoint
        .clone()
        .unwrap_or_else(|| host.to_owned())
}

/// Where Amplitude takes events: beside all else where an address is given.
pub(super) fn events_host(amplitude: &config::Amplitude, world: Option<&World>) -> String {
    let given = world.map(|world| world.url.clone());
    let given = given.or_else(|| amplitude.endpoint.clone());
    given.unwrap_or_else(|| {
        let host = match amplitude.region {
            Region::Us => "https://api2.amplitude.com",
            Region::Eu => "https://api.eu.amplitude.com",
        };
        host.to_owned()
    })
}

/// Where the User Profile API is: beside all else where an address is given, nowhere in the EU.
fn profile_host<'a>(amplitude: &'a config::Amplitude, world: Option<&'a World>) -> Option<&'a str> {
    let given = world.map(|world| world.url.as_str());
    let given = given.or(amplitude.endpoint.as_deref());
    given.or(match amplitude.region {
        Region::Us => Some("https://profile-api.amplitude.com"),
        Region::Eu => None,
    })
}

/// Where a sandbox is and which world it serves.
pub(super) struct World {
    url: String,
    pub(super) id: String,
}

pub(super) async fn open_sandbox(
    global: &Global,
    sender: &Sender,
) -> Result<(Option<Running>, Option<World>), Failure> {
    match global.sandbox.as_deref() {
        None => Ok((None, None)),
        Some("") => {
            let running = embedded(global).await?;
            let world = World {
                url: running.url(),
                id: running.world().to_owned(),
            };
            Ok((Some(running), Some(world)))
        }
        Some(url) => {
            let url = url.trim_end_matches('/').to_owned();
            let request = Request {
                method: "GET",
                url: format!("{url}/_sandbox/stats"),
                path: "/_sandbox/stats",
                authorization: None,
                body: None,
                if_match: None,
            };
            let none = |why: String| {
                Failure::error(format!("no sandbox at {url}: {why}"))
                    .with_hint("start one: syncform sandbox")
            };
            let answer = sender
                .send(&request)
                .await
                .map_err(|error| none(error.to_string()))?;
            let stats: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let id = stats["world"]
                .as_str()
                .filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            let id = id
                .ok_or_else(|| none("what answers there is no sandbox".to_owned()))?
                .to_owned();
            Ok((None, Some(World { url, id })))
        }
    }
}

/// Starts the sandbox of this process; its world is kept beside the configuration and first filled from `sandbox/`.
async fn embedded(global: &Global) -> Result<Running, Failure> {
    let clock = open::clock(global);
    let scenario = global.chdir.join("sandbox");
    if !scenario.is_dir() && !open::embedded_world(global).exists() {
        talk::say(
            "The embedded sandbox is empty: put a scenario into `sandbox/`, or `syncform sandbox load DIR`.",
        );
    }
    let options = sandbox::Options {
        scenario: scenario.is_dir().then_some(scenario),
        world: Some(open::embedded_world(global)),
        ..sandbox::Options::new(Arc::new(move || clock.now()))
    };
    let listen = ([127, 0, 0, 1], 0).into();
    sandbox::start(listen, options)
        .await
        .map_err(|error| super::sandbox::failure(&error))
}

impl World {
    /// What a state is about that belongs to this world.
    fn name(&self) -> String {
        format!("sandbox {}", self.id)
    }
}
