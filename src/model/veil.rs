//! Takes out of a text that somebody typed at a service what names a person: an e-mail address, a telephone number, an external
//! id. It errs to the side of hiding, and knows nobody.

use serde_json::Value;

/// What stands for an e-mail address.
const EMAIL: &str = "(e-mail)";
/// What stands for a telephone number, and for any number that is as long.
const PHONE: &str = "(number)";
/// What stands for an external id.
const ID: &str = "(id)";

/// Digits that a number with a plus before it has at least, if it is one to call.
const DIALLED: usize = 7;
/// The same of a number by itself.
const LONG: usize = 10;

/// Words that stand between `External User ID` and the ids in Braze's builder.
const VERBS: [&str; 28] = [
    "is", "isn't", "are", "not", "equals", "equal", "does", "doesn't", "do", "matches", "match",
    "regex", "exists", "exist", "one", "of", "any", "in", "the", "value", "values", "contains",
    "contain", "starts", "begins", "ends", "with", "blank",
];

/// Returns a value whose texts are without what names a person.
pub fn nameless(said: &Value) -> Value {
    match said {
        Value::String(text) => Value::String(veiled(text)),
        Value::Array(items) => items.iter().map(nameless).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(key, said)| (key.clone(), nameless(said)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Returns a text without what names a person. What is veiled already stays as it is.
pub fn veiled(text: &str) -> String {
    let ends = |letter: char| letter.is_whitespace() || "()[]{}<>\"'`,;:=".contains(letter);
    let pieces: Vec<(&str, &str)> = text
        .split_inclusive(ends)
        .map(|piece| piece.split_at(piece.trim_end_matches(ends).len()))
        .collect();
    let mut out = String::with_capacity(text.len());
    let (mut before, mut phone) = ([String::new(), String::new()], false);
    // Brackets that are open since external ids are named; none where none are.
    let mut naming: Option<u32> = None;
    let mut at = 0;
    while let Some((word, gap)) = pieces.get(at) {
        at += 1;
        let lower = word.to_lowercase();
        if is_joint(&lower) {
            naming = naming.filter(|_| is_alone(&pieces[at..]));
            phone = false;
        }
        phone |= lower == "phone" || lower.starts_with("phone_");
        if word.is_empty() || is_mark(&lower) || is_joint(&lower) {
            out.push_str(word);
        } else if naming.is_some() {
            let known = VERBS.contains(&lower.as_str());
            out.push_str(if known { word } else { ID });
        } else if is_address(word) {
            out.push_str(EMAIL);
        } else if let Some(more) = number((word, gap), &pieces[at..], phone) {
            out.push_str(PHONE);
            at += more;
            out.push_str(pieces[at - 1].1);
            continue;
        } else {
            out.push_str(word);
        }
        let external = match lower.as_str() {
            "id" | "ids" => {
                before[1] == "external" || before[1] == "user" && before[0] == "external"
            }
            other => other.starts_with("external_id") || other.starts_with("external_user_id"),
        };
        let open = naming.or(external.then_some(0));
        naming = open.and_then(|open| match *gap {
            "(" => Some(open + 1),
            ")" => open.checked_sub(1),
            _ => Some(open),
        });
        out.push_str(gap);
        if !word.is_empty() {
            before.swap(0, 1);
            before[1] = lower;
        }
    }
    out
}

fn is_joint(word: &str) -> bool {
    ["and", "or"].contains(&word)
}

/// Whether one word stands by itself before the next joint: another value, and no filter.
fn is_alone(rest: &[(&str, &str)]) -> bool {
    let mut words = 0;
    for (word, gap) in rest {
        if is_joint(&word.to_lowercase()) {
            break;
        }
        words += u32::from(!word.is_empty());
        if words > 0 && [",", ")", "]"].contains(gap) {
            break;
        }
    }
    words == 1
}

/// Whether it is what stands between the brackets of what was veiled.
fn is_mark(word: &str) -> bool {
    [EMAIL, PHONE, ID]
        .iter()
        .any(|mark| mark[1..].starts_with(word) && mark.len() == word.len() + 2)
}

fn is_address(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(whose, at)| !whose.is_empty() && at.trim_matches('.').contains('.'))
}

/// Returns how many of the pieces that follow belong to a telephone number that begins with this word. After a word that says so
/// a number need not be long, and may be written in pieces.
fn number((word, gap): (&str, &str), rest: &[(&str, &str)], phone: bool) -> Option<usize> {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let is_part = |word: &str| {
        let part = |letter: char| letter.is_ascii_digit() || "-./".contains(letter);
        word.chars().all(part)
    };
    let dialled = word.strip_prefix('+');
    if !is_part(dialled.unwrap_or(word)) {
        return None;
    }
    if dialled.is_none() && !phone {
        return (digits(word) >= LONG).then_some(0);
    }
    let (mut more, mut all, mut gap) = (0, digits(word), gap);
    for (at, (part, after)) in rest.iter().enumerate() {
        if [",", ";"].contains(&gap) || !is_part(part) {
            break;
        }
        if !part.is_empty() {
            more = at + 1;
            all += digits(part);
        }
        gap = *after;
    }
    (all >= DIALLED).then_some(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named() {
        for (text, wanted) in [
            (
                "Email Address equals ada.l@example.co.uk AND Country is DE",
                "Email Address equals (e-mail) AND Country is DE",
            ),
            (
                "Email is one of [a@b.de, \"c@d.org\"]",
                "Email is one of [(e-mail), \"(e-mail)\"]",
            ),
            (
                "Phone Number equals +49 (151) 123-4567",
                "Phone Number equals (number)",
            ),
            (
                "Phone is +4915112345678, or 015112345678",
                "Phone is (number), or (number)",
            ),
            (
                "External User ID is one of ada-17, user_18 AND plan is pro",
                "External User ID is one of (id), (id) AND plan is pro",
            ),
            (
                "(external_id equals 4711) OR vip is true",
                "(external_id equals (id)) OR vip is true",
            ),
            (
                "Phone is one of 555-123-4567, (555) 765-4321 OR Phone Number equals 0151 1234567",
                "Phone is one of (number), ((number) OR Phone Number equals (number)",
            ),
            ("called 555-123-4567 since", "called (number) since"),
            (
                "External User ID is ada or bob AND plan is pro or free",
                "External User ID is (id) or (id) AND plan is pro or free",
            ),
            (
                "(External User ID is (ada), (bob)) OR vip is true",
                "(External User ID is ((id)), ((id))) OR vip is true",
            ),
            // Nobody is in these.
            (
                "Last Used App more than 30 days ago AND since 2026-11-01 AND spent > 12000",
                "Last Used App more than 30 days ago AND since 2026-11-01 AND spent > 12000",
            ),
            (
                "Amplitude Cohorts includes [Amplitude] Lapsed: 26umsb5",
                "Amplitude Cohorts includes [Amplitude] Lapsed: 26umsb5",
            ),
            ("in +5 days, @home, a@b", "in +5 days, @home, a@b"),
            ("", ""),
        ] {
            assert_eq!(veiled(text), wanted);
            assert_eq!(veiled(&veiled(text)), wanted, "once more");
        }
    }
}
