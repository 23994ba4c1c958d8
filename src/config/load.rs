//! The files of a directory, as trees. It says what is no YAML of ours and knows nothing of keys or meaning.
//! `serde_yaml` decides here, and only here, what a plain scalar is.

use std::{fs, io, path::Path};

use serde_yaml::Value;

use super::{
    locate::{Findings, Source},
    syntax,
    tree::{Data, Node, Spot},
};

/// A file larger than this is no configuration.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the `*.yaml` and `*.yml` files of a directory, in the order of their names. A file that is no YAML leaves
/// a finding and no tree.
pub(super) fn directory(directory: &Path, findings: &mut Findings) -> Vec<Node> {
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) => {
            let message = format!(
                "cannot read the directory `{}`: {}",
                directory.display(),
                cause(&error)
            );
            findings.error("unreadable", None, message, None);
            return Vec::new();
        }
    };
    if names.is_empty() {
        let message = format!("no `*.yaml` or `*.yml` file in `{}`", directory.display());
        let hint = "`-C DIR` names another directory";
        findings.error("no-files", None, message, hint.to_owned());
    }
    let trees = names
        .iter()
        .filter_map(|name| file(directory, name, findings));
    trees.collect()
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let suffix = Path::new(&name).extension().and_then(|it| it.to_str());
        let ours = matches!(suffix, Some("yaml" | "yml")) && !name.starts_with('.');
        if ours && !entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn file(directory: &Path, name: &str, findings: &mut Findings) -> Option<Node> {
    let number = findings.sources.len();
    let path = directory.join(name);
    findings.sources.push(Source {
        path: name.into(),
        lines: Vec::new(),
        masks: None,
    });
    let top = Spot {
        file: number,
        line: 1,
        column: 1,
        width: 1,
        below: 0,
    };
    let bytes = fs::metadata(&path).and_then(|about| {
        if about.len() > MOST_BYTES {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            fs::read(&path)
        }
    });
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.error(
                "unreadable",
                top,
                format!("cannot read this file: {}", cause(&error)),
                None,
            );
            return None;
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let place = not_utf8(top, error.as_bytes(), error.utf8_error().valid_up_to());
            let hint = "save the file as UTF-8";
            findings.error("not-utf8", place, "this file is not UTF-8", hint.to_owned());
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    findings.sources[number].lines = text.lines().map(str::to_owned).collect();
    let (tree, dropped) = syntax::tree(number, text, findings)?;
    findings.mask(number, &tree, dropped);
    Some(tree)
}

fn not_utf8(top: Spot, bytes: &[u8], valid: usize) -> Spot {
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Spot {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        ..top
    }
}

/// What the machine says, in our words.
pub(super) fn cause(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::NotADirectory => "it is no directory",
        io::ErrorKind::IsADirectory => "it is a directory",
        io::ErrorKind::FileTooLarge => "it is larger than 16 MiB",
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
