//! Whole pieces that an editor offers while a file is written. They say nothing of what is right.

use serde_json::{Map, Value, json};

/// Whole pieces that an editor offers where it could not guess them: an entry under a name, a target with its key.
pub(super) fn offer(root: &mut Value, definitions: &mut Map<String, Value>) {
    let cohort = json!({"kind": "cohort", "cohort": "${2:Name in Amplitude}", "to": {"attribute_array": "${3:amplitude_cohorts}"}});
    let audience = json!({"cohort": "${2:Name in Amplitude}"});
    let property = json!({"from": "${3:plan_tier}", "to": "${4:plan_tier}", "as": "${5:string}"});
    let properties =
        json!({"kind": "user_property", "audience": audience, "properties": [property]});
    let computation = json!({"id": "${3:t14bqib}", "to": "${4:ltv}", "as": "${5:number}"});
    let computations =
        json!({"kind": "computation", "audience": audience, "computations": [computation]});
    let items = json!({"id": "${3:id}", "to": "${4:recommended}"});
    let recommendation =
        json!({"kind": "recommendation", "audience": audience, "recommendation": items});
    let entry = |label: &str, name: &str, body: &Value| json!({"label": label, "description": "An entry under a name of its own.", "body": {name: body}});
    root["properties"]["syncs"]["defaultSnippets"] = json!([
        entry(
            "a cohort of Amplitude in Braze",
            "${1:power-users}",
            &cohort
        ),
        entry(
            "user properties of Amplitude in Braze",
            "${1:plan-tier}",
            &properties
        ),
        entry(
            "a computation of Amplitude in Braze",
            "${1:ltv}",
            &computations
        ),
        entry(
            "a recommendation of Amplitude in Braze",
            "${1:for-you}",
            &recommendation
        ),
    ]);
    if let Some(target) = definitions.get_mut("Target") {
        let snippet = |key: &str, value: Value| {
            let forms = target["anyOf"].as_array().into_iter().flatten();
            let form = forms.filter(|form| form["title"] == key);
            let about: Vec<&Value> = form.map(|form| &form["description"]).collect();
            json!({"label": key, "description": about.first(), "body": {key: value}})
        };
        target["defaultSnippets"] = json!([
            snippet("attribute_array", json!("${1:amplitude_cohorts}")),
            snippet("attribute_flag", json!("${1:is_member}")),
            snippet("cohort_import", json!({"id": "${1:id}"})),
        ]);
    }
}
