//! Findings about the configuration, drawn for people: message, place, line, caret, hint.
//! Legible without colour; it never sees a secret, since lines come masked.

use std::fmt::Write;

use super::text::{clean, columns, number};
use crate::model::{Diagnostic, Place, Severity};

/// Letters of a line that are shown at most.
const WIDEST: usize = 140;
/// Columns beside a shown line at most: its number, the bar, two ellipses.
const GUTTER: usize = 11;
/// Findings that are shown at most.
const MOST: usize = 100;

/// Draws findings one after the other, with their count at the end. Of very many it shows the first, errors before
/// warnings.
pub fn human(diagnostics: &[Diagnostic], colour: bool) -> String {
    within(diagnostics, colour, None)
}

/// Draws the same for a terminal of so many columns: of a line of YAML it shows no more than fits.
pub fn within(diagnostics: &[Diagnostic], colour: bool, width: Option<usize>) -> String {
    let paint = Paint(colour);
    let widest = width.map_or(WIDEST, |width| {
        width.saturating_sub(GUTTER).clamp(20, WIDEST)
    });
    let mut out = String::new();
    for one in some(diagnostics) {
        draw(one, &paint, widest, &mut out);
        out.push('\n');
    }
    if let Some(left) = diagnostics.len().checked_sub(MOST).filter(|left| *left > 0) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "… and {} more", number(left as u64));
    }
    if let Some(count) = count(diagnostics) {
        out.push_str(&count);
        out.push('\n');
    }
    out
}

/// Returns those that are shown, in their order.
fn some(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
    let mut errors = diagnostics.iter().filter(is_error).count().min(MOST);
    let mut warnings = MOST - errors;
    diagnostics.iter().filter(move |one| {
        let room = match one.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
        };
        let shown = *room > 0;
        *room = room.saturating_sub(1);
        shown
    })
}

/// Returns how many errors and warnings there are, in words.
pub fn count(diagnostics: &[Diagnostic]) -> Option<String> {
    let words = |severity, word: &str| {
        let many = diagnostics
            .iter()
            .filter(|one| one.severity == severity)
            .count();
        match many {
            0 => None,
            1 => Some(format!("1 {word}")),
            many => Some(format!("{} {word}s", number(many as u64))),
        }
    };
    match (
        words(Severity::Error, "error"),
        words(Severity::Warning, "warning"),
    ) {
        (Some(errors), Some(warnings)) => Some(format!("{errors}, {warnings}")),
        (one, other) => one.or(other),
    }
}

fn draw(one: &Diagnostic, paint: &Paint, widest: usize, out: &mut String) {
    let (word, colour) = match one.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    let message = clean(&one.message);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}: {}",
        paint.over(colour, word),
        paint.over("1", &message)
    );
    let mut indent = 2;
    if let Some(place) = &one.place {
        indent = place.line.to_string().len();
        let file = clean(&place.file.display().to_string());
        let arrow = paint.over("34", &format!("{:indent$}-->", ""));
        let _ = writeln!(out, "{arrow} {file}:{}:{}", place.line, place.column);
        if !place.text.trim().is_empty() {
            quote(place, indent, colour, paint, widest, out);
        }
    }
    if let Some(hint) = &one.hint {
        let _ = writeln!(
            out,
            "{:indent$} {} {}",
            "",
            paint.over("1;36", "hint:"),
            clean(hint)
        );
    }
}

/// The line and the caret under it.
fn quote(
    place: &Place,
    indent: usize,
    colour: &str,
    paint: &Paint,
    widest: usize,
    out: &mut String,
) {
    let letters: Vec<char> = clean(&place.text).chars().collect();
    let caret = place.column.saturating_sub(1).saturating_sub(place.skipped);
    let caret = caret.min(letters.len());
    let from = if letters.len() <= widest && place.skipped == 0 {
        0
    } else {
        caret.saturating_sub(widest / 2)
    };
    let to = (from + widest).min(letters.len());
    let ahead = if from + place.skipped > 0 { "…" } else { "" };
    let after = if to < letters.len() { "…" } else { "" };
    let shown: String = letters[from..to].iter().collect();
    let under = (caret + place.width).min(to);
    let wide = |letters: &[char]| letters.iter().copied().map(columns).sum::<usize>();
    let bar = paint.over("34", "|");
    let line = paint.over("34", &place.line.to_string());
    let blank = " ".repeat(wide(&letters[from..caret]) + ahead.chars().count());
    let carets = paint.over(colour, &"^".repeat(wide(&letters[caret..under]).max(1)));
    let _ = writeln!(out, "{:indent$} {bar}", "");
    let _ = writeln!(out, "{line} {bar} {ahead}{}{after}", shown.trim_end());
    let _ = writeln!(out, "{:indent$} {bar} {blank}{carets}", "");
}

struct Paint(bool);

impl Paint {
    fn over(&self, colour: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Diagnostic {
        Diagnostic {
            code: "unknown-key",
            severity: Severity::Error,
            place: Some(Place {
                file: "a.yaml".into(),
                line: 12,
                column: 3,
                width: 7,
                text: "  cadance: daily".into(),
                skipped: 0,
            }),
            message: "`cadance` is no key here".into(),
            hint: Some("did you mean `cadence`?".into()),
        }
    }

    #[test]
    fn draws_line_and_caret() {
        insta::assert_snapshot!(human(&[finding()], false), @r"
        error: `cadance` is no key here
          --> a.yaml:12:3
           |
        12 |   cadance: daily
           |   ^^^^^^^
           hint: did you mean `cadence`?

        1 error
        ");
    }

    #[test]
    fn shows_a_window_of_a_long_line_and_no_control_letter() {
        let mut long = finding();
        if let Some(place) = &mut long.place {
            place.text = format!("{}\x1b[2Jhere{}", "x".repeat(500), "y".repeat(500));
            place.column = 505;
        }
        let drawn = human(&[long], false);
        assert!(!drawn.contains('\x1b'));
        assert!(
            drawn.lines().all(|line| line.chars().count() < WIDEST + 20),
            "{drawn}"
        );
    }

    #[test]
    fn stands_under_what_is_wide() {
        let mut wide = finding();
        if let Some(place) = &mut wide.place {
            (place.text, place.column, place.width) = ("  名前é: 値段 x".into(), 8, 2);
        }
        let drawn = human(&[wide], false);
        assert!(
            drawn.contains("12 |   名前é: 値段 x\n   |          ^^^^\n"),
            "{drawn}"
        );
    }

    #[test]
    fn shows_some_of_very_many_errors_first() {
        let warning = Diagnostic {
            severity: Severity::Warning,
            ..finding()
        };
        let many: Vec<Diagnostic> = std::iter::repeat_n(warning, 60)
            .chain(std::iter::repeat_n(finding(), 1090))
            .collect();
        let drawn = human(&many, false);
        assert_eq!(drawn.matches("error: ").count(), MOST);
        assert!(
            drawn.ends_with("\n… and 1,050 more\n1,090 errors, 60 warnings\n"),
            "{drawn}"
        );
        let drawn = human(&many[..70], false);
        assert_eq!(drawn.matches("warning: ").count(), 60);
        assert!(drawn.ends_with("\n10 errors, 60 warnings\n"), "{drawn}");
    }

    #[test]
    fn colours_only_when_asked() {
        assert!(human(&[finding()], true).contains("\x1b[1;31m"));
        assert!(!human(&[finding()], false).contains('\x1b'));
    }
}
