//! `syncform report`: what became of a run, again, and the rows that Braze refused in it.

use std::{fs::File, io::Read as _, path::PathBuf};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    look, open, own_file, talk,
};
use crate::{
    config::Billing,
    render,
    state::{self, manifest::RunEntry, refusals::RefusalReader},
};

/// Show a run again, and write the rows that Braze refused in it
#[derive(Debug, Args)]
#[command(
    after_help = "Without RUN the last run is shown. The file of refused rows holds people's ids; only you can read it.\n\nExamples:\n  syncform report\n  syncform report 20261122T060000-1a2b3c --refused refused.csv"
)]
pub(super) struct Arguments {
    /// The run, as an apply prints it; the last one if left out
    run: Option<String>,
    /// Write the refused rows to this file as CSV
    #[arg(long, value_name = "FILE", env = "SYNCFORM_REFUSED", hide_env = true)]
    refused: Option<PathBuf>,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let (configuration, store) = open::store(global).await?;
    let manifest = store.manifest()?;
    let runs = manifest.as_ref().map_or(&[][..], |manifest| &manifest.runs);
    let named = |run: &&RunEntry| {
        arguments
            .run
            .as_ref()
            .is_none_or(|wanted| *wanted == run.id)
    };
    let Some(run) = runs.iter().rev().find(named) else {
        let pending = manifest
            .as_ref()
            .and_then(|manifest| manifest.pending.as_ref());
        if let Some(pending) = pending {
            return Err(Failure::error(format!(
                "run {} was cut or is still going, and has no report yet",
                pending.run
            ))
            .with_hint("the next apply records what it sent; a plan counts it in already"));
        }
        return Err(match &arguments.run {
            None => Failure::error("nothing was applied yet"),
            Some(run) => Failure::error(format!("the state knows no run `{run}`")),
        });
    };
    let head = format!(
        "{}, {}: {}\n\n",
        run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        run.command,
        run.outcome
    );
    talk::result(&head)?;
    if let Some(report) = store.report(&run.id)? {
        let priced = configuration.braze.billing == Billing::DataPoints;
        let drawn = render::report::human(&report, look::style(global), priced);
        talk::result(&look::page(&drawn))?;
    } else {
        talk::result("It sent nothing.\n")?;
    }
    let Some(path) = &arguments.refused else {
        return Ok(Exit::Done);
    };
    let path = global.chdir.join(path);
    let is_ours = || {
        let mut head = vec![0; render::refused::HEAD.len()];
        let read = File::open(&path).and_then(|mut file| file.read_exact(&mut head));
        read.is_ok() && head == render::refused::HEAD.as_bytes()
    };
    own_file::free(&path, is_ours, "list of refused rows")?;
    let refused = match &run.refused {
        Some(blob) => Some(RefusalReader::open(&store.blob(blob)?)?),
        None => None,
    };
    let mut rows = 0;
    let lines = refused.into_iter().flatten().map(|refusal| {
        rows += 1;
        Ok::<_, state::Error>(render::refused::line(&refusal?))
    });
    let head = std::iter::once(Ok(render::refused::HEAD.to_owned()));
    state::write_pieces(&path, head.chain(lines))?;
    talk::say(&format!(
        "{} written to {}: it holds people's ids.",
        render::count(rows, "refused row"),
        path.strip_prefix(".").unwrap_or(&path).display()
    ));
    Ok(Exit::Done)
}
