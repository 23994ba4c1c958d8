//! Events as JSON lines on stdout, from `begin` to `end`, and nothing else there. What an event is, is not decided here.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    failure::{Exit, Failure},
    global::Global,
    open, talk,
};
use crate::{
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

/// The first event of a command.
pub(super) fn begin(
    command: &str,
    workspace: Option<String>,
    environment: Option<String>,
) -> Event {
    Event::Begin {
        format_version: EVENTS_VERSION.to_owned(),
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace,
        environment,
    }
}
