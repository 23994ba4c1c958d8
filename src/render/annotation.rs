//! Findings about the configuration for machines: a JSON array, and annotations of a GitHub workflow.
//! Paths are below the directory that is named here, so that they lead there from where the command ran.

use std::{
    fmt::Write,
    path::{Component, Path},
};

use super::text::{clean, number};
use crate::model::{Diagnostic, Severity};

/// Annotations that are written at most. GitHub shows ten of a kind in each step, the rest are lines of its log.
const MOST: usize = 100;

/// Draws findings as one JSON array.
pub fn json(diagnostics: &[Diagnostic], directory: &Path) -> String {
    let finding = |one: &Diagnostic| {
        let place = one.place.as_ref();
        serde_json::json!({
            "severity": word(one.severity),
            "code": one.code,
            "file": place.map(|place| below(directory, &place.file)),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "message": one.message,
            "hint": one.hint,
        })
    };
    let findings: Vec<_> = diagnostics.iter().map(finding).collect();
    format!("{:#}\n", serde_json::Value::from(findings))
}

/// Draws findings as annotations, errors first.
pub fn github(diagnostics: &[Diagnostic], directory: &Path) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|one| one.severity);
    let mut out = String::new();
    for one in sorted.iter().take(MOST) {
        let mut properties = vec![format!("title={}", property(one.code))];
        if let Some(place) = &one.place {
            let file = below(directory, &place.file);
            properties.push(format!("file={}", property(&file)));
            properties.push(format!("line={},col={}", place.line, place.column));
        }
        let hint = one
            .hint
            .as_ref()
            .map(|hint| format!("%0Ahint: {}", data(hint)));
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{} {}::{}{}",
            word(one.severity),
            properties.join(","),
            data(&one.message),
            hint.unwrap_or_default()
        );
    }
    if let Some(left) = sorted.len().checked_sub(MOST).filter(|left| *left > 0) {
        let left = number(left as u64);
        let _ = writeln!(out, "::notice::and {left} more; --format json tells all");
    }
    out
}

/// The path of a file of a directory, without the dots that lead nowhere.
fn below(directory: &Path, file: &Path) -> String {
    let path = directory.join(file);
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.collect::<std::path::PathBuf>().display().to_string()
}

fn data(text: &str) -> String {
    clean(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    fn finding() -> Diagnostic {
        Diagnostic {
            code: "unknown-key",
            severity: Severity::Error,
            place: Some(Place {
                file: "a,b:50%.yaml".into(),
                line: 12,
                column: 3,
                width: 7,
                text: "  cadance: daily".into(),
                skipped: 0,
            }),
            message: "50% of `a\u{1b}[2J`, `b`: no\r\nkey".into(),
            hint: Some("100%".into()),
        }
    }

    #[test]
    fn escapes_what_has_a_meaning() {
        let drawn = github(&[finding()], Path::new("./audiences/."));
        assert_eq!(
            drawn,
            "::error title=unknown-key,file=audiences/a%2Cb%3A50%25.yaml,line=12,col=3::\
             50%25 of `a?[2J`, `b`: no??key%0Ahint: 100%25\n"
        );
    }

    #[test]
    fn annotates_some_of_very_many_errors_first() {
        let mut many = vec![
            Diagnostic {
                severity: Severity::Warning,
                place: None,
                ..finding()
            };
            5
        ];
        many.extend(vec![finding(); 1200]);
        let drawn = github(&many, Path::new("."));
        assert!(!drawn.contains("::warning"));
        assert!(drawn.ends_with("::notice::and 1,105 more; --format json tells all\n"));
        assert_eq!(json(&many, Path::new("")).matches("severity").count(), 1205);
    }
}
