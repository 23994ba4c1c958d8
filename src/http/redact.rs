//! Takes secrets in use out of foreign texts before anyone sees them: one documented 401 echoes a key.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use crate::model::Secret;

/// Knows the secrets in use, in every form in which they are sent; the longest first, since one may begin another.
#[derive(Clone, Debug, Default)]
pub struct Scrubber(Vec<Secret>);

/// The longest foreign text worth showing, in characters.
const LONGEST: usize = 300;

impl Scrubber {
    /// Makes a scrubber of these secrets, and of every pair of them as basic authorization writes it.
    pub fn new(secrets: Vec<Secret>) -> Self {
        let mut pairs = Vec::new();
        for user in &secrets {
            let passwords = secrets.iter().map(Secret::expose);
            for password in passwords.chain([""]) {
                let pair = STANDARD_NO_PAD.encode(format!("{}:{password}", user.expose()));
                pairs.push(Secret::new(pair));
            }
        }
        let mut forms = secrets;
        forms.extend(pairs);
        // As JSON writes them: quotes, line breaks, letters that are not ASCII, and a slash in two ways.
        let escaped: Vec<Secret> = forms
            .iter()
            .flat_map(|form| in_json(form.expose()))
            .collect();
        forms.extend(escaped);
        forms.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
        Self(forms)
    }

    /// Returns the text on one line, cut to a readable length, every secret replaced.
    pub fn clean(&self, text: &str) -> String {
        let text = self
            .0
            .iter()
            .map(Secret::expose)
            .filter(|secret| secret.len() > 3)
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", &line[..at]),
            None => line,
        }
    }
}

/// Returns how JSON may write a text otherwise than it is.
fn in_json(text: &str) -> Vec<Secret> {
    let json = serde_json::Value::from(text).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let [lower, upper] = ascii(&json);
    let mut forms = vec![lower, upper, json];
    let slashes: Vec<String> = forms.iter().map(|form| form.replace('/', "\\/")).collect();
    forms.extend(slashes);
    forms.sort_unstable();
    forms.dedup();
    forms.retain(|form| form != text);
    forms.into_iter().map(Secret::new).collect()
}

/// Takes a person's id out of a foreign text, as it is and as JSON and addresses write it.
pub fn without<'a>(person: Option<&str>, text: &'a str) -> Cow<'a, str> {
    // A very short id stands in other words too.
    let Some(id) = person.filter(|id| id.len() > 2) else {
        return Cow::Borrowed(text);
    };
    let json = serde_json::Value::from(id).to_string();
    let json = &json[1..json.len() - 1];
    let [lower, upper] = ascii(json);
    let mut forms = [id.to_owned(), json.to_owned(), encode(id), lower, upper];
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let clean = |text: String, form: &String| text.replace(form, "***");
    Cow::Owned(forms.iter().fold(text.to_owned(), clean))
}

/// Percent-encodes a text for a path or a query.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Writes what is not ASCII as JSON that is ASCII alone does: in small letters, and in capitals.
fn ascii(text: &str) -> [String; 2] {
    let written = |escape: fn(u16) -> String| {
        text.encode_utf16()
            .map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                _ => escape(unit),
            })
            .collect()
    };
    [
        written(|unit| format!("\\u{unit:04x}")),
        written(|unit| format!("\\u{unit:04X}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_authorization_is_not_repeated() {
        let scrubber = Scrubber::new(vec![
            Secret::new("ake-1"),
            Secret::new("sec?2>>"),
            Secret::new("ake-1sec"),
        ]);
        for (text, clean) in [
            ("Basic YWtlLTE6c2VjPzI+Pg==", "Basic ***=="),
            ("Basic YWtlLTE6 ake-1sec", "Basic *** ***"),
            (
                r#"{"a": "Basic c2VjPzI+PjpzZWM\/Mj4+"}"#,
                r#"{"a": "Basic ***"}"#,
            ),
        ] {
            assert_eq!(scrubber.clean(text), clean);
        }
    }

    #[test]
    fn a_secret_of_several_lines_is_not_repeated_as_json_writes_it() {
        let key = "-----BEGIN\n\"zo\u{eb}\"/x\n-----END";
        let scrubber = Scrubber::new(vec![Secret::new(key)]);
        for form in [
            key,
            "-----BEGIN\\n\\\"zo\u{eb}\\\"/x\\n-----END",
            "-----BEGIN\\n\\\"zo\u{eb}\\\"\\/x\\n-----END",
            "-----BEGIN\\n\\\"zo\\u00eb\\\"/x\\n-----END",
            "-----BEGIN\\n\\\"zo\\u00EB\\\"/x\\n-----END",
            "-----BEGIN\\n\\\"zo\\u00eb\\\"\\/x\\n-----END",
        ] {
            assert_eq!(scrubber.clean(&format!("bad {form} x")), "bad *** x");
        }
    }

    #[test]
    fn a_person_is_taken_out_in_every_form() {
        let id = "zo\u{eb}/\"1\"@x";
        for text in [
            id,
            "zo\u{eb}/\\\"1\\\"@x",
            "zo%C3%AB%2F%221%22%40x",
            "zo\\u00eb/\\\"1\\\"@x",
            "zo\\u00EB/\\\"1\\\"@x",
        ] {
            assert_eq!(without(Some(id), &format!("no {text}")), "no ***");
        }
        assert_eq!(without(Some("a"), "a bad day"), "a bad day");
        assert_eq!(without(None, "a"), "a");
    }

    #[test]
    fn a_service_that_echoes_a_key_is_not_repeated() {
        let scrubber = Scrubber::new(vec![Secret::new("planted-key"), Secret::new("other")]);
        let text = "Partner not enabled for client with client secret: planted-key\n  (other, planted-key)";
        let clean = "Partner not enabled for client with client secret: *** (***, ***)";
        assert_eq!(scrubber.clean(text), clean);
        assert_eq!(
            scrubber.clean(&"é".repeat(400)).chars().count(),
            LONGEST + 1
        );
    }
}
