//! What is known of each custom attribute beside its values: a type that a person fixed or that the first value had, and
//! how long an array may be (braze.md 7.3, 14.1). It must not hold a value.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::sandbox::{Error, world};

/// Default and maximum (braze.md 7.3).
const LONGEST_ARRAY: usize = 500;

/// How an attribute is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Writes of another type are dropped; none: whatever comes is taken.
    pub(crate) fixed: Option<Kind>,
    /// Overflow drops the oldest element.
    pub(crate) longest: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            fixed: None,
            longest: LONGEST_ARRAY,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Definition {
    fixed: Option<Kind>,
    detected: Option<Kind>,
    longest: Option<usize>,
    /// Members that are shown as they were given.
    said: Map<String, Value>,
}

/// Every attribute that has or had a value, or was defined, by name.
#[derive(Debug, Default)]
pub(crate) struct Definitions(BTreeMap<String, Definition>);

impl Definitions {
    /// Reads a scenario's file, or what [`Definitions::file`] wrote; a file that is not there has none.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let mut definitions = Self::default();
        let Some(file) = world::read_json(path)? else {
            return Ok(definitions);
        };
        let wrong = |problem: String| Error::Content {
            path: path.to_owned(),
            line: None,
            problem,
        };
        let Some(list) = file["attributes"].as_array() else {
            return Err(wrong("no array `attributes`".to_owned()));
        };
        for entry in list {
            let named = entry["name"]
                .as_str()
                .filter(|name| !name.trim().is_empty());
            let (Some(name), Some(members)) = (named, entry.as_object()) else {
                return Err(wrong("an attribute without a name".to_owned()));
            };
            definitions
                .define(name, members)
                .map_err(|problem| wrong(format!("attribute `{name}`: {problem}")))?;
        }
        Ok(definitions)
    }

    /// Sets what is given of an attribute, as a person would in the dashboard: null takes it back.
    pub(crate) fn define(
        &mut self,
        name: &str,
        members: &Map<String, Value>,
    ) -> Result<(), String> {
        let name = name.trim();
        let mut definition = self.0.get(name).cloned().unwrap_or_default();
        let kind = |value: &Value| match value {
            Value::Null => Ok(None),
            Value::String(name) => Kind::named(name).map(Some),
            _ => Err("a data type is a text".to_owned()),
        };
        for (member, value) in members {
            match member.as_str() {
                "name" => {}
                "data_type" => definition.fixed = kind(value)?,
                "detected" => definition.detected = kind(value)?,
                "array_length" if value.is_null() => definition.longest = None,
                "array_length" => {
                    let length = value
                        .as_u64()
                        .and_then(|length| usize::try_from(length).ok());
                    let length = length.filter(|length| *length <= LONGEST_ARRAY);
                    let wrong = || format!("`array_length` is a number from 0 to {LONGEST_ARRAY}");
                    definition.longest = Some(length.ok_or_else(wrong)?);
                }
                "description" | "status" | "tag_names" => {
                    definition.said.insert(member.clone(), value.clone());
                }
                other => return Err(format!("`{other}` is no member of an attribute")),
            }
        }
        self.0.insert(name.to_owned(), definition);
        Ok(())
    }

    /// Notes a value: the first one decides the type that is shown.
    pub(crate) fn note(&mut self, name: &str, value: &Value) {
        if value.is_null() || *value == json!([]) || *value == json!({}) {
            return;
        }
        if let Some(definition) = self.0.get_mut(name) {
            definition.detected.get_or_insert_with(|| Kind::of(value));
            return;
        }
        let detected = Some(Kind::of(value));
        let definition = Definition {
            detected,
            ..Definition::default()
        };
        self.0.insert(name.to_owned(), definition);
    }

    /// Returns how an attribute is written.
    pub(crate) fn rule(&self, name: &str) -> Rule {
        self.0
            .get(name)
            .map_or_else(Rule::default, |definition| Rule {
                fixed: definition.fixed,
                longest: definition.longest.unwrap_or(LONGEST_ARRAY),
            })
    }

    /// Returns how many attributes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the attributes as the API shows them, by name.
    pub(crate) fn shown(&self) -> impl Iterator<Item = Value> {
        self.0.iter().map(|(name, definition)| {
            let kind = definition.fixed.or(definition.detected);
            let length = match kind {
                Some(Kind::Array) => Some(definition.longest.unwrap_or(LONGEST_ARRAY)),
                Some(_) => None,
                None => definition.longest,
            };
            let said = |member: &str| definition.said.get(member).cloned();
            json!({
                "name": name, "data_type": kind.map(Kind::name), "description": said("description"),
                "status": said("status").unwrap_or_else(|| json!("Active")), "array_length": length,
                "tag_names": said("tag_names").unwrap_or_else(|| json!([])),
            })
        })
    }

    /// Returns everything as a file holds it.
    pub(crate) fn file(&self) -> Value {
        let kept = self.0.iter().map(|(name, definition)| {
            let mut entry = definition.said.clone();
            entry.insert("name".to_owned(), json!(name));
            entry.insert(
                "data_type".to_owned(),
                json!(definition.fixed.map(Kind::name)),
            );
            entry.insert(
                "detected".to_owned(),
                json!(definition.detected.map(Kind::name)),
            );
            entry.insert("array_length".to_owned(), json!(definition.longest));
            Value::Object(entry)
        });
        json!({"attributes": kept.collect::<Vec<_>>()})
    }
}
