//! `syncform apply`: plans under the lease, shows it, asks, and carries it out.

use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::{Global, Selecting},
    open, plan, talk,
};
use crate::{
    config::Billing,
    diff::select::Selection,
    engine::{self, Prepared, SavedPlan, Session},
    http::asked,
    model::Span,
    render,
};

/// Make Braze what the configuration says, with the smallest set of changes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform apply\n  syncform apply --auto-approve --only sync.trialists\n  syncform apply plan.tar"
)]
pub(super) struct Arguments {
    /// A saved plan (plan --out): applied without asking, once, if a plan made now means the same
    plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
    /// Wait so long for another run to end, such as 5m
    #[arg(
        long,
        value_name = "TIME",
        env = "SYNCFORM_LEASE_TIMEOUT",
        default_value = "0s",
        hide_env = true
    )]
    lease_timeout: Span,
    #[command(flatten)]
    selecting: Selecting,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let selection = Selection::from(&arguments.selecting);
    let saved = arguments.plan.as_ref().map(|path| {
        if selection.is_partial() {
            return Err(Failure::error(
                "a saved plan is applied for what it was made for, and takes no selection",
            )
            .with_hint("leave out --only, --except and --changed, or plan again with them"));
        }
        Ok(engine::open_plan(&global.chdir.join(path))?)
    });
    let saved = saved.transpose()?;
    if !arguments.auto_approve && saved.is_none() {
        needs_terminal(
            "to apply what the plan shows without asking, or save a plan with `plan --out FILE` and apply that",
        )?;
    }
    let selection = saved
        .as_ref()
        .map_or(selection, |saved| saved.about.selection.clone());
    let opened = open::session(global, "apply", selection).await?;
    let applied = work(global, arguments, saved.as_ref(), &opened.session).await;
    opened.close().await;
    applied
}

/// Fails where nobody can be asked.
pub(super) fn needs_terminal(so_as: &str) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::error("there is no terminal to ask on")
        .with_hint(format!("say --auto-approve {so_as}")))
}

async fn work(
    global: &Global,
    arguments: &Arguments,
    saved: Option<&SavedPlan>,
    session: &Session,
) -> Result<Exit, Failure> {
    let mut stop = session.stop.clone();
    let prepared = tokio::select! {
        prepared = engine::prepare(session, arguments.lease_timeout.0, saved) => prepared?,
        () = asked(&mut stop) => return Err(engine::Error::Stopped.into()),
    };
    let drafted = &prepared.planned.plan;
    let priced = session.configuration.braze.billing == Billing::DataPoints;
    talk::result(&plan::drawn(drafted, plan::Format::Human, global, priced)?)?;
    if !drafted.errors.is_empty() {
        return Err(Failure::error("nothing was written: the plan has errors"));
    }
    if drafted.refusals().next().is_some() {
        return Ok(refused(&prepared));
    }
    let changes = drafted.summary.changes();
    let asks = !arguments.auto_approve && saved.is_none();
    if changes && asks && !approved(session, "Apply this?").await? {
        return Err(Failure::error("nothing was written: not approved"));
    }
    let report = engine::apply(session, prepared).await?;
    if changes {
        talk::result(&format!(
            "\n{}",
            render::report::human(&report, talk::style(global), priced)
        ))?;
    }
    if saved.is_some() && !report.complete() {
        talk::say("The saved plan counts as applied; a plan made now holds what is left.");
    }
    Ok(match (report.complete(), report.wrote()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Partial,
        (false, false) => Exit::Error,
    })
}

fn refused(prepared: &Prepared) -> Exit {
    let count = prepared.planned.plan.refusals().count();
    talk::say(&format!(
        "error: nothing was written: {count} guard{} refuse{}",
        if count == 1 { "" } else { "s" },
        if count == 1 { "s" } else { "" }
    ));
    Exit::Refused
}

/// Asks; Ctrl-C is a no.
pub(super) async fn approved(session: &Session, question: &str) -> Result<bool, Failure> {
    talk::result(&format!("\n{question} Only `yes` is taken for yes: "))?;
    let mut stop = session.stop.clone();
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => {
            let answer = answer.map_err(|_| engine::Error::Worker)?;
            let answer = answer.map_err(|error| Failure::error(format!("stdin: {error}")))?;
            Ok(answer.trim() == "yes")
        }
        () = asked(&mut stop) => Ok(false),
    }
}
