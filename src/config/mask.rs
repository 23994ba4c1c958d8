//! What a shown line may not show: the values of secrets, and of whatever looks like one.
//! It errs to the side of hiding.

use super::{
    template::is_reference,
    tree::{Data, Node, Spot},
};

/// What stands for a secret.
pub(super) const STARS: &str = "***";

/// Keys of the service blocks whose values may be shown.
const OPEN: [&str; 10] = [
    "region",
    "endpoint",
    "instance",
    "project_id",
    "monthly_downloads",
    "use_at_most",
    "app_id",
    "billing",
    "objects_per_request",
    "partner",
];

/// Top-level keys under which no service's block stands.
const HARMLESS: [&str; 12] = [
    "version",
    "workspace",
    "state",
    "guards",
    "defaults",
    "syncs",
    "segments",
    "cohorts",
    "moved",
    "removed",
    "freeze",
    "plan_ttl",
];

/// Whether a line at the margin begins what may be the block of a service.
pub(super) fn may_be_service(top: &str) -> bool {
    let key = top.split(':').next().unwrap_or_default();
    !HARMLESS.contains(&key.trim_matches(['"', '\'', ' ', '-']))
}

/// Whether a key's name says that its value is secret.
fn is_secret_name(name: &str) -> bool {
    let name: String = name
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    name.ends_with("key")
        || ["secret", "token", "password", "credential", "apikey"]
            .iter()
            .any(|word| name.contains(word))
}

/// Returns where the secrets of a tree stand: values of secret names, and in the blocks of the services every
/// value that is not known to be harmless, since a misspelt key may hold one.
pub(super) fn spots(tree: &Node) -> Vec<Spot> {
    let mut spots = Vec::new();
    walk(tree, false, false, 0, &mut spots);
    spots
}

/// Returns where secrets stand in an entry that its tree does not hold: all of it, unless its key is harmless.
pub(super) fn dropped(key: &str, node: &Node) -> Vec<Spot> {
    let mut spots = Vec::new();
    let hidden = is_secret_name(key) || key == "<<";
    walk(node, true, hidden, 9, &mut spots);
    spots
}

fn walk(node: &Node, service: bool, secret: bool, depth: usize, spots: &mut Vec<Spot>) {
    match &node.data {
        Data::Map(map) => {
            for (key, entry) in map {
                let known = OPEN.contains(&key.as_str()) || is_secret_name(key);
                let value_as_key = service && (key.contains(' ') || entry.node.is_null() && !known);
                if !is_plain(key) || value_as_key {
                    spots.push(entry.key);
                }
                let block = service
                    || match key.as_str() {
                        "amplitude" | "braze" => depth == 0 || depth == 2,
                        "config" => depth == 2,
                        _ => false,
                    };
                let nested = entry.node.map().is_some();
                // A value in the place of a whole block is one whose key was left out.
                let hidden = secret
                    || is_secret_name(key)
                    || (block && !nested && (!service || !OPEN.contains(&key.as_str())));
                walk(&entry.node, block, hidden, depth + 1, spots);
            }
        }
        Data::List(list) => {
            for item in list {
                walk(item, service, secret, depth + 1, spots);
            }
        }
        Data::Null => {}
        Data::Text(text) if is_reference(text) => {}
        _ if secret => spots.push(node.spot),
        // A user with a password, or a query with a key.
        Data::Text(text) if text.contains("://") && text.contains(['@', '?']) => {
            spots.push(node.spot);
        }
        _ => {}
    }
}

/// Returns a key for a message. One that is no plain word may hold a value (`api_key:"…"` without a space).
pub(super) fn named(key: &str) -> String {
    if is_plain(key) {
        format!("`{key}`")
    } else {
        "this".to_owned()
    }
}

fn is_plain(key: &str) -> bool {
    let letters: Vec<char> = key.chars().collect();
    let odd = |letter: &char| letter.is_control() || [':', '"', '\'', '{', '='].contains(letter);
    letters.len() <= 60 && !letters.iter().any(odd) && drawn(&letters, 28).next().is_none()
}

/// Masks the secrets that stand on the line of a spot.
pub(super) fn by_spots(line: &str, caret: Spot, masks: &[Spot]) -> String {
    let letters: Vec<char> = line.chars().collect();
    let ranges = masks
        .iter()
        .filter(|mask| mask.line <= caret.line && caret.line <= mask.line + mask.below)
        .map(|mask| {
            if mask.line == caret.line {
                (mask.column - 1, mask.column - 1 + mask.width)
            } else {
                (0, letters.len())
            }
        });
    let ranges = ranges.chain(drawn(&letters, 30)).collect();
    cover(&letters, caret, ranges)
}

/// Masks what looks like a key in a text of our own, which may say again what stands in a file.
pub(super) fn said(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (begin, end) in drawn(&letters, 30) {
        out.extend(&letters[at..begin]);
        out.push_str(STARS);
        at = end;
    }
    out.extend(&letters[at..]);
    out
}

/// Masks a line of a file that is no tree: by the words on it and on the line before. In the block of a `service`
/// every value goes that is not known to be harmless.
pub(super) fn by_words(line: &str, caret: Spot, previous: &str, service: bool) -> String {
    let letters: Vec<char> = line.chars().collect();
    let opens = previous
        .trim_end()
        .trim_end_matches(['|', '>', '-', '+', ' ']);
    if opens.ends_with(':') && last_word(opens.trim_end_matches(':')).is_some_and(is_secret_name) {
        let indent = letters
            .iter()
            .take_while(|letter| letter.is_whitespace())
            .count();
        return cover(&letters, caret, vec![(indent, letters.len())]);
    }
    let mut ranges: Vec<(usize, usize)> = drawn(&letters, 16).collect();
    let place = |at: usize| line[..at].chars().count();
    if service {
        let values = values(line).into_iter();
        ranges.extend(values.map(|(from, to)| (place(from), place(to))));
    }
    for (colon, _) in line.match_indices(':') {
        if !last_word(&line[..colon]).is_some_and(is_secret_name) {
            continue;
        }
        let value = line[colon + 1..].trim_start();
        let from = line.len() - value.len();
        let end = value_end(value);
        if !is_reference(value[..end].trim_matches(['"', '\''])) {
            ranges.push((place(from), place(from + end)));
        }
    }
    cover(&letters, caret, ranges)
}

/// Where the values of a line stand, as bytes, but for references and those of open keys. Whatever is neither a key with
/// its colon nor punctuation between two is taken for a value.
fn values(line: &str) -> Vec<(usize, usize)> {
    const BETWEEN: [char; 9] = [' ', '\t', '{', '}', '[', ']', ',', '?', '-'];
    let mut values = Vec::new();
    let begin = |from: usize, to: usize| {
        let text = &line[from..to];
        from + text.len() - text.trim_start_matches(BETWEEN).len()
    };
    let mut add = |from: usize, to: usize| {
        let mut from = begin(from, to);
        let end = from + value_end(&line[from..to]);
        if is_reference(line[from..end].trim_matches(['"', '\''])) {
            from = begin(end, to);
        }
        let text = line[from..to].trim_end_matches(BETWEEN);
        if !text.is_empty() {
            values.push((from, from + text.len()));
        }
    };
    let (mut from, mut open) = (0, false);
    let colons = line.match_indices(':').map(|(at, _)| at);
    for colon in colons.map(Some).chain([None]) {
        let to = colon.unwrap_or(line.len());
        let key = match colon {
            Some(colon) => match key(line, from, colon) {
                Some(key) => key,
                None => continue,
            },
            None => to..to,
        };
        let value = &line[from..key.start];
        let skipped = value.len() - value.trim_start().len();
        let shown = value.trim_start();
        if open && !shown.starts_with(['{', '[', '|', '>']) {
            from += skipped + value_end(shown);
        }
        add(from, key.start.max(from));
        open = OPEN.contains(&line[key].trim_matches(['"', '\'']));
        from = (to + 1).min(line.len());
    }
    values
}

/// Where the key before a colon stands, with its quotes, if it is one: a value follows, and nothing but punctuation
/// stands between it and what came before.
fn key(line: &str, from: usize, colon: usize) -> Option<std::ops::Range<usize>> {
    let after = line[colon + 1..].chars().next();
    let before = line[from..colon].trim_end();
    let quoted = before.ends_with(['"', '\'']);
    if !quoted && after.is_some_and(|letter| !letter.is_whitespace()) {
        return None;
    }
    let word = last_word(before)?;
    let end = from + before.len();
    let start = end - usize::from(quoted) - word.len();
    let start = start.checked_sub(usize::from(quoted))?;
    let between = line.get(from..start)?.trim_end();
    (between.is_empty() || between.ends_with(['{', '[', ',', '-', '?'])).then_some(start..end)
}

/// Puts stars over ranges of a line. What stands before the caret keeps its width, so that the caret stays under
/// what it means.
fn cover(letters: &[char], caret: Spot, mut ranges: Vec<(usize, usize)>) -> String {
    ranges.sort_unstable();
    let mut shown = String::new();
    let mut next = 0;
    for (from, to) in ranges {
        let (from, to) = (from.max(next), to.min(letters.len()));
        if from >= to {
            continue;
        }
        shown.extend(&letters[next..from]);
        shown.push_str(STARS);
        if to < caret.column {
            let blank = (to - from).saturating_sub(STARS.len());
            shown.extend(std::iter::repeat_n(' ', blank));
        }
        next = to;
    }
    shown.extend(letters.get(next..).unwrap_or_default());
    shown
}

fn last_word(text: &str) -> Option<&str> {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    text.rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '-'))
        .next()
        .filter(|word| !word.is_empty())
}

fn value_end(value: &str) -> usize {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
        Some('$') => value.find('}').map_or(value.len(), |end| end + 1),
        _ => value.find([',', '}']).unwrap_or(value.len()),
    }
}

/// Ranges of words that look drawn at random: long, with letters and digits.
fn drawn(letters: &[char], least: usize) -> impl Iterator<Item = (usize, usize)> {
    let part = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
    let mut at = 0;
    letters
        .split(move |letter| !part(letter))
        .map(move |word| {
            let from = at;
            at += word.len() + 1;
            (from, word)
        })
        .filter(move |(_, word)| {
            word.len() >= least
                && word.iter().any(char::is_ascii_digit)
                && word.iter().any(char::is_ascii_alphabetic)
        })
        .map(|(from, word)| (from, from + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{locate::Findings, syntax};

    #[test]
    fn masks_by_spots() {
        for (line, wanted) in [
            (
                "amplitude: {api_key: abc, region: us}",
                "amplitude: {api_key: ***, region: us}",
            ),
            (
                "braze: {api_key: \"${A}\", app_id: x}",
                "braze: {api_key: \"${A}\", app_id: x}",
            ),
            ("braze: {api_key: \"${A:-b}\"}", "braze: {api_key: ***}"),
            (
                "braze: {api_kye: abc, app_id: 7}",
                "braze: {api_kye: ***, app_id: 7}",
            ),
            (
                "braze: {api_key: [a, 1, {b: c}]}",
                "braze: {api_key: [***, ***, {b: ***}]}",
            ),
            (
                "syncs: {a: {label: 3f2a91c0d4e5b6a7f8091a2b3c4d5e6f}}",
                "syncs: {a: {label: ***}}",
            ),
            ("braze: hunter2", "braze: ***"),
            ("braze: [a, {b: c}]", "braze: [***, {b: ***}]"),
            (
                "environments: {a: {braze: hunter2}}",
                "environments: {a: {braze: ***}}",
            ),
            (
                "syncs: {braze: {label: shown, cohort: 7}}",
                "syncs: {braze: {label: shown, cohort: 7}}",
            ),
        ] {
            let tree = syntax::read(0, line, &mut Findings::default())
                .unwrap()
                .tree;
            let caret = Spot {
                line: 1,
                column: 1,
                ..Spot::default()
            };
            assert_eq!(by_spots(line, caret, &spots(&tree)), wanted);
        }
    }

    #[test]
    fn masks_every_value_of_a_broken_service() {
        for (line, wanted) in [
            ("braze: hunter2", "braze: ***"),
            (
                "braze: {instance: US-01, apikye: a b, x: @}",
                "braze: {instance: US-01, apikye: ***, x: ***}",
            ),
            (
                "  endpoint: \"https://a.b:1\" # c",
                "  endpoint: \"https://a.b:1\" ***",
            ),
            ("  api_kye: \"hunter: two", "  api_kye: ***"),
            ("  - {hunter2", "  - {***"),
            ("  hunter two", "  ***"),
            ("  api_kye:hunter", "  ***"),
            ("  region: {hunter", "  region: {***"),
            (
                "  {\"kye\":\"a\", 'é': é, app_id: 7",
                "  {\"kye\":***, 'é': ***, app_id: 7",
            ),
            ("  kye: ${A}, b: \"${B}\"", "  kye: ${A}, b: \"${B}\""),
            ("  }, ]", "  }, ]"),
        ] {
            let caret = Spot {
                column: 1,
                ..Spot::default()
            };
            assert_eq!(by_words(line, caret, "", true), wanted);
        }
    }

    #[test]
    fn masks_by_words_where_there_is_no_tree() {
        for (previous, line, wanted) in [
            ("", "  api_key: abc", "  api_key: ***"),
            ("", "{api_key: abc, region: us", "{api_key: ***, region: us"),
            (
                "",
                "{'api_key': 'a, b', region: us",
                "{'api_key': ***, region: us",
            ),
            ("", "secret_key: ${A}", "secret_key: ${A}"),
            (
                "",
                "secret_key: \"${A}\", x: 1",
                "secret_key: \"${A}\", x: 1",
            ),
            ("", "secret_key: ${A:-b} # why", "secret_key: *** # why"),
            ("  api_key: >-", "    abc", "    ***"),
            ("  api_key:", "    abc", "    ***"),
            ("", "label: Power Users", "label: Power Users"),
            ("", "- 3f2a91c0d4e5b6a7f8091a2b", "- ***"),
            (
                "",
                "api_key 3f2a91c0-d4e5-b6a7-f809-1a2b3c4d5e6f",
                "api_key ***",
            ),
        ] {
            let caret = Spot {
                column: 1,
                ..Spot::default()
            };
            assert_eq!(by_words(line, caret, previous, false), wanted);
        }
    }
}
