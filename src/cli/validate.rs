//! `syncform validate`: all errors of the configuration at once. It needs no key and no network.

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    open, talk,
};
use crate::render::diagnostic;

/// Check the configuration and show all its errors at once
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncform validate -C audiences -e staging")]
pub(super) struct Arguments {}

pub(super) fn run(global: &Global, _arguments: &Arguments) -> Result<Exit, Failure> {
    let configuration = open::configuration(global)?;
    if !configuration.warnings.is_empty() {
        talk::say(
            diagnostic::human(&configuration.warnings, talk::colour_of_stderr(global)).trim_end(),
        );
    }
    let resources = configuration.resources.len();
    let plural = if resources == 1 { "" } else { "s" };
    talk::result(&format!(
        "Valid: {resources} resource{plural} in workspace {}.\n",
        configuration.workspace
    ))?;
    Ok(Exit::Done)
}
