//! What a configuration says of itself elsewhere: addresses and names that must be declared, or must not be any more.
//! Findings only; the tree stays as it is.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::{
    gaps::Gaps,
    locate::Findings,
    meaning::{SECTIONS, unfilled},
    suggest::nearest,
    tree::Node,
};

/// References that get a suggestion: each is looked for among all names.
const SUGGESTED: usize = 50;

/// Checks every reference. What is not there may stand in a gap.
pub(super) fn check(tree: &Node, gaps: &Gaps, findings: &mut Findings) {
    let mut left = SUGGESTED;
    let mut must_exist =
        |node: &Node, address: &str, known: &IndexSet<String>, findings: &mut Findings| {
            let section = address.split('.').next().and_then(section);
            if section.is_none_or(|section| gaps.knows(section)) {
                must_exist(node, address, known, &mut left, findings);
            }
        };
    let known: IndexSet<String> = SECTIONS
        .iter()
        .flat_map(|(section, word)| {
            tree.entries(section)
                .map(move |(name, _)| format!("{word}.{name}"))
        })
        .collect();
    for (_, entry) in tree.entries("segments") {
        if let Some(filter) = entry.node.at(&["filter"]) {
            named(filter, "in", &mut |node| {
                must_exist(node, node.text().unwrap_or_default(), &known, findings);
            });
        }
    }
    for (_, entry) in tree.entries("segments") {
        if let Some(members) = entry.node.at(&["members"]) {
            named(members, "sync", &mut |node| {
                let name = node.text().unwrap_or_default();
                let name = name.strip_prefix("sync.").unwrap_or(name);
                must_exist(node, &format!("sync.{name}"), &known, findings);
            });
        }
    }
    seeds(tree, findings);
    let listed = |section: &'static str, key: &'static str| {
        let items = tree.at(&[section]).map_or(&[][..], Node::list).iter();
        items.filter_map(move |item| Some(item.at(&[key])?.text()?.to_owned()))
    };
    // What moves on, or was removed since, need not be declared.
    let passed: IndexSet<String> = known
        .iter()
        .cloned()
        .chain(listed("moved", "from"))
        .chain(listed("removed", "address"))
        .collect();
    for item in tree.at(&["moved"]).map_or(&[][..], Node::list) {
        if let Some(node) = item.at(&["to"])
            && !not_a_name(item.at(&["from"]), node, findings)
            && gaps.knows("moved")
            && gaps.knows("removed")
        {
            must_exist(node, node.text().unwrap_or_default(), &passed, findings);
        }
        must_be_gone(item.at(&["from"]), "moved away", &known, findings);
    }
    for (section, key) in [("moved", "from"), ("moved", "to"), ("removed", "address")] {
        once_each(tree, section, key, findings);
    }
    for item in tree.at(&["removed"]).map_or(&[][..], Node::list) {
        must_be_gone(item.at(&["address"]), "removed", &known, findings);
    }
}

/// Meets everything that filters or set algebra name by this key, however deep.
fn named(node: &Node, by: &str, meet: &mut impl FnMut(&Node)) {
    if let Some(node) = node.at(&[by]) {
        meet(node);
    }
    for key in ["all_of", "any_of", "none_of"] {
        for part in node.at(&[key]).map_or(&[][..], Node::list) {
            named(part, by, meet);
        }
    }
}

/// Warns of segments of Braze to begin with. They need not be declared; one that is nearly, or by the name of its entry, was likely
/// meant.
fn seeds(tree: &Node, findings: &mut Findings) {
    let entries = tree.entries("segments");
    let shown: IndexMap<&str, &str> = entries
        .filter_map(|(name, entry)| Some((entry.node.at(&["name"])?.text()?, name)))
        .collect();
    let entries = ["syncs", "segments"]
        .into_iter()
        .flat_map(|section| tree.entries(section));
    let seeds = entries.filter_map(|(_, entry)| entry.node.at(&["seed", "segment"]));
    let text = |node: &Node| Some(node.text()?.to_owned()).filter(|_| !unfilled(node));
    let seeds = seeds.filter_map(|node| Some((node, text(node)?)));
    for (node, text) in seeds
        .filter(|(_, text)| !shown.contains_key(text.as_str()))
        .take(SUGGESTED)
    {
        let entry = text.strip_prefix("segment.").unwrap_or(&text);
        let meant = shown
            .iter()
            .find(|(_, name)| **name == entry)
            .map(|(shown, _)| *shown);
        if let Some(meant) = meant.or_else(|| nearest(&text, shown.keys().copied())) {
            let message = format!(
                "no segment is declared under the name {} in Braze",
                node.quoted()
            );
            let hint = format!("did you mean `{meant}`?");
            findings.warning("unknown-segment", node.spot, message, hint);
        }
    }
}

/// An address stands once under a key of a list.
fn once_each(tree: &Node, section: &str, key: &str, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for item in tree.at(&[section]).map_or(&[][..], Node::list) {
        let Some((node, text)) = item.at(&[key]).and_then(|node| Some((node, node.text()?))) else {
            continue;
        };
        if !seen.insert(text) {
            let message = format!("{} stands twice as `{key}` of `{section}`", node.quoted());
            let hint = "keep one of the two".to_owned();
            findings.error("declared-twice", node.spot, message, hint);
        }
    }
}

/// Reports a rename that is none, and returns whether it is so.
fn not_a_name(from: Option<&Node>, to: &Node, findings: &mut Findings) -> bool {
    let section = |node: &Node| Some(node.text()?.split_once('.')?.0.to_owned());
    let message = match (from.and_then(section), section(to)) {
        // What is no section is no address either, and told as such.
        (Some(before), Some(after))
            if before != after && SECTIONS.iter().any(|(_, word)| *word == after) =>
        {
            format!("a {before} cannot become a {after}")
        }
        (Some(_), Some(_)) if from.and_then(Node::text) == to.text() => {
            format!("{} cannot move to itself", to.quoted())
        }
        _ => return false,
    };
    let hint = "`moved` only gives another name".to_owned();
    findings.error("other-section", to.spot, message, hint);
    true
}

/// The section of the tree that a word of addresses means.
fn section(word: &str) -> Option<&'static str> {
    let found = SECTIONS.iter().find(|(_, known)| *known == word);
    found.map(|(section, _)| *section)
}

fn must_exist(
    node: &Node,
    address: &str,
    known: &IndexSet<String>,
    left: &mut usize,
    findings: &mut Findings,
) {
    // What is no text was told of by its form.
    if node.text().is_none() || known.contains(address) || !is_address(address, node, findings) {
        return;
    }
    let mut hint = None;
    if *left > 0 {
        *left -= 1;
        hint = nearest(address, known.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"));
    }
    let segment = address.strip_prefix("sync.");
    let segment = segment.map(|name| format!("segment.{name}"));
    if let Some(segment) = segment.filter(|it| known.contains(it)) {
        hint = Some(format!(
            "{segment} is a segment, which no sync moves: name a sync or a cohort"
        ));
    }
    findings.error(
        "unknown-reference",
        node.spot,
        format!("nothing is declared as {}", node.quoted()),
        hint,
    );
}

fn must_be_gone(node: Option<&Node>, how: &str, known: &IndexSet<String>, findings: &mut Findings) {
    let Some((node, address)) = node.and_then(|node| Some((node, node.text()?))) else {
        return;
    };
    // A target that was left may be removed by its own address.
    let plain = address.split('@').next().unwrap_or(address);
    let named = how == "removed" && address.contains('@') && known.contains(plain);
    if named {
        return;
    }
    if is_address(address, node, findings) && known.contains(address) {
        let message = format!("{} is {how} here and still declared", node.quoted());
        let hint = "take out its block, or this entry".to_owned();
        findings.error("still-declared", node.spot, message, hint);
    }
}

fn is_address(text: &str, node: &Node, findings: &mut Findings) -> bool {
    let fits = text.split_once('.').is_some_and(|(section, name)| {
        !name.is_empty() && !name.contains('@') && self::section(section).is_some()
    });
    if !fits {
        let near = text.split_once('.').and_then(|(word, name)| {
            let words = SECTIONS.iter().map(|(_, word)| *word);
            let near = nearest(word, words).filter(|_| !name.is_empty() && !name.contains('@'))?;
            Some(format!("did you mean `{near}.{name}`?"))
        });
        let hint = near.unwrap_or_else(|| {
            "write sync.NAME, segment.NAME, cohort.NAME or destination.NAME".to_owned()
        });
        findings.error(
            "wrong-address",
            node.spot,
            format!("{} is no address", node.quoted()),
            hint,
        );
    }
    fits
}
