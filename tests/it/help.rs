//! `--help` of every command ends in an example that is right, every flag has its variable, completions load, and what
//! is mistyped is answered with what was meant.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::{Arg, Command as Clap};
use tempfile::TempDir;

use crate::support::binary::{run, syncform};

/// Columns of a terminal that nobody widened.
const COLUMNS: usize = 80;

/// Every command with its words: `state rebind`.
fn commands() -> Vec<(String, Clap)> {
    fn below(name: &str, command: &Clap, found: &mut Vec<(String, Clap)>) {
        found.push((name.to_owned(), command.clone()));
        for one in command.get_subcommands() {
            below(&format!("{name} {}", one.get_name()), one, found);
        }
    }
    let mut found = Vec::new();
    below("syncform", &syncform::cli::command(), &mut found);
    found
}

/// The lines of a help that are examples.
fn examples(command: &Clap) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string);
    let text = text.unwrap_or_default();
    let Some((_, examples)) = text.rsplit_once("Example") else {
        return vec![];
    };
    let lines = examples.lines().skip(1);
    lines.map(|line| line.trim().to_owned()).collect()
}

/// Splits a line as a shell does, at `&&` and blanks outside of quotes; what follows a pipe or a redirection is not ours.
fn shell(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![vec![]];
    let (mut word, mut quoted, mut theirs) = (String::new(), false, false);
    for letter in line.chars().chain([' ']) {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => match std::mem::take(&mut word).as_str() {
                "" => {}
                "|" | ">" => theirs = true,
                "&&" => {
                    theirs = false;
                    commands.push(vec![]);
                }
                _ if theirs => {}
                ours => commands.last_mut().unwrap().push(ours.to_owned()),
            },
            letter => word.push(letter),
        }
    }
    assert!(!quoted, "{line}");
    commands
}

#[test]
fn every_command_ends_in_examples_that_are_understood() {
    for (name, command) in commands() {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "`{name} --help` shows no example");
        let mut own = false;
        for line in &examples {
            assert!(line.len() + 2 <= 100, "{name}: an example breaks: {line}");
            for words in shell(line) {
                assert_eq!(words[0], "syncform", "{name}: {line}");
                let read = syncform::cli::command().try_get_matches_from(&words);
                assert!(read.is_ok(), "{name}: {line}\n{}", read.unwrap_err());
                let named = name
                    .split(' ')
                    .all(|word| words.iter().any(|it| it == word));
                own |= named;
            }
        }
        assert!(own, "`{name} --help` shows no example of its own");
    }
}

#[test]
fn a_line_of_shell_is_taken_apart() {
    let words = |line| {
        let commands = shell(line).into_iter();
        commands.map(|words| words.join("_")).collect::<Vec<_>>()
    };
    assert_eq!(words("a 'b c' && d > e | f"), ["a_b c", "d"]);
}

#[test]
fn every_flag_reads_its_variable() {
    for (name, command) in commands() {
        let flags = command
            .get_arguments()
            .filter(|flag| flag.get_long().is_some());
        let flags: Vec<&Arg> = flags
            .filter(|flag| !["help", "version"].contains(&flag.get_id().as_str()))
            .collect();
        for flag in flags {
            let long = flag.get_long().unwrap();
            let wanted = format!("SYNCFORM_{}", long.to_uppercase().replace('-', "_"));
            let variable = flag
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            assert_eq!(variable, Some(wanted), "{name} --{long}");
            assert!(flag.get_help().is_some(), "{name} --{long} says nothing");
        }
    }
    let mut command = syncform(["plan"]);
    command
        .env("SYNCFORM_VERBOSE", "2")
        .env("SYNCFORM_LOG_FORMAT", "loud");
    run(command).exits(1).says("[possible values: text, json]");
    let mut command = syncform(["validate"]);
    command.env("SYNCFORM_VERBOSE", "many");
    run(command).exits(1).says("'many'");
}

#[test]
fn help_is_printed_and_fits() {
    for (name, command) in commands() {
        let words: Vec<&str> = name.split(' ').skip(1).chain(["--help"]).collect();
        let mut asked = syncform(words.iter().copied());
        asked.env("COLUMNS", "80");
        let help = run(asked).exits(0);
        assert_eq!(help.stderr, "", "{help}");
        assert!(help.stdout.contains("Usage: "), "{help}");
        for line in examples(&command) {
            assert!(
                help.stdout.contains(&line) || line.len() + 2 > COLUMNS,
                "{help}"
            );
        }
        for one in command.get_subcommands() {
            let line = format!("  {:<11}  {}", one.get_name(), one.get_about().unwrap());
            assert!(line.len() <= COLUMNS, "{name}: {line}");
        }
    }
    let version = format!("syncform {}\n", env!("CARGO_PKG_VERSION"));
    for words in ["--version", "-V"] {
        assert_eq!(run(syncform([words])).exits(0).stdout, version);
    }
    for words in [["plan", "-V"], ["schema", "--version"]] {
        assert_eq!(run(syncform(words)).exits(0).stdout, version);
    }
}

#[test]
fn what_is_mistyped_is_answered() {
    let usage = |words: &[&str]| run(syncform(words.iter().copied())).exits(1);
    assert!(usage(&[]).stderr.contains("Usage: syncform"));
    assert!(usage(&["state"]).stderr.contains("rebind"));
    usage(&["aply"]).says("a similar subcommand exists: 'apply'");
    usage(&["plan", "--exept", "a"]).says("a similar argument exists: '--except'");
    usage(&["apply", "--lease-timeout", "abc"])
        .says("`abc` is not a length of time: write 15s, 5m, 2h, 7d, hourly or daily");
    usage(&["schema", "plans"]).says("[possible values: config, plan, drift, events]");
    usage(&["completions", "csh"]).says("bash, elvish, fish, powershell, zsh");
}

#[test]
fn completions_are_there_for_five_shells_and_bash_loads_them() {
    let dir = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(syncform(["completions", shell])).exits(0).stdout;
        for word in ["rebind", "lease-timeout", "completions"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        fs::write(dir.path().join(shell), script).unwrap();
    }
    if !Path::new("/bin/bash").exists() {
        return;
    }
    let script = "set -eu; source ./bash; complete -p syncform; COMP_WORDS=(syncform sta); COMP_CWORD=1; \
                  _syncform syncform sta syncform; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("/bin/bash");
    bash.args(["--norc", "-c", script]).current_dir(dir.path());
    run(bash)
        .exits(0)
        .says("-F _syncform syncform")
        .says("\nstate\n");
}
