//! Flags that every verb takes. Each also reads a variable `SYNCFORM_…`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::open;
use crate::model::Span;

/// Flags that every verb takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Work in this directory
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = "SYNCFORM_CHDIR",
        default_value = ".",
        hide_env = true
    )]
    pub(super) chdir: PathBuf,
    /// Lay this environment over the configuration
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "SYNCFORM_ENV",
        hide_env = true
    )]
    pub(super) env: Option<String>,
    /// Work against a sandbox: one in this process, or the one at URL
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SYNCFORM_SANDBOX",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        hide_env = true
    )]
    pub(super) sandbox: Option<String>,
    /// When to use colour; auto heeds NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        env = "SYNCFORM_COLOR",
        default_value = "auto",
        hide_env = true
    )]
    pub(super) color: When,
    /// Say more (-v), and each request (-vv)
    #[arg(short, long, global = true, action = ArgAction::Count, env = "SYNCFORM_VERBOSE", hide_env = true)]
    pub(super) verbose: u8,
    /// Say only results and errors: no progress
    #[arg(short, long, global = true, env = "SYNCFORM_QUIET", hide_env = true)]
    pub(super) quiet: bool,
    /// Form of all that is said on stderr: `json` is an object a line, progress and errors too
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        env = "SYNCFORM_LOG_FORMAT",
        default_value = "text",
        hide_env = true
    )]
    pub(super) log_format: LogFormat,
    /// Time by which the clock is ahead of this machine's, with --sandbox: to see what the next day brings
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        env = "SYNCFORM_AHEAD",
        hide = true,
        default_value = "0s"
    )]
    pub(super) ahead: jiff::SignedDuration,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

impl When {
    /// What the command line and the environment say of colour, where the rest could not be understood.
    pub(super) fn of_the_command_line() -> Self {
        let mut words = std::env::args();
        let mut said = None;
        while let Some(word) = words.next() {
            match word.strip_prefix("--color") {
                Some("") => said = words.next(),
                Some(rest) => said = rest.strip_prefix('=').map(str::to_owned).or(said),
                None if word == "--" => break,
                None => {}
            }
        }
        let said = said.or_else(|| open::variable("SYNCFORM_COLOR"));
        said.and_then(|word| Self::from_str(&word, false).ok())
            .unwrap_or(Self::Auto)
    }
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// How long a verb waits for its turn.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Leasing {
    /// Wait so long for another run to end, such as 5m
    #[arg(
        long,
        value_name = "TIME",
        env = "SYNCFORM_LEASE_TIMEOUT",
        default_value = "0s",
        hide_env = true
    )]
    pub(super) lease_timeout: Span,
}

/// Which resources a verb is about, by name.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Naming {
    /// Only these: an address, a glob, or kind:NAME (may be repeated)
    #[arg(
        long,
        value_name = "WHAT",
        env = "SYNCFORM_ONLY",
        value_delimiter = ',',
        hide_env = true
    )]
    pub(super) only: Vec<String>,
    /// All but these
    #[arg(
        long,
        value_name = "WHAT",
        env = "SYNCFORM_EXCEPT",
        value_delimiter = ',',
        hide_env = true
    )]
    pub(super) except: Vec<String>,
}

/// Which resources a verb is about.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selecting {
    #[command(flatten)]
    naming: Naming,
    /// Only what the YAML changed since it was last applied
    #[arg(long, env = "SYNCFORM_CHANGED", hide_env = true)]
    pub(super) changed: bool,
}

impl From<&Selecting> for crate::diff::select::Selection {
    fn from(selecting: &Selecting) -> Self {
        Self {
            changed: selecting.changed,
            ..(&selecting.naming).into()
        }
    }
}

impl From<&Naming> for crate::diff::select::Selection {
    fn from(naming: &Naming) -> Self {
        Self {
            only: naming.only.clone(),
            except: naming.except.clone(),
            changed: false,
        }
    }
}
