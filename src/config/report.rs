//! A fault of the schema as a finding: its place in the file, the words, and what to do.
//! It judges nothing.

use super::{
    check::{Fault, Problem},
    load,
    locate::Findings,
    mask::named,
    secrets,
    suggest::{either, nearest},
    template,
    tree::{Data, Node, Spot},
};

/// Keys that people write one level too high.
const UNDER_GUARDS: [&str; 7] = [
    "max_removals",
    "max_shrink",
    "max_data_points",
    "max_new_users",
    "max_refused",
    "min_identified",
    "min_known",
];

/// Reports a fault of a tree.
pub(super) fn report(fault: &Fault, tree: &Node, findings: &mut Findings) {
    let Some((node, key)) = tree.pointer(&fault.path) else {
        return;
    };
    match &fault.problem {
        Problem::UnknownKey { key, known } => {
            let spot = node.entry(key).map_or(node.spot, |entry| entry.key);
            let words = findings
                .written(spot)
                .map_or_else(|| "this".into(), |_| named(key));
            let message = format!("{words} is no key here");
            findings.error("unknown-key", spot, message, unknown(key, known));
        }
        Problem::MissingKey {
            key: missing,
            about,
        } => {
            let message = match owner(&fault.path) {
                Some(owner) => format!("`{owner}` has no `{missing}`"),
                None => format!("this file has no `{missing}`"),
            };
            let hint = match (missing.as_str(), about) {
                ("version", _) => Some("write `version: 1` in each file".to_owned()),
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
            let name = owner(&fault.path).unwrap_or_else(|| "this".to_owned());
            findings.error(
                "wrong-value",
                key,
                format!("`{name}` takes one of {}", either(&keys)),
                None,
            );
        }
        Problem::Value {
            wanted,
            words,
            text,
        } => {
            let overlay_null = node.is_null() && fault.path.starts_with("/environments/");
            let template = matches!(&node.data, Data::Text(text) if template::is_template(text));
            let scalar = !matches!(node.data, Data::Map(_) | Data::List(_));
            if overlay_null || template || scalar && secrets::is_secret(&fault.path) {
                return;
            }
            value(&fault.path, node, key, (wanted, words, *text), findings);
        }
    }
}

fn value(
    path: &str,
    node: &Node,
    key: Spot,
    (wanted, words, wants_text): (&[String], &[String], bool),
    findings: &mut Findings,
) {
    let name = owner(path).unwrap_or_else(|| "this".to_owned());
    let spot = if matches!(node.data, Data::Map(_) | Data::List(_) | Data::Null) {
        key
    } else {
        node.spot
    };
    if name == "kind" {
        let near = node
            .text()
            .and_then(|text| nearest(text, words.iter().map(String::as_str)));
        let kinds = format!("kinds are {}", words.join(", "));
        let hint = near.map_or(kinds, |near| format!("did you mean `{near}`?"));
        findings.error(
            "unknown-kind",
            spot,
            format!("{} is no kind of sync", node.quoted()),
            hint,
        );
        return;
    }
    let mut message = if wanted.is_empty() {
        format!("`{name}` cannot be this")
    } else {
        format!("`{name}` wants {}", either(wanted))
    };
    if let Data::Filled(_) = node.data {
        message.push_str("; its variable holds something else");
    }
    let near = |text: &str| {
        nearest(text, words.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"))
    };
    let wants = |what: &str| wanted.iter().any(|one| one.starts_with(what));
    let hint = match &node.data {
        Data::Bool(_) | Data::Number(_) if wants_text => findings
            .written(spot)
            .map(|text| format!("put it in quotes: \"{text}\"")),
        Data::Text(text)
            if wants("true or false") && ["yes", "on", "no", "off"].contains(&text.as_str()) =>
        {
            Some("YAML's booleans are true and false".to_owned())
        }
        Data::Text(text)
            if (wants("a whole number") || wants("true or false")) && is_plain(text) =>
        {
            Some("take the quotes away".to_owned())
        }
        Data::Text(_) | Data::Map(_) if wants("a list") => {
            Some("a list stands in [ ], or each item on a line that begins with `- `".to_owned())
        }
        Data::Text(text) => near(text),
        Data::Null => Some("write a value, or leave the key out".to_owned()),
        _ => None,
    };
    findings.error("wrong-value", spot, message, hint);
}

fn unknown(key: &str, known: &[String]) -> Option<String> {
    if let Some((before, _)) = key.split_once(':')
        && known.iter().any(|known| known == before)
    {
        return Some(format!("`{before}:` wants a space after it"));
    }
    if let Some(near) = nearest(key, known.iter().map(String::as_str)) {
        return Some(format!("did you mean `{near}`?"));
    }
    if UNDER_GUARDS.contains(&key) && known.iter().any(|known| known == "guards") {
        return Some(format!("it belongs under `guards`: guards: {{{key}: …}}"));
    }
    match known.len() {
        0 => None,
        1..=12 => Some(format!("known here: {}", known.join(", "))),
        _ => Some(format!("known here: {}, …", known[..10].join(", "))),
    }
}

/// Whether a text would be a number or boolean without its quotes.
fn is_plain(text: &str) -> bool {
    matches!(load::scalar(text), Data::Bool(_) | Data::Number(_))
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

/// The last name of a path: what a person would call the thing.
fn owner(path: &str) -> Option<String> {
    path.split('/')
        .skip(1)
        .filter(|part| part.parse::<usize>().is_err())
        .last()
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .filter(|part| named(part) != "this")
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let second_is_small = text.chars().nth(1).is_some_and(char::is_lowercase);
    match letters.next() {
        Some(first) if second_is_small => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
