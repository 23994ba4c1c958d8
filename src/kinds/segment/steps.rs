//! What somebody does in Braze's dashboard about a segment: steps in words. A line that begins with spaces belongs to the
//! step before it.

use serde_json::{Value, json};

use super::{Spec, words::Words};
use crate::{
    diff::segment::{Difference, Filters, Judged},
    model::veiled,
};

/// What the steps are about.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// What is declared.
    pub spec: &'a Spec,
    /// Its filters in words.
    pub words: Option<&'a Words>,
    /// Where the dashboard is, where that is known.
    pub dashboard: Option<&'a str>,
}

/// A text in quotes, as YAML takes it.
pub fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A list as a sentence has it.
fn listed(list: &[String]) -> String {
    if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    }
}

impl Sheet<'_> {
    /// Steps to make it. `near` are names much like its own.
    pub fn make(&self, near: &[String]) -> Vec<String> {
        let Spec {
            name,
            description,
            tags,
            teams,
            analytics_tracking,
            ..
        } = self.spec;
        let mut steps = vec![];
        if !near.is_empty() {
            let names: Vec<String> = near.iter().map(|name| quoted(name)).collect();
            steps.push(format!(
                "if it is there under another name, write that as `name` and leave the rest: {}",
                names.join(", ")
            ));
        }
        steps.push(self.open("Create Segment"));
        steps.push(format!("name it {}", quoted(name)));
        match self.words {
            Some(words) => {
                steps.push("add the filters:".to_owned());
                steps.extend(words.indented());
            }
            None => steps.push("add its filters; none are declared".to_owned()),
        }
        let description = description.as_ref().filter(|text| !text.is_empty());
        steps.extend(description.map(|text| format!("set the description to {}", quoted(text))));
        let tags = tags.as_ref().filter(|tags| !tags.is_empty());
        steps.extend(tags.map(|tags| format!("set the tags to {}", listed(tags))));
        let teams = teams.as_ref().filter(|teams| !teams.is_empty());
        steps.extend(teams.map(|teams| format!("set the teams to {}", listed(teams))));
        steps.extend(analytics_tracking.map(tracking));
        steps.push(match self.words {
            Some(_) => "save it; the next plan shows the filters as Braze words them, for `acknowledge: TEXT` once you compared"
                .to_owned(),
            None => "save it".to_owned(),
        });
        steps
    }

    /// Steps for one that was archived or deleted.
    pub fn bring_back(&self, id: &str) -> Vec<String> {
        let mut steps = vec![format!(
            "{}; show archived segments too, and un-archive {} (id {id})",
            self.open("Segments"),
            quoted(&self.spec.name)
        )];
        steps.push("if it was deleted, take these steps instead:".to_owned());
        let make = self.make(&[]);
        steps.extend(make.into_iter().map(|step| format!("  {step}")));
        steps.push("if nobody needs it, take its entry out of the YAML".to_owned());
        steps
    }

    /// Steps where several bear the name.
    pub fn tell_apart(&self, ids: &[String]) -> Vec<String> {
        let mut steps = vec![format!(
            "{}; the id of a segment stands at the foot of its page:",
            self.open("Segments")
        )];
        steps.extend(ids.iter().map(|id| format!("  {id}")));
        steps.push("rename or archive all of them but one".to_owned());
        steps
    }

    /// Steps that compare its filters with those declared, since something was measured.
    pub fn compare(&self, why: &str) -> Vec<String> {
        let Some(words) = self.words else {
            return vec![format!(
                "look at its filters, none of which are declared: {why}"
            )];
        };
        let mut steps = vec![format!(
            "compare its filters with those declared, and change what differs: {why}"
        )];
        steps.extend(words.indented());
        steps
    }

    /// Steps about one that is not as declared. What was measured to be other than declared is not offered to be acknowledged.
    pub fn change(&self, judged: &Judged, disproved: bool) -> Vec<String> {
        let mut steps = vec![format!(
            "{}, and open {}",
            self.open("Segments"),
            quoted(&judged.name)
        )];
        steps.extend(judged.differences.iter().map(|one| self.set(one)));
        let indented = || self.words.map(Words::indented).unwrap_or_default();
        let text = quoted(&judged.text);
        match &judged.filters {
            Filters::Unsaid | Filters::Agree | Filters::Unverified => {}
            Filters::Changed { acknowledged } => {
                let acknowledged = quoted(acknowledged);
                let to = if self.words.is_some() { ":" } else { "" };
                steps.push(format!(
                    "look at the filters: Braze shows {text}, and {acknowledged} was acknowledged; put them back{to}"
                ));
                steps.extend(indented());
                if !disproved {
                    steps.push(format!(
                        "if they are right as they are: acknowledge: {text}"
                    ));
                }
            }
            Filters::Reworded => {
                steps.push(format!(
                    "change the filters, which Braze shows as {text}, to:"
                ));
                steps.extend(indented());
                steps.push(
                    "write what Braze shows then as `acknowledge`, once you compared".to_owned(),
                );
                if disproved {
                    // They do not say the same.
                } else if self.spec.acknowledge.is_some() {
                    steps.push(
                        "if they say the same already, apply once without `acknowledge` and put it back"
                            .to_owned(),
                    );
                } else {
                    steps.push(format!("if they say the same already: acknowledge: {text}"));
                }
            }
        }
        steps
    }

    fn set(&self, difference: &Difference) -> String {
        let Spec {
            name,
            description,
            tags,
            teams,
            analytics_tracking,
            ..
        } = self.spec;
        match difference.path {
            "name" => {
                let found = difference.found.as_str().unwrap_or_default();
                format!(
                    "rename it to {}, or follow with name: {}",
                    quoted(name),
                    quoted(found)
                )
            }
            "description" => format!(
                "set the description to {}",
                quoted(description.as_deref().unwrap_or_default())
            ),
            "tags" => format!(
                "set the tags to {}",
                listed(tags.as_deref().unwrap_or_default())
            ),
            "teams" => format!(
                "set the teams to {}",
                listed(teams.as_deref().unwrap_or_default())
            ),
            _ => tracking(analytics_tracking.unwrap_or_default()),
        }
    }

    fn open(&self, then: &str) -> String {
        let place = match self.dashboard {
            Some(url) => format!("open {url}"),
            None => "open the dashboard of your Braze instance".to_owned(),
        };
        match then {
            "Segments" => format!("{place}, Audience > Segments"),
            then => format!("{place}, Audience > Segments > {then}"),
        }
    }
}

fn tracking(on: bool) -> String {
    let word = if on { "on" } else { "off" };
    format!("turn analytics tracking {word}")
}

/// Why filters are not verified, and what settles it: in a line, and what belongs to that, a line each.
pub fn unverified(judged: &Judged, words: Option<&Words>, verified: bool) -> (String, Vec<String>) {
    let by_figures = if verified {
        ""
    } else {
        "; `verify: size` or `verify: export` settles it by figures"
    };
    let declared = declared(words).unwrap_or_default();
    let declared = format!("declared     {declared}");
    if judged.text.trim().is_empty() {
        let why = format!("unverified: Braze tells nothing of its filters{by_figures}");
        return (why, vec![declared]);
    }
    (
        format!(
            "unverified: Braze words its filters otherwise than declared; if they say the same, acknowledge them{by_figures}"
        ),
        vec![
            declared,
            format!("in Braze     {}", judged.text),
            format!("to write     acknowledge: {}", quoted(&judged.text)),
        ],
    )
}

/// Says that what is acknowledged is needed no more, where the very words that are declared stand in Braze.
pub fn idle(judged: &Judged, spec: &Spec) -> Option<String> {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let acknowledged = veiled(spec.acknowledge.as_deref()?);
    let idle = judged.filters == Filters::Agree && spaced(&acknowledged) != spaced(&judged.text);
    idle.then(|| "`acknowledge` can go: Braze shows the words of `filter` itself".to_owned())
}

/// The filters that are declared, in a line.
fn declared(words: Option<&Words>) -> Option<String> {
    let line = words?.lines().into_iter().next()?;
    Some(veiled(&line))
}

/// What differs of the filters, as a plan shows it: as they are, as they should be.
pub fn filters(judged: &Judged, words: Option<&Words>) -> Option<(Value, Value)> {
    let expected = match &judged.filters {
        Filters::Unsaid | Filters::Agree | Filters::Unverified => return None,
        Filters::Changed { acknowledged } => acknowledged.clone(),
        Filters::Reworded => declared(words)?,
    };
    Some((json!(judged.text), json!(expected)))
}
