//! The types of custom attributes (braze.md 7.3, 14.1), and which writes are of one. Pure: it must not know an attribute.
//! Only `Number` is named in the document; the others are what the dashboard calls them.

use serde_json::Value;

use super::{attributes::only, times::is_time};

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    String,
    /// A text that is a time.
    Time,
    /// Whole or not.
    Number,
    /// True or false.
    Boolean,
    /// Of scalars.
    Array,
    /// Nested.
    Object,
    /// An array of nested objects.
    ObjectArray,
}

const NAMES: [(Kind, &str); 7] = [
    (Kind::String, "String"),
    (Kind::Time, "Time"),
    (Kind::Number, "Number"),
    (Kind::Boolean, "Boolean"),
    (Kind::Array, "Array"),
    (Kind::Object, "Object"),
    (Kind::ObjectArray, "Object Array"),
];

impl Kind {
    /// Finds a type by its name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map(|(kind, _)| *kind).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            format!(
                "`{name}` is no data type: it is one of {}",
                names.join(", ")
            )
        })
    }

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("String", |(_, name)| name)
    }

    /// Detects the type of a value.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) if is_time(text) => Self::Time,
            Value::String(_) | Value::Null => Self::String,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Boolean,
            Value::Array(items) if items.iter().any(Value::is_object) => Self::ObjectArray,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// Tells whether an attribute whose type is fixed takes a write: a value or an operation of that type. Null is
    /// neither, and removes.
    pub(crate) fn takes(self, new: &Value) -> bool {
        match new {
            Value::Null => true,
            Value::String(text) => self == Self::String || self == Self::Time && is_time(text),
            Value::Array(items) if items.is_empty() => {
                [Self::Array, Self::ObjectArray].contains(&self)
            }
            Value::Object(map) if only(map, &["inc"]) => self == Self::Number,
            Value::Object(map) if only(map, &["add", "remove"]) => self == Self::Array,
            Value::Object(map) if only(map, &["$add", "$remove", "$update"]) => {
                self == Self::ObjectArray
            }
            _ => self == Self::of(new),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_write_is_of_its_types_alone() {
        let writes = [
            (json!("x"), "String"),
            (json!(""), "String"),
            (json!("2026-01-01"), "String Time"),
            (json!("3001-01-01"), "String"),
            (json!("5"), "String"),
            (json!(5), "Number"),
            (json!(5.5), "Number"),
            (json!({"inc": 1}), "Number"),
            (json!(false), "Boolean"),
            (json!(["a", 1]), "Array"),
            (json!({"add": ["a"]}), "Array"),
            (json!({"remove": ["a"], "add": []}), "Array"),
            (json!([]), "Array Object Array"),
            (json!([{"a": 1}]), "Object Array"),
            (json!({"$add": [{"a": 1}]}), "Object Array"),
            (json!({"a": 1}), "Object"),
            (
                json!(null),
                "String Time Number Boolean Array Object Object Array",
            ),
        ];
        for (new, wanted) in writes {
            let taken: Vec<&str> = NAMES
                .iter()
                .filter(|(kind, _)| kind.takes(&new))
                .map(|(_, name)| *name)
                .collect();
            assert_eq!(taken.join(" "), wanted, "{new}");
        }
        assert!(Kind::named("Float").is_err());
        assert_eq!(Kind::named("Object Array"), Ok(Kind::ObjectArray));
    }
}
