//! `syncform schema`: the JSON Schemas of what is read and written, as they are committed in `schema/`.

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    talk,
};
use crate::{
    kinds,
    model::{EventLine, plan::Plan},
};

/// Print a JSON Schema
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncform schema config > syncform.schema.json")]
pub(super) struct Arguments {
    /// Of what
    of: Subject,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// The configuration
    Config,
    /// A plan as JSON
    Plan,
    /// One line of `apply --format json`
    Events,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let schema = match arguments.of {
        Subject::Config => kinds::schema(),
        Subject::Plan => schemars::schema_for!(Plan).to_value(),
        Subject::Events => schemars::schema_for!(EventLine).to_value(),
    };
    let json =
        serde_json::to_string_pretty(&schema).map_err(|error| Failure::error(error.to_string()))?;
    talk::result(&(json + "\n"))?;
    Ok(Exit::Done)
}
