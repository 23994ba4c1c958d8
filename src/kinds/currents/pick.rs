//! Names that are asked for and names that are left out; `*` stands for any letters. It reads no event.

use super::{
    catalogue::{CUSTOM_EVENT, PRIVATE, TEXTS},
    spec::{Events, Fields},
};

/// Which event types, and which custom events.
#[derive(Clone, Debug, Default)]
pub(super) struct Types {
    include: Option<Vec<String>>,
    exclude: Vec<String>,
}

/// Which properties.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    include: Option<Vec<String>>,
    exclude: Vec<String>,
}

impl Types {
    pub(super) fn of(events: Option<&Events>) -> Self {
        let (include, exclude) = events.map(Events::lists).unwrap_or_default();
        Self {
            include: include.map(<[String]>::to_vec),
            exclude: exclude.to_vec(),
        }
    }

    /// Whether an event is sent: by its type, and of a custom event also by its type and name.
    pub(super) fn takes(&self, event_type: &str, custom: Option<&str>) -> bool {
        let named = custom.map(|name| format!("{event_type}.{name}"));
        let any = |list: &[String]| {
            let fits = |pattern: &String| {
                matches(pattern, event_type)
                    || named.as_ref().is_some_and(|named| matches(pattern, named))
            };
            list.iter().any(fits)
        };
        self.include.as_deref().is_none_or(any) && !any(&self.exclude)
    }

    /// Whether any event of a type may be sent: its files need not be opened otherwise.
    pub(super) fn may_take(&self, event_type: &str) -> bool {
        if event_type != CUSTOM_EVENT {
            return self.takes(event_type, None);
        }
        let begin = format!("{event_type}.");
        let fits = |pattern: &String| {
            let literal = pattern.split('*').next().unwrap_or_default();
            let open = pattern.contains('*') && begin.starts_with(literal);
            pattern == event_type || pattern.starts_with(&begin) || open
        };
        let asked = self.include.as_deref();
        let out = |pattern: &String| matches(pattern, event_type);
        asked.is_none_or(|list| list.iter().any(fits)) && !self.exclude.iter().any(out)
    }
}

impl Properties {
    pub(super) fn of(fields: Option<&Fields>) -> Self {
        Self {
            include: fields.and_then(|fields| fields.include.clone()),
            exclude: fields
                .and_then(|fields| fields.exclude.clone())
                .unwrap_or_default(),
        }
    }

    /// Whether a property of Currents travels.
    pub(super) fn takes(&self, name: &str) -> bool {
        (!TEXTS.contains(&name) || self.names(name)) && self.takes_own(name)
    }

    /// Whether a property of somebody's own event or purchase travels.
    pub(super) fn takes_own(&self, name: &str) -> bool {
        let any = |list: &[String]| list.iter().any(|pattern| matches(pattern, name));
        self.shows(name) && self.include.as_deref().is_none_or(any) && !any(&self.exclude)
    }

    /// Whether a name may be seen at any depth: what is private only where it is named in full.
    pub(super) fn shows(&self, name: &str) -> bool {
        !PRIVATE.contains(&name) || self.names(name)
    }

    fn names(&self, name: &str) -> bool {
        let list = self.include.iter().flatten();
        list.into_iter().any(|asked| asked == name)
    }
}

/// Whether a name is what a pattern says.
pub(in crate::kinds) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, wanted) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a.b.b.c", true),
            ("ab*ba", "aba", false),
            ("*.Open", "users.messages.email.Open", true),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn custom_events_are_picked_by_name_too() {
        let types = Types::of(Some(&Events::Pick {
            include: Some(list(&["users.behaviors.*", "users.messages.email.Open"])),
            exclude: Some(list(&["users.behaviors.CustomEvent.debug*"])),
        }));
        assert!(types.takes(CUSTOM_EVENT, Some("signed up")));
        assert!(!types.takes(CUSTOM_EVENT, Some("debug-1")));
        assert!(types.may_take(CUSTOM_EVENT));
        assert!(!types.may_take("users.messages.email.Click"));
        let one = Types::of(Some(&Events::Include(list(&[
            "users.behaviors.CustomEvent.a b",
        ]))));
        assert!(one.may_take(CUSTOM_EVENT) && one.takes(CUSTOM_EVENT, Some("a b")));
        assert!(!one.takes(CUSTOM_EVENT, Some("a")));
        let none = Types::of(Some(&Events::Include(list(&["users.messages.*"]))));
        assert!(!none.may_take(CUSTOM_EVENT));
    }

    #[test]
    fn what_is_private_travels_only_where_they_are_named() {
        let of = |include: Option<&[&str]>, exclude: &[&str]| {
            Properties::of(Some(&Fields {
                include: include.map(list),
                exclude: Some(list(exclude)),
            }))
        };
        let all = Properties::of(None);
        assert!(all.takes("campaign_id") && !all.takes("email_address"));
        assert!(!of(Some(&["*"]), &[]).takes("sending_ip"));
        let more = of(Some(&["*", "email_address"]), &["campaign_*"]);
        assert!(more.takes("email_address") && more.takes("user_agent"));
        assert!(!more.takes("sending_ip") && !more.takes("campaign_id"));
    }
}
