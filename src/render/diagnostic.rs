//! Findings about the configuration, drawn for people: message, place, line, caret, hint.
//! Legible without colour; it never sees a secret, since lines come masked.

use std::fmt::Write;

use super::text::clean;
use crate::model::{Diagnostic, Place, Severity};

/// Letters of a line that are shown at most.
const WIDEST: usize = 140;
/// Columns beside a shown line at most: its number, the bar, two ellipses.
const GUTTER: usize = 11;

/// Draws findings one after the other, with their count at the end.
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
    for one in diagnostics {
        draw(one, &paint, widest, &mut out);
        out.push('\n');
    }
    if let Some(count) = count(diagnostics) {
        out.push_str(&count);
        out.push('\n');
    }
    out
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
            many => Some(format!("{many} {word}s")),
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
    let caret = place.column.saturating_sub(1).min(letters.len());
    let from = if letters.len() <= widest {
        0
    } else {
        caret.saturating_sub(widest / 2)
    };
    let to = (from + widest).min(letters.len());
    let ahead = if from > 0 { "…" } else { "" };
    let after = if to < letters.len() { "…" } else { "" };
    let shown: String = letters[from..to].iter().collect();
    let width = place.width.clamp(1, (to - caret).max(1));
    let bar = paint.over("34", "|");
    let number = paint.over("34", &place.line.to_string());
    let blank = " ".repeat(caret - from + ahead.chars().count());
    let carets = paint.over(colour, &"^".repeat(width));
    let _ = writeln!(out, "{:indent$} {bar}", "");
    let _ = writeln!(out, "{number} {bar} {ahead}{}{after}", shown.trim_end());
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

/// Draws findings as one JSON array, for machines.
pub fn json(diagnostics: &[Diagnostic]) -> String {
    let finding = |one: &Diagnostic| {
        let place = one.place.as_ref();
        serde_json::json!({
            "code": one.code,
            "severity": word(one.severity),
            "file": place.map(|place| place.file.display().to_string()),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "message": one.message,
            "hint": one.hint,
        })
    };
    let findings: Vec<_> = diagnostics.iter().map(finding).collect();
    format!("{:#}\n", serde_json::Value::from(findings))
}

/// Draws findings as annotations of a GitHub workflow; paths are below `directory`.
pub fn github(diagnostics: &[Diagnostic], directory: &std::path::Path) -> String {
    let mut out = String::new();
    for one in diagnostics {
        let mut properties = vec![format!("title={}", property(one.code))];
        if let Some(place) = &one.place {
            let file = directory.join(&place.file).display().to_string();
            let file = file.strip_prefix("./").unwrap_or(&file);
            properties.push(format!("file={}", property(file)));
            properties.push(format!("line={},col={}", place.line, place.column));
        }
        let hint = one.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
        let message = format!("{}{}", one.message, hint.unwrap_or_default());
        let escaped = message
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{} {}::{escaped}",
            word(one.severity),
            properties.join(",")
        );
    }
    out
}

fn property(text: &str) -> String {
    [
        ("%", "%25"),
        ("\r", "%0D"),
        ("\n", "%0A"),
        (":", "%3A"),
        (",", "%2C"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
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
    fn colours_only_when_asked() {
        assert!(human(&[finding()], true).contains("\x1b[1;31m"));
        assert!(!human(&[finding()], false).contains('\x1b'));
    }
}
