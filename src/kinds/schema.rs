//! Composes the schema of a whole configuration from the top level and the kinds.
//! It adds no rule of its own; `schema/syncform.schema.json` is its output.

mod offer;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use self::offer::offer;
use super::registry::{KindEntry, REGISTRY, Section};
use crate::config::{File, Settings};

/// Names of resources and environments.
const NAME: &str = "^[a-z0-9][a-z0-9_-]*$";

/// The same for people.
const NAME_IN_WORDS: &str = "A name is lower case: letters, digits, - and _, such as power-users.";

/// What an overlay of an environment may not say: it belongs to the file.
const NOT_IN_OVERLAYS: [&str; 2] = ["version", "environments"];

/// Returns the schema of a configuration file.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let settings = Settings::json_schema(&mut generator).to_value();
    let mut root = File::json_schema(&mut generator).to_value();
    let mut definitions = Map::new();
    for section in [
        Section::Syncs,
        Section::Segments,
        Section::Cohorts,
        Section::Destinations,
    ] {
        let kinds = REGISTRY.iter().filter(|kind| kind.section == section);
        let name = definition(section);
        definitions.insert(
            name.into(),
            entries(section, kinds, &settings, &mut generator),
        );
        by_name(&mut root, section.key(), name);
    }
    by_name(&mut root, "environments", "Overlay");
    definitions.extend(generator.take_definitions(true));
    close(&mut definitions);
    tidy(&mut root);
    definitions.values_mut().for_each(tidy);

    definitions.values_mut().for_each(titled);
    offer(&mut root, &mut definitions);

    let overlay = overlay(&root, &definitions);
    definitions.extend(overlay);
    definitions.sort_keys();
    let mut whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Syncform configuration",
    });
    if let (Some(whole), Value::Object(root)) = (whole.as_object_mut(), root) {
        whole.extend(root);
        whole.insert("$defs".into(), Value::Object(definitions));
    }
    whole
}

const fn definition(section: Section) -> &'static str {
    match section {
        Section::Syncs => "Sync",
        Section::Segments => "Segment",
        Section::Cohorts => "Cohort",
        Section::Destinations => "Destination",
    }
}

/// The schema of one entry: of a sync one branch a kind, told apart by `kind`.
fn entries<'a>(
    section: Section,
    kinds: impl Iterator<Item = &'a KindEntry>,
    settings: &Value,
    generator: &mut SchemaGenerator,
) -> Value {
    let mut branches: Vec<Value> = kinds
        .map(|kind| {
            let own = (kind.schema)(generator).to_value();
            match section {
                Section::Syncs => sync(kind.name, own, settings),
                Section::Segments => joined(own, settings),
                Section::Cohorts | Section::Destinations => closed(own),
            }
        })
        .collect();
    if section == Section::Syncs {
        json!({"description": "One sync: what is moved is its `kind`.", "oneOf": branches})
    } else {
        branches.pop().unwrap_or_default()
    }
}

/// Joins an entry's own keys with those that every sync takes.
fn joined(own: Value, settings: &Value) -> Value {
    let mut schema = closed(own);
    let own = schema["properties"].as_object().cloned();
    let mut properties = own.unwrap_or_default();
    properties.extend(
        settings["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default(),
    );
    schema["properties"] = Value::Object(properties);
    schema
}

/// Joins a kind's own keys with its name, and with those that every sync takes.
fn sync(kind: &str, own: Value, settings: &Value) -> Value {
    let mut schema = joined(own, settings);
    let mut properties = Map::new();
    let about = schema["description"].as_str().unwrap_or_default();
    let description = format!("What is moved: {kind}. {about}");
    schema["title"] = json!(format!("kind: {kind}"));
    properties.insert(
        "kind".into(),
        json!({"description": description, "type": "string", "const": kind}),
    );
    properties.extend(
        schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default(),
    );
    schema["properties"] = Value::Object(properties);
    let mut required = vec![json!("kind")];
    required.extend(schema["required"].as_array().cloned().unwrap_or_default());
    schema["required"] = Value::Array(required);
    schema
}

fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = Value::Bool(false);
    schema
}

/// Makes a top-level key a map from names to a definition.
fn by_name(root: &mut Value, key: &str, definition: &str) {
    let slot = &mut root["properties"][key];
    *slot = json!({
        "description": slot["description"],
        "type": ["object", "null"],
        "propertyNames": {"pattern": NAME, "patternErrorMessage": NAME_IN_WORDS},
        "additionalProperties": {"$ref": format!("#/$defs/{definition}")},
    });
}

/// `Settings` stands open in Rust, since entries flatten it; as `defaults` it is closed.
fn close(definitions: &mut Map<String, Value>) {
    if let Some(settings) = definitions.get_mut("Settings") {
        settings["additionalProperties"] = Value::Bool(false);
    }
}

/// Takes out what says nothing: defaults of null, and the widths of Rust's numbers.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| {
                let width =
                    key == "format" && value.as_str().is_some_and(|it| it.starts_with("uint"));
                !(width || key == "default" && value.is_null())
            });
            map.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Gives titles to what has several forms: an editor shows the one that was chosen, and under which title. A map among the
/// forms is called by its keys.
fn titled(definition: &mut Value) {
    for keyword in ["oneOf", "anyOf"] {
        let Some(forms) = definition.get_mut(keyword).and_then(Value::as_array_mut) else {
            continue;
        };
        for form in forms {
            let keys = form["required"].as_array().into_iter().flatten();
            let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
            if form.get("title").is_none() && !keys.is_empty() {
                form["title"] = json!(keys.join(", "));
            }
        }
        let about = definition["description"].as_str().unwrap_or_default();
        let title = about.split(['.', ':']).next().unwrap_or_default();
        if !title.is_empty() {
            definition["title"] = json!(title);
        }
        return;
    }
}

/// Derives the overlay of an environment: every definition again, with nothing required and null allowed.
fn overlay(root: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = root.clone();
    if let Some(properties) = whole["properties"].as_object_mut() {
        properties.retain(|key, _| !NOT_IN_OVERLAYS.contains(&key.as_str()));
    }
    whole["description"] = json!("What an environment says otherwise.");
    let mut overlays = Map::new();
    overlays.insert("Overlay".into(), loosened(&whole));
    for (name, definition) in definitions {
        overlays.insert(format!("Overlay.{name}"), loosened(definition));
    }
    overlays
}

fn loosened(schema: &Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema.clone();
    };
    let mut loose = Map::new();
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("required" | "default" | "defaultSnippets" | "if" | "then", _) => {}
            ("$ref", Value::String(target)) => {
                let target = target.replace("#/$defs/", "#/$defs/Overlay.");
                loose.insert(key.clone(), Value::String(target));
            }
            ("type", Value::String(one)) if one != "null" => {
                loose.insert(key.clone(), json!([one, "null"]));
            }
            ("enum", Value::Array(options)) if !options.contains(&Value::Null) => {
                let mut options = options.clone();
                options.push(Value::Null);
                loose.insert(key.clone(), Value::Array(options));
            }
            ("oneOf" | "anyOf", Value::Array(branches)) => {
                let null = json!({"type": "null"});
                let mut branches: Vec<Value> = branches.iter().map(loosened).collect();
                if !branches.contains(&null) {
                    branches.push(null);
                }
                loose.insert("anyOf".into(), Value::Array(branches));
            }
            ("properties", Value::Object(properties)) => {
                let properties = properties
                    .iter()
                    .map(|(name, schema)| (name.clone(), loosened(schema)));
                loose.insert(key.clone(), Value::Object(properties.collect()));
            }
            ("items" | "additionalProperties", schema) => {
                loose.insert(key.clone(), loosened(schema));
            }
            _ => {
                loose.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(loose)
}
