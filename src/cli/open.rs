//! Opens what a verb works with: configuration, sandbox, state, clients. The environment and the clock are read here
//! and nowhere else.

use std::path::PathBuf;

use tokio::{sync::watch, task::JoinHandle};

use super::{
    failure::Failure,
    global::Global,
    reach::{Reach, World, events_host, open_sandbox, reach},
    sandbox::Signals,
    stream::Stream,
    talk,
};
use crate::{
    config::{self, Configuration},
    diff::select::Selection,
    engine::{self, Events, FORGETS, FORGETS_HINT, How, Identity, Services, Session},
    http::{Patience, Scrubber, Sender, asked},
    kinds,
    model::{Clock, Diagnostic},
    sandbox::Running,
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

/// The time on this machine.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The clock that commands work by; under a sandbox it may be ahead.
pub(super) fn clock(global: &Global) -> Clock {
    let ahead = global.ahead;
    Clock::new(move || {
        let now = now();
        now.saturating_add(ahead).unwrap_or(now)
    })
}

/// Loads the configuration; all its errors at once.
pub(super) fn configuration(global: &Global) -> Result<Configuration, Failure> {
    requested(global, |request| {
        config::load_checked(request, &kinds::check).map_err(Failure::Configuration)
    })
}

/// Returns what of the configuration stands, and everything that is wrong with it.
pub(super) fn survey(global: &Global) -> config::Survey {
    requested(global, |request| config::survey(request, &kinds::check))
}

fn requested<T>(global: &Global, load: impl FnOnce(&config::Request<'_>) -> T) -> T {
    load(&config::Request {
        directory: &global.chdir,
        // A variable that is set to nothing asks for none.
        environment: global.env.as_deref().filter(|name| !name.is_empty()),
        variables: &variable,
        schema: &kinds::schema(),
        today: clock(global).now().to_zoned(jiff::tz::TimeZone::UTC).date(),
        sandbox: global.sandbox.is_some(),
    })
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
    let stop = stop_when_asked();
    let Reach {
        services,
        sandbox,
        world,
    } = reach(global, &configuration, Patience::WORK, stop.clone()).await?;
    let amplitude_events_url = events_host(&configuration.amplitude, world.as_ref());
    let Services {
        sender,
        amplitude,
        developer,
        braze,
    } = services;
    let (amplitude_reader, braze_reader) = match (amplitude.reader, braze.reader) {
        (Ok(amplitude), Ok(braze)) => (amplitude, braze),
        (amplitude, braze) => {
            let missing = [amplitude.err(), braze.err()];
            return Err(Failure::Configuration(
                missing.into_iter().flatten().flatten().collect(),
            ));
        }
    };
    let missing = |diagnostic: Diagnostic| Failure::Configuration(vec![diagnostic]);
    let braze_key = configuration.braze.api_key.require().map_err(missing)?;
    let root = state_root(global, &configuration, world.as_ref())?;
    let (events, receiver) = Events::channel();
    let session = Session {
        amplitude: amplitude_reader,
        developer,
        braze: braze_reader,
        identity: Identity {
            braze: braze.name,
            braze_url: braze.url,
            braze_key: braze_key.clone(),
            amplitude_events_url,
            amplitude: amplitude.name,
        },
        store: Store::at(root),
        sender,
        sorting: Budget::default(),
        clock: clock(global),
        events,
        stop,
        selection,
        how,
        directory: global.chdir.clone(),
        cloud: cloud(),
        command: command(global, verb),
        configuration,
    };
    Ok(Opened {
        session,
        sandbox,
        listener: talk::follow(global, receiver, stream),
    })
}

/// Variables by which clouds are opened, as their own tools read them.
pub(super) fn cloud() -> Vec<(String, String)> {
    const OWN: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        OWN.iter().any(|own| name.starts_with(own)).then_some(())?;
        Some((name, value.into_string().ok()?))
    });
    all.collect()
}

/// Where sandboxes keep what they keep: the embedded one its world, each world a state.
pub(super) fn sandbox_directory(global: &Global) -> PathBuf {
    global.chdir.join(".syncform").join("sandbox")
}

/// Where the embedded sandbox keeps its world.
pub(super) fn embedded_world(global: &Global) -> PathBuf {
    sandbox_directory(global).join("world")
}

/// Whether a local state would be forgotten with the machine that it is on.
pub(super) fn forgets(configuration: &Configuration, world: Option<&World>) -> bool {
    world.is_none()
        && variable("CI").is_some_and(|ci| ci == "true")
        && !configuration.state.allow_local_in_ci
}

fn state_root(
    global: &Global,
    configuration: &Configuration,
    world: Option<&World>,
) -> Result<PathBuf, Failure> {
    if forgets(configuration, world) {
        return Err(Failure::error(FORGETS).with_hint(FORGETS_HINT));
    }
    Ok(state_place(global, configuration, world))
}

/// Where the state lies: each environment has one of its own; under a sandbox each world has.
pub(super) fn state_place(
    global: &Global,
    configuration: &Configuration,
    world: Option<&World>,
) -> PathBuf {
    let root = match world {
        Some(world) => sandbox_directory(global).join(&world.id),
        None => global.chdir.join(&configuration.state.path),
    };
    match &configuration.environment {
        Some(environment) => root.join("environments").join(environment),
        None => root,
    }
}

/// Opens the state alone, for verbs that talk to nobody.
pub(super) async fn store(global: &Global) -> Result<(Configuration, Store), Failure> {
    let configuration = configuration(global)?;
    let sender = Sender::new(Scrubber::default(), stop_when_asked(), Patience::WORK);
    let (sandbox, world) = open_sandbox(global, &sender).await?;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let store = Store::at(state_root(global, &configuration, world.as_ref())?);
    Ok((configuration, store))
}

/// What was called, by whom, where: what the lease shows to the next one.
fn command(global: &Global, verb: &str) -> String {
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
        clock(global).now().strftime("%Y-%m-%d %H:%M:%S UTC")
    )
}

/// Waits for something, unless somebody asks to stop. Who asked is not told what the stop broke off: a request that
/// ended by it says so before anybody is asked here.
pub(super) async fn stoppable<T>(
    session: &Session,
    work: impl Future<Output = Result<T, engine::Error>>,
) -> Result<T, engine::Error> {
    let mut stop = session.stop.clone();
    let done = tokio::select! {
        biased;
        () = asked(&mut stop) => return Err(engine::Error::Stopped),
        done = work => done,
    };
    match done {
        Err(engine::Error::Amplitude(_) | engine::Error::Braze(_)) if *stop.borrow() => {
            Err(engine::Error::Stopped)
        }
        done => done,
    }
}

/// Turns true at the first Ctrl-C or SIGTERM; a second one ends the process at once.
pub(super) fn stop_when_asked() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    // From here on, not from when the task begins: a signal that came before would end the process.
    let Ok(mut signals) = Signals::listen() else {
        return receiver;
    };
    tokio::spawn(async move {
        signals.asked_to_stop().await;
        talk::say("Stopping in order; once more to stop at once.");
        let _ = sender.send(true);
        signals.asked_to_stop().await;
        talk::clear();
        std::process::exit(130);
    });
    receiver
}
