//! Which resources a command is about: `--only` and `--except` with addresses, globs and `kind:cohort`.

use serde::{Deserialize, Serialize};

use crate::model::Address;

/// A selection; empty means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// At least one of these must match, if there are any.
    pub only: Vec<String>,
    /// None of these may.
    pub except: Vec<String>,
    /// Only what the YAML changed since the last apply: the planner knows which that is.
    pub changed: bool,
}

impl Selection {
    /// Returns whether anything is left out by design.
    pub fn is_partial(&self) -> bool {
        self.names() || self.changed
    }

    /// Returns whether it selects by name.
    pub fn names(&self) -> bool {
        !self.only.is_empty() || !self.except.is_empty()
    }

    /// Returns whether a resource is selected by its name and kind.
    pub fn takes(&self, address: &Address, kind: &str) -> bool {
        let matches = |pattern: &String| matches(pattern, address, kind);
        (self.only.is_empty() || self.only.iter().any(matches)) && !self.except.iter().any(matches)
    }

    /// Returns the patterns that match nothing: most likely misspelt.
    pub fn idle<'a>(&'a self, all: &[(Address, String)]) -> Vec<&'a str> {
        let idle = |pattern: &&String| {
            !all.iter()
                .any(|(address, kind)| matches(pattern, address, kind))
        };
        self.only
            .iter()
            .chain(&self.except)
            .filter(idle)
            .map(String::as_str)
            .collect()
    }
}

fn matches(pattern: &str, address: &Address, kind: &str) -> bool {
    match pattern.strip_prefix("kind:") {
        Some(wanted) => wanted == kind,
        None => glob(pattern.as_bytes(), address.as_str().as_bytes()),
    }
}

/// `*` stands for any number of characters, `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        Some((b'?', rest)) => !text.is_empty() && glob(rest, &text[1..]),
        Some((letter, rest)) => text.first() == Some(letter) && glob(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let takes = |only: &[&str], except: &[&str]| {
            let own = |patterns: &[&str]| {
                patterns
                    .iter()
                    .map(|pattern| (*pattern).to_owned())
                    .collect()
            };
            Selection {
                only: own(only),
                except: own(except),
                changed: false,
            }
            .takes(&Address::new("sync", "power-users"), "cohort")
        };
        assert!(takes(&[], &[]) && takes(&["sync.power-users"], &[]) && takes(&["sync.*"], &[]));
        assert!(takes(&["kind:cohort"], &["sync.x"]) && takes(&["*.power-?sers"], &[]));
        assert!(
            !takes(&["sync.power"], &[])
                && !takes(&["*"], &["kind:cohort"])
                && !takes(&["kind:segment"], &[])
        );
    }
}
