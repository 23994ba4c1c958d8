//! `syncform explain`: one person through every sync. It holds no client that can write, and takes no lease.

use std::str::FromStr;

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::{Global, Selecting},
    look, open,
    plan::Format,
    talk,
};
use crate::{
    engine,
    model::{Address, explanation::Explanation},
    render,
};

/// Show what became of one person in every sync, and what comes next
#[derive(Debug, Args)]
#[command(after_help = "\
PERSON is the external id (the Amplitude user id), the name of an alias, whatever its label, or a device id. Rows with
the same Amplitude id are the same person's. Where one id names several people, --by says which is meant.

It changes nothing and spends no download: cohorts are as they were read last, and a plan reads those that moved since.
What it does with the person's rows is what `plan` would. A person whom nothing knows is exit 1. The id is never shown,
but values are: handle the output as personal data.

Examples:
  syncform explain ada
  syncform explain ada --live --only sync.power-users
  syncform explain 1001 --by amplitude_id --format json")]
pub(super) struct Arguments {
    /// Whom
    #[arg(value_name = "PERSON")]
    person: String,
    /// Ask Braze as well what the person's profile holds
    #[arg(long, env = "SYNCFORM_LIVE", hide_env = true)]
    live: bool,
    /// What PERSON is: external_id, device_id, or the label of an alias
    #[arg(long, value_name = "WHAT", env = "SYNCFORM_BY", hide_env = true)]
    by: Option<By>,
    /// Form of the answer on stdout
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
    #[command(flatten)]
    selecting: Selecting,
}

/// What a person is named by.
#[derive(Clone, Debug)]
struct By(engine::By);

impl FromStr for By {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "external_id" => engine::By::ExternalId,
            "device_id" => engine::By::DeviceId,
            label => engine::By::Alias(label.to_owned()),
        }))
    }
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let how = engine::How {
        refresh: engine::Refresh::None,
        ..engine::How::default()
    };
    let person = engine::Person {
        id: arguments.person.clone(),
        by: arguments.by.clone().map(|by| by.0),
    };
    let opened = open::session(global, "explain", (&arguments.selecting).into(), how).await?;
    let explaining = Box::pin(engine::explain(&opened.session, &person, arguments.live));
    let explained = open::stoppable(&opened.session, explaining).await;
    opened.session.events.seen().await;
    let shown = match explained {
        Ok(explanation) => {
            let otherwise = engine::named_otherwise(&opened.session.configuration);
            shown(&explanation, arguments.format, global, &otherwise)
        }
        Err(engine::Error::NothingKept) => Err(Failure::error("no cohort was read here yet")
            .with_hint("`syncform plan` reads them; explain shows what was read last")),
        Err(error) => Err(error.into()),
    };
    opened.close().await;
    shown
}

fn shown(
    explanation: &Explanation,
    format: Format,
    global: &Global,
    otherwise: &[(Address, String)],
) -> Result<Exit, Failure> {
    if !explanation.problems.is_empty() {
        return Err(Failure::error(explanation.problems.join("; ")));
    }
    match format {
        Format::Human => {
            let drawn = render::explain::human(explanation, look::style(global));
            talk::result(&look::page(&drawn))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(explanation).map_err(|error| {
                Failure::error(format!("the answer cannot be written as JSON: {error}"))
            })?;
            talk::result(&(json + "\n"))?;
        }
    }
    if let Some(problem) = &explanation.unanswered {
        return Err(Failure::error(problem.clone()).with_hint("the rest is as it is known here"));
    }
    if explanation.known {
        return Ok(Exit::Done);
    }
    let others = otherwise.iter();
    let others = others.map(|(address, names)| format!("; {address} knows people by {names}"));
    let others: String = others.collect();
    Err(Failure::error(
        "nobody is known by that id: in no cohort as it was read last, in no row that was sent or refused",
    )
    .with_hint(format!(
        "PERSON is the Amplitude user id, the name of an alias or a device id; `syncform plan` reads the cohorts anew{others}"
    )))
}
