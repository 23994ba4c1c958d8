//! Takes secrets in use out of foreign texts before anyone sees them: one documented 401 echoes a key.

use crate::model::Secret;

/// Knows the secrets in use.
#[derive(Clone, Debug, Default)]
pub struct Scrubber(Vec<Secret>);

/// The longest foreign text worth showing, in characters.
const LONGEST: usize = 300;

impl Scrubber {
    /// Makes a scrubber of these secrets.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets)
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
