//! `syncform doctor`: keys, permissions, hosts, limits, quota, clock, whatever of the set-up is broken.

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    look, open, plan,
    reach::{Reach, reach},
    talk,
};
use crate::{
    config::Survey,
    engine::{self, Look, Surroundings, Unopened},
    http::{Patience, asked},
    model::Verdict,
    render,
    state::store::Store,
};

/// Check keys, permissions, hosts, quota and clock; say what to do
#[derive(Debug, Args)]
#[command(
    after_help = "Changes nothing, spends no download, and goes on whatever is broken. Exits 1 if a check fails.\n\n\
                  Examples:\n  syncform doctor -e staging\n  syncform doctor --sandbox"
)]
pub(super) struct Arguments {
    /// Form of the checks
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: plan::Format,
}

/// Variables that name proxies, as the HTTP client reads them.
const PROXIES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let Survey {
        built,
        diagnostics: findings,
        settled,
    } = open::survey(global);
    let Some(configuration) = built else {
        return Err(Failure::Configuration(findings));
    };
    let mut stop = open::stop_when_asked();
    let reached = if settled {
        reach(global, &configuration, Patience::LOOK, stop.clone())
            .await
            .map_err(|failure| match failure {
                Failure::Message { message, hint, .. } => Unopened::Sandbox(message, hint),
                Failure::Configuration(_) => {
                    Unopened::Sandbox("the sandbox could not be opened".to_owned(), None)
                }
            })
    } else {
        Err(Unopened::Unsettled)
    };
    let (services, sandbox, world) = match reached {
        Ok(Reach {
            services,
            sandbox,
            world,
        }) => (Ok(services), sandbox, world),
        Err(unopened) => (Err(unopened), None, None),
    };
    let set = |name: &&str| open::variable(name).is_some_and(|value| !value.is_empty());
    let set_up = Look {
        store: Store::at(open::state_place(global, &configuration, world.as_ref())),
        surroundings: Surroundings {
            proxies: PROXIES.into_iter().filter(|name| set(name)).collect(),
            forgets: global.sandbox.is_none() && open::forgets(&configuration, world.as_ref()),
            sandbox: global.sandbox.is_some(),
        },
        places: engine::Places {
            directory: global.chdir.clone(),
            cloud: open::cloud(),
        },
        configuration,
        findings,
        services,
        clock: open::clock(global),
    };
    let checkup = tokio::select! {
        biased;
        () = asked(&mut stop) => Err(engine::Error::Stopped),
        checkup = engine::doctor(&set_up) => Ok(checkup),
    };
    drop(set_up);
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    let checkup = checkup?;
    talk::result(&match arguments.format {
        plan::Format::Human => look::page(&render::doctor::human(&checkup, look::style(global))),
        plan::Format::Json => render::doctor::json(&checkup),
    })?;
    Ok(match checkup.count(Verdict::Fail) {
        0 => Exit::Done,
        _ => Exit::Error,
    })
}
