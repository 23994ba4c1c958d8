//! `syncform show`: a saved plan again. It opens the file and nothing else: no configuration, no state, no network.

use std::path::PathBuf;

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    look,
    plan::{self, Format, Showing},
    talk,
};
use crate::{engine, render};

/// Show a saved plan again
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncform show plan.tar")]
pub(super) struct Arguments {
    /// The file that `plan --out` wrote
    plan: PathBuf,
    #[command(flatten)]
    showing: Showing,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.showing.check()?;
    let saved = engine::open_plan(&global.chdir.join(&arguments.plan))?;
    let about = &saved.about;
    talk::result(&plan::drawn(
        &about.plan,
        arguments.showing.format,
        global,
        about.priced,
    )?)?;
    if arguments.showing.show_ids {
        plan::show_ids(saved.changes()?, saved.events()?)?;
    }
    if arguments.showing.format == Format::Human {
        let path = arguments.plan.display().to_string();
        let line = render::plan::saved(&about.plan, &path, about.expires_at);
        talk::result(&look::page(&line))?;
    }
    Ok(Exit::Done)
}
