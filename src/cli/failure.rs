//! Exit codes, and how a failure is told: what happened, why, what to do.

use std::process::ExitCode;

use super::{
    global::{Global, LogFormat},
    look, talk,
};
use crate::{
    amplitude, braze, engine,
    model::{Diagnostic, Event, Severity},
    state,
};

/// How a command ends. The table is in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error.
    Error = 1,
    /// `plan --detailed-exitcode` found changes, or `verify` what disagrees.
    Changes = 2,
    /// Refused by a guard.
    Refused = 3,
    /// The state is leased to another run.
    Leased = 4,
    /// The saved plan is stale, expired, or was applied already.
    Stale = 5,
    /// Applied in part.
    Partial = 6,
}

impl Exit {
    /// Help and version are no errors; a wrong word on the command line is an error like any other.
    pub(super) fn from_usage(error: &clap::Error) -> Self {
        if error.use_stderr() {
            Self::Error
        } else {
            Self::Done
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// One message, its causes, and what to do.
    Message {
        exit: Exit,
        message: String,
        hint: Option<String>,
    },
    /// Findings about the configuration.
    Configuration(Vec<Diagnostic>),
}

impl Failure {
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::Message {
            exit: Exit::Error,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn with_hint(self, words: impl Into<String>) -> Self {
        match self {
            Self::Message { exit, message, .. } => Self::Message {
                exit,
                message,
                hint: Some(words.into()),
            },
            other @ Self::Configuration(_) => other,
        }
    }

    /// Returns the code to exit with.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Configuration(_) => Exit::Error,
            Self::Message { exit, .. } => *exit,
        }
    }

    /// Tells it on stderr and returns the code to exit with.
    pub(super) fn told(self, global: &Global) -> ExitCode {
        match &self {
            Self::Configuration(diagnostics) if global.log_format == LogFormat::Json => {
                diagnostics.iter().for_each(talk::found);
            }
            Self::Configuration(diagnostics) => {
                talk::say(look::findings(global, diagnostics).trim_end());
            }
            Self::Message { message, hint, .. } => talk::complain(message, hint.as_deref()),
        }
        self.exit().into()
    }

    /// Returns the same for machines, an event an error.
    pub(super) fn events(&self) -> Vec<Event> {
        match self {
            Self::Configuration(diagnostics) => diagnostics
                .iter()
                .filter(|finding| finding.severity == Severity::Error)
                .map(|finding| {
                    let place = finding.place.as_ref();
                    Event::Error {
                        message: finding.message.clone(),
                        hint: finding.hint.clone(),
                        file: place.map(|place| place.file.display().to_string()),
                        line: place.map(|place| place.line),
                        column: place.map(|place| place.column),
                    }
                })
                .collect(),
            Self::Message { message, hint, .. } => vec![Event::Error {
                message: message.clone(),
                hint: hint.clone(),
                file: None,
                line: None,
                column: None,
            }],
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        if let engine::Error::Missing(diagnostic) = error {
            return Self::Configuration(vec![*diagnostic]);
        }
        let hint = hint(&error);
        let exit = match &error {
            engine::Error::State(state::Error::Leased { .. }) => Exit::Leased,
            engine::Error::Stale(_) | engine::Error::Unusable(_) => Exit::Stale,
            engine::Error::Unfolded { wrote: true, .. } => Exit::Partial,
            _ => Exit::Error,
        };
        Self::Message {
            exit,
            message: error.to_string(),
            hint,
        }
    }
}

impl From<state::Error> for Failure {
    fn from(error: state::Error) -> Self {
        engine::Error::from(error).into()
    }
}

fn hint(error: &engine::Error) -> Option<String> {
    let text = match error {
        engine::Error::State(state::Error::Leased { .. }) => {
            "wait for it, or say --lease-timeout 5m to wait here; a run that was killed frees its lease at once"
        }
        engine::Error::State(state::Error::Corrupt { .. }) => {
            "nothing was changed; restore the state's directory from a backup"
        }
        engine::Error::State(state::Error::Busy { .. }) => {
            "let it end, and run the same command again"
        }
        engine::Error::Unfolded { .. } => {
            "see that the state's directory has room; the next apply records it from the journal, and loses nothing"
        }
        engine::Error::State(state::Error::Io { .. }) => {
            "see that the directory exists, is yours, and has room"
        }
        engine::Error::Amplitude(amplitude::Error::Exhausted(_)) => {
            "nothing was written; see that the host can be reached from here and is well (syncform doctor), and run again"
        }
        engine::Error::Amplitude(error) => {
            return error.key_hint().map(str::to_owned);
        }
        engine::Error::Braze(braze::Error::Exhausted(_)) => {
            "see that braze.instance is yours and can be reached from here (syncform doctor), and run again"
        }
        engine::Error::Braze(error) => {
            return error.key_hint().map(str::to_owned);
        }
        engine::Error::OtherTarget { .. } => engine::OTHER_HINT,
        engine::Error::Undecided(_) => {
            "decide them first, under the configuration as it was: release and apply, or drop them (syncform state parked list)"
        }
        engine::Error::NoCohortImport(_) => {
            "add braze.cohort_import with partner, data_import_key and partner_api_key; nothing was written"
        }
        engine::Error::Stale(_) | engine::Error::Unusable(_) => {
            "plan again and have that reviewed: syncform plan --out FILE"
        }
        engine::Error::NotAPlan { .. } => "save one: syncform plan --out FILE",
        engine::Error::SeveralPeople(_) => {
            "say which is meant: --by external_id, --by device_id, or --by LABEL for an alias"
        }
        engine::Error::Unselected { hint, .. } | engine::Error::Segment { hint, .. } => {
            return hint.clone();
        }
        engine::Error::Unread { .. } => {
            "run it again: it goes on where it was, and a plan knows what was found so far"
        }
        engine::Error::NothingKept => "plan once without --refresh none",
        engine::Error::Size { .. } => {
            "run again; if it stays so, have Amplitude recompute the cohort"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
