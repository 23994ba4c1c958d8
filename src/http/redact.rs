//! Takes secrets in use out of foreign texts before anyone sees them: one documented 401 echoes a key.

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
        // JSON may write a slash so.
        let escaped: Vec<Secret> = forms
            .iter()
            .filter(|form| form.expose().contains('/'))
            .map(|form| Secret::new(form.expose().replace('/', "\\/")))
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
