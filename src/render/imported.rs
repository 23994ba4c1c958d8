//! Draws what runs already as YAML of a configuration: commented, without a secret, the same each time.

mod accounts;

use std::fmt::Write;

use super::text::clean;
use crate::model::{Imported, ImportedSegment, ImportedSync, LeftOut};

/// What stands above what was found.
#[derive(Clone, Copy, Debug)]
pub enum Head<'a> {
    /// A configuration of its own: the name of its workspace, and how its Braze is named, `instance` or `endpoint`.
    Whole {
        /// Name of the workspace.
        workspace: &'a str,
        /// The key and its value.
        braze: (&'a str, &'a str),
    },
    /// A further file of a configuration that is there.
    Further,
}

/// Returns what says which services are meant and by which variables their keys are known. No value stands in it.
pub fn head(head: Head) -> String {
    match head {
        Head::Further => "version: 1\n".to_owned(),
        Head::Whole {
            workspace,
            braze: (key, value),
        } => format!(
            "version: 1\nworkspace: {}\n\n\
             # Keys come from the environment; none is ever written here.\n\
             amplitude:\n  region: ${{AMPLITUDE_REGION:-us}}\n  api_key: ${{AMPLITUDE_API_KEY}}\n  \
             secret_key: ${{AMPLITUDE_SECRET_KEY}}\n  \
             developer_token: ${{AMPLITUDE_PAT:-}}    # a personal access token, for destinations\n\n\
             braze:\n  {key}: {value}\n  api_key: ${{BRAZE_API_KEY}}\n",
            scalar(workspace)
        ),
    }
}

/// Returns the YAML.
pub fn yaml(found: &Imported, above: Head) -> String {
    let mut out = "# What runs already, found by `syncform import`. Nothing of it is moved by Syncform: it is looked at, and what\n\
                   # changes shows. Keep what you want to be told of, take out the rest, then: syncform plan\n"
        .to_owned();
    out += &head(above);
    if !found.told {
        out += "\n# This project is not told which syncs Amplitude runs: ask Amplitude's support to turn on sync information,\n\
                # then import again.\n";
    }
    if !found.syncs.is_empty() {
        out += "\n# Syncs to Braze that Amplitude runs itself. Take `run_by` out and write `to` for one that Syncform is to run, and\n\
                # end the other in Amplitude first.\n\
                syncs:\n";
        found.syncs.iter().for_each(|one| sync(&mut out, one));
    }
    if !found.segments.is_empty() {
        out += "\n# Segments of Braze. `acknowledge` is what Braze says of the filters now: what it says later than this shows. Where\n\
                # its words name a sync above and nothing else, `filter` says so; elsewhere write `filter` once you know it.\n\
                segments:\n";
        found.segments.iter().for_each(|one| segment(&mut out, one));
    }
    if let Some(why) = &found.unseen {
        let _ = writeln!(
            out,
            "\n# Amplitude's own accounts at other services (destinations) were not looked at: {}",
            clean(why)
        );
    }
    if !found.accounts.is_empty() {
        out += "\n# Amplitude's own accounts at other services. These are written: what is said here is put right by an apply, and one\n\
                # that a `removed` entry takes out is switched off. What is left out stays as it is.\n\
                destinations:\n";
        found
            .accounts
            .iter()
            .for_each(|one| accounts::account(&mut out, one));
    }
    if !found.left.is_empty() {
        out += "\n# Not written here:\n";
        for one in &found.left {
            // Writing to a String cannot fail; so below.
            let _ = writeln!(out, "#   {}", clean(&words(one)));
        }
    }
    out
}

fn sync(out: &mut String, one: &ImportedSync) {
    let cohort = match &one.id {
        None => scalar(&one.cohort),
        Some(id) => format!("{{id: {}}}    # {}", scalar(id), clean(&one.cohort)),
    };
    let _ = write!(
        out,
        "  {}:\n    kind: cohort\n    cohort: {cohort}\n    run_by: amplitude\n    cadence: {}\n",
        one.name, one.cadence
    );
}

fn segment(out: &mut String, one: &ImportedSegment) {
    let _ = write!(out, "  {}:\n    name: {}\n", one.name, scalar(&one.segment));
    if let Some(description) = &one.description {
        let _ = writeln!(out, "    description: {}", scalar(description));
    }
    if !one.tags.is_empty() {
        let tags: Vec<String> = one.tags.iter().map(|tag| quoted(tag)).collect();
        let _ = writeln!(out, "    tags: [{}]", tags.join(", "));
    }
    if let Some(of) = &one.of {
        let _ = writeln!(out, "    filter: {{in: sync.{of}}}");
    }
    if let Some(filters) = &one.filters {
        let _ = writeln!(out, "    acknowledge: {}", scalar(filters));
    }
}

fn words(one: &LeftOut) -> String {
    match one {
        LeftOut::Account { account, ids, why } => {
            let many = ids.len() > 1;
            let ids = ids.join(", ");
            let noun = if many { "accounts" } else { "account" };
            format!("the {noun} \"{account}\" of Amplitude ({ids}): {why}")
        }
        LeftOut::Archived { cohort, id } => format!(
            "the sync of cohort \"{cohort}\" ({id}): it is archived in Amplitude; end the sync there"
        ),
        LeftOut::Cadence { cohort, cadence } => {
            format!(
                "the sync of cohort \"{cohort}\": it runs at a cadence that is not known: {cadence}"
            )
        }
        LeftOut::Elsewhere { cohort, target } => {
            format!("the sync of cohort \"{cohort}\" to {target}, which is not Braze")
        }
        LeftOut::Several { segment, ids } => format!(
            "{} segments named \"{segment}\", since a segment is found by its name: {}",
            ids.len(),
            ids.join(", ")
        ),
        LeftOut::Unnamed { id } => {
            format!("segment {id}: its name is empty, or has over 255 letters")
        }
    }
}

/// Writes a text as YAML, plain where it can be nothing else.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " _-./".contains(letter))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// Writes a text between quotes: never a variable, and no letter that cannot be seen.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.replace("${", "$${").chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_taken_for_anything_else() {
        assert_eq!(scalar("Lapsed buyers"), "Lapsed buyers");
        assert_eq!(scalar("yes"), "\"yes\"");
        assert_eq!(scalar("a: b # c"), "\"a: b # c\"");
        assert_eq!(scalar("${HOME} \"x\"\n"), "\"$${HOME} \\\"x\\\"\\n\"");
        assert_eq!(scalar("1e3"), "\"1e3\"");
        assert_eq!(scalar("a\u{85}b"), "\"a\\u0085b\"");
    }

    #[test]
    fn what_cannot_be_declared_stands_in_comments_of_one_line() {
        let found = Imported {
            left: vec![LeftOut::Several {
                segment: "a\nsyncs: {}".to_owned(),
                ids: vec!["1".to_owned(), "2".to_owned()],
            }],
            ..Imported::default()
        };
        let text = yaml(&found, Head::Further);
        assert!(
            text.lines()
                .all(|line| line.is_empty() || line.starts_with('#') || line == "version: 1"),
            "{text}"
        );
        assert!(
            text.contains("is not told which syncs Amplitude runs"),
            "{text}"
        );
    }
}
