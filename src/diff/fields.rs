//! What differs between two configurations of a resource, path by path.

use serde_json::{Map, Value};

use crate::model::plan::FieldChange;

/// Keys that are one choice: they differ as a whole.
const CHOICES: [&str; 1] = ["to"];

/// Returns the leaves that differ, in the order of their paths.
pub fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = vec![];
    walk("", before, after, &mut changes);
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn walk(path: &str, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if !CHOICES.contains(&path) => {
            members(path, before, after, changes);
        }
        _ if before == after => {}
        _ => changes.push(FieldChange {
            path: path.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

fn members(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(added) {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let of = |members: &Map<String, Value>| members.get(key).cloned().unwrap_or(Value::Null);
        walk(&path, &of(before), &of(after), changes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_that_differ() {
        let found = changes(
            &json!({"a": 1, "b": {"c": [1], "d": 2}, "to": {"f": 1}}),
            &json!({"b": {"c": [2], "d": 2}, "e": true, "to": {"g": 1}}),
        );
        let found: Vec<_> = found
            .iter()
            .map(|change| (change.path.as_str(), &change.before, &change.after))
            .collect();
        assert_eq!(
            found,
            [
                ("a", &json!(1), &Value::Null),
                ("b.c", &json!([1]), &json!([2])),
                ("e", &Value::Null, &json!(true)),
                ("to", &json!({"f": 1}), &json!({"g": 1}))
            ]
        );
        assert!(changes(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}})).is_empty());
    }
}
