//! `syncform resync`: sends a resource anew, whatever was acknowledged, after its price was shown.

use clap::Args;

use super::{
    apply,
    failure::{Exit, Failure},
    global::{Global, Leasing},
    open,
    stream::{self, Stream, Telling},
};
use crate::{
    diff::select::Selection,
    engine::{How, Session},
    kinds,
    model::Address,
};

/// Send everything of one resource again, removals included
#[derive(Debug, Args)]
#[command(
    after_help = "For a Braze that lost what was sent, or that others wrote over. Rows of people whom Braze does not know\nstay as they are, and guards hold. What differs alone is found, and cheaper, by `syncform verify`.\nIt takes one sync at a time, and no log (event_stream, currents): events that were sent would count twice.\n\nExamples:\n  syncform resync sync.power-users\n  syncform resync sync.power-users --auto-approve"
)]
pub(super) struct Arguments {
    /// Address of the resource
    address: String,
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
    #[command(flatten)]
    leasing: Leasing,
    #[command(flatten)]
    telling: Telling,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let work = async |stream: Option<&Stream>| opened(global, arguments, stream).await;
    arguments.telling.run(global, "resync", work).await
}

async fn opened(
    global: &Global,
    arguments: &Arguments,
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let Some(address) = Address::parse(&arguments.address) else {
        let message = format!("`{}` is no address", arguments.address);
        return Err(Failure::error(message).with_hint("an address is such as sync.power-users"));
    };
    let how = How {
        anew: true,
        retry_refused: true,
        read_profiles: true,
        ..How::default()
    };
    let selection = Selection {
        only: vec![address.to_string()],
        ..Selection::default()
    };
    let opened = open::streamed(global, "resync", selection, how, stream.cloned()).await?;
    let applied = work(global, arguments, &address, &opened.session, stream).await;
    opened.close().await;
    applied
}

async fn work(
    global: &Global,
    arguments: &Arguments,
    address: &Address,
    session: &Session,
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let resource = session.configuration.resources.get(address);
    let paused = resource.is_some_and(|resource| resource.settings.paused == Some(true));
    if paused {
        let message = format!("nothing was written: {address} is paused");
        return Err(Failure::error(message).with_hint("take `paused` out of it first"));
    }
    let Some(resource) = resource else {
        let message = format!("no {address} is declared");
        return Err(Failure::error(message).with_hint("name a sync of the configuration"));
    };
    if kinds::find_watched(resource).is_some() {
        let message =
            format!("nothing was sent: {address} is looked at, and somebody else moves it");
        return Err(Failure::error(message)
            .with_hint("the plan says what to do by hand where it is not as declared"));
    }
    if kinds::is_managed(resource) {
        let message =
            format!("nothing was sent: {address} is a handful of settings, and has no rows");
        return Err(Failure::error(message).with_hint(
            "every plan compares them with what Amplitude shows, and an apply puts them right",
        ));
    }
    if kinds::find_log(resource).is_some() {
        let message = format!(
            "nothing was read or written: {address} is a log, and its events cannot be sent again: each would count once more"
        );
        return Err(Failure::error(message).with_hint(
            "events whose answer never came are parked: syncform state parked list shows them, and how each is sent once",
        ));
    }
    apply::needs_consent(
        arguments.auto_approve,
        stream,
        "--auto-approve to send it without asking",
    )?;
    stream::begun(session, "resync").await;
    let consent = if arguments.auto_approve {
        apply::Consent::Given
    } else {
        apply::Consent::Asked {
            question: "Send all of this again? Only `yes` is taken for yes: ".to_owned(),
            yes: "yes".to_owned(),
        }
    };
    let patience = arguments.leasing.lease_timeout.0;
    apply::carry_out(global, session, patience, consent, None, stream).await
}
