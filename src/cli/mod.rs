//! The door: arguments, environment, clock, terminal and exit codes. One file a verb; nothing is decided here
//! that another room could decide.

pub mod sandbox;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;

#[derive(Parser)]
enum Verb {
    Sandbox(sandbox::SandboxArgs),
}

/// Runs the program.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a stand-in for the real door"
)]
pub fn main() -> ExitCode {
    let Verb::Sandbox(args) = Verb::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(sandbox::run(args, Arc::new(jiff::Timestamp::now))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
