//! `syncform state parked`: batches of events whose answer never came. It lists them, asks Braze about them, and takes
//! down what somebody decides; nothing is sent here, and no person stands in any output.

mod decide;

use clap::{Args, Subcommand};

use crate::{
    cli::{
        failure::{Exit, Failure},
        global::{Global, Leasing},
        look, open, plan, talk,
    },
    diff::select::Selection,
    engine,
    model::Decision,
    render,
};

const AFTER_HELP: &str = "\
Braze counts every event that it takes and has no way to take one twice as once, so a batch whose answer never came is \
parked: it is not sent again unasked.

Examples:
  syncform state parked list
  syncform state parked check
  syncform state parked release --not-arrived
  syncform state parked drop --arrived";

/// Batches of events whose answer never came
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List them, a line a batch; only the state is read
    #[command(after_help = "Example:\n  syncform state parked list --format json")]
    List {
        /// Form of the list
        #[arg(
            long,
            value_name = "FORM",
            env = "SYNCFORM_FORMAT",
            default_value = "human",
            hide_env = true
        )]
        format: plan::Format,
    },
    /// Ask Braze what their people have, and say what arrived
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Batches, as `list` names them; all of them without one
        #[arg(value_name = "BATCH")]
        batches: Vec<String>,
    },
    /// Let the next apply send batches, once
    #[command(after_help = RELEASE_HELP)]
    Release {
        #[command(flatten)]
        which: Released,
        #[command(flatten)]
        taking: Taking,
    },
    /// Forget batches: nothing of them is sent again
    #[command(after_help = DROP_HELP)]
    Drop {
        #[command(flatten)]
        which: Dropped,
        #[command(flatten)]
        taking: Taking,
    },
}

const CHECK_HELP: &str = "\
Braze tells when each person had an event of a name, or a product, first and last. An event whose time is one of these \
is found; one that is on neither side of these times is missing; of any other nobody can say. A request is queued whole, so \
one event speaks for its batch. Five minutes have to pass after a batch left.

Examples:
  syncform state parked check
  syncform state parked check 20261122T060000-1a2b3c-0-75";

const RELEASE_HELP: &str = "\
What arrived all the same is double in Braze once it is sent again.

Examples:
  syncform state parked release --not-arrived
  syncform state parked release 20261122T060000-1a2b3c-0-75 --auto-approve";

const DROP_HELP: &str = "\
What did not arrive is lost once it is dropped.

Examples:
  syncform state parked drop --arrived
  syncform state parked drop 20261122T060000-1a2b3c-0-75 --auto-approve";

/// Which batches are released.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Released {
    /// Batches, as `list` names them
    #[arg(value_name = "BATCH")]
    batches: Vec<String>,
    /// All of them
    #[arg(long, env = "SYNCFORM_ALL", hide_env = true)]
    all: bool,
    /// Those of which `check` says that they did not arrive
    #[arg(long, env = "SYNCFORM_NOT_ARRIVED", hide_env = true)]
    not_arrived: bool,
}

/// Which batches are dropped.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Dropped {
    /// Batches, as `list` names them
    #[arg(value_name = "BATCH")]
    batches: Vec<String>,
    /// All of them
    #[arg(long, env = "SYNCFORM_ALL", hide_env = true)]
    all: bool,
    /// Those of which `check` says that they arrived
    #[arg(long, env = "SYNCFORM_ARRIVED", hide_env = true)]
    arrived: bool,
}

/// How a decision is taken.
#[derive(Debug, Args)]
struct Taking {
    /// Do not ask
    #[arg(long, env = "SYNCFORM_AUTO_APPROVE", hide_env = true)]
    auto_approve: bool,
    #[command(flatten)]
    leasing: Leasing,
}

/// Which batches a decision is about.
enum Which<'a> {
    Named(&'a [String]),
    All,
    /// Those that were found as the decision wants them.
    Checked,
}

impl<'a> Which<'a> {
    fn of(batches: &'a [String], all: bool) -> Self {
        match (all, batches) {
            (true, _) => Self::All,
            (false, []) => Self::Checked,
            (false, batches) => Self::Named(batches),
        }
    }
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::List { format } => list(global, *format).await,
        Verb::Check { batches } => check(global, batches).await,
        Verb::Release { which, taking } => {
            let which = Which::of(&which.batches, which.all);
            decide::run(global, Decision::Release, which, taking).await
        }
        Verb::Drop { which, taking } => {
            let which = Which::of(&which.batches, which.all);
            decide::run(global, Decision::Drop, which, taking).await
        }
    }
}

async fn list(global: &Global, format: plan::Format) -> Result<Exit, Failure> {
    let (_, store) = open::store(global).await?;
    let batches = engine::parked(&store, open::clock(global).millis()).await?;
    talk::result(&match format {
        plan::Format::Human => look::page(&render::parked::list(&batches)),
        plan::Format::Json => render::parked::json(&batches),
    })?;
    Ok(Exit::Done)
}

async fn check(global: &Global, batches: &[String]) -> Result<Exit, Failure> {
    let (selection, how) = (Selection::default(), engine::How::default());
    let opened = open::session(global, "state parked check", selection, how).await?;
    let checked = open::stoppable(
        &opened.session,
        Box::pin(engine::check_parked(&opened.session, batches)),
    )
    .await;
    // What is printed stands below what was said.
    opened.session.events.seen().await;
    opened.close().await;
    let drawn = render::parked::checked(&checked?, look::style(global));
    talk::result(&look::page(&drawn))?;
    Ok(Exit::Done)
}
