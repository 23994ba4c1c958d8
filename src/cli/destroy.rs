//! `syncform destroy`: takes everything out again, after the workspace's name was given.

use clap::Args;

use super::{
    apply,
    failure::{Exit, Failure},
    global::{Global, Leasing},
    open, talk,
};
use crate::{
    diff::select::Selection,
    engine::{How, Session},
};

/// Remove all that was applied, after the workspace's name was typed
#[derive(Debug, Args)]
#[command(
    after_help = "Each resource goes as its `on_destroy` says: `empty` takes its rows out of Braze, `keep` leaves them.\nEvents that a log sent stay where they are; how far it was read is forgotten.\n\nExamples:\n  syncform destroy\n  syncform destroy --confirm acme"
)]
pub(super) struct Arguments {
    /// Name of the workspace: nothing is asked then
    #[arg(long, value_name = "NAME", env = "SYNCFORM_CONFIRM", hide_env = true)]
    confirm: Option<String>,
    #[command(flatten)]
    leasing: Leasing,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.confirm.is_none() {
        apply::needs_terminal("--confirm NAME with the name of the workspace")?;
    }
    let how = How {
        destroy: true,
        retry_refused: true,
        ..How::default()
    };
    let opened = open::session(global, "destroy", Selection::default(), how).await?;
    let destroyed = work(global, arguments, &opened.session).await;
    opened.close().await;
    destroyed
}

async fn work(global: &Global, arguments: &Arguments, session: &Session) -> Result<Exit, Failure> {
    let workspace = session.configuration.workspace.clone();
    if let Some(name) = arguments
        .confirm
        .as_deref()
        .filter(|name| *name != workspace)
    {
        return Err(Failure::error(format!(
            "nothing was written: the workspace is called `{workspace}`, not `{name}`"
        )));
    }
    let wanted = match arguments.confirm {
        Some(_) => apply::Consent::Given,
        None => apply::Consent::Asked {
            question: format!(
                "Destroy all of this? Type the name of the workspace ({workspace}) to go on: "
            ),
            yes: workspace,
        },
    };
    let ended = apply::carry_out(
        global,
        session,
        arguments.leasing.lease_timeout.0,
        wanted,
        None,
        None,
    )
    .await?;
    let left = session.store.manifest()?;
    let left = left.map_or(0, |manifest| manifest.resources.len());
    if ended == Exit::Done && left > 0 {
        return Err(Failure::Message {
            exit: Exit::Partial,
            message: format!("{left} of the state's resources could not be removed"),
            hint: Some("`syncform plan` says why; run the same command again".to_owned()),
        });
    }
    if ended == Exit::Done {
        talk::say("Nothing is managed here any more. The next apply would begin anew.");
    }
    Ok(ended)
}
