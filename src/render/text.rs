//! Numbers, plurals and colours. Colour never carries a meaning alone.

use std::fmt::Display;

use unicode_width::UnicodeWidthChar;

pub(super) use crate::model::number;

/// How much may be drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether colour is wanted.
    pub colour: bool,
}

impl Style {
    pub(super) fn bold(self, text: impl Display) -> String {
        self.paint("1", &text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.paint("32", &text)
    }

    pub(super) fn yellow(self, text: impl Display) -> String {
        self.paint("33", &text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.paint("31", &text)
    }

    fn paint(self, code: &str, text: &dyn Display) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// Writes a number and its noun: `1 request`, `12 requests`.
pub fn count(number_of: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        number(number_of),
        if number_of == 1 { "" } else { "s" }
    )
}

/// Writes a length of time as people say it.
pub(super) fn about(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{} s", seconds.max(1)),
        91..=5400 => format!("{} min", seconds.div_ceil(60)),
        5401..86_400 => format!("{} h", seconds.div_ceil(3600)),
        _ => count(seconds.div_ceil(86_400), "day"),
    }
}

/// Writes how many people.
pub(super) fn people(number_of: u64) -> String {
    if number_of == 1 {
        "1 person".to_owned()
    } else {
        format!("{} people", number(number_of))
    }
}

/// Letters that turn the order of others, end a line, or are none.
const MISLEADING: [char; 15] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
];

/// Nothing that moves a terminal's cursor, and nothing that turns the order of its letters.
pub(super) fn clean(text: &str) -> String {
    let letter = |letter: char| match letter {
        '\t' => ' ',
        letter if letter.is_control() || MISLEADING.contains(&letter) => '?',
        letter => letter,
    };
    text.chars().map(letter).collect()
}

/// Columns that a letter takes on a terminal.
pub(super) fn columns(letter: char) -> usize {
    letter.width().unwrap_or(0)
}
