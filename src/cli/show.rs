//! `syncform show`: a saved plan again. It opens the file and nothing else: no configuration, no state, no network.

use std::path::PathBuf;

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    plan::{self, Format},
    talk,
};
use crate::{engine, render};

/// Show a saved plan again
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncform show plan.tar")]
pub(super) struct Arguments {
    /// The file that `plan --out` wrote
    plan: PathBuf,
    /// Form of the plan on stdout
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
    /// Show the ids of the people whose rows change, on stdout: handle the output as personal data
    #[arg(long, env = "SYNCFORM_SHOW_IDS", hide_env = true)]
    show_ids: bool,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    plan::ids_are_for_people(arguments.show_ids, arguments.format)?;
    let saved = engine::open_plan(&global.chdir.join(&arguments.plan))?;
    let about = &saved.about;
    talk::result(&plan::drawn(
        &about.plan,
        arguments.format,
        global,
        about.priced,
    )?)?;
    if arguments.show_ids {
        plan::show_ids(saved.changes()?)?;
    }
    if arguments.format == Format::Human {
        let path = arguments.plan.display().to_string();
        talk::result(&render::plan::saved(&path, about.expires_at))?;
    }
    Ok(Exit::Done)
}
