//! Takes out of a text that somebody typed at a service what names a person: an e-mail address, a telephone number, an external
//! id. It errs to the side of hiding, and knows nobody.

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

/// Returns a text without what names a person. What is veiled already stays as it is.
pub fn veiled(text: &str) -> String {
    let ends = |letter: char| letter.is_whitespace() || "()[]{}<>\"'`,;:=".contains(letter);
    let pieces: Vec<(&str, &str)> = text
        .split_inclusive(ends)
        .map(|piece| piece.split_at(piece.trim_end_matches(ends).len()))
        .collect();
    let mut out = String::with_capacity(text.len());
    let (mut before, mut naming) = ([String::new(), String::new()], false);
    let mut at = 0;
    while let Some((word, gap)) = pieces.get(at) {
        at += 1;
        let lower = word.to_lowercase();
        if lower == "and" || lower == "or" {
            naming = false;
        }
        if word.is_empty() || is_mark(&lower) {
            out.push_str(word);
        } else if naming {
            let known = VERBS.contains(&lower.as_str());
            out.push_str(if known { word } else { ID });
        } else if is_address(word) {
            out.push_str(EMAIL);
        } else if let Some(more) = number(word, &pieces[at..]) {
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
        naming = (naming || external) && !gap.ends_with(')');
        out.push_str(gap);
        if !word.is_empty() {
            before.swap(0, 1);
            before[1] = lower;
        }
    }
    out
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

/// Returns how many of the pieces that follow belong to a telephone number that begins with this word.
fn number(word: &str, rest: &[(&str, &str)]) -> Option<usize> {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let is_part = |word: &str| {
        let part = |letter: char| letter.is_ascii_digit() || "-./".contains(letter);
        word.chars().all(part)
    };
    let Some(dialled) = word.strip_prefix('+') else {
        let long = word.chars().all(|letter| letter.is_ascii_digit()) && word.len() >= LONG;
        return long.then_some(0);
    };
    if !is_part(dialled) {
        return None;
    }
    let mut more = rest.iter().take_while(|(word, _)| is_part(word)).count();
    while more > 0 && rest[more - 1].0.is_empty() {
        more -= 1;
    }
    let all = digits(dialled)
        + rest[..more]
            .iter()
            .map(|(word, _)| digits(word))
            .sum::<usize>();
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
