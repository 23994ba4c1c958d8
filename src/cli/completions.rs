//! `syncform completions`: what a shell reads to complete the command line. It writes no file: each shell has its place.

use clap::Args;
use clap_complete::Shell;

use super::{
    failure::{Exit, Failure},
    talk,
};

/// Print what a shell needs to complete commands and flags
#[derive(Debug, Args)]
#[command(
    after_help = "Where it goes:\n  bash        ~/.local/share/bash-completion/completions/syncform\n  zsh         a file _syncform in a directory of $fpath\n  fish        ~/.config/fish/completions/syncform.fish\n  powershell  a line in $PROFILE that runs it\n  elvish      ~/.config/elvish/lib/syncform.elv, and `use syncform` in rc.elv\n\nExamples:\n  syncform completions bash > ~/.local/share/bash-completion/completions/syncform\n  syncform completions fish > ~/.config/fish/completions/syncform.fish"
)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut super::command(),
        "syncform",
        &mut script,
    );
    talk::result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
