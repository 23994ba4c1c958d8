//! Finding properties in the JSON of an event without reading the rest of it.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

/// Properties of an event or a person, each as it is written.
pub(super) type Map<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Where a property is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds) enum Property {
    /// Of the event.
    Event(String),
    /// Of the person, as it was then.
    User(String),
}

impl Property {
    /// Reads `event.NAME` or `user.NAME`.
    pub(in crate::kinds) fn prefixed(text: &str) -> Option<Self> {
        let filled = |name: &str| !name.is_empty();
        let (whose, name) = text.split_once('.').filter(|(_, name)| filled(name))?;
        match whose {
            "event" => Some(Self::Event(name.to_owned())),
            "user" => Some(Self::User(name.to_owned())),
            _ => None,
        }
    }
}

/// Both kinds of properties of one event.
pub(super) struct Properties<'a> {
    pub(super) event: Map<'a>,
    pub(super) user: Map<'a>,
}

impl<'a> Properties<'a> {
    /// Returns a property; none where it is not there or null.
    pub(super) fn find(&self, property: &Property) -> Option<&'a RawValue> {
        let found = match property {
            Property::Event(name) => find(&self.event, name),
            Property::User(name) => find(&self.user, name),
        };
        found.filter(|raw| raw.get() != "null")
    }
}

/// Reads an object; null is an empty one, and anything else none.
pub(super) fn object(raw: Option<&RawValue>) -> Option<Map<'_>> {
    match raw {
        None => Some(Map::new()),
        Some(raw) if raw.get() == "null" => Some(Map::new()),
        Some(raw) => serde_json::from_str(raw.get()).ok(),
    }
}

/// Finds a name: as a whole, else as a path into objects.
fn find<'a>(map: &Map<'a>, name: &str) -> Option<&'a RawValue> {
    if let Some(raw) = map.get(name) {
        return Some(raw);
    }
    for (at, _) in name.match_indices('.') {
        let inner = map
            .get(&name[..at])
            .filter(|raw| raw.get().starts_with('{'));
        let inner: Option<Map<'a>> = inner.and_then(|raw| serde_json::from_str(raw.get()).ok());
        if let Some(found) = inner.and_then(|inner| find(&inner, &name[at + 1..])) {
            return Some(found);
        }
    }
    None
}

/// Returns a text or a number as text; none of anything else, and of an empty text.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let found = match text.as_bytes().first()? {
        b'"' => Cow::Owned(serde_json::from_str(text).ok()?),
        b'-' | b'0'..=b'9' => Cow::Borrowed(text),
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_goes_before_a_path() {
        let written = r#"{"a": {"b": {"c": 1}, "b.c": 2, "n": null}, "a.b": {"c": 3}, "x y": "z", "d.e.f": 4, "g": [1]}"#;
        let raw: &RawValue = serde_json::from_str(written).unwrap();
        let properties = Properties {
            event: object(Some(raw)).unwrap(),
            user: Map::new(),
        };
        let find = |name: &str| {
            let property = Property::prefixed(name)?;
            Some(properties.find(&property)?.get().to_owned())
        };
        for (name, wanted) in [
            ("event.a.b.c", Some("2")),
            ("event.a.b", Some("{\"c\": 3}")),
            ("event.x y", Some("\"z\"")),
            ("event.d.e.f", Some("4")),
            ("event.a.n", None),
            ("event.d.e", None),
            ("event.g.0", None),
            ("user.a", None),
            ("event.", None),
            ("group.a", None),
        ] {
            assert_eq!(find(name).as_deref(), wanted, "{name}");
        }
    }
}
