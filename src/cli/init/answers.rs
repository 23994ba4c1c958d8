//! What a new configuration is made of, and what may be answered. It asks nobody and writes nothing.

use crate::config;

/// Where people go, in the words of the configuration.
pub(super) const TARGETS: [&str; 3] = ["attribute_array", "attribute_flag", "cohort_import"];
/// Workflows that can be written.
pub(super) const WORKFLOWS: [&str; 2] = ["github", "none"];
const REGIONS: [&str; 2] = ["us", "eu"];
/// Letters of a name at most.
const LONGEST: usize = 100;

/// What is to be written.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) workspace: String,
    pub(super) region: String,
    /// `US-01`, or the REST URL.
    pub(super) instance: String,
    pub(super) cohort: String,
    pub(super) to: String,
    pub(super) ci: String,
    pub(super) example: bool,
}

/// Takes a name of somebody's own.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a name is not empty".to_owned());
    }
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST {
        return Err(format!("a name is one line of at most {LONGEST} letters"));
    }
    Ok(text.to_owned())
}

pub(super) fn region(text: &str) -> Result<String, String> {
    word(&text.to_lowercase(), &REGIONS)
}

pub(super) fn target(text: &str) -> Result<String, String> {
    word(text, &TARGETS)
}

pub(super) fn workflow(text: &str) -> Result<String, String> {
    word(text, &WORKFLOWS)
}

/// Takes an instance, or the URL of one.
pub(super) fn instance(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return endpoint(text);
    }
    let name = text.to_uppercase();
    if config::instances().any(|known| known == name) {
        return Ok(name);
    }
    let known: Vec<&str> = config::instances().collect();
    Err(format!(
        "`{text}` is no Braze instance: they are {}, or a URL such as https://rest.iad-01.braze.com",
        known.join(", ")
    ))
}

pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    match config::wrong_url(url) {
        Some(why) => Err(format!("`{text}` {why}")),
        None => Ok(url.to_owned()),
    }
}

pub(super) fn yes(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "y" => Ok(true),
        "no" | "n" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

fn word(text: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is none of {}", words.join(", ")))
}

/// Makes the name of a resource out of any text.
pub(super) fn slug(text: &str, otherwise: &str) -> String {
    let mut slug = String::new();
    for letter in text.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { otherwise } else { slug }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_or_say_why_not() {
        assert_eq!(instance("us-03").unwrap(), "US-03");
        assert_eq!(
            instance("https://rest.iad-01.braze.com/").unwrap(),
            "https://rest.iad-01.braze.com"
        );
        assert!(instance("US-99").unwrap_err().contains("KR-01"));
        assert!(
            endpoint("http://example.com")
                .unwrap_err()
                .contains("plain http")
        );
        assert!(region("EU").is_ok() && region("asia").is_err());
        assert!(name("").is_err() && name("a\nb").is_err() && name(&"x".repeat(101)).is_err());
        assert!(yes("Y").unwrap() && !yes("no").unwrap() && yes("maybe").is_err());
    }

    #[test]
    fn any_text_becomes_a_name() {
        assert_eq!(slug("Power Users (30d)!", "x"), "power-users-30d");
        assert_eq!(slug("コホート", "first"), "first");
        assert_eq!(slug("--a", "x"), "a");
    }
}
