//! The files of a directory, as trees. It says what is no YAML of ours and knows nothing of keys or meaning.
//! `serde_yaml` decides here, and only here, what a plain scalar is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_yaml::Value;

use super::{
    gaps::Gaps,
    locate::Findings,
    source::Source,
    syntax::{self, Read},
    tree::{Data, Node, Spot},
};

/// A file larger than this is no configuration.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the `*.yaml` and `*.yml` files of a directory, in the order of their names, and says what is not known of
/// them because it is no YAML.
pub(super) fn directory(directory: &Path, findings: &mut Findings) -> (Vec<Node>, Gaps) {
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) => {
            let shown = directory.display();
            let message = format!("cannot read the directory `{shown}`: {}", cause(&error));
            findings.error("unreadable", None, message, None);
            return (Vec::new(), Gaps::whole());
        }
    };
    if names.is_empty() {
        let message = format!("no `*.yaml` or `*.yml` file in `{}`", directory.display());
        let hint = "`-C DIR` names another directory";
        findings.error("no-files", None, message, hint.to_owned());
    }
    let mut gaps = if names.is_empty() {
        Gaps::whole()
    } else {
        Gaps::default()
    };
    let mut trees = Vec::new();
    // A shell makes the file first into which it sends what a command says.
    let is_bare = |name: &PathBuf| {
        fs::metadata(directory.join(name)).is_ok_and(|it| it.is_file() && it.len() == 0)
    };
    let passes = !names.iter().all(is_bare);
    for name in &names {
        if passes && is_bare(name) {
            let message = format!("`{}` is empty, and passed over", name.display());
            findings.warning("empty-file", None, message, "delete it".to_owned());
            continue;
        }
        match file(directory, name, findings) {
            Some(read) => {
                gaps.add(&read.gaps);
                trees.push(read.tree);
            }
            None => gaps = Gaps::whole(),
        }
    }
    (trees, gaps)
}

fn names(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = PathBuf::from(entry?.file_name());
        let suffix = name.extension().and_then(|it| it.to_str());
        let hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
        if matches!(suffix, Some("yaml" | "yml")) && !hidden {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn file(directory: &Path, name: &Path, findings: &mut Findings) -> Option<Read> {
    let number = findings.sources.len();
    findings.sources.push(Source::new(name.into()));
    let top = Spot {
        file: number,
        line: 1,
        column: 1,
        width: 1,
        below: 0,
    };
    let text = match bytes(&directory.join(name)).map_err(|why| (why, top)) {
        Ok(bytes) => text(bytes, top),
        Err(((message, hint), top)) => Err((
            "unreadable",
            top,
            format!("cannot read this file: {message}"),
            hint,
        )),
    };
    let text = match text {
        Ok(text) => text,
        Err((code, spot, message, hint)) => {
            findings.error(code, spot, message, hint.map(str::to_owned));
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = &one_line_end(text);
    findings.sources[number].read(text);
    if let Some(spot) = odd(text, top) {
        let hint = "delete it; in double quotes \\t, \\0 and \\x1b write such a letter";
        let message = "a control character stands here, which YAML does not allow";
        findings.error("control-character", spot, message, hint.to_owned());
        return None;
    }
    let read = syntax::read(number, text, findings)?;
    findings.know(number, &read);
    Some(read)
}

/// Reads a plain file of a bearable size. A pipe would wait for ever.
fn bytes(path: &Path) -> Result<Vec<u8>, (&'static str, Option<&'static str>)> {
    let about = fs::metadata(path).map_err(|error| {
        let dangling = error.kind() != io::ErrorKind::PermissionDenied && path.is_symlink();
        let words = if dangling {
            "it is a link that leads nowhere"
        } else {
            cause(&error)
        };
        (words, None)
    })?;
    if about.is_dir() {
        let hint = "directories are not looked into: rename it, or move its files up";
        return Err(("it is a directory", Some(hint)));
    }
    if !about.is_file() {
        return Err(("it is no plain file", None));
    }
    if about.len() > MOST_BYTES {
        return Err((
            "it is larger than 16 MiB",
            Some("several files may share a configuration"),
        ));
    }
    fs::read(path).map_err(|error| (cause(&error), None))
}

type Refused = (&'static str, Spot, String, Option<&'static str>);

fn text(bytes: Vec<u8>, top: Spot) -> Result<String, Refused> {
    let hint = Some("save the file as UTF-8");
    if matches!(
        bytes.as_slice(),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, _, ..] | [_, 0, ..]
    ) {
        return Err((
            "not-utf8",
            top,
            "this file is UTF-16, not UTF-8".into(),
            hint,
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = not_utf8(top, error.as_bytes(), error.utf8_error().valid_up_to());
        ("not-utf8", place, "this file is not UTF-8".into(), hint)
    })
}

/// The first letter that no YAML may hold.
fn odd(text: &str, top: Spot) -> Option<Spot> {
    let odd = |letter: char| letter.is_control() && !['\t', '\n', '\u{85}'].contains(&letter);
    let at = text.find(odd)?;
    Some(after(top, &text[..at]))
}

/// A text with one kind of line end: in YAML each kind is one.
fn one_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The spot behind a text.
fn after(top: Spot, before: &str) -> Spot {
    let before = one_line_end(before);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Spot {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        ..top
    }
}

fn not_utf8(top: Spot, bytes: &[u8], valid: usize) -> Spot {
    after(top, &String::from_utf8_lossy(&bytes[..valid]))
}

/// What the machine says, in our words.
pub(super) fn cause(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::NotADirectory => "it is no directory",
        io::ErrorKind::IsADirectory => "it is a directory",
        io::ErrorKind::InvalidData => "it is not UTF-8",
        _ => "the system refuses",
    }
}

/// Decides what a plain scalar is: null, a boolean, a number, or else text.
pub(super) fn scalar(text: &str) -> Data {
    let may_be_more = match text.bytes().next() {
        None => return Data::Null,
        Some(b'~' | b'.' | b'-' | b'+' | b'0'..=b'9') => text.len() <= 40,
        Some(b'n' | b'N' | b't' | b'T' | b'f' | b'F') => text.len() <= 5,
        _ => false,
    };
    if !may_be_more || text.contains(char::is_whitespace) {
        return Data::Text(text.into());
    }
    let number = |number: serde_yaml::Number| match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => Some(whole.into()),
        (_, Some(whole)) => Some(whole.into()),
        _ => number.as_f64().and_then(serde_json::Number::from_f64),
    };
    match serde_yaml::from_str(text) {
        Ok(Value::Null) => Data::Null,
        Ok(Value::Bool(it)) => Data::Bool(it),
        Ok(Value::Number(it)) => number(it).map_or_else(|| Data::Text(text.into()), Data::Number),
        _ => Data::Text(text.into()),
    }
}
