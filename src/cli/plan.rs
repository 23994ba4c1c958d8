//! `syncform plan`: what an apply would do. It holds no client that can write, and takes no lease.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{
    failure::{Exit, Failure},
    global::{Global, Selecting},
    look, open, own_file, talk,
};
use crate::{
    config::Billing,
    engine,
    model::{
        Address, Change, LogEvent,
        plan::{Plan, ResourcePlan},
    },
    render, state,
};

/// Show what an apply would do, for how many people, at what price
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  syncform plan\n  syncform plan --only 'sync.power-*' --detailed-exitcode\n  syncform plan --format json > plan.json\n  syncform plan --out plan.tar && syncform apply plan.tar"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    showing: Showing,
    /// Exit with 2 if there is anything to do
    #[arg(long, env = "SYNCFORM_DETAILED_EXITCODE", hide_env = true)]
    detailed_exitcode: bool,
    /// Try the rows again that Braze refused and that were set aside
    #[arg(long, env = "SYNCFORM_RETRY_REFUSED", hide_env = true)]
    retry_refused: bool,
    /// Save the plan with its deltas in this file, for `apply FILE`; it holds the ids of people
    #[arg(long, value_name = "FILE", env = "SYNCFORM_OUT", hide_env = true)]
    out: Option<PathBuf>,
    /// What is read live: nothing, what is cheap, or also all people in Braze
    #[arg(
        long,
        value_name = "WHAT",
        env = "SYNCFORM_REFRESH",
        default_value = "quick",
        hide_env = true
    )]
    refresh: Refresh,
    /// Read the profiles of all people, 600 a minute, not of 600 people for an estimate
    #[arg(long, env = "SYNCFORM_READ_PROFILES", hide_env = true)]
    read_profiles: bool,
    #[command(flatten)]
    selecting: Selecting,
}

/// How a plan is shown, made now or saved before.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Showing {
    /// Form of the plan on stdout
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    pub(super) format: Format,
    /// Show the ids of the people whose rows change, on stdout: handle the output as personal data
    #[arg(long, env = "SYNCFORM_SHOW_IDS", hide_env = true)]
    pub(super) show_ids: bool,
}

/// What a plan reads live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Refresh {
    None,
    Quick,
    Full,
}

/// Form of a plan, or of anything else that is for people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.showing.check()?;
    let refresh = match arguments.refresh {
        Refresh::None => engine::Refresh::None,
        Refresh::Quick => engine::Refresh::Quick,
        Refresh::Full => engine::Refresh::Full,
    };
    if arguments.read_profiles && refresh == engine::Refresh::None {
        return Err(Failure::error(
            "--read-profiles reads profiles live, and --refresh none reads nothing",
        )
        .with_hint("leave one of them out"));
    }
    let how = engine::How {
        retry_refused: arguments.retry_refused,
        refresh,
        read_profiles: arguments.read_profiles,
        ..engine::How::default()
    };
    let opened = open::session(global, "plan", (&arguments.selecting).into(), how).await?;
    let planned = open::stoppable(&opened.session, Box::pin(engine::plan(&opened.session))).await;
    // What is printed stands below what was said.
    opened.session.events.seen().await;
    let shown = planned.map_err(Failure::from).and_then(|planned| {
        let priced = opened.session.configuration.braze.billing == Billing::DataPoints;
        talk::result(&drawn(
            &planned.plan,
            arguments.showing.format,
            global,
            priced,
        )?)?;
        if arguments.showing.show_ids {
            show_ids(planned.changes()?, planned.events()?)?;
        }
        if let Some(out) = &arguments.out {
            save(
                global,
                &opened.session,
                &planned,
                out,
                arguments.showing.format,
            )?;
        }
        Ok(exit(&planned.plan, arguments.detailed_exitcode))
    });
    opened.close().await;
    shown
}

impl Showing {
    /// A plan as JSON goes to machines, and its readers are not asked.
    pub(super) fn check(self) -> Result<(), Failure> {
        if self.show_ids && self.format == Format::Json {
            return Err(Failure::error(
                "--show-ids is for people: a plan as JSON never holds an id",
            ));
        }
        Ok(())
    }
}

/// Draws a plan in the form asked for.
pub(super) fn drawn(
    plan: &Plan,
    format: Format,
    global: &Global,
    priced: bool,
) -> Result<String, Failure> {
    match format {
        Format::Human => {
            let drawn = render::plan::human(plan, look::style(global), priced);
            Ok(look::page(&drawn))
        }
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

/// Saves a plan and says where it is; one with errors is not saved.
fn save(
    global: &Global,
    session: &engine::Session,
    planned: &engine::Planned,
    out: &Path,
    format: Format,
) -> Result<(), Failure> {
    if !planned.plan.errors.is_empty() {
        talk::complain("the plan has errors and was not saved", None);
        return Ok(());
    }
    let mut resources = planned.plan.resources.iter();
    let estimated = |of: &ResourcePlan| of.delta.as_ref().is_some_and(|delta| delta.estimated);
    if let Some(resource) = resources.find(|resource| estimated(resource)) {
        let message = format!(
            "the plan was not saved: what {} changes is an estimate, and what is applied is what was seen",
            resource.address
        );
        return Err(Failure::error(message).with_hint(
            "add --read-profiles: it reads the profiles of everybody, and may take long",
        ));
    }
    let path = global.chdir.join(out);
    own_file::free(&path, || engine::open_plan(&path).is_ok(), "saved plan")?;
    let about = engine::save_plan(session, planned, &path)?;
    let place = out.display().to_string();
    let line = render::plan::saved(&about.plan, &place, about.expires_at);
    match format {
        Format::Human => talk::result(&look::page(&line)),
        Format::Json => {
            talk::say(line.trim());
            Ok(())
        }
    }
}

/// A line a row: address, sign, identifier, id.
pub(super) fn show_ids<'a>(
    changes: impl Iterator<Item = Result<(&'a Address, Change), state::Error>>,
    events: impl Iterator<Item = Result<(&'a Address, LogEvent), state::Error>>,
) -> Result<(), Failure> {
    let mut lines = "\n".to_owned();
    let changes =
        changes.map(|change| change.map(|(address, row)| render::plan::person(address, &row)));
    let events =
        events.map(|event| event.map(|(address, event)| render::plan::event(address, &event)));
    for line in changes.chain(events) {
        lines.push_str(&line.map_err(engine::Error::from)?);
        if lines.len() > 1 << 16 {
            talk::result(&lines)?;
            lines.clear();
        }
    }
    talk::result(&lines)
}
