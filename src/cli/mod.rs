//! The door: arguments, environment, clock, terminal and exit codes. One file a verb; nothing is decided here
//! that another room could decide.

mod apply;
mod destroy;
mod doctor;
mod failure;
mod global;
mod open;
mod own_file;
mod plan;
mod reach;
mod report;
mod sandbox;
mod schema;
mod show;
mod state;
mod stream;
mod talk;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::{failure::Exit, global::Global};

/// Keeps Braze in the state a Git repository says, from Amplitude: audience as code
#[derive(Debug, Parser)]
#[command(
    name = "syncform",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Validate(validate::Arguments),
    Doctor(doctor::Arguments),
    Plan(plan::Arguments),
    Show(show::Arguments),
    Apply(apply::Arguments),
    Destroy(destroy::Arguments),
    Report(report::Arguments),
    State(state::Arguments),
    Sandbox(sandbox::SandboxArgs),
    Schema(schema::Arguments),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let Arguments { global, verb } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A broken pipe is nobody's error; help and version are none at all.
            let _ = error.print();
            return Exit::from_usage(&error).into();
        }
    };
    talk::logs(&global);
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
            Verb::Validate(arguments) => validate::run(&global, &arguments).await,
            Verb::Doctor(arguments) => doctor::run(&global, &arguments).await,
            Verb::Plan(arguments) => plan::run(&global, &arguments).await,
            Verb::Show(arguments) => show::run(&global, &arguments),
            Verb::Apply(arguments) => apply::run(&global, &arguments).await,
            Verb::Destroy(arguments) => destroy::run(&global, &arguments).await,
            Verb::Report(arguments) => report::run(&global, &arguments).await,
            Verb::State(arguments) => state::run(&global, &arguments).await,
            Verb::Sandbox(arguments) => sandbox::run(&global, arguments).await,
            Verb::Schema(arguments) => schema::run(&arguments),
        }
    });
    // Threads that still read a body are not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => failure.told(&global),
    }
}
