//! `syncform drift`: what changed outside Syncform since the last apply. It holds no client that can write, takes no lease and
//! changes no state.

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    global::{Global, Naming},
    look, open, talk,
};
use crate::{
    engine::{self, Sampling},
    render,
};

/// Show what changed outside Syncform since the last apply
#[derive(Debug, Args)]
#[command(
    after_help = "Looks at cohorts (renamed, archived, redefined), segments of Braze, the syncs that Amplitude runs itself (native syncs), destinations, \
                  and what a sample of people holds in Braze. Shows no id, and changes nothing. Exits 2 on drift; without any, says so in one line.\n\n\
                  Examples:\n  syncform drift\n  syncform drift --sample 0 --format markdown\n  syncform drift --only sync.lapsed --format json"
)]
pub(super) struct Arguments {
    /// Read so many people back from Braze, drawn by chance; 0 reads none
    #[arg(
        long,
        value_name = "N",
        env = "SYNCFORM_SAMPLE",
        default_value_t = 100,
        hide_env = true
    )]
    sample: usize,
    /// Form of what was found
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
    #[command(flatten)]
    naming: Naming,
}

/// Form of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Markdown,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let selection = (&arguments.naming).into();
    let opened = open::session(global, "drift", selection, engine::How::default()).await?;
    let sampling = (arguments.sample > 0).then(|| Sampling {
        people: arguments.sample,
        seed: format!("{:08x}", rand::random::<u32>()),
    });
    let looking = Box::pin(engine::drift(&opened.session, sampling.as_ref()));
    let drifted = open::stoppable(&opened.session, looking).await;
    // What is printed stands below what was said.
    opened.session.events.seen().await;
    opened.close().await;
    let drifted = drifted?;
    talk::result(&match arguments.format {
        Format::Human => look::page(&render::drifted::human(&drifted, look::style(global))),
        Format::Json => render::drifted::json(&drifted),
        Format::Markdown => render::drifted::markdown(&drifted),
    })?;
    Ok(if !drifted.errors.is_empty() {
        Exit::Error
    } else if drifted.is_any() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
