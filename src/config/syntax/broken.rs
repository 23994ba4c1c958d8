//! Why a text is no YAML, in words of ours and at the place where a person would mend it.
//! The parser's own words are read and never shown.

use saphyr_parser::{ScanError, Span};

use super::spot;
use crate::config::{locate::Findings, tree::Spot};

/// Reports why a text is no YAML, in our words, if it is `said`. Of its file `above` lines stand before it. Returns
/// whether something in it is never closed, so that its end may be elsewhere.
pub(super) fn report(
    file: usize,
    error: &ScanError,
    text: &str,
    above: usize,
    said: bool,
    findings: &mut Findings,
) -> bool {
    let (code, mut at, message, hint) = why(file, error, text);
    let open = message.contains("never close");
    at.line += above;
    if said {
        findings.error(code, at, message, hint);
    }
    open
}

fn why(file: usize, error: &ScanError, text: &str) -> (&'static str, Spot, String, Option<String>) {
    let mut at = spot(file, &Span::empty(*error.marker()));
    let lines: Vec<&str> = text.lines().collect();
    let line = |number: usize| {
        lines
            .get(number.wrapping_sub(1))
            .copied()
            .unwrap_or_default()
    };
    let indent = |line: &str| line[..line.len() - line.trim_start().len()].to_owned();
    if at.line > lines.len() {
        at.line = lines.len().max(1);
        at.column = line(at.line).chars().count() + 1;
    }
    if let Some(tabbed) = [at.line, at.line + 1, at.line.saturating_sub(1)]
        .into_iter()
        .find(|number| indent(line(*number)).contains('\t'))
    {
        let before = indent(line(tabbed));
        at.line = tabbed;
        at.column = before.chars().take_while(|letter| *letter != '\t').count() + 1;
        let hint = "YAML indents with spaces only".to_owned();
        return ("tab", at, "a tab indents this line".into(), Some(hint));
    }
    let braces = [at.line, at.line.saturating_sub(1)]
        .into_iter()
        .find(|number| unquoted(line(*number)));
    if let Some(number) = braces {
        at.line = number;
        let before = line(number).split("${").next().unwrap_or_default();
        at.column = before.chars().count() + 1;
        let hint = "quote it: {key: \"${NAME}\"}".to_owned();
        let message = "inside braces or brackets `${…}` must be quoted";
        return ("unquoted-variable", at, message.into(), Some(hint));
    }
    if let Some((line, column, bracket)) = never_closed(text, at) {
        (at.line, at.column) = (line, column);
        if ['"', '\''].contains(&bracket) {
            return ("syntax", at, QUOTE.0.into(), Some(QUOTE.1.into()));
        }
        let closer = if bracket == '{' { '}' } else { ']' };
        let hint = format!("close it with `{closer}`, or quote a text that holds `{bracket}`");
        let message = format!("this `{bracket}` is never closed");
        return ("syntax", at, message, Some(hint));
    }
    let (message, hint) = words(error.info());
    ("syntax", at, message.into(), hint.map(str::to_owned))
}

/// What opens before an error and is never closed: a quote that its line leaves open, the first bracket that another
/// one's closer ends, or else the last that nothing closes in the whole text.
fn never_closed(text: &str, error: Spot) -> Option<(usize, usize, char)> {
    let mut open: Vec<(usize, usize, char)> = Vec::new();
    let (mut unmatched, mut unquoted) = (None, None);
    let lines: Vec<&str> = text.lines().collect();
    // A quote goes on over lines where the next one of its kind ends a value.
    let mut quote: Option<(usize, usize, char)> = None;
    for (number, line) in lines.iter().enumerate() {
        let (mut before, mut solid) = (' ', ':');
        for (column, letter) in line.chars().enumerate() {
            let here = (number + 1, column + 1, letter);
            match (quote, letter) {
                (Some((.., one)), _) if letter == one => quote = None,
                (None, '"' | '\'') if "{[,:-?".contains(solid) => quote = Some(here),
                (None, '#') if before.is_whitespace() => break,
                (None, '{' | '[') if " {[,:".contains(before) => open.push(here),
                (None, '}' | ']') => {
                    let opener = if letter == '}' { '{' } else { '[' };
                    if let Some(at) = open.iter().rposition(|(.., one)| *one == opener) {
                        unmatched = unmatched.or(open.get(at + 1).copied());
                        open.truncate(at);
                    }
                }
                _ => {}
            }
            before = letter;
            if !letter.is_whitespace() {
                solid = letter;
            }
        }
        if let Some((.., one)) = quote
            && !goes_on(&lines[number + 1..], one)
        {
            unquoted = unquoted.or(quote.take());
        }
    }
    let before =
        |(line, column, _): &(usize, usize, char)| (*line, *column) <= (error.line, error.column);
    unquoted
        .filter(before)
        .or(unmatched.filter(before))
        .or_else(|| open.into_iter().rfind(before))
}

/// Whether the next quote of a kind ends a value, so that a text before may go on as far.
fn goes_on(lines: &[&str], quote: char) -> bool {
    let rest = lines.iter().find_map(|line| line.split_once(quote));
    rest.is_some_and(|(_, after)| {
        let after = after.trim_start();
        after.is_empty() || after.starts_with([',', '}', ']', ':', '#'])
    })
}

/// Whether a line holds a flow collection with a `${` in it outside of quotes.
fn unquoted(line: &str) -> bool {
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '{') if before == '$' && depth > 0 => return true,
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = letter;
    }
    false
}

/// What is said of an open quote, and what to do.
const QUOTE: (&str, &str) = (
    "a quote opens and never closes",
    "close the quote where the text ends",
);

fn words(info: &str) -> (&'static str, Option<&'static str>) {
    let has = |part: &str| info.contains(part);
    if has("unexpected end of stream")
        || has("quoted scalar") && (has("document indicator") || has("indentation"))
    {
        (QUOTE.0, Some(QUOTE.1))
    } else if has("trailing content after double-quoted") || has("after single-quoted") {
        (
            "something follows a closed quote",
            Some("quote the whole value, or none of it"),
        )
    } else if has("unknown escape") || has("escape character") || has("hexadecimal") {
        (
            "no such escape in double quotes",
            Some("double the backslash, or use single quotes"),
        )
    } else if has("mapping values are not allowed") || has("illegal placement of ':'") {
        (
            "a `:` stands where no key can be",
            Some(
                "quote a text that holds `: `, and look at the indentation of this line and the one before",
            ),
        )
    } else if has("flow") || has("misplaced bracket") {
        (
            "a brace or bracket does not match",
            Some("close every `{` with `}` and every `[` with `]`, with commas between"),
        )
    } else if has("simple key") || has("did not find expected key") {
        (
            "here a key and a `:` are wanted",
            Some("look at the indentation, and for a `:` without a space after it"),
        )
    } else if has("unknown anchor") {
        (
            "this alias names no anchor",
            Some("an anchor `&name` stands before its alias `*name`"),
        )
    } else if has("'-'") || has("\"-\"") || has("block sequence") || has("block collection") {
        (
            "this list item stands where no list can be",
            Some("look at the indentation"),
        )
    } else if has("indentation") || has("indented") {
        (
            "the indentation does not fit",
            Some("keys of one map begin in one column"),
        )
    } else if has("unexpected character") || has("cannot start") {
        (
            "no value can begin with this character",
            Some("quote a text that begins with one of @ ` % & * ! | > , [ ] { }"),
        )
    } else {
        ("this is not valid YAML", None)
    }
}
