//! `syncform state rebind`: for a workspace that moved to another endpoint, project or name. It shows both targets,
//! asks, and records the one that is configured; no key is shown.

use std::fmt::Write;

use clap::Args;

use crate::{
    cli::{
        apply::{approved, needs_terminal},
        failure::{Exit, Failure},
        global::Global,
        open, talk,
    },
    diff::select::Selection,
    engine::{self, Rebinding, Session},
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncform state rebind -e production")]
pub(super) struct Arguments {
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    if !arguments.auto_approve {
        needs_terminal("--auto-approve to rebind without asking")?;
    }
    let opened = open::session(
        global,
        "state rebind",
        Selection::default(),
        engine::How::default(),
    )
    .await?;
    let rebound = work(arguments, &opened.session).await;
    opened.close().await;
    rebound
}

async fn work(arguments: &Arguments, session: &Session) -> Result<Exit, Failure> {
    let prepared = open::stoppable(session, Box::pin(engine::prepare_rebind(session))).await?;
    let Some(rebinding) = prepared else {
        talk::result("Nothing was applied yet: there is nothing to rebind.\n")?;
        return Ok(Exit::Done);
    };
    talk::result(&shown(&rebinding))?;
    if rebinding.is_bound() {
        talk::result("\nThe state is about these services already.\n")?;
        return Ok(Exit::Done);
    }
    talk::result(
        "\nThe ledgers stay: whom they say was sent is then taken to be there. The cursors of logs stay too: what \
         was read of the former project counts as read, and no event before them is read of the new one. Where that is \
         not so, give the configuration a state of its own.\n",
    )?;
    if !arguments.auto_approve
        && !approved(
            session,
            "Rebind the state? Only `yes` is taken for yes: ",
            "yes",
        )
        .await?
    {
        return Err(Failure::error("nothing was changed: not approved"));
    }
    engine::rebind(session, rebinding)?;
    talk::result("\nRebound: plan next, and look at what it would do.\n")?;
    Ok(Exit::Done)
}

/// A line each: what, as recorded, as configured.
fn shown(rebinding: &Rebinding) -> String {
    let lines = rebinding.comparison();
    let width = lines
        .iter()
        .map(|line| line.recorded.chars().count())
        .max()
        .unwrap_or(0);
    let width = width.max("recorded".len());
    let mut text = format!("  {:<24} {:<width$}   configured\n", "", "recorded");
    for engine::Bound {
        what,
        recorded,
        configured,
    } in lines
    {
        let sign = if recorded == configured { ' ' } else { '~' };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{sign} {what:<24} {recorded:<width$}   {configured}");
    }
    text
}
