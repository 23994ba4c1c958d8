//! `syncform validate`: all errors of the configuration at once. It needs no key and no network.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    global::Global,
    open, talk,
};
use crate::{
    model::Diagnostic,
    render::{annotation, diagnostic},
};

/// Check the configuration and show all its errors at once
#[derive(Debug, Args)]
#[command(after_help = "\
With --format json a finding is {severity, code, file, line, column, message, hint}; a valid configuration is [] or
warnings alone. Lines and columns count from 1, columns in characters; files are paths from the working directory.

Example:
  syncform validate -C audiences -e staging")]
pub(super) struct Arguments {
    /// Form of the findings; json and github go to stdout
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
}

/// Form of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Github,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match (arguments.format, open::configuration(global)) {
        (Format::Human, Err(failure)) => Err(failure),
        (Format::Human, Ok(configuration)) => {
            if !configuration.warnings.is_empty() {
                talk::say(
                    diagnostic::human(&configuration.warnings, talk::colour_of_stderr(global))
                        .trim_end(),
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
        (format, Ok(configuration)) => {
            told(format, &configuration.warnings, global).map(|()| Exit::Done)
        }
        (format, Err(Failure::Configuration(found))) => {
            told(format, &found, global).map(|()| Exit::Error)
        }
        (_, Err(other)) => Err(other),
    }
}

fn told(format: Format, found: &[Diagnostic], global: &Global) -> Result<(), Failure> {
    talk::result(&match format {
        Format::Github => annotation::github(found, &from_here(global)),
        Format::Human | Format::Json => annotation::json(found, &from_here(global)),
    })
}

/// The configuration's directory as it is reached from the working directory.
fn from_here(global: &Global) -> PathBuf {
    let chosen = &global.chdir;
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| chosen.strip_prefix(here).ok());
    below.unwrap_or(chosen).to_owned()
}
