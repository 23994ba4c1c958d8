//! Asks on a terminal: a line a question, what is in brackets by Enter, a wrong answer again with the reason.

use std::io::{self, BufRead, Write};

use crate::cli::failure::Failure;

/// Asks until the answer is one. Questions go to stderr: stdout is for results.
pub(super) fn ask<T>(
    question: &str,
    default: &str,
    take: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    let lost = |error: io::Error| Failure::error(format!("the terminal: {error}"));
    loop {
        write!(io::stderr(), "{question} [{default}]: ").map_err(lost)?;
        io::stderr().flush().map_err(lost)?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(lost)?;
        if !line.ends_with('\n') {
            writeln!(io::stderr()).map_err(lost)?;
            return Err(Failure::error("nothing was written: not all was answered")
                .with_hint("--yes takes what is in brackets; each answer has a flag (syncform init --help)"));
        }
        let answer = match line.trim() {
            "" => default,
            answer => answer,
        };
        match take(answer) {
            Ok(answer) => return Ok(answer),
            Err(why) => crate::cli::talk::say(&format!("  {why}")),
        }
    }
}
