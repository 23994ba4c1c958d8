//! A filter in the words of Braze's segment builder, for `description` (braze.md 13.2). It must not be read back by anybody:
//! the exact words are not documented.

use serde_json::Value;

use super::audience::{Filter, Test, Whose};

/// Words a filter: `Amplitude Cohorts includes Lapsed AND NOT (Custom Attribute in_trial is true)`.
pub(super) fn worded(filter: &Filter) -> String {
    match filter {
        Filter::All(parts) => joined(parts, AND),
        Filter::Any(parts) => joined(parts, OR),
        Filter::None(parts) => format!("NOT ({})", joined(parts, OR)),
        Filter::Attribute(name, test) => format!("Custom Attribute {name} {}", tested(test)),
        Filter::Cohort { name, whose } => match whose {
            Whose::Amplitude => format!("Amplitude Cohorts includes {name}"),
            Whose::Any => format!("Cohorts includes {name}"),
            Whose::Of(partner) => format!("{} Cohorts includes {name}", capital(partner)),
        },
        Filter::Everybody => "All users".to_owned(),
        // No ids in a text that is shown around.
        Filter::Listed(ids) => format!("External User ID is any of {} values", ids.len()),
    }
}

const AND: &str = " AND ";
const OR: &str = " OR ";

/// Joins parts; what is joined by the other word goes into parentheses.
fn joined(parts: &[Filter], word: &'static str) -> String {
    if let [only] = parts {
        return worded(only);
    }
    let part = |filter: &Filter| match joins(filter) {
        Some(inner) if inner != word => format!("({})", worded(filter)),
        _ => worded(filter),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(word)
}

/// Returns the word that a filter's words are joined by: a group of one is what is in it.
fn joins(filter: &Filter) -> Option<&'static str> {
    match filter {
        Filter::All(parts) | Filter::Any(parts) if parts.len() == 1 => joins(&parts[0]),
        Filter::All(_) => Some(AND),
        Filter::Any(_) => Some(OR),
        _ => None,
    }
}

fn tested(test: &Test) -> String {
    let shown = |value: &Value| match value {
        Value::String(word) => word.clone(),
        value => value.to_string(),
    };
    match test {
        Test::Includes(value) => format!("includes value {}", shown(value)),
        Test::Lacks(value) => format!("does not include value {}", shown(value)),
        Test::Equals(value @ Value::Bool(_)) => format!("is {value}"),
        Test::Differs(value @ Value::Bool(_)) => format!("is not {value}"),
        Test::Equals(value) => format!("equals {}", shown(value)),
        Test::Differs(value) => format!("does not equal {}", shown(value)),
        Test::Exists(true) => "exists".to_owned(),
        Test::Exists(false) => "does not exist".to_owned(),
        Test::Above(limit) => format!("is greater than {limit}"),
        Test::Below(limit) => format!("is less than {limit}"),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_the_builder() {
        let lapsed = json!({"amplitude_cohort": "Lapsed"});
        let trial = json!({"attribute": "in_trial", "equals": true});
        let label = json!({"attribute": "cohorts", "includes_value": "Power Users"});
        for (filter, words) in [
            (lapsed.clone(), "Amplitude Cohorts includes Lapsed"),
            (
                json!({"cohort": "c", "partner": "acme"}),
                "Acme Cohorts includes c",
            ),
            (json!({"cohort": "c"}), "Cohorts includes c"),
            (
                label.clone(),
                "Custom Attribute cohorts includes value Power Users",
            ),
            (trial.clone(), "Custom Attribute in_trial is true"),
            (
                json!({"attribute": "a", "not_equal": false}),
                "Custom Attribute a is not false",
            ),
            (
                json!({"attribute": "a", "equals": "x y"}),
                "Custom Attribute a equals x y",
            ),
            (
                json!({"attribute": "a", "not_equal": 7}),
                "Custom Attribute a does not equal 7",
            ),
            (
                json!({"attribute": "a", "does_not_include_value": "x", "exists": true}),
                "Custom Attribute a does not include value x AND Custom Attribute a exists",
            ),
            (
                json!({"attribute": "a", "greater_than": 1, "less_than": 2.5}),
                "Custom Attribute a is greater than 1 AND Custom Attribute a is less than 2.5",
            ),
            (json!({"everybody": true}), "All users"),
            (
                json!({"external_ids": ["ann"]}),
                "External User ID is any of 1 values",
            ),
            (
                json!({"all_of": [lapsed, {"any_of": [trial, label]}], "none_of": [{"everybody": true}]}),
                "Amplitude Cohorts includes Lapsed AND (Custom Attribute in_trial is true OR \
                 Custom Attribute cohorts includes value Power Users) AND NOT (All users)",
            ),
            (
                json!({"any_of": [{"all_of": [{"any_of": [lapsed, trial]}]}, {"all_of": [label]}]}),
                "Amplitude Cohorts includes Lapsed OR Custom Attribute in_trial is true OR \
                 Custom Attribute cohorts includes value Power Users",
            ),
        ] {
            assert_eq!(worded(&Filter::read(&filter).unwrap()), words);
        }
    }
}
