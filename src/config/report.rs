//! A fault of the schema as a finding: its place in the file, the words, and what to do.
//! It judges nothing.

use super::{
    check::{Fault, Problem},
    locate::Findings,
    mask::named,
    mend, secrets,
    suggest::{either, nearest},
    template,
    tree::{Data, Node, Spot},
    wanted::Wanted,
};

/// Reports a fault of a tree.
pub(super) fn report(fault: &Fault, tree: &Node, findings: &mut Findings) {
    let Some((node, key)) = tree.pointer(&fault.path) else {
        return;
    };
    match &fault.problem {
        Problem::UnknownKey {
            key,
            known,
            belongs,
        } => {
            let spot = node.entry(key).map_or(node.spot, |entry| entry.key);
            let shown = findings.written(spot).is_some() && named(key) != "this";
            let words = if shown { named(key) } else { "this".into() };
            let hint = unknown(key, known, belongs.clone().filter(|_| shown));
            findings.error("unknown-key", spot, format!("{words} is no key here"), hint);
        }
        Problem::MissingKey { .. } if findings.merged.contains(&node.spot) => {}
        Problem::MissingKey {
            key: missing,
            about,
        } => {
            let message = match owner(&fault.path, tree) {
                _ if fault.path.is_empty() => format!("this file has no `{missing}`"),
                Some(owner) => format!("{owner} has no `{missing}`"),
                None => format!("this has no `{missing}`"),
            };
            let hint = match (missing.as_str(), about) {
                ("version", _) => Some("write `version: 1` in each file".to_owned()),
                ("includes", _) => Some(
                    "write {attribute: NAME, includes: VALUE} of a list, or {attribute: NAME, equals: VALUE} of one value"
                        .to_owned(),
                ),
                (_, Some(about)) => Some(format!("add `{missing}`: {}", lower(about))),
                _ => None,
            };
            findings.error("missing-key", key, message, hint);
        }
        Problem::Name { key } => {
            let spot = node.entry(key).map_or(node.spot, |entry| entry.key);
            let rule = "a name begins with a-z or 0-9 and goes on with a-z, 0-9, - and _";
            let hint = match slug(key).filter(|_| named(key) != "this") {
                Some(slug) => format!("{rule}: `{slug}`"),
                None => rule.to_owned(),
            };
            findings.error(
                "wrong-name",
                spot,
                format!("{} cannot be a name", named(key)),
                hint,
            );
        }
        Problem::OneKeyOf(keys) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let name = owner(&fault.path, tree).unwrap_or_else(|| "this".to_owned());
            let message = format!("{name} takes exactly one of {}", either(&keys));
            findings.error("wrong-value", key, message, None);
        }
        Problem::Value(wanted) => {
            let overlay_null = node.is_null() && fault.path.starts_with("/environments/");
            let template = matches!(&node.data, Data::Text(text) if template::is_template(text));
            let scalar = !matches!(node.data, Data::Map(_) | Data::List(_));
            if overlay_null || template || scalar && secrets::is_secret(&fault.path) {
                return;
            }
            let spot = if scalar && !node.is_null() {
                node.spot
            } else {
                key
            };
            match fault.path.as_str() {
                "/version" => version(node, spot, findings),
                path if is_kind(path) => kind(node, spot, &wanted.words, findings),
                path => value(owner(path, tree).as_deref(), node, spot, wanted, findings),
            }
        }
    }
}

/// Reports a sync that only an environment has, and not whole.
pub(super) fn stranger(spot: Spot, name: &str, tree: &Node, findings: &mut Findings) {
    let names = tree.entries("syncs").map(|(name, _)| name);
    let near = nearest(name, names.filter(|known| *known != name));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "an environment changes what the files declare; one of its own begins with `kind`"
            .into(),
    };
    let message = format!(
        "no file declares a sync {}, and this has no `kind`",
        named(name)
    );
    findings.error("missing-key", spot, message, hint);
}

fn version(node: &Node, spot: Spot, findings: &mut Findings) {
    let hint = match &node.data {
        Data::Text(text) if text == "1" => "take the quotes away",
        Data::Number(_) => "this release reads version 1 of the language",
        _ => "write `version: 1`",
    };
    findings.error("wrong-value", spot, "`version` wants 1", hint.to_owned());
}

/// Whether a path is that of a sync's kind.
fn is_kind(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts.next() == Some("kind") && parts.nth(1) == Some("syncs")
}

fn kind(node: &Node, spot: Spot, words: &[String], findings: &mut Findings) {
    let near = node
        .text()
        .and_then(|text| nearest(text, words.iter().map(String::as_str)));
    let kinds = format!("kinds are {}", words.join(", "));
    let hint = near.map_or(kinds, |near| format!("did you mean `{near}`?"));
    let message = format!("{} is no kind of sync", node.quoted());
    findings.error("unknown-kind", spot, message, hint);
}

fn value(owner: Option<&str>, node: &Node, spot: Spot, wanted: &Wanted, findings: &mut Findings) {
    let name = owner.unwrap_or("this");
    let mut message = if wanted.forms.is_empty() {
        format!("{name} cannot be this")
    } else {
        format!("{name} wants {}", either(&wanted.forms))
    };
    if let Data::Filled(_) = node.data {
        message.push_str("; its variable holds something else");
    }
    let owner = owner.map(|owner| owner.trim_matches('`'));
    let written = findings.written(spot);
    let hint = mend::hint(owner, node, written.as_deref(), wanted);
    findings.error("wrong-value", spot, message, hint);
}

fn unknown(key: &str, known: &[String], belongs: Option<String>) -> Option<String> {
    if let Some((before, _)) = key.split_once(':')
        && known.iter().any(|known| known == before)
    {
        return Some(format!("`{before}:` wants a space after it"));
    }
    if belongs.is_some() {
        return belongs;
    }
    if let Some(near) = nearest(key, known.iter().map(String::as_str)) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!known.is_empty()).then(|| format!("known here: {}", known.join(", ")))
}

/// A name made of a text that is none.
fn slug(text: &str) -> Option<String> {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '-' | '_') => letter,
        _ => '-',
    };
    let slug: String = text.chars().map(letter).collect();
    let slug = slug.trim_matches(['-', '_']);
    (!slug.is_empty() && slug.len() <= 64).then(|| slug.to_owned())
}

/// What a person would call the thing at a path: its key in backticks, or an item of a list.
fn owner(path: &str, tree: &Node) -> Option<String> {
    let at = path.rfind('/')?;
    let (above, last) = (&path[..at], &path[at + 1..]);
    if tree
        .pointer(above)
        .is_some_and(|(node, _)| node.map().is_none())
    {
        return owner(above, tree).map(|list| format!("an item of {list}"));
    }
    let last = last.replace("~1", "/").replace("~0", "~");
    Some(named(&last)).filter(|name| name != "this")
}

/// A description as the rest of a sentence; names of services stay as they are.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let second_is_small = text.chars().nth(1).is_some_and(char::is_lowercase);
    let is_name = ["Amplitude", "Braze", "Currents"]
        .iter()
        .any(|name| text.starts_with(name));
    match letters.next() {
        Some(first) if second_is_small && !is_name => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
