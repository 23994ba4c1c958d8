//! `syncform verify`: reads people back from Braze and compares with what is recorded. It holds no client that can write,
//! takes no lease and changes no state.

use std::num::NonZeroUsize;

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::{Global, Naming},
    look, open, plan, talk,
};
use crate::{
    engine::{self, Sampling},
    render,
};

/// Read people back from Braze, and compare with what is recorded
#[derive(Debug, Args)]
#[command(
    after_help = "Shows no id, and changes neither Braze nor the state; what it finds is in the next plan. Exits 2 if anything disagrees.\nWho is in a static cohort of Amplitude is known from the ledger alone: plan --refresh full reads it.\n\n\
                  Examples:\n  syncform verify\n  syncform verify --sample 1000\n  syncform verify --only sync.plan-tier --format json"
)]
pub(super) struct Arguments {
    /// Ask about so many people, drawn by chance, and say how sure that is
    #[arg(long, value_name = "N", env = "SYNCFORM_SAMPLE", hide_env = true)]
    sample: Option<NonZeroUsize>,
    /// Draw the people of this seed again
    #[arg(
        long,
        value_name = "TEXT",
        env = "SYNCFORM_SEED",
        requires = "sample",
        hide_env = true
    )]
    seed: Option<String>,
    /// Form of what was found
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: plan::Format,
    #[command(flatten)]
    naming: Naming,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let selection = (&arguments.naming).into();
    let how = engine::How::default();
    let opened = open::session(global, "verify", selection, how).await?;
    let sampling = arguments.sample.map(|people| Sampling {
        people: people.get(),
        seed: arguments
            .seed
            .clone()
            .unwrap_or_else(|| format!("{:08x}", rand::random::<u32>())),
    });
    let verified = engine::verify(&opened.session, sampling.as_ref()).await;
    // What is printed stands below what was said.
    opened.session.events.seen().await;
    opened.close().await;
    let verified = verified?;
    talk::result(&match arguments.format {
        plan::Format::Human => look::page(&render::verify::human(&verified, look::style(global))),
        plan::Format::Json => render::verify::json(&verified),
    })?;
    Ok(if verified.disagrees() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
