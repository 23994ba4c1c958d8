//! Numbers, plurals and colours. Colour never carries a meaning alone.

use std::fmt::Display;

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

/// Writes a number with thousands apart: 12,480.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number and its noun: `1 request`, `12 requests`.
pub(super) fn count(number_of: u64, noun: &str) -> String {
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
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_stand_apart() {
        let written = [0, 7, 999, 1000, 12_480, 1_234_567].map(super::number);
        assert_eq!(written, ["0", "7", "999", "1,000", "12,480", "1,234,567"]);
    }
}
