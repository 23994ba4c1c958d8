//! Events as JSON lines on stdout, from `begin` to `end`, and nothing else there. What an event is, is not decided here.

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::{
    failure::{Exit, Failure},
    global::Global,
    open,
    plan::Format,
    talk,
};
use crate::{
    engine::Session,
    model::{EVENTS_VERSION, Event},
    render,
};

/// The lines of one command.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream(Arc<Mutex<Written>>);

/// What became of it so far.
#[derive(Debug, Default)]
struct Written {
    begun: bool,
    broken: Option<Failure>,
}

/// In which form a verb that writes tells what it does.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Telling {
    /// Form of what is on stdout: for people, or an event a line (`syncform schema events`)
    #[arg(
        long,
        value_name = "FORM",
        env = "SYNCFORM_FORMAT",
        default_value = "human",
        hide_env = true
    )]
    format: Format,
}

impl Telling {
    /// Runs a verb, with a stream where its events are wanted.
    pub(super) async fn run(
        self,
        global: &Global,
        verb: &str,
        work: impl AsyncFnOnce(Option<&Stream>) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        match self.format {
            Format::Human => work(None).await,
            Format::Json => {
                let stream = Stream::default();
                let outcome = work(Some(&stream)).await;
                stream.end(global, verb, outcome)
            }
        }
    }
}

impl Stream {
    /// Writes an event. One that cannot be written is told of by `unbroken` and by the end.
    pub(super) fn write(&self, event: Event) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.begun |= matches!(event, Event::Begin { .. });
        let line = render::stream::line(open::now(), event)
            .map_err(|error| Failure::error(format!("an event cannot be written: {error}")));
        if let Err(failure) = line.and_then(|line| talk::result(&line)) {
            written.broken.get_or_insert(failure);
        }
    }

    /// Fails if an event could not be written: what nobody was told of is not done.
    pub(super) fn unbroken(&self) -> Result<(), Failure> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.broken.take().map_or(Ok(()), Err)
    }

    /// Writes how the command ended, last of all, and returns what it ends with.
    pub(super) fn end(
        self,
        global: &Global,
        command: &str,
        outcome: Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).begun;
        if !begun {
            self.write(begin(command, None, global.env.clone()));
        }
        let exit = match &outcome {
            Ok(exit) => *exit,
            Err(failure) => {
                failure
                    .events()
                    .into_iter()
                    .for_each(|event| self.write(event));
                failure.exit()
            }
        };
        let exit = exit as u8;
        self.write(Event::End { exit });
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (written.broken.take(), outcome) {
            (Some(failure), Ok(_)) => Err(failure),
            (_, outcome) => outcome,
        }
    }
}

/// Tells that a command begins which is about a configuration.
pub(super) async fn begun(session: &Session, command: &str) {
    let configuration = &session.configuration;
    let workspace = Some(configuration.workspace.clone());
    let environment = configuration.environment.clone();
    let begin = begin(command, workspace, environment);
    session.events.tell(begin).await;
}

/// The first event of a command.
fn begin(command: &str, workspace: Option<String>, environment: Option<String>) -> Event {
    Event::Begin {
        format_version: EVENTS_VERSION.to_owned(),
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace,
        environment,
    }
}
