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
                let block = service
                    || match key.as_str() {
                        "amplitude" | "braze" => depth == 0 || depth == 2,
                        "config" => depth == 2,
                        _ => false,
                    };
                let nested = entry.node.map().is_some();
                let hidden = secret
                    || is_secret_name(key)
                    || (service && !nested && !OPEN.contains(&key.as_str()));
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
        _ => {}
    }
}

/// Masks the secrets that stand on the line of a spot. What stands before the caret keeps its width, so that the
/// caret stays under what it means.
pub(super) fn by_spots(line: &str, caret: Spot, masks: &[Spot]) -> String {
    let mut on_line: Vec<&Spot> = masks
        .iter()
        .filter(|mask| mask.line <= caret.line && caret.line <= mask.line + mask.below)
        .collect();
    on_line.sort();
    let letters: Vec<char> = line.chars().collect();
    let mut shown = String::new();
    let mut next = 0;
    for mask in on_line {
        let whole = mask.line != caret.line;
        let from = if whole { 0 } else { mask.column - 1 }.min(letters.len());
        let to = if whole {
            letters.len()
        } else {
            from + mask.width
        }
        .min(letters.len());
        if from < next {
            continue;
        }
        shown.extend(&letters[next..from]);
        shown.push_str(STARS);
        if to < caret.column {
            shown.extend(std::iter::repeat_n(
                ' ',
                (to - from).saturating_sub(STARS.len()),
            ));
        }
        next = to;
    }
    shown.extend(letters.get(next..).unwrap_or_default());
    shown
}

/// Masks a line of a file that is no tree: by the words on it and on the line before.
pub(super) fn by_words(line: &str, previous: &str) -> String {
    let opens = previous
        .trim_end()
        .trim_end_matches(['|', '>', '-', '+', ' ']);
    if opens.ends_with(':') && last_word(opens.trim_end_matches(':')).is_some_and(is_secret_name) {
        let indent = line.len() - line.trim_start().len();
        return format!("{}{STARS}", &line[..indent]);
    }
    let mut shown = String::new();
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon + 1);
        shown.push_str(before);
        rest = after;
        if last_word(&before[..colon]).is_some_and(is_secret_name) {
            let blank = rest.len() - rest.trim_start().len();
            let (space, value) = rest.split_at(blank);
            let end = value_end(value);
            shown.push_str(space);
            shown.push_str(if is_reference(value[..end].trim_matches(['"', '\''])) {
                &value[..end]
            } else {
                STARS
            });
            rest = &value[end..];
        }
    }
    shown.push_str(rest);
    long_words(&shown)
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

/// Hides words that look drawn at random: long, with letters and digits.
fn long_words(line: &str) -> String {
    let mut shown = String::new();
    let flush = |word: &mut String, shown: &mut String| {
        let drawn = word.len() >= 20
            && word.contains(|letter: char| letter.is_ascii_digit())
            && word.contains(|letter: char| letter.is_ascii_alphabetic());
        shown.push_str(if drawn { STARS } else { word });
        word.clear();
    };
    let mut word = String::new();
    for letter in line.chars() {
        if letter.is_alphanumeric() || letter == '-' || letter == '_' {
            word.push(letter);
        } else {
            flush(&mut word, &mut shown);
            shown.push(letter);
        }
    }
    flush(&mut word, &mut shown);
    shown
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
                "syncs: {braze: {label: shown, cohort: 7}}",
                "syncs: {braze: {label: shown, cohort: 7}}",
            ),
        ] {
            let (tree, _) = syntax::tree(0, line, &mut Findings::default()).unwrap();
            let caret = Spot {
                line: 1,
                column: 1,
                ..Spot::default()
            };
            assert_eq!(by_spots(line, caret, &spots(&tree)), wanted);
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
        ] {
            assert_eq!(by_words(line, previous), wanted);
        }
    }
}
