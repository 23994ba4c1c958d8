//! Rewrites forms told apart by one key, so that a value is held against the form it means and no other: what is
//! wrong is said once, and ten thousand wrong syncs cost no more than right ones. What is valid stays the same.

use serde_json::{Map, Value, json};

/// The key that tells forms apart.
const TAG: &str = "kind";

/// Returns a schema that accepts the same.
pub(super) fn dispatched(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        for definition in definitions.values_mut() {
            if let Some(rewritten) = rewritten(definition) {
                *definition = rewritten;
            }
        }
    }
    schema
}

fn rewritten(schema: &Value) -> Option<Value> {
    let (strict, forms) = match (schema["oneOf"].as_array(), schema["anyOf"].as_array()) {
        (Some(forms), _) => (true, forms),
        (_, Some(forms)) => (false, forms),
        _ => return None,
    };
    let (null, forms): (Vec<&Value>, Vec<&Value>) =
        forms.iter().partition(|form| form["type"] == "null");
    let tags: Option<Vec<&str>> = forms.iter().map(|form| tag(form)).collect();
    let tags = tags.filter(|tags| !tags.is_empty())?;
    let mut branches: Vec<Value> = forms
        .iter()
        .zip(&tags)
        .map(|(form, tag)| {
            let meant =
                json!({"type": "object", "required": [TAG], "properties": {TAG: {"const": tag}}});
            json!({"if": meant, "then": form})
        })
        .collect();
    let about = format!("one of {}", tags.join(", "));
    let mut whole = Map::new();
    let types = if null.is_empty() {
        json!("object")
    } else {
        json!(["object", "null"])
    };
    whole.insert("type".into(), types);
    whole.insert(
        "properties".into(),
        json!({TAG: {"enum": tags, "description": about}}),
    );
    if strict {
        whole.insert("required".into(), json!([TAG]));
    } else {
        let silent = json!({"type": "object", "not": {"required": [TAG]}});
        branches.push(json!({"if": silent, "then": {"anyOf": forms}}));
    }
    whole.insert("allOf".into(), Value::Array(branches));
    Some(Value::Object(whole))
}

fn tag(form: &Value) -> Option<&str> {
    form["properties"][TAG]["const"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_the_same() {
        let form = |tag: &str, key: &str| {
            json!({"type": "object", "additionalProperties": false, "required": ["kind", key],
                "properties": {"kind": {"const": tag}, key: {"type": "integer"}}})
        };
        let schema = json!({"$ref": "#/$defs/X", "$defs": {"X": {"oneOf": [form("a", "x"), form("b", "y")]}}});
        let before = jsonschema::validator_for(&schema).unwrap();
        let after = jsonschema::validator_for(&dispatched(&schema)).unwrap();
        for value in [
            json!({"kind": "a", "x": 1}),
            json!({"kind": "b", "y": 1}),
            json!({"kind": "a", "y": 1}),
            json!({"kind": "c"}),
            json!({"x": 1}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(before.is_valid(&value), after.is_valid(&value), "{value}");
        }
        assert_eq!(after.iter_errors(&json!({"kind": "a"})).count(), 1);
    }
}
