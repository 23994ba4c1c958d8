//! `syncform state`: what the state remembers, who holds it, and which services it is about.

mod forget;
mod parked;
mod rebind;
mod unlock;

use clap::{Args, Subcommand};

use super::{
    failure::{Exit, Failure},
    global::Global,
    open, talk,
};
use crate::{model::Address, state::manifest::Manifest};

/// Look into the state, and mend it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  syncform state list\n  syncform state show sync.power-users")]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the resources that were applied
    #[command(after_help = "Example:\n  syncform state list --sandbox")]
    List,
    /// Show what is remembered of the whole, or of one resource, as JSON
    #[command(after_help = "Example:\n  syncform state show sync.power-users | jq .ledger")]
    Show {
        /// Its address
        address: Option<String>,
    },
    /// Say who holds the lease, and how it is freed
    #[command(after_help = "Example:\n  syncform state unlock")]
    Unlock,
    /// Make the state be about the services as they are configured now
    Rebind(rebind::Arguments),
    /// Decide about batches of events whose answer never came
    Parked(parked::Arguments),
    /// Take a person out of everything that the state keeps
    Forget(forget::Arguments),
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::List => {
            let manifest = open::store(global).await?.1.manifest()?;
            let addresses = manifest
                .iter()
                .flat_map(|manifest| manifest.resources.keys());
            let lines: Vec<String> = addresses
                .map(|address| {
                    format!(
                        "{address}
"
                    )
                })
                .collect();
            talk::result(&lines.concat())?;
        }
        Verb::Show { address } => {
            let manifest = open::store(global).await?.1.manifest()?;
            talk::result(&shown(manifest.as_ref(), address.as_deref())?)?;
        }
        Verb::Unlock => return unlock::run(&open::store(global).await?.1),
        Verb::Rebind(arguments) => return rebind::run(global, arguments).await,
        Verb::Parked(arguments) => return parked::run(global, arguments).await,
        Verb::Forget(arguments) => return forget::run(global, arguments).await,
    }
    Ok(Exit::Done)
}

fn shown(manifest: Option<&Manifest>, address: Option<&str>) -> Result<String, Failure> {
    let manifest = manifest.ok_or_else(|| {
        Failure::error("nothing was applied yet")
            .with_hint("under --sandbox each world has a state of its own")
    })?;
    let json = match address {
        None => serde_json::to_string_pretty(manifest),
        Some(wanted) => {
            let entry = manifest
                .resources
                .iter()
                .find(|(address, _)| address.as_str() == wanted);
            let (_, entry): (&Address, _) = entry.ok_or_else(|| {
                Failure::error(format!("the state knows no `{wanted}`"))
                    .with_hint("`syncform state list` lists what it knows")
            })?;
            serde_json::to_string_pretty(entry)
        }
    };
    json.map(|json| json + "\n")
        .map_err(|error| Failure::error(format!("the state cannot be written as JSON: {error}")))
}
