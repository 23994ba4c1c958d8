//! `syncform apply`: plans under the lease, shows it, asks, and carries it out.

use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::{Global, Leasing, Selecting},
    look, open, plan,
    stream::{self, Stream, Telling},
    talk,
};
use crate::{
    config::Billing,
    diff::select::Selection,
    engine::{self, How, Prepared, SavedPlan, Session},
    http::asked,
    model::Event,
    render,
};

/// Make Braze what the configuration says, by the fewest changes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform apply\n  syncform apply --auto-approve --only sync.trialists\n  syncform apply plan.tar\n  syncform apply plan.tar --format json | jq -c 'select(.type == \"report\")'"
)]
pub(super) struct Arguments {
    /// A saved plan (plan --out): applied without asking, once, if a plan made now means the same
    plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
    #[command(flatten)]
    leasing: Leasing,
    /// Stop everything at the first failure or refusal; else what fails does not stop the rest
    #[arg(long, env = "SYNCFORM_FAIL_FAST", hide_env = true)]
    fail_fast: bool,
    /// Try the rows again that Braze refused and that were set aside
    #[arg(long, env = "SYNCFORM_RETRY_REFUSED", hide_env = true)]
    retry_refused: bool,
    #[command(flatten)]
    telling: Telling,
    #[command(flatten)]
    selecting: Selecting,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let work = async |stream: Option<&Stream>| opened(global, arguments, stream).await;
    Box::pin(arguments.telling.run(global, "apply", work)).await
}

async fn opened(
    global: &Global,
    arguments: &Arguments,
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let selection = Selection::from(&arguments.selecting);
    let saved = arguments.plan.as_ref().map(|path| {
        if selection.is_partial() || arguments.retry_refused {
            return Err(Failure::error(
                "a saved plan is applied as it was made, and takes no selection",
            )
            .with_hint("leave out --only, --except, --changed and --retry-refused, or plan again with them"));
        }
        Ok(engine::open_plan(&global.chdir.join(path))?)
    });
    let saved = saved.transpose()?;
    let so_as = "--auto-approve to apply what the plan shows without asking, or save a plan with `plan --out FILE` and apply that";
    needs_consent(arguments.auto_approve || saved.is_some(), stream, so_as)?;
    let how = How {
        fail_fast: arguments.fail_fast,
        // What is applied is no estimate.
        read_profiles: true,
        retry_refused: saved
            .as_ref()
            .map_or(arguments.retry_refused, |saved| saved.about.retry_refused),
        ..How::default()
    };
    let selection = saved
        .as_ref()
        .map_or(selection, |saved| saved.about.selection.clone());
    let opened = open::streamed(global, "apply", selection, how, stream.cloned()).await?;
    let session = &opened.session;
    stream::begun(session, "apply").await;
    let consent = if arguments.auto_approve || saved.is_some() {
        Consent::Given
    } else {
        Consent::Asked {
            question: "Apply this? Only `yes` is taken for yes: ".to_owned(),
            yes: "yes".to_owned(),
        }
    };
    let patience = arguments.leasing.lease_timeout.0;
    let applied = carry_out(global, session, patience, consent, saved.as_ref(), stream).await;
    opened.close().await;
    applied
}

/// Fails where nobody agreed and nobody can be asked.
pub(super) fn needs_consent(
    given: bool,
    stream: Option<&Stream>,
    so_as: &str,
) -> Result<(), Failure> {
    if given {
        return Ok(());
    }
    if stream.is_some() {
        return Err(Failure::error(
            "--format json is a stream of events, and nobody can be asked on it",
        )
        .with_hint(format!("say {so_as}")));
    }
    needs_terminal(so_as)
}

/// Fails where nobody can be asked.
pub(super) fn needs_terminal(so_as: &str) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::error("there is no terminal to ask on").with_hint(format!("say {so_as}")))
}

/// Whether somebody has to agree to what is shown.
pub(super) enum Consent {
    /// Somebody has.
    Given,
    /// Somebody is asked, and one answer alone is taken for yes.
    Asked { question: String, yes: String },
}

/// Plans, shows it, asks where it must, and carries it out. A stream takes what else is printed.
pub(super) async fn carry_out(
    global: &Global,
    session: &Session,
    patience: Duration,
    consent: Consent,
    saved: Option<&SavedPlan>,
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let prepared =
        open::stoppable(session, Box::pin(engine::prepare(session, patience, saved))).await?;
    let drafted = &prepared.planned.plan;
    let priced = session.configuration.braze.billing == Billing::DataPoints;
    session
        .events
        .tell(Event::Plan {
            plan: Box::new(drafted.clone()),
        })
        .await;
    // What is printed stands below what was said.
    session.events.seen().await;
    match stream {
        Some(stream) => stream.unbroken()?,
        None => talk::result(&plan::drawn(drafted, plan::Format::Human, global, priced)?)?,
    }
    if !drafted.errors.is_empty() {
        return Err(Failure::error("nothing was written: the plan has errors"));
    }
    if drafted.refusals().next().is_some() {
        return Ok(refused(session, &prepared).await);
    }
    let changes = drafted.summary.changes();
    if let Consent::Asked { question, yes } = consent
        && changes
        && !approved(session, &question, &yes).await?
    {
        return Err(Failure::error("nothing was written: not approved"));
    }
    let report = engine::apply(session, prepared).await?;
    session
        .events
        .tell(Event::Report {
            report: report.clone(),
        })
        .await;
    session.events.seen().await;
    if stream.is_none() && changes {
        talk::result(&look::page(&format!(
            "\n{}",
            render::report::human(&report, look::style(global), priced)
        )))?;
    } else if let Some(asked) = render::report::asked(&report).filter(|_| stream.is_none()) {
        talk::result(&look::page(&format!("\n{asked}")))?;
    }
    if saved.is_some() && !report.complete() {
        talk::say("The saved plan counts as applied; a plan made now holds what is left.");
    }
    Ok(match (report.complete(), report.wrote()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Partial,
        // Set aside in the state, each with its reason.
        (false, false) if report.refused() > 0 => Exit::Partial,
        (false, false) => Exit::Error,
    })
}

async fn refused(session: &Session, prepared: &Prepared) -> Exit {
    let plan = &prepared.planned.plan;
    let count = plan.refusals().count();
    let message = format!(
        "nothing was written: {count} guard{} refuse{}",
        if count == 1 { "" } else { "s" },
        if count == 1 { "s" } else { "" }
    );
    talk::complain(&message, None);
    session.events.tell(Event::refused(message, plan)).await;
    Exit::Refused
}

/// Asks; Ctrl-C is a no.
pub(super) async fn approved(
    session: &Session,
    question: &str,
    yes: &str,
) -> Result<bool, Failure> {
    session.events.seen().await;
    talk::result(&format!("\n{question}"))?;
    let mut stop = session.stop.clone();
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => {
            let answer = answer.map_err(|_| engine::Error::Worker)?;
            let answer = answer.map_err(|error| Failure::error(format!("stdin: {error}")))?;
            if !answer.ends_with('\n') {
                talk::result("\n")?;
            }
            Ok(answer.trim() == yes)
        }
        () = asked(&mut stop) => Ok(false),
    }
}
