//! `syncform schema`: the JSON Schemas of what is read and written, as they are committed in `schema/`.

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    talk,
};
use crate::{
    kinds,
    model::{Drifted, EventLine, plan::Plan},
};

/// Print a JSON Schema
#[derive(Debug, Args)]
#[command(
    after_help = "The configuration's is what editors read: the first line of a file names it, as\n  # yaml-language-server: $schema=./.syncform.schema.json\n\nExample:\n  syncform schema config > .syncform.schema.json"
)]
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
    /// What `drift --format json` found
    Drift,
    /// One line of `apply --format json`
    Events,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    talk::result(&match arguments.of {
        Subject::Config => configuration()?,
        Subject::Plan => drawn(&schemars::schema_for!(Plan).to_value())?,
        Subject::Drift => drawn(&schemars::schema_for!(Drifted).to_value())?,
        Subject::Events => drawn(&schemars::schema_for!(EventLine).to_value())?,
    })?;
    Ok(Exit::Done)
}

/// The schema of the configuration, as text.
pub(super) fn configuration() -> Result<String, Failure> {
    drawn(&kinds::schema())
}

fn drawn(schema: &serde_json::Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(schema)
        .map(|json| json + "\n")
        .map_err(|error| Failure::error(error.to_string()))
}
