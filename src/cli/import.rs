//! `syncform import`: YAML for what runs already. It needs no configuration, holds no client that can write, and overwrites no
//! file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    init::{self, place},
    look, open,
    reach::{Reach, reach},
    talk,
};
use crate::{
    config::{self, Configuration},
    engine::{self, Services},
    http::Patience,
    kinds,
    model::{Imported, ImportedSetting, counted},
    render::imported::{Head, head, yaml},
};

/// Variables that name Braze, with the key that takes each: the first that is set counts.
const BRAZE: [(&str, &str, &str); 2] = [
    ("BRAZE_REST_ENDPOINT", "endpoint", "${BRAZE_REST_ENDPOINT}"),
    ("BRAZE_INSTANCE", "instance", "${BRAZE_INSTANCE}"),
];

/// Variables that hold keys.
const KEYS: [&str; 3] = ["AMPLITUDE_API_KEY", "AMPLITUDE_SECRET_KEY", "BRAZE_API_KEY"];

/// Write YAML for what runs: native syncs, segments, destinations
#[derive(Debug, Args)]
#[command(
    after_help = "Written are the syncs to Braze that Amplitude runs itself (native syncs), with their cohorts, the segments of Braze and, with a developer token, the destinations. No secret is among it.\n\nWithout a configuration the keys come from AMPLITUDE_API_KEY, AMPLITUDE_SECRET_KEY, BRAZE_API_KEY, and BRAZE_INSTANCE or BRAZE_REST_ENDPOINT; AMPLITUDE_REGION is us unless it says eu, and AMPLITUDE_PAT, a personal access token, shows destinations. With one, its keys are used, and what it declares is left out.\n\n\
                  Examples:\n  syncform import\n  syncform import --write imported.yaml\n  syncform import --sandbox > imported.yaml"
)]
pub(super) struct Arguments {
    /// Write it into this file, which must not be there, instead of stdout
    #[arg(long, value_name = "FILE", env = "SYNCFORM_WRITE", hide_env = true)]
    write: Option<PathBuf>,
}

pub(super) async fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let into = arguments.write.as_ref().map(|file| global.chdir.join(file));
    if let Some(path) = into.as_ref().filter(|path| path.symlink_metadata().is_ok()) {
        return Err(there(path));
    }
    let own = is_configured(&global.chdir);
    let workspace = init::named(&global.chdir);
    let above = if own {
        Head::Further
    } else {
        Head::Whole {
            workspace: &workspace,
            braze: braze(),
        }
    };
    let configuration = if own {
        open::configuration(global)?
    } else {
        from_environment(global, above)?
    };
    let stop = open::stop_when_asked();
    let reached = reach(global, &configuration, Patience::WORK, stop).await?;
    let found = found(&reached, (&configuration, own)).await;
    if let Some(sandbox) = reached.sandbox {
        sandbox.stop().await;
    }
    let found = found?;
    if let Some(why) = &found.unseen {
        talk::say(&format!("warning: destinations were not looked at: {why}"));
    }
    let text = yaml(&found, above);
    let Some(path) = into else {
        talk::result(&text)?;
        return Ok(Exit::Done);
    };
    if !place::write(&path, &text)? {
        return Err(there(&path));
    }
    let settings = found.accounts.iter().flat_map(|one| one.config.values());
    let secrets = settings.filter(|one| matches!(one, ImportedSetting::Secret(_)));
    let secrets = match secrets.count() {
        0 => "",
        _ => {
            " but the secrets that a first apply sends: export their variables, or take their lines out"
        }
    };
    let said = format!(
        "Written {}: {}, {}, {}{}.\nNext: syncform validate, then syncform plan, which should have nothing to change{secrets}.\n",
        place::shown(&path),
        counted(found.syncs.len() as u64, "sync"),
        counted(found.segments.len() as u64, "segment"),
        counted(found.accounts.len() as u64, "destination"),
        match found.left.len() as u64 {
            0 => String::new(),
            left => format!(", {} left out with the reason", counted(left, "thing")),
        }
    );
    talk::result(&look::page(&said))?;
    Ok(Exit::Done)
}

async fn found(
    reached: &Reach,
    configuration: (&Configuration, bool),
) -> Result<Imported, Failure> {
    let services = &reached.services;
    let Services {
        amplitude, braze, ..
    } = services;
    match (&amplitude.reader, &braze.reader) {
        (Ok(amplitude), Ok(braze)) => {
            Ok(engine::import(amplitude, braze, services, configuration).await?)
        }
        (amplitude, braze) => {
            let missing = [amplitude.as_ref().err(), braze.as_ref().err()];
            let missing = missing.into_iter().flatten().flatten().cloned();
            Err(Failure::Configuration(missing.collect()))
        }
    }
}

/// Whether a directory holds a configuration. Where it cannot be read, or holds YAML of others, none is taken from it. An empty
/// file is what the shell has made for what is printed.
fn is_configured(directory: &Path) -> bool {
    let says =
        |name: String| std::fs::metadata(directory.join(name)).is_ok_and(|about| about.len() > 0);
    place::configuration(directory).is_ok_and(|name| name.is_some_and(says))
}

/// The key that names Braze, and what it says.
fn braze() -> (&'static str, &'static str) {
    let said = BRAZE.iter().find(|(name, ..)| set(name));
    let (_, key, value) = said.unwrap_or(&BRAZE[1]);
    (key, value)
}

fn set(name: &str) -> bool {
    open::variable(name).is_some_and(|value| !value.is_empty())
}

/// Fails with all that is not set at once.
fn all_set() -> Result<(), Failure> {
    let mut missing = KEYS.to_vec();
    missing.retain(|name| !set(name));
    if !BRAZE.iter().any(|(name, ..)| set(name)) {
        missing.push(BRAZE[1].0);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "there is no configuration here, and these variables are not set: {}",
        missing.join(", ")
    );
    Err(Failure::error(message)
        .with_hint("export them, or name the directory of a configuration: -C DIR; BRAZE_REST_ENDPOINT does for BRAZE_INSTANCE"))
}

/// Loads what the imported file begins with, by itself: what is missing for it is a variable.
fn from_environment(global: &Global, above: Head) -> Result<Configuration, Failure> {
    let failed = |error: std::io::Error| {
        Failure::error(format!("no temporary directory: {error}"))
            .with_hint("see that TMPDIR names a directory that can be written")
    };
    if global.sandbox.is_none() {
        all_set()?;
    }
    let directory = tempfile::tempdir().map_err(failed)?;
    let file = directory.path().join("environment.yaml");
    std::fs::write(file, head(above)).map_err(failed)?;
    let loaded = config::load_checked(
        &config::Request {
            directory: directory.path(),
            environment: None,
            variables: &open::variable,
            schema: &kinds::schema(),
            today: open::clock(global)
                .now()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date(),
            sandbox: global.sandbox.is_some(),
        },
        &kinds::check,
    );
    loaded.map_err(|mut findings| {
        for finding in &mut findings {
            // Nobody has that file.
            finding.place = None;
        }
        Failure::Configuration(findings)
    })
}

fn there(path: &Path) -> Failure {
    Failure::error(format!(
        "{} is there already, and is not overwritten",
        place::shown(path)
    ))
    .with_hint("name a new file, or leave --write out: then it is printed")
}
