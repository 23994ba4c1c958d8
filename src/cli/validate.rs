//! `syncform validate`: all errors of the configuration at once. It needs no key and no network, unless `--online` asks
//! the services about keys and names as well.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    global::Global,
    look, open,
    reach::{Reach, reach},
    talk,
};
use crate::{
    config::Configuration,
    engine,
    http::{Patience, asked},
    model::{Diagnostic, Severity},
    render::annotation,
    state::store::Store,
};

/// Check the configuration and show all its errors at once
#[derive(Debug, Args)]
#[command(after_help = "\
With --format json a finding is {severity, code, file, line, column, message, hint}; a valid configuration is [] or
warnings alone. Lines and columns count from 1, columns in characters; files are paths from the working directory.

Examples:
  syncform validate -C audiences -e staging
  syncform validate --online --format github")]
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
    /// Ask the services as well: keys, cohorts, segments, download quota; reads only, and spends no download
    #[arg(long, env = "SYNCFORM_ONLINE", hide_env = true)]
    online: bool,
}

/// Form of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Github,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match (arguments.format, Box::pin(checked(global, arguments)).await) {
        (Format::Human, Err(failure)) => Err(failure),
        (Format::Human, Ok(configuration)) => {
            if !configuration.warnings.is_empty() {
                talk::say(look::findings(global, &configuration.warnings).trim_end());
            }
            let resources = configuration.resources.len();
            let plural = if resources == 1 { "" } else { "s" };
            let unasked = |one: &Diagnostic| one.code == engine::UNASKED;
            let with = match arguments.online {
                false => "",
                true if configuration.warnings.iter().any(unasked) => {
                    ", and the services agree as far as they told"
                }
                true => ", and the services agree",
            };
            talk::result(&format!(
                "Valid: {resources} resource{plural} in workspace {}{with}.\n",
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

/// Returns a configuration that passed, with all that is worth reading; else everything that is wrong.
async fn checked(global: &Global, arguments: &Arguments) -> Result<Configuration, Failure> {
    let mut configuration = open::configuration(global)?;
    if !arguments.online {
        return Ok(configuration);
    }
    let mut stop = open::stop_when_asked();
    let Reach {
        services,
        sandbox,
        world,
    } = reach(global, &configuration, Patience::CHECK, stop.clone()).await?;
    // It is only read: a state that CI would forget is no error here.
    let store = Store::at(open::state_place(global, &configuration, world.as_ref()));
    let places = engine::Places {
        directory: global.chdir.clone(),
        cloud: open::cloud(),
    };
    let found = tokio::select! {
        biased;
        () = asked(&mut stop) => Err(engine::Error::Stopped),
        found = engine::online(&configuration, &store, &services, &places) => Ok(found),
    };
    drop(services);
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let found = found?;
    if found.iter().any(|one| one.severity == Severity::Error) {
        return Err(Failure::Configuration(found));
    }
    configuration.warnings = found;
    Ok(configuration)
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
