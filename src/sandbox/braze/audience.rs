//! What a segment's `filter` says, and whom it means: a model after Braze's own grammar of audiences (braze.md 22). It must
//! not keep whom it found, or know a segment.
//!
//! ```text
//! {"all_of": [F…]}  {"any_of": [F…]}  {"none_of": [F…]}
//! {"attribute": NAME, TEST: VALUE}    includes_value, does_not_include_value, equals, not_equal, exists,
//!                                     greater_than, less_than
//! {"amplitude_cohort": NAME}          an imported cohort of this name or id
//! {"cohort": NAME, "partner": WHOSE}  the same; of this partner, where one is named
//! {"everybody": true}                 {"external_ids": [ID…]}
//! ```
//!
//! Several keys of one object are joined by AND.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::store::Store;

/// A filter, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// Any of these.
    Any(Vec<Filter>),
    /// None of these.
    None(Vec<Filter>),
    /// A custom attribute and what it has to be.
    Attribute(String, Test),
    /// A member of an imported cohort.
    Cohort {
        /// Its name or its id.
        name: String,
        /// How the filter is called.
        whose: Whose,
    },
    /// Whoever there is.
    Everybody,
    /// A fixed list of external ids.
    Listed(BTreeSet<String>),
}

/// What a value has to be. Who has none passes the negative tests alone: not documented, they are read as the opposites.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// An array with this value in it.
    Includes(Value),
    /// No array with this value in it.
    Lacks(Value),
    /// This value.
    Equals(Value),
    /// Another value, or none.
    Differs(Value),
    /// Whether there is one.
    Exists(bool),
    /// A number above this one.
    Above(f64),
    /// A number below this one.
    Below(f64),
}

/// Which cohorts a filter knows: each partner has a filter of its own (braze.md 16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The filter is Amplitude's. Under which path Amplitude imports is not documented, so any will do.
    Amplitude,
    /// Any partner's.
    Any,
    /// This partner's, by its part of the path.
    Of(String),
}

impl Filter {
    /// Reads a filter, or says what is wrong with it.
    pub(crate) fn read(filter: &Value) -> Result<Self, String> {
        let Some(members) = filter.as_object() else {
            return Err(format!("a filter is an object, not {filter}"));
        };
        let mut parts = Vec::new();
        for (key, value) in members {
            let part = match key.as_str() {
                "all_of" => Self::All(list(key, value)?),
                "any_of" => Self::Any(list(key, value)?),
                "none_of" => Self::None(list(key, value)?),
                "everybody" if *value == true => Self::Everybody,
                "everybody" => return Err("`everybody` is true or not there".to_owned()),
                "external_ids" => Self::Listed(ids(value)?),
                "amplitude_cohort" => Self::Cohort {
                    name: text(key, value)?,
                    whose: Whose::Amplitude,
                },
                "cohort" => Self::Cohort {
                    name: text(key, value)?,
                    whose: match members.get("partner") {
                        Some(partner) => Whose::Of(text("partner", partner)?),
                        None => Whose::Any,
                    },
                },
                "partner" if members.contains_key("cohort") => continue,
                "attribute" if members.keys().any(|key| TESTS.contains(&key.as_str())) => continue,
                "partner" => return Err("`partner` stands beside `cohort`".to_owned()),
                "attribute" => {
                    return Err(format!("`attribute` needs one of {}", TESTS.join(", ")));
                }
                test if TESTS.contains(&test) => Self::Attribute(
                    text(
                        "attribute",
                        &members.get("attribute").cloned().unwrap_or_default(),
                    )?,
                    tested(test, value)?,
                ),
                _ => return Err(format!("a filter has no `{key}`")),
            };
            parts.push(part);
        }
        match parts.pop() {
            None => Err("a filter says something".to_owned()),
            Some(only) if parts.is_empty() => Ok(only),
            Some(last) => {
                parts.push(last);
                Ok(Self::All(parts))
            }
        }
    }

    /// Tells whether it means a profile, as exports see that now.
    pub(crate) fn means(&self, store: &Store, profile: u32, now: Timestamp) -> bool {
        let each = |filter: &Self| filter.means(store, profile, now);
        match self {
            Self::All(filters) => filters.iter().all(each),
            Self::Any(filters) => filters.iter().any(each),
            Self::None(filters) => !filters.iter().any(each),
            Self::Attribute(name, test) => {
                test.passes(store.people.attribute_of(profile, name, now).as_ref())
            }
            Self::Cohort { name, whose } => store.cohorts.iter().any(|cohort| {
                let known = match whose {
                    Whose::Of(partner) => cohort.partner == *partner,
                    Whose::Amplitude | Whose::Any => true,
                };
                known
                    && (cohort.name == *name || cohort.id == *name)
                    && cohort.members.contains(profile)
            }),
            Self::Everybody => true,
            Self::Listed(ids) => {
                let id = store.people.external_id(profile);
                id.is_some_and(|id| ids.contains(&id))
            }
        }
    }
}

const TESTS: [&str; 7] = [
    "includes_value",
    "does_not_include_value",
    "equals",
    "not_equal",
    "exists",
    "greater_than",
    "less_than",
];

fn tested(test: &str, value: &Value) -> Result<Test, String> {
    let number = || {
        let number = value.as_f64();
        number.ok_or_else(|| format!("`{test}` is a number, not {value}"))
    };
    if value.is_null() {
        return Err(format!(
            "`{test}` needs a value; for none there is `exists`"
        ));
    }
    Ok(match test {
        "includes_value" => Test::Includes(value.clone()),
        "does_not_include_value" => Test::Lacks(value.clone()),
        "equals" => Test::Equals(value.clone()),
        "not_equal" => Test::Differs(value.clone()),
        "greater_than" => Test::Above(number()?),
        "less_than" => Test::Below(number()?),
        _ => Test::Exists(
            value
                .as_bool()
                .ok_or_else(|| format!("`{test}` is true or false, not {value}"))?,
        ),
    })
}

impl Test {
    fn passes(&self, value: Option<&Value>) -> bool {
        let includes = |wanted: &Value| {
            let items = value.and_then(Value::as_array).into_iter().flatten();
            items.into_iter().any(|item| same(item, wanted))
        };
        let number = || value.and_then(Value::as_f64);
        match self {
            Self::Includes(wanted) => includes(wanted),
            Self::Lacks(wanted) => !includes(wanted),
            Self::Equals(wanted) => value.is_some_and(|value| same(value, wanted)),
            Self::Differs(wanted) => !value.is_some_and(|value| same(value, wanted)),
            Self::Exists(wanted) => value.is_some() == *wanted,
            Self::Above(limit) => number().is_some_and(|number| number > *limit),
            Self::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// Two numbers are the same by what they are worth.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

fn list(key: &str, value: &Value) -> Result<Vec<Filter>, String> {
    let filters = value.as_array().filter(|filters| !filters.is_empty());
    let filters = filters.ok_or_else(|| format!("`{key}` is a list of filters"))?;
    filters.iter().map(Filter::read).collect()
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is a text"))
}

fn ids(value: &Value) -> Result<BTreeSet<String>, String> {
    let wrong = || "`external_ids` is a list of texts".to_owned();
    let ids = value.as_array().ok_or_else(wrong)?;
    let read = |id: &Value| id.as_str().map(str::to_owned).ok_or_else(wrong);
    ids.iter().map(read).collect()
}

/// Reads the filter of a segment; none: whom it means is not known.
pub(crate) fn filter_of(segment: &Map<String, Value>) -> Result<Option<Filter>, String> {
    match segment.get("filter") {
        None | Some(Value::Null) => Ok(None),
        Some(filter) => Filter::read(filter).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_with_a_reason() {
        for (wrong, why) in [
            (json!({}), "says something"),
            (json!([]), "an object"),
            (json!({"all_of": []}), "`all_of`"),
            (json!({"all_of": [{"any_off": []}]}), "no `any_off`"),
            (json!({"attribute": "x"}), "needs one of"),
            (json!({"equals": 1}), "`attribute`"),
            (json!({"attribute": "x", "equals": null}), "exists"),
            (json!({"attribute": "x", "exists": "yes"}), "true or false"),
            (json!({"attribute": "x", "less_than": "2"}), "a number"),
            (json!({"partner": "acme"}), "beside"),
            (json!({"cohort": ""}), "`cohort`"),
            (json!({"everybody": false}), "`everybody`"),
            (json!({"external_ids": [1]}), "`external_ids`"),
        ] {
            let said = Filter::read(&wrong).unwrap_err();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }

    #[test]
    fn tests_of_values_and_of_none() {
        let cases = [
            (
                json!({"includes_value": "a"}),
                json!(["b", "a"]),
                true,
                false,
            ),
            (json!({"includes_value": "a"}), json!("a"), false, false),
            (
                json!({"does_not_include_value": "a"}),
                json!(["b"]),
                true,
                true,
            ),
            (
                json!({"does_not_include_value": "a"}),
                json!(["a"]),
                false,
                true,
            ),
            (json!({"equals": 1}), json!(1.0), true, false),
            (json!({"equals": "1"}), json!(1), false, false),
            (json!({"not_equal": true}), json!(true), false, true),
            (json!({"exists": true}), json!(""), true, false),
            (json!({"exists": false}), json!(0), false, true),
            (json!({"greater_than": 2}), json!(2.5), true, false),
            (json!({"less_than": 2}), json!("1"), false, false),
            (
                json!({"greater_than": 2, "less_than": 4}),
                json!(5),
                false,
                false,
            ),
        ];
        for (mut filter, value, has, none) in cases {
            filter["attribute"] = json!("x");
            let read = Filter::read(&filter).unwrap();
            let tests = match read {
                Filter::All(parts) => parts,
                one => vec![one],
            };
            let passes = |value: Option<&Value>| {
                tests.iter().all(|part| match part {
                    Filter::Attribute(name, test) => name == "x" && test.passes(value),
                    _ => false,
                })
            };
            assert_eq!(
                (passes(Some(&value)), passes(None)),
                (has, none),
                "{filter}"
            );
        }
    }
}
