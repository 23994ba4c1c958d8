//! Results on stdout, talk and logs on stderr.

use std::{
    io::{self, Write},
    panic::PanicHookInfo,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinHandle};
use tracing_subscriber::{EnvFilter, fmt};

use super::{
    failure::Failure,
    global::{Global, LogFormat, When},
    look,
    stream::Stream,
};
use crate::{
    engine::Told,
    model::{Diagnostic, Event, Severity},
    render::{
        self,
        bars::{Bars, Place},
        progress::Lines,
        stream::{PACE, Pace},
    },
};

/// Where bars are, if there are any: whatever is written meanwhile goes around them.
static PLACE: OnceLock<Place> = OnceLock::new();
/// Whether what is said is JSON, as the log is.
static JSON: OnceLock<()> = OnceLock::new();
/// What is said by this program rather than noted: it is in the log at any level.
const SAID: &str = "said";

fn around<T>(write: impl FnOnce() -> T) -> T {
    match PLACE.get() {
        Some(place) => place.around(write),
        None => write(),
    }
}

/// Leaves the terminal as it was found: the process ends here and now.
pub(super) fn clear() {
    if let Some(place) = PLACE.get() {
        place.clear();
    }
}

/// Writes a result. A reader that went away (`| head`) has what it wanted.
pub(super) fn result(text: &str) -> Result<(), Failure> {
    let written = around(|| {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::error(format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says a line to whoever watches.
pub(super) fn say(line: &str) {
    if JSON.get().is_some() {
        tracing::info!(target: SAID, "{line}");
        return;
    }
    let line = render::wrap(line, look::width_of_stderr());
    // Nobody has to watch.
    let _ = around(|| writeln!(io::stderr(), "{line}"));
}

/// Says what clap says: help and version are results, all else is an error.
pub(super) fn usage(error: &clap::Error) {
    let said = error.render();
    let when = When::of_the_command_line();
    let text = |colour| {
        if colour {
            said.ansi().to_string()
        } else {
            said.to_string()
        }
    };
    // Nobody has to read it, and a broken pipe is nobody's error.
    let _ = if error.use_stderr() {
        io::stderr().write_all(text(look::colour_of_stderr(when)).as_bytes())
    } else {
        io::stdout().write_all(text(look::colour_of_stdout(when)).as_bytes())
    };
}

/// Says what went wrong, and what to do.
pub(super) fn complain(message: &str, hint: Option<&str>) {
    if JSON.get().is_some() {
        tracing::error!(target: SAID, hint, "{message}");
        return;
    }
    say(&format!("error: {message}"));
    if let Some(hint) = hint {
        say(&format!("  hint: {hint}"));
    }
}

/// Says a finding about the configuration as JSON, as the log is.
pub(super) fn found(finding: &Diagnostic) {
    let Diagnostic {
        code,
        message,
        hint,
        ..
    } = finding;
    let place = finding.place.as_ref();
    let file = place.map(|place| place.file.display().to_string());
    let (line, column) = (
        place.map(|place| place.line),
        place.map(|place| place.column),
    );
    match finding.severity {
        Severity::Error => {
            tracing::error!(target: SAID, code, hint, file, line, column, "{message}");
        }
        Severity::Warning => {
            tracing::warn!(target: SAID, code, hint, file, line, column, "{message}");
        }
    }
}

/// Says where a defect of this program showed, and no more: a panic's words may hold what nobody should read.
pub(super) fn defect(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map(|place| format!(" at {}:{}", place.file(), place.line()));
    let message = format!(
        "a defect of syncform showed{}; please report it. Run the same command again: what was sent is known.",
        place.unwrap_or_default()
    );
    complain(&message, None);
}

/// Sends logs to stderr: warnings, more with -v, each request with -vv. Libraries' own logs stay out: they may show
/// what a request holds.
pub(super) fn logs(global: &Global) {
    let level = match global.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::new(format!("off,syncform={level},{SAID}=info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(|| Around)
        .with_target(false);
    // A second start in one process keeps the first one's logs.
    let _ = match global.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => {
            let _ = JSON.set(());
            builder.json().flatten_event(true).try_init()
        }
    };
}

/// Stderr, around the bars.
struct Around;

impl Write for Around {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        around(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// What draws events on stderr.
enum Drawing {
    Nothing,
    Lines(Lines),
    Bars(Bars),
}

impl Drawing {
    fn new(global: &Global) -> Self {
        if global.quiet {
            Self::Nothing
        } else if look::watched(global) {
            Self::Bars(Bars::new(PLACE.get_or_init(Place::default).clone()))
        } else {
            Self::Lines(Lines::default())
        }
    }

    fn draw(&mut self, event: &Event, at: Duration) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Lines(lines) => lines.draw(event, at),
            Self::Bars(bars) => bars.draw(event),
        }
    }

    fn clear(&mut self) {
        if let Self::Bars(bars) = self {
            bars.clear();
        }
    }
}

/// Draws events as they come, until nobody tells any more; `stream` takes them all.
pub(super) fn follow(
    global: &Global,
    mut events: mpsc::Receiver<Told>,
    stream: Option<Stream>,
) -> JoinHandle<()> {
    let mut drawing = Drawing::new(global);
    let begin = Instant::now();
    let mut pace = Pace::default();
    let write = move |due: Vec<Event>| {
        if let Some(stream) = stream.as_ref().filter(|_| !due.is_empty()) {
            // A slow reader slows the work, and holds up nothing else.
            tokio::task::block_in_place(|| due.into_iter().for_each(|event| stream.write(event)));
        }
    };
    tokio::spawn(async move {
        loop {
            let told = if pace.holds() {
                tokio::time::timeout(PACE, events.recv()).await
            } else {
                Ok(events.recv().await)
            };
            let at = begin.elapsed();
            match told {
                Ok(Some(Told::Event(event))) => {
                    if let Some(line) = drawing.draw(&event, at) {
                        say(&line);
                    }
                    write(pace.take(event, at));
                }
                Ok(Some(Told::Seen(reply))) => {
                    drawing.clear();
                    write(pace.rest(at));
                    // Who does not wait any more needs no answer.
                    let _ = reply.send(());
                }
                Ok(None) => break,
                Err(_) => write(pace.rest(at)),
            }
        }
        drawing.clear();
        write(pace.rest(begin.elapsed()));
    })
}
