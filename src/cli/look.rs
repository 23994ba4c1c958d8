//! What each stream can show: whether colour, whether bars, and how many columns. Stdout and stderr are looked at
//! separately; nothing is drawn here.

use std::io::{self, IsTerminal};

use super::{
    global::{Global, LogFormat, When},
    open,
};
use crate::{
    model::Diagnostic,
    render::{self, Style},
};

/// How results are drawn.
pub(super) fn style(global: &Global) -> Style {
    Style {
        colour: colour_of_stdout(global.color),
    }
}

pub(super) fn colour_of_stdout(when: When) -> bool {
    colour(when, io::stdout().is_terminal())
}

pub(super) fn colour_of_stderr(when: When) -> bool {
    colour(when, io::stderr().is_terminal())
}

/// A word on the command line or in SYNCFORM_COLOR stands above all; then https://no-color.org, then
/// https://bixense.com/clicolors, then whether the stream is a terminal that knows colour.
fn colour(when: When, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR").is_some() => false,
        When::Auto if set("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
        When::Auto => terminal && knows_escapes() && set("CLICOLOR").is_none_or(|on| on != "0"),
    }
}

/// Returns whether somebody sits before a terminal that can move its cursor, and no log runs through it.
pub(super) fn watched(global: &Global) -> bool {
    io::stderr().is_terminal()
        && global.verbose == 0
        && global.log_format == LogFormat::Text
        && knows_escapes()
        && set("CI").is_none_or(|ci| ci == "false")
}

fn knows_escapes() -> bool {
    set("TERM").is_some_and(|term| term != "dumb")
}

fn set(name: &str) -> Option<String> {
    open::variable(name).filter(|value| !value.is_empty())
}

/// Breaks the lines of a result for the terminal it goes to. What goes elsewhere stays as it is.
pub(super) fn page(text: &str) -> String {
    render::wrap(text, width(io::stdout()))
}

/// Draws findings for stderr.
pub(super) fn findings(global: &Global, found: &[Diagnostic]) -> String {
    let colour = colour_of_stderr(global.color);
    render::diagnostic::within(found, colour, width_of_stderr())
}

/// How many columns stderr has, if it is a terminal.
pub(super) fn width_of_stderr() -> Option<usize> {
    width(io::stderr())
}

fn width(stream: impl std::os::fd::AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
}
