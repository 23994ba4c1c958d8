//! Results on stdout, talk and logs on stderr.

use std::{
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
};

use tokio::{sync::mpsc, task::JoinHandle};
use tracing_subscriber::{EnvFilter, fmt};

use super::{
    failure::Failure,
    global::{Global, LogFormat, When},
};
use crate::{
    model::Event,
    render::{self, Style},
};

/// Writes a result. A reader that went away (`| head`) has what it wanted.
pub(super) fn result(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::error(format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says a line to whoever watches.
pub(super) fn say(line: &str) {
    // Nobody has to watch.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says where a defect of this program showed, and no more: a panic's words may hold what nobody should read.
pub(super) fn defect(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map(|place| format!(" at {}:{}", place.file(), place.line()));
    say(&format!(
        "error: a defect of syncform showed{}; please report it. Run the same command again: what was sent is known.",
        place.unwrap_or_default()
    ));
}

pub(super) fn style(global: &Global) -> Style {
    Style {
        colour: colour(global, io::stdout().is_terminal()),
    }
}

pub(super) fn colour_of_stderr(global: &Global) -> bool {
    colour(global, io::stderr().is_terminal())
}

fn colour(global: &Global, terminal: bool) -> bool {
    match global.color {
        When::Always => true,
        When::Never => false,
        When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Sends logs to stderr: warnings, more with -v, each request with -vv. Libraries' own logs stay out: they may show
/// what a request holds.
pub(super) fn logs(global: &Global) {
    let level = match global.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::new(format!("off,syncform={level}"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    // A second start in one process keeps the first one's logs.
    let _ = match global.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Says events as they come, until nobody tells any more.
pub(super) fn follow(global: &Global, mut events: mpsc::Receiver<Event>) -> JoinHandle<()> {
    let quiet = global.quiet;
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Some(line) = render::progress::line(&event).filter(|_| !quiet) {
                say(&line);
            }
        }
    })
}
