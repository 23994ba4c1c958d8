//! Opens what a verb works with: configuration, sandbox, state, clients. The environment and the clock are read here
//! and nowhere else.

use std::{path::PathBuf, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use super::{failure::Failure, global::Global, stream::Stream, talk};
use crate::{
    amplitude, braze,
    config::{self, Configuration, Region},
    diff::select::Selection,
    engine::{Events, How, Identity, Session},
    http::{Request, Scrubber, Sender},
    kinds,
    model::{Clock, Diagnostic, Secret},
    sandbox::{self, Running},
    state::{budget::Budget, store::Store},
};

/// A session, the sandbox it may run in, and who listens to its events.
pub(super) struct Opened {
    pub(super) session: Session,
    sandbox: Option<Running>,
    listener: JoinHandle<()>,
}

impl Opened {
    /// Ends the session in order: what was told is said, the sandbox's world is free for the next command.
    pub(super) async fn close(self) {
        drop(self.session);
        // A listener that died has said what it could.
        let _ = self.listener.await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

/// Reads a variable of the environment.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The clock of this machine.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub(super) fn clock() -> Clock {
    Clock::new(jiff::Timestamp::now)
}

/// Loads the configuration; all its errors at once.
pub(super) fn configuration(global: &Global) -> Result<Configuration, Failure> {
    let request = config::Request {
        directory: &global.chdir,
        environment: global.env.as_deref(),
        variables: &variable,
        schema: &kinds::schema(),
        today: clock().now().to_zoned(jiff::tz::TimeZone::UTC).date(),
        sandbox: global.sandbox.is_some(),
    };
    config::load_checked(&request, &kinds::check).map_err(Failure::Configuration)
}

/// Opens everything for a verb that talks to the services. `verb` is what the lease and the history name.
pub(super) async fn session(
    global: &Global,
    verb: &str,
    selection: Selection,
    how: How,
) -> Result<Opened, Failure> {
    streamed(global, verb, selection, how, None).await
}

/// Opens the same, with a stream that takes all events.
pub(super) async fn streamed(
    global: &Global,
    verb: &str,
    selection: Selection,
    how: How,
    stream: Option<Stream>,
) -> Result<Opened, Failure> {
    let configuration = configuration(global)?;
    let missing = |diagnostic: Diagnostic| Failure::Configuration(vec![diagnostic]);
    let amplitude = &configuration.amplitude;
    let wanted = [
        &amplitude.api_key,
        &amplitude.secret_key,
        &configuration.braze.api_key,
    ];
    let (keys, unset): (Vec<_>, Vec<_>) = wanted
        .map(|key| key.require().cloned())
        .into_iter()
        .partition(Result::is_ok);
    let unset: Vec<Diagnostic> = unset.into_iter().filter_map(Result::err).collect();
    if !unset.is_empty() {
        return Err(Failure::Configuration(unset));
    }
    let keys: Vec<Secret> = keys.into_iter().flatten().collect();
    let [api_key, secret_key, braze_key]: [Secret; 3] = keys
        .try_into()
        .map_err(|_| Failure::error("a key is missing"))?;
    let import = configuration.braze.cohort_import.iter();
    let import_keys = import
        .flat_map(|import| [&import.data_import_key, &import.partner_api_key])
        .filter_map(|key| key.value.clone());
    let keys = [api_key.clone(), secret_key.clone(), braze_key.clone()];
    // What a sandbox supplies is no secret.
    let secret = |key: &Secret| key.expose() != config::SANDBOX;
    let keys = keys.into_iter().chain(import_keys).filter(secret);
    let scrubber = Scrubber::new(keys.collect());
    let stop = stop_when_asked();
    let sender = Arc::new(Sender::new(scrubber, stop.clone()));
    let (sandbox, world) = open_sandbox(global, &sender).await?;
    let (amplitude_url, braze_url) = match &world {
        Some(world) => (world.url.clone(), world.url.clone()),
        None => (
            amplitude_host(&configuration),
            configuration
                .braze
                .endpoint
                .require()
                .map_err(missing)?
                .clone(),
        ),
    };
    let root = state_root(global, &configuration, world.as_ref())?;
    let share = |percent: f64| percent / 100.0;
    let (events, receiver) = Events::channel();
    let session = Session {
        amplitude: amplitude::Reader::new(
            sender.clone(),
            &amplitude_url,
            &api_key,
            &secret_key,
            share(configuration.amplitude.use_at_most),
        ),
        braze: braze::Reader::new(
            sender.clone(),
            &braze_url,
            &braze_key,
            share(configuration.braze.use_at_most),
        ),
        identity: match &world {
            Some(World { id, .. }) => {
                let name = format!("sandbox {id}");
                Identity {
                    braze: name.clone(),
                    braze_url,
                    braze_key,
                    amplitude: name,
                }
            }
            None => Identity {
                braze: braze_url.clone(),
                braze_url,
                braze_key,
                amplitude: amplitude_url,
            },
        },
        store: Store::at(root),
        sender,
        sorting: Budget::default(),
        clock: clock(),
        events,
        stop,
        selection,
        how,
        command: command(verb),
        configuration,
    };
    Ok(Opened {
        session,
        sandbox,
        listener: talk::follow(global, receiver, stream),
    })
}

/// Where a sandbox is and which world it serves.
struct World {
    url: String,
    id: String,
}

async fn open_sandbox(
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
    let clock = clock();
    let scenario = global.chdir.join("sandbox");
    if !scenario.is_dir() && !embedded_world(global).exists() {
        talk::say(
            "The embedded sandbox is empty: put a scenario into `sandbox/`, or `syncform sandbox load DIR`.",
        );
    }
    let options = sandbox::Options {
        scenario: scenario.is_dir().then_some(scenario),
        world: Some(embedded_world(global)),
        ..sandbox::Options::new(Arc::new(move || clock.now()))
    };
    let listen = ([127, 0, 0, 1], 0).into();
    sandbox::start(listen, options)
        .await
        .map_err(|error| super::sandbox::failure(&error))
}

/// Where sandboxes keep what they keep: the embedded one its world, each world a state.
fn sandbox_directory(global: &Global) -> PathBuf {
    global.chdir.join(".syncform").join("sandbox")
}

/// Where the embedded sandbox keeps its world.
pub(super) fn embedded_world(global: &Global) -> PathBuf {
    sandbox_directory(global).join("world")
}

/// Each environment has a state of its own; under a sandbox each world has.
fn state_root(
    global: &Global,
    configuration: &Configuration,
    world: Option<&World>,
) -> Result<PathBuf, Failure> {
    let settings = &configuration.state;
    if world.is_none()
        && variable("CI").is_some_and(|ci| ci == "true")
        && !settings.allow_local_in_ci
    {
        return Err(Failure::error("a local state in CI would be forgotten with the machine").with_hint(
            "keep the state in a bucket, or say state: {allow_local_in_ci: true} where the directory is kept between runs",
        ));
    }
    let root = match world {
        Some(world) => sandbox_directory(global).join(&world.id),
        None => global.chdir.join(&settings.path),
    };
    Ok(match &configuration.environment {
        Some(environment) => root.join("environments").join(environment),
        None => root,
    })
}

/// Opens the state alone, for verbs that talk to nobody.
pub(super) async fn store(global: &Global) -> Result<(Configuration, Store), Failure> {
    let configuration = configuration(global)?;
    let sender = Sender::new(Scrubber::default(), stop_when_asked());
    let (sandbox, world) = open_sandbox(global, &sender).await?;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let store = Store::at(state_root(global, &configuration, world.as_ref())?);
    Ok((configuration, store))
}

fn amplitude_host(configuration: &Configuration) -> String {
    let host = match configuration.amplitude.region {
        Region::Us => "https://amplitude.com",
        Region::Eu => "https://analytics.eu.amplitude.com",
    };
    configuration
        .amplitude
        .endpoint
        .clone()
        .unwrap_or_else(|| host.to_owned())
}

/// What was called, by whom, where: what the lease shows to the next one.
fn command(verb: &str) -> String {
    let user = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() {
        "this machine"
    } else {
        host
    };
    let pid = std::process::id();
    format!(
        "`syncform {verb}` by {user} on {host} (process {pid}, since {})",
        clock().now().strftime("%Y-%m-%d %H:%M:%S UTC")
    )
}

/// Turns true at the first Ctrl-C or SIGTERM; a second one ends the process at once.
fn stop_when_asked() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        if super::sandbox::asked_to_stop().await.is_err() {
            return;
        }
        talk::say("Stopping in order; once more to stop at once.");
        let _ = sender.send(true);
        if super::sandbox::asked_to_stop().await.is_ok() {
            talk::clear();
            std::process::exit(130);
        }
    });
    receiver
}
