//! Syncs of Currents: places that cannot be read, names that no event can have, and what is asked for and left out.

use std::path::Path;

use super::error;
use crate::{
    braze::currents::Location,
    config::{Configuration, Resource},
    kinds::currents::{CUSTOM, Events, Fields, Source, Spec, TYPES, matches},
    model::{Diagnostic, Severity},
};

/// Characters that Amplitude keeps of a text (amplitude.md 2).
const LONGEST: usize = 1024;
/// Names that Amplitude keeps for itself (amplitude.md 7.1).
const RESERVED: [&str; 2] = ["$identify", "$groupidentify"];

/// The syncs of Currents, with what they say.
pub(super) fn all(configuration: &Configuration) -> impl Iterator<Item = (&Resource, Spec)> {
    let resources = configuration.resources.values();
    resources
        .filter(|resource| {
            resource.kind == "currents" && resource.address.as_str().starts_with("sync.")
        })
        .filter_map(|resource| {
            let spec = serde_json::from_value(resource.body.clone()).ok()?;
            Some((resource, spec))
        })
}

pub(super) fn check(configuration: &Configuration, found: &mut Vec<Diagnostic>) {
    for (resource, spec) in all(configuration) {
        let mut entry = Entry { resource, found };
        entry.from(&spec.from);
        entry.events(spec.events.as_ref());
        entry.properties(spec.properties.as_ref());
        for (event, name) in spec.names.iter().flatten() {
            entry.name(event, name);
        }
    }
}

struct Entry<'a> {
    resource: &'a Resource,
    found: &'a mut Vec<Diagnostic>,
}

impl Entry<'_> {
    fn refuse(&mut self, pointer: &str, code: &'static str, message: String, hint: &str) {
        let hint = Some(hint.to_owned());
        let one = error(&self.resource.origin, pointer, code, message, hint);
        self.found.push(one);
    }

    fn from(&mut self, from: &Source) {
        if let Source::Files { files } = from
            && let Err(wrong) = Location::parse(files, Path::new("."))
        {
            self.refuse(
                "/from/files",
                "wrong-files",
                wrong.to_string(),
                wrong.hint(),
            );
        }
    }

    fn events(&mut self, events: Option<&Events>) {
        let Some(events) = events else { return };
        let (include, exclude) = events.lists();
        let (asked, out) = match events {
            Events::Include(_) => ("/events", ""),
            Events::Pick { .. } => ("/events/include", "/events/exclude"),
        };
        if include.is_some_and(<[String]>::is_empty) {
            let message = format!("`{}` asks for no event", self.resource.address);
            let hint = "leave the list out for all, or name some";
            self.refuse(asked, "asks-for-nothing", message, hint);
        }
        for (list, at) in [(include.unwrap_or_default(), asked), (exclude, out)] {
            for (number, pattern) in list.iter().enumerate() {
                self.event(&format!("{at}/{number}"), pattern);
            }
        }
        self.both(include.unwrap_or_default(), exclude, out);
    }

    fn properties(&mut self, fields: Option<&Fields>) {
        let Some(fields) = fields else { return };
        let include = fields.include.as_deref();
        let exclude = fields.exclude.as_deref().unwrap_or_default();
        let lists = [
            (include.unwrap_or_default(), "include"),
            (exclude, "exclude"),
        ];
        for (list, key) in lists {
            for (number, pattern) in list.iter().enumerate() {
                if pattern.trim().is_empty() {
                    let pointer = format!("/properties/{key}/{number}");
                    let message = "a property has a name".to_owned();
                    self.refuse(&pointer, "wrong-property", message, "name a property");
                }
            }
        }
        self.both(include.unwrap_or_default(), exclude, "/properties/exclude");
    }

    /// What is asked for and left out at once is never sent.
    fn both(&mut self, include: &[String], exclude: &[String], at: &str) {
        for (number, name) in exclude.iter().enumerate() {
            if include.contains(name) {
                let message = format!("`{name}` is both in `include` and in `exclude`");
                let pointer = format!("{at}/{number}");
                self.refuse(&pointer, "in-both-lists", message, "take it out of one");
            }
        }
    }

    /// One event type, or a pattern of some.
    fn event(&mut self, pointer: &str, pattern: &str) {
        if let Some((message, hint)) = impossible(pattern) {
            self.refuse(pointer, "wrong-event", message, hint);
        } else if !known(pattern) {
            let message = format!("no event type of Currents that is known today is `{pattern}`");
            let hint = Some("event types read like users.messages.email.Open; one that is new is sent as soon as it comes".to_owned());
            let code = "unknown-event";
            self.found.push(Diagnostic {
                severity: Severity::Warning,
                ..error(&self.resource.origin, pointer, code, message, hint)
            });
        }
    }

    /// A name that an event gets in Amplitude.
    fn name(&mut self, event: &str, name: &str) {
        let key = event.replace('~', "~0").replace('/', "~1");
        let pointer = format!("/names/{key}");
        if event == CUSTOM {
            let message = format!("`{CUSTOM}` is every custom event, and each has a name");
            let hint = "name one: users.behaviors.CustomEvent.signed_up: Signed up";
            self.refuse(&pointer, "wrong-event", message, hint);
        } else if event.contains('*') && custom(event).is_none() {
            let message = format!("a name is for one event, and `{event}` may be several");
            self.refuse(
                &pointer,
                "wrong-event",
                message,
                "name each event by itself",
            );
        } else {
            self.event(&pointer, event);
        }
        let wrong = if name.trim().is_empty() {
            Some("an event has a name in Amplitude".to_owned())
        } else if RESERVED.contains(&name) || name.starts_with("[Amplitude]") {
            Some(format!("Amplitude keeps the name `{name}` for itself"))
        } else if name.chars().count() > LONGEST {
            Some(format!("Amplitude keeps {LONGEST} letters of a name"))
        } else {
            None
        };
        if let Some(message) = wrong {
            let hint = "write another name, or leave it out for Braze's own";
            self.refuse(&pointer, "wrong-name", message, hint);
        }
    }
}

/// The name of a custom event, where one is meant.
fn custom(pattern: &str) -> Option<&str> {
    pattern.strip_prefix(CUSTOM)?.strip_prefix('.')
}

/// What no event type can be called, and what to do.
fn impossible(pattern: &str) -> Option<(String, &'static str)> {
    if pattern.trim().is_empty() || custom(pattern) == Some("") {
        return Some(("an event has a name".to_owned(), "name an event type"));
    }
    let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '*');
    if custom(pattern).is_none() && !pattern.chars().all(letter) {
        let message = format!("no event type of Currents can be `{pattern}`");
        let hint = "write letters, digits, dots, and `*` for any of them";
        return Some((message, hint));
    }
    None
}

/// Whether a pattern may be an event type of the catalogue, or a custom event.
fn known(pattern: &str) -> bool {
    custom(pattern).is_some() || TYPES.iter().any(|known| matches(pattern, known))
}
