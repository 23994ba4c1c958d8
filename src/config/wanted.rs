//! Reads a schema aloud: which keys it knows, what it wants where, in words for people.

use serde_json::Value;

/// A schema with its definitions.
pub(super) struct Schema<'s>(pub &'s Value);

impl<'s> Schema<'s> {
    /// Returns the schema whose keyword a path names.
    pub(super) fn parent(&self, keyword: &str) -> &'s Value {
        let parent = &keyword[..keyword.rfind('/').unwrap_or(0)];
        self.0.pointer(parent).unwrap_or(&Value::Null)
    }

    /// Follows a reference.
    fn resolved(&self, schema: &'s Value) -> &'s Value {
        match schema["$ref"]
            .as_str()
            .and_then(|target| target.strip_prefix('#'))
        {
            Some(target) => self.0.pointer(target).unwrap_or(&Value::Null),
            None => schema,
        }
    }

    fn forms(schema: &Value) -> &[Value] {
        let forms = schema["anyOf"]
            .as_array()
            .or_else(|| schema["oneOf"].as_array());
        forms.map_or(&[], Vec::as_slice)
    }

    /// Returns one form of several.
    pub(super) fn branch(&self, schema: &'s Value, index: usize) -> &'s Value {
        Self::forms(schema)
            .get(index)
            .map_or(&Value::Null, |form| self.resolved(form))
    }

    /// Returns the keys a map may have.
    pub(super) fn keys(&self, schema: &'s Value) -> Vec<String> {
        let properties = self.resolved(schema)["properties"].as_object();
        properties
            .map(|it| it.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Returns what a schema says of a key.
    pub(super) fn about(schema: &Value, key: &str) -> Option<String> {
        let text = schema["properties"][key]["description"].as_str()?;
        Some(text.trim_end_matches('.').replace('\n', " "))
    }

    /// Returns the key that tells forms apart, if each has a constant under it.
    pub(super) fn tag(&self, schema: &'s Value) -> Option<String> {
        self.keys(self.branch(schema, 0))
            .into_iter()
            .find(|key| !self.constants(schema, key).is_empty())
    }

    /// Returns the constants of a key over all forms.
    pub(super) fn constants(&self, schema: &'s Value, key: &str) -> Vec<String> {
        let constant = |form: &'s Value| self.resolved(form)["properties"][key]["const"].as_str();
        let forms = Self::forms(schema).iter();
        forms.filter_map(constant).map(str::to_owned).collect()
    }

    /// Whether each form is a map of one key: a choice by key.
    pub(super) fn single_keys(&self, forms: &[&'s Value]) -> bool {
        forms.iter().all(|form| self.keys(form).len() == 1)
    }

    /// Whether a text fits, so that quotes may mend a number.
    pub(super) fn takes_text(&self, schema: &'s Value) -> bool {
        let schema = self.resolved(schema);
        let text = match &schema["type"] {
            Value::String(one) => one == "string",
            Value::Array(several) => several.iter().any(|one| one == "string"),
            _ => false,
        };
        let bound = ["const", "enum", "pattern", "format"];
        text && bound.iter().all(|key| schema.get(key).is_none())
            || Self::forms(schema).iter().any(|form| self.takes_text(form))
    }

    /// Returns what a schema wants, in words, and the plain words among them.
    pub(super) fn wanted(&self, schema: &'s Value) -> (Vec<String>, Vec<String>) {
        let (mut wanted, mut words) = (Vec::new(), Vec::new());
        self.collect(schema, &mut wanted, &mut words);
        (wanted, words)
    }

    fn collect(&self, schema: &'s Value, wanted: &mut Vec<String>, words: &mut Vec<String>) {
        let schema = self.resolved(schema);
        let mut add = |text: String| {
            if !wanted.contains(&text) {
                wanted.push(text);
            }
        };
        let plain = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        if let Some(examples) = schema["examples"].as_array() {
            let examples: Vec<String> = examples.iter().map(plain).collect();
            add(format!(
                "something like {}",
                super::suggest::either(&examples)
            ));
        } else if let Some(constant) = schema.get("const") {
            add(format!("`{}`", plain(constant)));
            words.push(plain(constant));
        } else if let Some(options) = schema["enum"].as_array() {
            for option in options.iter().filter(|option| !option.is_null()) {
                add(format!("`{}`", plain(option)));
                words.push(plain(option));
            }
        } else if Self::forms(schema).is_empty() {
            let types = match &schema["type"] {
                Value::String(one) => vec![one.as_str()],
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for name in types.into_iter().filter(|name| *name != "null") {
                add(Self::typed(name, schema));
            }
        } else {
            for form in Self::forms(schema) {
                self.collect(form, wanted, words);
            }
        }
    }

    fn typed(name: &str, schema: &Value) -> String {
        let bounds = match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
            (Some(least), None) if least > 0 => format!(" of at least {least}"),
            _ => String::new(),
        };
        match name {
            "string" if schema.get("minLength").is_some() => "a text that is not empty".into(),
            "string" => "a text".into(),
            "integer" => format!("a whole number{bounds}"),
            "number" => format!("a number{bounds}"),
            "boolean" => "true or false".into(),
            "array" => "a list".into(),
            _ => {
                let required = schema["required"].as_array();
                let keys: Vec<String> = required
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(|key| format!("`{key}`"))
                    .collect();
                match keys.as_slice() {
                    [] => "a map".into(),
                    keys => format!("a map with {}", keys.join(", ")),
                }
            }
        }
    }
}
