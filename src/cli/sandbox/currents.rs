//! `syncform sandbox currents`: makes files as Braze's Currents does. It must not know what is in them.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::{
    super::{failure::Failure, global::Global, open, talk},
    failure,
};
use crate::sandbox::{self, Making};

/// What `syncform sandbox currents` takes.
#[derive(Debug, Args)]
pub(super) struct CurrentsArgs {
    /// Where to write the files
    #[arg(long, env = "SYNCFORM_OUT", hide_env = true, value_name = "DIR")]
    out: PathBuf,
    /// How many events; one in fifty of them is in two files
    #[arg(long, env = "SYNCFORM_EVENTS", hide_env = true, value_name = "COUNT")]
    events: u64,
    /// The same number makes the same files
    #[arg(long, env = "SYNCFORM_SEED", hide_env = true, default_value_t = 0)]
    seed: u64,
    /// Over how many hours
    #[arg(long, env = "SYNCFORM_HOURS", hide_env = true, value_name = "COUNT", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    /// The first hour without events, such as 2026-07-14T10:00:00Z [default: now]
    #[arg(long, env = "SYNCFORM_UNTIL", hide_env = true, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Take the people of this scenario
    #[arg(long, env = "SYNCFORM_SCENARIO", hide_env = true, value_name = "DIR")]
    scenario: Option<PathBuf>,
    /// Take the people of this world; else of the embedded sandbox's, if any
    #[arg(long, env = "SYNCFORM_WORLD", hide_env = true, value_name = "DIR")]
    world: Option<PathBuf>,
}

/// Makes the files and says how many.
pub(super) fn run(global: &Global, args: CurrentsArgs) -> Result<(), Failure> {
    let world = args.world.map_or_else(
        || open::embedded_world(global),
        |world| global.chdir.join(world),
    );
    let scenario = args.scenario.map(|dir| global.chdir.join(dir));
    let people = sandbox::external_ids(scenario.as_deref(), Some(&world));
    let out = global.chdir.join(args.out);
    let made = people.and_then(|people| {
        sandbox::make_currents(&Making {
            out: out.clone(),
            events: args.events,
            seed: args.seed,
            hours: args.hours,
            until: args.until.unwrap_or_else(|| open::clock(global).now()),
            people,
        })
    });
    let made = made.map_err(|error| failure(&error))?;
    talk::result(&format!(
        "made {}: {} events, {} of them twice, in {} files\n",
        out.display(),
        made.events,
        made.repeated,
        made.files
    ))
}
