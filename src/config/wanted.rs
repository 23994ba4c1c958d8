//! Reads a schema aloud: which keys it knows, what it wants where, in words for people.

use serde_json::Value;

use super::suggest::either;

/// A schema with its definitions.
pub(super) struct Schema(pub Value);

/// What a schema wants in one place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Each way to write it, for a sentence.
    pub forms: Vec<String>,
    /// The plain words among them.
    pub words: Vec<String>,
    /// What it may look like, where that says more than its type.
    pub examples: Vec<String>,
    /// Keys of the map that is wanted, if one is.
    pub keys: Vec<String>,
    /// The one key of each form that is a map of one key.
    pub single: Vec<String>,
    /// What each item wants, where a list is wanted.
    pub items: Option<Box<Wanted>>,
    /// The format a text has.
    pub format: Option<String>,
    /// Whether a text is wanted, and quotes would make one.
    pub text: bool,
}

impl Schema {
    /// Returns the schema whose keyword a path names.
    pub(super) fn parent(&self, keyword: &str) -> &Value {
        let parent = &keyword[..keyword.rfind('/').unwrap_or(0)];
        self.0.pointer(parent).unwrap_or(&Value::Null)
    }

    /// Follows a reference.
    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
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
    pub(super) fn branch<'s>(&'s self, schema: &'s Value, index: usize) -> &'s Value {
        Self::forms(schema)
            .get(index)
            .map_or(&Value::Null, |form| self.resolved(form))
    }

    /// Returns the keys a map may have.
    pub(super) fn keys(&self, schema: &Value) -> Vec<String> {
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

    /// Whether each form is a map of one key: a choice by key.
    pub(super) fn single_keys(&self, forms: &[&Value]) -> bool {
        forms.iter().all(|form| self.keys(form).len() == 1)
    }

    /// Returns the maps that a schema allows.
    fn maps<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = self.resolved(schema);
        let branches = schema["allOf"].as_array().into_iter().flatten();
        let branches = branches.map(|branch| &branch["then"]);
        let forms = Self::forms(schema).iter().chain(branches);
        let mut maps: Vec<&Value> = forms.flat_map(|form| self.maps(form)).collect();
        if schema["properties"].is_object() || schema["additionalProperties"].is_object() {
            maps.push(schema);
        }
        maps
    }

    /// Says where a key belongs that these maps at a path do not know, if it does anywhere near.
    pub(super) fn belongs(&self, path: &str, here: &[&Value], key: &str) -> Option<String> {
        let knows = |map: &&Value| map["properties"][key].is_object();
        let mut above: Vec<(String, Vec<&Value>)> = vec![("/".into(), self.maps(&self.0))];
        for part in path.split('/').skip(1) {
            let next = above.last()?.1.iter().filter_map(|map| {
                let child = [
                    &map["properties"][part],
                    &map["additionalProperties"],
                    &map["items"],
                ];
                child.into_iter().find(|schema| schema.is_object())
            });
            let next = next.flat_map(|schema| {
                let schema = self.resolved(schema);
                let mut maps = self.maps(schema);
                if schema["items"].is_object() {
                    maps.push(schema);
                }
                maps
            });
            let next = next.collect();
            above.push((part.replace("~1", "/").replace("~0", "~"), next));
        }
        if let Some([(_, beside), (child, _)]) = above.last_chunk()
            && child == "defaults"
            && self
                .below(beside, key)
                .is_some_and(|places| places.contains("`syncs`"))
        {
            return Some("each sync says its own".into());
        }
        if let Some(places) = self.below(here, key) {
            return Some(places);
        }
        let at = above.iter().rposition(|(_, maps)| maps.iter().any(knows))?;
        match above.get(at + 1) {
            _ if at == 0 => Some("it belongs at the top of a file".into()),
            Some((child, _)) => Some(format!("it belongs one level up, beside `{child}`")),
            None => None,
        }
    }

    /// Says under which keys of these maps another key belongs.
    fn below(&self, maps: &[&Value], key: &str) -> Option<String> {
        let mut places: Vec<String> = Vec::new();
        let properties = maps.iter().filter_map(|map| map["properties"].as_object());
        for (name, schema) in properties.flatten() {
            let schema = self.resolved(schema);
            let knows = |schema: &Value| {
                let maps = self.maps(schema);
                maps.iter().any(|map| map["properties"][key].is_object())
            };
            let place = if knows(&schema["items"]) {
                format!("in an item of `{name}`")
            } else if knows(&schema["additionalProperties"]) {
                format!("in an entry of `{name}`")
            } else if knows(schema) {
                format!("under `{name}`")
            } else {
                continue;
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        // The overlay of an environment says anything again.
        places.retain(|place| !place.contains("`environments`"));
        match places.as_slice() {
            [] => None,
            places => Some(format!("it belongs {}", either(places))),
        }
    }

    /// Returns what a schema wants.
    pub(super) fn wanted(&self, schema: &Value) -> Wanted {
        let mut wanted = Wanted {
            text: self.takes_text(schema),
            ..Wanted::default()
        };
        self.collect(schema, &mut wanted);
        wanted
    }

    /// Whether a text fits, so that quotes may mend a number.
    fn takes_text(&self, schema: &Value) -> bool {
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

    fn collect(&self, schema: &Value, wanted: &mut Wanted) {
        let schema = self.resolved(schema);
        let plain = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        if let Some(format) = schema["format"].as_str() {
            wanted.format = Some(format.to_owned());
        }
        if let Some(examples) = schema["examples"].as_array() {
            wanted.examples = examples.iter().map(plain).collect();
            wanted.add(format!("something like {}", either(&wanted.examples)));
        } else if let Some(constant) = schema.get("const") {
            wanted.add(format!("`{}`", plain(constant)));
            wanted.words.push(plain(constant));
        } else if let Some(options) = schema["enum"].as_array() {
            for option in options.iter().filter(|option| !option.is_null()) {
                wanted.add(format!("`{}`", plain(option)));
                wanted.words.push(plain(option));
            }
        } else if Self::forms(schema).is_empty() {
            let types = match &schema["type"] {
                Value::String(one) => vec![one.as_str()],
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for name in types.into_iter().filter(|name| *name != "null") {
                self.typed(name, schema, wanted);
            }
        } else {
            for form in Self::forms(schema) {
                self.collect(form, wanted);
            }
        }
    }

    fn typed(&self, name: &str, schema: &Value, wanted: &mut Wanted) {
        let bounds = match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
            (Some(least), None) if least > 0 => format!(" of at least {least}"),
            _ => String::new(),
        };
        if name == "array" {
            wanted.items = Some(Box::new(self.wanted(&schema["items"])));
        }
        let form = match name {
            "string" if schema["format"] == "date-time" => {
                "something like 2026-12-24T00:00:00Z".into()
            }
            "string" if schema.get("minLength").is_some() => "a text that is not empty".into(),
            "string" => "a text".into(),
            "integer" => format!("a whole number{bounds}"),
            "number" => format!("a number{bounds}"),
            "boolean" => "true or false".into(),
            "array" if schema.get("minItems").is_some() => "a list that is not empty".into(),
            "array" => "a list".into(),
            _ if schema["propertyNames"].is_object() => "a map of names".into(),
            _ => {
                let keys = self.keys(schema).into_iter();
                let new: Vec<String> = keys.filter(|key| !wanted.has(key)).collect();
                wanted.keys.extend(new);
                let required = schema["required"].as_array();
                let keys: Vec<&str> = required
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                if let ([one], 1) = (keys.as_slice(), self.keys(schema).len()) {
                    wanted.single.push((*one).to_owned());
                }
                match keys.as_slice() {
                    [] => "a map".into(),
                    keys => format!("`{{{}: …}}`", keys.join(": …, ")),
                }
            }
        };
        wanted.add(form);
    }
}

impl Wanted {
    fn add(&mut self, form: String) {
        if !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// Whether a map is wanted that may have a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }

    /// Whether one of the ways to write it begins so.
    pub(super) fn wants(&self, what: &str) -> bool {
        self.forms.iter().any(|form| form.starts_with(what))
    }
}
