//! Several trees become one: files joined, overlays merged, variables filled. Every node keeps its place.
//! What a key means is not known here.

use std::{fs, path::Path};

use super::{
    load::cause,
    locate::Findings,
    mask,
    template::{self, Malformed, Piece},
    tree::{Data, Map, Node, Spot},
};

/// Top-level keys whose entries may stand in several files, each name once.
const BY_NAME: [&str; 5] = [
    "syncs",
    "segments",
    "cohorts",
    "destinations",
    "environments",
];
/// Top-level keys whose items add up over files.
const ADDED_UP: [&str; 3] = ["moved", "removed", "freeze"];
/// Keys that choose one form by the key inside: an overlay's choice replaces the other.
const CHOICES: [&str; 2] = ["to", "seed"];

/// Joins the files of a directory. What is declared twice is a finding that names both places.
pub(super) fn join(trees: &[Node], findings: &mut Findings) -> Node {
    let mut whole = Node::empty(trees.first().map(|tree| tree.spot).unwrap_or_default());
    let Some(all) = whole.map_mut() else {
        return whole;
    };
    for (key, entry) in trees.iter().filter_map(Node::map).flatten() {
        let Some(standing) = all.get_mut(key) else {
            all.insert(key.clone(), entry.clone());
            continue;
        };
        match (&mut standing.node.data, &entry.node.data) {
            _ if key == "version" => {}
            (Data::Map(into), Data::Map(from)) if BY_NAME.contains(&key.as_str()) => {
                names(key, into, from, findings);
            }
            (Data::List(into), Data::List(from)) if ADDED_UP.contains(&key.as_str()) => {
                into.extend(from.iter().cloned());
            }
            (Data::Null, _) => standing.node = entry.node.clone(),
            (_, Data::Null) => {}
            _ => {
                let first = findings.words(standing.key);
                let hint = format!("the first is at {first}; keep one");
                findings.error(
                    "declared-twice",
                    entry.key,
                    format!("`{key}` is declared in two files"),
                    hint,
                );
            }
        }
    }
    whole
}

fn names(section: &str, into: &mut Map, from: &Map, findings: &mut Findings) {
    for (name, entry) in from {
        if let Some(first) = into.get(name) {
            let what = section.strip_suffix('s').unwrap_or(section);
            let message = format!("{what} {} is declared twice", mask::named(name));
            let hint = format!(
                "the first is at {}; a name is declared once",
                findings.words(first.key)
            );
            findings.error("declared-twice", entry.key, message, hint);
        } else {
            into.insert(name.clone(), entry.clone());
        }
    }
}

/// Lays one tree over another: maps merge, lists and scalars replace, null stays to remove what was there.
pub(super) fn merge(base: &mut Node, over: &Node) {
    let (Data::Map(into), Data::Map(from)) = (&mut base.data, &over.data) else {
        *base = over.clone();
        return;
    };
    for (key, entry) in from {
        match into.get_mut(key) {
            Some(standing) if !other_choice(key, &standing.node, &entry.node) => {
                merge(&mut standing.node, &entry.node);
            }
            _ => {
                into.insert(key.clone(), entry.clone());
            }
        }
    }
}

fn other_choice(key: &str, base: &Node, over: &Node) -> bool {
    let keys = |node: &Node| {
        node.map()
            .map(|map| map.keys().cloned().collect::<Vec<_>>())
    };
    CHOICES.contains(&key) && keys(base) != keys(over)
}

/// Fills what a node leaves open from wider settings. A null keeps the wider value out.
pub(super) fn fill(node: &mut Node, wider: &Node) {
    let (Data::Map(into), Data::Map(from)) = (&mut node.data, &wider.data) else {
        return;
    };
    for (key, entry) in from {
        match into.get_mut(key) {
            Some(standing) if !other_choice(key, &entry.node, &standing.node) => {
                fill(&mut standing.node, &entry.node);
            }
            Some(_) => {}
            None => {
                into.insert(key.clone(), entry.clone());
            }
        }
    }
}

/// Where values of `${…}` come from.
pub(super) struct Variables<'a> {
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Files named by a relative path stand here.
    pub directory: &'a Path,
}

/// What a template gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// The whole text.
    Value(String),
    /// What is missing, in words, and what to do.
    Missing(String, String),
}

impl Variables<'_> {
    /// Fills a template. A variable that is set to nothing counts as not set.
    pub(super) fn fill(&self, text: &str) -> Result<Filled, Malformed> {
        let mut filled = String::new();
        for piece in template::parse(text)? {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Escape => filled.push_str("${"),
                Piece::Variable { name, default } => {
                    match (self.lookup)(name).filter(|value| !value.is_empty()) {
                        Some(value) => filled.push_str(&value),
                        None if default.is_some() => filled.push_str(default.unwrap_or_default()),
                        None => {
                            return Ok(Filled::Missing(
                                format!("the variable `{name}` is not set"),
                                format!("export {name}, or write a default: ${{{name}:-value}}"),
                            ));
                        }
                    }
                }
                Piece::File(path) => match fs::read_to_string(self.directory.join(path)) {
                    Ok(content) => filled.push_str(content.trim_end_matches(['\n', '\r'])),
                    Err(error) => {
                        return Ok(Filled::Missing(
                            format!("cannot read the file `{path}`: {}", cause(&error)),
                            "a relative path begins at the configuration's directory".into(),
                        ));
                    }
                },
            }
        }
        Ok(Filled::Value(filled))
    }
}

/// Fills every scalar of a tree but those `skip` names by their pointer. `missing` decides about a value that is
/// not to be had: what to put there, or nothing and it is an error at its place.
pub(super) fn substitute(
    tree: &mut Node,
    variables: &Variables<'_>,
    skip: &dyn Fn(&str) -> bool,
    missing: &dyn Fn(&str) -> Option<Data>,
    findings: &mut Findings,
) {
    tree.scalars_mut(&mut String::new(), &mut |pointer, node| {
        let Data::Text(text) = &node.data else { return };
        if !template::is_template(text) || skip(pointer) {
            return;
        }
        match variables.fill(text) {
            Ok(Filled::Value(value)) => node.data = Data::Filled(value),
            Ok(Filled::Missing(message, hint)) => match missing(pointer) {
                Some(data) => node.data = data,
                None => findings.error("missing-variable", node.spot, message, hint),
            },
            Err(malformed) => report(malformed, node.spot, findings),
        }
    });
}

/// Reports a text that is no template.
pub(super) fn report(malformed: Malformed, spot: Spot, findings: &mut Findings) {
    let (message, hint) = match malformed {
        Malformed::Open => (
            "`${` opens and never closes",
            "write ${NAME}, or $${ for a plain ${",
        ),
        Malformed::Name => (
            "this is no variable",
            "write ${NAME}, ${NAME:-default} or ${file:/path}, or $${ for a plain ${",
        ),
        Malformed::Nested => (
            "a default holds no other variable",
            "write ${NAME:-plain text}",
        ),
    };
    findings.error("bad-variable", spot, message, hint.to_owned());
}

#[cfg(test)]
mod tests;
