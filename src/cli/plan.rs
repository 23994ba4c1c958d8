//! `syncform plan`: what an apply would do. It holds no client that can write, and takes no lease.

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    global::{Global, Selecting},
    open, talk,
};
use crate::{config::Billing, engine, http::asked, model::plan::Plan, render};

/// Show what an apply would do, for how many people, at what price
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform plan\n  syncform plan --only 'sync.power-*' --detailed-exitcode\n  syncform plan --format json > plan.json"
)]
pub(super) struct Arguments {
    /// Form of the plan on stdout
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
    /// Exit with 2 if there is anything to do
    #[arg(long, env = "SYNCFORM_DETAILED_EXITCODE", hide_env = true)]
    detailed_exitcode: bool,
    /// Show the ids of the people whose rows change, on stdout: handle the output as personal data
    #[arg(long, env = "SYNCFORM_SHOW_IDS", hide_env = true)]
    show_ids: bool,
    /// Try the rows again that Braze refused and that were set aside
    #[arg(long, env = "SYNCFORM_RETRY_REFUSED", hide_env = true)]
    retry_refused: bool,
    #[command(flatten)]
    selecting: Selecting,
}

/// Form of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.show_ids && arguments.format == Format::Json {
        return Err(Failure::error(
            "--show-ids is for people: a plan as JSON never holds an id",
        ));
    }
    let how = engine::How {
        retry_refused: arguments.retry_refused,
        ..engine::How::default()
    };
    let opened = open::session(global, "plan", (&arguments.selecting).into(), how).await?;
    let mut stop = opened.session.stop.clone();
    let planned = tokio::select! {
        planned = engine::plan(&opened.session) => planned,
        () = asked(&mut stop) => Err(engine::Error::Stopped),
    };
    let shown = planned.map_err(Failure::from).and_then(|planned| {
        let priced = opened.session.configuration.braze.billing == Billing::DataPoints;
        talk::result(&drawn(&planned.plan, arguments.format, global, priced)?)?;
        if arguments.show_ids {
            show_ids(&planned)?;
        }
        Ok(exit(&planned.plan, arguments.detailed_exitcode))
    });
    opened.close().await;
    shown
}

/// Draws a plan in the form asked for.
pub(super) fn drawn(
    plan: &Plan,
    format: Format,
    global: &Global,
    priced: bool,
) -> Result<String, Failure> {
    match format {
        Format::Human => Ok(render::plan::human(plan, talk::style(global), priced)),
        Format::Json => serde_json::to_string_pretty(plan)
            .map(|json| json + "\n")
            .map_err(|error| {
                Failure::error(format!("the plan cannot be written as JSON: {error}"))
            }),
    }
}

fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.errors.is_empty() {
        Exit::Error
    } else if plan.refusals().next().is_some() {
        Exit::Refused
    } else if detailed && plan.summary.changes() {
        Exit::Changes
    } else {
        Exit::Done
    }
}

/// A line a row: address, sign, identifier, id.
fn show_ids(planned: &engine::Planned) -> Result<(), Failure> {
    let mut lines = "\n".to_owned();
    for change in planned.changes()? {
        let (address, change) = change.map_err(engine::Error::from)?;
        lines.push_str(&render::plan::person(address, &change));
        if lines.len() > 1 << 16 {
            talk::result(&lines)?;
            lines.clear();
        }
    }
    talk::result(&lines)
}
