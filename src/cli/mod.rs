//! The door: arguments, environment, clock, terminal and exit codes. One file a verb; nothing is decided here
//! that another room could decide.

mod apply;
mod completions;
mod destroy;
mod doctor;
mod drift;
mod explain;
mod failure;
mod global;
mod import;
mod init;
mod look;
mod open;
mod own_file;
mod plan;
mod reach;
mod report;
mod resync;
mod sandbox;
mod schema;
mod show;
mod state;
mod stream;
mod talk;
mod validate;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::{failure::Exit, global::Global};

/// Keeps Braze in the state a Git repository says, from Amplitude: audience as code
#[derive(Debug, Parser)]
#[command(
    name = "syncform",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Examples:\n  syncform init\n  syncform plan --sandbox\n  syncform -C audiences -e staging apply"
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Arguments),
    Validate(validate::Arguments),
    Import(import::Arguments),
    Doctor(doctor::Arguments),
    Plan(plan::Arguments),
    Show(show::Arguments),
    Apply(apply::Arguments),
    Destroy(destroy::Arguments),
    Resync(resync::Arguments),
    Report(report::Arguments),
    Explain(explain::Arguments),
    Drift(drift::Arguments),
    Verify(verify::Arguments),
    State(state::Arguments),
    Sandbox(sandbox::SandboxArgs),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

/// The command line as it is understood.
pub fn command() -> clap::Command {
    // Each command's version is the program's, and says so.
    fn named(command: clap::Command) -> clap::Command {
        command.display_name("syncform").mut_subcommands(named)
    }
    named(Arguments::command())
}

/// Runs the program.
pub fn main() -> ExitCode {
    let read = command().try_get_matches();
    let read = read.and_then(|matches| Arguments::from_arg_matches(&matches));
    let Arguments { global, verb } = match read {
        Ok(arguments) => arguments,
        Err(error) => {
            talk::usage(&error);
            return Exit::from_usage(&error).into();
        }
    };
    talk::logs(&global);
    if !global.ahead.is_zero() && global.sandbox.is_none() {
        return failure::Failure::error("--ahead moves the clock of a sandbox alone")
            .with_hint("add --sandbox, or leave it out")
            .told(&global);
    }
    std::panic::set_hook(Box::new(talk::defect));
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return failure::Failure::error(format!("no threads to work with: {error}"))
                .told(&global);
        }
    };
    let outcome = runtime.block_on(async {
        match verb {
            Verb::Init(arguments) => init::run(&global, &arguments),
            Verb::Validate(arguments) => validate::run(&global, &arguments).await,
            Verb::Import(arguments) => Box::pin(import::run(&global, &arguments)).await,
            Verb::Doctor(arguments) => Box::pin(doctor::run(&global, &arguments)).await,
            Verb::Plan(arguments) => plan::run(&global, &arguments).await,
            Verb::Show(arguments) => show::run(&global, &arguments),
            Verb::Apply(arguments) => apply::run(&global, &arguments).await,
            Verb::Destroy(arguments) => destroy::run(&global, &arguments).await,
            Verb::Resync(arguments) => resync::run(&global, &arguments).await,
            Verb::Report(arguments) => report::run(&global, &arguments).await,
            Verb::Explain(arguments) => Box::pin(explain::run(&global, &arguments)).await,
            Verb::Drift(arguments) => Box::pin(drift::run(&global, &arguments)).await,
            Verb::Verify(arguments) => Box::pin(verify::run(&global, &arguments)).await,
            Verb::State(arguments) => state::run(&global, &arguments).await,
            Verb::Sandbox(arguments) => sandbox::run(&global, arguments).await,
            Verb::Schema(arguments) => schema::run(&arguments),
            Verb::Completions(arguments) => completions::run(&arguments),
        }
    });
    // Threads that still read a body are not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => failure.told(&global),
    }
}
