//! `syncform apply`: plans under the lease, shows it, asks, and carries it out.

use std::{
    io::{self, BufRead, IsTerminal},
    time::Duration,
};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::{Global, Selecting},
    open, plan,
    stream::{self, Stream},
    talk,
};
use crate::{
    config::Billing,
    engine::{self, How, Prepared, Session},
    http::asked,
    model::{Event, Span},
    render,
};

/// Make Braze what the configuration says, with the smallest set of changes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform apply\n  syncform apply --auto-approve --only sync.trialists\n  syncform apply --auto-approve --format json | jq -c 'select(.type == \"report\")'"
)]
pub(super) struct Arguments {
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
    /// Stop everything at the first failure or refusal; else what fails does not stop the rest
    #[arg(long, env = "SYNCFORM_FAIL_FAST", hide_env = true)]
    fail_fast: bool,
    /// Try the rows again that Braze refused and that were set aside
    #[arg(long, env = "SYNCFORM_RETRY_REFUSED", hide_env = true)]
    retry_refused: bool,
    /// Form of what is on stdout: for people, or an event a line (`syncform schema events`)
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: plan::Format,
    #[command(flatten)]
    selecting: Selecting,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match arguments.format {
        plan::Format::Human => opened(global, arguments, None).await,
        plan::Format::Json => {
            let stream = Stream::default();
            let outcome = opened(global, arguments, Some(&stream)).await;
            stream.end(global, "apply", outcome)
        }
    }
}

async fn opened(
    global: &Global,
    arguments: &Arguments,
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let asks = !arguments.auto_approve;
    if asks && stream.is_some() {
        return Err(Failure::error(
            "--format json is a stream of events, and nobody can be asked on it",
        )
        .with_hint("say --auto-approve to apply what the plan shows without asking"));
    }
    if asks && !io::stdin().is_terminal() {
        return Err(Failure::error("there is no terminal to ask on")
            .with_hint("say --auto-approve to apply what the plan shows without asking"));
    }
    let how = How {
        fail_fast: arguments.fail_fast,
        retry_refused: arguments.retry_refused,
        ..How::default()
    };
    let selection = (&arguments.selecting).into();
    let opened = open::streamed(global, "apply", selection, how, stream.cloned()).await?;
    let session = &opened.session;
    let configuration = &session.configuration;
    let workspace = Some(configuration.workspace.clone());
    let environment = configuration.environment.clone();
    session
        .events
        .tell(stream::begin("apply", workspace, environment))
        .await;
    let consent = if asks {
        Consent::Asked {
            question: "\nApply this? Only `yes` is taken for yes: ".to_owned(),
            yes: "yes".to_owned(),
        }
    } else {
        Consent::Given
    };
    let patience = arguments.lease_timeout.0;
    let applied = carry_out(global, session, patience, consent, stream).await;
    opened.close().await;
    applied
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
    stream: Option<&Stream>,
) -> Result<Exit, Failure> {
    let mut stop = session.stop.clone();
    // Who asked to stop is not told what the stop broke off.
    let prepared = tokio::select! {
        biased;
        () = asked(&mut stop) => return Err(engine::Error::Stopped.into()),
        prepared = engine::prepare(session, patience) => prepared?,
    };
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
        talk::result(&format!(
            "\n{}",
            render::report::human(&report, talk::style(global), priced)
        ))?;
    }
    Ok(match (report.complete(), report.wrote()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Partial,
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
async fn approved(session: &Session, question: &str, yes: &str) -> Result<bool, Failure> {
    talk::result(question)?;
    let mut stop = session.stop.clone();
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => {
            let answer = answer.map_err(|_| engine::Error::Worker)?;
            let answer = answer.map_err(|error| Failure::error(format!("stdin: {error}")))?;
            Ok(answer.trim() == yes)
        }
        () = asked(&mut stop) => Ok(false),
    }
}
