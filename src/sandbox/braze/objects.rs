//! Reads the objects of `/users/track` and says what is wrong with each (braze.md 6.1, 6.2, 7). It must not touch a profile.

use serde_json::{Map, Value, json};

use super::{fields, happenings};

/// Combined objects of one request (braze.md 7).
pub(crate) const MOST_OBJECTS: usize = 75;

/// Whom an object is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who<'a> {
    /// `external_id`.
    External(&'a str),
    /// `user_alias`; names are case-sensitive.
    Alias {
        /// `alias_name`.
        name: &'a str,
        /// `alias_label`.
        label: &'a str,
    },
    /// `braze_id`.
    Braze(&'a str),
    /// `email`, where no primary identifier is given.
    Email(&'a str),
    /// `phone`, where nothing else is given.
    Phone(&'a str),
    /// A device; no identifier of `/users/track`.
    Device(&'a str),
}

/// A valid object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    /// Whom it is about.
    pub(crate) who: Who<'a>,
    /// Whether it creates a profile that is not there (braze.md 6.3).
    pub(crate) may_create: bool,
    /// All of it.
    pub(crate) members: &'a Map<String, Value>,
}

/// The valid objects of a request, and what is wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    /// Objects of `attributes`.
    pub(crate) attributes: Vec<Object<'a>>,
    /// Objects of `events`.
    pub(crate) events: Vec<Object<'a>>,
    /// Objects of `purchases`.
    pub(crate) purchases: Vec<Object<'a>>,
    /// One element a bad object, in the shape of the answer.
    pub(crate) errors: Vec<Value>,
}

impl<'a> Batch<'a> {
    /// Sorts the objects of a body. None: there are too many of them.
    pub(crate) fn read(body: &'a Value) -> Option<Self> {
        let arrays = ["attributes", "events", "purchases"]
            .map(|name| body[name].as_array().map(Vec::as_slice).unwrap_or_default());
        if arrays.iter().map(|array| array.len()).sum::<usize>() > MOST_OBJECTS {
            return None;
        }
        let mut batch = Self::default();
        let [attributes, events, purchases] = arrays;
        batch.attributes = batch.sort("attributes", attributes, fields::check);
        batch.events = batch.sort("events", events, happenings::check_event);
        batch.purchases = batch.sort("purchases", purchases, happenings::check_purchase);
        Some(batch)
    }

    /// Says what is wrong by code where there is one: both are documented, and both are seen (braze.md 7.7).
    pub(crate) fn encode_errors(&mut self) {
        for error in &mut self.errors {
            let code = match error["type"].as_str() {
                Some(TOO_LARGE) => "EXTERNAL_USER_ID_TOO_LARGE",
                Some(BLOCKED) => "BLACKLISTED_EXTERNAL_USER_ID",
                Some(fields::BAD_EMAIL) => "EMAIL_BAD_FORMAT",
                _ => continue,
            };
            error["type"] = json!(code);
        }
    }

    /// Returns how many objects are valid.
    pub(crate) fn len(&self) -> usize {
        self.attributes.len() + self.events.len() + self.purchases.len()
    }

    fn sort(
        &mut self,
        array: &str,
        objects: &'a [Value],
        check: fn(&Map<String, Value>) -> Result<(), &'static str>,
    ) -> Vec<Object<'a>> {
        let mut valid = Vec::with_capacity(objects.len());
        for (index, object) in objects.iter().enumerate() {
            let read = read(object).and_then(|read| check(read.members).map(|()| read));
            match read {
                Ok(object) => valid.push(object),
                Err(problem) => self
                    .errors
                    .push(json!({"type": problem, "input_array": array, "index": index})),
            }
        }
        valid
    }
}

const NOBODY: &str = "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required";

const TOO_LARGE: &str = "'external_id' must be fewer than 988 bytes";
const BLOCKED: &str = "provided external_id is blacklisted and disallowed";

fn read(object: &Value) -> Result<Object<'_>, &'static str> {
    let members = object.as_object().ok_or(NOBODY)?;
    let who = identify(members)?;
    // Update-only unless told otherwise, for aliases; the other way round for everybody else.
    let update_only = members
        .get("_update_existing_only")
        .and_then(Value::as_bool)
        .unwrap_or(matches!(who, Who::Alias { .. }));
    let may_create = !update_only && !matches!(who, Who::Braze(_));
    Ok(Object {
        who,
        may_create,
        members,
    })
}

/// Finds the one identifier of an object. The sentences beyond those of braze.md 7.7 are assumed.
fn identify(members: &Map<String, Value>) -> Result<Who<'_>, &'static str> {
    let given = |name: &str| members.get(name).filter(|value| !value.is_null());
    let external = given("external_id");
    let braze = given("braze_id");
    if [external, given("user_alias"), braze]
        .iter()
        .flatten()
        .count()
        > 1
    {
        return Err("only one of 'external_id', 'braze_id' and 'user_alias' may be provided");
    }
    let text = |value: &'_ Value| value.as_str().is_some_and(|text| !text.is_empty());
    if let Some(id) = external {
        return external_id(id).map(Who::External);
    }
    if let Some(pair) = given("user_alias") {
        return alias(pair, "alias_name").ok_or(
            "'user_alias' must have an 'alias_name' and an 'alias_label' of at most 236 bytes",
        );
    }
    if let Some(id) = braze {
        return id
            .as_str()
            .filter(|id| !id.is_empty())
            .map(Who::Braze)
            .ok_or(NOBODY);
    }
    match (given("email"), given("phone")) {
        (Some(email), _) if text(email) => {
            let email = email.as_str().unwrap_or_default();
            if fields::mail(email) {
                Ok(Who::Email(email))
            } else {
                Err(fields::BAD_EMAIL)
            }
        }
        (_, Some(phone)) if text(phone) => Ok(Who::Phone(phone.as_str().unwrap_or_default())),
        _ => Err(NOBODY),
    }
}

/// Reads an external id (braze.md 6.1).
pub(crate) fn external_id(id: &Value) -> Result<&str, &'static str> {
    let id = id.as_str().filter(|id| !id.is_empty()).ok_or(NOBODY)?;
    match id {
        _ if id.len() > 987 => Err(TOO_LARGE),
        // Blocked people (braze.md 6.3) are told by their name here.
        _ if id.contains("blacklisted") => Err(BLOCKED),
        _ => Ok(id),
    }
}

/// Reads an alias, its name from the member of that name (braze.md 6.1).
pub(crate) fn alias<'a>(object: &'a Value, name: &str) -> Option<Who<'a>> {
    let part = |member: &str| {
        object[member]
            .as_str()
            .filter(|part| !part.is_empty() && part.len() <= 236)
    };
    let (name, label) = (part(name)?, part("alias_label")?);
    Some(Who::Alias { name, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_identifier_or_says_why_not() {
        let long = "x".repeat(988);
        let cases = [
            (
                json!({"external_id": "a", "email": "e@x.org"}),
                Ok(Who::External("a")),
            ),
            (
                json!({"external_id": null, "email": "e@x.org"}),
                Ok(Who::Email("e@x.org")),
            ),
            (
                json!({"email": "e@x.org", "phone": "1"}),
                Ok(Who::Email("e@x.org")),
            ),
            (
                json!({"email": "e@x", "phone": "1"}),
                Err("not a valid email"),
            ),
            (json!({"phone": "1"}), Ok(Who::Phone("1"))),
            (json!({"braze_id": "b"}), Ok(Who::Braze("b"))),
            (
                json!({"user_alias": {"alias_name": "n", "alias_label": "l"}}),
                Ok(Who::Alias {
                    name: "n",
                    label: "l",
                }),
            ),
            (json!({"external_id": ""}), Err("is required")),
            (json!({"external_id": 7}), Err("is required")),
            (json!({"external_id": long}), Err("988 bytes")),
            (
                json!({"external_id": "a", "braze_id": "b"}),
                Err("only one"),
            ),
            (
                json!({"user_alias": {"alias_name": "", "alias_label": "l"}}),
                Err("236 bytes"),
            ),
            (
                json!({"external_id": "blacklisted-1"}),
                Err("blacklisted and disallowed"),
            ),
            (json!({"first_name": "a"}), Err("is required")),
        ];
        for (object, expected) in cases {
            match (identify(object.as_object().unwrap()), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{object}: {problem}"),
                (found, _) => panic!("{object}: {found:?}"),
            }
        }
    }

    #[test]
    fn counts_all_three_arrays_together() {
        let objects = |count| vec![json!({"external_id": "a"}); count];
        assert!(Batch::read(&json!({"attributes": objects(75)})).is_some());
        assert!(Batch::read(&json!({"attributes": objects(75), "events": objects(1)})).is_none());
        let body = json!({"attributes": [{"external_id": "a"}, 7, {"x": 1}]});
        let batch = Batch::read(&body).unwrap();
        assert_eq!((batch.len(), batch.errors.len()), (1, 2));
        assert_eq!(batch.errors[1]["index"], 2);
    }
}
