//! `syncform sandbox`: serves the emulator until it is told to stop. It must not know what the emulator does.

mod currents;

use std::{error::Error as _, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    failure::{Exit, Failure},
    global::Global,
    open, talk,
};
use crate::sandbox::{self, Contract, Faults, Limits, Options};

/// Serve a local stand-in for Amplitude and Braze
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform sandbox --scenario sandbox\n  syncform sandbox --listen 127.0.0.1:0 --world world --limits off\n  syncform sandbox --faults 500:0.1@/users/track --seed 7"
)]
pub(super) struct SandboxArgs {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        env = "SYNCFORM_LISTEN",
        hide_env = true,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8787"
    )]
    listen: SocketAddr,
    /// Fill a new world from this directory
    #[arg(long, env = "SYNCFORM_SCENARIO", hide_env = true, value_name = "DIR")]
    scenario: Option<PathBuf>,
    /// Keep the world in this directory
    #[arg(long, env = "SYNCFORM_WORLD", hide_env = true, value_name = "DIR")]
    world: Option<PathBuf>,
    /// Rate limits, quotas and waits as documented: `real`, or `off`
    #[arg(long, env = "SYNCFORM_LIMITS", hide_env = true, default_value = "real")]
    limits: Limits,
    /// Time added to every answer, such as 30ms
    #[arg(long, env = "SYNCFORM_LATENCY", hide_env = true, value_name = "TIME", default_value = "0ms", value_parser = time)]
    latency: Duration,
    /// Time during which Braze's exports do not see a write
    #[arg(long, env = "SYNCFORM_LAG", hide_env = true, value_name = "TIME", default_value = "0s", value_parser = time)]
    lag: Duration,
    /// What goes wrong: WHAT:PROBABILITY[@PATH], comma-separated; WHAT is 401, 403, 423, 429, 500, 503, drop, drop_after, slow, garbage
    #[arg(
        long,
        value_name = "SPEC",
        env = "SYNCFORM_FAULTS",
        hide_env = true,
        default_value = "",
        hide_default_value = true
    )]
    faults: Faults,
    /// Makes the faults repeatable
    #[arg(long, env = "SYNCFORM_SEED", hide_env = true, default_value_t = 0)]
    seed: u64,
    /// Dialect of Braze's rate-limit headers: `data-points` or `mau`
    #[arg(
        long,
        env = "SYNCFORM_CONTRACT",
        hide_env = true,
        default_value = "data-points"
    )]
    contract: Contract,
    /// How long a download or export is prepared [default: 3s with real limits, else 0s]
    #[arg(long, env = "SYNCFORM_JOB_TIME", hide_env = true, value_name = "TIME", value_parser = time)]
    job_time: Option<Duration>,
    /// Redirect downloads larger than this many compressed bytes
    #[arg(long, env = "SYNCFORM_REDIRECT_OVER", hide_env = true, value_name = "BYTES", default_value_t = 64 * 1024)]
    redirect_over: u64,
    /// Refuse exports larger than this many bytes
    #[arg(
        long,
        env = "SYNCFORM_EXPORT_LIMIT",
        hide_env = true,
        hide = true,
        value_name = "BYTES",
        default_value_t = 4_000_000_000
    )]
    export_limit: u64,
    /// Time by which the clock of both services is ahead of this machine's, such as 10m; -10m is behind
    #[arg(
        long,
        env = "SYNCFORM_CLOCK_OFFSET",
        hide_env = true,
        value_name = "TIME",
        default_value = "0s",
        allow_hyphen_values = true
    )]
    clock_offset: jiff::SignedDuration,
    /// Say what is wrong with an object of Braze by its code, such as EMAIL_BAD_FORMAT, not by a sentence
    #[arg(long, env = "SYNCFORM_ERROR_CODES", hide_env = true)]
    error_codes: bool,
    /// Put a TAB before every header and text of a cohort file
    #[arg(long, env = "SYNCFORM_TAB_PREFIX", hide_env = true)]
    tab_prefix: bool,
    /// Put `gp:` before the property headers of a cohort file
    #[arg(long, env = "SYNCFORM_GP_PREFIX", hide_env = true)]
    gp_prefix: bool,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Replace Amplitude's side of a kept world by a scenario's
    ///
    /// No sandbox may serve it meanwhile.
    #[command(after_help = "Example:\n  syncform sandbox load next-day")]
    Load {
        /// The scenario
        dir: PathBuf,
        /// The world; the embedded sandbox's where none is named
        #[arg(long, value_name = "DIR", env = "SYNCFORM_WORLD", hide_env = true)]
        world: Option<PathBuf>,
    },
    /// Make files of engagement events as Braze's Currents writes them
    ///
    /// Avro files in the storage layout, of invented events of the people in
    /// Braze: repeats, anonymous people and an unknown event type included.
    #[command(
        after_help = "Examples:\n  syncform sandbox currents --out currents --events 1000\n  syncform sandbox currents --out currents --events 100000 --seed 7 --until 2026-07-14T10:00:00Z"
    )]
    Currents(currents::CurrentsArgs),
}

fn time(text: &str) -> Result<Duration, String> {
    let read: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "wanted a time such as 30ms or 2s".to_owned())?;
    Duration::try_from(read).map_err(|_| "a time is not negative".to_owned())
}

/// Serves until Ctrl-C or SIGTERM, or loads a scenario and returns.
pub(super) async fn run(global: &Global, args: SandboxArgs) -> Result<Exit, Failure> {
    if let Some(SandboxCommand::Currents(args)) = args.command {
        return currents::run(global, args).map(|()| Exit::Done);
    }
    if let Some(SandboxCommand::Load { dir, world }) = args.command {
        let world = world.map_or_else(
            || open::embedded_world(global),
            |world| global.chdir.join(world),
        );
        let loaded = sandbox::load_scenario_into(&world, &global.chdir.join(dir))
            .map_err(|error| failure(&error))?;
        let verb = if loaded.new { "made" } else { "loaded into" };
        talk::result(&format!(
            "{verb} {}: {} cohorts\n",
            world.display(),
            loaded.cohorts
        ))?;
        return Ok(Exit::Done);
    }
    let signals = Signals::listen();
    let mut signals = signals.map_err(|error| Failure::error(format!("no signals: {error}")))?;
    let listen = args.listen;
    let options = options(global, args);
    let running = sandbox::start(listen, options)
        .await
        .map_err(|error| failure(&error))?;
    talk::result(&format!(
        "listening on {}\nworld {}\n",
        running.url(),
        running.world()
    ))?;
    signals.asked_to_stop().await;
    running.stop().await;
    Ok(Exit::Done)
}

fn options(global: &Global, args: SandboxArgs) -> Options {
    let here = |path: PathBuf| global.chdir.join(path);
    let (clock, ahead) = (open::clock(global), args.clock_offset);
    Options {
        scenario: args.scenario.map(here),
        world: args.world.map(here),
        limits: args.limits,
        latency: args.latency,
        lag: args.lag,
        faults: args.faults,
        seed: args.seed,
        contract: args.contract,
        job_time: args.job_time,
        redirect_over: args.redirect_over,
        export_limit: args.export_limit,
        error_codes: args.error_codes,
        tab_prefix: args.tab_prefix,
        gp_prefix: args.gp_prefix,
        ..Options::new(Arc::new(move || {
            clock.now().saturating_add(ahead).unwrap_or_default()
        }))
    }
}

/// Says what the sandbox could not do.
pub(super) fn failure(error: &sandbox::Error) -> Failure {
    let cause = error
        .source()
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Failure::error(format!("sandbox: {error}{cause}"))
}

/// Listens for Ctrl-C and SIGTERM from when it is made: what comes before somebody waits is not lost.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn asked_to_stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
